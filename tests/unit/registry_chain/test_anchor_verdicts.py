"""Judging the proofs of one block together, without a network.

[ANC-FORM-1], [ANC-POL-1], [ANC-VER-1], [ANC-VER-2].
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from registry_chain.anchoring import (
    AnchorPolicy,
    AnchorProof,
    Method,
    anchor_to_json,
    parse_anchor,
    verify_anchor,
    verify_epoch,
)
from registry_chain.anchoring.epochs import Period, epoch_at
from registry_chain.anchoring.proofs import anchor_to_bytes
from registry_chain.anchoring.rfc3161 import stamp_request, token_of
from ssi.encoding import canonical_json, sha256
from ssi.errors import Malformed, Rejected, Unavailable
from tests.support.chain import running
from tests.support.tsa import make_tsa

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def block(tmp_path_factory):
    with running(tmp_path_factory.mktemp("chain") / "chain.db") as chain:
        chain.settle()
        yield chain.client().head(chain.clock())


@pytest.fixture(scope="module")
def offices(tmp_path_factory):
    return [make_tsa(tmp_path_factory.mktemp(name), name) for name in ("east", "west")]


@pytest.fixture(scope="module")
def kept(block, offices):
    found = []
    for tsa in offices:
        proof = token_of(tsa.reply(stamp_request(block.header_hash, b"12345678").der))
        found.append(
            AnchorProof(
                method=Method.RFC3161,
                epoch=epoch_at(block.time, Period.HOUR).name,
                height=block.height,
                block_hash=block.header_hash,
                proof=proof,
            )
        )
        time.sleep(1.01)  # stamps have whole seconds; these two must differ
    return found


@pytest.fixture
def policy(offices):
    return AnchorPolicy(authorities=tuple(tsa.authority() for tsa in offices))


def code_of(call, *arguments) -> str:
    with pytest.raises(Rejected) as caught:
        call(*arguments)
    return caught.value.code


def test_anc_ver_2_two_authorities_vouch_for_a_block(block, kept, policy):
    now = datetime.now(UTC)
    report = verify_epoch(kept, block, policy, now)
    assert {one.authority for one in report.anchors} == {"east", "west"}
    assert report.spread <= HOUR
    assert report.existed_by == min(one.time for one in report.anchors)
    assert report.to_json()["block_hash"] == block.header_hash.hex()


def test_anc_ver_2_one_is_not_enough_and_twice_the_same_is_one(block, kept, policy):
    now = datetime.now(UTC)
    assert code_of(verify_epoch, kept[:1], block, policy, now) == "anchor.too_few"
    assert code_of(verify_epoch, [kept[0], kept[0]], block, policy, now) == "anchor.too_few"
    assert code_of(verify_epoch, [], block, policy, now) == "anchor.too_few"
    alone = verify_epoch(kept[:1], block, replace(policy, least=1), now)
    assert len(alone.anchors) == 1


def test_anc_ver_2_a_bad_proof_is_not_outvoted(block, kept, policy, offices):
    now = datetime.now(UTC)
    foreign = token_of(offices[0].reply(stamp_request(sha256(b"x"), b"12345678").der))
    bad = replace(kept[0], proof=foreign)
    assert code_of(verify_epoch, [*kept, bad], block, policy, now) == "anchor.imprint"
    named = replace(kept[0], epoch="2026-11-25t20")
    assert code_of(verify_epoch, [*kept, named], block, policy, now) == "anchor.epoch"
    moved = replace(kept[0], height=block.height + 1)
    assert code_of(verify_epoch, [*kept, moved], block, policy, now) == "anchor.block"


def test_anc_ver_2_a_block_is_not_younger_than_its_stamp(block, kept, policy):
    later = replace(block, time=datetime.now(UTC) + 2 * HOUR)
    kept = [replace(one, epoch=epoch_at(later.time, Period.DAY).name) for one in kept]
    assert code_of(verify_epoch, kept, later, policy, datetime.now(UTC)) == "anchor.before_block"
    verify_epoch(kept, later, replace(policy, tolerance=3 * HOUR), datetime.now(UTC))


def test_anc_ver_2_authorities_that_disagree_are_not_believed(block, kept, policy):
    """Stamps a second or more apart, judged by a policy without any tolerance."""
    strict = replace(policy, tolerance=timedelta(0))
    now = datetime.now(UTC)
    assert code_of(verify_epoch, kept, block, strict, now) == "anchor.disagree"


def test_anc_ver_1_a_proof_is_for_one_block_and_the_recorded_one(block, kept, policy):
    now = datetime.now(UTC)
    one = kept[0]
    assert code_of(verify_anchor, one, sha256(b"other"), policy, now) == "anchor.block"
    verify_anchor(one, block.header_hash, policy, now, recorded=sha256(one.proof))
    with pytest.raises(Rejected) as caught:
        verify_anchor(one, block.header_hash, policy, now, recorded=sha256(b"other"))
    assert caught.value.code == "anchor.digest"


def test_anc_ver_1_a_proof_from_the_future_is_refused(block, kept, policy):
    early = datetime.now(UTC) - HOUR
    assert code_of(verify_anchor, kept[0], block.header_hash, policy, early) == "anchor.future"


def test_anc_pol_1_a_method_the_policy_does_not_name_proves_nothing(block, kept, policy):
    for method in (Method.OPENTIMESTAMPS, Method.EVM):
        other = replace(kept[0], method=method)
        code = code_of(verify_anchor, other, block.header_hash, policy, datetime.now(UTC))
        assert code == "anchor.method_untrusted"
    with pytest.raises(ValueError, match="at least one"):
        AnchorPolicy(least=0)


def test_anc_form_1_the_container_is_closed(kept):
    good = anchor_to_json(kept[0])
    assert parse_anchor(canonical_json(good)) == kept[0]
    assert parse_anchor(anchor_to_bytes(kept[0])) == kept[0]
    for changes in (
        {"v": 2},
        {"method": "twitter"},
        {"epoch": "yesterday"},
        {"height": 0},
        {"height": "7"},
        {"block_hash": "AAAA"},
        {"proof": ""},
        {"proof": "A" * 60_000},
        {"note": "x"},
    ):
        with pytest.raises(Malformed):
            parse_anchor(json.dumps(good | changes).encode())
    for name in good:
        with pytest.raises(Malformed):
            parse_anchor(json.dumps({k: v for k, v in good.items() if k != name}).encode())


def test_a_missing_library_is_no_verdict(block, kept, policy, monkeypatch):
    """Whoever installs the base only is told what is missing, and nothing is accepted."""
    monkeypatch.delitem(sys.modules, "registry_chain.anchoring.rfc3161")
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(Unavailable) as caught:
        verify_anchor(kept[0], block.header_hash, policy, datetime.now(UTC))
    assert caught.value.code == "anchor.extra"
    assert "warifu[anchoring,evm]" in caught.value.diagnostics("en")
