"""An approved application becomes a batch of one-time credentials [POR-ISS-1].

Order of events, so that a crash at any point leaves nothing half done: the nonce is spent and the
status indices are taken in one durable transaction; the batch is anchored; only then do the
credentials leave. What dies in between wastes indices, never reuses one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from issuer import applications, audit, offers, revocation
from issuer.applications import Actor, Event, Role, State
from issuer.config import STATUS_LIST
from issuer.context import Issuer, hashed
from issuer.models import Application, Batch, Credential, StatusListRow, Token
from registry_chain.client import IssuerRecord
from registry_chain.transactions import AnchorBatch
from ssi.credential import (
    Address,
    CredentialType,
    Envelope,
    KycData,
    LicenceData,
    Proofing,
    StatusReference,
    anchor_entry,
    kyc_payload,
    licence_payload,
    person_claims,
)
from ssi.encoding import JSONObject, b64url_encode
from ssi.errors import Rejected
from ssi.keys import PublicKey
from ssi.merkle import inclusion_paths, root_hash
from ssi.oid4vci import IssuedCredential
from ssi.sdjwt import issue, parse_sdjwt, verify_issuer_jwt
from ssi.status_list import VALID, StatusList

SALT_SIZE: Final = 32
MAX_BATCHES: Final = 6
_INDEX_TRIES = 64
_SCHEMAS = Path(__file__).parent / "schemas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A finished batch and the name under which the wallet reports on it."""

    credentials: tuple[IssuedCredential, ...] = field(repr=False)
    notification_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reserved:
    """What one request took from the database."""

    batch_id: str
    notification_id: str
    indices: tuple[int, ...]
    data: dict[str, Any] = field(repr=False)
    decided_on: date


def issue_batch(
    issuer: Issuer, *, token: str, configuration: str, keys: Sequence[PublicKey], nonce: str
) -> Issued:
    """Issue one credential for each proven key.

    Args:
        issuer: The issuer.
        token: The access token.
        configuration: ``kyc`` or ``driving-licence``.
        keys: The holder's keys, each used for one copy.
        nonce: The nonce all proofs were made for.

    Raises:
        Rejected: ``issuance.token``, ``issuance.configuration_unknown``,
            ``issuance.proof_nonce``, ``issuance.denied``;
            ``issuance.claims_not_accredited``: we may not attest what would be in it.
        Unavailable: the chain or the database did not answer; nothing left the house.
    """
    if configuration not in offers.CONFIGURATIONS:
        raise Rejected("no such credential", code="issuance.configuration_unknown")
    accredited = issuer.ledger.accreditation(issuer.now())
    reserved = _reserve(issuer, token, configuration, len(keys), nonce)
    issued_at = issuer.now()
    envelopes = [
        Envelope(
            issuer_url=issuer.config.url,
            issued_at=issued_at,
            expires_at=issued_at + timedelta(days=issuer.config.validity_days),
            holder_jwk=key.jwk,
            status=StatusReference(uri=issuer.config.status_uri, index=index),
        )
        for key, index in zip(keys, reserved.indices, strict=True)
    ]
    tokens = [
        _sign(issuer, configuration, reserved, envelope, accredited) for envelope in envelopes
    ]
    return Issued(
        credentials=_anchor(issuer, reserved.batch_id, tokens),
        notification_id=reserved.notification_id,
    )


def _reserve(issuer: Issuer, token: str, configuration: str, count: int, nonce: str) -> _Reserved:
    """Spend the nonce and take status indices, in one transaction."""
    with issuer.db.transaction() as session:
        grant = offers.application_of(session, issuer, token)
        offers.spend_nonce(session, issuer, nonce)
        application = session.get_one(Application, grant.application_id)
        _allow(application, grant)
        grant.batches += 1
        notification = b64url_encode(issuer.random(24))
        batch = Batch(
            id=f"b-{issuer.random(12).hex()}",
            application_id=application.id,
            configuration=configuration,
            notification_hash=hashed(notification),
            issued_at=issuer.seconds(),
            outcome="",
            anchored=False,
        )
        session.add(batch)
        session.flush()
        indices = _take_indices(session, issuer, batch.id, count)
        decided = datetime.fromtimestamp(application.decided_at or issuer.seconds(), UTC)
        return _Reserved(
            batch_id=batch.id,
            notification_id=notification,
            indices=indices,
            data=json.loads(application.data),
            decided_on=decided.date(),
        )


def _allow(application: Application, grant: Token) -> None:
    state = State(application.state)
    if state not in {State.OFFERED, State.ISSUED} or grant.batches >= MAX_BATCHES:
        raise Rejected("nothing more is issued on this offer", code="issuance.denied")


def _take_indices(session: Session, issuer: Issuer, batch_id: str, count: int) -> tuple[int, ...]:
    """Draw unused random indices; the table's constraint is the last word [POR-ISS-2]."""
    row = session.get_one(StatusListRow, STATUS_LIST)
    statuses = StatusList(row.bits, row.data)
    expires = int((issuer.now() + timedelta(days=issuer.config.validity_days)).timestamp())
    taken: list[int] = []
    for _ in range(count * _INDEX_TRIES):
        if len(taken) == count:
            break
        index = int.from_bytes(issuer.random(8)) % len(statuses)
        used = select(Credential.id).where(
            Credential.list_id == STATUS_LIST, Credential.status_index == index
        )
        spent = index in taken or statuses.get(index) != VALID
        if spent or session.scalars(used).first() is not None:
            continue
        taken.append(index)
        session.add(
            Credential(
                batch_id=batch_id,
                list_id=STATUS_LIST,
                status_index=index,
                expires_at=expires,
                reason="",
            )
        )
    if len(taken) != count:
        raise Rejected("the status list is full", code="issuance.denied")
    return tuple(taken)


