"""The frozen evidence pack verifies for ever: who holds one from today is not let down later."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry_chain.anchoring.settings import AnchorSettings
from tests.support.firm_world import NAME, NOW
from verifier_sdk.evidence import Limit, verify_evidence
from verifier_sdk.evidence.outside import AnchorReader

FROZEN = Path(__file__).parents[2] / "frozen" / "evidence-1"
YEARS_LATER = datetime(2056, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def pack() -> bytes:
    return (FROZEN / "pack.zip").read_bytes()


@pytest.fixture(scope="module")
def genesis() -> str:
    return (FROZEN / "genesis.txt").read_text("ascii").strip()


def test_the_frozen_pack_verifies_with_its_page_to_the_byte(pack: bytes, genesis: str) -> None:
    """[EVI-PAGE-1]: see tests/frozen/make_evidence.py before changing a word of the page."""
    shown = verify_evidence(pack, genesis=genesis)
    assert shown.matter.claims.name == NAME
    assert shown.manifest.as_of == NOW
    assert shown.limits == (Limit.UNJUDGED,)
    assert len(pack) < 60_000


def test_its_stamps_are_judged_thirty_years_later(pack: bytes, genesis: str) -> None:
    """[EVI-ANC-3]: the authorities' certificates are over by then; they were good at the stamp."""
    policy = AnchorSettings.load(FROZEN / "anchoring.toml").policy
    reader = AnchorReader(policy=policy, now=YEARS_LATER)
    shown = verify_evidence(pack, genesis=genesis, reader=reader)
    assert shown.outside is not None
    assert {one.authority for one in shown.outside.anchors} == {"east", "west"}
    assert shown.limits == ()
