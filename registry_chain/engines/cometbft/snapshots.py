"""Snapshots of the state, by which a new node joins without replaying the chain [REG-NET-4].

Every node makes the same bytes: the records in the order of their keys, then the current status
list tokens, cut into chunks of a fixed size; no time, no compression. What is offered is believed
only if every chunk has its announced digest and the records give the root that CometBFT's light
client verified.
"""

import contextlib
import logging
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from registry_chain.engines import ledgerfile as file
from registry_chain.engines.cometbft import ledger
from registry_chain.engines.cometbft.pb.tendermint.abci import types_pb2 as abci
from registry_chain.genesis import Genesis
from registry_chain.light.codec import uvarint
from registry_chain.records import StatusRecord
from registry_chain.state import MAX_KEY, MAX_VALUE, is_key
from registry_chain.store import Store
from ssi.encoding import b64url_encode, canonical_json, sha256
from ssi.errors import Malformed, Rejected, SSIError

FORMAT: Final = 1
CHUNK: Final = 1_000_000
MAX_CHUNKS: Final = 16_000
KEPT: Final = 2
INTERVAL: Final = 1_000
_RECORD, _TOKEN = b"r", b"t"
_DIGEST: Final = 32
_MAX_TOKEN: Final = 400_000
_PAGE: Final = 500
_LOG = logging.getLogger("warifu.chain.snapshot")
_Offer = abci.ResponseOfferSnapshot
_Apply = abci.ResponseApplySnapshotChunk


