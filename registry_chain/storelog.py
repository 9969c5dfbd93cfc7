"""Folding the write-ahead log of the ledger's file into the file, beside the writer [REG-MAP-10].

SQLite by itself does it inside the commit that finds the log too long, and every client of that
block waits a tenth of a second. Here a thread copies what is in the log while blocks go on; the
writer copies only what came meanwhile, after which the log begins anew. What is durable does not
change: a crash at any moment finds every committed block in the file or in the log.
"""

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

FOLD_AFTER: Final = 1_000  # rows written; little at a time, so that no commit waits for the disk
LONG: Final = 8_000  # pages of log, 32 MB; it shall begin anew
_FOLD: Final = "PRAGMA wal_checkpoint(PASSIVE)"  # waits neither for a reader nor for the writer


class LogFolder:
    """Folds one file's log. Its methods are called by the writer's thread alone.

    Args:
        path: The database file.
    """

    def __init__(self, path: Path) -> None:
        self._address = f"{path.absolute().as_uri()}?mode=rw"
        self._folded_at = 0
        self._pages = 0  # of the log, when it was last folded
        self._thread: threading.Thread | None = None

    def after_commit(self, db: sqlite3.Connection) -> None:
        """Begin to fold when enough was written; end it when the log is long.

        Args:
            db: The writer's connection, outside a transaction.
        """
        if self._thread is not None and self._thread.is_alive():
            return
        if self._pages > LONG:
            self._pages = 0
            _fold(db)
        elif db.total_changes - self._folded_at > FOLD_AFTER:
            self._folded_at = db.total_changes
            thread = threading.Thread(target=self._beside, name="chain-log", daemon=True)
            with suppress(RuntimeError):  # the system gives no thread: the block is durable anyway
                thread.start()
                self._thread = thread

    def close(self) -> None:
        """Wait for what was begun."""
        if self._thread is not None:
            self._thread.join()

    def _beside(self) -> None:
        with suppress(sqlite3.Error), closing(sqlite3.connect(self._address, uri=True)) as db:
            db.execute("PRAGMA synchronous = FULL")
            self._pages = _fold(db)


def _fold(db: sqlite3.Connection) -> int:
    """Fold what can be folded now; return the pages of the log, 0 if it cannot be folded.

    A failure is not told: nothing is lost by it, and a disk that is full refuses the next commit.
    """
    with suppress(sqlite3.Error):
        _busy, pages, _folded = db.execute(_FOLD).fetchone()
        return int(pages)
    return 0
