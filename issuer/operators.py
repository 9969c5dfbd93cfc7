"""The operators' pages: sign in, the queue, one case, the audit log."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from typing import Final, ParamSpec

from flask import Blueprint, Response, redirect, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from issuer import accounts, audit, cases, revocation, security, texts
from issuer.applications import Actor, Event, Role, State, advance
from issuer.context import JST, Issuer
from issuer.models import Application, AuditEntry, Image, Operator
from ssi.encoding import JSON, JSONObject
from ssi.errors import InvalidProof, Rejected

PAGE: Final = 200
_OPEN: Final = (State.SUBMITTED, State.APPROVED, State.OFFERED)
_SHOWN: Final = (
    *("family_name", "given_name", "name_kana", "birthdate", "postal_code", "region", "locality"),
    *("street_address", "formatted", "licence_number", "licence_classes", "licence_conditions"),
    *("licence_expiry", "moved_on"),
)
_EVENTS: Final = (Event.APPROVE, Event.ISSUE, Event.REJECT)
_CHOICES: Final = {"licence_classes": "class", "licence_conditions": "condition"}
_FORBIDDEN: Final = 403

P = ParamSpec("P")
Page = Callable[P, str | AnyResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One item of a case: its value now and, after a move, the one before."""

    name: str
    value: str = field(repr=False)
    before: str | None = field(repr=False)

    @property
    def changed(self) -> bool:
        """Whether the move changed it."""
        return self.before is not None and self.before != self.value


def blueprint(issuer: Issuer) -> Blueprint:
    """Return the operators' pages."""
    routes = Blueprint("operators", __name__, url_prefix="/operator", template_folder="templates")
    routes.add_app_template_filter(_time, "time")
    _sign_in_routes(routes, issuer)
    _reading_routes(routes, issuer)
    _deciding_routes(routes, issuer)
    return routes


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone(JST).strftime("%Y-%m-%d %H:%M")


def _signed_in(page: Page[P]) -> Page[P]:
    """Let only operators in; a reader is shown the way, a form is refused [POR-LOGIN-4]."""

    @wraps(page)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> str | AnyResponse:
        if security.operator() is None:
            if request.method == "GET":
                return redirect("/operator/login", 303, Response)
            raise Rejected("nobody is signed in", code="portal.sign_in")
        return page(*args, **kwargs)

    return guarded


def _me() -> Operator:
    operator = security.operator()
    if operator is None:
        raise Rejected("nobody is signed in", code="portal.sign_in")
    return operator


def _sign_in_routes(routes: Blueprint, issuer: Issuer) -> None:
    @routes.get("/login")
    def login() -> str:
        return render_template("login.html", failed=False)

    @routes.post("/login")
    def login_post() -> AnyResponse:
        before = security.session()
        try:
            opened = accounts.sign_in(
                issuer,
                name=security.one_text("name"),
                password=security.one_text("password"),
            )
        except Rejected:
            return Response(render_template("login.html", failed=True), status=_FORBIDDEN)
        if before is not None:
            accounts.close_session(issuer, before.id)
        security.adopt(opened)
        return redirect("/operator", 303, Response)

    @routes.post("/logout")
    def logout() -> AnyResponse:
        opened = security.session()
        if opened is not None:
            accounts.close_session(issuer, opened.id)
        security.adopt(None)
        return redirect("/operator/login", 303, Response)


