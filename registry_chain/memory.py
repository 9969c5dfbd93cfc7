"""What a client remembers of a chain: its newest verified light block and the ones before.

A head never goes back, and a second header for a height already seen is kept as evidence. Several
processes may share one file [REG-CLI-3].
"""

import sqlite3
import threading
from pathlib import Path
from typing import Self

from ssi.errors import Misbehaviour

KEPT = 256
_BUSY_MS = 10_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS heads (
    chain TEXT NOT NULL, height INTEGER NOT NULL, hash BLOB NOT NULL, block BLOB NOT NULL,
    PRIMARY KEY (chain, height)
) WITHOUT ROWID
"""


class HeadMemory:
    """The verified light blocks of one or more chains, in a file or in memory."""

    def __init__(self, database: str) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        self._db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        self._db.execute(_SCHEMA)

    @classmethod
    def open(cls, path: Path) -> Self:
        """A memory that outlives the process."""
        path.parent.mkdir(parents=True, exist_ok=True)
        memory = cls(str(path))
        memory._db.execute("PRAGMA journal_mode = WAL")
        return memory

    @classmethod
    def volatile(cls) -> Self:
        """A memory for one process."""
        return cls(":memory:")

    def below(self, chain: str, height: int) -> bytes | None:
        """The highest light block remembered that is lower than ``height``."""
        with self._lock:
            row = self._db.execute(
                "SELECT block FROM heads WHERE chain = ? AND height < ?"
                " ORDER BY height DESC LIMIT 1",
                (chain, height),
            ).fetchone()
        return None if row is None else bytes(row[0])

    def height(self, chain: str) -> int:
        """The highest height remembered; 0 before the first."""
        with self._lock:
            row = self._db.execute(
                "SELECT MAX(height) FROM heads WHERE chain = ?", (chain,)
            ).fetchone()
        return int(row[0] or 0)

    def remember(self, chain: str, height: int, header_hash: bytes, block: bytes) -> None:
        """Keep a light block that was verified.

        Args:
            chain: The chain's id.
            height: The block's height.
            header_hash: The hash the validators signed.
            block: The light block as it can be shown to others.

        Raises:
            Misbehaviour: Another header of this height was verified before; both are in it.
        """
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                known = self._insert(chain, height, header_hash, block)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        if known is not None:
            raise Misbehaviour(
                "the validators signed two headers for one height",
                code="light.misbehaviour",
                first=known,
                second=block,
            )

    def _insert(self, chain: str, height: int, header_hash: bytes, block: bytes) -> bytes | None:
        """Insert unless the height is known; return a contradicting block."""
        row = self._db.execute(
            "SELECT hash, block FROM heads WHERE chain = ? AND height = ?", (chain, height)
        ).fetchone()
        if row is not None:
            return None if bytes(row[0]) == header_hash else bytes(row[1])
        self._db.execute(
            "INSERT INTO heads VALUES (?, ?, ?, ?)", (chain, height, header_hash, block)
        )
        self._db.execute(
            "DELETE FROM heads WHERE chain = ?1 AND height NOT IN (SELECT height FROM heads"
            " WHERE chain = ?1 ORDER BY height DESC LIMIT ?2)",
            (chain, KEPT),
        )
        return None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
