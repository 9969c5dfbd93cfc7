"""Proofs from outside the consortium that a pack's blocks existed by a time [EVI-ANC-1].

A pack holds the light block that was anchored, the headers that lead back from it to the pack's own
blocks, each by the hash in the one after it, and the proofs. No signature is needed for that way:
whoever stole old validators' keys can sign another past, but not put it under a stamped hash. Whom
to believe about time is the reader's own policy, never the pack's [ANC-POL-1].
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from registry_chain.anchoring import (
    AnchorPolicy,
    AnchorProof,
    AnchorReport,
    parse_anchor,
    verify_epoch,
)
from registry_chain.light import Header, TrustedState, VerifiedLightBlock, header_hash
from ssi.encoding import JsonLimits, canonical_json, parse_json_object
from ssi.errors import BindingMismatch, Malformed, Unavailable
from verifier_sdk.evidence.sources import verify_proofs

BLOCK: Final = "anchor/block.json"
HEADERS: Final = "anchor/headers.jsonl"
PROOFS: Final = "anchor/proof/"
FOLDER: Final = "anchor/"
MAX_HEADERS: Final = 4_000
MAX_PROOFS: Final = 16
_LIMITS: Final = JsonLimits(max_bytes=4_096)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """An anchored block, what it stands on, and proofs that nobody has judged yet.

    Attributes:
        block: The anchored block, verified from the genesis on.
        hashes: The block hashes of the heights that it stands on by its own hash, and its own.
        proofs: What others, outside, said of its hash; unjudged.
        covers: The heights of the pack's blocks that are among ``hashes``.
    """

    block: VerifiedLightBlock
    hashes: Mapping[int, bytes] = field(repr=False)
    proofs: tuple[AnchorProof, ...] = field(repr=False)
    covers: tuple[int, ...] = ()

    @property
    def epoch(self) -> str:
        """The hour or day whose last block was anchored."""
        return self.proofs[0].epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorReader:
    """Whom a reader believes about time outside, and his own clock."""

    policy: AnchorPolicy
    now: datetime


def read_outside(files: Mapping[str, bytes], trusted: TrustedState, at: datetime) -> Outside | None:
    """Read the anchors of a pack, and the way from the anchored block down [EVI-ANC-2].

    Args:
        files: The pack's files.
        trusted: What the genesis vouches for.
        at: When the pack was made.

    Returns:
        The block, its headers and proofs; ``None`` for a pack without.

    Raises:
        Rejected: ``light.*``, ``anchor.*``, ``json.*``; ``evidence.anchor``: the headers do not
            follow one another, or a proof is of another block.
    """
    names = sorted(name for name in files if name.startswith(FOLDER))
    if not names:
        return None
    kept = [name for name in names if name.startswith(PROOFS)]
    if {*names} - {*kept} != {BLOCK, HEADERS} or not 1 <= len(kept) <= MAX_PROOFS:
        raise Malformed("the pack's anchor is not whole", code="evidence.anchor")
    block = verify_proofs(files[BLOCK], trusted, at).light_block
    proofs = tuple(parse_anchor(files[name]) for name in kept)
    told = {(proof.epoch, proof.height, proof.block_hash) for proof in proofs}
    if told != {(proofs[0].epoch, block.height, block.header_hash)}:
        raise BindingMismatch("an outside proof is of another block", code="evidence.anchor")
    return Outside(block=block, hashes=_hashes(block, files[HEADERS]), proofs=proofs)


def headers_file(headers: Iterable[Header]) -> bytes:
    """The headers below an anchored block as a file, the newest first."""
    return b"".join(canonical_json(header.to_json()) + b"\n" for header in headers)


def _hashes(block: VerifiedLightBlock, raw: bytes) -> dict[int, bytes]:
    """Follow the hashes down from the anchored block."""
    above, found = block.block.header, {block.height: block.header_hash}
    for header in _headers(raw):
        found[header.height] = header_hash(header)
        if not _stands_on(above, header):
            raise BindingMismatch("a header is not the one before", code="evidence.anchor")
        above = header
    found[above.height - 1] = above.last_block_id.hash
    return found


def _headers(raw: bytes) -> Iterator[Header]:
    lines = raw.splitlines(keepends=True)
    if len(lines) > MAX_HEADERS:
        raise Malformed("there are too many headers", code="evidence.anchor")
    for line in lines:
        header = Header.parse(parse_json_object(line, limits=_LIMITS))
        if canonical_json(header.to_json()) + b"\n" != line:
            raise Malformed("a header is not written as headers are", code="evidence.anchor")
        yield header


def _stands_on(above: Header, header: Header) -> bool:
    return (
        header.height == above.height - 1
        and header.chain_id == above.chain_id
        and above.last_block_id.hash == header_hash(header)
    )


def covering(
    outside: Outside, blocks: Iterable[VerifiedLightBlock], then: VerifiedLightBlock | None
) -> Outside:
    """Tell which blocks of a pack the anchored one stands on.

    Args:
        outside: The anchor.
        blocks: The pack's blocks.
        then: The one that the message was judged under, if any was needed.

    Raises:
        BindingMismatch: ``evidence.anchor``: it says nothing about ``then``, or about any.
    """
    covers = sorted(
        {one.height for one in blocks if outside.hashes.get(one.height) == one.header_hash}
    )
    if not covers or (then is not None and then.height not in covers):
        raise BindingMismatch("the anchor is above none of these blocks", code="evidence.anchor")
    return replace(outside, covers=tuple(covers))


def judge_outside(outside: Outside | None, reader: AnchorReader) -> AnchorReport:
    """Judge the anchors by a reader's own policy [EVI-ANC-3], [ANC-VER-2].

    Raises:
        Unavailable: ``evidence.unanchored``: the pack has none; or as `verify_epoch`.
        Rejected: ``anchor.*``.
    """
    if outside is None:
        raise Unavailable("the pack has no proof from outside", code="evidence.unanchored")
    return verify_epoch(outside.proofs, outside.block, reader.policy, reader.now)
