"""The operators' pages: four eyes, races, hostile text, the log."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from flask import Flask
from PIL import Image as Pillow
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from issuer import accounts, audit, cases
from issuer.app import create_app
from issuer.applications import Event, Role
from issuer.context import Issuer
from issuer.models import Application, AuditEntry, Image, Operator
from registry_chain.client import AnchorRecord, Committed, IssuerRecord, StatusRecord
from ssi.errors import InvalidProof, Rejected, Unavailable
from tests.support.chain import TestClock
from tests.support.issuer_world import keys, wallet
from tests.support.portal_pages import (
    ANSWERS,
    PASSWORD,
    Browser,
    code,
    found,
    hire,
    id_of,
    operator,
    state,
)
from tests.support.vectors import vectors_dir


@pytest.fixture
def app(issuer: Issuer) -> Flask:
    return create_app(issuer)


def submitted(app: Flask) -> str:
    return id_of(Browser.new(app).applied())


def row_of(issuer: Issuer, application: str) -> Application:
    with issuer.db.transaction() as session:
        row = session.get_one(Application, application)
        session.expunge_all()
        return row


def lines(issuer: Issuer, subject: str) -> list[tuple[str, str]]:
    with issuer.db.transaction() as session:
        assert audit.verify(session) > 0
        entries = session.scalars(select(AuditEntry).where(AuditEntry.subject == subject))
        return [(entry.actor, entry.action) for entry in entries]


def test_two_operators_make_one_offer(app: Flask, issuer: Issuer):
    # Clauses [POR-EYES-1], [POR-AUDIT-1].
    case = submitted(app)
    maker, checker = operator(app, "sato"), operator(app, "suzuki")
    assert f'class="case" href="/operator/cases/{case}"' in maker.http.get("/operator").text
    assert 'id="approve"' in maker.http.get(f"/operator/cases/{case}").text
    assert 'id="issue"' not in checker.http.get(f"/operator/cases/{case}").text
    assert maker.decide(case, "approve").status_code == 303
    assert 'id="issue"' not in maker.http.get(f"/operator/cases/{case}").text
    assert 'id="issue"' in checker.http.get(f"/operator/cases/{case}").text
    answer = checker.decide(case, "issue")
    number = found(r'id="tx-code">(\d{6})<', answer.text)
    assert number not in checker.http.get(f"/operator/cases/{case}").text
    row = row_of(issuer, case)
    assert (row.state, row.maker, row.checker) == ("offered", "sato", "suzuki")
    acts = [line for line in lines(issuer, case) if line[1] != "view"]
    assert acts == [("applicant", "submit"), ("sato", "approve"), ("suzuki", "issue")]


@pytest.mark.parametrize(
    ("who", "act", "expected"),
    [
        ("suzuki", "approve", "portal.role"),
        ("sato", "issue", "portal.step"),
        ("suzuki", "issue", "portal.step"),
        ("sato", "revoke", "portal.nothing_to_revoke"),
    ],
)
def test_no_step_is_skipped(app: Flask, issuer: Issuer, who: str, act: str, expected: str):
    # Clause [POR-LIFE-1]; ASVS 2.3.1. A field that names a state has no meaning.
    case = submitted(app)
    answer = operator(app, who).decide(
        case, act, reason="lost", state="approved", role="checker", maker="ito"
    )
    assert code(answer) == expected
    assert answer.status_code in {403, 409}
    assert row_of(issuer, case).state == "submitted"


def test_a_maker_does_not_issue_what_a_colleague_approved(app: Flask):
    case = submitted(app)
    assert operator(app, "sato").decide(case, "approve").status_code == 303
    answer = operator(app, "ito").decide(case, "issue")
    assert (answer.status_code, code(answer)) == (403, "portal.role")


def test_a_maker_made_checker_does_not_issue_their_own(app: Flask, issuer: Issuer):
    # Clause [POR-EYES-1]: once by the rule, once by the database.
    case = submitted(app)
    sato = operator(app, "sato")
    sato.decide(case, "approve")
    with issuer.db.transaction() as session:
        session.get_one(Operator, "sato").role = Role.CHECKER
    answer = sato.decide(case, "issue")
    assert (answer.status_code, code(answer)) == (403, "portal.four_eyes")
    with pytest.raises(IntegrityError), issuer.db.transaction() as session:
        session.execute(update(Application).values(checker="sato"))
    assert row_of(issuer, case).checker is None


def test_of_operators_who_race_one_wins(app: Flask, issuer: Issuer):
    # Clause [POR-LIFE-2].
    case = submitted(app)
    for name in ("sato", "suzuki"):
        hire(issuer, name)
    with issuer.db.transaction() as session:
        people = {row.name: row for row in session.scalars(select(Operator))}
        session.expunge_all()

    def act(turn: int) -> str:
        try:
            if turn % 2:
                cases.decide(issuer, case, Event.APPROVE, people["sato"])
            else:
                cases.decide(issuer, case, Event.REJECT, people["suzuki"], reason="other")
        except Rejected as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(act, [1, 1, 1, 1]))
    assert outcomes.count("done") == 1
    assert set(outcomes) <= {"done", "portal.step", "portal.raced"}
    assert [who for who, what in lines(issuer, case) if what == "approve"] == ["sato"]


def test_a_row_that_moved_meanwhile_is_left_alone(app: Flask, issuer: Issuer):
    # Clause [POR-LIFE-2]: a database that lets two read the same state still lets one write.
    case = submitted(app)
    with issuer.db.transaction() as session:
        row = session.get_one(Application, case)
        session.execute(text("UPDATE applications SET state = 'withdrawn'"))
        with pytest.raises(Rejected) as caught:
            cases._move(session, row, cases.State.APPROVED, {"maker": "sato"})
    assert caught.value.code == "portal.raced"
    assert row_of(issuer, case).maker is None


def test_a_refusal_has_a_reason_from_the_list(app: Flask, issuer: Issuer):
    case = submitted(app)
    sato = operator(app, "sato")
    for reason in ("", "髙﨑 𠮷乃", "<b>"):
        assert code(sato.decide(case, "reject", reason=reason)) == "portal.reason"
    assert sato.decide(case, "reject", reason="data_mismatch").status_code == 303
    assert row_of(issuer, case).state == "rejected"
    assert 'data-reason="data_mismatch"' in sato.http.get(f"/operator/cases/{case}").text


class SilentLedger:
    """A chain that never answers."""

    def accreditation(self, now: object) -> IssuerRecord:
        raise Unavailable("no node answers", code="fetch.failed")

    def status(self, now: object) -> StatusRecord | None:
        raise Unavailable("no node answers", code="fetch.failed")

    def status_token(self, record: object) -> str:
        raise Unavailable("no node answers", code="fetch.failed")

    def anchor(self, batch: str, now: object) -> AnchorRecord | None:
        raise Unavailable("no node answers", code="fetch.failed")

    def submit(self, body: object, now: object) -> Committed:
        raise Unavailable("no node answers", code="fetch.failed")


@pytest.mark.parametrize("silent", [False, True])
def test_a_revocation_holds_even_when_the_chain_is_silent(app: Flask, issuer: Issuer, silent: bool):
    """[POR-REV-1]"""
    case = submitted(app)
    operator(app, "sato").decide(case, "approve")
    number = found(r'id="tx-code">(\d{6})<', operator(app, "suzuki").decide(case, "issue").text)
    made = wallet(issuer)
    with issuer.db.transaction() as session:
        offered = session.execute(text("SELECT code FROM offers")).scalar_one()
    made.token = str(made.redeem(offered, number).json["access_token"])
    answer = made.ask("kyc", made.proofs(keys(2)))
    assert made.notify(answer.json["notification_id"]).status_code == 204
    used = replace(issuer, ledger=SilentLedger()) if silent else issuer
    page = operator(create_app(used), "suzuki").decide(case, "revoke", reason="stolen")
    assert page.status_code == 200
    assert found(r'data-published="(\w+)"', page.text) == ("soon" if silent else "yes")
    again = operator(app, "sato").decide(case, "revoke", reason="stolen")
    assert (again.status_code, code(again)) == (409, "portal.nothing_to_revoke")


def test_strangers_see_nothing(app: Flask, issuer: Issuer):
    # Clause [POR-LOGIN-4]; also an applicant is a stranger here.
    stranger = Browser.new(app)
    case = id_of(stranger.applied())
    with issuer.db.transaction() as session:
        image = session.scalars(select(Image.id)).one()
    for page in ("/operator", f"/operator/cases/{case}", f"/operator/images/{image}"):
        answer = stranger.http.get(page)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/operator/login")
    for act in ("approve", "issue", "reject", "revoke"):
        token = stranger.token("/apply")
        answer = stranger.http.post(f"/operator/cases/{case}/{act}", data={"csrf": token})
        assert (answer.status_code, code(answer)) == (403, "portal.sign_in")
    assert row_of(issuer, case).state == "submitted"


def test_a_picture_is_ours_and_guarded(app: Flask, issuer: Issuer):
    # Clause [POR-IMAGE-1].
    case = submitted(app)
    sato = operator(app, "sato")
    page = sato.http.get(f"/operator/cases/{case}").text
    answer = sato.http.get(found(r'img class="document" src="([^"]+)"', page))
    assert answer.mimetype == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    with Pillow.open(io.BytesIO(answer.data)) as shown:
        assert shown.size == (320, 200)
    assert sato.http.get("/operator/images/nobody").status_code == 404
    assert sato.http.get("/operator/cases/nobody").status_code == 404


class Page(HTMLParser):
    """The elements of a page, and what its cells say."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.said: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_hostile_text_stays_text(app: Flask, issuer: Issuer):
    # Every field an operator sees, past the checks of the form (catalogue I-11).
    case = submitted(app)
    sato = operator(app, "sato")
    source = (vectors_dir("naughty_strings") / "blns.json").read_text("utf-8")
    naughty = [item for item in json.loads(source) if item and _storable(item)]
    assert len(naughty) > 450
    plain = json.loads(row_of(issuer, case).data)
    names = [name for name, value in plain.items() if isinstance(value, str)]
    page = f"/operator/cases/{case}"
    expected = Page(sato.http.get(page).text).elements
    # As many strings to a page as it has fields, and one among the codes.
    for start in range(0, len(naughty), len(names)):
        some = naughty[start : start + len(names)]
        data = plain | dict(zip(names, some, strict=False)) | {"licence_classes": [some[0]]}
        with issuer.db.transaction() as session:
            session.get_one(Application, case).data = json.dumps(data, ensure_ascii=False)
        shown = Page(sato.http.get(page).text)
        assert shown.elements == expected
        for item in some:
            assert item in shown.said or "\r" in item, item
        assert "script" not in {tag for tag, _ in Page(sato.http.get("/operator").text).elements}


