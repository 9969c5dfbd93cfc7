"""Any changed byte of a pack is told by a stable code [EVI-PACK-1], [EVI-PACK-2]."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssi.errors import SSIError
from tests.support.evidence_world import evidence_world
from tests.support.moves import subscribe
from verifier_sdk.evidence import verify_evidence

CODES = ("evidence.", "json.", "jose.", "encoding.")
Pack = tuple[bytes, str]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pack]:
    with evidence_world(tmp_path_factory.mktemp("pack")) as told:
        who = subscribe(told.world)
        told.record_consent(who)
        made, _ = told.export(told.verifier.evidence()[0].subject)
        yield made, told.genesis


def judged(raw: bytes, genesis: str) -> str:
    with pytest.raises(SSIError) as caught:
        verify_evidence(raw, genesis=genesis)
    return caught.value.code


@given(data=st.data())
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_flipped_bit_is_found(pack: Pack, data: st.DataObject) -> None:
    raw, genesis = pack
    at = data.draw(st.integers(0, len(raw) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = raw[:at] + bytes([raw[at] ^ (1 << bit)]) + raw[at + 1 :]
    assert judged(changed, genesis).startswith(CODES)


@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_cut_doubled_and_followed_packs_are_found(pack: Pack, data: st.DataObject) -> None:
    raw, genesis = pack
    cut = data.draw(st.integers(0, len(raw) - 1))
    more = data.draw(st.binary(min_size=1, max_size=40))
    for changed in (raw[:cut], raw + more, more + raw, raw[:cut] + more + raw[cut:]):
        assert judged(changed, genesis) == "evidence.container"


@given(junk=st.binary(max_size=600))
def test_junk_is_no_pack(junk: bytes) -> None:
    assert judged(junk, "0" * 64) == "evidence.container"


@pytest.mark.slow
def test_every_single_byte_counts(pack: Pack) -> None:
    raw, genesis = pack
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 0x55
        assert judged(bytes(changed), genesis).startswith(CODES), at
