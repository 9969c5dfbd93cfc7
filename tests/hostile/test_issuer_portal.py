"""The issuer: residents' and operators' pages and OpenID4VCI against bad input [POR-WEB-1]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from issuer import accounts, cases, checks, revocation
from issuer.app import create_app
from issuer.applications import Event, Role
from issuer.checks import Answers
from issuer.context import Issuer
from issuer.images import CleanImage
from issuer.models import Image, Offer, Operator
from issuer.offers import NewOffer
from tests.support.chain import TestClock, running
from tests.support.hostile_bends import Good, Row
from tests.support.hostile_http import (
    Program,
    attack,
    out_of_order,
    race,
    routes,
    serving,
    tables,
    wrong_methods,
)
from tests.support.issuer_people import FORM as ANSWERS
from tests.support.issuer_people import MOVE, PASSWORD
from tests.support.issuer_world import Wallet, keys, opened, picture, wallet, write_config

PHOTO = ("front.png", picture())
PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
NAMES = count(1)
# What a resident may write as it likes: judged by people, kept to the code point.
WRITTEN = frozenset(
    {"family_name", "given_name", "locality", "street_address", "number_is_licence"}
)


@dataclass
class Office:
    """An issuer with its operators, and one of each step of a case."""

    issuer: Issuer

    def __hash__(self) -> int:
        return id(self)

    def person(self, name: str) -> Operator:
        with self.issuer.db.transaction() as session:
            found = session.get_one(Operator, name)
            session.expunge_all()
            return found

    @cache  # noqa: B019 - lives as long as its issuer
    def desk(self, name: str) -> tuple[str, str]:
        """A signed-in operator's cookie and form token."""
        inside = accounts.sign_in(self.issuer, name=name, password=PASSWORD)
        return f"session={inside.id}", inside.csrf

    def filed(self, until: str = "submitted") -> tuple[str, str]:
        """An application at a step, and its applicant's secret."""
        texts = {name: value for name, value in ANSWERS.items() if isinstance(value, str)}
        answers = Answers(texts=texts, classes=("futsu",), number_is_licence=True, consent=True)
        assert not checks.check_application(answers, today=self.issuer.today()).problems
        image = CleanImage("image/png", picture())
        made = cases.file_application(self.issuer, answers, image, ())
        if until != "submitted":
            cases.decide(self.issuer, made.id, Event.APPROVE, self.person("sato"))
        if until in {"offered", "issued"}:
            offer = cases.issue(self.issuer, made.id, self.person("suzuki"))
        if until == "issued":
            taken = self.redeemed(offer)
            answer = taken.ask("kyc", taken.proofs(keys(1)))
            assert taken.notify(answer.json["notification_id"]).status_code == 204
        return made.id, made.secret

    def offer(self) -> tuple[str, NewOffer]:
        case, _ = self.filed("approved")
        made = cases.issue(self.issuer, case, self.person("suzuki"))
        with self.issuer.db.transaction() as session:
            return session.get_one(Offer, made.id).code, made

    def redeemed(self, offer: NewOffer) -> Wallet:
        made = wallet(self.issuer)
        with self.issuer.db.transaction() as session:
            code = session.get_one(Offer, offer.id).code
        made.token = str(made.redeem(code, offer.tx_code).json["access_token"])
        return made


def get(path: str, **query: str) -> Callable[[Office], Good]:
    return lambda _: Good(path=path, query=query)


def of_applicant(suffix: str, until: str) -> Callable[[Office], Good]:
    def good(office: Office) -> Good:
        case, secret = office.filed(until)
        path = f"/applications/{case}{suffix}"
        return Good(path=path, headers={"Cookie": f"applicant={secret}"}, query={"lang": "ja"})

    return good


def of_operator(path: str) -> Callable[[Office], Good]:
    def good(office: Office) -> Good:
        case, _ = office.filed()
        with office.issuer.db.transaction() as session:
            found = select(Image.id).where(Image.application_id == case)
            image = session.scalars(found).one()
        where = path.replace("CASE", case).replace("IMAGE", image)
        return Good(
            path=where, headers={"Cookie": office.desk("sato")[0]}, query={"state": "issued"}
        )

    return good


def deciding(act: str, who: str, until: str, **form: str) -> Callable[[Office], Good]:
    def good(office: Office) -> Good:
        case, _ = office.filed(until)
        cookie, csrf = office.desk(who)
        path = f"/operator/cases/{case}/{act}"
        return Good(path=path, form={"csrf": csrf, **form}, headers={"Cookie": cookie})

    return good


