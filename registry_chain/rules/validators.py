"""Rules for validators: changed only within safe bounds. [REG-VAL-4] to [REG-VAL-9].

A block's change of power is told to the engine by its validator records alone, so each rule here
ends in the same judgement of the whole set: four at least, no member a third, and in a day not
more than a third gained or lost, which is what lets light clients follow.
"""

from collections.abc import Mapping
from dataclasses import replace

from registry_chain.records import (
    ACTIVE,
    MIGRATION_KEY,
    RETIRED,
    ROSTER_KEY,
    SUSPENDED,
    MigrationRecord,
    Roster,
    ValidatorRecord,
    unsafe_set,
    validator_key,
)
from registry_chain.rules.context import (
    BlockContext,
    Rule,
    decided,
    find,
    member,
    public_key,
    refuse,
    require_decision,
)
from registry_chain.state import Changes, View
from registry_chain.transactions.validators import (
    AddValidator,
    Migrate,
    RejoinValidator,
    RemoveValidator,
    ReplaceValidator,
    ReweighValidator,
    Seat,
    validator_proof_message,
)
from ssi.encoding import b64url_decode
from ssi.errors import InvalidSignature, Malformed

EPOCH = 86_400

Seats = Mapping[str, ValidatorRecord]


def roster(view: View) -> Roster:
    """Every validator the chain ever had, and what changed of their power lately."""
    record = find(view, Roster, ROSTER_KEY)
    if record is None:
        raise TypeError("the genesis founds the roster")
    return record


def validator(view: View, address: str, rule: str) -> ValidatorRecord:
    """The validator's record, whatever its state."""
    record = find(view, ValidatorRecord, validator_key(address))
    if record is None:
        raise refuse(rule, "validator_unknown", "no validator has this address")
    return record


def reseated(view: View, changed: Seats, block: BlockContext) -> Changes:
    """The records of a change, if the set is safe after it [REG-VAL-6], [REG-VAL-7]."""
    before = roster(view)
    if not before.network:
        raise refuse("REG-VAL-5", "not_a_network", "one validator moves to a network as a whole")
    seats = _seats(view, before)
    after = seats | dict(changed)
    require_safe(after)
    entry = _counted(before, seats, after, block)
    if 3 * max(entry.gained, entry.lost) > entry.epoch_power:
        raise refuse("REG-VAL-7", "power_change", "more than a third would change within a day")
    return _written(changed, entry)


def jailed(view: View, address: str, by: str, block: BlockContext) -> Changes | None:
    """The changes that take a proven offender out, or none when the set would be unsafe.

    One that is out already changes nothing.
    """
    before = roster(view)
    record = find(view, ValidatorRecord, validator_key(address))
    if record is not None and not record.voting_power:
        return {}
    if not before.network or record is None:
        return None
    out = record.stopped(at=block.time, height=block.height, until=None, by=by, reason="offence")
    seats = _seats(view, before)
    after = seats | {address: out}
    if unsafe_set(after) is not None:
        return None
    return _written({address: out}, _counted(before, seats, after, block))


def _seats(view: View, record: Roster) -> dict[str, ValidatorRecord]:
    return {one: validator(view, one, "REG-VAL-1") for one in record.addresses}


def _written(changed: Seats, entry: Roster) -> Changes:
    changes = {validator_key(address): record.to_bytes() for address, record in changed.items()}
    return changes | {ROSTER_KEY: entry.to_bytes()}


def _counted(before: Roster, seats: Seats, after: Seats, block: BlockContext) -> Roster:
    """The roster with this change added to those of its day."""
    gained = lost = 0
    for address, record in after.items():
        power = seats[address].voting_power if address in seats else 0
        gained += max(0, record.voting_power - power)
        lost += max(0, power - record.voting_power)
    known = tuple(sorted(after))
    if block.time >= before.epoch_at + EPOCH:
        return replace(
            before,
            height=block.height,
            time=block.time,
            addresses=known,
            epoch_at=block.time,
            epoch_power=_total(seats),
            gained=gained,
            lost=lost,
        )
    return replace(
        before,
        height=block.height,
        time=block.time,
        addresses=known,
        gained=before.gained + gained,
        lost=before.lost + lost,
    )


def _total(seats: Seats) -> int:
    return sum(record.voting_power for record in seats.values())


def require_safe(seats: Seats) -> None:
    """Four validators at least, and no member with a third of the power [REG-VAL-6]."""
    reason = unsafe_set(seats)
    if reason is not None:
        raise refuse("REG-VAL-6", *reason)


def _require_seat(view: View, seat: Seat, block: BlockContext) -> None:
    """A member's own new key, proven to be held [REG-VAL-4]."""
    if member(view, seat.member, block, "REG-VAL-4").state != ACTIVE:
        raise refuse("REG-VAL-4", "member_suspended", "the validator's member is not active")
    key = public_key(seat.jwk)
    message = validator_proof_message(block.chain_id, seat.member, key)
    try:
        key.verify(message, b64url_decode(seat.proof))
    except (InvalidSignature, Malformed):
        raise refuse("REG-VAL-4", "key_proof", "the key did not sign its registration") from None


