"""``warifu firm``: serve one of the demo's firms."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from warifu.demo import cast
from warifu.serving import serve

BAD_INPUT = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    command = actions.add_parser(
        "serve",
        help="serve over HTTP / HTTP で動かします",
        epilog="warifu firm serve --home demo/network/firms/musubi-minpaku",
    )
    command.add_argument(
        "--home", type=Path, required=True, help="the firm's folder / 事業者のフォルダー"
    )


def run(args: argparse.Namespace) -> int:
    """Serve the firm whose folder it is."""
    from verifier_sdk import VerifierConfig  # noqa: PLC0415 - only this command pays for it
    from warifu.demo.firms import open_firm  # noqa: PLC0415

    home: Path = args.home
    role = next((firm for firm in cast.FIRMS if firm.id == home.name), None)
    if role is None:
        sys.stderr.write("warifu firm: the folder is none of the demo's firms\n")
        return BAD_INPUT
    port = urlsplit(VerifierConfig.load(home / "verifier.toml").base_url).port or 80
    serve(lambda: open_firm(role, home), host="127.0.0.1", port=port)
    return 0
