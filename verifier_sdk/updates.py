"""Receiving what holders send: exactly once, in order, each with a signed receipt.

The firm's handler runs before anything is stored; when it raises, nothing is, and the message comes
again. What is stored is stored in one transaction: the new state of the relationship, the line of
the address history, the answer and its place in the outbox [TRUST-UPD-1].
"""

from dataclasses import replace
from datetime import date, datetime

from ssi.envelope import VerifiedSet, check_opening, open_sealed, parse_set, verify_holder_set
from ssi.errors import BindingMismatch, Expired, Rejected, Replayed, Unavailable, Untrusted
from ssi.relationship import token_digest
from ssi.rights import verify_rights_request, verify_withdrawal
from ssi.updates import (
    AddressUpdate,
    ConsentWithdrawn,
    Outcome,
    Receipt,
    RejectCode,
    RightsRequested,
    check_sequence,
    parse_message,
)
from verifier_sdk.addresses import VerifiedAddress, verify_address
from verifier_sdk.answers import Desk, FirmMessage, Verdict, answer
from verifier_sdk.consents import notice_withdrawals
from verifier_sdk.events import (
    Accept,
    AcceptPending,
    AddressUpdated,
    ConsentEnded,
    Decision,
    NeedsAttestation,
    Reject,
    RightsAsked,
)
from verifier_sdk.policy import today_in_japan
from verifier_sdk.relationships import (
    KeptConsent,
    Relationship,
    StoredReceipt,
    find_consent,
    find_relationship,
    give_lease,
    is_outstanding,
    stored_receipt,
    take_lease,
)
from verifier_sdk.store import Store


def receive_update(desk: Desk, token: str, now: datetime) -> StoredReceipt:
    """Take one envelope from a holder [TRUST-UPD-1] [SHA-RCP-5].

    Args:
        desk: What receiving needs.
        token: The SET as it came, by push or poll.
        now: The present.

    Returns:
        The stored answer: the same one whenever the same envelope comes.

    Raises:
        Rejected: The envelope is bad or not from a holder we know: nobody is answered.
        Unavailable: No verdict yet; the envelope must come again.
    """
    received = verify_holder_set(parse_set(token), now=now)
    jti = received.envelope.address.jti
    if received.envelope.address.box != desk.firm.box:
        raise BindingMismatch("the envelope is for another box", code="update.box")
    known = _repeated(desk.store, jti, token)
    if known is not None:
        return known
    relationship = received.envelope.relationship
    if find_relationship(desk.store, relationship) is None:
        raise Untrusted("no consent of this holder is known", code="update.relationship")
    if not take_lease(desk.store, relationship, now):
        raise Unavailable("another message is being worked on", code="update.busy", retry_after=1)
    try:
        return _repeated(desk.store, jti, token) or _work(desk, received, now)
    finally:
        give_lease(desk.store, relationship)


def _repeated(store: Store, jti: str, token: str) -> StoredReceipt | None:
    known = stored_receipt(store, jti)
    if known is not None and known.digest != token_digest(token):
        raise Replayed("the id was used for something else", code="update.jti")
    return known


def _work(desk: Desk, received: VerifiedSet, now: datetime) -> StoredReceipt:
    """Open, judge and answer one new message, while its holder's lease is ours."""
    opened = open_sealed(received, desk.firm.encryption_keys)
    message = parse_message(check_opening(received.envelope, opened))
    if isinstance(message, Receipt):
        raise Rejected("a holder sends no receipts", code="update.kind")
    relationship = find_relationship(desk.store, received.envelope.relationship)
    consent = find_consent(desk.store, message.record_id)
    if relationship is None or consent is None or consent.relationship != relationship.id:
        raise Untrusted("no such consent of this holder is known", code="update.consent")
    if consent.return_box is None:
        raise Rejected("the consent names no box for answers", code="update.no_return_box")
    verdict = replace(_judge(desk, received, message, relationship, consent, now), opened=opened)
    return answer(desk, received, message, relationship, consent, verdict, now)


# --- judging ---


def _judge(  # noqa: PLR0913, PLR0917 - what a verdict rests on
    desk: Desk,
    received: VerifiedSet,
    message: FirmMessage,
    relationship: Relationship,
    consent: KeptConsent,
    now: datetime,
) -> Verdict:
    """Decide what to answer; only `Unavailable` and a failing handler leave it undecided."""
    try:
        check_sequence(
            applied=relationship.sequence,
            applied_event=relationship.event,
            sequence=message.sequence,
            event_id=message.event_id,
        )
    except Rejected as error:  # update.stale or update.sequence_conflict
        if not isinstance(message, AddressUpdate):
            # What a holder takes back or asks for counts in whatever order her mail comes.
            return replace(
                _judged(desk, received, message, relationship, consent, now), advances=False
            )
        code = RejectCode.STALE if error.code == "update.stale" else RejectCode.DUPLICATE
        return Verdict(outcome=Outcome.REJECTED, code=code, advances=False)
    return _judged(desk, received, message, relationship, consent, now)


