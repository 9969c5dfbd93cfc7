"""What travels sealed between a holder and a firm: updates and the signed receipts for them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import assert_never

from ssi.encoding import JSON, Fields, JSONObject
from ssi.errors import BindingMismatch, Malformed, Rejected, Replayed
from ssi.jose import parse_jws, sign_jws, verify_jws
from ssi.keys import PublicKey, Signer
from ssi.relationship import (
    firm_key,
    firm_kid,
    seconds,
    take_member,
    take_time,
    take_urn_uuid,
    token_digest,
)

RECEIPT_TYP = "warifu-receipt+jwt"
_CODE = "update.malformed"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAX_PRESENTATION = 49152
_MAX_TOKEN = 8192


class Assurance(StrEnum):
    """Who vouches for the new value."""

    SELF_ASSERTED = "self_asserted"
    ATTESTED = "attested"


class Reason(StrEnum):
    """Why an address changes."""

    MOVE = "move"
    CORRECTION = "correction"
    MUNICIPAL_RENAMING = "municipal_renaming"
    LAND_RENUMBERING = "land_renumbering"
    TEMPORARY = "temporary"


class Outcome(StrEnum):
    """What a firm answers to an update."""

    ACCEPTED = "accepted"
    ACCEPTED_PENDING = "accepted_pending"
    NEEDS_ATTESTATION = "needs_attestation"
    REJECTED = "rejected"


class RejectCode(StrEnum):
    """Why a firm does not take an update, for people to act on [SHA-RCP-4]."""

    NAME_MISMATCH = "NAME_MISMATCH"
    NOT_CUSTOMER = "NOT_CUSTOMER"
    OUT_OF_SERVICE_AREA = "OUT_OF_SERVICE_AREA"
    NEEDS_PAPER = "NEEDS_PAPER"
    ADDRESS_UNKNOWN = "ADDRESS_UNKNOWN"
    FUTURE_DATE_TOO_FAR = "FUTURE_DATE_TOO_FAR"
    DUPLICATE = "DUPLICATE"
    CONTRACT_TERMINATED = "CONTRACT_TERMINATED"
    CONSENT_WITHDRAWN = "CONSENT_WITHDRAWN"
    STALE = "STALE"
    NOT_VERIFIED = "NOT_VERIFIED"
    LEGAL_RETENTION = "LEGAL_RETENTION"
    OTHER = "OTHER"


# --- from the holder ---


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressUpdate:
    """A new address for one firm, as a presentation made for that firm [SHA-UPD-1]."""

    event_id: str
    record_id: str
    sequence: int
    moved_on: date
    apply_from: date | None = None
    assurance: Assurance
    reason: Reason
    supersedes: str | None = None
    nonce: str = field(repr=False)
    presentation: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn:
    """The withdrawal of a consent, on its way to the firm [SHA-UPD-6]."""

    event_id: str
    record_id: str
    sequence: int
    withdrawal: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsRequested:
    """A signed rights request, on its way to the firm [SHA-UPD-7]."""

    event_id: str
    record_id: str
    sequence: int
    request: str = field(repr=False)


# --- from the firm ---


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFacts:
    """What a firm answers about one envelope [SHA-RCP-1]."""

    verifier_id: str
    for_jti: str
    event_id: str
    state: Outcome
    code: RejectCode | None = None
    applied_on: date | None = None
    received_at: datetime
    next_nonce: str = field(repr=False)

    def to_json(self) -> JSONObject:
        """Write the members that the firm signs and repeats."""
        return {
            "verifier": self.verifier_id,
            "for": self.for_jti,
            "event_id": self.event_id,
            "state": self.state.value,
            "received_at": seconds(self.received_at),
            "next_nonce": self.next_nonce,
            **_given(code=self.code, applied_on=_iso(self.applied_on)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A firm's answer with its signed statement; verified only by `verify_receipt`."""

    facts: ReceiptFacts
    statement: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReceipt:
    """An answer the firm signed about our very envelope."""

    facts: ReceiptFacts
    statement: str = field(repr=False)


