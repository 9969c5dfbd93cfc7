"""Say what is wrong with an installation or a running network, and how to mend it.

Each check is one function that yields findings. A check never repairs anything
and never prints a secret or a resident's datum.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from ssi.errors import Unavailable
from warifu.lang import language

MINIMUM_PYTHON = (3, 11)
FREE_BYTES = 200 * 1024 * 1024
COLUMNS = 40
# Versions below these have known holes in what we rely on.
FLOORS = {
    "cryptography": (50,),
    "pynacl": (1, 6, 2),
    "werkzeug": (3, 1, 9),
    "pillow": (13,),
    "textual": (8, 2, 8),
    "urllib3": (2, 8),
}
PART_OF = {"werkzeug": "issuer", "pillow": "issuer", "textual": "wallet"}


class Level(StrEnum):
    """How bad a finding is."""

    GOOD = "ok"
    ADVICE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at: what we saw, and how to mend it when it is wrong."""

    level: Level
    topic: str
    ja: str
    en: str
    mend_ja: str = ""
    mend_en: str = ""

    def lines(self, lang: str) -> list[str]:
        """Return the lines a person reads."""
        mark = {Level.GOOD: "[済]", Level.ADVICE: "[注]", Level.BAD: "[否]"}[self.level]
        if lang != "ja":
            mark = f"[{self.level.value}]"
        seen, mend = (self.ja, self.mend_ja) if lang == "ja" else (self.en, self.mend_en)
        return [f"{mark} {self.topic}: {seen}", *([f"     -> {mend}"] if mend else [])]


Check = Callable[[], Iterator[Finding]]


def check_python() -> Iterator[Finding]:
    """Look at the interpreter."""
    version = platform.python_version()
    if sys.version_info >= MINIMUM_PYTHON:
        yield Finding(level=Level.GOOD, topic="Python", ja=version, en=version)
    else:
        yield Finding(
            level=Level.BAD,
            topic="Python",
            ja=f"{version} は古すぎます",
            en=f"{version} is too old",
            mend_ja="Python 3.11 以上で make setup をやり直してください",
            mend_en="run make setup again with Python 3.11 or newer",
        )


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version.

    >>> _numbers("3.1.9.post1")
    (3, 1, 9)
    """
    numbers = []
    for part in version.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)


def check_packages() -> Iterator[Finding]:
    """Look at the libraries against the versions without known holes."""
    for name, floor in FLOORS.items():
        wanted = ".".join(map(str, floor))
        extra = PART_OF.get(name)
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding(
                level=Level.ADVICE if extra else Level.BAD,
                topic=name,
                ja="入っていません",
                en="not installed",
                mend_ja=f"pip install 'warifu[{extra or 'all'}]'",
                mend_en=f"pip install 'warifu[{extra or 'all'}]'",
            )
            continue
        if _numbers(version) < floor:
            yield Finding(
                level=Level.BAD,
                topic=name,
                ja=f"{version} には既知の欠陥があります（{wanted} 以上が必要）",
                en=f"{version} has known holes ({wanted} or newer is needed)",
                mend_ja="make setup をやり直してください",
                mend_en="run make setup again",
            )
        else:
            yield Finding(level=Level.GOOD, topic=name, ja=version, en=version)


def check_vault_engine() -> Iterator[Finding]:
    """Look whether the wallet's encrypted database works here."""
    if importlib.util.find_spec("sqlcipher3") is None:
        yield Finding(
            level=Level.ADVICE,
            topic="SQLCipher",
            ja="入っていません（ウォレットに必要です）",
            en="not installed (the wallet needs it)",
            mend_ja="pip install 'warifu[wallet]'",
            mend_en="pip install 'warifu[wallet]'",
        )
        return
    from sqlcipher3 import dbapi2  # noqa: PLC0415 - an optional part

    connection = dbapi2.connect(":memory:")
    try:
        row = connection.execute("PRAGMA cipher_version").fetchone()
    finally:
        connection.close()
    if row and row[0]:
        yield Finding(level=Level.GOOD, topic="SQLCipher", ja=str(row[0]), en=str(row[0]))
    else:
        yield Finding(
            level=Level.BAD,
            topic="SQLCipher",
            ja="暗号化が働きません",
            en="does not encrypt",
            mend_ja="sqlcipher3 を入れ直してください（make setup）",
            mend_en="reinstall sqlcipher3 (make setup)",
        )


