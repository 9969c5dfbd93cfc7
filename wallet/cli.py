"""``warifu wallet``: every use case for scripts and for people without a full screen.

Data goes to standard output, talk to standard error. ``--json`` prints one JSON
value. Exit codes: 0 done, 1 error, 2 declined, 3 bad input, 4 locked, 5 not trusted,
6 network.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ssi.encoding import JSON, canonical_json
from ssi.errors import (
    ConsentDeclined,
    Locked,
    Malformed,
    Rejected,
    SSIError,
    Unavailable,
    WrongPassphrase,
)
from wallet.advice import MAYBE_SHARED, NOTHING_SHARED, explain
from wallet.labels import Words

EXIT_OK, EXIT_ERROR, EXIT_DECLINED, EXIT_INPUT = 0, 1, 2, 3
EXIT_LOCKED, EXIT_UNTRUSTED, EXIT_NETWORK = 4, 5, 6

_INPUT_CODES = (
    "input.",
    "link.",
    "config.",
    "request.link",
    "issuance.offer_malformed",
    "issuance.tx_code_",
)
_LOCKED_CODES = ("keystore.", "wallet.locked")
_UNTRUSTED_CODES = ("request.", "issuance.", "name.", "fetch.blocked")

# name, help in Japanese, help in English, the words of an example
_COMMANDS: tuple[tuple[str, str, str, str], ...] = (
    (
        "init",
        "新しいウォレットを作ります",
        "make a new wallet",
        "--genesis genesis.json --node https://node1.example --mailbox https://box.example",
    ),
    ("status", "状態を示します", "tell the wallet's state", "--json"),
    (
        "offer",
        "発行の案内を受け取ります",
        "accept a credential offer",
        "'openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fkyc.example%2Foffers%2F7'",
    ),
    ("credentials", "証明の一覧", "list credentials", ""),
    ("delete", "証明を削除します", "delete credentials and their keys", "kJq2m7xV.0"),
    (
        "review",
        "依頼の内容を確かめます（何も送りません）",
        "look at a request; nothing is sent",
        "'openid4vp://?client_id=x509_hash%3AAbC&request_uri=https%3A%2F%2Ffirm.example%2Fr%2F7'",
    ),
    ("present", "依頼に答えて共有します", "answer a request", "- --updates"),
    ("decline", "依頼を断ります", "decline a request", "-"),
    ("consents", "同意の一覧", "list consents", ""),
    (
        "withdraw",
        "同意を取り下げます",
        "take a consent back",
        "urn:uuid:6f1c2c1e-8a1d-4d39-9a55-0d7f9a4b2c11",
    ),
    (
        "move",
        "引っ越しを登録します",
        "note a change of address",
        "--moved-on 2026-04-01 --address-file new-address.json",
    ),
    (
        "undo",
        "引っ越しの登録を取り消します",
        "take a change of address back",
        "urn:uuid:6f1c2c1e-8a1d-4d39-9a55-0d7f9a4b2c11",
    ),
    (
        "attest",
        "証明付きの住所で送り直します",
        "send a move again, vouched for by the issuer",
        "urn:uuid:6f1c2c1e-8a1d-4d39-9a55-0d7f9a4b2c11",
    ),
    ("sync", "送信し、返事を受け取ります", "send what is due and fetch the answers", ""),
    ("address", "どの事業者がどの住所を持つか", "who has which address", ""),
    ("history", "履歴", "what happened", "--limit 20"),
    (
        "rights",
        "開示・訂正・消去などを求めます",
        "demand disclosure, correction or erasure",
        "urn:uuid:6f1c2c1e-8a1d-4d39-9a55-0d7f9a4b2c11 disclose",
    ),
    ("tui", "画面を開きます", "open the full-screen wallet", ""),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the wallet's commands to a parser."""
    _common(parser, top=True)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, ja, en, example in _COMMANDS:
        sub = commands.add_parser(
            name, help=f"{en} / {ja}", epilog=f"warifu wallet {name} {example}".rstrip()
        )
        _common(sub, top=False)
        _ARGUMENTS.get(name, _no_arguments)(sub)


def run(args: argparse.Namespace) -> int:
    """Run one command and return its exit code."""
    from wallet.commands import COMMANDS  # noqa: PLC0415 - `--help` must not load the kernel
    from wallet.console import Console  # noqa: PLC0415 - as above

    lang = _language(args)
    command = args.command or "tui"
    try:
        if command == "tui":
            from wallet import passphrase  # noqa: PLC0415 - as console
            from wallet.tui.app import run_app  # noqa: PLC0415 - Textual costs half a second

            handed = passphrase.has_source(args.passphrase_fd)
            words = passphrase.read(args.passphrase_fd, lang) if handed else None
            return run_app(_home(args), lang=lang, passphrase=words)
        return COMMANDS[command](Console(args=args, home=_home(args), lang=lang))
    except SSIError as error:
        return report(error, lang, as_json=args.json)


def report(error: SSIError, lang: str, *, as_json: bool, shared: Words = NOTHING_SHARED) -> int:
    """Tell a person or a program about an error and return the exit code."""
    told = explain(error, lang, shared=shared)
    if as_json:
        emit(
            {
                "error": {
                    "code": told.code,
                    "fact": str(error),
                    "happened": told.happened,
                    "shared": shared is MAYBE_SHARED,
                    "next": told.next_step,
                }
            }
        )
    else:
        sys.stderr.write("\n".join(told.lines()) + "\n")
    return exit_code(error)