Message = AddressUpdate | ConsentWithdrawn | RightsRequested | Receipt


def message_json(message: Message) -> JSONObject:
    """Write a message, to be sealed [SHA-UPD-1]."""
    match message:
        case AddressUpdate():
            return {
                "kind": "address_update",
                "event_id": message.event_id,
                "record_id": message.record_id,
                "sequence": message.sequence,
                "moved_on": message.moved_on.isoformat(),
                "assurance": message.assurance.value,
                "reason": message.reason.value,
                "nonce": message.nonce,
                "presentation": message.presentation,
                **_given(apply_from=_iso(message.apply_from), supersedes=message.supersedes),
            }
        case ConsentWithdrawn():
            return {
                "kind": "consent_withdrawn",
                "event_id": message.event_id,
                "record_id": message.record_id,
                "sequence": message.sequence,
                "withdrawal": message.withdrawal,
            }
        case RightsRequested():
            return {
                "kind": "rights_request",
                "event_id": message.event_id,
                "record_id": message.record_id,
                "sequence": message.sequence,
                "request": message.request,
            }
        case Receipt():
            return {"kind": "receipt", **message.facts.to_json(), "statement": message.statement}
        case _:
            assert_never(message)


def parse_message(content: JSONObject) -> Message:
    """Read what `ssi.envelope.unseal` returned; unknown kinds and members are refused [SHA-UPD-2].

    Raises:
        Malformed: ``update.malformed``, or ``update.kind`` for a kind we do not know.
    """
    fields = Fields(content, where="message", code=_CODE)
    kind = fields.take_str("kind", max_len=64)
    reader = _READERS.get(kind)
    if reader is None:
        raise Malformed("the kind of the message is not known", code="update.kind")
    message = reader(fields)
    fields.done()
    return message


def _read_address_update(fields: Fields) -> AddressUpdate:
    return AddressUpdate(
        event_id=take_urn_uuid(fields, "event_id", code=_CODE),
        record_id=take_urn_uuid(fields, "record_id", code=_CODE),
        sequence=fields.take_int("sequence", minimum=1),
        moved_on=_date(fields.take_str("moved_on", max_len=10)),
        apply_from=_opt_date(fields, "apply_from"),
        assurance=take_member(fields, "assurance", Assurance, code=_CODE),
        reason=take_member(fields, "reason", Reason, code=_CODE),
        supersedes=fields.opt_str("supersedes", max_len=64),
        nonce=fields.take_str("nonce", max_len=128),
        presentation=fields.take_str("presentation", max_len=_MAX_PRESENTATION),
    )


def _read_withdrawn(fields: Fields) -> ConsentWithdrawn:
    return ConsentWithdrawn(
        event_id=take_urn_uuid(fields, "event_id", code=_CODE),
        record_id=take_urn_uuid(fields, "record_id", code=_CODE),
        sequence=fields.take_int("sequence", minimum=1),
        withdrawal=fields.take_str("withdrawal", max_len=_MAX_TOKEN),
    )


def _read_rights(fields: Fields) -> RightsRequested:
    return RightsRequested(
        event_id=take_urn_uuid(fields, "event_id", code=_CODE),
        record_id=take_urn_uuid(fields, "record_id", code=_CODE),
        sequence=fields.take_int("sequence", minimum=1),
        request=fields.take_str("request", max_len=_MAX_TOKEN),
    )


def _read_receipt(fields: Fields) -> Receipt:
    statement = fields.take_str("statement", max_len=_MAX_TOKEN)
    return Receipt(facts=_read_facts(fields), statement=statement)


_READERS: dict[str, Callable[[Fields], Message]] = {
    "address_update": _read_address_update,
    "consent_withdrawn": _read_withdrawn,
    "rights_request": _read_rights,
    "receipt": _read_receipt,
}