def _storable(item: str) -> bool:
    try:
        item.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in item


def test_the_log_tells_when_it_was_changed(app: Flask, issuer: Issuer):
    # Clause [POR-AUDIT-1].
    case = submitted(app)
    sato = operator(app, "sato")
    sato.decide(case, "approve")
    assert 'data-state="complete"' in sato.http.get("/operator/audit").text
    with issuer.db.transaction() as session:
        session.execute(
            update(AuditEntry).where(AuditEntry.action == "approve").values(actor="ito")
        )
    assert 'data-state="broken"' in sato.http.get("/operator/audit").text
    with pytest.raises(InvalidProof), issuer.db.transaction() as session:
        audit.verify(session)


def test_a_line_taken_out_is_missed(issuer: Issuer):
    # Clause [POR-AUDIT-1].
    for number in range(1, 5):
        with issuer.db.transaction() as session:
            audit.record(session, at=number, actor="a", action="b", subject="c")
    with issuer.db.transaction() as session:
        assert audit.verify(session) == 4
        session.execute(text("DELETE FROM audit WHERE number = 2"))
        session.execute(text("UPDATE audit SET number = number - 1 WHERE number > 2"))
    with pytest.raises(InvalidProof), issuer.db.transaction() as session:
        audit.verify(session)


def test_no_log_line_holds_what_the_form_held(app: Flask, issuer: Issuer):
    case = submitted(app)
    operator(app, "sato").http.get(f"/operator/cases/{case}")
    with issuer.db.transaction() as session:
        for entry in session.scalars(select(AuditEntry)):
            line = f"{entry.actor} {entry.action} {entry.subject} {entry.detail}"
            for value in (ANSWERS["family_name"], ANSWERS["licence_number"], "金町"):
                assert value not in line
    assert ("sato", "view") in lines(issuer, case)


