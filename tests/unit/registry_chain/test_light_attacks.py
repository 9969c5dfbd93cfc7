"""What an attacker may try on a light client, by name, and the code by which each is refused.

The victim trusts block 5 of a chain of four equal validators. Blocks 6 (the next) and 9 (a later
one) are good. Each attack starts from one of them; the forger has no validator's key but where its
name says so.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from registry_chain.light import (
    NO_BLOCK,
    CommitSig,
    Flag,
    Header,
    Timestamp,
    TrustedState,
    UntrustedLightBlock,
    Validator,
    ValidatorSet,
    VerifiedLightBlock,
    block_id,
    commit_hash,
    expand_light_block,
    light_block_to_json,
    parse_light_block,
    sign_block,
    slim_light_block,
    validators_hash,
    verify_light_block,
    vote_sign_bytes,
)
from ssi.encoding import canonical_json, sha256
from ssi.errors import Misbehaviour, Rejected, SSIError, Stale
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

NOW = GENESIS + timedelta(hours=1)
Make = Callable[[], UntrustedLightBlock]
STRANGERS = validator_set(w=1, x=1, y=1, z=1)
WITH_A_STRANGER = validator_set(a=1, b=1, c=1, x=1)


@cache
def blocks() -> list[UntrustedLightBlock]:
    chain = Chain()
    for _ in range(9):
        chain.grow()
    return chain.blocks


@cache
def trusted() -> TrustedState:
    state = genesis_trust()
    for block in blocks()[:5]:
        state = verify_light_block(block, trusted=state, now=NOW).trusted
    return state


def the_next() -> UntrustedLightBlock:
    return blocks()[5]


def later() -> UntrustedLightBlock:
    return blocks()[8]


def judge(block: UntrustedLightBlock, state: TrustedState | None = None) -> VerifiedLightBlock:
    return verify_light_block(block, trusted=state or trusted(), now=NOW)


# --- tools of the forger ---


def with_header(block: UntrustedLightBlock, **changes: Any) -> UntrustedLightBlock:
    return replace(block, header=replace(block.header, **changes))


def resealed(block: UntrustedLightBlock, **changes: Any) -> UntrustedLightBlock:
    """Change the header and point the old votes at the new hash."""
    made = replace(block.header, **changes)
    commit = replace(block.commit, block_id=block_id(made, [], None))
    return replace(block, header=made, commit=commit)


def with_votes(block: UntrustedLightBlock, *votes: CommitSig) -> UntrustedLightBlock:
    return replace(block, commit=replace(block.commit, signatures=votes))


def vote(block: UntrustedLightBlock, at: int, **changes: Any) -> UntrustedLightBlock:
    votes = list(block.commit.signatures)
    votes[at] = replace(votes[at], **changes)
    return with_votes(block, *votes)


def voted(block: UntrustedLightBlock, at: int, flag: Flag) -> UntrustedLightBlock:
    """A vote that its validator really signed with another flag."""
    changed = vote(block, at, flag=flag)
    name = next(n for n in "abcd" if validator(n).address == votes_of(block)[at].address)
    message = vote_sign_bytes(CHAIN, changed.commit, at)
    return vote(changed, at, signature=key(name).sign(message).signature)


def votes_of(block: UntrustedLightBlock) -> tuple[CommitSig, ...]:
    return block.commit.signatures


def following(height: int, **changes: Any) -> Header:
    """A header as it should be at this height, with changes."""
    good = blocks()[height - 1].header
    return replace(good, **changes)


def by(validators: ValidatorSet, names: str, height: int, **changes: Any) -> UntrustedLightBlock:
    """A block that these sign, well formed."""
    made = following(height, **{"next_validators_hash": validators_hash(validators), **changes})
    return signed(made, validators, names)


def with_keys_of_others(at: int) -> UntrustedLightBlock:
    """The forger's key in the place of a validator, under that one's address."""
    block = the_next()
    mine = replace(votes_of(block)[at], signature=b"")
    forged = with_votes(block, *[mine if i == at else v for i, v in enumerate(votes_of(block))])
    message = vote_sign_bytes(CHAIN, forged.commit, at)
    return vote(forged, at, signature=key("mallory").sign(message).signature)


def identity_key() -> UntrustedLightBlock:
    """A key for which R = identity, S = 0 fits every message under cofactored rules."""
    identity = b"\x01" + b"\x00" * 31
    weak = ValidatorSet((Validator(public_key=identity, power=10**9),))
    made = following(
        9, validators_hash=validators_hash(weak), next_validators_hash=validators_hash(weak)
    )
    anyone = {weak.validators[0].address: lambda _message: identity + b"\x00" * 32}
    return sign_block(made, block_id(made, [], None), weak, signers=anyone, time=made.time)


def high_s() -> UntrustedLightBlock:
    """The same signature with S + L, which lax verifiers take as another spelling."""
    order = 2**252 + 27742317777372353535851937790883648493
    good = votes_of(the_next())[0].signature
    s = int.from_bytes(good[32:], "little") + order
    return vote(the_next(), 0, signature=good[:32] + s.to_bytes(32, "little"))


def double_counted() -> UntrustedLightBlock:
    """One honest vote in every place."""
    one = votes_of(the_next())[0]
    return with_votes(the_next(), one, one, one, one)


def two_of_three() -> tuple[UntrustedLightBlock, TrustedState]:
    three = validator_set(a=1, b=1, c=1)
    chain = Chain(names="abc")
    chain.grow(three)
    state = verify_light_block(chain.blocks[0], trusted=genesis_trust(three), now=NOW).trusted
    made = header(
        2,
        last_block_id=chain.blocks[0].commit.block_id,
        next_validators_hash=validators_hash(three),
    )
    return signed(made, three, "ab"), state


def nil_majority() -> UntrustedLightBlock:
    """Two genuine votes for the block, two genuine votes for nothing."""
    return voted(voted(the_next(), 0, Flag.NIL), 1, Flag.NIL)


def equivocation() -> UntrustedLightBlock:
    return signed(following(5, app_hash=sha256(b"another state")))


@dataclass(frozen=True)
class Attack:
    """One attempt: what is shown, and the code by which it is refused."""

    name: str
    code: str
    make: Make


ATTACKS = [
    # The header.
    Attack("another chain's block", "light.chain_id", lambda: by(FOUR, "abcd", 6, chain_id="evil")),
    Attack("the chain id changed under the votes", "light.chain_id",
           lambda: resealed(the_next(), chain_id="evil")),
    Attack("an older block, though genuine", "light.height", lambda: blocks()[3]),
    Attack("the same height, another header by strangers", "light.conflict",
           lambda: by(STRANGERS, "wxyz", 5)),
    Attack("time goes back", "light.time",
           lambda: by(FOUR, "abcd", 6, time=Timestamp.at(GENESIS + 4 * SECOND))),
    Attack("time stands still", "light.time",
           lambda: by(FOUR, "abcd", 6, time=Timestamp.at(GENESIS + 5 * SECOND))),
    Attack("time goes back by a nanosecond", "light.time",
           lambda: by(FOUR, "abcd", 9, time=Timestamp(trusted().time.seconds - 1, 999_999_999))),
    Attack("a block from the future", "light.future",
           lambda: by(FOUR, "abcd", 9, time=Timestamp.at(NOW + timedelta(minutes=2)))),
    Attack("a block from the year 9999", "light.future",
           lambda: by(FOUR, "abcd", 9, time=Timestamp(253_402_300_799))),
    Attack("the root of another state", "light.header_hash",
           lambda: with_header(the_next(), app_hash=sha256(b"mallory is accredited"))),
    Attack("the root of another state, votes pointed at it", "light.signature",
           lambda: resealed(the_next(), app_hash=sha256(b"mallory is accredited"))),
    Attack("other transactions", "light.header_hash",
           lambda: with_header(the_next(), data_hash=sha256(b"x"))),
    Attack("another application version, unsigned", "light.header_hash",
           lambda: with_header(the_next(), app_protocol=9)),
    Attack("another proposer", "light.header_hash",
           lambda: with_header(the_next(), proposer_address=b"\x01" * 20)),
    Attack("evidence hidden", "light.header_hash",
           lambda: with_header(the_next(), evidence_hash=sha256(b"x"))),
    Attack("a height moved under the votes", "light.header_hash",
           lambda: with_header(the_next(), height=7)),
    Attack("the next height, another block before it, by the validators", "light.misbehaviour",
           lambda: by(FOUR, "abcd", 6, last_block_id=blocks()[1].commit.block_id)),
    Attack("the chain begun anew by the validators", "light.misbehaviour",
           lambda: by(FOUR, "abcd", 6, last_block_id=NO_BLOCK, last_commit_hash=commit_hash(None))),
    Attack("two headers of one height by the validators", "light.misbehaviour", equivocation),
    # The validator set.
    Attack("a set that is not the header's", "light.validators_hash",
           lambda: replace(the_next(), validators=ONE)),
    Attack("the set in another order", "light.validators_hash",
           lambda: replace(the_next(), validators=ValidatorSet(FOUR.validators[::-1]))),
    Attack("wrong power for one validator", "light.validators_hash",
           lambda: replace(the_next(), validators=ValidatorSet(
               (replace(FOUR.validators[0], power=100), *FOUR.validators[1:])))),
    Attack("a stranger added to the set", "light.validators_hash",
           lambda: replace(the_next(), validators=ValidatorSet(
               (*FOUR.validators, validator("x"))))),
    Attack("the next block by a set of strangers", "light.validators_changed",
           lambda: by(STRANGERS, "wxyz", 6)),
    Attack("the next block by a set with one stranger", "light.validators_changed",
           lambda: by(WITH_A_STRANGER, "abcx", 6)),
    Attack("a later block by strangers only", "light.not_enough_trust",
           lambda: by(STRANGERS, "wxyz", 9)),
    Attack("a later block by two trusted ones and strangers", "light.not_enough_trust",
           lambda: by(validator_set(a=1, b=1, x=1, y=1), "abxy", 9)),
    Attack("a later block with trusted ones listed but silent", "light.not_enough_trust",
           lambda: by(validator_set(a=1, b=1, c=1, d=1, x=40), "abx", 9)),
    Attack("a later block by a stranger of great power", "light.not_enough_trust",
           lambda: by(validator_set(a=1, x=10**6), "ax", 9)),
    Attack("a later block with power the trusted never had", "light.not_enough_trust",
           lambda: by(validator_set(a=10**6, b=1), "ab", 9)),
    # The commit.
    Attack("no votes", "light.commit", lambda: with_votes(the_next())),
    Attack("a truncated commit", "light.commit",
           lambda: with_votes(the_next(), *votes_of(the_next())[:3])),
    Attack("more votes than validators", "light.commit",
           lambda: with_votes(the_next(), *votes_of(the_next()), votes_of(the_next())[0])),
    Attack("one vote counted four times", "light.commit", double_counted),
    Attack("a duplicated vote for a missing one", "light.commit",
           lambda: with_votes(the_next(), *votes_of(the_next())[:3], votes_of(the_next())[0])),
    Attack("votes in swapped places", "light.commit",
           lambda: with_votes(the_next(), *votes_of(the_next())[::-1])),
    Attack("signatures swapped between two votes", "light.signature",
           lambda: vote(the_next(), 0, signature=votes_of(the_next())[1].signature)),
    Attack("the votes of another height", "light.header_hash",
           lambda: replace(the_next(), commit=blocks()[6].commit)),
    Attack("the votes of another height, renamed", "light.signature",
           lambda: replace(the_next(), commit=replace(
               blocks()[6].commit, height=6, block_id=the_next().commit.block_id))),
    Attack("a vote of another round", "light.signature",
           lambda: replace(the_next(), commit=replace(the_next().commit, round=1))),
    Attack("another parts hash under the votes", "light.signature",
           lambda: replace(the_next(), commit=replace(the_next().commit, block_id=replace(
               the_next().commit.block_id, parts_hash=sha256(b"x"))))),
    Attack("another count of parts under the votes", "light.signature",
           lambda: replace(the_next(), commit=replace(the_next().commit, block_id=replace(
               the_next().commit.block_id, parts_total=7)))),
    Attack("one vote's time moved", "light.signature",
           lambda: vote(the_next(), 2, time=Timestamp(0))),
    Attack("votes for nothing shown as votes for the block", "light.signature",
           lambda: vote(nil_majority(), 0, flag=Flag.COMMIT)),
    Attack("votes for the block shown as votes for nothing", "light.signature",
           lambda: vote(the_next(), 0, flag=Flag.NIL)),
    Attack("votes for nothing counted", "light.quorum", nil_majority),
    Attack("half of the validators", "light.quorum", lambda: by(FOUR, "ab", 6)),
    Attack("nobody", "light.quorum", lambda: by(FOUR, "", 6)),
    Attack("an absent validator's address on a vote", "light.commit",
           lambda: vote(by(FOUR, "abc", 6), 0, flag=Flag.COMMIT, address=b"\x02" * 20)),
    Attack("a vote by the forger's key under a validator's address", "light.signature",
           lambda: with_keys_of_others(1)),
    Attack("an empty signature", "light.signature", lambda: vote(the_next(), 0, signature=b"")),
    Attack("a signature of zeros", "light.signature",
           lambda: vote(the_next(), 0, signature=bytes(64))),
    Attack("a signature in another spelling (S + L)", "light.signature", high_s),
    Attack("a longer signature", "light.signature",
           lambda: vote(the_next(), 0, signature=votes_of(the_next())[0].signature + b"x")),
    Attack("a key for which anyone can sign", "light.signature", identity_key),
]  # fmt: skip


def refused(attack: Attack, state: TrustedState | None = None) -> SSIError:
    with pytest.raises((Rejected, Misbehaviour)) as caught:
        judge(attack.make(), state)
    assert caught.value.code == attack.code
    return caught.value


def test_the_good_blocks_are_good() -> None:
    assert judge(the_next()).signed == 4
    assert judge(later()).signed == 4
    assert judge(voted(the_next(), 0, Flag.NIL)).signed == 3
    assert judge(by(FOUR, "abcd", 9, app_protocol=7)).height == 9


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_attack_is_refused(attack: Attack) -> None:
    """[REG-LIGHT-2]"""
    refused(attack)


def test_the_table_is_whole() -> None:
    """Every code of the light client has its attack; the rest is time's own, below."""
    assert len(ATTACKS) == len({attack.name for attack in ATTACKS}) >= 50
    assert {attack.code.removeprefix("light.") for attack in ATTACKS} == {
        "chain_id", "height", "conflict", "time", "future", "header_hash", "misbehaviour",
        "validators_hash", "validators_changed", "not_enough_trust", "commit", "signature",
        "quorum",
    }  # fmt: skip


