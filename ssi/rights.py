"""What the holder may say after consent: take it back, or ask for her rights.

Both are signed by the relationship key of the consent they are about, so a firm needs nothing but
the receipt it holds to check them.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ssi.encoding import JSONObject
from ssi.errors import BindingMismatch
from ssi.keys import PublicKey, Signer
from ssi.relationship import (
    CONSENT_CODE,
    check_not_future,
    event_json,
    sign_as_holder,
    take_commitment,
    take_event,
    take_member,
    take_urn_uuid,
    verify_by_holder,
)

WITHDRAWAL_TYP = "warifu-consent-withdrawal+jwt"
RIGHTS_TYP = "warifu-rights-request+jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A consent taken back."""

    record_id: str
    commitment: str
    withdrawn_at: datetime


def build_withdrawal(record_id: str, commitment: str, signer: Signer, *, now: datetime) -> str:
    """Sign the withdrawal of a consent with its relationship key [SHA-CON-7]."""
    payload: JSONObject = {
        "record_id": record_id,
        "commitment": commitment,
        "event": event_json("consent_withdrawn", now),
    }
    return sign_as_holder(payload, signer, typ=WITHDRAWAL_TYP)


def verify_withdrawal(
    token: str, *, key: PublicKey, record_id: str, commitment: str, now: datetime
) -> Withdrawal:
    """Check a withdrawal against the receipt we hold [SHA-CON-7].

    Args:
        token: What the holder sent.
        key: The relationship key of the receipt.
        record_id: The record of the receipt.
        commitment: The commitment of the receipt.
        now: The present.

    Raises:
        Malformed, InvalidSignature: The token is bad.
        BindingMismatch: ``consent.binding`` when it is of another key or record.
        NotYetValid: ``consent.time``.
    """
    fields = verify_by_holder(token, key, typ=WITHDRAWAL_TYP)
    withdrawal = Withdrawal(
        record_id=fields.take_str("record_id", max_len=64),
        commitment=take_commitment(fields),
        withdrawn_at=take_event(fields, "consent_withdrawn"),
    )
    fields.done()
    if (withdrawal.record_id, withdrawal.commitment) != (record_id, commitment):
        raise BindingMismatch("the withdrawal is of another consent", code="consent.binding")
    check_not_future(withdrawal.withdrawn_at, now, code="consent.time")
    return withdrawal


class RightsKind(StrEnum):
    """What a person may ask of a firm that holds her data (APPI arts. 33 to 35)."""

    DISCLOSE = "disclose"
    CORRECT = "correct"
    STOP_USE = "stop_use"
    STOP_PROVISION = "stop_provision"
    ERASE = "erase"


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsRequest:
    """A person's demand to see, correct, stop the use of, or erase her data."""

    request_id: str
    record_id: str
    kind: RightsKind
    requested_at: datetime


def build_rights_request(request: RightsRequest, signer: Signer) -> str:
    """Sign a rights request with the relationship key [SHA-CON-8]."""
    payload: JSONObject = {
        "request_id": request.request_id,
        "record_id": request.record_id,
        "right": request.kind.value,
        "event": event_json("rights_requested", request.requested_at),
    }
    return sign_as_holder(payload, signer, typ=RIGHTS_TYP)


def verify_rights_request(
    token: str, *, key: PublicKey, record_id: str, now: datetime
) -> RightsRequest:
    """Check a rights request of the relationship it claims [SHA-CON-8].

    Raises:
        Malformed, InvalidSignature: The token is bad.
        BindingMismatch: ``consent.binding`` when it is of another key or record.
        NotYetValid: ``consent.time``.
    """
    fields = verify_by_holder(token, key, typ=RIGHTS_TYP)
    request = RightsRequest(
        request_id=take_urn_uuid(fields, "request_id"),
        record_id=fields.take_str("record_id", max_len=64),
        kind=take_member(fields, "right", RightsKind, code=CONSENT_CODE),
        requested_at=take_event(fields, "rights_requested"),
    )
    fields.done()
    if request.record_id != record_id:
        raise BindingMismatch("the request is of another consent", code="consent.binding")
    check_not_future(request.requested_at, now, code="consent.time")
    return request
