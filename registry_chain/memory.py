"""What a client remembers of a chain: its newest verified light block and the ones before.

A head never goes back, and a second header for a height already seen is kept as evidence, after
which the chain is not believed until a person has settled it. Several processes may share one file
[REG-CLI-3] [REG-CLI-6].
"""

import sqlite3
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from ssi.errors import Malformed, Misbehaviour

KEPT = 256
_BUSY_MS = 10_000
_HEADS = """
CREATE TABLE IF NOT EXISTS heads (
    chain TEXT NOT NULL, height INTEGER NOT NULL, hash BLOB NOT NULL, block BLOB NOT NULL,
    PRIMARY KEY (chain, height)
) WITHOUT ROWID
"""
_CONTRADICTIONS = """
CREATE TABLE IF NOT EXISTS contradictions (
    number INTEGER PRIMARY KEY, chain TEXT NOT NULL, first BLOB NOT NULL, second BLOB NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0, UNIQUE (chain, first, second)
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Two light blocks by trusted validators that cannot both be, as JSON bytes."""

    chain: str
    first: bytes = field(repr=False)
    second: bytes = field(repr=False)
    settled: bool

    def error(self) -> Misbehaviour:
        """The error that tells it."""
        return Misbehaviour(
            "the validators signed two blocks that cannot both be",
            code="light.misbehaviour",
            first=self.first,
            second=self.second,
        )


class HeadMemory:
    """The verified light blocks of one or more chains, in a file or in memory."""

    def __init__(self, database: str) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        self._db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        for statement in (_HEADS, _CONTRADICTIONS):
            self._db.execute(statement)

    @classmethod
    def open(cls, path: Path) -> Self:
        """A memory that outlives the process.

        Raises:
            Malformed: ``light.memory``: the file is damaged or no file; it is left as it is.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            memory = cls(str(path))
            memory._db.execute("PRAGMA journal_mode = WAL")
        except (sqlite3.DatabaseError, OSError) as error:
            raise Malformed(f"{path.name} remembers no blocks", code="light.memory") from error
        return memory

    @classmethod
    def volatile(cls) -> Self:
        """A memory for one process."""
        return cls(":memory:")

    def below(self, chain: str, height: int) -> bytes | None:
        """The highest light block remembered that is lower than ``height``."""
        return self._block(
            "SELECT block FROM heads WHERE chain = ? AND height < ? ORDER BY height DESC LIMIT 1",
            chain,
            height,
        )

    def above(self, chain: str, height: int) -> bytes | None:
        """The lowest light block remembered that is higher than ``height``."""
        return self._block(
            "SELECT block FROM heads WHERE chain = ? AND height > ? ORDER BY height LIMIT 1",
            chain,
            height,
        )

    def _block(self, sql: str, chain: str, height: int) -> bytes | None:
        with self._lock:
            row = self._db.execute(sql, (chain, height)).fetchone()
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
            Misbehaviour: Another header of this height was verified before; both are kept.
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
            found = Contradiction(chain=chain, first=known, second=block, settled=False)
            self.keep(found)
            raise found.error()

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

    # --- evidence ---

    def keep(self, found: Contradiction) -> None:
        """Keep a contradiction; from now on the chain is not believed."""
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO contradictions (chain, first, second) VALUES (?, ?, ?)",
                (found.chain, found.first, found.second),
            )

    def contradictions(self, chain: str | None = None) -> tuple[Contradiction, ...]:
        """All that was kept, of one chain or of all, the oldest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT chain, first, second, settled FROM contradictions"
                " WHERE ?1 IS NULL OR chain = ?1 ORDER BY number",
                (chain,),
            ).fetchall()
        return tuple(
            Contradiction(
                chain=row[0], first=bytes(row[1]), second=bytes(row[2]), settled=bool(row[3])
            )
            for row in rows
        )

    def settle(self, chain: str) -> int:
        """Believe a chain again by a person's decision, from its trust root.

        Returns:
            How many contradictions were open. They stay in the file.
        """
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            changed = self._db.execute(
                "UPDATE contradictions SET settled = 1 WHERE chain = ? AND settled = 0", (chain,)
            )
            if changed.rowcount:
                self._db.execute("DELETE FROM heads WHERE chain = ?", (chain,))
            self._db.execute("COMMIT")
        return changed.rowcount

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
