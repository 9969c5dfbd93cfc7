"""Status lists: set a bit, sign the list, put it on the chain; in any order of crashes.

The bit and the audit line are durable first. Publishing is then owed: `publish` compares what the
list should be with what the chain has, and brings the chain up to it [POR-REV-2].
"""

from datetime import timedelta
from itertools import zip_longest

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from issuer import audit
from issuer.config import STATUS_LIST
from issuer.context import Issuer
from issuer.models import Batch, Credential, Offer, StatusListRow, Token
from issuer.offers import DEAD
from registry_chain.transactions.statuses import publish_status
from ssi.encoding import b64url_encode, parse_json_object, sha256
from ssi.errors import Refused, Rejected, Unavailable
from ssi.jose import parse_jws
from ssi.status_list import (
    INVALID,
    STATUS_TOKEN_LIMITS,
    StatusList,
    build_status_token,
    decode_status_list,
    new_status_list,
)

TTL_SECONDS = 300
TOKEN_LIFE = timedelta(days=7)


def create_list(issuer: Issuer) -> None:
    """Make the list when there is none yet."""
    with issuer.db.transaction() as session:
        if session.get(StatusListRow, STATUS_LIST) is None:
            empty = new_status_list(issuer.config.status_size)
            session.add(StatusListRow(id=STATUS_LIST, bits=empty.bits, data=empty.data))


def revoke_application(issuer: Issuer, application_id: str, *, actor: str, reason: str) -> int:
    """End every copy of an application's credentials for good [POR-REV-1].

    Args:
        issuer: The issuer.
        application_id: Whose copies.
        actor: The operator, for the audit log.
        reason: A stable word.

    Returns:
        How many copies ended now.

    Raises:
        Rejected: ``portal.nothing_to_revoke``.
    """
    with issuer.db.transaction() as session:
        copies = session.scalars(_live_copies(application_id)).all()
        if not copies:
            raise Rejected("no live credential is left", code="portal.nothing_to_revoke")
        _end(session, issuer, list(copies), reason)
        _issue_no_more(session, application_id)
        audit.record(
            session,
            at=issuer.seconds(),
            actor=actor,
            action="revoke",
            subject=application_id,
            detail=reason,
        )
    return len(copies)


def has_live_copies(session: Session, application_id: str) -> bool:
    """Tell whether copies may be in a wallet; it need not have said that they came."""
    return session.scalars(_live_copies(application_id).limit(1)).first() is not None


def supersede(session: Session, issuer: Issuer, application_id: str) -> None:
    """Let an older application's copies end when their successors have been delivered."""
    _issue_no_more(session, application_id)
    at = issuer.seconds() + issuer.config.revoke_superseded_after_seconds
    for copy in session.scalars(_live_copies(application_id)):
        copy.revoke_at = at if copy.revoke_at is None else min(copy.revoke_at, at)


def end_due(issuer: Issuer) -> int:
    """End the copies whose time came; returns how many."""
    with issuer.db.transaction() as session:
        due = session.scalars(
            select(Credential).where(
                Credential.revoked_at.is_(None), Credential.revoke_at <= issuer.seconds()
            )
        ).all()
        if due:
            _end(session, issuer, list(due), "superseded")
            audit.record(
                session,
                at=issuer.seconds(),
                actor="issuer",
                action="revoke",
                subject="superseded",
                detail=str(len(due)),
            )
    return len(due)


def _live_copies(application_id: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    return (
        select(Credential)
        .join(Batch, Batch.id == Credential.batch_id)
        .where(Batch.application_id == application_id, Credential.revoked_at.is_(None))
    )


def _issue_no_more(session: Session, application_id: str) -> None:
    """Let no token or offer of before bring fresh copies after the end of the old [POR-REV-3]."""
    session.execute(delete(Token).where(Token.application_id == application_id))
    session.execute(update(Offer).where(Offer.application_id == application_id).values(state=DEAD))


def _end(session: Session, issuer: Issuer, copies: list[Credential], reason: str) -> None:
    row = session.get_one(StatusListRow, STATUS_LIST, with_for_update=True)
    data = bytearray(row.data)
    for copy in copies:
        data[copy.status_index // 8] |= INVALID << copy.status_index % 8
        copy.revoked_at, copy.reason = issuer.seconds(), reason
    row.data = bytes(data)
    row.changed += 1


def publish(issuer: Issuer) -> bool:
    """Bring the chain up to the list; returns whether anything was owed.

    A crash between submitting and noting it is harmless: the chain's own record tells whether the
    token arrived. Republishes before the newest token runs out.

    Raises:
        Unavailable: The chain did not answer; the list is still owed.
        Refused: The chain does not take it.
    """
    now = issuer.now()
    known = issuer.ledger.status(now)
    with issuer.db.transaction() as session:
        token = session.get_one(StatusListRow, STATUS_LIST).token
    on_chain = known is not None and known.digest == _digest_of(token)
    if known is not None and not on_chain:
        _take_over(issuer, issuer.ledger.status_token(known))
    with issuer.db.transaction() as session:
        row = session.get_one(StatusListRow, STATUS_LIST)
        changed, published = row.changed, row.published
        status_list = StatusList(row.bits, row.data)
    fresh = known is not None and known.issued_at + TOKEN_LIFE.total_seconds() / 2 > now.timestamp()
    if published == changed and on_chain and fresh:
        return False
    token = build_status_token(
        status_list,
        issuer.status_key.signer,
        uri=issuer.config.status_uri,
        now=now,
        ttl=TTL_SECONDS,
        expires_at=now + TOKEN_LIFE,
        header=issuer.status_key.header,
    )
    sequence = 1 if known is None else known.sequence + 1
    previous = None if known is None else issuer.ledger.status_token(known)
    body = publish_status(STATUS_LIST, sequence, token, previous)
    try:
        issuer.ledger.submit(body, now)
    except Refused as refusal:
        if refusal.code not in {"chain.status_sequence", "chain.status_changes"}:
            raise
        # Another worker was first; whether its list has our bit shows at the next turn.
        raise Unavailable("the list was just published", code="issuer.busy") from refusal
    with issuer.db.transaction() as session:
        row = session.get_one(StatusListRow, STATUS_LIST)
        row.published, row.token = max(row.published, changed), token
    return True


def _take_over(issuer: Issuer, token: str) -> None:
    """Keep every ending the chain has seen, also when our database is an older copy [POR-REV-4]."""
    claims = parse_json_object(parse_jws(token, limits=STATUS_TOKEN_LIMITS).payload,
                               limits=STATUS_TOKEN_LIMITS)  # fmt: skip
    seen = decode_status_list(claims.get("status_list"))
    with issuer.db.transaction() as session:
        row = session.get_one(StatusListRow, STATUS_LIST, with_for_update=True)
        if seen.bits != row.bits or len(seen.data) > len(row.data):
            raise Unavailable("the chain has another list of ours", code="issuer.status_list")
        pairs = zip_longest(row.data, seen.data, fillvalue=0)
        row.data = bytes(ours | theirs for ours, theirs in pairs)


def _digest_of(token: str) -> str:
    return b64url_encode(sha256(token.encode()))
