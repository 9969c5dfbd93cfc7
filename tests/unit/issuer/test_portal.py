"""The residents' pages."""

from __future__ import annotations

import io
import json
import logging

import pytest
from flask import Flask
from sqlalchemy import func, select

from issuer import accounts, portal
from issuer.app import create_app
from issuer.context import Issuer, hashed
from issuer.document_numbers import is_licence_number, is_my_number
from issuer.models import Application, AuditEntry, Image
from ssi.oid4vci import parse_offer_link
from tests.support.chain import TestClock
from tests.support.issuer_world import keys, picture, wallet
from tests.support.portal_pages import (
    ANSWERS,
    HARD,
    MOVE,
    MY_NUMBER,
    Browser,
    code,
    found,
    id_of,
    operator,
    problems,
    state,
)
from tests.support.vectors import vectors_dir


@pytest.fixture
def app(issuer: Issuer) -> Flask:
    return create_app(issuer)


@pytest.fixture
def resident(app: Flask) -> Browser:
    return Browser.new(app)


def count(issuer: Issuer, table: type[Application | Image | AuditEntry]) -> int:
    with issuer.db.transaction() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def stored(issuer: Issuer, application: str) -> Application:
    with issuer.db.transaction() as session:
        row = session.get_one(Application, application)
        session.expunge_all()
        return row


def issued(app: Flask, issuer: Issuer, resident: Browser, page: str) -> None:
    """Bring an application to a wallet."""
    operator(app, "sato").decide(id_of(page), "approve")
    number = operator(app, "suzuki").decide(id_of(page), "issue").text
    offer = parse_offer_link(link_of(resident, page)).offer
    assert offer is not None
    made = wallet(issuer)
    assert offer.pre_authorized is not None
    told = made.redeem(
        offer.pre_authorized.pre_authorized_code, found(r'id="tx-code">(\d{6})<', number)
    )
    made.token = str(told.json["access_token"])
    for configuration in offer.configuration_ids:
        answer = made.ask(configuration, made.proofs(keys(1)))
        assert made.notify(answer.json["notification_id"]).status_code == 204


def link_of(resident: Browser, page: str) -> str:
    return found(r'id="offer-link" href="([^"]+)"', resident.http.get(page).text)


def test_an_application_is_kept_to_the_code_point(issuer: Issuer, resident: Browser):
    # Clause [POR-CHECK-4].
    page = resident.applied()
    data = json.loads(stored(issuer, id_of(page)).data)
    assert {name: data[name] for name in HARD} == HARD
    assert data["formatted"] == "東京都" + HARD["locality"] + HARD["street_address"]
    assert data["postal_code"] == "1250042"
    assert data["licence_classes"] == ["futsu", "gentsuki"]
    assert set(data) == {*ANSWERS, "formatted"} - {"consent"}
    assert state(resident.http.get(page).text) == "submitted"


def test_the_way_of_a_resident(app: Flask, issuer: Issuer, resident: Browser):
    page = resident.applied()
    issued(app, issuer, resident, page)
    text = resident.http.get(page).text
    assert state(text) == "issued"
    answer = resident.move(page)
    assert answer.status_code == 303, problems(answer)
    moved = answer.headers["Location"]
    assert moved != page
    row = stored(issuer, id_of(moved))
    data = json.loads(row.data)
    assert (row.kind, row.previous, row.state) == ("move", id_of(page), "submitted")
    assert {name: data[name] for name in MOVE} == MOVE
    assert data["family_name"] == HARD["family_name"]
    assert data["licence_number"] == ANSWERS["licence_number"]
    assert f'id="follower" href="{moved}"' in resident.http.get(page).text
    case = operator(app, "sato").http.get(f"/operator/cases/{id_of(moved)}").text
    assert 'class="changed" data-field="locality"' in case
    assert 'class="changed" data-field="family_name"' not in case


