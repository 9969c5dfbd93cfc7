"""Requests are answered once, by whoever wins; results belong to the browser that started.

[TRUST-2] [TRUST-WEB-2]
"""

import threading
from datetime import timedelta

import pytest

from ssi.errors import BindingMismatch, Expired, Rejected, Replayed, Unavailable
from ssi.keys import Alg
from ssi.oid4vp import parse_request_link
from ssi.sharing import verify_countersignature
from tests.support.firm_world import NAME, NOW, Holder, key, make_config, make_ledger, make_world
from verifier_sdk import Verifier, VerifierConfig, profiles
from verifier_sdk.config import ENVIRONMENT


def test_of_fifty_threads_with_one_request_exactly_one_wins(world, holder):
    request = world.ask()
    forms = [holder.answer(world.verifier, request.link) for _ in range(50)]
    told, codes, gate = [], [], threading.Barrier(50)
    world.verifier.on("presentation.verified")(told.append)

    def post(form):
        gate.wait()
        try:
            world.verifier.verify(form)
        except (Replayed, Unavailable) as error:
            codes.append(error.code)

    threads = [threading.Thread(target=post, args=(form,)) for form in forms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert len(codes) == 49
    assert set(codes) <= {"presentation.replayed", "session.busy"}
    assert len(world.verifier.records()) == 1


def test_two_processes_share_one_file_and_one_wins(tmp_path, holder):
    one, two = make_world(tmp_path), make_world(tmp_path)
    request = one.ask()
    forms = [holder.answer(one.verifier, request.link) for _ in range(2)]
    assert two.verifier.verify(forms[0]).reference == "booking-42"
    with pytest.raises(Replayed):
        one.verifier.verify(forms[1])


def test_a_failing_handler_gives_the_request_back(world, holder):
    request = world.ask()
    tries = []

    @world.verifier.on("presentation.verified")
    def fail_once(result):
        tries.append(result.request_id)
        if len(tries) == 1:
            raise KeyError(NAME)

    form = holder.answer(world.verifier, request.link)
    with pytest.raises(Unavailable) as caught:
        world.verifier.verify(form)
    assert caught.value.code == "handler.failed"
    assert NAME not in str(caught.value)
    assert world.verifier.verify(form).claims.name == NAME
    assert tries == [request.id] * 2


def test_every_request_has_its_own_values_and_a_wallet_sees_our_name(world, holder):
    requests = [world.ask() for _ in range(3)]
    seen = [holder.read(world.verifier, request.link) for request in requests]
    assert len({one.request.nonce for one in seen}) == 3
    assert len({one.request.state for one in seen}) == 3
    assert len({one.request.response_key.kid for one in seen}) == 3
    assert {one.client_id.text for one in seen} == {world.verifier.client_id}
    terms = seen[0].request.transaction_data[0].content
    assert (terms.firm, terms.purpose_code) == ("minpaku-one", "minpaku_guest")
    short = parse_request_link(requests[0].short_link.upper().replace("/KYC", "/kyc"))
    assert short.request_uri == requests[0].short_link


def test_a_request_that_is_over_or_answered_is_not_served(world, holder):
    first, second = world.ask(), world.ask()
    world.verifier.verify(holder.answer(world.verifier, first.link))
    with pytest.raises(Replayed):
        world.verifier.request_object(first.id)
    world.at = NOW + timedelta(minutes=5)
    with pytest.raises(Expired):
        world.verifier.request_object(second.id)
    with pytest.raises(Rejected) as caught:
        world.verifier.request_object("NOSUCHREQUEST")
    assert caught.value.code == "session.unknown"
    assert world.verifier.state(second.id).state.value == "expired"


def test_the_key_of_an_answered_or_forgotten_request_is_gone(world, holder):
    first, second = world.ask(), world.ask()
    world.verifier.verify(holder.answer(world.verifier, first.link))
    world.verifier.clean(NOW + timedelta(minutes=6))
    rows = world.verifier.store.rows("SELECT secret, state FROM requests ORDER BY state")
    assert rows == [(None, "expired"), (None, "verified")]
    assert second.id


def test_the_result_is_shown_to_the_browser_that_started_and_came_back(world, holder):
    request = world.ask()
    world.verifier.bind_browser(request.id, "cookie-one")
    world.verifier.bind_browser(request.id, "attacker")  # later ones change nothing
    answered = world.verifier.answer(holder.answer(world.verifier, request.link))
    url = answered.reply.redirect_uri
    code = url.rsplit("=", 1)[1]
    assert url.startswith(f"https://firm.example/kyc/result/{request.id}?response_code=")
    seen = world.verifier.outcome(request.id, response_code=code, browser="cookie-one")
    assert seen.state.value == "verified"
    for response_code, browser, error in (
        ("guess", "cookie-one", "session.response_code"),
        ("", "cookie-one", "session.response_code"),
        (code, "attacker", "session.browser"),
        (code, None, "session.browser"),
    ):
        with pytest.raises(BindingMismatch) as caught:
            world.verifier.outcome(request.id, response_code=response_code, browser=browser)
        assert caught.value.code == error


def test_a_consent_is_countersigned_and_gives_the_first_nonce(world, holder):
    request = world.ask(updates=True)
    asked = holder.read(world.verifier, request.link)
    token = holder.consent(asked, "minpaku-one")
    answered = world.verifier.answer(holder.answer(world.verifier, request.link, consent=token))
    consent = answered.result.consent
    seen = verify_countersignature(
        str(answered.reply.extra["consent_receipt"]),
        consent_token=token,
        verifier_id="minpaku-one",
        record_id=consent.consent.record_id,
        keys={"receipts-1": key("receipts", Alg.EDDSA).public_key},
    )
    assert seen.update_nonce == answered.reply.extra["update_nonce"]
    assert answered.result.relationship.startswith("did:key:z6Mk")
    again = world.ask(updates=True)
    with pytest.raises(Rejected):  # a consent is for one request
        world.verifier.verify(holder.answer(world.verifier, again.link, consent=token))


def test_the_record_of_receipt_names_items_and_holds_no_value(world, holder):
    world.verifier.verify(holder.answer(world.verifier, world.ask().link))
    (record,) = world.verifier.records("booking-42")
    assert record["data_items"] == ["name", "address", "portrait_checked"]
    assert record["retain_until"] == "2029-11-24"
    assert record["basis"] == "person_provided"
    assert "架空" not in str(record)
    assert world.verifier.records("someone-else") == ()


def test_what_is_told_of_a_file_never_holds_personal_data_or_its_key(world, holder, tmp_path):
    world.verifier.verify(holder.answer(world.verifier, world.ask().link))
    world.verifier.store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("firm.db*"))
    assert NAME.encode() not in kept
    assert (tmp_path / "firm.db").stat().st_mode & 0o077 == 0