def check_machine() -> Iterator[Finding]:
    """Look at the disk, the file modes and the terminal."""
    free = shutil.disk_usage(Path.cwd()).free
    megabytes = f"{free // (1024 * 1024):,} MiB"
    if free < FREE_BYTES:
        yield Finding(
            level=Level.BAD,
            topic="disk",
            ja=f"空きが {megabytes} しかありません",
            en=f"only {megabytes} free",
            mend_ja="空きを増やしてください。台帳は満杯になると書き込みを止めます",
            mend_en="free some space: a node stops writing when the disk is full",
        )
    else:
        yield Finding(level=Level.GOOD, topic="disk", ja=megabytes, en=megabytes)
    yield Finding(
        level=Level.GOOD, topic="SQLite", ja=sqlite3.sqlite_version, en=sqlite3.sqlite_version
    )
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        yield Finding(
            level=Level.ADVICE,
            topic="terminal",
            ja="文字コードが UTF-8 ではありません",
            en="the encoding is not UTF-8",
            mend_ja="LANG=ja_JP.UTF-8（または C.UTF-8）を設定してください",
            mend_en="set LANG=C.UTF-8",
        )
    if shutil.get_terminal_size().columns < COLUMNS:
        yield Finding(
            level=Level.ADVICE,
            topic="terminal",
            ja="幅が 40 桁より狭いです",
            en="narrower than 40 columns",
            mend_ja="ウィンドウを広げてください",
            mend_en="widen the window",
        )


def check_cometbft() -> Iterator[Finding]:
    """Look for the program that a network of several validators needs."""
    from registry_chain.engines.cometbft.binary import PINNED, find_binary  # noqa: PLC0415

    try:
        found = find_binary()
    except Unavailable as error:
        old = error.code == "cometbft.version"
        yield Finding(
            level=Level.BAD if old else Level.ADVICE,
            topic="CometBFT",
            ja="この版は使えません" if old else "入っていません（検証者が一つの台帳には不要です）",
            en="this version cannot be used"
            if old
            else "not installed (a chain of one validator needs none)",
            mend_ja=f"make cometbft（{PINNED} を入れます）",
            mend_en=f"make cometbft (installs {PINNED})",
        )
    else:
        yield Finding(level=Level.GOOD, topic="CometBFT", ja=found.text, en=found.text)


def check_private_file(path: Path) -> Iterator[Finding]:
    """Look whether a secret file can be read by others."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            level=Level.BAD,
            topic=path.name,
            ja="ほかの利用者が読めます",
            en="others can read it",
            mend_ja=f"chmod 600 {path}",
            mend_en=f"chmod 600 {path}",
        )


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--network",
        type=Path,
        metavar="DIR",
        help="the folder of a running network (see demo --keep)"
        " / 動いているネットワークのフォルダー（demo --keep を参照）",
    )
    parser.add_argument("--json", action="store_true", help="one JSON line / 一行の JSON で出力")
    parser.add_argument(
        "--lang", choices=("ja", "en"), help="the language of the output / 出力の言語"
    )


def run(args: argparse.Namespace) -> int:
    """Run every check; 0 when nothing is bad."""
    checks: list[Check] = [check_python, check_packages, check_vault_engine, check_machine]
    if importlib.util.find_spec("flask") is not None:  # the node is installed
        checks.append(check_cometbft)
    findings = [finding for check in checks for finding in check()]
    if args.network is not None:
        from warifu.doctor_network import check_network  # noqa: PLC0415 - needs every product

        findings += check_network(args.network)
    bad = sum(finding.level is Level.BAD for finding in findings)
    lang = args.lang or language()
    if args.json:
        rows = [
            {"level": f.level.value, "topic": f.topic, "seen": f.en, "mend": f.mend_en}
            for f in findings
        ]
        sys.stdout.write(json.dumps({"ok": not bad, "findings": rows}) + "\n")
    else:
        for finding in findings:
            sys.stdout.write("\n".join(finding.lines(lang)) + "\n")
        summary = f"{bad} 件の不具合" if lang == "ja" else f"{bad} problem{'' if bad == 1 else 's'}"
        sys.stdout.write(summary + "\n")
    return 1 if bad else 0