def test_a_second_move_waits_for_the_first(app: Flask, issuer: Issuer, resident: Browser):
    page = resident.applied()
    issued(app, issuer, resident, page)
    token = resident.token(f"{page}/move")
    assert resident.move(page).status_code == 303
    again = {"csrf": token, **MOVE, "evidence_photo": (io.BytesIO(picture()), "a.png")}
    assert code(resident.http.post(f"{page}/move", data=again)) == "portal.step"
    assert count(issuer, Application) == 2


def test_a_move_needs_something_issued(resident: Browser):
    page = resident.applied()
    answer = resident.http.get(f"{page}/move")
    assert (answer.status_code, code(answer)) == (403, "portal.step")


def test_an_applicant_takes_an_application_back(issuer: Issuer, resident: Browser):
    page = resident.applied()
    assert resident.send(page, f"{page}/withdraw").status_code == 303
    assert state(resident.http.get(page).text) == "withdrawn"
    again = {"csrf": resident.token("/apply")}
    assert code(resident.http.post(f"{page}/withdraw", data=again)) == "portal.step"
    assert stored(issuer, id_of(page)).decided_at is not None


@pytest.mark.parametrize("field", sorted({*ANSWERS} - {"consent"}))
def test_a_my_number_in_any_field_is_refused_unseen(
    field: str, issuer: Issuer, resident: Browser, caplog: pytest.LogCaptureFixture
):
    # Clause [POR-CHECK-2].
    caplog.set_level(logging.DEBUG)
    before = count(issuer, AuditEntry)
    written = "１２３４ 5678-9018"
    value = [written] if field in {"licence_classes", "licence_conditions"} else f"{written}"
    answer = resident.apply(**{field: value})
    assert answer.status_code == 422
    assert field in answer.text
    assert count(issuer, Application) == count(issuer, Image) == 0
    assert count(issuer, AuditEntry) == before
    for text in (answer.text, caplog.text):
        assert written not in text
        assert MY_NUMBER not in text


def test_a_my_number_in_a_file_name_is_refused(issuer: Issuer, resident: Browser):
    answer = resident.apply(licence_photo=(io.BytesIO(picture()), f"{MY_NUMBER}.png"))
    assert problems(answer) == {"licence_photo": "looks_like_my_number"}
    assert count(issuer, Image) == 0


def test_a_number_that_may_be_either_needs_the_residents_word(resident: Browser):
    # Clause [POR-CHECK-3]: both check digits fit this number.
    both = either()
    answer = resident.apply(licence_number=both)
    assert problems(answer) == {"licence_number": "confirm_number"}
    assert both not in answer.text
    assert resident.apply(licence_number=both, number_is_licence="yes").status_code == 303


def either() -> str:
    numbers = (f"3025{serial:08d}" for serial in range(10**6))
    return next(n for n in numbers if is_licence_number(n) and is_my_number(n))


def test_what_was_typed_comes_back_with_the_problem(resident: Browser):
    """[POR-CHECK-1]"""
    answer = resident.apply(name_kana="たかさき", licence_expiry="2020-01-01", consent=None)
    assert problems(answer) == {
        "name_kana": "not_kana",
        "licence_expiry": "expired",
        "consent": "required",
    }
    assert answer.status_code == 422
    for text in (*HARD.values(), "たかさき", 'value="at_only" checked'):
        assert text in answer.text
    assert 'aria-describedby="name_kana-problem name_kana-hint"' in answer.text


def test_a_text_given_twice_is_no_answer(resident: Browser):
    answer = resident.apply(family_name=["髙﨑", "山田"])
    assert problems(answer) == {"family_name": "required"}


def test_a_picture_is_required_and_judged(issuer: Issuer, resident: Browser):
    assert problems(resident.apply(licence_photo=None)) == {"licence_photo": "required"}
    empty = (io.BytesIO(b""), "")
    assert problems(resident.apply(licence_photo=empty)) == {"licence_photo": "upload.rejected"}
    script = (io.BytesIO(b"<svg onload=alert(1)>"), "x.png")
    assert problems(resident.apply(licence_photo=script)) == {"licence_photo": "upload.rejected"}
    assert count(issuer, Image) == 0


