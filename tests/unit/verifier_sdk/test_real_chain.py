"""The verifier against a running chain: real blocks, real proofs, real client [TRUST-4]."""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry_chain.light import compact_bundle, inflate_bundle
from ssi.encoding import b64url_decode, b64url_encode
from ssi.errors import Rejected, Revoked, Stale, Unavailable
from ssi.fetch import Request, Response
from ssi.oid4vp import build_response
from ssi.status_list import INVALID
from tests.support.chain import START, Chain, running
from tests.support.firm_chain import firm_on, issuing_chain, publish
from tests.support.firm_world import (
    ISSUER,
    ISSUER_SIGNER,
    NAME,
    NOW,
    Holder,
    World,
    make_config,
)
from verifier_sdk import Verifier, profiles


@pytest.fixture
def chain(tmp_path) -> Iterator[Chain]:
    types = (profiles.KYC, profiles.LICENCE)
    with issuing_chain(tmp_path / "chain.db", types=types) as found:
        yield found


@pytest.fixture
def world(chain, tmp_path) -> World:
    return firm_on(chain, tmp_path)


def test_an_answer_is_verified_under_a_real_light_block(world):
    holder = Holder()
    result = world.verifier.verify(holder.answer(world.verifier, world.ask().link))
    assert result.claims.name == NAME
    assert result.validators == 1
    assert result.height > 1
    assert result.header_age < timedelta(minutes=1)


def test_a_revocation_on_the_chain_is_seen_at_once(world, chain):
    holder = Holder()
    world.verifier.verify(holder.answer(world.verifier, world.ask().link))
    publish(chain, 2, i7=INVALID)
    with pytest.raises(Revoked):
        world.verifier.verify(holder.answer(world.verifier, world.ask().link))


def test_with_no_node_a_stapled_bundle_of_a_real_block_is_enough_for_a_day(world, chain):
    holder = Holder()
    world.verifier.verify(holder.answer(world.verifier, world.ask().link))
    keys = [f"issuer/{ISSUER}", f"status/{ISSUER}/list-1"]
    keys.append(f"key/{ISSUER}/{ISSUER_SIGNER.public_key.thumbprint()}")
    bundle = chain.client().read_many(keys, now=NOW).stapled
    forms = [
        holder.answer(world.verifier, world.ask().link, extra=extra)
        for extra in ({"registry_proof": bundle}, {})
    ]
    assert len(forms[0]) < 65_536  # it fits the bound of the endpoint
    world.verifier._registry._nodes._urls = ("http://127.0.0.1:9",)
    assert world.verifier.verify(forms[0]).claims.name == NAME
    with pytest.raises(Unavailable):
        world.verifier.verify(forms[1])


def test_a_chain_that_stands_still_for_a_day_gives_no_verdict(world):
    world.at = NOW + timedelta(hours=25)
    request = world.ask()
    holder = Holder()
    asked = holder.read(world.verifier, request.link, now=world.at)
    tokens = holder.presentation(asked, holder.credential(), now=world.at)
    form = build_response(asked.request, tokens, random=os.urandom)
    with pytest.raises(Stale) as caught:
        world.verifier.verify(form)
    assert caught.value.code == "light.stale"


# --- with no network at all ---

KEYS = (
    f"issuer/{ISSUER}",
    f"key/{ISSUER}/{ISSUER_SIGNER.public_key.thumbprint()}",
    f"status/{ISSUER}/list-1",
)


def stapled(chain: Chain, keys: Sequence[str] = KEYS) -> str:
    return chain.client().read_many(keys, now=NOW).stapled


def no_network(_request: Request) -> Response:
    raise AssertionError("a firm without network has asked somebody")


def cut_off(world: World, tmp_path: Path, **settings: Any) -> World:
    """The same firm in a new process that has no network and asks nobody."""
    config = make_config(tmp_path, loopback=True, nodes=(), offline=True, **settings)
    found: World
    verifier = Verifier(config, fetch=no_network, clock=lambda: found.at)
    found = World(ledger=world.ledger, verifier=verifier)
    return found


@pytest.fixture
def offline(world: World, tmp_path: Path) -> World:
    world.verifier.verify(Holder().answer(world.verifier, world.ask().link))  # has read the list
    return cut_off(world, tmp_path)


def presented(world: World, proof: Any, holder: Holder | None = None) -> Any:
    extra = {} if proof is None else {"registry_proof": proof}
    answer = (holder or Holder()).answer(world.verifier, world.ask().link, extra=extra)
    return lambda: world.verifier.verify(answer)


def test_a_firm_without_network_verifies_by_what_the_wallet_brings(offline, chain):
    """[TRUST-4] [TRUST-9] In a new process, with a fetcher that fails the test when used."""
    result = presented(offline, stapled(chain))()
    assert result.claims.name == NAME
    point = result.ledger
    assert point.stapled
    assert (point.signed, point.validators, point.signed_power, point.power) == (1, 1, 10, 10)
    assert (point.nodes_agreed, point.nodes_asked) == (0, 0)
    assert result.header_time == point.time
    assert result.records["ledger"]["stapled"] is True
    assert "stapled" in result.checks[2].detail


def test_without_network_and_proof_there_is_no_verdict(offline, chain):
    """[TRUST-4]"""
    for proof in (None, stapled(chain, KEYS[:2]), {"v": 2}, 7, ["x"]):
        with pytest.raises(Unavailable) as caught:
            presented(offline, proof)()
        assert caught.value.code == "chain.offline"