def applicants_form(suffix: str, until: str, form: dict[str, Any]) -> Callable[[Office], Good]:
    def good(office: Office) -> Good:
        case, secret = office.filed(until)
        opened = accounts.open_session(office.issuer)
        return Good(
            path=f"/applications/{case}{suffix}",
            form={"csrf": opened.csrf, **form},
            files={"evidence_photo": PHOTO} if form else {},
            headers={"Cookie": f"applicant={secret}; session={opened.id}"},
        )

    return good


def applying(office: Office) -> Good:
    opened = accounts.open_session(office.issuer)
    return Good(
        path="/apply",
        form={"csrf": opened.csrf, **ANSWERS},
        files={"licence_photo": PHOTO},
        headers={"Cookie": f"session={opened.id}"},
    )


def signing_in(office: Office) -> Good:
    name = f"kato{next(NAMES)}"
    accounts.add_operator(office.issuer.db, name, Role.MAKER, PASSWORD, random=office.issuer.random)
    opened = accounts.open_session(office.issuer)
    form = {"csrf": opened.csrf, "name": name, "password": PASSWORD}
    return Good(path="/operator/login", form=form, headers={"Cookie": f"session={opened.id}"})


def signing_out(office: Office) -> Good:
    inside = accounts.sign_in(office.issuer, name="ito", password=PASSWORD)
    headers = {"Cookie": f"session={inside.id}"}
    return Good(path="/operator/logout", form={"csrf": inside.csrf}, headers=headers)


def redeeming(office: Office) -> Good:
    code, offer = office.offer()
    form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code, "tx_code": offer.tx_code}
    return Good(path="/token", form=form)


def asking(office: Office) -> Good:
    _, offer = office.offer()
    taken = office.redeemed(offer)
    proofs = {"jwt": list(taken.proofs(keys(1)))}
    body = {"credential_configuration_id": "kyc", "proofs": proofs}
    headers = {"Authorization": f"Bearer {taken.token}"}
    return Good(path="/credential", json=body, headers=headers)


def notifying(office: Office) -> Good:
    _, offer = office.offer()
    taken = office.redeemed(offer)
    name = taken.ask("kyc", taken.proofs(keys(1))).json["notification_id"]
    body = {"notification_id": name, "event": "credential_accepted"}
    return Good(path="/notification", json=body, headers={"Authorization": f"Bearer {taken.token}"})


def open_offer(office: Office) -> Good:
    return Good(path=f"/offers/{office.offer()[1].id}")


