"""Evidence from before a hand-over, and stamps from after it [EVI-ANC-2], [ANC-EPO-2]."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry_chain.anchoring import AnchorProof, Method, anchor_to_bytes
from registry_chain.anchoring.epochs import Period, epoch_at, last_block
from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.client import Genesis
from registry_chain.light import (
    UntrustedLightBlock,
    VerifiedLightBlock,
    build_bundle,
    verify_light_block,
)
from ssi.encoding import canonical_json, sha256
from ssi.errors import BindingMismatch, Unavailable
from tests.support.light import GENESIS, ONE, Chain, genesis_trust
from tests.support.registry import make_genesis
from verifier_sdk.evidence.outside import (
    BLOCK,
    HEADERS,
    PROOFS,
    Outside,
    covering,
    headers_file,
    read_outside,
)
from verifier_sdk.evidence.outside_files import outside_files
from verifier_sdk.evidence.sources import HISTORY
from verifier_sdk.evidence.way import way_from

LAST = 90  # the last block by one validator
NOW = GENESIS + timedelta(hours=9)


@pytest.fixture(scope="module")
def blocks() -> Sequence[UntrustedLightBlock]:
    """Ninety blocks by one validator, then sixty by the four to whom it handed over."""
    made = Chain(names="a")
    while len(made.blocks) < LAST - 1:
        made.grow(ONE)
    made.hand_over("wxyz")
    while len(made.blocks) < LAST + 60:
        made.grow(made.blocks[-1].validators)
    return made.blocks


def test_the_way_over_a_hand_over_has_the_two_blocks_it_needs(
    blocks: Sequence[UntrustedLightBlock],
) -> None:
    """[EVI-EXP-3], [REG-LIGHT-9]: what the search by halving met besides does not go along."""

    def at(height: int) -> UntrustedLightBlock:
        return blocks[height - 1]

    way = way_from(genesis_trust(ONE), blocks[-1], at, NOW)
    assert [one.height for one in way] == [LAST, LAST + 1]
    trusted = genesis_trust(ONE)
    for step in (*way, blocks[-1]):
        trusted = verify_light_block(step, trusted=trusted, now=NOW, options=HISTORY).trusted
    assert [one.height for one in way_from(genesis_trust(ONE), at(LAST + 1), at, NOW)] == [LAST]
    assert way_from(genesis_trust(ONE), at(LAST), at, NOW) == ()


def _proof(block: UntrustedLightBlock) -> AnchorProof:
    return AnchorProof(
        method=Method.RFC3161,
        epoch=epoch_at(block.header.time.moment, Period.HOUR).name,
        height=block.height,
        block_hash=block.commit.block_id.hash,
        proof=b"stamped",
    )


class _Node:
    """A chain's blocks, as an export asks for them."""

    def __init__(self, blocks: Sequence[UntrustedLightBlock]) -> None:
        self._verified: dict[int, VerifiedLightBlock] = {}
        trusted = genesis_trust(ONE)
        for block in blocks:
            verified = verify_light_block(block, trusted=trusted, now=NOW, options=HISTORY)
            self._verified[block.height], trusted = verified, verified.trusted

    def block_at(self, height: int, now: datetime) -> VerifiedLightBlock:
        del now
        return self._verified[height]