def _read_facts(fields: Fields) -> ReceiptFacts:
    code = fields.opt_str("code", max_len=64)
    try:
        reject = None if code is None else RejectCode(code)
    except ValueError:
        raise Malformed("code is not a known word", code=_CODE) from None
    return ReceiptFacts(
        verifier_id=fields.take_str("verifier", max_len=64),
        for_jti=fields.take_str("for", max_len=64),
        event_id=take_urn_uuid(fields, "event_id", code=_CODE),
        state=take_member(fields, "state", Outcome, code=_CODE),
        code=reject,
        applied_on=_opt_date(fields, "applied_on"),
        received_at=take_time(fields, "received_at"),
        next_nonce=fields.take_str("next_nonce", max_len=128),
    )


# --- receipts ---


def build_receipt(facts: ReceiptFacts, signer: Signer, *, kid: str, sealed: str) -> Receipt:
    """Sign the answer to an envelope [SHA-RCP-1].

    Args:
        facts: The answer.
        signer: The firm's receipt key.
        kid: The kid under which that key is registered.
        sealed: The sealed message answered, as it came.
    """
    payload: JSONObject = {**facts.to_json(), "sealed_sha256": token_digest(sealed)}
    header_kid = firm_kid(facts.verifier_id, kid)
    statement = sign_jws(payload, signer, typ=RECEIPT_TYP, header={"kid": header_kid})
    return Receipt(facts=facts, statement=statement)


def verify_receipt(
    receipt: Receipt, *, verifier_id: str, keys: Mapping[str, PublicKey], jti: str, sealed: str
) -> VerifiedReceipt:
    """Check that the firm signed this answer, about the very message we sealed [SHA-RCP-2].

    Args:
        receipt: The unsealed answer.
        verifier_id: The firm we wrote to.
        keys: Its registered receipt keys by kid.
        jti: The id of the envelope we sent.
        sealed: The sealed message in it.

    Raises:
        Malformed, InvalidSignature: The statement is bad.
        BindingMismatch: ``update.receipt`` when it is about something else, by somebody else, or
            says something else than the message around it.
    """
    jws = parse_jws(receipt.statement)
    key = firm_key(jws, verifier_id, keys, code="update.receipt")
    fields = Fields(verify_jws(jws, key, typ=RECEIPT_TYP), where="receipt", code=_CODE)
    digest = fields.take_str("sealed_sha256", max_len=64)
    signed = _read_facts(fields)
    fields.done()
    # What stands beside the statement is what was signed [SHA-RCP-3].
    if signed != receipt.facts or (signed.verifier_id, signed.for_jti, digest) != (
        verifier_id,
        jti,
        token_digest(sealed),
    ):
        raise BindingMismatch("the receipt is about something else", code="update.receipt")
    if (signed.state is Outcome.REJECTED) != (signed.code is not None):
        raise Malformed("a reason goes with a rejection, and only with one", code=_CODE)
    return VerifiedReceipt(facts=signed, statement=receipt.statement)


# --- order ---


def check_sequence(*, applied: int, applied_event: str | None, sequence: int, event_id: str) -> int:
    """Decide whether a message is newer than the last one applied [SHA-UPD-4].

    Args:
        applied: The sequence applied last; 0 before the first.
        applied_event: The event applied under it.
        sequence: The sequence of the message.
        event_id: The event of the message.

    Returns:
        How many messages are missing in between; 0 when none is.

    Raises:
        Replayed: ``update.stale`` for an older message, or the same again.
        Rejected: ``update.sequence_conflict`` when another event used the same number, as two
            devices restored from one backup would.
    """
    if sequence == applied and event_id != applied_event:
        raise Rejected("two events have one number", code="update.sequence_conflict")
    if sequence <= applied:
        raise Replayed("a newer message was applied already", code="update.stale")
    return sequence - applied - 1


# --- small readers ---


def _opt_date(fields: Fields, name: str) -> date | None:
    text = fields.opt_str(name, max_len=10)
    return None if text is None else _date(text)


def _given(**members: JSON) -> JSONObject:
    """Return the members that have a value: what is not known is absent, never null."""
    return {name: value for name, value in members.items() if value is not None}


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _date(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise Malformed("a date is not YYYY-MM-DD", code=_CODE)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed("a date is not in the calendar", code=_CODE) from None
