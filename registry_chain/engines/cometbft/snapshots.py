"""Snapshots of the state, by which a new node joins without replaying the chain [REG-NET-4].

Every node makes the same bytes, cut into chunks of a fixed size. What is offered is believed only
if every chunk has its announced digest and the records give the root that CometBFT's light client
verified; until then it lies in a folder, not in memory.
"""

import contextlib
import logging
import shutil
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry_chain.engines.cometbft import ledger
from registry_chain.engines.cometbft.pb.tendermint.abci import types_pb2 as abci
from registry_chain.engines.cometbft.snapshot_format import (
    FORMAT,
    UntrustedSnapshot,
    write_snapshot,
)
from registry_chain.genesis import Genesis
from registry_chain.store import Store
from ssi.encoding import sha256
from ssi.errors import Malformed, Rejected, SSIError

CHUNK: Final = 1_000_000
MAX_CHUNKS: Final = 16_000
KEPT: Final = 2
INTERVAL: Final = 1_000
_DIGEST: Final = 32
_DIGESTS: Final = "digests"
_LOG = logging.getLogger("warifu.chain.snapshot")
_Offer = abci.ResponseOfferSnapshot
_Apply = abci.ResponseApplySnapshotChunk


@dataclass(slots=True, kw_only=True)
class _Accepted:
    """A snapshot that is being received; its chunks are files."""

    height: int
    app_hash: bytes
    digests: tuple[bytes, ...]
    taken: int = 0


