"""Answering a message: verdict, history, signed receipt and outbox, all in one transaction."""

import sqlite3
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from ssi.commitment import ACK_TAG
from ssi.encoding import JSONObject, b64url_encode
from ssi.envelope import (
    Address,
    Envelope,
    VerifiedSet,
    build_set,
    seal,
    verifier_issuer,
)
from ssi.errors import Rejected, SSIError, Unavailable
from ssi.keys import AgreementKey, Random, Signer
from ssi.names import random_name
from ssi.relationship import token_digest
from ssi.updates import (
    AddressUpdate,
    ConsentWithdrawn,
    Outcome,
    ReceiptFacts,
    RejectCode,
    RightsRequested,
    build_receipt,
    message_json,
)
from verifier_sdk.addresses import VerifiedAddress
from verifier_sdk.events import Handlers
from verifier_sdk.kept import ADDRESS_UPDATE, Kept, keep
from verifier_sdk.policy import Policy, today_in_japan
from verifier_sdk.ports import LedgerView, StatusView
from verifier_sdk.relationships import (
    KeptConsent,
    Relationship,
    StoredReceipt,
    find_consent,
    give_lease,
    give_nonce,
    spend_nonce,
    take_lease,
)
from verifier_sdk.store import Store, dump, seconds

RECEIPT_LIFE: Final = timedelta(days=30)
_NONCE_BYTES: Final = 24

FirmMessage = AddressUpdate | ConsentWithdrawn | RightsRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """Who answers: our id, keys and box."""

    verifier_id: str
    box: str
    receipt_key: Signer = field(repr=False)
    receipt_kid: str
    encryption_keys: dict[str, AgreementKey] = field(repr=False)
    require_attested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What receiving a message needs: store, ledger, handlers, policy, randomness."""

    firm: Firm
    store: Store
    ledger: LedgerView
    statuses: StatusView
    handlers: Handlers
    policy: Policy
    random: Random
    keep_evidence: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What we answer, and what of it is kept."""

    outcome: Outcome
    code: RejectCode | None = None
    applied_on: date | None = None
    apply_on: date | None = None
    address: VerifiedAddress | None = field(default=None, repr=False)
    withdrawal: str | None = field(default=None, repr=False)
    rights: tuple[str, str, str] | None = field(default=None, repr=False)
    opened: JSONObject | None = field(default=None, repr=False)
    advances: bool = True


# --- answering ---


def answer(  # noqa: PLR0913, PLR0917 - the parts of one transaction
    desk: Desk,
    received: VerifiedSet,
    message: FirmMessage,
    relationship: Relationship,
    consent: KeptConsent,
    verdict: Verdict,
    now: datetime,
) -> StoredReceipt:
    """Store verdict, history, answer and outbox in one transaction.

    Raises:
        Unavailable: ``update.busy`` when another process answered this holder meanwhile.
    """
    envelope, nonce = received.envelope, b64url_encode(desk.random(_NONCE_BYTES))
    facts = ReceiptFacts(
        verifier_id=desk.firm.verifier_id,
        for_jti=envelope.address.jti,
        event_id=message.event_id,
        state=verdict.outcome,
        code=verdict.code,
        applied_on=verdict.applied_on,
        received_at=now,
        next_nonce=nonce,
    )
    jti, token = _receipt_set(desk, facts, consent, envelope.sealed, envelope.relationship, now)
    stored = StoredReceipt(
        jti=envelope.address.jti,
        outcome=verdict.outcome.value,
        receipt=token,
        digest=token_digest(received.token),
    )
    pending = verdict.outcome is Outcome.ACCEPTED_PENDING
    with desk.store.write() as db:
        changed = db.execute(
            "UPDATE relationships SET nonce = ?, sequence = max(sequence, ?),"
            " event = CASE WHEN ? THEN ? ELSE event END WHERE id = ? AND nonce = ?",
            (
                nonce,
                message.sequence if verdict.advances else 0,
                verdict.advances,
                message.event_id,
                relationship.id,
                relationship.nonce,
            ),
        )
        if changed.rowcount != 1:
            raise Unavailable("this holder was answered meanwhile", code="update.busy")
        if isinstance(message, AddressUpdate):
            spend_nonce(db, relationship.id, message.nonce)
        give_nonce(db, relationship.id, nonce)
        _keep_inbox(db, stored, message, envelope, verdict, now, keep_sealed=pending)
        _keep_effect(db, message, consent, verdict, now)
        _keep_evidence(db, desk, received, consent, verdict, now)
        _queue(db, consent, jti, token, now)
    return stored


def _keep_inbox(  # noqa: PLR0913, PLR0917 - one row
    db: sqlite3.Connection,
    stored: StoredReceipt,
    message: FirmMessage,
    envelope: Envelope,
    verdict: Verdict,
    now: datetime,
    *,
    keep_sealed: bool,
) -> None:
    db.execute(
        "INSERT INTO inbox (jti, digest, relationship, event_id, record_id, sealed, outcome,"
        " receipt, apply_on, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stored.jti,
            stored.digest,
            envelope.relationship,
            message.event_id,
            message.record_id,
            envelope.sealed if keep_sealed else None,
            stored.outcome,
            stored.receipt,
            None if verdict.apply_on is None else verdict.apply_on.isoformat(),
            seconds(now),
        ),
    )


