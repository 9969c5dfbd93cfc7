"""The few bytes of Protocol Buffers that CometBFT hashes and signs, and its JSON spellings.

Written by hand because the encoding must be exact: fields in order, zero values left out, embedded
messages that are never null always there (gogoproto's ``nullable = false``) [REG-LIGHT-1].
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as BinasciiError
from calendar import timegm
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

from ssi.encoding import Fields
from ssi.errors import Malformed

MAX_INT64: Final = 2**63 - 1
_UINT64: Final = 2**64
_VARINT, _FIXED64, _BYTES = 0, 1, 2
_SEVEN_BITS: Final = 0x7F
_ONE_BYTE: Final = tuple(bytes([number]) for number in range(_SEVEN_BITS + 1))
_RFC3339 = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z", re.ASCII)
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_HEX = re.compile(r"(?:[0-9A-F]{2})*", re.ASCII)
_MAX_TIME_TEXT: Final = 40
_MAX_HASH_TEXT: Final = 128
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def uvarint(number: int) -> bytes:
    """Encode a number in groups of seven bits, the lowest first."""
    if number <= _SEVEN_BITS:
        return _ONE_BYTE[number]
    out = bytearray()
    while number > _SEVEN_BITS:
        out.append(number & _SEVEN_BITS | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def pb_int(field: int, number: int) -> bytes:
    """Encode an integer or enum field; zero is left out, a negative one takes ten bytes."""
    return uvarint(field << 3 | _VARINT) + uvarint(number % _UINT64) if number else b""


def pb_fixed(field: int, number: int) -> bytes:
    """Encode an ``sfixed64`` field; zero is left out."""
    if not number:
        return b""
    return uvarint(field << 3 | _FIXED64) + number.to_bytes(8, "little", signed=True)


def pb_bytes(field: int, data: bytes) -> bytes:
    """Encode a bytes or string field; an empty one is left out."""
    return pb_message(field, data) if data else b""


def pb_message(field: int, data: bytes) -> bytes:
    """Encode an embedded message, which is there even when it is empty."""
    return uvarint(field << 3 | _BYTES) + uvarint(len(data)) + data


def delimited(message: bytes) -> bytes:
    """Return a message behind its length."""
    return uvarint(len(message)) + message


class Timestamp(NamedTuple):
    """A moment in whole seconds since 1970 and nanoseconds, as exact as CometBFT signs it."""

    seconds: int
    nanos: int = 0

    @classmethod
    def at(cls, moment: datetime) -> Self:
        """Return the timestamp of an aware moment."""
        if moment.tzinfo is None:
            raise ValueError("a moment without time zone")
        whole, rest = divmod(moment - _EPOCH, timedelta(seconds=1))
        return cls(whole, rest // timedelta(microseconds=1) * 1000)

    @property
    def moment(self) -> datetime:
        """The moment, cut to microseconds."""
        return _EPOCH + timedelta(seconds=self.seconds, microseconds=self.nanos // 1000)

    def encode(self) -> bytes:
        """Encode ``google.protobuf.Timestamp``."""
        return pb_int(1, self.seconds) + pb_int(2, self.nanos)

    def to_json(self) -> str:
        """Return RFC 3339 with as many digits as needed."""
        fraction = f".{self.nanos:09}".rstrip("0") if self.nanos else ""
        whole = (_EPOCH + timedelta(seconds=self.seconds)).replace(tzinfo=None)
        return f"{whole.isoformat()}{fraction}Z"


NO_TIME: Final = Timestamp(-62_135_596_800)  # 0001-01-01T00:00:00Z, Go's zero time


def take_time(fields: Fields, name: str) -> Timestamp:
    """Take a time in RFC 3339 with up to nine digits of a second."""
    match = _RFC3339.fullmatch(fields.take_str(name, max_len=_MAX_TIME_TEXT))
    if match is None:
        raise malformed("a time is not in RFC 3339 UTC")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise malformed("a time does not exist") from None
    return Timestamp(timegm(moment.timetuple()), int((match[7] or "0").ljust(9, "0")))


def take_int64(fields: Fields, name: str) -> int:
    """Take a non-negative 64-bit integer, written as a string."""
    text = fields.take_str(name, max_len=20)
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_INT64:
        raise malformed("a number is not a 64-bit integer in decimal")
    return int(text)


def take_hex(fields: Fields, name: str, *sizes: int) -> bytes:
    """Take bytes in upper-case hex, of one of the given sizes if there are any."""
    text = fields.take_str(name, max_len=_MAX_HASH_TEXT, allow_empty=True)
    if not _HEX.fullmatch(text) or (sizes and len(text) // 2 not in sizes):
        raise malformed("a hash is not upper-case hex of its size")
    return bytes.fromhex(text)


def take_base64(fields: Fields, name: str, size: int) -> bytes:
    """Take bytes of a size in base64 with padding, in its one spelling."""
    text = fields.take_str(name, max_len=4 * size)
    try:
        data = b64decode(text, validate=True)
    except (BinasciiError, ValueError):
        raise malformed("a key or signature is not base64") from None
    if len(data) != size or to_base64(data) != text:
        raise malformed("a key or signature has the wrong size or spelling")
    return data


def to_base64(data: bytes) -> str:
    """Spell bytes in base64 with padding."""
    return b64encode(data).decode("ascii")


def to_hex(data: bytes) -> str:
    """Spell bytes in upper-case hex."""
    return data.hex().upper()


def reader(obj: object, where: str) -> Fields:
    """Return a reader of an object that someone sent."""
    if not isinstance(obj, dict):
        raise malformed(f"{where} is not an object")
    return Fields(obj, where=where, code="light.malformed")


def malformed(fact: str) -> Malformed:
    """Return the error for what has not CometBFT's form."""
    return Malformed(fact, code="light.malformed")