class Snapshots:
    """Makes, keeps, serves and takes snapshots.

    Args:
        store: The state to snapshot, or the empty one to fill.
        genesis: The chain's genesis; a snapshot of another chain is refused.
        path: The ledger's file.
        folder: Where snapshots are kept.
        interval: At every height that this divides one is made.
    """

    def __init__(
        self, store: Store, genesis: Genesis, *, path: Path, folder: Path, interval: int = INTERVAL
    ) -> None:
        self._store = store
        self._genesis = genesis
        self._path = path
        self._folder = folder
        self._interval = interval
        self._making = threading.Lock()
        self._accepted: _Accepted | None = None

    # --- giving ---

    def after_block(self, height: int) -> None:
        """Begin a snapshot in the background if it is time and none is being made."""
        if height % self._interval == 0 and not self._making.locked():
            threading.Thread(
                target=self._make_in_background, args=(height,), name="snapshot", daemon=True
            ).start()

    def _make_in_background(self, height: int) -> None:
        try:
            self.make(height)
        except (SSIError, OSError) as error:
            _LOG.warning("no snapshot at height %d: %s", height, error)

    def make(self, height: int) -> None:
        """Write the snapshot of a height, one at a time; only a whole one gets its name."""
        with self._making:
            self._make(height)

    def _make(self, height: int) -> None:
        final = self._folder / str(height)
        making = self._folder / f"{height}.part"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True, mode=0o700)
        reading = Store(self._path, readonly=True, cached_pages=0)
        try:
            digests = b""
            chunks = write_snapshot(reading, self._genesis, height, CHUNK)
            for index, chunk in enumerate(chunks):
                _chunk_file(making, index).write_bytes(chunk)
                digests += sha256(chunk)
            (making / _DIGESTS).write_bytes(digests)
        finally:
            reading.close()
        shutil.rmtree(final, ignore_errors=True)
        making.rename(final)
        for old in self._heights()[:-KEPT]:
            shutil.rmtree(self._folder / str(old), ignore_errors=True)

    def listed(self) -> abci.ResponseListSnapshots:
        """The snapshots at hand."""
        found = []
        for height in self._heights():
            with contextlib.suppress(OSError):  # an older one may just be going
                digests = (self._folder / str(height) / _DIGESTS).read_bytes()
                found.append(
                    abci.Snapshot(
                        height=height,
                        format=FORMAT,
                        chunks=len(digests) // _DIGEST,
                        hash=sha256(digests),
                        metadata=digests,
                    )
                )
        return abci.ResponseListSnapshots(snapshots=found)

    def chunk(self, height: int, form: int, index: int) -> bytes:
        """One chunk of a snapshot; nothing if it is not at hand."""
        if form != FORMAT:
            return b""
        with contextlib.suppress(OSError):
            return _chunk_file(self._folder / str(height), index).read_bytes()
        return b""

    def _heights(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        return sorted(int(one.name) for one in self._folder.iterdir() if one.name.isdecimal())

    # --- taking ---

    def offered(self, request: abci.RequestOfferSnapshot) -> abci.ResponseOfferSnapshot:
        """Take up an offer if this ledger is empty and the offer can be checked."""
        given = request.snapshot
        digests = given.metadata
        if given.format != FORMAT:
            return _Offer(result=_Offer.Result.REJECT_FORMAT)
        whole = len(digests) == given.chunks * _DIGEST and sha256(digests) == given.hash
        if not (0 < given.chunks <= MAX_CHUNKS and whole and self._store.empty):
            return _Offer(result=_Offer.Result.REJECT)
        self._forget()
        try:
            self._incoming.mkdir(parents=True, mode=0o700)
        except OSError as error:
            _LOG.warning("a snapshot cannot be written: %s", error)
            return _Offer(result=_Offer.Result.ABORT)
        self._accepted = _Accepted(
            height=given.height,
            app_hash=request.app_hash,
            digests=tuple(digests[at : at + _DIGEST] for at in range(0, len(digests), _DIGEST)),
        )
        return _Offer(result=_Offer.Result.ACCEPT)

    def applied(self, request: abci.RequestApplySnapshotChunk) -> abci.ResponseApplySnapshotChunk:
        """Take a chunk; a poisoned one is fetched again, and not from who sent it."""
        accepted = self._accepted
        if accepted is None or request.index != accepted.taken:
            return _Apply(result=_Apply.Result.RETRY_SNAPSHOT)
        if sha256(request.chunk) != accepted.digests[request.index]:
            _LOG.warning("a chunk of a snapshot is not what was announced")
            return _Apply(
                result=_Apply.Result.RETRY,
                refetch_chunks=[request.index],
                reject_senders=[request.sender],
            )
        try:
            return self._taken(accepted, request.chunk)
        except (Rejected, ValueError) as error:
            result = _Apply.Result.REJECT_SNAPSHOT
            _LOG.warning("a snapshot is refused: %s", error)
        except (SSIError, OSError) as error:
            result = _Apply.Result.ABORT
            _LOG.warning("a snapshot cannot be written: %s", error)
        self._forget()
        return _Apply(result=result)

    def _taken(self, accepted: _Accepted, chunk: bytes) -> abci.ResponseApplySnapshotChunk:
        """Keep a chunk, and with the last one the whole state, if it has the verified root.

        Raises:
            Rejected: It is no snapshot of this chain, or its root is another.
            SSIError: ``chain.storage``.
            OSError: A chunk cannot be kept.
        """
        if len(chunk) > CHUNK:
            raise Malformed("a chunk of the snapshot is too long", code="chain.snapshot")
        _chunk_file(self._incoming, accepted.taken).write_bytes(chunk)
        accepted.taken += 1
        if accepted.taken == len(accepted.digests):
            self._restore(accepted)
            self._forget()
        return _Apply(result=_Apply.Result.ACCEPT)

    def _restore(self, accepted: _Accepted) -> None:
        chunks = (_chunk_file(self._incoming, at).read_bytes() for at in range(accepted.taken))
        given = UntrustedSnapshot(chunks, self._genesis, accepted.height)

        def found(db: sqlite3.Connection) -> None:
            ledger.begin(db, self._genesis.digest(), accepted.height)
            db.executemany("INSERT OR IGNORE INTO token VALUES (?, ?)", given.tokens())

        root = accepted.app_hash
        self._store.bulk_load(accepted.height, given.records(), root=root, extra=found)

    @property
    def _incoming(self) -> Path:
        return self._folder / "incoming"

    def _forget(self) -> None:
        """Drop what was received."""
        self._accepted = None
        shutil.rmtree(self._incoming, ignore_errors=True)


def _chunk_file(folder: Path, index: int) -> Path:
    return folder / f"{index:05}"