CASE = "/operator/cases/<application_id>"
ROWS = (
    Row(method="GET", rule="/", good=get("/", lang="ja")),
    Row(method="GET", rule="/health", good=get("/health")),
    Row(method="GET", rule="/static/<path:filename>", good=get("/static/style.css")),
    Row(
        method="GET",
        rule="/.well-known/openid-credential-issuer",
        good=get("/.well-known/openid-credential-issuer"),
    ),
    Row(
        method="GET",
        rule="/.well-known/oauth-authorization-server",
        good=get("/.well-known/oauth-authorization-server"),
    ),
    Row(method="GET", rule="/offers/<offer_id>", good=open_offer),
    Row(method="GET", rule="/status-lists/main-1", good=get("/status-lists/main-1")),
    # --- OpenID4VCI ---
    # A wrong number counts as a try (POR-OFFER-1); that has a test of its own.
    Row(
        method="POST",
        rule="/token",
        good=redeeming,
        again=400,
        winners=1,
        free=frozenset({"tx_code"}),
    ),
    Row(method="POST", rule="/nonce", good=lambda _: Good(path="/nonce"), lenient=True, winners=8),
    Row(method="POST", rule="/credential", good=asking, again=400, winners=1),
    Row(method="POST", rule="/notification", good=notifying, taken=204, again=204, winners=8),
    # --- residents ---
    Row(method="GET", rule="/apply", good=get("/apply", lang="en")),
    Row(
        method="POST",
        rule="/apply",
        good=applying,
        taken=303,
        again=303,
        free=WRITTEN,
        optional=frozenset({"number_is_licence", "licence_conditions"}),
        echoes=True,
    ),
    Row(
        method="GET",
        rule="/applications/<application_id>",
        good=of_applicant("", "submitted"),
    ),
    Row(
        method="POST",
        rule="/applications/<application_id>/withdraw",
        good=applicants_form("/withdraw", "submitted", {}),
        taken=303,
        again=403,
        winners=1,
    ),
    Row(
        method="GET",
        rule="/applications/<application_id>/move",
        good=of_applicant("/move", "issued"),
    ),
    Row(
        method="POST",
        rule="/applications/<application_id>/move",
        good=applicants_form("/move", "issued", MOVE),
        taken=303,
        again=403,
        winners=1,
        free=WRITTEN,
        echoes=True,
        early=(applicants_form("/move", "submitted", MOVE), "portal.step"),
    ),
    # --- operators ---
    Row(method="GET", rule="/operator/login", good=get("/operator/login")),
    Row(
        method="POST",
        rule="/operator/login",
        good=signing_in,
        taken=303,
        # The session a form came from ends with the signing-in.
        again=400,
        # A password left out is a wrong one, and counts as a try (POR-LOGIN-2).
        free=frozenset({"password"}),
        optional=frozenset({"password"}),
    ),
    Row(method="POST", rule="/operator/logout", good=signing_out, taken=303, again=400),
    Row(method="GET", rule="/operator", good=of_operator("/operator")),
    Row(method="GET", rule="/operator/audit", good=of_operator("/operator/audit")),
    Row(method="GET", rule=CASE, good=of_operator("/operator/cases/CASE")),
    Row(
        method="GET",
        rule="/operator/images/<image_id>",
        good=of_operator("/operator/images/IMAGE"),
    ),
    Row(
        method="POST",
        rule=f"{CASE}/approve",
        good=deciding("approve", "sato", "submitted"),
        taken=303,
        again=403,
        winners=1,
        early=(deciding("approve", "suzuki", "submitted"), "portal.role"),
    ),
    Row(
        method="POST",
        rule=f"{CASE}/reject",
        good=deciding("reject", "sato", "submitted", reason="data_mismatch"),
        taken=303,
        again=403,
        winners=1,
        early=(deciding("reject", "sato", "issued", reason="data_mismatch"), "portal.step"),
    ),
    Row(
        method="POST",
        rule=f"{CASE}/issue",
        good=deciding("issue", "suzuki", "approved"),
        # A new offer takes the place of the one before: see below.
        winners=8,
        early=(deciding("issue", "suzuki", "submitted"), "portal.step"),
    ),
    Row(
        method="POST",
        rule=f"{CASE}/revoke",
        good=deciding("revoke", "suzuki", "issued", reason="lost"),
        again=409,
        winners=1,
        early=(deciding("revoke", "suzuki", "offered", reason="lost"), "portal.nothing_to_revoke"),
    ),
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("issuer")
    with running(folder / "chain.db") as chain:
        config = write_config(folder, chain)
        with opened(config, TestClock()) as issuer:
            for name, role in (("sato", Role.MAKER), ("ito", Role.MAKER), ("suzuki", Role.CHECKER)):
                accounts.add_operator(issuer.db, name, role, PASSWORD, random=issuer.random)
            revocation.publish(issuer)
            file = Path(config.database.removeprefix("sqlite:///"))

            def state() -> str:
                # A page with a form opens a session, a look at a case leaves a line in the log.
                return tables(file, without=("sessions", "audit"))

            made = Program(
                name="issuer",
                app=create_app(issuer),
                world=Office(issuer),
                state=state,
                people=frozenset({"/operator/login"}),
            )
            with serving(made) as served:
                yield served


def test_every_endpoint_has_a_row(program: Program):
    assert routes(program.app) == {str(row) for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_refused_and_changes_nothing(program: Program, row: Row):
    assert attack(program, row) > 10


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_wrong_method_is_refused(program: Program, row: Row):
    wrong_methods(program, row.rule, row.good(program.world).path)


@pytest.mark.parametrize("row", [row for row in ROWS if row.winners], ids=str)
def test_eight_at_once(program: Program, row: Row):
    race(program, row)


def test_of_offers_made_at_once_one_is_open(program: Program):
    (row,) = [row for row in ROWS if row.rule == f"{CASE}/issue"]
    issuer = program.world.issuer
    with issuer.db.transaction() as session:
        before = {offer.application_id for offer in session.scalars(select(Offer))}
    race(program, row)
    with issuer.db.transaction() as session:
        found = session.scalars(select(Offer).where(Offer.application_id.not_in(before))).all()
        assert sorted(offer.state for offer in found) == ["dead"] * 7 + ["open"]


@pytest.mark.parametrize("row", [row for row in ROWS if row.early], ids=str)
def test_out_of_order(program: Program, row: Row):
    out_of_order(program, row)
