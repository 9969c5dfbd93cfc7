"""Taking envelopes in and handing them out.

An envelope answered with 202 is committed to the database, with its chain record queued in the same
transaction. Whether a box exists never shows in the answer to a push: an envelope for a box nobody
has opened yet waits there like any other [SHA-BOX-4].
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from postbox import outbox, quotas
from postbox.config import Config
from postbox.db import Database
from postbox.ledger import Ledger, active_firm, receipt_keys
from postbox.models import ItemKind, Message, MessageState
from postbox.services import Services
from registry_chain.records import VerifierRecord
from ssi.encoding import sha256
from ssi.envelope import (
    Envelope,
    UntrustedSet,
    VerifiedSet,
    parse_set,
    verify_firm_set,
    verify_holder_set,
)
from ssi.errors import Malformed, PolicyNotMet, Replayed, Unavailable
from ssi.relationship import seconds

DAY_MS = 86_400_000
MAX_TERM = timedelta(days=92)
MAX_EVENTS = 100
# A poll's answer stays below what a careful client reads.
MAX_ANSWER_BYTES = 900_000
_RETRY_FULL = 600
_RACES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One envelope on its way out."""

    seq: int
    jti: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a poll gets."""

    mail: tuple[Mail, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Incoming:
    """A verified envelope, and the firm's record when a firm sent it."""

    received: VerifiedSet
    firm: VerifierRecord | None


def milliseconds(now: datetime) -> int:
    """Write a time in Unix milliseconds."""
    return int(now.timestamp() * 1000)


def accept(services: Services, *, token: str, now: datetime) -> None:
    """Verify an envelope and store it; when this returns, it is durable [SHA-BOX-3].

    Args:
        services: The database, the chain, our quotas.
        token: The SET as it came.
        now: The present.

    Raises:
        Rejected: The envelope is bad.
        Unavailable: ``mailbox.quota`` or ``mailbox.busy``, or the chain could not be asked.
    """
    incoming = _verify(parse_set(token), services.ledger, now)
    if not now < incoming.received.envelope.deadline <= now + MAX_TERM:
        raise PolicyNotMet("the deadline is over or too far", code="mailbox.deadline")
    for _ in range(_RACES):
        try:
            with services.db.write() as session:
                _store(session, services, incoming, now)
        except IntegrityError:
            continue  # another process stored the same id in this moment: look again
        return
    raise Unavailable("too many at once", code="mailbox.busy", retry_after=1)


def _verify(untrusted: UntrustedSet, ledger: Ledger, now: datetime) -> _Incoming:
    verifier_id = untrusted.verifier_id
    if verifier_id is None:
        return _Incoming(received=verify_holder_set(untrusted, now=now), firm=None)
    firm = active_firm(ledger, verifier_id, now)
    keys = receipt_keys(firm)
    received = verify_firm_set(untrusted, verifier_id=verifier_id, keys=keys, now=now)
    return _Incoming(received=received, firm=firm)


def _store(session: Session, services: Services, incoming: _Incoming, now: datetime) -> None:
    received, config = incoming.received, services.config
    address = received.envelope.address
    digest = sha256(received.token.encode("ascii"))
    now_ms = milliseconds(now)
    before = session.scalar(
        select(Message.digest).where(Message.box == address.box, Message.jti == address.jti)
    )
    if before is not None:
        if before != digest:
            raise Replayed("the id was used for something else", code="mailbox.jti")
        return
    size = len(received.token)
    _check_room(session, config, address.box, size)
    quotas.charge(
        session,
        secret=services.secret,
        what=quotas.Action(name="push", limit=config.sender_per_hour),
        who=address.issuer,
        now_ms=now_ms,
    )
    session.add(
        Message(
            box=address.box,
            jti=address.jti,
            digest=digest,
            body=received.token,
            size=size,
            commitment=received.envelope.commitment,
            state=MessageState.HELD,
            arrived_at=now_ms,
            expires_at=now_ms + config.retention_days * DAY_MS,
        )
    )
    _queue_record(session, received.envelope, incoming.firm, now_ms)
    session.flush()


