"""Bitcoin's block headers: whether one counts, by its cost, its neighbours and what is pinned.

Headers alone prove work. They do not prove a height (it stands in a transaction, not in the header)
and not that no heavier chain exists; a pinned checkpoint in the same run of headers proves both, as
far as one trusts who pinned it [ANC-OTS-4].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from registry_chain.anchoring.policy import BitcoinPolicy
from ssi.encoding import sha256
from ssi.errors import InvalidProof, Unavailable, Untrusted

HEADER_BYTES: Final = 80
_RETARGET: Final = 2016
_MOST_CHANGE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One header, read."""

    hash: bytes
    previous: bytes
    merkle_root: bytes
    time: int
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedHeader:
    """A header that counts under a policy, and on what grounds."""

    height: int
    hash: str
    merkle_root: bytes
    time: datetime
    confirmations: int
    pinned: bool


def read_header(raw: bytes) -> Header:
    """Read 80 bytes."""
    return Header(
        hash=sha256(sha256(raw)),
        previous=raw[4:36],
        merkle_root=raw[36:68],
        time=int.from_bytes(raw[68:72], "little"),
        target=_target(raw[72:76]),
    )


def _target(bits: bytes) -> int:
    """The compact form of a target; 0, which nothing meets, for forms that Bitcoin refuses."""
    exponent, mantissa = bits[3], int.from_bytes(bits[:3], "little")
    if mantissa & 0x80_0000 or exponent > 32:  # noqa: PLR2004 - a target has 32 bytes
        return 0
    return mantissa << 8 * (exponent - 3) if exponent >= 3 else mantissa >> 8 * (3 - exponent)  # noqa: PLR2004


def counted_header(height: int, policy: BitcoinPolicy) -> CountedHeader:
    """Return the header at a height, if it counts.

    Args:
        height: The height that a proof names.
        policy: Which headers the reader has, and what they must have cost.

    Raises:
        Unavailable: ``anchor.header_missing``: the headers at hand do not reach far enough.
        InvalidProof: ``anchor.header_chain``, ``anchor.header_work``: the headers do not hold.
        Untrusted: ``anchor.header_checkpoint``: they do not lead to what is pinned.
    """
    start, run = _run(height, policy)
    last = start + len(run) // HEADER_BYTES - 1
    if last < height + policy.confirmations - 1:
        raise Unavailable(
            "too few headers follow the one that counts", code="anchor.header_missing"
        )
    pins = {at: pin for at, pin in policy.checkpoints.items() if start <= at <= last}
    if policy.checkpoints and not pins:
        raise Untrusted("no pinned header is in this run", code="anchor.header_checkpoint")
    low, high = min([height, *pins]), max([height + policy.confirmations - 1, *pins])
    found: Header | None = None
    for at, header in _checked(start, run, (low, high), policy):
        if at in pins and header.hash[::-1].hex() != pins[at]:
            raise Untrusted("a header is not the pinned one", code="anchor.header_checkpoint")
        if at == height:
            found = header
    if found is None:
        raise AssertionError("the height is within the span")
    return CountedHeader(
        height=height,
        hash=found.hash[::-1].hex(),
        merkle_root=found.merkle_root,
        time=datetime.fromtimestamp(found.time, UTC),
        confirmations=high - height + 1,
        pinned=bool(pins),
    )


def _run(height: int, policy: BitcoinPolicy) -> tuple[int, bytes]:
    for start, run in policy.headers.items():
        if len(run) % HEADER_BYTES:
            raise InvalidProof("a header file is not whole headers", code="anchor.header_chain")
        if start <= height < start + len(run) // HEADER_BYTES:
            return start, run
    raise Unavailable("the headers do not reach this height", code="anchor.header_missing")


def _checked(
    start: int, run: bytes, span: tuple[int, int], policy: BitcoinPolicy
) -> Iterator[tuple[int, Header]]:
    """Every header of a span: it follows the one before, met its target, and cost enough."""
    before: Header | None = None
    for at in range(span[0], span[1] + 1):
        place = (at - start) * HEADER_BYTES
        header = read_header(run[place : place + HEADER_BYTES])
        if (
            int.from_bytes(header.hash, "little") > header.target
            or header.target > policy.max_target
        ):
            raise InvalidProof("a header did not cost enough work", code="anchor.header_work")
        if before is not None and not _follows(header, before, at):
            raise InvalidProof("a header does not follow its neighbour", code="anchor.header_chain")
        yield at, header
        before = header


def _follows(header: Header, before: Header, at: int) -> bool:
    if header.previous != before.hash:
        return False
    if at % _RETARGET:
        return header.target == before.target
    # Compact targets are rounded, so the bounds leave that much room.
    low, high = sorted((header.target, before.target))
    return high <= low * _MOST_CHANGE + (low >> 8)
