"""Who signs blocks, changed only within safe bounds [REG-VAL-4] to [REG-VAL-9], [REG-MIG-1]."""

from dataclasses import replace
from pathlib import Path

import pytest

from registry_chain.application import Application
from registry_chain.genesis import Genesis, address_of, new_genesis
from registry_chain.records import (
    MIGRATION_KEY,
    MigrationRecord,
    OffenceRecord,
    ValidatorRecord,
    validator_key,
)
from registry_chain.rules import Offence, apply_offences
from registry_chain.store import Store
from registry_chain.transactions import EmergencySuspend, parse_tx
from registry_chain.transactions.validators import (
    AddValidator,
    Migrate,
    RejoinValidator,
    RemoveValidator,
    ReplaceValidator,
    ReweighValidator,
    Seat,
    seat_for,
)
from ssi.encoding import b64url_decode
from ssi.errors import Malformed
from tests.support.council import Council, expulsion, voter
from tests.support.refusals import refused
from tests.support.registry import CHAIN, DAY, T0, VALIDATOR, make_genesis, signer

HOUR = 3600
OWNERS = [voter(number) for number in range(1, 8)]


def key_of(owner: str) -> str:
    return address_of(signer(f"{owner} node").public_key.raw)


def seat(owner: str, name: str = "", power: int = 10) -> Seat:
    return seat_for(signer(name or f"{owner} node"), chain_id=CHAIN, member=owner, power=power)


def network(validators: int) -> Council:
    """Seven voters; the first ones run the validators, each with power 10."""
    base = Council.of(7)
    founded = new_genesis(
        chain_id=CHAIN,
        genesis_time=T0,
        validators=[signer(f"{owner} node").public_key for owner in OWNERS[:validators]],
        members=base.genesis.members,
        loopback=True,
        names=OWNERS[:validators],
    )
    seats = tuple(given | {"power": "10"} for given in founded.validators)
    return Council(genesis=Genesis.from_json(replace(founded, validators=seats).to_json()))


def record(ledger: Council, address: str) -> ValidatorRecord:
    return ValidatorRecord.from_bytes(ledger.state[validator_key(address)])


def fails(ledger: Council, body: object, rule: str, code: str) -> None:
    done = ledger.proposal(ledger.carry(body))  # type: ignore[arg-type]
    assert (done.state, done.rule, done.error) == ("failed", rule, f"chain.{code}")


def test_a_validator_joins_by_decision() -> None:
    """[REG-VAL-4], [REG-VAL-5]"""
    ledger = network(6)
    body = AddValidator(validator=seat("voter-7"))
    with refused(ledger, "REG-VAL-5", "needs_decision"):
        ledger.do("voter-7", body)
    ledger.carry(body)
    found = record(ledger, key_of("voter-7"))
    assert (found.state, found.voting_power, found.member) == ("active", 10, "voter-7")
    fails(ledger, body, "REG-VAL-4", "validator_exists")


def test_a_key_must_be_held_and_a_member_there() -> None:
    """[REG-VAL-4]"""
    ledger = network(6)
    good = seat("voter-7")
    elsewhere = seat_for(signer("voter-7 node"), chain_id="other-chain", member="voter-7")
    for changed in (replace(good, proof=seat("voter-6").proof), elsewhere):
        fails(ledger, AddValidator(validator=changed), "REG-VAL-4", "key_proof")
    stranger = seat_for(signer("x"), chain_id=CHAIN, member="nobody")
    fails(ledger, AddValidator(validator=stranger), "REG-VAL-4", "member_unknown")


def test_the_owner_has_no_vote_on_its_own_validator() -> None:
    """[REG-GOV-3]"""
    ledger = network(6)
    name = ledger.propose("voter-7", AddValidator(validator=seat("voter-7")))
    for account in OWNERS[:4]:
        ledger.vote(account, name)
    assert ledger.proposal(name).state == "open"  # 4 of 6: not more than two thirds
    ledger.vote("voter-5", name)
    assert ledger.proposal(name).state == "executed"


def test_a_removed_validator_never_comes_back() -> None:
    """[REG-VAL-5]"""
    ledger = network(6)
    ledger.carry(RemoveValidator(address=key_of("voter-6")))
    assert record(ledger, key_of("voter-6")).voting_power == 0
    ledger.time += DAY
    fails(ledger, AddValidator(validator=seat("voter-6")), "REG-VAL-4", "validator_exists")
    for body in (
        RemoveValidator(address=key_of("voter-6")),
        ReweighValidator(address=key_of("voter-6"), power=5),
    ):
        fails(ledger, body, "REG-VAL-5", "validator_retired")
    fails(ledger, RemoveValidator(address="A" * 40), "REG-VAL-5", "validator_unknown")


