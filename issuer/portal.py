"""The residents' pages: apply, see where it stands, receive, tell of a move.

A page is drawn after its transaction has ended: drawing a form may open a session of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import qrcode
from flask import Blueprint, Response, redirect, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from issuer import cases, checks, images, offers, security
from issuer.applications import State
from issuer.checks import Answers, Finding, Findings
from issuer.context import Issuer
from issuer.models import Application, Offer
from ssi.errors import Rejected
from ssi.oid4vci import build_offer_link

APPLICANT_SECONDS: Final = 400 * 86400
_LONGEST_SECRET: Final = 64
_UNPROCESSABLE: Final = 422
_SUSPECT: Final = frozenset({"looks_like_my_number", "confirm_number"})
_QR_BORDER: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """A form to fill in: what was typed, and what is to mend."""

    values: Mapping[str, str] = field(repr=False, default_factory=dict)
    classes: tuple[str, ...] = field(repr=False, default=())
    conditions: tuple[str, ...] = field(repr=False, default=())
    problems: Mapping[str, str] = field(default_factory=dict)


def blueprint(issuer: Issuer) -> Blueprint:
    """Return the residents' pages."""
    routes = Blueprint("portal", __name__, template_folder="templates", static_folder="static")

    @routes.get("/")
    def welcome() -> str:
        return render_template("welcome.html")

    _application_routes(routes, issuer)
    _status_routes(routes, issuer)
    _move_routes(routes, issuer)
    return routes


def purge(issuer: Issuer) -> int:
    """Delete the pictures whose time is over; returns how many [POR-KEEP-1]."""
    return cases.purge(issuer, issuer.now())


def _application_routes(routes: Blueprint, issuer: Issuer) -> None:
    @routes.get("/apply")
    def apply() -> str:
        return _apply_page(_Form())

    @routes.post("/apply")
    def apply_post() -> AnyResponse:
        answers = _answers((*checks.PERSON_LIMITS, *checks.ADDRESS_LIMITS), "licence_photo")
        found = checks.check_application(answers, today=issuer.today())
        image = _judge(answers, found, "licence_photo")
        if isinstance(image, _Form):
            return Response(_apply_page(image), status=_UNPROCESSABLE)
        filed = cases.file_application(issuer, answers, image, found.warnings)
        answer = redirect(f"/applications/{filed.id}", 303, Response)
        security.set_cookie(answer, "applicant", filed.secret, seconds=APPLICANT_SECONDS)
        return answer


def _status_routes(routes: Blueprint, issuer: Issuer) -> None:
    @routes.get("/applications/<application_id>")
    def status(application_id: str) -> str:
        with issuer.db.transaction() as session:
            row = cases.applicants_own(session, application_id, _secret())
            follower = cases.follower_of(session, application_id)
            link = _open_offer(session, issuer, row)
            session.expunge_all()
        return render_template(
            "status.html",
            case=row,
            may_withdraw=row.state in {State.SUBMITTED, State.APPROVED},
            may_move=row.state == State.ISSUED and follower is None,
            follower=follower,
            offer_link=link,
            qr=_qr(link) if link else None,
        )

    @routes.post("/applications/<application_id>/withdraw")
    def withdraw(application_id: str) -> AnyResponse:
        cases.withdraw(issuer, application_id, _secret())
        return redirect(f"/applications/{application_id}", 303, Response)


def _move_routes(routes: Blueprint, issuer: Issuer) -> None:
    @routes.get("/applications/<application_id>/move")
    def move(application_id: str) -> str:
        _movable(issuer, application_id)
        return _move_page(application_id, _Form())

    @routes.post("/applications/<application_id>/move")
    def move_post(application_id: str) -> AnyResponse:
        _movable(issuer, application_id)
        answers = _answers((*checks.ADDRESS_LIMITS, "moved_on"), "evidence_photo")
        found = checks.check_move(answers, today=issuer.today())
        image = _judge(answers, found, "evidence_photo")
        if isinstance(image, _Form):
            return Response(_move_page(application_id, image), status=_UNPROCESSABLE)
        filed = cases.file_move(
            issuer, application_id, _secret(), answers, image, warnings=found.warnings
        )
        return redirect(f"/applications/{filed.id}", 303, Response)


