"""Messages, receipts, order, and the life of a delivery. specs/sharing.md §3 and §4."""

from dataclasses import replace
from datetime import date
from itertools import permutations

import pytest

from ssi.delivery import (
    DELIVERY_TRANSITIONS,
    FINAL_STATES,
    DeliveryEvent,
    DeliveryState,
    advance,
    answered,
)
from ssi.errors import BindingMismatch, InvalidSignature, Malformed, Rejected, Replayed
from ssi.updates import (
    ConsentWithdrawn,
    Outcome,
    Receipt,
    RejectCode,
    RightsRequested,
    build_receipt,
    check_sequence,
    message_json,
    parse_message,
    verify_receipt,
)
from tests.support.registry import signer
from tests.support.relations import (
    FIRM,
    FIRM_KEYS,
    FIRM_KID,
    RECORD,
    Holder,
    address_update,
    event_id,
    receipt_for,
)

YAMADA = Holder()
ENVELOPE = YAMADA.envelope()
S, E = DeliveryState, DeliveryEvent


@pytest.mark.parametrize(
    "message",
    [
        address_update(),
        address_update(apply_from=date(2026, 1, 1), supersedes=event_id(4)),
        ConsentWithdrawn(event_id=event_id(), record_id=RECORD, sequence=3, withdrawal="a.b.c"),
        RightsRequested(event_id=event_id(), record_id=RECORD, sequence=3, request="a.b.c"),
        receipt_for(ENVELOPE),
        receipt_for(ENVELOPE, state=Outcome.REJECTED, code=RejectCode.NOT_CUSTOMER),
        receipt_for(ENVELOPE, applied_on=date(2025, 11, 25)),
    ],
)
def test_a_message_survives_writing_and_reading(message):
    """[SHA-UPD-1] [SHA-UPD-6] [SHA-UPD-7]"""
    assert parse_message(message_json(message)) == message


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "address_update:2"},
        {"kind": None},
        {"sequence": 0},
        {"sequence": "1"},
        {"moved_on": "2025-02-30"},
        {"moved_on": "20251120"},
        {"moved_on": "２０２５-11-20"},
        {"assurance": "trust_me"},
        {"reason": ""},
        {"event_id": "7"},
        {"must_understand": "future"},
        {"presentation": "x" * 50000},
    ],
)
def test_a_message_of_another_form_is_malformed(change):
    """[SHA-UPD-2]"""
    with pytest.raises(Malformed):
        parse_message(message_json(address_update()) | change)


# --- receipts ---


def check(receipt, **changes):
    expected = {
        "verifier_id": FIRM,
        "keys": FIRM_KEYS,
        "jti": ENVELOPE.address.jti,
        "sealed": ENVELOPE.sealed,
    }
    return verify_receipt(receipt, **(expected | changes))


def test_a_receipt_is_the_firms_word_about_our_very_message():
    """[SHA-RCP-1] [SHA-RCP-2]"""
    assert check(receipt_for(ENVELOPE)).facts.state is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "other",
    [
        {"jti": "another"},
        {"sealed": "another"},
        {"verifier_id": "car-two"},
        {"keys": {}},
    ],
)
def test_a_receipt_about_something_else_is_refused(other):
    """[SHA-RCP-2]"""
    with pytest.raises(BindingMismatch):
        check(receipt_for(ENVELOPE), **other)


def test_a_receipt_by_another_key_is_refused():
    """[SHA-RCP-2]"""
    facts = receipt_for(ENVELOPE).facts
    forged = build_receipt(facts, signer("mallory"), kid=FIRM_KID, sealed=ENVELOPE.sealed)
    with pytest.raises(InvalidSignature):
        check(forged)


def test_what_stands_around_the_statement_must_be_what_was_signed():
    """[SHA-RCP-3]"""
    receipt = receipt_for(ENVELOPE)
    kinder = replace(receipt.facts, state=Outcome.ACCEPTED_PENDING)
    with pytest.raises(BindingMismatch):
        check(Receipt(facts=kinder, statement=receipt.statement))


@pytest.mark.parametrize(
    ("state", "code"), [(Outcome.REJECTED, None), (Outcome.ACCEPTED, RejectCode.OTHER)]
)
def test_a_reason_goes_with_a_rejection_and_only_with_one(state, code):
    """[SHA-RCP-4]"""
    with pytest.raises(Malformed):
        check(receipt_for(ENVELOPE, state=state, code=code))


# --- order ---


def test_in_every_order_the_newest_wins():
    """[SHA-UPD-4] 720 orders of six updates end alike."""
    for order in permutations(range(1, 7)):
        applied, event = 0, None
        for sequence in order:
            try:
                check_sequence(
                    applied=applied,
                    applied_event=event,
                    sequence=sequence,
                    event_id=event_id(sequence),
                )
            except Replayed:
                continue
            applied, event = sequence, event_id(sequence)
        assert (applied, event) == (6, event_id(6))


def test_a_gap_is_counted_and_a_repeat_is_stale():
    """[SHA-UPD-4]"""
    known = {"applied": 3, "applied_event": event_id(3)}
    assert check_sequence(**known, sequence=4, event_id=event_id(4)) == 0
    assert check_sequence(**known, sequence=7, event_id=event_id(7)) == 3
    for sequence in (1, 3):
        with pytest.raises(Replayed) as caught:
            check_sequence(**known, sequence=sequence, event_id=event_id(sequence))
        assert caught.value.code == "update.stale"


def test_two_devices_with_one_number_are_found_out():
    """[SHA-UPD-4]"""
    with pytest.raises(Rejected) as caught:
        check_sequence(applied=3, applied_event=event_id(3), sequence=3, event_id=event_id(99))
    assert caught.value.code == "update.sequence_conflict"


# --- the life of a delivery ---


def test_every_state_has_its_row_and_final_states_stay():
    """[SHA-UPD-5]"""
    assert set(DELIVERY_TRANSITIONS) == set(S)
    for state in FINAL_STATES:
        assert set(DELIVERY_TRANSITIONS[state].values()) <= {state}


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("event", E)
def test_only_moves_of_the_table_are_made(state, event):
    """[SHA-UPD-5]"""
    following = DELIVERY_TRANSITIONS[state].get(event)
    if following is None:
        with pytest.raises(Rejected) as caught:
            advance(state, event)
        assert caught.value.code == "update.transition"
    else:
        assert advance(state, event) is following


def test_every_unfinished_delivery_can_time_out():
    """[SHA-UPD-5]"""
    for state in set(S) - FINAL_STATES:
        assert advance(state, E.TIMED_OUT) is S.EXPIRED


def test_needs_attestation_goes_back_into_the_queue_when_attested():
    """[SHA-UPD-5]"""
    state = S.QUEUED
    for event in (E.STORED, answered(Outcome.NEEDS_ATTESTATION), E.ATTESTED, E.STORED):
        state = advance(state, event)
    assert advance(state, answered(Outcome.ACCEPTED)) is S.ACCEPTED


@pytest.mark.parametrize("outcome", Outcome)
def test_an_answer_that_comes_twice_changes_nothing(outcome):
    """[SHA-UPD-5]"""
    once = advance(S.DELIVERED, answered(outcome))
    assert advance(once, answered(outcome)) is once
