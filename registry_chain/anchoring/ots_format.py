"""The OpenTimestamps file format: as narrow as a Bitcoin proof needs, read strictly [ANC-OTS-1].

A proof is a tree of operations that starts from a file's SHA-256; every leaf says who attests to
the message that the operations have led to. We read any tree and keep single paths.
"""

from dataclasses import dataclass
from typing import Final

from ssi.encoding import sha256
from ssi.errors import Malformed

MAGIC: Final = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"
_VERSION: Final = 1
_SHA256, _APPEND, _PREPEND = 0x08, 0xF0, 0xF1
_ATTESTATION, _FORK = 0x00, 0xFF
_BITCOIN = bytes.fromhex("0588960d73d71901")
_PENDING = bytes.fromhex("83dfe30d2ef90c8e")
_TAG_BYTES = 8
_DIGEST_BYTES = 32
_MAX_MESSAGE = 4096
_MAX_PAYLOAD = 8192
_MAX_URI = 1000
_MAX_DEPTH = 128
_MAX_PATHS = 64
_URI = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One step; ``operand`` is what is put before or after, and empty for a hash."""

    tag: int
    operand: bytes = b""

    def apply(self, message: bytes) -> bytes:
        """The message after this step."""
        if self.tag == _SHA256:
            return sha256(message)
        grown = message + self.operand if self.tag == _APPEND else self.operand + message
        if len(grown) > _MAX_MESSAGE:
            raise _bad("grows beyond what the format allows")
        return grown


@dataclass(frozen=True, slots=True, kw_only=True)
class InBitcoin:
    """The message is the Merkle root of the Bitcoin block at ``height``."""

    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The calendar at ``uri`` promises to have the message put into a Bitcoin block."""

    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """An attestation of a kind that we do not judge."""


Attestation = InBitcoin | Pending | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A way through a proof: from ``start`` by ``operations`` to who attests."""

    start: bytes
    operations: tuple[Operation, ...]
    attestation: Attestation

    @property
    def message(self) -> bytes:
        """The message that is attested."""
        message = self.start
        for operation in self.operations:
            message = operation.apply(message)
        return message

    def joined(self, further: "Path") -> "Path":
        """This path, led on by one that starts where it ends."""
        if further.start != self.message:
            raise ValueError("the paths do not meet")
        operations = self.operations + further.operations
        return Path(start=self.start, operations=operations, attestation=further.attestation)


def parse_file(raw: bytes) -> tuple[Path, ...]:
    """Read a detached ``.ots`` file of a SHA-256 digest.

    Raises:
        Malformed: ``anchor.ots_form``.
    """
    reader = _Reader(raw)
    if reader.take(len(MAGIC)) != MAGIC or reader.varuint() != _VERSION:
        raise _bad("is not a time-stamp file of version 1")
    if reader.byte() != _SHA256:
        raise _bad("is not over a SHA-256 digest")
    paths = _tree(reader, reader.take(_DIGEST_BYTES))
    reader.done()
    return paths


def parse_answer(raw: bytes, start: bytes) -> tuple[Path, ...]:
    """Read a calendar's answer: a tree that starts from the message it was asked for.

    Raises:
        Malformed: ``anchor.ots_form``.
    """
    reader = _Reader(raw)
    paths = _tree(reader, start)
    reader.done()
    return paths


def to_file(path: Path) -> bytes:
    """Write one path as a detached ``.ots`` file."""
    if len(path.start) != _DIGEST_BYTES:
        raise ValueError("a file's digest has 32 bytes")
    steps = b"".join(
        bytes([one.tag]) + (b"" if one.tag == _SHA256 else _varbytes(one.operand))
        for one in path.operations
    )
    head = MAGIC + _varuint(_VERSION) + bytes([_SHA256]) + path.start
    return head + steps + bytes([_ATTESTATION]) + _written(path.attestation)


def _written(attestation: Attestation) -> bytes:
    match attestation:
        case InBitcoin(height=height):
            return _BITCOIN + _varbytes(_varuint(height))
        case Pending(uri=uri):
            return _PENDING + _varbytes(_varbytes(uri.encode()))
        case Unknown():
            raise ValueError("an attestation that we do not know is not written")


class _Reader:
    """Takes bytes in order and never more than there are."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0
        self.paths: list[Path] = []

    def take(self, count: int) -> bytes:
        found = self._raw[self._at : self._at + count]
        if len(found) != count:
            raise _bad("ends early")
        self._at += count
        return found

    def byte(self) -> int:
        return self.take(1)[0]

    def varuint(self) -> int:
        """Read an unsigned LEB128 number in its shortest form, below 2^35."""
        value = 0
        for shift in range(0, 35, 7):
            part = self.byte()
            value |= (part & 0x7F) << shift
            if part < 0x80:  # noqa: PLR2004 - the last group has no mark
                if part == 0 and shift:
                    raise _bad("holds a number that is not in its shortest form")
                return value
        raise _bad("holds a number that is too big")

    def varbytes(self, longest: int, shortest: int = 0) -> bytes:
        count = self.varuint()
        if not shortest <= count <= longest:
            raise _bad("holds something of a wrong length")
        return self.take(count)

    def done(self) -> None:
        if self._at != len(self._raw):
            raise _bad("has something behind its end")


def _tree(reader: _Reader, start: bytes) -> tuple[Path, ...]:
    _branch(reader, start, start, ())
    return tuple(reader.paths)


def _branch(reader: _Reader, start: bytes, message: bytes, before: tuple[Operation, ...]) -> None:
    if len(before) > _MAX_DEPTH:
        raise _bad("is nested too deep")
    while (tag := reader.byte()) == _FORK:
        _step(reader, start, message, before, reader.byte())
    _step(reader, start, message, before, tag)


def _step(
    reader: _Reader, start: bytes, message: bytes, before: tuple[Operation, ...], tag: int
) -> None:
    if tag == _ATTESTATION:
        if len(reader.paths) == _MAX_PATHS:
            raise _bad("has too many attestations")
        path = Path(start=start, operations=before, attestation=_attestation(reader))
        reader.paths.append(path)
        return
    if tag == _SHA256:
        operation = Operation(tag=tag)
    elif tag in (_APPEND, _PREPEND):
        operation = Operation(tag=tag, operand=reader.varbytes(_MAX_MESSAGE, 1))
    else:
        raise _bad("has an operation that a Bitcoin proof does not need")
    _branch(reader, start, operation.apply(message), (*before, operation))


def _attestation(reader: _Reader) -> Attestation:
    tag = reader.take(_TAG_BYTES)
    payload = _Reader(reader.varbytes(_MAX_PAYLOAD))
    if tag == _BITCOIN:
        height = payload.varuint()
        payload.done()
        return InBitcoin(height=height)
    if tag == _PENDING:
        uri = payload.varbytes(_MAX_URI, 1)
        payload.done()
        if not _URI.issuperset(uri):
            raise _bad("names a calendar with odd characters")
        return Pending(uri=uri.decode("ascii"))
    return Unknown()


def _varuint(value: int) -> bytes:
    groups = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        groups.append(low | (0x80 if value else 0))
        if not value:
            return bytes(groups)


def _varbytes(value: bytes) -> bytes:
    return _varuint(len(value)) + value


def _bad(what: str) -> Malformed:
    return Malformed(f"the OpenTimestamps proof {what}", code="anchor.ots_form")