def _apply_page(form: _Form) -> str:
    return render_template(
        "apply.html",
        form=form,
        prefectures=checks.PREFECTURES,
        classes=checks.CLASSES,
        conditions=checks.CONDITIONS,
    )


def _move_page(application_id: str, form: _Form) -> str:
    return render_template(
        "move.html", form=form, prefectures=checks.PREFECTURES, application_id=application_id
    )


def _movable(issuer: Issuer, application_id: str) -> None:
    with issuer.db.transaction() as session:
        row = cases.applicants_own(session, application_id, _secret())
        if row.state != State.ISSUED or cases.follower_of(session, application_id) is not None:
            raise Rejected("a move follows the newest credential", code="portal.step")


def _secret() -> str:
    """Return what the applicant's browser was given; what is too long was never given out."""
    cookie = request.cookies.get(security.cookie_name("applicant"), "")
    return cookie if len(cookie) <= _LONGEST_SECRET and cookie.isascii() else ""


def _answers(names: Sequence[str], picture: str) -> Answers:
    """Read the form as it is [POR-CHECK-4]; a text given twice has two meanings and is absent."""
    given = {name: request.form.getlist(name) for name in names}
    upload = request.files.get(picture)
    return Answers(
        texts={name: found[0] for name, found in given.items() if len(found) == 1},
        classes=tuple(request.form.getlist("licence_classes")),
        conditions=tuple(request.form.getlist("licence_conditions")),
        number_is_licence=bool(request.form.get("number_is_licence")),
        consent=request.form.getlist("consent") == ["yes"],
        file_name=(upload.filename or "") if upload else "",
    )


def _judge(answers: Answers, found: Findings, picture: str) -> images.CleanImage | _Form:
    """Return the clean picture, or the form with what is to mend; the picture is judged last."""
    problems = list(found.problems)
    upload = request.files.get(picture)
    if upload is None:
        problems.append(Finding(picture, "required"))
    elif not problems:
        try:
            return images.clean(upload.stream.read(images.MAX_BYTES + 1))
        except Rejected as error:
            problems.append(Finding(picture, error.code))
    return _Form(
        values=_without_suspects(answers.texts, problems),
        classes=answers.classes,
        conditions=answers.conditions,
        problems={item.field: item.code for item in problems},
    )


def _without_suspects(texts: Mapping[str, str], problems: Sequence[Finding]) -> dict[str, str]:
    """What was typed goes back into the form, but never what may be a My Number [POR-CHECK-2]."""
    suspects = {item.field for item in problems if item.code in _SUSPECT}
    return {name: value for name, value in texts.items() if name not in suspects}


def _open_offer(session: Session, issuer: Issuer, row: Application) -> str | None:
    if row.state != State.OFFERED:
        return None
    offer = session.scalars(
        select(Offer).where(
            Offer.application_id == row.id,
            Offer.state == offers.OPEN,
            Offer.expires_at > issuer.seconds(),
        )
    ).first()
    return build_offer_link(offers.offer_message(issuer, offer)) if offer else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Qr:
    """A QR code as one SVG path."""

    size: int
    path: str = field(repr=False)


def _qr(link: str) -> _Qr:
    code = qrcode.QRCode(border=_QR_BORDER, error_correction=qrcode.constants.ERROR_CORRECT_L)
    code.add_data(link)
    code.make(fit=True)
    rows: list[list[bool]] = code.get_matrix()
    dark: Callable[[int, int], str] = "M{} {}h1v1h-1z".format
    path = "".join(dark(x, y) for y, row in enumerate(rows) for x, cell in enumerate(row) if cell)
    return _Qr(size=len(rows), path=path)
