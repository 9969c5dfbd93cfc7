"""The bytes of a snapshot: a head, the records in the order of their keys, the tokens.

Every node makes the same ones: no time, no compression. What a stranger sent is read piece by
piece, bounded, and never held as a whole.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from registry_chain.engines import ledgerfile as file
from registry_chain.genesis import Genesis
from registry_chain.light.codec import uvarint
from registry_chain.records import StatusRecord
from registry_chain.state import MAX_KEY, MAX_VALUE, is_key
from registry_chain.store import Store
from ssi.encoding import b64url_encode, canonical_json, sha256
from ssi.errors import Malformed

FORMAT: Final = 1
_RECORD, _TOKEN = b"r", b"t"
_MAX_HEAD: Final = 4096
_MAX_TOKEN: Final = 400_000
_PAGE: Final = 500
_STATUS: Final = f"{StatusRecord.PREFIX}/"


def write_snapshot(store: Store, genesis: Genesis, height: int, size: int) -> Iterator[bytes]:
    """Yield the state of a height in chunks of ``size`` bytes, the last one as long as it is."""
    buffer = bytearray()
    for piece in _pieces(store, genesis, height):
        buffer += piece
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
    if buffer:
        yield bytes(buffer)


def _pieces(store: Store, genesis: Genesis, height: int) -> Iterator[bytes]:
    head = _head(genesis, height)
    yield uvarint(len(head)) + head
    tokens: list[tuple[str, bytes]] = []
    after: str | None = None
    while page := store.items("", version=height, after=after, limit=_PAGE):
        for key, value in page:
            yield _entry(_RECORD, key.encode(), value)
            if key.startswith(_STATUS):
                digest = StatusRecord.from_bytes(value).digest
                token = store.read(partial(file.token_of, digest=digest))
                if token is not None:
                    tokens.append((digest, token.encode()))
        after = page[-1][0]
    for digest, token_bytes in sorted(tokens):
        yield _entry(_TOKEN, digest.encode(), token_bytes)


def _head(genesis: Genesis, height: int) -> bytes:
    return canonical_json(
        {
            "chain_id": genesis.chain_id,
            "format": FORMAT,
            "genesis": genesis.digest(),
            "height": height,
        }
    )


def _entry(kind: bytes, key: bytes, value: bytes) -> bytes:
    return kind + uvarint(len(key)) + key + uvarint(len(value)) + value


class UntrustedSnapshot:
    """A stranger's snapshot of this chain and height, read once: first `records`, then `tokens`.

    Args:
        chunks: Its bytes, in chunks of any size.
        genesis: The chain it must be of.
        height: The height it must be of.

    Raises:
        Malformed: ``chain.snapshot``, here and while it is read.
    """

    def __init__(self, chunks: Iterable[bytes], genesis: Genesis, height: int) -> None:
        self._reading = _Reader(iter(chunks))
        self._named: set[str] = set()  # the digests of tokens that records name
        self._kind = b""
        if self._reading.take(_MAX_HEAD) != _head(genesis, height):
            raise _malformed("is of another chain, height or format")

    def records(self) -> Iterator[tuple[str, bytes]]:
        """Yield the records in the order of their keys."""
        last = ""
        while (kind := self._reading.kind()) == _RECORD:
            key, value = self._key(), self._reading.take(MAX_VALUE)
            if not is_key(key) or key <= last:
                raise _malformed("is not in its one order")
            if key.startswith(_STATUS):
                self._named.add(_token_digest(value))
            yield key, value
            last = key
        self._kind = kind

    def tokens(self) -> Iterator[tuple[str, str]]:
        """Yield the status list tokens under their digests, each once."""
        kind = self._kind
        while kind == _TOKEN:
            digest, token = self._key(), self._reading.take(_MAX_TOKEN)
            if b64url_encode(sha256(token)) != digest or not token.isascii():
                raise _malformed("holds a token that is not its digest's")
            if digest not in self._named:
                raise _malformed("holds a token that no record names")
            self._named.remove(digest)
            yield digest, token.decode()
            kind = self._reading.kind()
        if kind:
            raise _malformed("is not in its one order")

    def _key(self) -> str:
        return self._reading.take(MAX_KEY).decode("ascii", "replace")


def _token_digest(record: bytes) -> str:
    try:
        return StatusRecord.from_bytes(record).digest
    except Malformed:
        raise _malformed("holds a status record that is none") from None


class _Reader:
    """Takes length-prefixed pieces from chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._data = b""
        self._at = 0

    def kind(self) -> bytes:
        """The next byte; nothing at the end."""
        return self._next(1) if self._filled(1) else b""

    def take(self, most: int) -> bytes:
        """The next piece, at most ``most`` bytes long."""
        length = shift = 0
        while True:
            if not self._filled(1) or shift > 28:  # noqa: PLR2004 - five groups of seven
                raise _malformed("is cut off")
            (byte,) = self._next(1)
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        if length > most or not self._filled(length):
            raise _malformed("has a piece that is too long")
        return self._next(length)

    def _filled(self, count: int) -> bool:
        while len(self._data) - self._at < count:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._data, self._at = self._data[self._at :] + chunk, 0
        return True

    def _next(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]


def _malformed(what: str) -> Malformed:
    return Malformed(f"the snapshot {what}", code="chain.snapshot")
