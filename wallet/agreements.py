"""Consents given, confirmed and taken back; and the rights a person may claim [WAL-CON-1]."""

from __future__ import annotations

from datetime import timedelta

from ssi.encoding import b64url_encode, sha256
from ssi.errors import Rejected, VaultError
from ssi.oid4vp import ResponseReply
from ssi.rights import RightsKind, build_withdrawal
from ssi.sharing import (
    Consent,
    ConsentedPurpose,
    ReturnBox,
    build_consent,
    consent_commitment,
    verify_countersignature,
)
from wallet import history, outbox, relationships
from wallet.consents import ConsentPlan
from wallet.context import Context
from wallet.history import Did
from wallet.outbox import Kind
from wallet.register import Firm
from wallet.relationships import (
    LEDGER_NONE,
    LEDGER_PENDING,
    UNCONFIRMED,
    WITHDRAWN,
    StoredConsent,
)

_SALT = 32
ANSWER_TIME = timedelta(days=14)


def prepare(ctx: Context, plan: ConsentPlan, firm: Firm) -> StoredConsent:
    """Sign and store the consent before it is sent [WAL-CON-1]."""
    terms, raw, until = plan.terms, plan.terms_raw, plan.until
    if terms is None or raw is None or until is None:
        raise Rejected("the request has no terms", code="request.no_terms")
    relationship = relationships.open_relationship(ctx, firm)
    paths = tuple(item.path for item in plan.items)
    retention = terms.retention
    purpose = ConsentedPurpose(
        code=terms.purpose_code,
        text_ja=terms.purpose.ja,
        text_en=terms.purpose.en,
        legal_ground=terms.legal_basis,
        claims=paths,
        retention=retention.period,
    )
    content = Consent(
        record_id=ctx.new_uuid(),
        verifier_id=firm.id,
        client_id=firm.client_id,
        language="ja" if ctx.config.lang == "ja" else "en",
        purposes=(purpose,),
        address_updates=True,
        given_at=ctx.now().replace(microsecond=0),
        until=until.replace(microsecond=0),
        terms_digest=b64url_encode(sha256(raw.encode("ascii"))),
        return_box=ReturnBox(
            url=relationship.mailbox,
            box=relationship.box,
            jwk=relationships.return_jwk(ctx.vault, relationship),
        ),
    )
    salt = ctx.random(_SALT)
    stored = StoredConsent(
        record_id=content.record_id,
        verifier_id=firm.id,
        names=firm.names,
        state=UNCONFIRMED,
        ledger=LEDGER_NONE,
        receipt=build_consent(content, relationships.signer(ctx.vault, relationship), salt=salt),
        countersigned=None,
        commitment=consent_commitment(content, salt),
        purpose_code=terms.purpose_code,
        terms=terms.to_json(),
        paths=paths,
        updates=True,
        given_at=content.given_at,
        until=content.until,
        withdrawn_at=None,
    )
    relationships.keep_consent(ctx.vault, stored, salt=salt)
    return stored


def confirm(ctx: Context, firm: Firm, consent: StoredConsent, reply: ResponseReply) -> None:
    """Verify the countersignature: only then does the consent stand [WAL-CON-2]."""
    token = reply.extra.get("consent_receipt")
    if not isinstance(token, str):
        raise Rejected("the firm did not countersign", code="consent.countersignature")
    seen = verify_countersignature(
        token,
        consent_token=consent.receipt,
        verifier_id=firm.id,
        record_id=consent.record_id,
        keys=firm.receipt_keys,
    )
    with ctx.vault.transaction():
        stands = relationships.confirm(ctx.vault, consent.record_id, token, ledger=LEDGER_PENDING)
        relationships.set_nonce(ctx.vault, firm.id, seen.update_nonce)
        if stands:
            history.record(
                ctx.vault,
                Did.CONSENTED,
                at=ctx.now(),
                party=firm.id,
                names=firm.names,
                details={"record_id": consent.record_id, "purpose": consent.purpose_code},
            )


def withdraw(ctx: Context, record_id: str) -> StoredConsent:
    """Take a consent back: signed, queued for the firm and for the chain, in one transaction.

    Unsent updates to the firm are taken back with the last live consent [WAL-CON-3].

    Raises:
        VaultError: ``input.unknown_record`` or ``consent.already_withdrawn``.
    """
    now = ctx.now()
    with ctx.vault.transaction():
        consent = relationships.consent(ctx.vault, record_id)
        if consent.state == WITHDRAWN:
            raise VaultError("it was taken back before", code="consent.already_withdrawn")
        relationship = relationships.get(ctx.vault, consent.verifier_id)
        signed = build_withdrawal(
            record_id,
            consent.commitment,
            relationships.signer(ctx.vault, relationship),
            now=now,
        )
        relationships.set_withdrawn(ctx.vault, consent, withdrawal=signed, at=ctx.seconds())
        if consent.verifier_id not in relationships.live_subscriptions(ctx.vault, now):
            outbox.cancel_unsent_updates(ctx.vault, consent.verifier_id, at=ctx.seconds())
        outbox.queue(
            ctx,
            Kind.CONSENT_WITHDRAWN,
            verifier_id=consent.verifier_id,
            record_id=record_id,
            content={"withdrawal": signed},
            not_before=now,
            deadline=now + ANSWER_TIME,
        )
        history.record(
            ctx.vault,
            Did.WITHDREW,
            at=now,
            party=consent.verifier_id,
            names=consent.names,
            details={"record_id": record_id},
        )
    return relationships.consent(ctx.vault, record_id)


def ask_rights(ctx: Context, record_id: str, kind: RightsKind) -> str:
    """Queue a signed demand to see, correct, stop using or erase one's data (APPI 33-35).

    Returns:
        The event id under which the answer will come.
    """
    now = ctx.now()
    with ctx.vault.transaction():
        consent = relationships.consent(ctx.vault, record_id)
        event_id = outbox.queue(
            ctx,
            Kind.RIGHTS_REQUEST,
            verifier_id=consent.verifier_id,
            record_id=record_id,
            content={"right": kind.value},
            not_before=now,
            deadline=now + ANSWER_TIME,
        )
        history.record(
            ctx.vault,
            Did.RIGHTS_ASKED,
            at=now,
            party=consent.verifier_id,
            names=consent.names,
            details={"record_id": record_id, "right": kind.value},
        )
    return event_id
