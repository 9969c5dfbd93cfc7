"""The firm's endpoints and pages, through Flask [TRUST-WEB-1] [TRUST-WEB-2]."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from flask import Flask

from ssi.oid4vp import REQUEST_MEDIA_TYPE, AuthorizationError, build_error_response
from tests.support.firm_world import NAME, NOW
from verifier_sdk.flask import COOKIE, FORM_TYPE, MAX_BODY, blueprint


@pytest.fixture
def app(world):
    app = Flask("firm")
    app.register_blueprint(blueprint(world.verifier), url_prefix="/kyc")
    return app


@pytest.fixture
def browser(app):
    return app.test_client()


def path(url):
    parts = urlsplit(url)
    return parts.path + ("?" + parts.query if parts.query else "")


def post(browser, form, **options):
    return browser.post("/kyc/response", data=form, content_type=FORM_TYPE, **options)


def test_a_person_is_shown_who_asks_what_for_and_how(world, browser):
    request = world.ask()
    for lang, firm, purpose in (("ja", "民泊ワン", "宿泊者名簿"), ("en", "Minpaku One", "Guest")):
        page = browser.get(path(request.page_url) + f"?lang={lang}")
        text = page.get_data(as_text=True)
        assert page.status_code == 200
        assert firm in text
        assert purpose in text
        assert f'lang="{lang}"' in text
        link = re.search(r'<a id="wallet-link" href="([^"]+)"', text)[1].replace("&amp;", "&")
        assert link == request.link
        assert link.startswith("openid4vp://?")
        assert "<svg" in text
        assert "<script" not in text
    assert page.headers["Cache-Control"] == "no-store"
    assert "script-src" not in page.headers["Content-Security-Policy"]


def test_the_whole_way_of_one_browser(world, browser, app, holder):
    request = world.ask()
    browser.get(path(request.page_url))
    reply = post(app.test_client(), holder.answer(world.verifier, request.link))
    assert reply.status_code == 200
    assert reply.headers["Cache-Control"] == "no-store"
    back = path(reply.get_json()["redirect_uri"])
    shown = browser.get(back + "&lang=en")
    assert shown.status_code == 200
    assert 'data-state="verified"' in shown.get_data(as_text=True)
    assert NAME not in shown.get_data(as_text=True)
    stranger = app.test_client().get(back)
    assert stranger.status_code == 400
    assert 'data-state="refused"' in stranger.get_data(as_text=True)
    assert browser.get(path(f"/kyc/result/{request.id}")).status_code == 400
    again = browser.get(path(request.page_url)).get_data(as_text=True)
    assert 'data-state="verified"' in again


def test_a_wallet_that_lost_the_reply_gets_the_receipt_again_and_nothing_else(
    world, browser, holder
):
    """[TRUST-2]"""
    told = []
    world.verifier.on("presentation.verified")(told.append)
    form = holder.answer(world.verifier, world.ask(updates=True).link, consent=True)
    first, again = (post(browser, form).get_json() for _ in range(2))
    assert again == {"consent_receipt": first["consent_receipt"]}
    assert len(told) == len(world.verifier.records()) == 1
    assert post(browser, form + b"&x=1").status_code == 409


def test_the_cookie_is_for_http_only_and_for_our_path(world, browser):
    page = browser.get(path(world.ask().page_url))
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/kyc"):
        assert part in cookie


def test_a_wallet_fetches_by_get_post_and_short_link(world, browser):
    request = world.ask()
    wallet = {"Accept": REQUEST_MEDIA_TYPE}
    short = path(request.short_link)
    for answer in (
        browser.get(f"/kyc/r/{request.id}", headers=wallet),
        browser.post(f"/kyc/r/{request.id}", data=b"wallet_nonce=abc", content_type=FORM_TYPE),
        browser.get(short, headers=wallet),
        browser.post(short, data=b"", content_type=FORM_TYPE),
    ):
        assert answer.status_code == 200
        assert answer.mimetype == REQUEST_MEDIA_TYPE
        assert answer.get_data(as_text=True).count(".") == 2
    assert "wallet-link" in browser.get(short).get_data(as_text=True)


def test_a_body_beyond_its_bound_is_not_read(world, browser):
    big = post(browser, b"response=" + b"A" * MAX_BODY)
    assert (big.status_code, big.get_json()["error"]) == (413, "http.too_large")
    lying = browser.post(
        "/kyc/updates", data=b"a" * 131073, content_type="application/secevent+jwt"
    )
    assert lying.status_code == 413


def test_another_content_type_is_refused(world, browser):
    for url in ("/kyc/response", "/kyc/updates"):
        answer = browser.post(url, data=b"{}", content_type="application/json")
        assert (answer.status_code, answer.get_json()["error"]) == (415, "http.content_type")


def test_errors_are_json_with_a_code_and_ascii(world, browser, holder):
    request = world.ask()
    form = holder.answer(world.verifier, request.link, nonce="x" * 32)
    for answer, status, code in (
        (post(browser, form), 400, "kb.nonce"),
        (post(browser, form), 409, "presentation.replayed"),
        (post(browser, b"response=x"), 400, "jwe.malformed"),
        (browser.get("/kyc/r/NOSUCH"), 400, "session.unknown"),
    ):
        body = answer.get_json()
        assert (answer.status_code, body["error"]) == (status, code)
        assert body["error_description"].isascii()
        assert NAME not in answer.get_data(as_text=True)


def test_no_verdict_is_503_with_a_time_to_come_back(world, browser, holder):
    form = holder.answer(world.verifier, world.ask().link)
    world.ledger.online = False
    answer = post(browser, form)
    assert (answer.status_code, answer.get_json()["error"]) == (503, "fetch.failed")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_refusal_is_taken_and_shown(world, browser, holder):
    request = world.ask()
    asked = holder.read(world.verifier, request.link)
    form = build_error_response(asked.request.state, AuthorizationError.ACCESS_DENIED)
    answer = post(browser, form)
    assert (answer.status_code, answer.get_json()) == (200, {})
    assert 'data-state="declined"' in browser.get(path(request.page_url)).get_data(as_text=True)


def test_a_page_that_is_over_or_never_was(world, browser):
    request = world.ask()
    world.at = NOW + timedelta(minutes=6)
    assert 'data-state="expired"' in browser.get(path(request.page_url)).get_data(as_text=True)
    unknown = browser.get("/kyc/p/NOSUCH")
    assert unknown.status_code == 404
    assert "共有されていません" in unknown.get_data(as_text=True)


def test_health(browser):
    assert browser.get("/kyc/health").get_json() == {"status": "ok"}


def test_a_bad_envelope_is_answered_as_rfc_8935_says(browser):
    answer = browser.post("/kyc/updates", data=b"a.b.c", content_type="application/secevent+jwt")
    assert answer.status_code == 400
    assert answer.get_json()["err"] == "invalid_request"
