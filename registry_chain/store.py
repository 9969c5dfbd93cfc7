"""The state on disk: an authenticated map of records in SQLite, every version of it provable.

`stage` computes the next root in memory and writes nothing; `commit` writes the staged changes and
whatever the engine stores beside them in one database transaction [REG-MAP-4]. One process writes;
any number of readers may look on.
"""

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from registry_chain import jmt
from registry_chain.light.map_proof import MapProof
from registry_chain.state import Changes, check_changes, is_key
from registry_chain.storefile import corrupt, lock, open_database, translated
from ssi.errors import Malformed, Unavailable

Result = TypeVar("Result")
Extra = Callable[[sqlite3.Connection], None]

CACHED_PAGES: Final = 20_000
MAX_ITEMS: Final = 1000
# Pages are keyed version first: a block's pages are then written side by side.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS root (
    version INTEGER PRIMARY KEY, hash BLOB NOT NULL, page INTEGER
);
CREATE TABLE IF NOT EXISTS page (
    version INTEGER NOT NULL, path TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (version, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stale (
    since INTEGER NOT NULL, version INTEGER NOT NULL, path TEXT NOT NULL,
    PRIMARY KEY (since, version, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS record_key ON record (key, version);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Root:
    """The map as one version left it."""

    version: int
    hash: bytes
    page: int | None

    @property
    def child(self) -> jmt.Child | None:
        return None if self.page is None else jmt.Child(self.page, self.hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    """A computed block that nobody else sees yet."""

    root: _Root
    changes: Changes
    update: jmt.Update


class Store:
    """The map of records in one SQLite file. Its methods may be called from several threads.

    Args:
        path: The database file, made if it is absent and the store may write.
        readonly: Look on while another store writes.
        cached_pages: How many pages of the map to keep in memory.

    Raises:
        Unavailable: ``chain.locked`` when another process writes this file, ``chain.storage`` when
            it cannot be opened.
    """

    def __init__(
        self, path: Path | str, *, readonly: bool = False, cached_pages: int = CACHED_PAGES
    ) -> None:
        self._path = Path(path)
        self._readonly = readonly
        self._mutex = threading.RLock()
        self._cache: OrderedDict[tuple[int, str], jmt.Page] = OrderedDict()
        self._cached_pages = cached_pages
        self._staged: _Staged | None = None
        self._lock_file = None if readonly else lock(self._path)
        try:
            self._db = open_database(self._path, schema=None if readonly else _SCHEMA)
            self._head = self._read_head()
        except BaseException:
            self._unlock()
            raise

    @property
    def version(self) -> int:
        """The height committed last; 0 before the first block."""
        head = self._newest()
        return 0 if head is None else head.version

    @property
    def root(self) -> bytes:
        """The root committed last."""
        head = self._newest()
        return jmt.EMPTY if head is None else head.hash

    @property
    def empty(self) -> bool:
        """Whether nothing was ever committed, not even a founding state."""
        return self._newest() is None

    def root_at(self, version: int) -> bytes:
        """Return the root that a version committed.

        Raises:
            Unavailable: ``chain.height`` when there is no such version here.
        """
        return self._root(version).hash

    def get(self, key: str, version: int | None = None) -> bytes | None:
        """Return the value at ``key``, now or as of a version."""
        if version is not None:
            self._root(version)
        with self._using() as db:
            row = db.execute(
                "SELECT value FROM record WHERE key = ? AND version <= ?"
                " ORDER BY version DESC LIMIT 1",
                (key, self.version if version is None else version),
            ).fetchone()
        return None if row is None else bytes(row[0])

    def prove(self, key: str, version: int | None = None) -> MapProof:
        """Return the value at ``key``, or its absence, with the path to the root of a version.

        Raises:
            Malformed: ``chain.key`` when no record can have this key.
            Unavailable: ``chain.height`` when there is no such version here.
        """
        if not is_key(key):
            raise Malformed("this is no key of a record", code="chain.key")
        with self._mutex:
            root = self._root(self.version if version is None else version)
            wanted = jmt.key_hash(key)
            leaf, siblings = jmt.find(root.child, wanted, load=self._load)
            present = leaf is not None and leaf.key_hash == wanted
            value = self.get(key, root.version) if present else None
            return MapProof(key=key, value=value, leaf=leaf, siblings=tuple(siblings))

    def items(
        self, prefix: str, version: int | None = None, after: str | None = None, limit: int = 100
    ) -> list[tuple[str, bytes]]:
        """List records in the order of their keys.

        Args:
            prefix: What their keys begin with.
            version: As of which version; the newest when ``None``.
            after: Continue behind this key.
            limit: At most so many, and never more than 1000.

        Returns:
            Keys and values. A listing proves nothing; see `prove`.
        """
        as_of = self.version if version is None else self._root(version).version
        found: list[tuple[str, bytes]] = []
        last, strictly = (after, True) if after and after >= prefix else (prefix, False)
        with self._using() as db:
            while len(found) < min(limit, MAX_ITEMS):
                row = db.execute(_NEXT_KEY[strictly], (last,)).fetchone()
                if row is None or not row[0].startswith(prefix):
                    break
                last, strictly = row[0], True
                value = self.get(last, as_of)
                if value is not None:
                    found.append((last, value))
        return found

    def stage(self, version: int, changes: Changes) -> bytes:
        """Compute the root after ``changes`` in memory; nothing is written [REG-MAP-4].

        Staging again replaces what was staged before.

        Args:
            version: The block's height, above the last one; 0 for the founding state.
            changes: The new values.

        Returns:
            The new root.
        """
        self._require_writer()
        check_changes(changes)
        with self._mutex:
            head = self._head
            if version < 0 or (head is not None and version <= head.version):
                raise ValueError("a version is staged only above the last one")
            leaves = [
                jmt.Leaf(jmt.key_hash(key), jmt.value_hash(value)) for key, value in changes.items()
            ]
            before = None if head is None else head.child
            update = jmt.update(before, leaves, version=version, load=self._load)
            page = None if update.root is None else update.root.version
            root = _Root(version=version, hash=update.root_hash, page=page)
            self._staged = _Staged(root=root, changes=dict(changes), update=update)
            return root.hash

    def commit(self, extra: Extra | None = None) -> None:
        """Write what is staged, and ``extra``, in one database transaction [REG-MAP-4].

        Args:
            extra: Writes the engine's own rows through the connection it is given. It must neither
                begin nor end a transaction.

        Raises:
            Unavailable: ``chain.storage`` when it cannot be written; then nothing was, and the same
                block can be committed again.
        """
        with self._using() as db:
            staged = self._staged
            if staged is None:
                raise ValueError("nothing is staged")
            db.execute("BEGIN IMMEDIATE")
            try:
                _write(db, staged)
                if extra is not None:
                    extra(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            self._head, self._staged = staged.root, None
            for path, page in staged.update.pages.items():
                self._remember((staged.root.version, path), page)

    def abort(self) -> None:
        """Drop what is staged."""
        with self._mutex:
            self._staged = None

    def read(self, job: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a reading job of the engine on its own tables in this file."""
        with self._using() as db:
            return job(db)

    def close(self) -> None:
        """Give up the file and the right to write it."""
        with self._mutex:
            self._db.close()
            self._unlock()

    def _require_writer(self) -> None:
        if self._readonly:
            raise ValueError("this store only reads")

    def _newest(self) -> _Root | None:
        """The newest version: our own knowledge if we are the writer, else what the file says."""
        return self._read_head() if self._readonly else self._head

    def _read_head(self) -> _Root | None:
        with self._using() as db:
            row = db.execute(
                "SELECT version, hash, page FROM root ORDER BY version DESC LIMIT 1"
            ).fetchone()
        return _root_of(row)

    def _root(self, version: int) -> _Root:
        head = self._newest()
        if head is not None and head.version == version:
            return head
        if head is None and version == 0:
            return _Root(version=0, hash=jmt.EMPTY, page=None)
        with self._using() as db:
            row = db.execute(
                "SELECT version, hash, page FROM root WHERE version = ?", (version,)
            ).fetchone()
        root = _root_of(row)
        if root is None:
            raise Unavailable("there is no such height here", code="chain.height")
        return root

    def _load(self, name: jmt.Child, path: str) -> jmt.Page:
        """Return a page from memory or from the file, checked against the hash above it."""
        cached = self._cache.get((name.version, path))
        if cached is None:
            cached = self._read_page(name, path)
            self._remember((name.version, path), cached)
        else:
            self._cache.move_to_end((name.version, path))
        return cached

    def _read_page(self, name: jmt.Child, path: str) -> jmt.Page:
        """Read a page, and believe it only if the hash above it says so [REG-MAP-6]."""
        with self._using() as db:
            row = db.execute(
                "SELECT data FROM page WHERE version = ? AND path = ?", (name.version, path)
            ).fetchone()
        try:
            page = jmt.Page.decode(bytes(row[0])) if row else jmt.Page()
        except ValueError:
            raise corrupt() from None
        if page.hash != name.hash:
            raise corrupt()
        return page

    def _remember(self, name: tuple[int, str], page: jmt.Page) -> None:
        self._cache[name] = page
        if len(self._cache) > self._cached_pages:
            self._cache.popitem(last=False)

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection, and speak of its failures as ours."""
        with self._mutex, translated():
            yield self._db

    def _unlock(self) -> None:
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None


_NEXT_KEY: Final = {
    True: "SELECT key FROM record WHERE key > ? ORDER BY key LIMIT 1",
    False: "SELECT key FROM record WHERE key >= ? ORDER BY key LIMIT 1",
}


def _root_of(row: tuple[int, bytes, int | None] | None) -> _Root | None:
    return None if row is None else _Root(version=row[0], hash=bytes(row[1]), page=row[2])


def _write(db: sqlite3.Connection, staged: _Staged) -> None:
    root, update = staged.root, staged.update
    db.execute("INSERT INTO root VALUES (?, ?, ?)", (root.version, root.hash, root.page))
    db.executemany(
        "INSERT INTO page VALUES (?, ?, ?)",
        [(root.version, path, update.pages[path].encode()) for path in sorted(update.pages)],
    )
    db.executemany(
        "INSERT INTO stale VALUES (?, ?, ?)",
        sorted((root.version, version, path) for version, path in update.stale),
    )
    db.executemany(
        "INSERT INTO record (key, version, value) VALUES (?, ?, ?)",
        [(key, root.version, value) for key, value in sorted(staged.changes.items())],
    )
