"""The way to an anchored block when validators have changed. [ANC-VER-3]."""

from __future__ import annotations

import pytest

from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.anchoring.steps import steps_to, verify_as_of_then
from ssi.errors import Rejected
from tests.support.light import FOUR, Chain, genesis_trust, header, signed, validator_set

CROWDS = ("abcd", "abcx", "abxy", "axyz", "wxyz")


@pytest.fixture
def chain() -> Chain:
    """Five sets of validators, each a quarter new, four blocks long."""
    made = Chain()
    sets = [validator_set(**dict.fromkeys(names, 1)) for names in CROWDS]
    for place, (names, validators) in enumerate(zip(CROWDS, sets, strict=True)):
        made.names = names
        for block in range(4):
            last = block == 3 and place < 4
            made.grow(validators, sets[place + 1] if last else None)
    return made


def test_the_way_is_kept_and_gone_again_without_a_node(chain, tmp_path):
    target = chain.blocks[-1]
    with pytest.raises(Rejected):
        verify_as_of_then(target, genesis_trust(FOUR))
    steps = steps_to(target, genesis_trust(FOUR), lambda height: chain.blocks[height - 1])
    assert 3 <= len(steps) < len(chain.blocks) - 1

    folder = AnchorFolder(tmp_path)
    folder.keep_block("2026-11-25", target, steps)
    trusted = genesis_trust(FOUR)
    for step in folder.steps("2026-11-25"):
        trusted = verify_as_of_then(step, trusted).trusted
    assert verify_as_of_then(target, trusted).height == target.height
    assert list(folder.proofs("2026-11-25")) == []


def test_one_step_needs_nothing_kept(chain):
    near = chain.blocks[5]
    assert steps_to(near, genesis_trust(FOUR), lambda _: near) == ()


def test_no_way_leads_to_a_strangers_block(chain):
    strangers = validator_set(p=1, q=1, r=1, s=1)
    forged = signed(header(18), strangers, "pqrs")
    with pytest.raises(Rejected):
        steps_to(forged, genesis_trust(FOUR), lambda height: chain.blocks[height - 1])