def test_the_queue_has_a_tab_for_each_state(app: Flask):
    case = submitted(app)
    sato = operator(app, "sato")
    assert case in sato.http.get("/operator?state=submitted").text
    assert case not in sato.http.get("/operator?state=issued").text
    assert case in sato.http.get("/operator?state=nonsense").text


def test_signing_in_gives_a_new_session_and_out_ends_it(app: Flask, issuer: Issuer):
    # Clause [POR-LOGIN-3]: no fixation, no use after sign-out (catalogue I-15).
    hire(issuer, "sato")
    browser = Browser.new(app)
    browser.http.get("/operator/login")
    before = cookie(browser)
    assert browser.sign_in("sato").status_code == 303
    inside = cookie(browser)
    assert inside != before
    assert accounts.find_session(issuer, before) is None
    assert browser.http.get("/operator").status_code == 200
    assert browser.send("/operator", "/operator/logout").status_code == 303
    assert browser.http.get("/operator").status_code == 303
    browser.http.set_cookie("session", inside)
    assert browser.http.get("/operator").status_code == 303


def cookie(browser: Browser) -> str:
    found_cookie = browser.http.get_cookie("session")
    assert found_cookie is not None
    assert (found_cookie.http_only, found_cookie.same_site) == (True, "Strict")
    return found_cookie.value


