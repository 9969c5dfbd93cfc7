"""The state on disk: an authenticated map of records in SQLite, every version of it provable.

`stage` computes the next root in memory and writes nothing; `commit` writes the staged changes and
whatever the engine stores beside them in one database transaction [REG-MAP-4]. One process writes;
any number of readers may look on.
"""

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from registry_chain import jmt
from registry_chain import storerows as rows
from registry_chain.light.map_proof import MapProof
from registry_chain.state import Changes, check_changes, is_key
from registry_chain.storefile import corrupt, lock, open_database, translated
from registry_chain.storelog import LogFolder
from registry_chain.storerows import Root, Staged
from ssi.errors import InvalidProof, Malformed, Unavailable

Result = TypeVar("Result")
Extra = Callable[[sqlite3.Connection], None]

CACHED_PAGES: Final = 50_000  # about 150 MB, if ever so many are used
MAX_ITEMS: Final = 1000


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
        self._cache: OrderedDict[tuple[jmt.Slot, str], jmt.Page] = OrderedDict()
        self._cached_pages = cached_pages
        self._staged: Staged | None = None
        self._log = LogFolder(self._path)
        self._lock_file = None if readonly else lock(self._path)
        try:
            self._db = open_database(self._path, schema=None if readonly else rows.SCHEMA)
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
        with self._mutex, translated():
            row = self._db.execute(
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
            leaf, siblings = jmt.find(root.slot, wanted, load=self._load)
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
        with self._mutex, translated():
            found = rows.listed(self._db, prefix, after, as_of)
            return list(islice(found, min(limit, MAX_ITEMS)))

    def newest(self, limit: int) -> list[str]:
        """Return the keys of the values written last, the last one first."""
        with self._mutex, translated():
            found = self._db.execute("SELECT key FROM record ORDER BY id DESC LIMIT ?", (limit,))
            return [key for (key,) in found]

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
            pages: dict[str, jmt.Page] = {}
            top = jmt.update(
                b"" if head is None else head.slot,
                [jmt.leaf_of(key, value) for key, value in changes.items()],
                version=version,
                load=self._load,
                save=pages.__setitem__,
            )
            root = rows.root_after(version, top)
            self._staged = Staged(root=root, changes=dict(changes), pages=pages)
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
        with self._mutex, translated():
            staged = self._staged
            if staged is None:
                raise ValueError("nothing is staged")
            with rows.transaction(self._db):
                rows.write(self._db, staged)
                if extra is not None:
                    extra(self._db)
            self._head, self._staged = staged.root, None
            for path, page in staged.pages.items():
                self._remember((jmt.child_of(staged.root.version, page), path), page)
            self._log.after_commit(self._db)

    def bulk_load(
        self,
        version: int,
        records: Iterable[tuple[str, bytes]],
        *,
        root: bytes,
        extra: Extra | None = None,
    ) -> None:
        """Fill an empty store with a whole state, as from a snapshot, in one transaction.

        Needs about 110 bytes of memory for each record.

        Args:
            version: The height of the state.
            records: Every record, in the order of their keys.
            root: The root the state must have.
            extra: As in `commit`.

        Raises:
            Malformed: ``chain.key`` for a key no record can have, twice, or out of order.
            InvalidProof: ``proof.invalid`` when the records are not those of the root [REG-MAP-7].
            Unavailable: ``chain.storage``.
        """
        self._require_writer()
        with self._mutex, translated():
            if self._head is not None:
                raise ValueError("only an empty store is loaded in bulk")
            with rows.transaction(self._db):
                head = rows.fill(self._db, version, records)
                if head.hash != root:
                    raise InvalidProof("the records are not those the root was made of")
                if extra is not None:
                    extra(self._db)
            self._head, self._staged = head, None

    def prune(self, keep: int) -> int:
        """Forget the oldest versions; what is kept stays provable [REG-MAP-8].

        Args:
            keep: How many of the newest versions to keep, at least 1.

        Returns:
            The oldest version that can still be proven.
        """
        self._require_writer()
        if keep < 1:
            raise ValueError("the newest version is always kept")
        with self._mutex, translated(), rows.transaction(self._db):
            return rows.prune(self._db, keep)

    def abort(self) -> None:
        """Drop what is staged."""
        with self._mutex:
            self._staged = None

    def read(self, job: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a reading job of the engine on its own tables in this file."""
        with self._mutex, translated():
            return job(self._db)

    def write(self, job: Extra) -> None:
        """Run a writing job of the engine on its own tables, between blocks."""
        self._require_writer()
        with self._mutex, translated(), rows.transaction(self._db):
            job(self._db)

    def close(self) -> None:
        """Give up the file and the right to write it."""
        with self._mutex:
            self._log.close()
            self._db.close()
            self._unlock()

    def _require_writer(self) -> None:
        if self._readonly:
            raise ValueError("this store only reads")

    def _newest(self) -> Root | None:
        """The newest version: our own knowledge if we are the writer, else what the file says."""
        return self._read_head() if self._readonly else self._head

    def _read_head(self) -> Root | None:
        with self._mutex, translated():
            return rows.root_at(self._db, None)

    def _root(self, version: int) -> Root:
        head = self._newest()
        if head is not None and head.version == version:
            return head
        if head is None and version == 0:
            return Root(version=0, hash=jmt.EMPTY, page=None)
        with self._mutex, translated():
            root = rows.root_at(self._db, version)
        if root is None:
            raise Unavailable("there is no such height here", code="chain.height")
        return root

    def _load(self, child: jmt.Slot, path: str) -> jmt.Page:
        """Return a page from memory or from the file, checked against the hash above it."""
        name = (child, path)
        cached = self._cache.get(name)
        if cached is None:
            cached = self._read_page(child, path)
            self._remember(name, cached)
        else:
            self._cache.move_to_end(name)
        return cached

    def _read_page(self, child: jmt.Slot, path: str) -> jmt.Page:
        """Read a page, and believe it only if the hash above it says so [REG-MAP-6]."""
        with self._mutex, translated():
            row = self._db.execute(
                "SELECT data FROM page WHERE version = ? AND path = ?",
                (jmt.version_of(child), path),
            ).fetchone()
        try:
            page = jmt.decode_page(bytes(row[0])) if row else jmt.NEW_PAGE
        except ValueError:
            raise corrupt() from None
        if jmt.page_hash(page) != jmt.hash_of(child):
            raise corrupt()
        return page

    def _remember(self, name: tuple[jmt.Slot, str], page: jmt.Page) -> None:
        self._cache[name] = page
        if len(self._cache) > self._cached_pages:
            self._cache.popitem(last=False)

    def _unlock(self) -> None:
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None
