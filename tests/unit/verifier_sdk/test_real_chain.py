"""The verifier against a running chain: real blocks, real proofs, real client [TRUST-4]."""

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest

from registry_chain.transactions import PublishStatus, build_tx, register_key
from ssi.errors import Revoked, Stale, Unavailable
from ssi.oid4vp import build_response
from ssi.status_list import INVALID, build_status_token, new_status_list
from tests.support.chain import Chain, running
from tests.support.firm_world import (
    ISSUER,
    ISSUER_SIGNER,
    LIST_URI,
    NAME,
    NOW,
    ROOT,
    STATUS_SIGNER,
    YEAR,
    Holder,
    World,
    der,
    kid,
    make_config,
)
from tests.support.registry import CHAIN, accreditation
from tests.support.registry import signer as council
from verifier_sdk import Verifier, profiles

DAYS_90 = timedelta(days=90)


def seconds(at) -> int:
    return int(at.timestamp())


@pytest.fixture
def chain(tmp_path) -> Iterator[Chain]:
    with running(tmp_path / "chain.db") as found:
        found.clock.now = NOW - timedelta(seconds=30)
        lasts = {"valid_from": seconds(NOW - DAYS_90), "valid_until": seconds(NOW + YEAR)}
        types = (profiles.KYC, profiles.LICENCE)
        body = accreditation(ca=(der(ROOT),), credential_types=types, **lasts)
        first = build_tx(
            chain_id=CHAIN,
            account="council",
            lane=0,
            seq=1,
            valid_until_height=100,
            body=body,
            signer=council("council"),
        )
        found.engine.wait(
            found.engine.submit(first.encode()), 10
        )  # a block of now, not of last year
        for signer, use in ((ISSUER_SIGNER, "credential"), (STATUS_SIGNER, "status")):
            found.do(ISSUER, register_key(signer, chain_id=CHAIN, issuer=ISSUER, use=use, **lasts))
        publish(found, 1)
        yield found


def publish(chain: Chain, sequence: int, **changed: int) -> None:
    statuses = new_status_list(1024, bits=2)
    for index, value in changed.items():
        statuses = statuses.with_status(int(index[1:]), value)
    token = build_status_token(
        statuses,
        STATUS_SIGNER,
        uri=LIST_URI,
        now=NOW - timedelta(seconds=40 - sequence),
        ttl=3600,
        expires_at=NOW + timedelta(days=30),
        header={"kid": kid(STATUS_SIGNER)},
    )
    chain.do(ISSUER, PublishStatus(list="list-1", sequence=sequence, token=token))


@pytest.fixture
def world(chain, tmp_path) -> World:
    config = make_config(tmp_path, loopback=True, nodes=(chain.url,))
    config.genesis.write_bytes(chain.genesis.to_bytes())
    found: World
    verifier = Verifier(config, clock=lambda: found.at)
    found = World(ledger=chain.client(), verifier=verifier)  # type: ignore[arg-type]
    return found


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
    bundle = chain.client().read_many(keys, now=NOW).bundle
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
