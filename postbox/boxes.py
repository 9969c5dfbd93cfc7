"""Opening boxes: return boxes for holders, and the box a firm's record on the chain names."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from postbox.db import Database
from postbox.ledger import active_firm, receipt_keys
from postbox.messages import milliseconds
from postbox.models import Box, BoxKind, Message, PushState, UsedProof
from postbox.services import Services
from registry_chain.records import VerifierRecord
from ssi.box_proof import (
    PROOF_WINDOW,
    BoxProof,
    parse_box_proof,
    verify_firm_box_proof,
    verify_holder_box_proof,
)
from ssi.encoding import JSONObject, b64url_decode, b64url_encode, sha256
from ssi.errors import BindingMismatch, Malformed, Replayed, Unavailable, Untrusted
from ssi.fetch import FetchPolicy, check_url
from ssi.keys import public_key_from_jwk

TOKEN_SIZE = 32
BOX_SIZE = 16
_TOKEN_TEXT = 43


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBox:
    """A box and the token that opens it; the token is told once and never again."""

    box: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whose:
    """Whose box is to be opened, and the id it gets when it is new."""

    kind: BoxKind
    owner: str
    box: str


def open_return_box(services: Services, *, jwk: JSONObject, proof: str, now: datetime) -> OpenedBox:
    """Open a holder's return box, or give a new token for the one the key already has.

    Args:
        services: The database and our URL.
        jwk: The relationship key.
        proof: Its proof, made for this mailbox.
        now: The present.

    Raises:
        Rejected: ``mailbox.proof``, ``jose.*``, ``consent.key``.
        Unavailable: ``mailbox.busy``.
    """
    checked, key = verify_holder_box_proof(
        parse_box_proof(proof), mailbox_url=services.config.url, now=now
    )
    if public_key_from_jwk(jwk) != key or checked.push_url is not None:
        raise BindingMismatch("the proof is for something else", code="mailbox.proof")
    box = b64url_encode(services.random(BOX_SIZE))
    whose = _Whose(kind=BoxKind.RETURN, owner=key.thumbprint(), box=box)
    return _open(services, checked, whose, now=now)


def open_firm_box(services: Services, *, proof: str, now: datetime) -> OpenedBox:
    """Open the box that a firm's record names at this mailbox [SHA-BOX-2].

    Raises:
        Untrusted: ``mailbox.firm`` when the record names no box here; ``fetch.blocked`` for a
            push address that could reach into our own network.
        Rejected: ``mailbox.proof`` or ``jose.*``.
        Unavailable: The chain could not be asked.
    """
    untrusted = parse_box_proof(proof)
    if untrusted.verifier_id is None:
        raise Malformed("the firm is not named", code="mailbox.proof")
    config = services.config
    record = active_firm(services.ledger, untrusted.verifier_id, now)
    checked = verify_firm_box_proof(
        untrusted,
        verifier_id=record.verifier,
        keys=receipt_keys(record),
        mailbox_url=config.url,
        now=now,
    )
    if checked.push_url is not None:
        check_url(checked.push_url, FetchPolicy(allow_loopback_http=config.loopback))
    box = firm_box_id(record, config.url)
    whose = _Whose(kind=BoxKind.FIRM, owner=record.verifier, box=box)
    return _open(services, checked, whose, now=now)


def grant_firm_box(services: Services, record: VerifierRecord, *, now: datetime) -> OpenedBox:
    """Open a firm's box at the operator's own command, without a proof of the firm."""
    box = firm_box_id(record, services.config.url)
    whose = _Whose(kind=BoxKind.FIRM, owner=record.verifier, box=box)
    token = services.random(TOKEN_SIZE)
    with services.db.write() as session:
        row = _row(session, whose, now=now)
        row.token_digest = sha256(token)
        return OpenedBox(box=row.id, token=b64url_encode(token))


def firm_box_id(record: VerifierRecord, url: str) -> str:
    """Return the id of a firm's box at this mailbox.

    Raises:
        Untrusted: ``mailbox.firm`` when its record names another mailbox or none.
    """
    mailbox = record.profile.mailbox
    if mailbox is None or mailbox.url != url:
        raise Untrusted("the firm's record names no box here", code="mailbox.firm")
    return mailbox.box


def box_of_token(db: Database, token: str) -> str:
    """Return the box a token opens.

    Raises:
        Untrusted: ``mailbox.token``; the same for every token that opens nothing [SHA-BOX-4].
    """
    digest = token_digest(token)
    with db.read() as session:
        found = session.execute(
            select(Box.id, Box.token_digest).where(Box.token_digest == digest)
        ).first()
    if found is None or not hmac.compare_digest(found.token_digest, digest):
        raise Untrusted("the token opens no box", code="mailbox.token")
    return str(found.id)


def token_digest(token: str) -> bytes:
    """Return what is stored of a token: 32 random bytes need no salt."""
    if len(token) != _TOKEN_TEXT:
        raise Untrusted("the token opens no box", code="mailbox.token")
    try:
        return sha256(b64url_decode(token))
    except Malformed:
        raise Untrusted("the token opens no box", code="mailbox.token") from None


def close_box(db: Database, box: str) -> None:
    """Delete a box and everything in it, at its owner's wish."""
    with db.write() as session:
        connection = session.connection()
        connection.execute(delete(Message).where(Message.box == box))
        connection.execute(delete(Box).where(Box.id == box))


