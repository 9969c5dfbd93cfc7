from dataclasses import replace
from datetime import timedelta

import pytest

from registry_chain.light import inflate_bundle, parse_bundle
from registry_chain.transactions import SuspendVerifier
from ssi.errors import NotYetValid, Rejected, Untrusted
from tests.support.wallet_cast import BOX, FIRM, NEW_ADDRESS
from tests.support.wallet_firm import FirmSim
from wallet.consents import Problem, consent_length
from wallet.history import Did
from wallet.moves import JST
from wallet.presenting import Shared


def test_a_plan_shows_the_registered_firm_the_terms_and_the_values(supplied, world):
    """[WAL-SHOW-4] [WAL-TRUST-1]"""
    plan = supplied.review(world.minpaku.ask("name", "address"))
    assert plan.can_answer
    assert plan.firm.names.ja == "minpaku-one 株式会社"
    assert plan.firm.corporate_number == "7000012050002"
    assert plan.terms.purpose_code == "minpaku_guest"
    assert [item.path[-1] for item in plan.items] == ["name", "address"]
    assert plan.items[0].value == "葛\U000e0100城 太郎"
    assert "葛" not in repr(plan)
    assert world.minpaku.presented == []


def test_exactly_the_shown_claims_arrive(supplied, world):
    plan = supplied.review(world.minpaku.ask("age_over_18"))
    outcome = supplied.answer(plan)
    assert outcome.state is Shared.ACCEPTED
    assert outcome.redirect_uri == f"{FIRM}/done?response_code=abc"
    (got,) = world.minpaku.presented
    assert got.claims == {"age_over_18": True}
    assert "consent" not in got.extra
    assert set(got.extra) == {"registry_proof"}


def test_the_stapled_proof_names_nothing_that_two_firms_could_join_on(supplied, world):
    """[WAL-ONCE-4]: a batch is one holder's, so its anchor would tell firms who is who."""
    supplied.answer(supplied.review(world.minpaku.ask("age_over_18")))
    (got,) = world.minpaku.presented
    bundle = parse_bundle(inflate_bundle(got.extra["registry_proof"]))
    families = {one.key.partition("/")[0] for one in bundle.records.records}
    assert families == {"issuer", "key", "status"}
    assert bundle.items == ()


def test_over_asking_is_found_and_nothing_can_be_sent(supplied, world):  # [WAL-SHOW-5]
    plan = supplied.review(world.minpaku.ask("name", "birthdate"))
    assert plan.problems == (Problem.OVER_ASKING,)
    assert [path[-1] for path in plan.over_asked] == ["birthdate"]
    with pytest.raises(Rejected) as caught:
        supplied.answer(plan)
    assert caught.value.code == "request.over_asking"
    assert world.minpaku.presented == []


@pytest.mark.parametrize(
    "change",
    [
        lambda t: replace(t, purpose_code="other_purpose"),
        lambda t: replace(t, purpose=replace(t.purpose, ja="別の目的")),
        lambda t: replace(t, retention=replace(t.retention, period="P30Y")),
        lambda t: replace(t, firm="car-two"),
        lambda t: replace(t, claims=()),
        lambda t: replace(t, legal_basis="none"),
    ],
)
def test_other_terms_than_the_registered_ones_cannot_be_answered(supplied, world, change):
    plan = supplied.review(world.minpaku.ask("name", terms=change))
    assert Problem.OTHER_TERMS in plan.problems
    with pytest.raises(Rejected):
        supplied.answer(plan)


def test_a_firm_that_is_not_registered_gets_nothing_not_even_a_refusal(supplied, world):
    stranger = FirmSim(world, "minpaku-two", "7000012050002", "box-x")
    world.firms["minpaku-two"] = stranger
    plan = supplied.review(stranger.ask("name"))
    assert plan.firm is None
    assert Problem.NOT_REGISTERED in plan.problems
    supplied.decline(plan)
    with pytest.raises(Rejected) as caught:
        supplied.answer(plan)
    assert caught.value.code == "request.not_registered"
    assert stranger.presented == []
    assert stranger.refusals == []


def test_a_suspended_firm_is_not_trusted(own_world, tmp_path):
    own_world.decide(SuspendVerifier(verifier="minpaku-one", reason="complaints"))
    with own_world.holder(tmp_path / "w") as holder, pytest.raises(Untrusted) as caught:
        holder.review(own_world.minpaku.ask("name"))
    assert caught.value.code == "request.firm_suspended"


