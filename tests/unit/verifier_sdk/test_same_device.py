"""One device: the identity goes to the browser that asked for it, and to no other [TRUST-WEB-3]."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from ssi.errors import BindingMismatch, Replayed, Unavailable
from ssi.status_list import INVALID, new_status_list
from tests.support.firm_world import NAME, NOW, Holder, make_world, publish
from verifier_sdk.flask import COOKIE, FORM_TYPE, blueprint
from verifier_sdk.ports import RequestState


@pytest.fixture
def told(world):
    events = []
    world.verifier.on("presentation.verified")(events.append)
    return events


@pytest.fixture
def app(world):
    app = Flask("firm")
    app.register_blueprint(blueprint(world.verifier), url_prefix="/kyc")
    return app


def path(url):
    parts = urlsplit(url)
    return parts.path + ("?" + parts.query if parts.query else "")


def post(browser, form):
    return browser.post("/kyc/response", data=form, content_type=FORM_TYPE)


def answered(world, app, browser, **options):
    """A browser opens the page, a wallet on the same device answers; where the wallet leads to."""
    request = world.ask(same_device=True, **options)
    page = browser.get(path(request.page_url)).get_data(as_text=True)
    assert 'id="qr"' not in page
    assert 'id="wallet-link"' in page
    form = Holder().answer(world.verifier, request.link, consent=options.get("updates", False))
    reply = post(app.test_client(), form)
    assert reply.status_code == 200
    return request, form, reply.get_json()


def test_the_browser_that_comes_back_finishes_it(world, app, told):
    """[TRUST-WEB-3]"""
    browser = app.test_client()
    request, form, reply = answered(world, app, browser)
    assert not told
    assert not world.verifier.records()
    assert world.verifier.state(request.id).state is RequestState.HELD
    assert 'data-state="held"' in browser.get(path(request.page_url)).get_data(as_text=True)
    with pytest.raises(Replayed):
        world.verifier.verify(form)
    back = path(reply["redirect_uri"])
    shown = browser.get(back).get_data(as_text=True)
    assert 'data-state="verified"' in shown
    assert NAME not in shown
    assert [event.claims.name for event in told] == [NAME]
    assert len(world.verifier.records()) == 1
    assert 'data-state="verified"' in browser.get(back).get_data(as_text=True)
    assert len(told) == 1
    assert world.verifier.store.rows("SELECT form FROM same_device") == [(None,)]


def test_who_let_another_answer_gets_nothing(world, app, told):
    """[TRUST-WEB-3] Session fixation: the page is mine, the wallet is yours."""
    thief, victim = app.test_client(), app.test_client()
    request, _, reply = answered(world, app, thief, updates=True)
    code = parse_qs(urlsplit(reply["redirect_uri"]).query)["response_code"][0]
    assert victim.get(path(reply["redirect_uri"])).status_code == 400  # no cookie of the thief's
    assert thief.get(f"/kyc/result/{request.id}").status_code == 400  # no code
    assert thief.get(f"/kyc/result/{request.id}?response_code=guess").status_code == 400
    mixed = app.test_client()
    mixed.set_cookie(COOKIE, "another", path="/kyc")
    assert mixed.get(f"/kyc/result/{request.id}?response_code={code}").status_code == 400
    assert not told
    assert world.verifier.consents() == ()
    assert world.verifier.records() == ()


def test_a_page_that_nobody_opened_has_no_browser_to_come_back_to(world):
    """[TRUST-WEB-3] The link alone, without the page."""
    request = world.ask(same_device=True)
    reply = world.verifier.answer(Holder().answer(world.verifier, request.link)).reply
    code = parse_qs(urlsplit(reply.redirect_uri).query)["response_code"][0]
    for browser in (None, "anything"):
        with pytest.raises(BindingMismatch) as caught:
            world.verifier.outcome(request.id, response_code=code, browser=browser)
        assert caught.value.code == "session.browser"


def test_the_consent_is_kept_with_what_the_wallet_was_told(world, app, told):
    """[TRUST-WEB-3]"""
    browser = app.test_client()
    _, _, reply = answered(world, app, browser, updates=True)
    assert {"consent_receipt", "update_nonce"} <= reply.keys()
    assert world.verifier.consents() == ()
    browser.get(path(reply["redirect_uri"]))
    (consent,) = world.verifier.consents("booking-42")
    rows = world.verifier.store.rows("SELECT countersignature FROM consents")
    assert rows == [(reply["consent_receipt"],)]
    assert consent.stands(NOW)


def test_what_became_bad_meanwhile_is_rejected(world, app, told):
    """[TRUST-WEB-3] Judged again when the browser is back."""
    rejected = []
    world.verifier.on("presentation.rejected")(rejected.append)
    browser = app.test_client()
    request, _, reply = answered(world, app, browser)
    publish(world.ledger, new_status_list(1024, bits=2).with_status(7, INVALID), sequence=2)
    shown = browser.get(path(reply["redirect_uri"])).get_data(as_text=True)
    assert 'data-state="rejected"' in shown
    assert [event.code for event in rejected] == ["credential.revoked"]
    assert not told
    assert world.verifier.state(request.id).code == "credential.revoked"


def test_a_browser_that_comes_too_late(world, app, told):
    """[TRUST-WEB-3]"""
    browser = app.test_client()
    request, _, reply = answered(world, app, browser)
    world.at = NOW + timedelta(minutes=6)
    assert 'data-state="expired"' in browser.get(path(reply["redirect_uri"])).get_data(as_text=True)
    world.verifier.clean()
    assert world.verifier.state(request.id).state is RequestState.EXPIRED
    assert world.verifier.store.rows("SELECT form FROM same_device") == [(None,)]
    assert not told


def test_a_handler_that_fails_is_called_again_when_the_page_is(world, app):
    """[TRUST-WEB-3] [TRUST-EV-1]"""
    calls = []

    @world.verifier.on("presentation.verified")
    def fail_once(result):
        calls.append(result.request_id)
        if len(calls) == 1:
            raise OSError

    browser = app.test_client()
    _, _, reply = answered(world, app, browser)
    first = browser.get(path(reply["redirect_uri"]))
    assert first.status_code == 503
    assert 'http-equiv="refresh"' in first.get_data(as_text=True)
    assert 'data-state="verified"' in browser.get(path(reply["redirect_uri"])).get_data(
        as_text=True
    )
    assert len(calls) == 2


def test_a_firm_may_want_it_always(tmp_path):
    """[TRUST-WEB-3]"""
    world = make_world(tmp_path, same_device=True)
    with pytest.raises(Unavailable) as caught:
        world.verifier.verify(Holder().answer(world.verifier, world.ask().link))
    assert caught.value.code == "session.held"
    one = world.ask(same_device=False)
    assert world.verifier.verify(Holder().answer(world.verifier, one.link)).claims.name == NAME


def test_the_answer_lies_sealed(world, app):
    """[TRUST-WEB-3] No claim is readable in the file before the browser is back."""
    request, _, _ = answered(world, app, app.test_client())
    folder = world.verifier.config.state.parent
    kept = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    assert NAME.encode() not in kept
    assert world.verifier.state(request.id).state is RequestState.HELD
