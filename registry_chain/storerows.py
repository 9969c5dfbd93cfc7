"""The rows of the store: its tables, and the statements that read and write them.

The caller holds the connection; whoever writes does it inside `transaction`.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from registry_chain import jmt
from registry_chain.state import Changes, is_key
from ssi.errors import Malformed

# Pages are keyed version first: a block's pages are then written side by side.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS root (
    version INTEGER PRIMARY KEY, hash BLOB NOT NULL, page INTEGER
);
CREATE TABLE IF NOT EXISTS page (
    version INTEGER NOT NULL, path TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (version, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS record_key ON record (key, version);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The map as one version left it."""

    version: int
    hash: bytes
    page: int | None

    @property
    def slot(self) -> jmt.Slot:
        """Its root page, as a slot would hold it."""
        return b"" if self.page is None else self.page.to_bytes(8) + self.hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A computed block that nobody else sees yet."""

    root: Root
    changes: Changes
    pages: dict[str, jmt.Page]


_LAST: Final = "\x7f"  # above every character of a key
# Hops from key to key over the index, so that the many old values of one key cost nothing.
_LISTING: Final = {
    more: f"""
        WITH RECURSIVE listed(key) AS (
            SELECT MIN(key) FROM record WHERE key {more} ?1 AND key < ?2
            UNION ALL
            SELECT (SELECT MIN(key) FROM record WHERE key > listed.key AND key < ?2)
            FROM listed WHERE key IS NOT NULL
        )
        SELECT key, (SELECT value FROM record WHERE record.key = listed.key AND version <= ?3
                     ORDER BY version DESC LIMIT 1)
        FROM listed WHERE key IS NOT NULL"""  # noqa: S608 - no input in it
    for more in (">", ">=")
}


# A page or value is needed until the next one of its path or key; there is always a next page,
# because nothing leaves the map.
_PRUNING: Final = (
    """DELETE FROM page WHERE version <= ?1 AND (version, path) NOT IN
        (SELECT MAX(version), path FROM page WHERE version <= ?1 GROUP BY path)""",
    """DELETE FROM record WHERE version <= ?1 AND (version, key) NOT IN
        (SELECT MAX(version), key FROM record WHERE version <= ?1 GROUP BY key)""",
    "DELETE FROM root WHERE version < ?1",
)
_INSERT_ROOT: Final = "INSERT INTO root VALUES (?, ?, ?)"
_INSERT_PAGE: Final = "INSERT INTO page VALUES (?, ?, ?)"
_INSERT_RECORD: Final = "INSERT INTO record (key, version, value) VALUES (?, ?, ?)"
_ROOT: Final = "SELECT version, hash, page FROM root"


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All that is written inside, or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def root_at(db: sqlite3.Connection, version: int | None) -> Root | None:
    """Return the map as a version left it, or the newest."""
    if version is None:
        row = db.execute(f"{_ROOT} ORDER BY version DESC LIMIT 1").fetchone()
    else:
        row = db.execute(f"{_ROOT} WHERE version = ?", (version,)).fetchone()
    return None if row is None else Root(version=row[0], hash=bytes(row[1]), page=row[2])


def root_after(version: int, top: jmt.Slot) -> Root:
    """Return the map as an update leaves it."""
    page = jmt.version_of(top) if top else None
    return Root(version=version, hash=jmt.hash_of(top), page=page)


def listed(
    db: sqlite3.Connection, prefix: str, after: str | None, version: int
) -> Iterator[tuple[str, bytes]]:
    """Yield records in the order of their keys, as they were at a version."""
    begin, more = (after, ">") if after and after >= prefix else (prefix, ">=")
    for key, value in db.execute(_LISTING[more], (begin, prefix + _LAST, version)):
        if value is not None:
            yield key, bytes(value)


def prune(db: sqlite3.Connection, keep: int) -> int:
    """Delete what only versions older than the newest ``keep`` need; return the oldest left."""
    oldest = "SELECT version FROM root ORDER BY version DESC LIMIT 1 OFFSET ?"
    row = db.execute(oldest, (keep - 1,)).fetchone()
    if row is None:
        row = db.execute("SELECT COALESCE(MIN(version), 0) FROM root").fetchone()
    for statement in _PRUNING:
        db.execute(statement, row)
    return int(row[0])


def write(db: sqlite3.Connection, staged: Staged) -> None:
    """Write a computed block."""
    root, pages = staged.root, staged.pages
    db.execute(_INSERT_ROOT, (root.version, root.hash, root.page))
    db.executemany(
        _INSERT_PAGE, [(root.version, path, jmt.encode_page(pages[path])) for path in sorted(pages)]
    )
    db.executemany(
        _INSERT_RECORD,
        [(key, root.version, value) for key, value in sorted(staged.changes.items())],
    )


def fill(db: sqlite3.Connection, version: int, records: Iterable[tuple[str, bytes]]) -> Root:
    """Write a whole state into empty tables, records in the order of their keys.

    Raises:
        Malformed: ``chain.key``.
    """
    leaves: list[jmt.Slot] = []

    def rows() -> Iterator[tuple[str, int, bytes]]:
        last = ""
        for key, value in records:
            if key <= last or not is_key(key):
                raise Malformed("the records are not in the order of their keys", code="chain.key")
            leaves.append(jmt.leaf_of(key, value))
            yield key, version, value
            last = key

    db.executemany(_INSERT_RECORD, rows())
    leaves.sort()
    top = jmt.update(
        b"",
        leaves,
        version=version,
        load=jmt.no_page,
        save=lambda path, new: db.execute(_INSERT_PAGE, (version, path, jmt.encode_page(new))),
    )
    head = root_after(version, top)
    db.execute(_INSERT_ROOT, (head.version, head.hash, head.page))
    return head