def _check_room(session: Session, config: Config, box: str, size: int) -> None:
    held = select(func.count(), func.coalesce(func.sum(Message.size), 0)).where(
        Message.box == box, Message.state == MessageState.HELD
    )
    count, total = session.execute(held).one()
    if count >= config.box_messages or total + size > config.box_bytes:
        # Worded and timed like every other quota, so that it tells nothing of the box.
        raise Unavailable("too much", code="mailbox.quota", retry_after=_RETRY_FULL)


def _queue_record(
    session: Session, envelope: Envelope, firm: VerifierRecord | None, now_ms: int
) -> None:
    """Queue the notice, or the answer when a firm answers what lay in its own box [SHA-BOX-10]."""
    if envelope.in_reply_to is None:
        if firm is None:
            outbox.enqueue(
                session,
                kind=ItemKind.NOTICE,
                commitment=envelope.commitment,
                body={"commitment": envelope.commitment, "deadline": seconds(envelope.deadline)},
                now_ms=now_ms,
            )
        return
    mailbox = None if firm is None else firm.profile.mailbox
    if mailbox is None:
        return
    notice = session.scalar(
        select(Message.commitment).where(
            Message.box == mailbox.box, Message.jti == envelope.in_reply_to
        )
    )
    if notice is not None:
        outbox.enqueue(
            session,
            kind=ItemKind.ACK,
            commitment=notice,
            body={"notice": notice, "ack": envelope.commitment},
            now_ms=now_ms,
        )


def settle(db: Database, box: str, *, acks: Sequence[str], errors: Mapping[str, str]) -> None:
    """Take a reader's word that envelopes arrived, or were bad (RFC 8936 §2.4) [SHA-BOX-6].

    Args:
        db: The database.
        box: The reader's box.
        acks: The ids that arrived; unknown ones are ignored.
        errors: The ids refused, with the reader's short error codes.
    """
    if not acks and not errors:
        return
    with db.write() as session:
        if acks:
            _finish(session, box, acks, MessageState.ACKED, None)
        for jti, error in errors.items():
            _finish(session, box, [jti], MessageState.REFUSED, error)


def _finish(
    session: Session, box: str, jtis: Sequence[str], state: MessageState, error: str | None
) -> None:
    session.connection().execute(
        update(Message)
        .where(Message.box == box, Message.jti.in_(jtis), Message.state == MessageState.HELD)
        .values(state=state, body=None, error=error)
    )


def waiting(db: Database, box: str, *, limit: int, now_ms: int) -> Page:
    """Return the oldest envelopes of a box, in the order they came [SHA-BOX-6].

    Args:
        db: The database.
        box: The reader's box.
        limit: How many at most.
        now_ms: The present; what has expired is not handed out.
    """
    query = (
        select(Message.seq, Message.jti, Message.body, Message.size)
        .where(
            Message.box == box,
            Message.state == MessageState.HELD,
            Message.expires_at > now_ms,
        )
        .order_by(Message.seq)
        .limit(limit + 1)
    )
    mail: list[Mail] = []
    total = 0
    with db.read() as session:
        for seq, jti, body, size in session.execute(query):
            total += size
            if len(mail) == limit or (mail and total > MAX_ANSWER_BYTES):
                return Page(mail=tuple(mail), more=True)
            if body is None:
                raise Malformed("a held envelope has no body", code="mailbox.corrupt")
            mail.append(Mail(seq=seq, jti=jti, token=body))
    return Page(mail=tuple(mail), more=False)


def expire(session: Session, *, now_ms: int) -> None:
    """Drop what nobody read in time, and forget what was finished long ago [SHA-BOX-8]."""
    connection = session.connection()
    connection.execute(
        update(Message)
        .where(Message.state == MessageState.HELD, Message.expires_at <= now_ms)
        .values(state=MessageState.EXPIRED, body=None)
    )
    # The id is kept as long again as the envelope could have been repeated.
    kept = int(MAX_TERM.total_seconds()) * 1000
    connection.execute(
        Message.__table__.delete().where(  # type: ignore[attr-defined]
            Message.state != MessageState.HELD, Message.expires_at <= now_ms - kept
        )
    )