def _new(view: View, seat: Seat, power: int, block: BlockContext) -> ValidatorRecord:
    _require_seat(view, seat, block)
    if find(view, ValidatorRecord, validator_key(seat.address)) is not None:
        raise refuse("REG-VAL-4", "validator_exists", "the key is, or was, a validator's")
    return ValidatorRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        pub_key=seat.pub_key,
        power=power,
        member=seat.member,
    )


def _add(view: View, account: str, body: AddValidator, block: BlockContext) -> Changes:
    require_decision(account, "REG-VAL-5")
    seat = body.validator
    return reseated(view, {seat.address: _new(view, seat, seat.power, block)}, block)


def _remove(view: View, account: str, body: RemoveValidator, block: BlockContext) -> Changes:
    require_decision(account, "REG-VAL-5")
    record = _present(view, body.address)
    return reseated(view, {body.address: _retired(record, block)}, block)


def _reweigh(view: View, account: str, body: ReweighValidator, block: BlockContext) -> Changes:
    require_decision(account, "REG-VAL-5")
    record = _present(view, body.address)
    resumed = record.resumed(at=block.time, height=block.height)
    return reseated(view, {body.address: replace(resumed, power=body.power)}, block)


def _replace(view: View, account: str, body: ReplaceValidator, block: BlockContext) -> Changes:
    """A member's new key takes the place of the old one, with its power [REG-VAL-8]."""
    record = _present(view, body.address)
    if account != record.member and not decided(account):
        raise refuse("REG-VAL-8", "needs_decision", "this is another member's validator")
    if record.state != ACTIVE or body.validator.member != record.member:
        raise refuse("REG-VAL-8", "validator_owner", "a key follows an active one of its member")
    new = _new(view, body.validator, record.power, block)
    changed = {body.address: _retired(record, block), body.validator.address: new}
    return reseated(view, changed, block)


def _rejoin(view: View, account: str, body: RejoinValidator, block: BlockContext) -> Changes:
    """After its suspension, a validator signs again when its member says so [REG-EMG-9]."""
    record = _present(view, body.address)
    if account != record.member:
        raise refuse("REG-EMG-9", "validator_owner", "this is another member's validator")
    over = record.suspended_until is not None and block.time >= record.suspended_until
    own = record.suspended_by == account
    if record.state != SUSPENDED or not (over or own):
        raise refuse("REG-EMG-9", "not_suspended", "no suspension of it has run out")
    return reseated(view, {body.address: record.resumed(at=block.time, height=block.height)}, block)


def _migrate(view: View, account: str, body: Migrate, block: BlockContext) -> Changes:
    """The one validator retires; the network's take over two blocks later [REG-MIG-1]."""
    require_decision(account, "REG-MIG-1")
    before = roster(view)
    if before.network:
        raise refuse("REG-MIG-1", "network", "the chain is a network already")
    old = _seats(view, before)
    changed = {address: _retired(record, block) for address, record in old.items()}
    for seat in body.validators:
        if seat.address in old:
            raise refuse("REG-MIG-1", "validator_exists", "the old key does not go on")
        changed[seat.address] = _new(view, seat, seat.power, block)
    require_safe(changed)
    entry = replace(
        before,
        height=block.height,
        time=block.time,
        network=True,
        addresses=tuple(sorted(changed)),
        epoch_at=block.time,
        epoch_power=_total(changed),
    )
    record = MigrationRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        retired=tuple(sorted(old)),
        validators=tuple(sorted(seat.address for seat in body.validators)),
        by=account,
    )
    return _written(changed, entry) | {MIGRATION_KEY: record.to_bytes()}


def _present(view: View, address: str) -> ValidatorRecord:
    record = validator(view, address, "REG-VAL-5")
    if record.state == RETIRED:
        raise refuse("REG-VAL-5", "validator_retired", "the validator was taken out for good")
    return record


def _retired(record: ValidatorRecord, block: BlockContext) -> ValidatorRecord:
    return replace(record, state=RETIRED, height=block.height, time=block.time)


def owns_validators(view: View, name: str) -> bool:
    """Whether a validator that may sign is the member's."""
    seats = _seats(view, roster(view)).values()
    return any(seat.member == name and seat.state != RETIRED for seat in seats)


RULES: dict[str, Rule] = {
    AddValidator.TYPE: _add,
    RemoveValidator.TYPE: _remove,
    ReweighValidator.TYPE: _reweigh,
    ReplaceValidator.TYPE: _replace,
    RejoinValidator.TYPE: _rejoin,
    Migrate.TYPE: _migrate,
}