def test_file_names_go_nowhere(issuer: Issuer, resident: Browser):
    names = json.loads((vectors_dir("upload_images") / "expect.json").read_text("utf-8"))["names"]
    whole = [name for name in names if "\r\n" not in name]
    for name in whole:
        page = resident.applied(licence_photo=(io.BytesIO(picture()), name))
        assert name not in resident.http.get(page).text
    assert count(issuer, Image) == len(whole) == len(names) - 1


def test_a_file_name_that_breaks_its_line_is_no_file(issuer: Issuer, resident: Browser):
    answer = resident.apply(licence_photo=(io.BytesIO(picture()), "x.png\r\nSet-Cookie: a=b"))
    assert problems(answer) == {"licence_photo": "required"}
    assert "Set-Cookie: a=b" not in str(answer.headers)


def test_one_resident_does_not_see_anothers_application(app: Flask, resident: Browser):
    # Clause [POR-OWN-1].
    page = resident.applied()
    other = Browser.new(app)
    other.applied()
    token = other.token("/apply")
    for target in (page, f"{page}/move", "/applications/nobody"):
        assert code(other.http.get(target)) == "portal.not_found"
        assert other.http.get(target).status_code == 404
    for act in ("withdraw", "move"):
        assert other.http.post(f"{page}/{act}", data={"csrf": token}).status_code == 404
    assert state(resident.http.get(page).text) == "submitted"


def test_the_applicants_cookie_is_hashed_at_rest(issuer: Issuer, resident: Browser):
    page = resident.applied()
    cookie = resident.http.get_cookie("applicant")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site) == (True, "Strict")
    assert stored(issuer, id_of(page)).secret_hash == hashed(cookie.value)
    assert cookie.value not in page


def test_an_offer_that_ran_out_is_not_shown(app: Flask, resident: Browser, clock: TestClock):
    page = resident.applied()
    operator(app, "sato").decide(id_of(page), "approve")
    operator(app, "suzuki").decide(id_of(page), "issue")
    assert "<svg" in resident.http.get(page).text
    clock.move(seconds=301)
    text = resident.http.get(page).text
    assert "offer-over" in text
    assert "openid-credential-offer" not in text


def test_pictures_go_when_their_time_is_over(issuer: Issuer, resident: Browser, clock: TestClock):
    # Clause [POR-KEEP-1].
    waiting = resident.applied()
    done = resident.applied()
    resident.send(done, f"{done}/withdraw")
    clock.move(days=29)
    assert portal.purge(issuer) == 0
    clock.move(days=1)
    assert portal.purge(issuer) == 1
    assert portal.purge(issuer) == 0
    with issuer.db.transaction() as session:
        kept = {image.application_id for image in session.scalars(select(Image)) if image.content}
    assert kept == {id_of(waiting)}


def test_the_language_is_asked_for_or_preferred(resident: Browser):
    assert 'lang="ja"' in resident.http.get("/").text
    english = {"Accept-Language": "en-GB,en"}
    assert "Prove who you are once" in resident.http.get("/", headers=english).text
    assert "Prove who you are once" in resident.http.get("/?lang=en").text
    assert "Family name" in resident.http.get("/apply").text
    assert "本人確認は" in resident.http.get("/?lang=ja", headers=english).text


def test_forms_outlive_a_long_search_for_papers(resident: Browser, clock: TestClock):
    token = resident.token("/apply")
    clock.move(seconds=accounts.IDLE_SECONDS + 60)
    photo = (io.BytesIO(picture()), "front.png")
    fields = {"csrf": token, **ANSWERS, "licence_photo": photo}
    assert resident.http.post("/apply", data=fields).status_code == 303