def test_a_request_of_another_sender_is_refused(supplied, world):
    link = world.minpaku.ask("name")
    world.minpaku.pki = replace(world.minpaku.pki, leaf=world.car.pki.leaf)
    with pytest.raises(Rejected):
        supplied.review(link)


def test_an_expired_plan_is_not_answered(supplied, world):
    plan = supplied.review(world.minpaku.ask("name"))
    world.clock.ahead = timedelta(minutes=6)
    with pytest.raises(Rejected) as caught:
        supplied.answer(plan)
    assert caught.value.code == "request.expired"
    assert world.minpaku.presented == []


def test_a_certificate_from_the_future_is_refused(supplied, world):
    link = world.minpaku.ask("name")
    world.clock.ahead = timedelta(days=-2)
    with pytest.raises((NotYetValid, Rejected)):
        supplied.review(link)


def test_declining_tells_no_more_than_that(supplied, holder, world):
    supplied.decline(supplied.review(world.minpaku.ask("name")))
    assert world.minpaku.refusals == ["access_denied"]
    assert supplied.history()[0].outcome == "declined"


def test_an_empty_wallet_says_what_is_missing(holder, world):
    plan = holder.review(world.minpaku.ask("name"))
    assert plan.problems == (Problem.NO_CREDENTIAL,)
    assert not plan.can_answer
    holder.decline(plan)
    assert world.minpaku.refusals == ["access_denied"]


# --- one-time copies ---


def shown_tokens(firm):
    return [got.tokens["kyc"][0].split("~")[0] for got in firm.presented]


def test_every_presentation_uses_a_fresh_copy_and_the_last_is_kept_for_its_firm(supplied, world):
    for _ in range(4):  # [WAL-ONCE-1]
        supplied.answer(supplied.review(world.minpaku.ask("name")))
    assert len(set(shown_tokens(world.minpaku))) == 4
    supplied.answer(supplied.review(world.car.ask("name", terms=lambda t: t)))
    with_last = shown_tokens(world.car)
    assert not set(with_last) & set(shown_tokens(world.minpaku))
    supplied.answer(supplied.review(world.minpaku.ask("name")))
    assert shown_tokens(world.minpaku)[-1] in shown_tokens(world.minpaku)[:-1]
    supplied.answer(supplied.review(world.car.ask("name")))
    assert shown_tokens(world.car)[-1] == with_last[0]


def test_a_third_firm_is_told_to_wait_for_new_copies(supplied, world):
    for _ in range(5):
        supplied.answer(supplied.review(world.minpaku.ask("name")))
    for firm in (world.minpaku,):
        assert supplied.review(firm.ask("name")).can_answer
    supplied._ctx.vault.write("UPDATE credentials SET used_by = 'minpaku-one', used_at = 1")
    plan = supplied.review(world.car.ask("name"))
    assert plan.problems == (Problem.USED_UP,)
    supplied.accept_offer(world.issuer.offer(), "123456")
    assert supplied.review(world.car.ask("name")).can_answer


def test_two_plans_of_two_firms_never_share_a_copy(supplied, world):
    """[WAL-ONCE-3]"""
    supplied._ctx.vault.write(
        "DELETE FROM credentials WHERE id NOT IN (SELECT id FROM credentials LIMIT 1)"
    )
    first = supplied.review(world.minpaku.ask("name"))
    second = supplied.review(world.car.ask("name"))
    supplied.answer(first)
    with pytest.raises(Rejected.__mro__[1]) as caught:
        supplied.answer(second)
    assert caught.value.code == "credential.used_up"
    assert world.car.presented == []


# --- after the data left ---


def test_a_broken_line_is_told_as_unknown_and_logged(supplied, world):
    """[WAL-ERR-1]"""
    plan = supplied.review(world.minpaku.ask("name"))
    world.down.add(f"{FIRM}/minpaku-one/response")
    outcome = supplied.answer(plan)
    assert outcome.state is Shared.UNKNOWN
    assert supplied.history()[0].outcome == "unknown"


def test_a_refusal_after_sharing_is_told_as_such(supplied, world):
    world.minpaku.status = 400
    outcome = supplied.answer(supplied.review(world.minpaku.ask("name")))
    assert (outcome.state, outcome.code) == (Shared.REFUSED, "presentation.refused")


def test_the_history_holds_no_value(supplied, world):  # [WAL-HIST-1]
    supplied.answer(supplied.review(world.minpaku.ask("name", "address")), accept_updates=True)
    logged = str(supplied._ctx.vault.read("SELECT * FROM history"))
    for value in ("葛", "カツラギ", "霞が関", "1990"):
        assert value not in logged