def test_four_at_least() -> None:
    """[REG-VAL-6]"""
    ledger = network(4)
    fails(ledger, RemoveValidator(address=key_of("voter-4")), "REG-VAL-6", "validator_count")


def test_no_member_has_a_third() -> None:
    """[REG-VAL-6]"""
    ledger = network(4)
    fails(
        ledger,
        ReweighValidator(address=key_of("voter-1"), power=15),
        "REG-VAL-6",
        "validator_share",
    )
    ledger.carry(ReweighValidator(address=key_of("voter-1"), power=14))
    fails(
        ledger,
        AddValidator(validator=seat("voter-1", "second node", power=6)),
        "REG-VAL-6",
        "validator_share",
    )


def test_a_third_a_day() -> None:
    """[REG-VAL-7]"""
    ledger = network(6)
    ledger.carry(RemoveValidator(address=key_of("voter-6")))
    ledger.carry(AddValidator(validator=seat("voter-7")))  # gained and lost are counted apart
    assert record(ledger, key_of("voter-7")).voting_power == 10
    ledger.carry(RemoveValidator(address=key_of("voter-5")))
    fails(ledger, ReweighValidator(address=key_of("voter-1"), power=9), "REG-VAL-7", "power_change")
    ledger.time += DAY
    ledger.carry(ReweighValidator(address=key_of("voter-1"), power=9))
    assert record(ledger, key_of("voter-1")).power == 9


def test_a_member_replaces_its_own_key() -> None:
    """[REG-VAL-8]"""
    ledger = network(4)
    body = ReplaceValidator(address=key_of("voter-1"), validator=seat("voter-1", "new node"))
    with refused(ledger, "REG-VAL-8", "needs_decision"):
        ledger.do("voter-2", body)
    with refused(ledger, "REG-VAL-8", "validator_owner"):
        ledger.do("voter-1", replace(body, validator=seat("voter-2", "new node")))
    ledger.do("voter-1", body)
    assert record(ledger, key_of("voter-1")).voting_power == 0
    assert record(ledger, address_of(signer("new node").public_key.raw)).voting_power == 10


def test_a_member_with_validators_is_not_expelled() -> None:
    """[REG-MEM-5]"""
    ledger = network(5)
    fails(ledger, expulsion("voter-5"), "REG-MEM-5", "owns_validators")
    ledger.carry(RemoveValidator(address=key_of("voter-5")), expulsion("voter-5"))
    assert ledger.member("voter-5").state == "expelled"


def offence(owner: str) -> Offence:
    return Offence(kind="duplicate_vote", address=key_of(owner), height=1, time=T0, power=10)


def offended(ledger: Council, owner: str) -> str:
    ledger.state |= apply_offences(ledger, [offence(owner)], ledger.block)
    key = f"offence/1/{key_of(owner)}/duplicate_vote"
    return OffenceRecord.from_bytes(ledger.state[key]).state


def test_who_signs_two_blocks_is_out() -> None:
    """[REG-VAL-3], [REG-VAL-9]"""
    ledger = network(5)
    assert offended(ledger, "voter-5") == "jailed"
    assert record(ledger, key_of("voter-5")).voting_power == 0
    with refused(ledger, "REG-EMG-9", "not_suspended"):
        ledger.do("voter-5", RejoinValidator(address=key_of("voter-5")))
    ledger.time += DAY
    ledger.carry(ReweighValidator(address=key_of("voter-5"), power=10))
    assert record(ledger, key_of("voter-5")).voting_power == 10


def test_the_last_four_stay_with_an_alarm() -> None:
    """[REG-VAL-9]"""
    ledger = network(4)
    assert offended(ledger, "voter-4") == "alarm"
    assert record(ledger, key_of("voter-4")).voting_power == 10


def test_a_validator_stopped_in_an_emergency_rejoins_by_itself() -> None:
    """[REG-EMG-9]"""
    ledger = network(6)
    target = f"validator/{key_of('voter-6')}"
    ledger.call("voter-1", target)
    ledger.call("voter-2", target)
    assert record(ledger, key_of("voter-6")).voting_power == 0
    body = RejoinValidator(address=key_of("voter-6"))
    with refused(ledger, "REG-EMG-9", "not_suspended"):
        ledger.do("voter-6", body)
    with refused(ledger, "REG-EMG-9", "validator_owner"):
        ledger.do("voter-5", body)
    ledger.time += 72 * HOUR
    assert record(ledger, key_of("voter-6")).settled(ledger.time).voting_power == 0
    ledger.do("voter-6", body)
    assert record(ledger, key_of("voter-6")).voting_power == 10