def test_a_proof_of_another_chain_or_cut_or_changed_is_rejected(offline, chain, tmp_path):
    """[TRUST-4]"""
    good = stapled(chain)
    with running(tmp_path / "other.db", chain_id="another-chain") as other:
        other.settle()
        foreign = other.client().read_many(KEYS, now=START).stapled
    obj: Any = inflate_bundle(good)
    forged_issuer = json.loads(json.dumps(obj))
    forged_issuer["records"][0]["value"]["url"] = "https://mallory.example"
    no_votes = json.loads(json.dumps(obj))
    no_votes["light_block"]["votes"] = [None]
    for proof, code in (
        (foreign, "light.chain_id"),
        (compact_bundle(forged_issuer), "proof.invalid"),
        (compact_bundle(no_votes), "light.quorum"),
        (compact_bundle(obj | {"v": 1}), "proof.malformed"),
        (good[: len(good) // 4 * 4 - 8], "proof.malformed"),
        (good[8:], "proof.malformed"),
        (b64url_encode(b64url_decode(good) + b"x"), "proof.malformed"),
        ("", "proof.malformed"),
        ("!" + good, "encoding.base64url"),
    ):
        with pytest.raises(Rejected) as caught:
            presented(offline, proof)()
        assert caught.value.code == code, proof[:20]


def test_a_proof_that_is_too_old_gives_no_verdict(offline, chain):
    """[TRUST-4]"""
    proof = stapled(chain)
    offline.at = NOW + timedelta(hours=24)
    request = offline.ask()
    holder = Holder()
    asked = holder.read(offline.verifier, request.link, now=offline.at)
    tokens = holder.presentation(asked, holder.credential(), now=offline.at)
    form = build_response(asked.request, tokens, random=os.urandom, extra={"registry_proof": proof})
    with pytest.raises(Stale) as caught:
        offline.verifier.verify(form)
    assert caught.value.code == "light.stale"


def test_a_revocation_is_seen_in_the_stapled_proof(offline, chain, world):
    """[TRUST-7] The proof names a list that this firm has not read: no verdict, never yes."""
    publish(chain, 2, i7=INVALID)
    with pytest.raises(Unavailable) as caught:
        presented(offline, stapled(chain))()
    assert caught.value.code == "status.unavailable"


def test_an_older_edition_is_refused_without_network_too(world, chain, tmp_path):
    """[TRUST-7]"""
    old = stapled(chain)
    publish(chain, 2, i9=INVALID)
    world.verifier.verify(Holder().answer(world.verifier, world.ask().link))
    with pytest.raises(Rejected) as caught:
        presented(cut_off(world, tmp_path), old)()
    assert caught.value.code in ("status.rollback", "light.misbehaviour")


def test_a_profile_may_want_fresher_proof(world, chain, tmp_path):
    """[TRUST-10] For nodes and stapled proofs alike; the longer one of a firm is no remedy."""
    proof = stapled(chain)
    world.verifier.verify(Holder().answer(world.verifier, world.ask().link))
    strict = cut_off(world, tmp_path, profile_ages={"minpaku_guest": timedelta(seconds=1)})
    assert strict.ask().profile == "minpaku_guest"
    with pytest.raises(Stale):
        presented(strict, proof)()
    loose = cut_off(world, tmp_path, profile_ages={"minpaku_guest": timedelta(days=7)})
    assert presented(loose, proof)().ledger.stapled
    loose.at = NOW
    online = make_config(
        tmp_path,
        loopback=True,
        nodes=(chain.url,),
        profile_ages={"minpaku_guest": timedelta(seconds=1)},
    )
    found: World
    verifier = Verifier(online, clock=lambda: found.at)
    found = World(ledger=world.ledger, verifier=verifier)
    with pytest.raises(Stale):
        presented(found, proof)()


def test_the_presenter_chooses_nothing(offline, world, chain):
    """[TRUST-10] What is presented beside the proof changes no check and no limit."""
    holder = Holder()
    for more in (
        {"max_age": 10**9},
        {"offline": False, "nodes": ["http://127.0.0.1:9"]},
        {"genesis": chain.genesis.to_json()},
        {"accept_stapled": True, "stapled_age_seconds": 10**9},
    ):
        form = holder.answer(offline.verifier, offline.ask().link, extra=more)
        with pytest.raises(Unavailable):
            offline.verifier.verify(form)
        bundle = compact_bundle({**inflate_bundle(stapled(chain)), **more})
        with pytest.raises(Rejected):
            presented(offline, bundle)()
    deaf = make_config(
        offline.verifier.config.state.parent,
        loopback=True,
        nodes=("http://127.0.0.1:9",),
        accept_stapled=False,
    )
    found: World
    verifier = Verifier(deaf, clock=lambda: found.at)
    found = World(ledger=world.ledger, verifier=verifier)
    with pytest.raises(Unavailable):
        presented(found, stapled(chain))()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 10**6), flip=st.integers(1, 127))
def test_any_changed_character_of_a_stapled_proof_is_rejected(offline, chain, at, flip):
    """[REG-PROOF-8]"""
    good = stapled(chain)
    place = at % len(good)
    changed = good[:place] + chr(ord(good[place]) ^ flip) + good[place + 1 :]
    with pytest.raises(Rejected):
        offline.verifier._registry.verify_stapled(changed, now=NOW)


def test_settings_of_a_firm_without_network(tmp_path):
    """[TRUST-10]"""
    for wrong in (
        {"nodes": ()},
        {"nodes": (), "offline": True, "accept_stapled": False},
        {"profile_ages": {"nobody": timedelta(hours=1)}},
    ):
        with pytest.raises(ValueError, match=r"nodes|offline|profile"):
            make_config(tmp_path, loopback=True, **wrong)