def test_a_wrong_password_says_nothing_of_why(app: Flask, issuer: Issuer):
    hire(issuer, "sato")
    browser = Browser.new(app)
    known = browser.sign_in("sato", "wrong password 12")
    unknown = browser.sign_in("nobody", "wrong password 12")
    assert known.status_code == unknown.status_code == 403
    assert known.text == unknown.text
    assert "wrong password" not in known.text


def test_an_idle_operator_is_out(app: Flask, clock: TestClock):
    sato = operator(app, "sato")
    clock.move(minutes=14)
    assert sato.http.get("/operator").status_code == 200
    clock.move(minutes=14)
    assert sato.http.get("/operator").status_code == 200
    clock.move(minutes=16)
    assert sato.http.get("/operator").status_code == 303


def test_no_session_lasts_longer_than_a_working_day(app: Flask, clock: TestClock):
    sato = operator(app, "sato")
    for _ in range(47):
        clock.move(minutes=10)
        assert sato.http.get("/operator").status_code == 200
    clock.move(minutes=11)
    assert sato.http.get("/operator").status_code == 303


def test_the_state_of_a_case_is_told(app: Flask):
    case = submitted(app)
    sato = operator(app, "sato")
    assert state(sato.http.get(f"/operator/cases/{case}").text) == "submitted"


def test_a_password_is_kept_as_argon2id(app: Flask, issuer: Issuer):
    # Clause [POR-LOGIN-1].
    hire(issuer, "sato")
    with issuer.db.transaction() as session:
        kept = session.get_one(Operator, "sato").password_hash
    assert kept.startswith("$argon2id$v=19$")
    assert PASSWORD not in kept
    hire(issuer, "ito")
    with issuer.db.transaction() as session:
        assert session.get_one(Operator, "ito").password_hash != kept  # a salt of its own


def test_every_try_counts_and_a_locked_account_answers_like_any_other(
    app: Flask, issuer: Issuer, clock: TestClock
):
    # Clause [POR-LOGIN-2], catalogue I-16.
    hire(issuer, "sato")
    browser = Browser.new(app)
    wrong = [browser.sign_in("sato", f"wrong password {turn}").text for turn in range(10)]
    locked = browser.sign_in("sato")
    assert locked.status_code == 403
    assert {locked.text, browser.sign_in("nobody").text, *wrong} == {wrong[0]}
    clock.move(minutes=15, seconds=1)
    assert Browser.new(app).sign_in("sato").status_code == 303


def test_tries_in_parallel_are_all_counted(app: Flask, issuer: Issuer):
    # Clause [POR-LOGIN-2]: twenty at once have ten tries between them.
    hire(issuer, "sato")

    def attempt(turn: int) -> bool:
        try:
            accounts.sign_in(issuer, name="sato", password=PASSWORD if turn == 19 else "wrong")
        except Rejected:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(attempt, range(19)))
    assert not attempt(19)
