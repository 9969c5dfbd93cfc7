"""The ledger's SQLite file: opening it, owning it, and SQLite's failures in our words."""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Final

from ssi.errors import SSIError, Unavailable

_BUSY_MS: Final = 10_000
_CACHE_KIB: Final = 65_536  # SQLite's own 2 MiB are too small for an index over random keys
_FORM: Final = 2  # of the tables; to be raised whenever a program of before would misread them
_WAL_PAGES: Final = 64_000  # 256 MB of log: `storelog` could not keep up, the commit itself folds


class translated:  # noqa: N801 - a context manager, and a class because it is entered so often
    """Speak of SQLite's failures as ours: ``chain.storage`` to be retried, or ``chain.corrupt``."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Listen for failures."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Translate the one that comes."""
        if isinstance(error, sqlite3.OperationalError):
            raise Unavailable("the ledger's file cannot be used", code="chain.storage") from error
        if isinstance(error, sqlite3.DatabaseError):
            raise corrupt() from error


def corrupt() -> SSIError:
    """Return the error for a file that is not what was written."""
    return SSIError("the ledger's file is damaged", code="chain.corrupt")


def open_database(path: Path, *, schema: str | None) -> sqlite3.Connection:
    """Open the file.

    Args:
        path: The file.
        schema: The tables to make if they are absent; ``None`` to read only.

    Raises:
        Unavailable: ``chain.storage``; ``chain.form`` when the file is of another form [REG-MAP-9].
        SSIError: ``chain.corrupt``.
    """
    mode = "ro" if schema is None else "rwc"
    with translated():
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            check_same_thread=False,
            isolation_level=None,
        )
        try:
            db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
            db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            new = schema is not None and not db.execute("SELECT 1 FROM sqlite_master").fetchone()
            if not new:
                _require_form(db)
            if schema is not None:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
                db.executescript(f"BEGIN; {schema} PRAGMA user_version = {_FORM}; COMMIT")
        except BaseException:
            db.close()
            raise
    return db


def _require_form(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA user_version").fetchone() != (_FORM,):
        raise Unavailable("another version of this program made the ledger", code="chain.form")


def lock(path: Path) -> int:
    """Take the right to write the file; the system gives it back when the process ends.

    Returns:
        A handle; closing it gives the right back.

    Raises:
        Unavailable: ``chain.locked`` when another process has it [REG-MAP-5].
    """
    try:
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable("the ledger's folder cannot be used", code="chain.storage") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise Unavailable("another process writes this ledger", code="chain.locked") from error
    return handle