def _judged(  # noqa: PLR0913, PLR0917 - as the caller
    desk: Desk,
    received: VerifiedSet,
    message: FirmMessage,
    relationship: Relationship,
    consent: KeptConsent,
    now: datetime,
) -> Verdict:
    try:
        match message:
            case AddressUpdate():
                return _judge_address(desk, received, message, relationship, consent, now)
            case ConsentWithdrawn():
                return _judge_withdrawal(desk, message, relationship, consent, now)
            case RightsRequested():
                return _judge_rights(desk, message, relationship, consent, now)
    except Rejected:
        return Verdict(outcome=Outcome.REJECTED, code=RejectCode.NOT_VERIFIED)


def _judge_address(  # noqa: PLR0913, PLR0917 - what a verdict rests on
    desk: Desk,
    received: VerifiedSet,
    message: AddressUpdate,
    relationship: Relationship,
    consent: KeptConsent,
    now: datetime,
) -> Verdict:
    if not consent.stands(now) or not consent.updates:
        return Verdict(outcome=Outcome.REJECTED, code=RejectCode.CONSENT_WITHDRAWN)
    if now >= received.envelope.deadline:
        # The holder counts it as unanswered by now and may have told us otherwise.
        raise Expired("the update came after its deadline", code="update.deadline")
    if not is_outstanding(desk.store, relationship.id, message.nonce):
        raise Replayed("the nonce is not one we gave", code="update.nonce")
    if notice_withdrawals(
        [consent], ledger=desk.ledger, store=desk.store, handlers=desk.handlers, now=now
    ):
        return Verdict(outcome=Outcome.REJECTED, code=RejectCode.CONSENT_WITHDRAWN)
    verified = verify_address(
        message,
        key=relationship.key,
        client_id=consent.client_id,
        ledger=desk.ledger,
        statuses=desk.statuses,
        now=now,
        signed_at=received.envelope.issued_at,
        policy=desk.policy,
    )
    update = AddressUpdated(
        reference=consent.reference,
        relationship=relationship.id,
        event_id=message.event_id,
        address=verified.address,
        moved_on=verified.moved_on,
        apply_from=message.apply_from,
        assurance=verified.assurance,
        reason=message.reason,
        issuer=verified.issuer,
    )
    decision = desk.handlers.decide(update) or default_decision(
        update, require_attested=desk.firm.require_attested, today=today_in_japan(now)
    )
    return _decided(decision, verified, today_in_japan(now))


def default_decision(update: AddressUpdated, *, require_attested: bool, today: date) -> Decision:
    """What is answered when the firm's handlers leave it open.

    Args:
        update: The verified update.
        require_attested: Whether the holder's own word is not enough.
        today: The date in Japan.
    """
    if require_attested and not update.attested:
        return NeedsAttestation()
    day = update.apply_from or update.moved_on
    return AcceptPending(day) if day > today else Accept()


def _decided(decision: Decision, verified: VerifiedAddress, today: date) -> Verdict:
    match decision:
        case Accept():
            day = decision.applied_on or today
            return Verdict(outcome=Outcome.ACCEPTED, applied_on=day, apply_on=day, address=verified)
        case AcceptPending():
            return Verdict(
                outcome=Outcome.ACCEPTED_PENDING, apply_on=decision.apply_on, address=verified
            )
        case NeedsAttestation():
            return Verdict(outcome=Outcome.NEEDS_ATTESTATION)
        case Reject():
            return Verdict(outcome=Outcome.REJECTED, code=decision.code)


def _judge_withdrawal(
    desk: Desk,
    message: ConsentWithdrawn,
    relationship: Relationship,
    consent: KeptConsent,
    now: datetime,
) -> Verdict:
    withdrawal = verify_withdrawal(
        message.withdrawal,
        key=relationship.key,
        record_id=consent.record_id,
        commitment=consent.commitment,
        now=now,
    )
    ended = ConsentEnded(
        reference=consent.reference,
        relationship=relationship.id,
        record_id=consent.record_id,
        withdrawn_at=withdrawal.withdrawn_at,
    )
    if consent.withdrawn_at is None:
        desk.handlers.tell("consent.withdrawn", ended)
    return Verdict(
        outcome=Outcome.ACCEPTED, applied_on=today_in_japan(now), withdrawal=message.withdrawal
    )


def _judge_rights(
    desk: Desk,
    message: RightsRequested,
    relationship: Relationship,
    consent: KeptConsent,
    now: datetime,
) -> Verdict:
    asked = verify_rights_request(
        message.request, key=relationship.key, record_id=consent.record_id, now=now
    )
    told = RightsAsked(
        reference=consent.reference,
        relationship=relationship.id,
        request_id=asked.request_id,
        kind=asked.kind,
    )
    desk.handlers.tell("rights.requested", told)
    return Verdict(
        outcome=Outcome.ACCEPTED, rights=(asked.request_id, asked.kind.value, message.request)
    )