def _reading_routes(routes: Blueprint, issuer: Issuer) -> None:
    @routes.get("")
    @_signed_in
    def queue() -> str:
        chosen = [state for state in State if state == request.args.get("state")]
        with issuer.db.transaction() as session:
            rows = session.scalars(
                select(Application)
                .where(Application.state.in_(chosen or _OPEN))
                .order_by(Application.created_at)
                .limit(PAGE)
            ).all()
            session.expunge_all()
        items = [(row, cases.read_data(row), _warnings(row)) for row in rows]
        chosen_name = chosen[0] if chosen else None
        return render_template("queue.html", items=items, states=State, chosen=chosen_name)

    @routes.get("/cases/<application_id>")
    @_signed_in
    def case(application_id: str) -> str:
        with issuer.db.transaction() as session:
            row = session.get(Application, application_id)
            if row is None:
                raise cases.not_found()
            audit.record(
                session,
                at=issuer.seconds(),
                actor=_me().name,
                action="view",
                subject=application_id,
            )
            context = _case(session, row)
            session.expunge_all()
        return render_template("case.html", **context)

    @routes.get("/images/<image_id>")
    @_signed_in
    def image(image_id: str) -> AnyResponse:
        with issuer.db.transaction() as session:
            found = session.get(Image, image_id)
            if found is None or found.content is None:
                raise cases.not_found()
            answer = Response(found.content, mimetype=found.media_type)
        answer.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        answer.headers["Content-Disposition"] = "inline"
        return answer

    @routes.get("/audit")
    @_signed_in
    def audit_log() -> str:
        with issuer.db.transaction() as session:
            try:
                lines = audit.verify(session)
            except InvalidProof:
                lines = None
            entries = session.scalars(
                select(AuditEntry).order_by(AuditEntry.number.desc()).limit(PAGE)
            ).all()
            session.expunge_all()
        return render_template("audit.html", lines=lines, entries=entries)


def _deciding_routes(routes: Blueprint, issuer: Issuer) -> None:
    @routes.post("/cases/<application_id>/approve")
    @_signed_in
    def approve(application_id: str) -> AnyResponse:
        cases.decide(issuer, application_id, Event.APPROVE, _me())
        return _back(application_id)

    @routes.post("/cases/<application_id>/reject")
    @_signed_in
    def reject(application_id: str) -> AnyResponse:
        reason = security.one_text("reason")
        cases.decide(issuer, application_id, Event.REJECT, _me(), reason=reason)
        return _back(application_id)

    @routes.post("/cases/<application_id>/issue")
    @_signed_in
    def issue(application_id: str) -> str:
        offer = cases.issue(issuer, application_id, _me())
        return render_template("issued.html", application_id=application_id, tx_code=offer.tx_code)

    @routes.post("/cases/<application_id>/revoke")
    @_signed_in
    def revoke(application_id: str) -> str:
        reason = security.one_text("reason")
        published = cases.revoke(issuer, application_id, _me(), reason=reason)
        return render_template("revoked.html", application_id=application_id, published=published)


def _back(application_id: str) -> AnyResponse:
    return redirect(f"/operator/cases/{application_id}", 303, Response)


def _case(session: Session, row: Application) -> dict[str, object]:
    previous = session.get(Application, row.previous) if row.previous else None
    picture = session.scalars(select(Image).where(Image.application_id == row.id)).first()
    return {
        "case": row,
        "lines": _lines(cases.read_data(row), cases.read_data(previous) if previous else None),
        "previous": previous,
        "warnings": _warnings(row),
        "picture": picture.id if picture is not None and picture.content is not None else None,
        "events": [event for event in _EVENTS if _may(row, event)],
        "may_revoke": revocation.has_live_copies(session, row.id),
        "reject_reasons": cases.REJECT_REASONS,
        "revoke_reasons": cases.REVOKE_REASONS,
    }


def _may(row: Application, event: Event) -> bool:
    """Whether to offer a step; whether it is allowed is decided again when it is taken."""
    me = _me()
    try:
        advance(State(row.state), event, Actor(role=Role(me.role), name=me.name), maker=row.maker)
    except Rejected:
        return False
    return True


def _warnings(row: Application) -> list[tuple[str, str]]:
    return [(str(name), str(code)) for name, code in json.loads(row.warnings)]


def _lines(data: JSONObject, before: JSONObject | None) -> list[_Line]:
    return [
        _Line(
            name=name,
            value=_shown(name, data[name]),
            before=_shown(name, before.get(name, "")) if before is not None else None,
        )
        for name in _SHOWN
        if name in data
    ]


def _shown(name: str, value: JSON) -> str:
    """Codes in words; what the resident wrote exactly as it is.

    A code that has no word, in a row older than the list of words, is shown as it was stored:
    a page that an operator needs to decide does not fail for it.
    """
    if not isinstance(value, list):
        return str(value)
    lang = security.language()
    keys = [(f"{_CHOICES[name]}.{item}", str(item)) for item in value]
    words = [texts.text(key, lang) if key in texts.TEXTS else item for key, item in keys]
    return ("、" if lang == "ja" else ", ").join(words)
