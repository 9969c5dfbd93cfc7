"""What changed between two editions of a status list, small enough to travel with the newer one.

The map keeps a digest of the newest list's entries. A publisher adds the difference to the one
before, so that every node can compute the earlier entries, check them against that digest, and see
that no revoked entry came back, without having kept the earlier token [REG-STA-7].
"""

import zlib

from registry_chain.transactions.bodies import PublishStatus
from ssi.encoding import b64url_decode, b64url_encode, sha256
from ssi.errors import Malformed
from ssi.status_list import INVALID, StatusList, parse_status_token, peek_status_list

_BYTE = 8


def list_digest(entries: StatusList) -> str:
    """SHA-256 of the width of an entry and all entries, in base64url."""
    return b64url_encode(sha256(bytes([entries.bits]) + entries.data))


def status_changes(before: StatusList, after: StatusList) -> str:
    """The difference of two editions: zlib over the exclusive or of their bytes, base64url.

    Raises:
        ValueError: The later one is shorter or of another width.
    """
    if after.bits != before.bits or len(after.data) < len(before.data):
        raise ValueError("a later edition keeps width and length")
    return b64url_encode(zlib.compress(_xor(before.data, after.data), 9))


def earlier_list(after: StatusList, changes: str, *, size: int) -> StatusList:
    """The edition of ``size`` entries from which ``changes`` lead to ``after``.

    Raises:
        Malformed: ``tx.body``: it is no difference to such an edition.
    """
    stream = zlib.decompressobj()
    try:
        difference = stream.decompress(b64url_decode(changes), len(after.data) + 1)
    except zlib.error as error:
        raise Malformed("the changes do not unpack", code="tx.body") from error
    if not stream.eof or stream.unused_data or len(difference) != len(after.data):
        raise Malformed("the changes are of another length", code="tx.body")
    whole, length = _xor(difference, after.data), size * after.bits // _BYTE
    if any(whole[length:]):
        raise Malformed("the changes are to a longer list", code="tx.body")
    return StatusList(after.bits, whole[:length])


def revives(before: StatusList, after: StatusList) -> bool:
    """Whether an entry that was INVALID is anything else now."""
    was, now = (_only_invalid(entries) for entries in (before, after))
    return was & ~now != 0


def _only_invalid(entries: StatusList) -> int:
    """One bit for each entry whose value is INVALID (1), at the entry's lowest bit."""
    value = int.from_bytes(entries.data, "little")
    lowest = int.from_bytes(bytes([_LOWEST[entries.bits]]) * len(entries.data), "little")
    found = value & lowest
    for shift in range(1, entries.bits):
        found &= ~(value >> shift)
    return found


_LOWEST = {1: 0b11111111, 2: 0b01010101, 4: 0b00010001, 8: 0b00000001}
if INVALID != 1:
    raise AssertionError("the lowest bit alone means INVALID")


def _xor(first: bytes, second: bytes) -> bytes:
    length = max(len(first), len(second))
    value = int.from_bytes(first, "little") ^ int.from_bytes(second, "little")
    return value.to_bytes(length, "little")


def publish_status(name: str, sequence: int, token: str, previous: str | None) -> PublishStatus:
    """Build the body that publishes ``token`` after the edition ``previous``.

    Args:
        name: The list's name.
        sequence: The number of this edition.
        token: The signed token.
        previous: The token of the edition before it, none for the first.

    Returns:
        The transaction body.
    """
    if previous is None:
        return PublishStatus(list=name, sequence=sequence, token=token)
    before, after = (peek_status_list(parse_status_token(one)) for one in (previous, token))
    return PublishStatus(
        list=name, sequence=sequence, token=token, changes=status_changes(before, after)
    )