def test_exactly_two_thirds_is_refused() -> None:
    """[REG-LIGHT-2]"""
    block, state = two_of_three()
    refused(Attack("2 of 3", "light.quorum", lambda: block), state)


def test_trust_that_has_expired() -> None:
    """[REG-LIGHT-3]"""
    with pytest.raises(Rejected) as caught:
        verify_light_block(later(), trusted=trusted(), now=NOW + timedelta(days=61))
    assert caught.value.code == "light.trust_expired"


def test_a_genuine_block_that_is_old_gives_no_verdict() -> None:
    """[REG-LIGHT-6]"""
    with pytest.raises(Stale) as caught:
        verify_light_block(later(), trusted=trusted(), now=NOW + timedelta(hours=25))
    assert caught.value.code == "light.stale"


def test_the_first_block_of_another_state() -> None:
    """[REG-LIGHT-3]"""
    forged = signed(header(1, app_hash=sha256(b"other founders")))
    refused(Attack("founders", "light.app_hash", lambda: forged), genesis_trust())


def test_an_equivocation_names_both_blocks() -> None:
    """[REG-LIGHT-8]"""
    attack = Attack("two headers", "light.misbehaviour", equivocation)
    error = refused(attack)
    assert isinstance(error, Misbehaviour)
    assert error.first == canonical_json(light_block_to_json(blocks()[4]))
    assert error.second == canonical_json(light_block_to_json(equivocation()))