def test_updates_need_a_mailbox(tmp_path):
    world = make_world(tmp_path, mailbox=None, receipt_key=None, receipt_kid=None)
    with pytest.raises(ValueError, match="mailbox"):
        world.ask(updates=True)


# --- settings ---


def test_settings_come_from_a_file_and_opening_touches_no_network(tmp_path, monkeypatch):
    make_config(tmp_path)
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "firm.toml"))
    config = VerifierConfig.from_env()
    assert (config.verifier_id, config.name.ja) == ("minpaku-one", "民泊ワン")
    assert config.request_life == timedelta(minutes=5)
    assert config.max_age == timedelta(minutes=10)
    assert config.stapled_age == timedelta(hours=24)
    monkeypatch.delenv(ENVIRONMENT)
    with pytest.raises(ValueError, match=ENVIRONMENT):
        Verifier.from_env()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("https://firm.example/kyc", "http://127.0.0.1:1/kyc", "loopback"),
        ('verifier_id = "minpaku-one"', "", "verifier_id"),
        ("nodes = [", "unknown = 1\nnodes = [", "unknown"),
        ('state = "firm.db"', 'state = "firm.db"\npoll = "yes"', "poll"),
        ('receipt_kid = "receipts-1"', "", "receipt_kid"),
    ],
)
def test_a_wrong_setting_is_named_at_the_start(tmp_path, old, new, named):
    make_config(tmp_path)
    file = tmp_path / "firm.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=named):
        VerifierConfig.load(file)


def test_a_key_that_is_not_the_certificates_is_refused(tmp_path):
    config = make_config(tmp_path)
    config.key.write_text("A" * 42 + "E")
    with pytest.raises(ValueError, match="certificate"):
        Verifier(config, registry=make_ledger())


def test_there_is_no_such_event(world):
    with pytest.raises(ValueError, match="no event"):
        world.verifier.on("address.update")


def test_another_holder_is_another_relationship(world):
    seen = set()
    for _ in range(2):
        request = world.ask(profiles.AGE_OVER_18, updates=True)
        form = Holder().answer(world.verifier, request.link, consent=True)
        seen.add(world.verifier.verify(form).relationship)
    assert len(seen) == 2
