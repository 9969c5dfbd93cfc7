"""When a light block is believed: every predicate with its accept and its reject."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from registry_chain.genesis import genesis_records
from registry_chain.jmt import EMPTY, root_of
from registry_chain.light import (
    Flag,
    Timestamp,
    TrustedState,
    TrustOptions,
    UntrustedLightBlock,
    Validator,
    ValidatorSet,
    VerifiedLightBlock,
    block_id,
    parse_light_block,
    sign_block,
    validators_hash,
    verify_light_block,
    vote_sign_bytes,
)
from registry_chain.trust_root import trust_from_genesis
from ssi.encoding import parse_json, sha256
from ssi.errors import (
    InvalidProof,
    InvalidSignature,
    Misbehaviour,
    NotYetValid,
    Rejected,
    SSIError,
    Stale,
    Untrusted,
)
from tests.support.light import (
    CHAIN,
    FOUR,
    GENESIS,
    ONE,
    SECOND,
    Chain,
    genesis_trust,
    header,
    key,
    signed,
    validator,
    validator_set,
)
from tests.support.registry import make_genesis

NOW = GENESIS + timedelta(hours=1)
OPTIONS = TrustOptions()


def judge(
    block: UntrustedLightBlock, trusted: TrustedState | None = None, **options: Any
) -> VerifiedLightBlock:
    return verify_light_block(
        block,
        trusted=trusted or genesis_trust(),
        now=options.pop("now", NOW),
        options=replace(OPTIONS, **options),
    )


def refused(kind: type[SSIError], code: str, block: UntrustedLightBlock, **judging: Any) -> None:
    with pytest.raises(kind) as caught:
        judge(block, **judging)
    assert caught.value.code == f"light.{code}"


def test_a_block_by_all_validators_tells_who_stood_behind_it() -> None:
    """[REG-LIGHT-2] [REG-LIGHT-5]"""
    verified = judge(signed(header(5, app_hash=sha256(b"state"))))
    assert (verified.height, verified.app_hash) == (5, sha256(b"state"))
    assert (verified.validators, verified.signed, verified.power, verified.signed_power) == (4,) * 4
    assert verified.time == GENESIS + 5 * SECOND
    assert verified.trusted.height == 5


def test_a_chain_is_followed_block_by_block() -> None:
    """[REG-LIGHT-2] with a set that changes in the middle"""
    chain = Chain()
    later = validator_set(a=1, b=1, c=1, e=1)
    chain.grow()
    chain.grow(FOUR, later)
    chain.names = "abce"
    chain.grow(later)
    trusted = genesis_trust()
    for block in chain.blocks:
        trusted = judge(block, trusted=trusted).trusted
    assert (trusted.height, trusted.validators) == (3, later)
    assert judge(chain.blocks[-1], trusted=trusted).height == 3


def test_one_validator_is_enough_when_it_is_the_only_one() -> None:
    """[REG-ENG-1] The embedded engine is a validator set of one."""
    verified = judge(signed(header(9), ONE, "a"), genesis_trust(ONE))
    assert (verified.validators, verified.signed_power) == (1, 1)


@pytest.mark.parametrize(("names", "enough"), [("abc", True), ("ab", False), ("", False)])
def test_more_than_two_thirds_must_sign(names: str, *, enough: bool) -> None:
    """[REG-LIGHT-2]"""
    block = signed(header(1), by=names)
    if enough:
        assert judge(block).signed == len(names)
    else:
        refused(Untrusted, "quorum", block)


def test_exactly_two_thirds_is_not_more_than_two_thirds() -> None:
    """[REG-LIGHT-2] 2 of 3 is not a quorum."""
    three = validator_set(a=1, b=1, c=1)
    refused(Untrusted, "quorum", signed(header(1), three, "ab"), trusted=genesis_trust(three))
    assert judge(signed(header(1), three, "abc"), genesis_trust(three)).signed == 3


def test_power_counts_and_not_heads() -> None:
    heavy = validator_set(a=7, b=1, c=1, d=1)
    assert judge(signed(header(1), heavy, "a"), genesis_trust(heavy)).signed_power == 7
    refused(Untrusted, "quorum", signed(header(1), heavy, "bcd"), trusted=genesis_trust(heavy))


def test_votes_for_nothing_do_not_count() -> None:
    block = signed(header(1))
    vote = replace(block.commit.signatures[0], flag=Flag.NIL)
    commit = replace(block.commit, signatures=(vote, *block.commit.signatures[1:]))
    refused(InvalidSignature, "signature", replace(block, commit=commit))


def test_another_chain() -> None:
    refused(Untrusted, "chain_id", signed(header(1, chain_id="other-chain")))


def test_trust_does_not_go_back() -> None:
    trusted = judge(signed(header(5))).trusted
    refused(Untrusted, "height", signed(header(4)), trusted=trusted)


def test_time_grows_with_height() -> None:
    trusted = judge(signed(header(5))).trusted
    same = header(6, time=trusted.time, last_block_id=header(1).last_block_id)
    refused(Rejected, "time", signed(same), trusted=trusted)
    early = header(1, time=Timestamp.at(GENESIS - SECOND))
    refused(Rejected, "time", signed(early))
    assert judge(signed(header(1, time=Timestamp.at(GENESIS)))).height == 1


def test_a_header_from_the_future() -> None:
    ahead = signed(header(1, time=Timestamp.at(NOW + timedelta(seconds=60))))
    refused(NotYetValid, "future", ahead)
    near = signed(header(1, time=Timestamp.at(NOW + timedelta(seconds=59))))
    assert judge(near).height == 1


def test_a_commit_for_another_header_or_height() -> None:
    block, other = signed(header(1)), signed(header(1, app_hash=sha256(b"other")))
    refused(InvalidProof, "header_hash", replace(block, commit=other.commit))
    moved = replace(block.commit, height=2)
    refused(InvalidProof, "header_hash", replace(block, commit=moved))


def test_a_set_that_is_not_the_headers() -> None:
    block = signed(header(1))
    refused(InvalidProof, "validators_hash", replace(block, validators=ONE))
    turned = replace(block.validators, validators=block.validators.validators[::-1])
    refused(InvalidProof, "validators_hash", replace(block, validators=turned))


def test_votes_in_other_places_or_counted_twice() -> None:
    block = signed(header(1))
    votes = block.commit.signatures
    for wrong in (votes[:3], (*votes, votes[0]), (votes[1], votes[0], *votes[2:])):
        changed = replace(block, commit=replace(block.commit, signatures=wrong))
        refused(InvalidProof, "commit", changed)
    twice = (votes[0], votes[0], *votes[2:])
    changed = replace(block, commit=replace(block.commit, signatures=twice))
    refused(InvalidProof, "commit", changed)


def test_a_vote_of_another_round_time_or_chain() -> None:
    block = signed(header(1), round_=3)
    assert judge(block).height == 1
    refused(InvalidSignature, "signature", replace(block, commit=replace(block.commit, round=0)))
    vote = block.commit.signatures[0]
    late = replace(vote, time=Timestamp(vote.time.seconds, vote.time.nanos + 1))
    commit = replace(block.commit, signatures=(late, *block.commit.signatures[1:]))
    refused(InvalidSignature, "signature", replace(block, commit=commit))


def test_a_key_for_which_anyone_can_sign() -> None:
    """[REG-LIGHT-4] R = identity and S = 0 fit every message under ZIP-215."""
    identity = b"\x01" + b"\x00" * 31
    weak = ValidatorSet((Validator(public_key=identity, power=1),))
    made = header(1, validators_hash=validators_hash(weak))
    anyone = {weak.validators[0].address: lambda _message: identity + b"\x00" * 32}
    block = sign_block(made, block_id(made, [], None), weak, signers=anyone, time=made.time)
    refused(InvalidSignature, "signature", block, trusted=genesis_trust(weak))


def test_the_next_block_has_the_announced_validators() -> None:
    """[REG-LIGHT-2] A set of its own choice signs well, and is still nobody."""
    strangers = validator_set(w=1, x=1, y=1, z=1)
    refused(Untrusted, "validators_changed", signed(header(1), strangers, "wxyz"))


def test_a_later_block_needs_trusted_validators() -> None:
    """[REG-LIGHT-2]"""
    strangers = validator_set(w=1, x=1, y=1, z=1)
    refused(Untrusted, "not_enough_trust", signed(header(9), strangers, "wxyz"))
    one_left = validator_set(a=1, b=1, c=1, x=1)
    assert judge(signed(header(9), one_left, "abcx")).height == 9
    refused(Untrusted, "not_enough_trust", signed(header(9), one_left, "abx" + "z"))
    two_left = validator_set(a=1, b=1, x=1, y=1)
    block = signed(header(9), two_left, "abxy")
    refused(Untrusted, "not_enough_trust", block)
    assert judge(block, trust_level=Fraction(1, 3)).height == 9


def test_exactly_the_trust_level_is_not_more_than_it() -> None:
    """[REG-LIGHT-2]"""
    trusted = genesis_trust(validator_set(a=1, b=1, c=1))
    block = signed(header(9), validator_set(a=1, b=1, x=1), "abx")
    refused(Untrusted, "not_enough_trust", block, trusted=trusted)
    assert judge(block, trusted, trust_level=Fraction(1, 2)).height == 9


def test_a_trusted_validator_that_voted_for_nothing_does_not_vouch() -> None:
    """[REG-LIGHT-2] Its vote is genuine, and is not for this block."""
    validators = validator_set(a=1, b=1, c=1, x=20)
    block = signed(header(9), validators, "abcx")
    at = [one.address for one in validators.validators].index(validator("c").address)
    votes = list(block.commit.signatures)
    votes[at] = replace(votes[at], flag=Flag.NIL)
    unsigned = replace(block.commit, signatures=tuple(votes))
    signature = key("c").sign(vote_sign_bytes(CHAIN, unsigned, at)).signature
    votes[at] = replace(votes[at], signature=signature)
    nil = replace(block, commit=replace(block.commit, signatures=tuple(votes)))
    assert judge(block).signed == 4
    assert judge(nil, genesis_trust(validators)).signed == 3
    refused(Untrusted, "not_enough_trust", nil)


def test_two_headers_of_one_height_by_the_same_validators_are_evidence() -> None:
    """[REG-LIGHT-8]"""
    first = signed(header(5))
    trusted = judge(first).trusted
    other = signed(header(5, app_hash=sha256(b"other")))
    with pytest.raises(Misbehaviour) as caught:
        judge(other, trusted)
    shown = [
        parse_light_block(parse_json(text)) for text in (caught.value.first, caught.value.second)
    ]
    assert shown == [first, other]
    strangers = signed(header(5), validator_set(w=1, x=1, y=1, z=1), "wxyz")
    refused(Untrusted, "conflict", strangers, trusted=trusted)
    refused(Untrusted, "conflict", other, trusted=replace(trusted, block=None))


def test_a_next_block_on_another_one_is_evidence() -> None:
    """[REG-LIGHT-8]"""
    chain = Chain()
    trusted = judge(chain.grow()).trusted
    refused(Misbehaviour, "misbehaviour", signed(header(2)), trusted=trusted)
    assert judge(chain.grow(), trusted).height == 2


def test_the_first_block_carries_the_founding_state() -> None:
    """[REG-LIGHT-3]"""
    refused(Untrusted, "app_hash", signed(header(1, app_hash=sha256(b"another state"))))


def test_old_trust_vouches_for_nothing_unless_it_is_pinned() -> None:
    """[REG-LIGHT-3]"""
    much_later = GENESIS + timedelta(days=61)
    fresh = signed(header(9, time=Timestamp.at(much_later)))
    trusted = judge(signed(header(5))).trusted
    refused(Untrusted, "trust_expired", fresh, trusted=trusted, now=much_later)
    assert judge(fresh, now=much_later).height == 9


def test_an_old_header_decides_nothing() -> None:
    """[REG-LIGHT-6]"""
    block = signed(header(5))
    later = GENESIS + timedelta(hours=25)
    refused(Stale, "stale", block, now=later)
    assert judge(block, now=later, max_age=None).height == 5
    refused(Stale, "stale", block, max_age=timedelta(minutes=5))


@pytest.mark.parametrize("level", [Fraction(0), Fraction(33, 100), Fraction(1), Fraction(2)])
def test_trust_levels_that_mean_nothing(level: Fraction) -> None:
    with pytest.raises(ValueError, match="trust level"):
        TrustOptions(trust_level=level)


def test_now_is_aware() -> None:
    with pytest.raises(ValueError, match="aware"):
        judge(signed(header(1)), now=NOW.replace(tzinfo=None))


def test_trust_begins_with_the_genesis() -> None:
    """[REG-LIGHT-3]"""
    genesis = make_genesis()
    trusted = trust_from_genesis(genesis)
    assert (trusted.chain_id, trusted.height, trusted.pinned) == (genesis.chain_id, 0, True)
    assert trusted.next_app_hash == root_of(genesis_records(genesis)) != EMPTY
    assert trusted.next_validators_hash == validators_hash(trusted.validators)