def _keep_effect(
    db: sqlite3.Connection,
    message: FirmMessage,
    consent: KeptConsent,
    verdict: Verdict,
    now: datetime,
) -> None:
    if verdict.address is not None and verdict.apply_on is not None:
        address = verdict.address
        db.execute(
            "INSERT INTO addresses (reference, relationship, event_id, address, moved_on,"
            " assurance, issuer, recorded_at, apply_on) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                consent.reference,
                consent.relationship,
                message.event_id,
                dump(address.address.to_json()),
                address.moved_on.isoformat(),
                address.assurance.value,
                address.issuer,
                seconds(now),
                verdict.apply_on.isoformat(),
            ),
        )
    if verdict.withdrawal is not None:
        db.execute(
            "UPDATE consents SET withdrawn_at = coalesce(withdrawn_at, ?), withdrawal = ?"
            " WHERE record_id = ? AND withdrawal IS NULL",
            (seconds(now), verdict.withdrawal, consent.record_id),
        )
    if verdict.rights is not None:
        request_id, kind, request = verdict.rights
        db.execute(
            "INSERT OR IGNORE INTO rights VALUES (?, ?, ?, ?, ?, ?)",
            (request_id, consent.relationship, consent.reference, kind, request, seconds(now)),
        )


def _keep_evidence(  # noqa: PLR0913, PLR0917 - what is kept
    db: sqlite3.Connection,
    desk: Desk,
    received: VerifiedSet,
    consent: KeptConsent,
    verdict: Verdict,
    now: datetime,
) -> None:
    """Keep an address that was taken, as it came and by what it was judged [EVI-KEEP-1]."""
    address = verdict.address
    if address is None or verdict.opened is None or not desk.keep_evidence:
        return
    content: JSONObject = {
        "set": received.token,
        "opened": verdict.opened,
        "record_id": consent.record_id,
        "status": list(address.status_digests),
    }
    if address.bundle is not None:
        content["bundle"] = address.bundle
    kept = Kept(
        kind=ADDRESS_UPDATE,
        subject=received.envelope.address.jti,
        reference=consent.reference,
        content=content,
        kept_at=now,
        retain_until=consent.retain_until(today_in_japan(now)),
    )
    keep(db, kept, address.status_digests)


def _receipt_set(  # noqa: PLR0913, PLR0917 - the parts of an envelope
    desk: Desk,
    facts: ReceiptFacts,
    consent: KeptConsent,
    sealed: str,
    relationship: str,
    now: datetime,
) -> tuple[str, str]:
    """Sign, seal and wrap an answer; return its id and the envelope."""
    firm, back = desk.firm, consent.return_box
    if back is None:
        raise Rejected("the consent names no box for answers", code="update.no_return_box")
    receipt = build_receipt(facts, firm.receipt_key, kid=firm.receipt_kid, sealed=sealed)
    address = Address(
        issuer=verifier_issuer(firm.verifier_id),
        jti=random_name(desk.random),
        box=back.box,
    )
    inside = seal(message_json(receipt), back.jwk, address=address, tag=ACK_TAG, random=desk.random)
    envelope = Envelope(
        address=address,
        issued_at=now,
        txn=random_name(desk.random),
        relationship=relationship,
        sealed=inside.jwe,
        commitment=inside.commitment,
        deadline=now + RECEIPT_LIFE,
        in_reply_to=facts.for_jti,
    )
    return address.jti, build_set(envelope, firm.receipt_key, kid=firm.receipt_kid)


def _queue(
    db: sqlite3.Connection, consent: KeptConsent, jti: str, token: str, now: datetime
) -> None:
    if consent.return_box is not None:
        db.execute(
            "INSERT INTO outbox (jti, mailbox, token, deadline, next_at) VALUES (?, ?, ?, ?, ?)",
            (jti, consent.return_box.url, token, seconds(now + RECEIPT_LIFE), seconds(now)),
        )


# --- what was accepted for a later day ---


def apply_due(desk: Desk, now: datetime) -> int:
    """Send the final receipt of every address whose day has come.

    Returns:
        How many became final.
    """
    today = today_in_japan(now)
    due = desk.store.rows(
        "SELECT jti, relationship, event_id, record_id, sealed, apply_on FROM inbox"
        " WHERE outcome = ? AND apply_on <= ? ORDER BY apply_on LIMIT 100",
        (Outcome.ACCEPTED_PENDING.value, today.isoformat()),
    )
    done = 0
    for jti, relationship, event_id, record_id, sealed, apply_on in due:
        consent = find_consent(desk.store, record_id)
        if consent is None or sealed is None or not take_lease(desk.store, relationship, now):
            continue
        try:
            facts = ReceiptFacts(
                verifier_id=desk.firm.verifier_id,
                for_jti=jti,
                event_id=event_id,
                state=Outcome.ACCEPTED,
                applied_on=date.fromisoformat(apply_on),
                received_at=now,
                next_nonce=b64url_encode(desk.random(_NONCE_BYTES)),
            )
            new_jti, token = _receipt_set(desk, facts, consent, sealed, relationship, now)
            done += _make_final(desk.store, facts, consent, (new_jti, token), now)
        except SSIError:  # e.g. a return key that is bad: the next address must not wait for it
            continue
        finally:
            give_lease(desk.store, relationship)
    return done


def _make_final(
    store: Store,
    facts: ReceiptFacts,
    consent: KeptConsent,
    answer: tuple[str, str],
    now: datetime,
) -> int:
    with store.write() as db:
        changed = db.execute(
            "UPDATE inbox SET outcome = ?, sealed = NULL, receipt = ?"
            " WHERE jti = ? AND outcome = ?",
            (
                Outcome.ACCEPTED.value,
                answer[1],
                facts.for_jti,
                Outcome.ACCEPTED_PENDING.value,
            ),
        )
        if changed.rowcount != 1:
            return 0
        db.execute(
            "UPDATE relationships SET nonce = ? WHERE id = ?",
            (facts.next_nonce, consent.relationship),
        )
        give_nonce(db, consent.relationship, facts.next_nonce)
        _queue(db, consent, *answer, now)
        return 1