# --- consent ---


def test_agreeing_to_updates_makes_a_countersigned_consent_on_its_way_to_the_chain(supplied, world):
    supplied.answer(supplied.review(world.minpaku.ask("address")), accept_updates=True)
    (consent,) = supplied.consents()  # [WAL-CON-2]
    assert (consent.state, consent.ledger, consent.updates) == ("given", "queued", True)
    (item,) = world.mailbox.consents
    assert item["commitment"] == consent.commitment


def test_that_a_consent_stands_is_a_line_of_the_history(supplied, world):  # [WAL-CON-2]
    world.minpaku.countersign = False
    supplied.answer(supplied.review(world.minpaku.ask("name")), accept_updates=True)
    assert Did.CONSENTED not in {entry.kind for entry in supplied.history()}
    world.minpaku.countersign = True
    supplied.answer(supplied.review(world.minpaku.ask("name")), accept_updates=True)
    (line,) = [entry for entry in supplied.history() if entry.kind is Did.CONSENTED]
    assert line.party == "minpaku-one"
    assert line.details["purpose"] == "minpaku_guest"
    given = [consent.record_id for consent in supplied.consents() if consent.state == "given"]
    assert given == [line.details["record_id"]]


def test_a_consent_is_in_the_vault_before_the_firm_hears_of_it(supplied, world):
    """[WAL-CON-1]"""
    seen, handle = [], world.minpaku.handle

    def watching(request):
        if request.url.endswith("/response") or "/response/" in request.url:
            seen.append([item.verifier_id for item in supplied.consents()])
        return handle(request)

    world.minpaku.handle = watching
    supplied.answer(supplied.review(world.minpaku.ask("address")), accept_updates=True)
    assert seen == [["minpaku-one"]]


@pytest.mark.parametrize(("period", "days"), [("P30D", 30), ("P3Y", 3 * 365), ("P80Y", 10 * 365)])
def test_a_consent_ends_when_the_firm_stops_keeping_the_data(period, days):
    """[WAL-CON-4]"""
    assert abs(consent_length(period) - timedelta(days=days)) <= timedelta(days=4)


def test_no_update_follows_a_consent_that_ended(own_world, tmp_path):
    """[WAL-CON-4]"""
    with own_world.holder(tmp_path / "w") as holder:
        holder.accept_offer(own_world.issuer.offer(), "123456")
        holder.answer(holder.review(own_world.minpaku.ask("address")), accept_updates=True)
        (consent,) = holder.consents()
        assert consent.live(own_world.clock())
        own_world.clock.ahead += consent.until - own_world.clock()
        holder.move(NEW_ADDRESS.to_json(), own_world.clock().astimezone(JST).date())
        assert holder.deliveries() == ()
        assert holder.send_due() == ()


def test_without_the_tick_there_is_no_consent_and_no_relation(supplied, world):
    supplied.answer(supplied.review(world.minpaku.ask("address")))
    assert supplied.consents() == ()
    assert world.mailbox.tokens == {}


def test_a_firm_that_does_not_countersign_gets_no_updates(supplied, world):
    world.minpaku.countersign = False
    outcome = supplied.answer(supplied.review(world.minpaku.ask("address")), accept_updates=True)
    assert outcome.code == "consent.countersignature"
    (consent,) = supplied.consents()
    assert consent.state == "unconfirmed"
    assert world.mailbox.consents == []
    assert supplied.status().live_consents == 0


def test_a_mailbox_that_is_down_stops_the_answer_before_anything_is_sent(supplied, world):
    plan = supplied.review(world.minpaku.ask("address"))
    world.down.add(BOX)
    with pytest.raises(Exception, match="down"):
        supplied.answer(plan, accept_updates=True)
    assert world.minpaku.presented == []


def test_two_firms_share_no_key_and_no_box(supplied, world):  # [WAL-REL-1]
    for firm in (world.minpaku, world.car):
        supplied.answer(supplied.review(firm.ask("address")), accept_updates=True)
    mine, other = (next(iter(f.relationships.values())).consent for f in (world.minpaku, world.car))
    assert mine.return_box.box != other.return_box.box
    assert mine.return_box.jwk != other.return_box.jwk
    assert set(world.minpaku.relationships).isdisjoint(world.car.relationships)
    cnf = {str(got.claims) for got in (*world.minpaku.presented, *world.car.presented)}
    assert len(cnf) >= 1