def exit_code(error: SSIError) -> int:
    """Return the exit code for an error."""
    code = error.code
    if isinstance(error, ConsentDeclined):
        return EXIT_DECLINED
    if isinstance(error, Unavailable):
        return EXIT_NETWORK
    if isinstance(error, Locked | WrongPassphrase) or code.startswith(_LOCKED_CODES):
        return EXIT_LOCKED
    if code.startswith(_INPUT_CODES) or (isinstance(error, Malformed) and code == "json.malformed"):
        return EXIT_INPUT
    if isinstance(error, Rejected) or code.startswith(_UNTRUSTED_CODES):
        return EXIT_UNTRUSTED
    return EXIT_ERROR


def emit(value: JSON) -> None:
    """Print one JSON value to standard output."""
    sys.stdout.write(canonical_json(value).decode() + "\n")


# --- arguments --------------------------------------------------------------


def _common(parser: argparse.ArgumentParser, *, top: bool) -> None:
    missing = None if top else argparse.SUPPRESS
    parser.add_argument(
        "--json",
        action="store_true",
        default=False if top else missing,
        help="one JSON line / 一行の JSON で出力",
    )
    parser.add_argument(
        "--lang",
        choices=("ja", "en"),
        default=missing,
        help="the language of the output / 出力の言語",
    )
    parser.add_argument(
        "--home",
        type=Path,
        default=missing,
        help="the wallet's folder; else WARIFU_HOME, ~/.warifu"
        " / ウォレットのフォルダー（なければ WARIFU_HOME、~/.warifu）",
    )
    parser.add_argument(
        "--passphrase-fd",
        type=int,
        default=missing,
        metavar="N",
        help="read the passphrase there, do not ask; WARIFU_PASSPHRASE_FILE names a file"
        " / パスフレーズを読む記述子の番号（ファイルは WARIFU_PASSPHRASE_FILE で示します）",
    )


def _no_arguments(_parser: argparse.ArgumentParser) -> None:
    return


def _init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--genesis", help="the chain's genesis file / 台帳の創世ファイル")
    parser.add_argument(
        "--node",
        action="append",
        default=[],
        metavar="URL",
        help="a node (repeatable) / ノードの URL（繰り返せます）",
    )
    parser.add_argument("--mailbox", help="the PO box operator's URL / 電子私書箱の URL")
    parser.add_argument(
        "--loopback",
        action="store_true",
        help="allow http to this machine / この端末への http を許します",
    )
    parser.add_argument(
        "--undo-seconds", type=int, help="how long a move can be undone / 引っ越しを取り消せる秒数"
    )


def _offer(parser: argparse.ArgumentParser) -> None:
    _link(parser)
    parser.add_argument(
        "--tx-code",
        help="the one-time code; asked for when absent / 確認コード（なければ尋ねます）",
    )
    parser.add_argument(
        "--tx-code-fd",
        type=int,
        metavar="N",
        help="read the code there / 確認コードを読む記述子の番号",
    )


def _link(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("link", help="the link, or - for standard input / リンク（- は標準入力）")


def _present(parser: argparse.ArgumentParser) -> None:
    _link(parser)
    parser.add_argument(
        "--yes", action="store_true", help="agree without being asked / 尋ねずに共有します"
    )
    parser.add_argument(
        "--updates", action="store_true", help="also send later moves / 今後の引っ越しも知らせます"
    )


def _batch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "batch", help="its name (see: credentials) / 証明の名前（credentials を参照）"
    )
    parser.add_argument(
        "--yes", action="store_true", help="delete without being asked / 尋ねずに削除します"
    )


def _record(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("record", help="record id (see: consents) / 同意の番号（consents を参照）")


def _move(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--moved-on", required=True, metavar="YYYY-MM-DD", help="the day of the move / 異動日"
    )
    parser.add_argument(
        "--address-file",
        help="JSON {postal_code, region, locality, street_address}; - for standard input"
        " / 住所の JSON ファイル（- は標準入力、なければ尋ねます）",
    )
    parser.add_argument(
        "--reason",
        default="move",
        choices=("move", "correction", "municipal_renaming", "land_renumbering", "temporary"),
        help="why the address changes / 住所が変わる理由",
    )


def _event(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("event", help="event id (see: move) / 引っ越しの番号（move を参照）")


def _history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=100, help="how many lines / 行数")
    parser.add_argument("--forget", action="store_true", help="delete the log / 履歴を消します")


def _rights(parser: argparse.ArgumentParser) -> None:
    _record(parser)
    parser.add_argument(
        "right",
        choices=("disclose", "correct", "stop_use", "stop_provision", "erase"),
        help="what is demanded / 求めること",
    )


_ARGUMENTS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "init": _init,
    "offer": _offer,
    "delete": _batch,
    "review": _link,
    "present": _present,
    "decline": _link,
    "withdraw": _record,
    "move": _move,
    "undo": _event,
    "attest": _event,
    "history": _history,
    "rights": _rights,
}


def _home(args: argparse.Namespace) -> Path:
    from wallet.config import default_home  # noqa: PLC0415 - as above

    return args.home.expanduser().absolute() if args.home else default_home().absolute()


def _language(args: argparse.Namespace) -> str:
    if args.lang:
        return str(args.lang)
    return "ja" if _wants_japanese(os.environ) else "en"


def _wants_japanese(environ: Mapping[str, str]) -> bool:
    named = environ.get("WARIFU_LANG") or environ.get("LC_ALL") or environ.get("LANG", "")
    return named.startswith("ja")
