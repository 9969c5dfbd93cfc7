"""``warifu firm``: set a firm up, or serve one of the demo's."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from warifu.demo import cast

OK, BAD_INPUT = 0, 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    from verifier_sdk.profiles import BY_CODE  # noqa: PLC0415 - only this command pays for it

    actions = parser.add_subparsers(dest="action", required=True)
    init = actions.add_parser(
        "init",
        help="write a firm's keys, settings and what the register needs"
        " / 事業者の鍵と設定と登録の内容を作ります",
        epilog="warifu firm init firm --id minpaku-one --name 民泊ワン 'Minpaku One'"
        " --corporate-number 7000012050002 --contact privacy@firm.example"
        " --url https://firm.example/kyc --profile minpaku_guest"
        " --genesis genesis.json --node https://node1.example --mailbox https://box.example",
    )
    init.add_argument("folder", type=Path, help="a new folder / 新しいフォルダー")
    init.add_argument("--id", required=True, help="your id in the register / 台帳での ID")
    init.add_argument(
        "--name", required=True, nargs=2, metavar=("JA", "EN"), help="your names / 名称（日・英）"
    )
    init.add_argument(
        "--corporate-number", required=True, metavar="N", help="13 digits / 法人番号（13 桁）"
    )
    init.add_argument(
        "--contact", required=True, help="where people ask about their data / 個人情報の窓口"
    )
    init.add_argument(
        "--url", required=True, help="where the blueprint is mounted / blueprint を置く URL"
    )
    init.add_argument(
        "--profile",
        required=True,
        action="append",
        choices=sorted(BY_CODE),
        help="what you ask for (repeatable) / 求める内容（繰り返せます）",
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
        "--mailbox", metavar="URL", help="the PO box, to hear of moves / 引っ越しを知る私書箱"
    )
    init.add_argument(
        "--loopback", action="store_true", help="a network on this machine / この端末だけの通信"
    )
    command = actions.add_parser(
        "serve",
        help="serve one of the demo's firms / 実演の事業者を動かします",
        epilog="warifu firm serve --home demo/network/firms/musubi-minpaku",
    )
    command.add_argument(
        "--home", type=Path, required=True, help="the firm's folder / 事業者のフォルダー"
    )


def run(args: argparse.Namespace) -> int:
    """Set up, or serve the firm whose folder it is."""
    return _init(args) if args.action == "init" else _serve(args.home)


def _init(args: argparse.Namespace) -> int:
    from ssi.errors import Malformed  # noqa: PLC0415 - as above
    from ssi.sharing_terms import LocalText  # noqa: PLC0415
    from verifier_sdk.profiles import BY_CODE  # noqa: PLC0415
    from warifu.new_firm import ACTIONS, SETTINGS, NewFirm, set_up  # noqa: PLC0415

    folder: Path = args.folder
    firm = NewFirm(
        verifier_id=args.id,
        name=LocalText(ja=args.name[0], en=args.name[1]),
        corporate_number=args.corporate_number,
        contact=args.contact,
        base_url=args.url.rstrip("/"),
        profiles=[BY_CODE[code] for code in dict.fromkeys(args.profile)],
        genesis=args.genesis,
        nodes=args.node,
        mailbox=args.mailbox,
        loopback=args.loopback,
    )
    try:
        set_up(folder, firm, now=datetime.now(UTC))
    except FileExistsError as error:
        raise Malformed(f"{folder} is there already", code="config.exists") from error
    except ValueError as error:
        raise Malformed(str(error), code="config.malformed") from error
    told = {"settings": str(folder / SETTINGS), "register": str(folder / ACTIONS)}
    sys.stdout.write(json.dumps(told) + "\n")
    return OK


def _serve(home: Path) -> int:
    from verifier_sdk import VerifierConfig  # noqa: PLC0415 - as above
    from warifu.demo.firms import open_firm  # noqa: PLC0415
    from warifu.serving import serve  # noqa: PLC0415

    role = next((firm for firm in cast.FIRMS if firm.id == home.name), None)
    if role is None:
        sys.stderr.write("warifu firm: the folder is none of the demo's firms\n")
        return BAD_INPUT
    port = urlsplit(VerifierConfig.load(home / "verifier.toml").base_url).port or 80
    serve(lambda: open_firm(role, home), host="127.0.0.1", port=port)
    return OK
