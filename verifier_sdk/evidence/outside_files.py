"""Putting proofs from outside into a pack: the first anchored block that stands on its own."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from registry_chain.anchoring import AnchorProof, Method, anchor_to_bytes
from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.anchoring.opentimestamps import is_pending
from registry_chain.client import Genesis
from registry_chain.light import UntrustedLightBlock, build_bundle
from ssi.errors import Unavailable
from verifier_sdk.evidence.outside import BLOCK, HEADERS, MAX_HEADERS, PROOFS, headers_file
from verifier_sdk.evidence.way import Ledger, with_way

_BEYOND: Final = "the anchored block is of another engine; anchor the last one before the hand-over"
_NONE: Final = "no anchored block stands on this one yet"


def outside_files(
    folder: AnchorFolder, height: int, genesis: Genesis, ledger: Ledger, now: datetime
) -> dict[str, bytes]:
    """Return the files that show by when a block existed [EVI-ANC-1], [EVI-EXP-4].

    Args:
        folder: The kept proofs.
        height: The height of the block that the message was judged under.
        genesis: The pinned genesis.
        ledger: The chain, for the headers in between.
        now: The present.

    Raises:
        Unavailable: ``evidence.unanchored``: no kept proof reaches it yet, or from too far.
        Rejected: What is kept does not parse, or does not lead there.
    """
    block, proofs = _first(folder, height)
    between = range(block.header.height - 1, height, -1)
    if len(between) > MAX_HEADERS:
        raise Unavailable("the next anchored block is too far on", code="evidence.unanchored")
    headers = [ledger.block_at(one, now).block.header for one in between]
    if block.header.height > height and any(
        above.last_block_id.is_zero for above in (block.header, *headers)
    ):  # no hash leads over a hand-over [EVI-ANC-2]
        raise Unavailable(_BEYOND, code="evidence.unanchored")
    files = {
        BLOCK: with_way(build_bundle(block, []), genesis, ledger, now),
        HEADERS: headers_file(headers),
    }
    for number, proof in enumerate(proofs):
        files[f"{PROOFS}{number:03}.json"] = anchor_to_bytes(proof)
    return files


def _first(
    folder: AnchorFolder, height: int
) -> tuple[UntrustedLightBlock, tuple[AnchorProof, ...]]:
    """The lowest anchored block from a height on, with its proofs."""
    found = list(_reaching(folder, height))
    if not found:
        raise Unavailable(_NONE, code="evidence.unanchored")
    return min(found, key=lambda one: one[0].header.height)


def _reaching(
    folder: AnchorFolder, height: int
) -> Iterator[tuple[UntrustedLightBlock, tuple[AnchorProof, ...]]]:
    for epoch in folder.epochs():
        block = folder.block(epoch)
        if block is None or block.header.height < height:
            continue
        proofs = tuple(proof for proof in folder.proofs(epoch) if _complete(proof))
        if proofs:
            yield block, proofs


def _complete(proof: AnchorProof) -> bool:
    return proof.method is not Method.OPENTIMESTAMPS or not is_pending(proof.proof)
