"""The life of one delivery to one firm, as a table [SHA-UPD-5]."""

from enum import StrEnum

from ssi.errors import Rejected
from ssi.updates import Outcome


class DeliveryState(StrEnum):
    """Where a message to one firm stands, as the holder sees it."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    ACCEPTED_PENDING = "accepted_pending"
    NEEDS_ATTESTATION = "needs_attestation"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    EXPIRED = "expired"


class DeliveryEvent(StrEnum):
    """What can happen to a delivery."""

    STORED = "stored"  # the mailbox answered 202
    GAVE_UP = "gave_up"  # the mailbox could not be reached, for now
    RETRIED = "retried"  # the holder tries again
    SAID_ACCEPTED = "said_accepted"
    SAID_PENDING = "said_pending"
    SAID_NEEDS_ATTESTATION = "said_needs_attestation"
    SAID_REJECTED = "said_rejected"
    ATTESTED = "attested"  # the attested re-send is queued
    TIMED_OUT = "timed_out"  # the deadline passed without a final answer


_S, _E = DeliveryState, DeliveryEvent

_ANSWERS = {
    _E.SAID_ACCEPTED: _S.ACCEPTED,
    _E.SAID_PENDING: _S.ACCEPTED_PENDING,
    _E.SAID_NEEDS_ATTESTATION: _S.NEEDS_ATTESTATION,
    _E.SAID_REJECTED: _S.REJECTED,
}

# An answer may come before we know of the delivery (a crash between 202 and our note of it), and
# the same answer may come twice: neither is an illegal move.
DELIVERY_TRANSITIONS: dict[DeliveryState, dict[DeliveryEvent, DeliveryState]] = {
    _S.QUEUED: {
        _E.STORED: _S.DELIVERED,
        _E.GAVE_UP: _S.UNREACHABLE,
        _E.TIMED_OUT: _S.EXPIRED,
        **_ANSWERS,
    },
    _S.DELIVERED: {
        _E.STORED: _S.DELIVERED,
        _E.GAVE_UP: _S.UNREACHABLE,
        _E.TIMED_OUT: _S.EXPIRED,
        **_ANSWERS,
    },
    _S.UNREACHABLE: {
        _E.RETRIED: _S.QUEUED,
        _E.STORED: _S.DELIVERED,
        _E.GAVE_UP: _S.UNREACHABLE,
        _E.TIMED_OUT: _S.EXPIRED,
        **_ANSWERS,
    },
    _S.NEEDS_ATTESTATION: {
        _E.ATTESTED: _S.QUEUED,
        _E.SAID_NEEDS_ATTESTATION: _S.NEEDS_ATTESTATION,
        _E.TIMED_OUT: _S.EXPIRED,
    },
    _S.ACCEPTED_PENDING: {
        _E.SAID_PENDING: _S.ACCEPTED_PENDING,
        _E.SAID_ACCEPTED: _S.ACCEPTED,
        _E.SAID_REJECTED: _S.REJECTED,
        _E.TIMED_OUT: _S.EXPIRED,
    },
    _S.ACCEPTED: {_E.SAID_ACCEPTED: _S.ACCEPTED},
    _S.REJECTED: {_E.SAID_REJECTED: _S.REJECTED},
    _S.EXPIRED: {},
}

FINAL_STATES = frozenset({_S.ACCEPTED, _S.REJECTED, _S.EXPIRED})

_SAID = {
    Outcome.ACCEPTED: _E.SAID_ACCEPTED,
    Outcome.ACCEPTED_PENDING: _E.SAID_PENDING,
    Outcome.NEEDS_ATTESTATION: _E.SAID_NEEDS_ATTESTATION,
    Outcome.REJECTED: _E.SAID_REJECTED,
}


def answered(outcome: Outcome) -> DeliveryEvent:
    """Return the event that a verified receipt is."""
    return _SAID[outcome]


def advance(state: DeliveryState, event: DeliveryEvent) -> DeliveryState:
    """Return the state after an event.

    Raises:
        Rejected: ``update.transition`` when the table has no such move; the state stays.
    """
    following = DELIVERY_TRANSITIONS[state].get(event)
    if following is None:
        raise Rejected("the delivery does not go that way", code="update.transition")
    return following