def _export(
    blocks: Sequence[UntrustedLightBlock], home: Path, anchored: int, then: int
) -> dict[str, bytes]:
    folder, block = AnchorFolder(home), blocks[anchored - 1]
    folder.keep_block(_proof(block).epoch, block, ())
    folder.keep(_proof(block), "east")
    genesis: Genesis = make_genesis()
    return outside_files(folder, then, genesis, _Node(blocks), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(("anchored", "then"), [(LAST + 1, LAST), (LAST + 9, LAST - 5)])
def test_a_stamp_beyond_the_hand_over_makes_no_pack(
    blocks: Sequence[UntrustedLightBlock], tmp_path: Path, anchored: int, then: int
) -> None:
    """[EVI-EXP-4]"""
    with pytest.raises(Unavailable) as caught:
        _export(blocks, tmp_path, anchored, then)
    assert caught.value.code == "evidence.unanchored"


@pytest.mark.parametrize("lowest", [LAST + 2, LAST + 1, LAST, LAST - 5])
def test_headers_over_a_hand_over_prove_nothing_of_what_was_before(
    blocks: Sequence[UntrustedLightBlock], lowest: int
) -> None:
    """[EVI-ANC-2]: the light client goes over it by signatures, a stamp does not."""
    anchored = blocks[LAST + 8]
    way = [blocks[LAST - 1], blocks[LAST]]
    headers = [blocks[at - 1].header for at in range(anchored.height - 1, lowest - 1, -1)]
    files = {
        BLOCK: canonical_json(build_bundle(anchored, [], path=way)),
        HEADERS: headers_file(headers),
        f"{PROOFS}000.json": anchor_to_bytes(_proof(anchored)),
    }
    if lowest <= LAST:
        with pytest.raises(BindingMismatch) as caught:
            read_outside(files, genesis_trust(ONE), NOW)
        assert caught.value.code == "evidence.anchor"
        return
    outside = read_outside(files, genesis_trust(ONE), NOW)
    assert outside is not None
    before = {blocks[at - 1].commit.block_id.hash for at in range(1, LAST + 1)}
    assert before.isdisjoint(outside.hashes.values())


def test_the_stolen_key_of_the_one_validator_makes_another_past_and_no_stamp_of_it(
    blocks: Sequence[UntrustedLightBlock],
) -> None:
    """[ANC-EPO-2]: why the last block before a hand-over needs a stamp of its own.

    The thief signs another past that ends in the same state and announces the same network. The
    network's first block names nobody before it, so signatures lead there from the false past too.
    """
    forged = Chain(names="a", blocks=list(blocks[: LAST - 40]))
    while len(forged.blocks) < LAST - 20:
        forged.grow(ONE, app_hash=sha256(b"what never was"))
    while len(forged.blocks) < LAST - 1:
        forged.grow(ONE)
    forged.grow(ONE, blocks[LAST].validators)
    past = [*forged.blocks, *blocks[LAST:]]
    node, lie = _Node(past), LAST - 30  # the light client has nothing to say against it
    false, true = (one.block_at(lie, NOW) for one in (node, _Node(blocks)))
    assert false.header_hash != true.header_hash
    assert node.block_at(LAST + 5, NOW).header_hash == blocks[LAST + 4].commit.block_id.hash

    def standing_on(lowest: int, anchored: UntrustedLightBlock) -> Outside:
        headers = [blocks[at - 1].header for at in range(anchored.height - 1, lowest, -1)]
        files = {
            BLOCK: canonical_json(build_bundle(anchored, [], path=way)),
            HEADERS: headers_file(headers),
            f"{PROOFS}000.json": anchor_to_bytes(_proof(anchored)),
        }
        found = read_outside(files, genesis_trust(ONE), NOW)
        assert found is not None
        return found

    way: list[UntrustedLightBlock] = []
    outside = standing_on(lie, blocks[LAST - 1])
    assert covering(outside, [true], true).covers == (lie,)
    with pytest.raises(BindingMismatch):
        covering(outside, [false], false)
    way = [blocks[LAST - 1], blocks[LAST]]
    network = standing_on(LAST, blocks[LAST + 8])
    for one in (true, false):  # a stamp on the network tells the two from one another in no way
        with pytest.raises(BindingMismatch):
            covering(network, [one], one)


def test_the_block_of_a_hand_overs_epoch_is_the_last_one_before_it(
    blocks: Sequence[UntrustedLightBlock],
) -> None:
    """[ANC-EPO-2]"""
    node = _Node(blocks)
    end = blocks[-1].header.time.moment

    def at(height: int) -> VerifiedLightBlock:
        return node.block_at(height, NOW)

    head, seam = at(len(blocks)), at(LAST)
    minute = epoch_at(datetime(2026, 1, 1, tzinfo=UTC), Period.HOUR)
    start = seam.time - timedelta(seconds=20)
    epoch = type(minute)(name="e", start=start, end=seam.time + timedelta(seconds=20))
    after = type(minute)(name="f", start=epoch.end, end=end)
    plain, chosen = last_block(epoch, head, at), last_block(epoch, head, at, seam)
    assert plain is not None
    assert (plain.height, chosen) == (LAST + 19, seam)
    assert last_block(after, head, at, seam) == last_block(after, head, at)
