"""Setting a mailbox up, counting what it holds, giving firms their boxes."""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from postbox.boxes import grant_firm_box
from postbox.config import Config
from postbox.ledger import active_firm
from postbox.page import count
from postbox.wiring import open_services
from ssi.encoding import b64url_encode, canonical_json
from ssi.files import read_secret
from ssi.keys import Alg, SoftwareSigner

OK, BAD_INPUT = 0, 3
_PRIVATE = 0o600


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the sub-commands that need no server."""
    init = commands.add_parser(
        "init",
        help="write settings and keys into a new folder / 設定と鍵を新しいフォルダーに作ります",
        epilog="warifu mailbox init box --url https://box.example --operator yubin-box"
        " --genesis genesis.json --node https://node1.example",
    )
    init.add_argument("folder", type=Path, help="a new folder / 新しいフォルダー")
    init.add_argument(
        "--url",
        required=True,
        help="public base URL, as firms' records name it / 公開 URL（事業者の記録と同じもの）",
    )
    init.add_argument(
        "--operator",
        required=True,
        help="the operator's account on the chain / 台帳での運営者の ID",
    )
    init.add_argument(
        "--genesis", required=True, type=Path, help="the chain's genesis file / 台帳の創世ファイル"
    )
    init.add_argument(
        "--node",
        required=True,
        action="append",
        metavar="URL",
        help="a node (repeatable) / ノードの URL（繰り返せます）",
    )
    init.add_argument(
        "--loopback", action="store_true", help="a network on this machine / この端末だけの通信"
    )
    for name, text, example in (
        (
            "status",
            "print how much it holds / 預かっている量を示します",
            "warifu mailbox status --config box/mailbox.toml",
        ),
        (
            "add-box",
            "give a registered firm its box and print the token / 事業者に私書箱を割り当てます",
            "warifu mailbox add-box --verifier minpaku-one --config box/mailbox.toml",
        ),
    ):
        command = commands.add_parser(name, help=text, epilog=example)
        command.add_argument(
            "--config",
            type=Path,
            default=Path("mailbox.toml"),
            help="the settings; mailbox.toml when absent / 設定ファイル（なければ mailbox.toml）",
        )
        if name == "add-box":
            command.add_argument(
                "--verifier", required=True, help="the firm's id on the chain / 台帳での事業者の ID"
            )


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    if args.action == "init":
        return _init(args)
    try:
        config = Config.load(args.config)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{args.config}: {error}\n")
        return BAD_INPUT
    actions: dict[str, Callable[[Config, argparse.Namespace], int]] = {
        "status": _status,
        "add-box": _add_box,
    }
    return actions[args.action](config, args)


def _init(args: argparse.Namespace) -> int:
    folder: Path = args.folder
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "mailbox.toml"
    if settings.exists():
        sys.stderr.write(f"{settings} is there already\n")
        return BAD_INPUT
    for name in ("operator.key", "mailbox.secret"):
        _write_private(folder / name, b64url_encode(secrets.token_bytes(32)) + "\n")
    lines = {
        "url": args.url,
        "operator_id": args.operator,
        "operator_key": "operator.key",
        "secret": "mailbox.secret",
        "genesis": str(args.genesis.absolute()),
        "nodes": args.node,
        "loopback": args.loopback,
    }
    # JSON strings, arrays of strings and booleans are TOML as well.
    settings.write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in lines.items()), "utf-8")
    Config.load(settings)
    signer = SoftwareSigner.from_secret(Alg.EDDSA, read_secret(folder / "operator.key"))
    sys.stdout.write(canonical_json(signer.public_key.to_jwk()).decode() + "\n")
    return OK


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(text)


def _status(config: Config, _args: argparse.Namespace) -> int:
    services = open_services(config)
    services.db.migrate()
    counts = count(services.db)
    for name in counts.__slots__:
        sys.stdout.write(f"{name} {getattr(counts, name)}\n")
    services.db.close()
    return OK


def _add_box(config: Config, args: argparse.Namespace) -> int:
    services = open_services(config)
    services.db.migrate()
    now = services.clock()
    record = active_firm(services.ledger, args.verifier, now)
    opened = grant_firm_box(services, record, now=now)
    sys.stdout.write(f"box {opened.box}\ntoken {opened.token}\n")
    services.db.close()
    return OK