@dataclass(frozen=True, slots=True, kw_only=True)
class _Accepted:
    """A snapshot that is being received."""

    height: int
    app_hash: bytes
    digests: tuple[bytes, ...]
    parts: list[bytes] = field(default_factory=list, repr=False)


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
        if height % self._interval == 0 and self._making.acquire(blocking=False):
            threading.Thread(
                target=self._make_in_background, args=(height,), name="snapshot", daemon=True
            ).start()

    def _make_in_background(self, height: int) -> None:
        try:
            self.make(height)
        except (SSIError, OSError) as error:
            _LOG.warning("no snapshot at height %d: %s", height, error)
        finally:
            self._making.release()

    def make(self, height: int) -> None:
        """Write the snapshot of a height; only a whole one gets its name."""
        final = self._folder / str(height)
        making = self._folder / f"{height}.part"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True, mode=0o700)
        reading = Store(self._path, readonly=True, cached_pages=0)
        try:
            for index, chunk in enumerate(_chunks(_stream(reading, self._genesis, height))):
                (making / f"{index:05}").write_bytes(chunk)
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
            digests = b"".join(sha256(path.read_bytes()) for path in self._files(height))
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
            return (self._folder / str(height) / f"{index:05}").read_bytes()
        return b""

    def _heights(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        return sorted(int(one.name) for one in self._folder.iterdir() if one.name.isdecimal())

    def _files(self, height: int) -> list[Path]:
        return sorted((self._folder / str(height)).iterdir())

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
        self._accepted = _Accepted(
            height=given.height,
            app_hash=request.app_hash,
            digests=tuple(digests[at : at + _DIGEST] for at in range(0, len(digests), _DIGEST)),
        )
        return _Offer(result=_Offer.Result.ACCEPT)

    def applied(self, request: abci.RequestApplySnapshotChunk) -> abci.ResponseApplySnapshotChunk:
        """Take a chunk; a poisoned one is fetched again, and not from who sent it."""
        accepted = self._accepted
        if accepted is None or request.index != len(accepted.parts):
            return _Apply(result=_Apply.Result.RETRY_SNAPSHOT)
        if sha256(request.chunk) != accepted.digests[request.index]:
            _LOG.warning("a chunk of a snapshot is not what was announced")
            return _Apply(
                result=_Apply.Result.RETRY,
                refetch_chunks=[request.index],
                reject_senders=[request.sender],
            )
        accepted.parts.append(request.chunk)
        if len(accepted.parts) == len(accepted.digests):
            self._accepted = None
            return self._restored(accepted)
        return _Apply(result=_Apply.Result.ACCEPT)

    def _restored(self, accepted: _Accepted) -> abci.ResponseApplySnapshotChunk:
        """Write the whole state if it has the verified root; else nothing."""
        try:
            records, tokens = read_snapshot(
                b"".join(accepted.parts), self._genesis, accepted.height
            )
            root = self._store.stage(accepted.height, records)
        except (Rejected, ValueError) as error:
            _LOG.warning("a snapshot is refused: %s", error)
            return _Apply(result=_Apply.Result.REJECT_SNAPSHOT)
        if root != accepted.app_hash:
            self._store.abort()
            _LOG.warning("a snapshot is refused: its root is not the chain's")
            return _Apply(result=_Apply.Result.REJECT_SNAPSHOT)

        def found(db: sqlite3.Connection) -> None:
            ledger.begin(db, self._genesis.digest(), accepted.height)
            db.executemany("INSERT OR IGNORE INTO token VALUES (?, ?)", sorted(tokens.items()))

        self._store.commit(found)
        return _Apply(result=_Apply.Result.ACCEPT)


def _chunks(stream: Iterator[bytes]) -> Iterator[bytes]:
    """Cut a stream into chunks of the fixed size, the last one as long as it is."""
    buffer = bytearray()
    for piece in stream:
        buffer += piece
        while len(buffer) >= CHUNK:
            yield bytes(buffer[:CHUNK])
            del buffer[:CHUNK]
    if buffer:
        yield bytes(buffer)


def _head(genesis: Genesis, height: int) -> bytes:
    return canonical_json(
        {
            "chain_id": genesis.chain_id,
            "format": FORMAT,
            "genesis": genesis.digest(),
            "height": height,
        }
    )


def _stream(store: Store, genesis: Genesis, height: int) -> Iterator[bytes]:
    """The bytes of a snapshot."""
    head = _head(genesis, height)
    yield uvarint(len(head)) + head
    tokens: list[tuple[str, bytes]] = []
    after: str | None = None
    while page := store.items("", version=height, after=after, limit=_PAGE):
        for key, value in page:
            yield _entry(_RECORD, key.encode(), value)
            if key.startswith(f"{StatusRecord.PREFIX}/"):
                digest = StatusRecord.from_bytes(value).digest
                token = store.read(partial(file.token_of, digest=digest))
                if token is not None:
                    tokens.append((digest, token.encode()))
        after = page[-1][0]
    for digest, token_bytes in sorted(tokens):
        yield _entry(_TOKEN, digest.encode(), token_bytes)


def _entry(kind: bytes, key: bytes, value: bytes) -> bytes:
    return kind + uvarint(len(key)) + key + uvarint(len(value)) + value


def read_snapshot(
    data: bytes, genesis: Genesis, height: int
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Read a snapshot that a stranger sent: bounded, ordered, of this chain and height.

    Returns:
        The records, and the status list tokens under their digests.

    Raises:
        Malformed: ``chain.snapshot``.
    """
    reading = _Reader(data)
    if reading.take(4096) != _head(genesis, height):
        raise _malformed("is of another chain, height or format")
    records: dict[str, bytes] = {}
    tokens: dict[str, str] = {}
    last = ""
    while not reading.done:
        kind = reading.kind()
        key = reading.take(MAX_KEY).decode("ascii", "replace")
        if kind == _RECORD and not tokens and is_key(key) and key > last:
            records[key] = reading.take(MAX_VALUE)
            last = key
        elif kind == _TOKEN:
            token = reading.take(_MAX_TOKEN)
            if b64url_encode(sha256(token)) != key or not token.isascii():
                raise _malformed("holds a token that is not its digest's")
            tokens[key] = token.decode()
        else:
            raise _malformed("is not in its one order")
    return records, tokens


class _Reader:
    """Takes length-prefixed pieces from bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def done(self) -> bool:
        return self._at == len(self._data)

    def kind(self) -> bytes:
        self._at += 1
        return self._data[self._at - 1 : self._at]

    def take(self, most: int) -> bytes:
        length = shift = 0
        while True:
            if self._at >= len(self._data) or shift > 28:  # noqa: PLR2004 - five groups of seven
                raise _malformed("is cut off")
            byte = self._data[self._at]
            self._at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        if length > most or self._at + length > len(self._data):
            raise _malformed("has a piece that is too long")
        self._at += length
        return self._data[self._at - length : self._at]


def _malformed(what: str) -> Malformed:
    return Malformed(f"the snapshot {what}", code="chain.snapshot")