def _sign(
    issuer: Issuer,
    configuration: str,
    reserved: _Reserved,
    envelope: Envelope,
    accredited: IssuerRecord,
) -> str:
    proofing = Proofing(
        trust_framework=issuer.config.trust_framework,
        organization=issuer.config.name_ja,
        checked_on=reserved.decided_on,
        procedure="document_review_four_eyes",
    )
    if configuration == "kyc":
        payload = kyc_payload(kyc_data(reserved.data), proofing, envelope, today=issuer.today())
    else:
        payload = licence_payload(licence_data(reserved.data), proofing, envelope)
    key = issuer.credential_key
    token = issue(payload, key.signer, random=issuer.random, header=key.header)
    # Read back what will be signed for: the schema of the type, with every disclosure open.
    claims = verify_issuer_jwt(parse_sdjwt(token), key.signer.public_key).claims
    if any(_schema(str(claims["vct"])).iter_errors(claims)):
        raise Rejected("the data do not fit the credential type", code="issuance.denied")
    if not accredited.may_attest(str(claims["vct"]), person_claims(claims)):  # [POR-ISS-3]
        raise Rejected(
            "we are not accredited for one of these claims", code="issuance.claims_not_accredited"
        )
    return token


def kyc_data(data: dict[str, Any]) -> KycData:
    """Read what the form held, to the code point."""
    return KycData(
        name=f"{data['family_name']} {data['given_name']}",
        name_kana=data["name_kana"],
        birthdate=date.fromisoformat(data["birthdate"]),
        address=_address(data),
    )


def licence_data(data: dict[str, Any]) -> LicenceData:
    """Read what the form held about the licence."""
    return LicenceData(
        name=f"{data['family_name']} {data['given_name']}",
        birthdate=date.fromisoformat(data["birthdate"]),
        address=_address(data),
        number=data["licence_number"],
        classes=tuple(data["licence_classes"]),
        conditions=tuple(data["licence_conditions"]),
        expiry=date.fromisoformat(data["licence_expiry"]),
    )


def _address(data: dict[str, Any]) -> Address:
    names = ("formatted", "postal_code", "region", "locality", "street_address")
    return Address(**{name: data[name] for name in names})


@cache
def _schema(vct: str) -> Draft202012Validator:
    names = {CredentialType.KYC.value: "kyc-1", CredentialType.LICENCE.value: "driving-licence-1"}
    text = (_SCHEMAS / f"{names[vct]}.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _anchor(issuer: Issuer, batch_id: str, tokens: list[str]) -> tuple[IssuedCredential, ...]:
    """Put the batch's root on the chain before anything leaves [CRED-AN-1]."""
    salts = [issuer.random(SALT_SIZE) for _ in tokens]
    entries = [
        anchor_entry(salt, token.split("~", 1)[0])
        for salt, token in zip(salts, tokens, strict=True)
    ]
    root = b64url_encode(root_hash(entries))
    issuer.ledger.submit(AnchorBatch(batch=batch_id, root=root, size=len(entries)), issuer.now())
    with issuer.db.transaction() as session:
        session.get_one(Batch, batch_id).anchored = True
    paths = inclusion_paths(entries)
    openings: list[JSONObject] = [
        {
            "batch_id": batch_id,
            "salt": b64url_encode(salt),
            "index": index,
            "size": len(entries),
            "path": [b64url_encode(step) for step in path],
        }
        for index, (salt, path) in enumerate(zip(salts, paths, strict=True))
    ]
    return tuple(
        IssuedCredential(credential=token, extra={"anchor": opening})
        for token, opening in zip(tokens, openings, strict=True)
    )


def notified(issuer: Issuer, *, token: str, notification_id: str, event: str) -> None:
    """Note what became of a batch (OpenID4VCI §11); saying it twice changes nothing.

    On acceptance the application is done, and what it supersedes ends.

    Args:
        issuer: The issuer.
        token: The access token; it speaks for its own application's batches only.
        notification_id: The name of the batch.
        event: What became of it.

    Raises:
        Rejected: ``issuance.token``, ``issuance.notification_unknown``.
    """
    with issuer.db.transaction() as session:
        grant = offers.application_of(session, issuer, token)
        found = select(Batch).where(
            Batch.notification_hash == hashed(notification_id),
            Batch.application_id == grant.application_id,
        )
        batch = session.scalars(found.with_for_update()).one_or_none()
        if batch is None:
            raise Rejected("no such notification", code="issuance.notification_unknown")
        if batch.outcome:
            return
        batch.outcome = event
        if event != "credential_accepted":
            return
        application = session.get_one(Application, batch.application_id)
        wallet = Actor(role=Role.WALLET)
        then = applications.advance(
            State(application.state), Event.DELIVER, wallet, maker=application.maker
        )
        application.state = then
        if application.previous is not None and _all_delivered(session, application.id):
            revocation.supersede(session, issuer, application.previous)
        audit.record(
            session,
            at=issuer.seconds(),
            actor="wallet",
            action="delivered",
            subject=application.id,
            detail=batch.configuration,
        )


def _all_delivered(session: Session, application_id: str) -> bool:
    """Tell whether every credential type has been delivered, so that nobody is caught between."""
    delivered = session.scalars(
        select(Batch.configuration).where(
            Batch.application_id == application_id, Batch.outcome == "credential_accepted"
        )
    )
    return set(delivered) >= set(offers.CONFIGURATIONS)