def forget_proofs(session: Session, *, now_ms: int) -> None:
    """Delete the proofs that are too old to be used again."""
    session.connection().execute(delete(UsedProof).where(UsedProof.expires_at <= now_ms))


def _open(services: Services, proof: BoxProof, whose: _Whose, *, now: datetime) -> OpenedBox:
    token = services.random(TOKEN_SIZE)
    try:
        with services.db.write() as session:
            _use_once(session, whose.owner, proof, now)
            row = _row(session, whose, now=now)
            row.token_digest = sha256(token)
            row.push_url = proof.push_url
            row.push_state = PushState.OFF if proof.push_url is None else PushState.ACTIVE
            # Who opens a box is there: what was put off goes out at once [SHA-BOX-13].
            row.push_attempts, row.push_due_at, row.push_claimed_until = 0, 0, 0
            opened = OpenedBox(box=row.id, token=b64url_encode(token))
    except IntegrityError:
        raise Unavailable("opened twice at once", code="mailbox.busy", retry_after=1) from None
    return opened


def _use_once(session: Session, owner: str, proof: BoxProof, now: datetime) -> None:
    digest = sha256(f"{owner}\0{proof.jti}".encode())
    if session.get(UsedProof, digest) is not None:
        raise Replayed("the proof was used before", code="mailbox.proof")
    expires = milliseconds(now + 3 * PROOF_WINDOW)
    session.add(UsedProof(digest=digest, expires_at=expires))


def _row(session: Session, whose: _Whose, *, now: datetime) -> Box:
    kind, owner, box = whose.kind, whose.owner, whose.box
    row = session.scalar(select(Box).where(Box.kind == kind, Box.owner == owner))
    if row is not None and kind is BoxKind.RETURN:
        return row
    taken = session.get(Box, box)
    if taken is not None and (taken.kind, taken.owner) != (kind, owner):
        raise Untrusted("the box belongs to somebody else", code="mailbox.firm")
    if row is not None and row.id != box:
        session.delete(row)  # the firm's record names another box now
        session.flush()
        row = None
    if row is None:
        row = Box(
            id=box,
            kind=kind,
            owner=owner,
            token_digest=b"",
            created_at=milliseconds(now),
            push_state=PushState.OFF,
            push_attempts=0,
            push_due_at=0,
            push_claimed_until=0,
        )
        session.add(row)
    return row