def test_an_emergency_does_not_break_the_set() -> None:
    """[REG-EMG-9], [REG-VAL-6]"""
    ledger = network(4)
    with refused(ledger, "REG-VAL-6", "validator_count"):
        ledger.do("voter-4", EmergencySuspend(target=f"validator/{key_of('voter-4')}", reason="x"))


# --- from one to many ---


def migration(*owners: str, **changes: object) -> Migrate:
    body = Migrate(validators=tuple(seat(owner) for owner in owners))
    return replace(body, **changes)  # type: ignore[arg-type]


def test_one_validator_moves_to_a_network(tmp_path: Path) -> None:
    """[REG-MIG-1], [REG-VAL-2]"""
    ledger = Council.of(7, timelock=0)
    token = ledger.tx("voter-1", _proposed(ledger, migration(*OWNERS[:4])))
    votes = [token]
    name = parse_tx(token).body.id  # type: ignore[attr-defined]
    ledger.put(token)
    for account in OWNERS[1:6]:
        from registry_chain.transactions import Vote

        votes.append(
            ledger.tx(account, Vote(proposal=name, digest=ledger.proposal(name).digest, yes=True))
        )
        ledger.put(votes[-1])
    assert ledger.proposal(name).state == "executed"
    moved = MigrationRecord.from_bytes(ledger.state[MIGRATION_KEY])
    assert moved.validators == tuple(sorted(key_of(owner) for owner in OWNERS[:4]))
    store = Store(tmp_path / "s.db")
    app = Application(store, CHAIN)
    app.init_genesis(ledger.genesis)
    app.commit()
    updates = app.finalize(2, T0 + 99, [vote.encode() for vote in votes]).validator_updates
    assert sorted(one.power for one in updates) == [0, 10, 10, 10, 10]
    assert {one.public_key for one in updates if not one.power} == {VALIDATOR.public_key.raw}
    store.close()
    ledger.time += 2 * DAY
    ledger.carry(AddValidator(validator=seat("voter-5")))
    assert record(ledger, key_of("voter-5")).voting_power == 10
    again = ledger.proposal(ledger.carry(migration(*OWNERS[1:6])))
    assert (again.state, again.error) == ("failed", "chain.network")


def _proposed(ledger: Council, body: Migrate) -> object:
    from tests.support.registry import proposal

    return proposal(body, at=ledger.time)


def test_a_migration_is_safe_or_refused() -> None:
    """[REG-MIG-1], [REG-VAL-6]"""
    ledger = Council.of(7, timelock=0)
    old = seat_for(VALIDATOR, chain_id=CHAIN, member="voter-1", power=10)
    for body, rule, code in (
        (migration(*OWNERS[:3]), "REG-VAL-6", "validator_count"),
        (
            Migrate(validators=(*migration(*OWNERS[1:5]).validators, seat("voter-1", power=30))),
            "REG-VAL-6",
            "validator_share",
        ),
        (
            Migrate(validators=(*migration(*OWNERS[1:5]).validators, old)),
            "REG-MIG-1",
            "validator_exists",
        ),
    ):
        fails(ledger, body, rule, code)
    with refused(ledger, "REG-MIG-1", "needs_decision"):
        ledger.do("voter-1", migration(*OWNERS[:4]))


def test_a_single_validator_is_changed_in_no_other_way() -> None:
    """[REG-VAL-5]"""
    ledger = Council.of(7)
    fails(ledger, AddValidator(validator=seat("voter-1")), "REG-VAL-5", "not_a_network")


def test_odd_seats() -> None:
    """[REG-VAL-4]"""
    from registry_chain.transactions.fields import plain_object

    good = plain_object(seat("voter-1"))
    assert Seat.from_json(good).address == key_of("voter-1")
    for changes in ({"power": 0}, {"power": 2**31 + 1}, {"pub_key": "A" * 43}, {"proof": "x"}):
        with pytest.raises(Malformed):
            Seat.from_json(good | changes)  # type: ignore[operator]
    twice = [good, good]
    with pytest.raises(Malformed):
        Migrate.from_json({"validators": twice})  # type: ignore[dict-item]
    assert len(b64url_decode(str(good["pub_key"]))) == 32
    assert make_genesis()
