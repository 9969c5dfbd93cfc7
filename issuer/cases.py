"""Applications in the database: handed in, decided, offered. ``applications`` decides the moves.

Each act is one transaction with its line in the audit log. A row moves only from the state it was
read in, so that of two operators who race one wins [POR-LIFE-2].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from issuer import audit, offers, revocation
from issuer.applications import Actor, Event, Kind, Role, State, advance
from issuer.checks import Answers, Finding, folded_postal_code
from issuer.context import Issuer, hashed
from issuer.images import CleanImage
from issuer.models import Application, Image, Operator
from ssi.encoding import JSON, JSONObject, b64url_encode, canonical_json, parse_json_object
from ssi.errors import Refused, Rejected, Unavailable

DAY: Final = 86400
REJECT_REASONS: Final = (
    *("unreadable_image", "data_mismatch", "expired_document", "not_resident"),
    *("suspected_fraud", "other"),
)
REVOKE_REASONS: Final = (
    "lost",
    "stolen",
    "wrong_data",
    "moved",
    "holder_request",
    "fraud",
    "other",
)
_IDENTITY: Final = ("family_name", "given_name", "name_kana", "birthdate")
_LICENCE: Final = ("licence_number", "licence_classes", "licence_conditions", "licence_expiry")
_DEAD: Final = (State.REJECTED, State.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """An application that was handed in; ``secret`` lets its applicant see it again."""

    id: str
    secret: str


def file_application(
    issuer: Issuer, answers: Answers, image: CleanImage, warnings: Sequence[Finding]
) -> Filed:
    """Store a first application, as it was received."""
    data: JSONObject = {name: answers.text(name) for name in (*_IDENTITY, *_LICENCE)}
    classes: list[JSON] = list(answers.classes)
    conditions: list[JSON] = list(answers.conditions)
    data |= {"licence_classes": classes, "licence_conditions": conditions} | _address(answers)
    secret = b64url_encode(issuer.random(32))
    with issuer.db.transaction() as session:
        row = _new_row(issuer, Kind.NEW, hashed(secret), data, warnings)
        _store(session, issuer, row, image)
        return Filed(id=row.id, secret=secret)


def file_move(  # noqa: PLR0913 - who, after what, what
    issuer: Issuer,
    previous_id: str,
    secret: str,
    answers: Answers,
    image: CleanImage,
    *,
    warnings: Sequence[Finding],
) -> Filed:
    """Store an application for a new address; who the person is comes from the one before.

    Raises:
        Rejected: ``portal.step``: the one before was not issued, or has a follower already;
            ``portal.not_found``: it is not this applicant's.
    """
    with issuer.db.transaction() as session:
        previous = applicants_own(session, previous_id, secret)
        if previous.state != State.ISSUED or follower_of(session, previous_id) is not None:
            raise Rejected("a move follows the newest credential", code="portal.step")
        kept = read_data(previous)
        data = {name: kept[name] for name in (*_IDENTITY, *_LICENCE)} | _address(answers)
        data["moved_on"] = answers.text("moved_on")
        row = _new_row(issuer, Kind.MOVE, previous.secret_hash, data, warnings)
        row.previous = previous_id
        _store(session, issuer, row, image)
        return Filed(id=row.id, secret=secret)


def _address(answers: Answers) -> JSONObject:
    region, locality, street = (
        answers.text(name) for name in ("region", "locality", "street_address")
    )
    return {
        "postal_code": folded_postal_code(answers.text("postal_code")),
        "region": region,
        "locality": locality,
        "street_address": street,
        "formatted": region + locality + street,
    }


def _new_row(
    issuer: Issuer, kind: Kind, secret_hash: str, data: JSONObject, warnings: Sequence[Finding]
) -> Application:
    found: list[JSON] = [[item.field, item.code] for item in warnings]
    return Application(
        id=b64url_encode(issuer.random(24)),
        secret_hash=secret_hash,
        kind=kind,
        state=State.SUBMITTED,
        data=canonical_json(data).decode(),
        warnings=canonical_json(found).decode(),
        reason="",
        created_at=issuer.seconds(),
    )


def _store(session: Session, issuer: Issuer, row: Application, image: CleanImage) -> None:
    session.add(row)
    session.flush()
    session.add(
        Image(
            id=b64url_encode(issuer.random(24)),
            application_id=row.id,
            media_type=image.media_type,
            content=image.content,
        )
    )
    _log(session, issuer, "applicant", "submit", row.id, row.kind)


def read_data(row: Application) -> JSONObject:
    """Return what the form held."""
    return parse_json_object(row.data)


def applicants_own(session: Session, application_id: str, secret: str) -> Application:
    """Return an application to the one who handed it in [POR-OWN-1].

    Raises:
        Rejected: ``portal.not_found``, whether it is another's or nobody's.
    """
    row = session.get(Application, application_id)
    if row is None or not compare_digest(row.secret_hash, hashed(secret)):
        raise not_found()
    return row


def follower_of(session: Session, application_id: str) -> str | None:
    """Return the id of the move that follows an application, if one stands."""
    return session.scalars(
        select(Application.id).where(
            Application.previous == application_id, Application.state.not_in(_DEAD)
        )
    ).first()


def withdraw(issuer: Issuer, application_id: str, secret: str) -> None:
    """Let an applicant take an application back.

    Raises:
        Rejected: ``portal.not_found``, ``portal.step``, ``portal.raced``.
    """
    with issuer.db.transaction() as session:
        row = applicants_own(session, application_id, secret)
        then = advance(State(row.state), Event.WITHDRAW, Actor(role=Role.APPLICANT), maker=None)
        _move(session, row, then, {"decided_at": issuer.seconds()})
        _log(session, issuer, "applicant", Event.WITHDRAW, application_id)


def decide(
    issuer: Issuer, application_id: str, event: Event, operator: Operator, *, reason: str = ""
) -> None:
    """Approve or reject as an operator [POR-EYES-1].

    Raises:
        Rejected: ``portal.not_found``, ``portal.step``, ``portal.role``, ``portal.four_eyes``,
            ``portal.reason``, ``portal.raced``.
    """
    if event is Event.REJECT and reason not in REJECT_REASONS:
        raise Rejected("a refusal needs one of the reasons", code="portal.reason")
    with issuer.db.transaction() as session:
        row, then = _next(session, application_id, event, operator)
        changes: dict[str, Any] = {"reason": reason}
        if event is Event.APPROVE:
            changes["maker"] = operator.name
        else:
            changes["decided_at"] = issuer.seconds()
        if operator.role == Role.CHECKER:
            changes["checker"] = operator.name
        _move(session, row, then, changes)
        _log(session, issuer, operator.name, event, application_id, reason)


def issue(issuer: Issuer, application_id: str, operator: Operator) -> offers.NewOffer:
    """Make the offer as the checker; the number is told to the resident, once [POR-EYES-1].

    Raises:
        Rejected: As `decide`.
    """
    with issuer.db.transaction() as session:
        row, then = _next(session, application_id, Event.ISSUE, operator)
        decided = row.decided_at or issuer.seconds()
        _move(session, row, then, {"checker": operator.name, "decided_at": decided})
        offer = offers.make_offer(session, issuer, application_id)
        _log(session, issuer, operator.name, Event.ISSUE, application_id)
    return offer


def revoke(issuer: Issuer, application_id: str, operator: Operator, *, reason: str) -> bool:
    """End an application's credentials; returns whether the chain has it already.

    Raises:
        Rejected: ``portal.reason``, ``portal.nothing_to_revoke``.
    """
    if reason not in REVOKE_REASONS:
        raise Rejected("a revocation needs one of the reasons", code="portal.reason")
    revocation.revoke_application(issuer, application_id, actor=operator.name, reason=reason)
    try:
        revocation.publish(issuer)
    except (Unavailable, Refused):
        # The bit is set; the background work owes the chain the rest [POR-REV-2].
        return False
    return True


def purge(issuer: Issuer, now: datetime) -> int:
    """Delete the pictures whose time after the decision is over [POR-KEEP-1].

    Returns:
        How many pictures went.
    """
    before = int(now.timestamp()) - issuer.config.image_days * DAY
    old = select(Application.id).where(Application.decided_at <= before)
    with issuer.db.transaction() as session:
        gone = session.execute(
            update(Image)
            .where(Image.application_id.in_(old), Image.content.is_not(None))
            .values(content=None)
        )
        count = gone.rowcount if isinstance(gone, CursorResult) else 0
        if count:
            _log(session, issuer, "issuer", "purge", "images", str(count))
    return count


def not_found() -> Rejected:
    """The answer for what is not there and for what is another's."""
    return Rejected("there is no such page for you", code="portal.not_found")


def _next(
    session: Session, application_id: str, event: Event, operator: Operator
) -> tuple[Application, State]:
    row = session.get(Application, application_id)
    if row is None:
        raise not_found()
    actor = Actor(role=Role(operator.role), name=operator.name)
    return row, advance(State(row.state), event, actor, maker=row.maker)


def _move(session: Session, row: Application, then: State, changes: dict[str, Any]) -> None:
    query = (
        update(Application)
        .where(Application.id == row.id, Application.state == row.state)
        .values(state=then, **changes)
        .execution_options(synchronize_session=False)
    )
    try:
        moved = session.execute(query)
    except IntegrityError as error:
        raise Rejected("whoever approved may not issue", code="portal.four_eyes") from error
    if not isinstance(moved, CursorResult) or moved.rowcount != 1:
        raise Rejected("somebody else was first", code="portal.raced")


def _log(  # noqa: PLR0913, PLR0917 - the columns of a log line
    session: Session, issuer: Issuer, actor: str, action: str, subject: str, detail: str = ""
) -> None:
    audit.record(
        session,
        at=issuer.seconds(),
        actor=actor,
        action=action,
        subject=subject,
        detail=detail,
    )