# --- mutations by chance ---


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if way:
        yield way
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for name, below in pairs:
        yield from places(below, (*way, name))


def mutated(good: Any, dice: random.Random) -> Any:
    """One to three changes: a member gone, doubled, of another kind, or a little different."""
    obj = deepcopy(good)
    for _ in range(dice.randint(1, 3)):
        *way, last = dice.choice(list(places(obj)))
        at = obj
        for step in way:
            at = at[step]
        at[last] = changed(at[last], dice)
        if dice.random() < 0.1:
            del at[last]
    return obj


def changed(value: Any, dice: random.Random) -> Any:
    if dice.random() < 0.15:
        return dice.choice([None, True, 0, -1, 2**63, "", "0", [], {}, "A" * 5000])
    if isinstance(value, list) and value:
        return dice.choice([[*value, value[0]], dice.sample(value, len(value)), value[1:]])
    if isinstance(value, str) and value.isdecimal():
        return str(int(value) + dice.choice((-1, 1, 2**40)))
    if isinstance(value, str) and value:
        place = dice.randrange(len(value))
        return value[:place] + dice.choice("0123456789ABCDEFabcdefZ=-_ ") + value[place + 1 :]
    return value + dice.choice((-1, 1)) if isinstance(value, int) else [value]


def hammered(count: int, seed: int) -> None:
    dice = random.Random(seed)  # a fixed seed: a finding can be played again
    long, short = light_block_to_json(the_next()), slim_light_block(the_next())
    for turn in range(count):
        reader, good = ((parse_light_block, long), (expand_light_block, short))[turn % 2]
        obj = mutated(good, dice)
        try:
            told = judge(reader(json.loads(json.dumps(obj))))  # type: ignore[operator]
        except (Rejected, Misbehaviour):
            continue
        assert told.header_hash == judge(the_next()).header_hash, obj
        assert told.signed >= 3, obj


def test_random_mutations_prove_nothing_else() -> None:
    """[REG-LIGHT-7] A changed block is refused, or it is still the same block."""
    hammered(1_000, seed=1)


@pytest.mark.slow
def test_a_hundred_thousand_mutations_prove_nothing_else() -> None:
    """[REG-LIGHT-7]"""
    hammered(100_000, seed=2)
