"""The doctor's look at a network's files: settings that load, keys that are keys, databases."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from ssi.encoding import parse_json_object
from ssi.errors import Malformed, SSIError
from ssi.files import read_file
from warifu.doctor import Finding, Level, check_private_file

OUTBOX_SECONDS = 3600
# An answer of a firm lives for 30 days from when it was written.
_FIRM_OUTBOX = "SELECT count(*), min(deadline) - 2592000 FROM outbox WHERE state = 'queued'"
_MAILBOX = "SELECT count(*), min(arrived_at) FROM message WHERE state = 'held'"
_PEM = b"-----BEGIN "


def check_files(home: Path) -> Iterator[Finding]:
    """Look at everything a network's folder holds; nothing is changed."""
    yield from check_settings(home)
    for key in sorted(home.rglob("*.key")):
        yield from check_private_file(key)
        yield from check_key(key)
    for database in sorted(home.rglob("*.db")):
        yield from check_database(database)
    for store in sorted(home.glob("firms/*/verifier.db")):
        yield from check_outbox(store, _FIRM_OUTBOX, seconds=1)
    yield from check_outbox(home / "mailbox" / "mailbox.db", _MAILBOX, seconds=1000)


def check_settings(home: Path) -> Iterator[Finding]:
    """Look whether every program could read its settings, were it started now."""
    from issuer.config import Config as IssuerConfig  # noqa: PLC0415 - every product is an extra
    from postbox.config import Config as MailboxConfig  # noqa: PLC0415 - as above
    from registry_chain.config import NodeConfig  # noqa: PLC0415 - as above
    from verifier_sdk import VerifierConfig  # noqa: PLC0415 - as above

    loaders: list[tuple[Path, Callable[[Path], object]]] = [
        (home / "chain" / "node.toml", NodeConfig.load),
        (home / "issuer" / "issuer.toml", IssuerConfig.load),
        (home / "mailbox" / "mailbox.toml", MailboxConfig.load),
        *((firm / "verifier.toml", VerifierConfig.load) for firm in sorted(home.glob("firms/*"))),
    ]
    for path, load in loaders:
        try:
            load(path)
        except (ValueError, SSIError) as error:
            yield _bad_settings(path, str(error))


def _bad_settings(path: Path, fact: str) -> Finding:
    return Finding(
        level=Level.BAD,
        topic=f"{path.parent.name}/{path.name}",
        ja=f"設定を読めません（{fact}）",
        en=f"the settings cannot be read ({fact})",
        mend_ja=f"{path} を直すか、控えから戻してください。直すまで起動し直さないでください",
        mend_en=f"mend {path} or put a copy back; do not restart the program before",
    )


def check_key(path: Path) -> Iterator[Finding]:
    """Look whether a key file has the form of a key; it is not shown."""
    try:
        raw = read_file(path)
    except Malformed as error:
        yield _damaged(path, str(error))
        return
    text = raw.strip()
    bare = len(text) in _SECRETS and text.translate(None, b"-_").isalnum()
    if not (bare or text.startswith(_PEM) or _is_private_jwk(text)):
        yield _damaged(path, "no key")


def _is_private_jwk(text: bytes) -> bool:
    try:
        return "d" in parse_json_object(text)
    except Malformed:
        return False


_SECRETS = frozenset({43, 86})  # 32 or 64 bytes in base64url


def _damaged(path: Path, fact: str) -> Finding:
    return Finding(
        level=Level.BAD,
        topic=f"{path.parent.name}/{path.name}",
        ja=f"鍵のファイルが壊れています（{fact}）",
        en=f"the key file is damaged ({fact})",
        mend_ja="控えから戻してください。なければ新しい鍵を作り、台帳に登録し直してください",
        mend_en="put a copy back; without one, make a new key and register it on the chain",
    )


def check_database(path: Path) -> Iterator[Finding]:
    """Read a database from end to end, without writing to it."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as database:
            answer = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        answer = type(error).__name__
    if answer != "ok":
        yield Finding(
            level=Level.BAD,
            topic=f"{path.parent.name}/{path.name}",
            ja="データベースが壊れています",
            en="the database is damaged",
            mend_ja="プログラムを止め、ファイルを別に取っておき、控えから戻してください。"
            "台帳は warifu audit replay で確かめられます",
            mend_en="stop the program, keep the file aside, put a copy back; "
            "a chain can be checked with warifu audit replay",
        )


def check_outbox(path: Path, query: str, *, seconds: int) -> Iterator[Finding]:
    """Look whether mail has waited for longer than an hour.

    Args:
        path: The database.
        query: How many wait, and since when.
        seconds: How many of the column's units make a second.
    """
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as database:
            waiting, since = database.execute(query).fetchone()
    except sqlite3.Error:
        return  # check_database says it
    if waiting and time.time() - since / seconds > OUTBOX_SECONDS:
        yield Finding(
            level=Level.BAD,
            topic=f"{path.parent.name}/{path.name}",
            ja=f"{waiting} 通の知らせが 1 時間以上、届けられずにいます",
            en=f"{waiting} messages have waited for more than an hour",
            mend_ja="相手の事業者や電子私書箱が動いているかを確かめてください",
            mend_en="see whether the firm or PO box they are for is running",
        )
