import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from registry_chain.transactions import ReinstateVerifier, SuspendVerifier
from ssi.encoding import b64url_encode
from ssi.errors import Malformed, NoMatchingCredential, Unreachable, VaultError
from ssi.rights import RightsKind
from ssi.updates import Assurance, ConsentWithdrawn, Outcome, RejectCode, RightsRequested
from tests.support.wallet_cast import BOX, NEW_ADDRESS, OLD_ADDRESS, PERSON
from tests.support.wallet_world import World
from wallet.moves import JST, midnight_in_japan
from wallet.places import address_from_form, same_address

NEW = NEW_ADDRESS.to_json()


def today(world):
    return world.clock().astimezone(JST).date()


def consented(holder, *firms):
    for firm in firms:
        holder.answer(holder.review(firm.ask("name", "address")), accept_updates=True)


def states(holder):
    return {item.party: item.state for item in holder.who_has_my_address()}


@pytest.fixture
def world(tmp_path):
    """A world of its own, whose chain follows the clock."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def living(supplied, world):
    """A holder with consents for address updates at two firms."""
    consented(supplied, world.minpaku, world.car)
    return supplied


def test_one_move_reaches_every_subscribed_firm_and_their_receipts_come_back(living, world):
    """[SHA-UPD-3] [WAL-MOVE-4]"""
    living.move(NEW, today(world))  # [WAL-MOVE-1]
    assert states(living) == {"minpaku-one": "queued", "car-two": "queued"}
    living.send_due()
    assert states(living) == {"minpaku-one": "delivered", "car-two": "delivered"}
    for firm in (world.minpaku, world.car):
        firm.read_mail()
    assert {answer.state for answer in living.sync().answers} == {"accepted"}
    assert states(living) == {"minpaku-one": "current", "car-two": "current"}
    (update,) = world.minpaku.updates
    assert (update.sequence, update.assurance) == (1, Assurance.SELF_ASSERTED)
    assert update.event_id != world.car.updates[0].event_id


def test_two_senders_at_once_build_each_message_once(living, world):
    """[WAL-OUT-1] The person presses F8 while the open wallet tends its mail."""
    living.move(NEW, today(world))
    together = threading.Barrier(4)

    def send(_number):
        together.wait()
        living.send_due()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(4)))
    for firm in (world.minpaku, world.car):
        assert len(world.mailbox.boxes[firm.box]) == 1
    assert states(living) == {"minpaku-one": "delivered", "car-two": "delivered"}


def test_firms_without_a_subscription_are_listed_for_the_person_to_tell(supplied, world):
    """[WAL-MOVE-6]"""
    consented(supplied, world.minpaku)
    supplied.answer(supplied.review(world.car.ask("address")))
    supplied.move(NEW, today(world))
    assert states(supplied) == {"minpaku-one": "queued", "car-two": "not_subscribed"}
    supplied.send_due()
    assert len(world.mailbox.pushed) == 1


def test_nothing_is_sent_before_the_undo_window_is_over(world, tmp_path):  # [WAL-MOVE-2]
    with world.holder(tmp_path / "w", undo=timedelta(minutes=10)) as holder:
        holder.accept_offer(world.issuer.offer(), "123456")
        consented(holder, world.minpaku)
        event = holder.move(NEW, today(world))
        assert event.can_undo(world.clock())
        assert holder.send_due() == ()
        assert states(holder) == {"minpaku-one": "waiting"}
        holder.undo(event.event_id)
        assert states(holder) == {"minpaku-one": "current"}
        world.advance(timedelta(minutes=11))
        assert holder.send_due() == ()
        assert world.mailbox.pushed == []


def test_what_was_sent_cannot_be_undone(living, world):
    event = living.move(NEW, today(world))
    living.send_due()
    with pytest.raises(VaultError) as caught:
        living.undo(event.event_id)
    assert caught.value.code == "move.too_late"


def test_a_future_move_waits_for_its_day_in_japan(living, world):  # [WAL-MOVE-3]
    day = today(world) + timedelta(days=30)
    event = living.move(NEW, day)
    assert event.send_after == midnight_in_japan(day)
    assert event.send_after.astimezone(JST).strftime("%F %T") == f"{day} 00:00:00"
    assert living.send_due() == ()


def test_a_day_far_ahead_is_refused(living, world):
    with pytest.raises(Malformed):
        living.move(NEW, today(world) + timedelta(days=400))


@pytest.mark.parametrize("part", ["formatted", "country", "postal_code", "region", "locality"])
def test_an_address_that_could_not_be_told_is_refused_before_it_is_stored(living, world, part):
    """[WAL-MOVE-7]"""
    for bad in (
        {name: value for name, value in NEW.items() if name != part},
        NEW | {part: "x" * 500},
    ):
        with pytest.raises(Malformed) as caught:
            living.move(bad, today(world))
        assert caught.value.code == "input.address"
    assert living.moves() == ()
    assert living.deliveries() == ()


@pytest.mark.parametrize(
    ("part", "most"), [("region", 64), ("locality", 128), ("street_address", 200)]
)
def test_the_longest_address_the_form_takes_reaches_the_firm(living, world, part, most):
    """[WAL-MOVE-7]"""
    parts = {"region": "大阪府", "locality": "大阪市北区", "street_address": "梅田３−１"}
    with pytest.raises(Malformed):
        address_from_form(postal_code="5300001", **(parts | {part: "田" * (most + 1)}))
    longest = address_from_form(postal_code="5300001", **(parts | {part: "田" * most}))
    living.move(longest, today(world))
    living.send_due()
    assert states(living)["minpaku-one"] == "delivered"


def test_a_crash_between_building_and_answer_sends_the_same_bytes_again(living, world):
    living.move(NEW, today(world))  # [WAL-OUT-1]
    world.down.add(f"{BOX}/push")
    living.send_due()
    assert states(living)["minpaku-one"] == "unreachable"
    world.down.clear()
    before = {item.event_id: item.envelope for item in living.deliveries()}
    world.advance(timedelta(minutes=2))
    living.send_due()
    assert set(world.mailbox.pushed) == set(before.values())


def test_the_202_that_got_lost_repeats_the_envelope_and_the_firm_applies_it_once(living, world):
    living.move(NEW, today(world))
    handle = world.mailbox.handle

    def lost(request):
        handle(request)
        raise Unreachable("the answer was lost", code="fetch.failed")

    world.mailbox.handle = lost
    living.send_due()
    world.mailbox.handle = handle
    for _ in range(3):
        world.advance(timedelta(hours=1))
        living.send_due()
        world.minpaku.read_mail()
    assert len(world.minpaku.updates) == 1
    living.sync()
    assert states(living)["minpaku-one"] == "current"


def test_who_looks_for_answers_has_what_was_not_delivered_sent_again(living, world):
    """[WAL-OUT-2] However long it was to wait: the person may know that the line is back."""
    living.move(NEW, today(world))
    world.down.add(f"{BOX}/push")
    for _ in range(5):
        living.send_due()
        world.advance(living.deliveries()[0].not_before - world.clock())
    living.send_due()
    world.down.clear()
    world.advance(timedelta(seconds=29))
    living.sync()
    assert states(living)["minpaku-one"] == "unreachable"
    world.advance(timedelta(seconds=1))
    assert living.send_due() == ()
    living.sync()
    assert states(living)["minpaku-one"] == "delivered"


def test_retries_wait_longer_each_time_and_end(living, world):
    """[WAL-OUT-2]"""
    living.move(NEW, today(world))
    world.down.add(f"{BOX}/push")
    waits = []
    for _ in range(12):
        living.send_due()
        item = living.deliveries()[0]
        waits.append((item.not_before - world.clock()).total_seconds())
        world.advance(timedelta(seconds=max(waits[-1], 0) + 1))
    for turn, wait in enumerate(waits):
        least = min(30 * 2**turn, 6 * 3600)
        assert least - 1 <= wait <= least * 1.25
    world.advance(timedelta(days=15))
    living.send_due()
    assert states(living)["minpaku-one"] == "expired"


def test_a_second_move_waits_for_the_first_answer_and_its_nonce(living, world):
    living.move(NEW, today(world))
    living.send_due()
    third = dict(NEW, formatted="京都府京都市中京区1", street_address="1")
    living.move(third, today(world))
    living.send_due()
    assert len(world.mailbox.pushed) == 2
    for firm in (world.minpaku, world.car):
        firm.read_mail()
    living.sync()
    for firm in (world.minpaku, world.car):
        firm.read_mail()
    living.sync()
    assert [update.sequence for update in world.minpaku.updates] == [1, 2]
    assert states(living) == {"minpaku-one": "current", "car-two": "current"}


def test_an_unsent_move_is_replaced_by_a_newer_one(living, world):
    living.move(NEW, today(world) + timedelta(days=5))
    living.move(dict(NEW, formatted="京都府京都市1", street_address="1"), today(world))
    living.send_due()
    assert len(world.mailbox.pushed) == 2
    assert [item.state for item in living.deliveries()].count("cancelled") == 2


@pytest.mark.parametrize(
    ("outcome", "code", "state"),
    [
        (Outcome.REJECTED, RejectCode.NOT_CUSTOMER, "rejected"),
        (Outcome.ACCEPTED_PENDING, None, "accepted_pending"),
        (Outcome.NEEDS_ATTESTATION, None, "needs_attestation"),
    ],
)
def test_every_answer_is_shown_with_its_reason(living, world, outcome, code, state):
    """[WAL-MOVE-6]"""
    world.minpaku.decide = lambda _update: (outcome, code)
    living.move(NEW, today(world))
    living.send_due()
    world.minpaku.read_mail()
    living.sync()
    (line,) = [item for item in living.who_has_my_address() if item.party == "minpaku-one"]
    assert (line.state, line.code) == (state, None if code is None else code.value)
    assert line.next_step("ja")
    assert line.next_step("en")


def test_a_firm_that_wants_proof_gets_it_after_re_issuance(living, world):
    """[WAL-MOVE-4] [WAL-MOVE-5]"""
    world.minpaku.decide = lambda update: (
        (Outcome.ACCEPTED, None)
        if update.assurance is Assurance.ATTESTED
        else (Outcome.NEEDS_ATTESTATION, None)
    )
    event = living.move(NEW, today(world))
    living.send_due()
    world.minpaku.read_mail()
    living.sync()
    assert states(living)["minpaku-one"] == "needs_attestation"
    with pytest.raises(NoMatchingCredential):
        living.attest(event.event_id)
    world.issuer.person = replace(PERSON, address=NEW_ADDRESS)
    living.accept_offer(world.issuer.offer(), "123456")
    living.sync()
    world.minpaku.read_mail()
    living.sync()
    assert [update.assurance for update in world.minpaku.updates] == [
        Assurance.SELF_ASSERTED,
        Assurance.ATTESTED,
    ]
    assert states(living)["minpaku-one"] == "current"


# --- hostile answers ---


def test_forged_answers_change_nothing_and_are_reported(living, world):  # [WAL-OUT-3]
    living.move(NEW, today(world))
    living.send_due()
    world.minpaku.read_mail()
    (box,) = [
        name for name, mail in world.mailbox.boxes.items() if name.startswith("return") and mail
    ]
    ((jti, token),) = world.mailbox.boxes[box].items()
    flipped = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]
    world.mailbox.boxes[box] = {jti: flipped, b64url_encode(os.urandom(16)): "x.y.z"}
    synced = living.sync()
    assert synced.answers == ()
    assert len(synced.rejected) == 2
    assert states(living)["minpaku-one"] == "delivered"
    assert len(world.mailbox.errors) == 2
    world.mailbox.boxes[box] = {jti: token}
    assert len(living.sync().answers) == 1


def test_an_answer_meant_for_another_firm_is_refused(living, world):
    living.move(NEW, today(world))
    living.send_due()
    for firm in (world.minpaku, world.car):
        firm.read_mail()
    boxes = {name: mail for name, mail in world.mailbox.boxes.items() if name.startswith("return")}
    (first, second) = boxes
    world.mailbox.boxes[first], world.mailbox.boxes[second] = boxes[second], boxes[first]
    assert living.sync().answers == ()


def test_the_same_answer_twice_is_noted_once(living, world):
    living.move(NEW, today(world))
    living.send_due()
    world.minpaku.read_mail()
    mail = {name: dict(box) for name, box in world.mailbox.boxes.items()}
    living.sync()
    world.mailbox.boxes = mail
    assert living.sync().answers == ()


def test_a_mailbox_that_is_down_is_told_and_tried_again(living, world):
    living.move(NEW, today(world))
    world.down.add(BOX)
    assert set(living.sync().unreachable) == {"minpaku-one", "car-two"}
    world.down.clear()
    world.advance(timedelta(minutes=2))
    living.sync()
    assert set(states(living).values()) == {"delivered"}


def test_a_firm_that_is_suspended_is_told_when_it_is_back(living, world):
    """[SHA-BOX-13] and the person is told why it waits."""
    world.decide(SuspendVerifier(verifier="minpaku-one", reason="complaints"))
    living.move(NEW, today(world))
    living.send_due()
    (firm,) = [one for one in living.who_has_my_address() if one.party == "minpaku-one"]
    assert (firm.state, firm.code) == ("unreachable", "request.firm_suspended")
    assert "suspended" in firm.next_step("en")
    assert states(living)["car-two"] == "delivered"
    world.decide(ReinstateVerifier(verifier="minpaku-one"))
    world.advance(timedelta(minutes=2))
    living.send_due()
    (firm,) = [one for one in living.who_has_my_address() if one.party == "minpaku-one"]
    assert (firm.state, firm.next_step("en")) == ("delivered", "Waiting for the answer")


# --- taking back, and rights ---


def test_withdrawing_reaches_the_firm_and_stops_updates(living, world):  # [WAL-CON-3]
    (consent,) = [item for item in living.consents() if item.verifier_id == "minpaku-one"]
    living.move(NEW, today(world) + timedelta(days=3))
    assert living.withdraw(consent.record_id).state == "withdrawn"
    world.minpaku.read_mail()
    assert isinstance(world.minpaku.messages[0], ConsentWithdrawn)
    world.advance(timedelta(days=4))
    assert [item.verifier_id for item in living.deliveries() if item.state == "queued"] == [
        "car-two"
    ]
    with pytest.raises(VaultError) as caught:
        living.withdraw(consent.record_id)
    assert caught.value.code == "consent.already_withdrawn"


def test_a_rights_request_reaches_the_firm(living, world):
    (consent,) = [item for item in living.consents() if item.verifier_id == "car-two"]
    living.ask_rights(consent.record_id, RightsKind.ERASE)
    world.car.read_mail()
    assert isinstance(world.car.messages[0], RightsRequested)
    living.sync()
    assert living.history()[0].kind.value == "update_answered"


def test_a_restart_loses_nothing(living, world, tmp_path):
    living.move(NEW, today(world))
    living.close()
    with world.holder(tmp_path / "wallet") as again:
        again.send_due()
        world.minpaku.read_mail()
        again.sync()
        assert states(again)["minpaku-one"] == "current"


# --- addresses ---


@pytest.mark.parametrize("code", ["5300001", "530-0001", "５３０−０００１", "〒530 0001"])
def test_postal_codes_are_understood_as_typed(code):
    made = address_from_form(
        postal_code=code, region="大阪府", locality="大阪市北区", street_address="葛\U000e0100 1"
    )
    assert made["postal_code"] == "5300001"
    assert made["formatted"] == "大阪府大阪市北区葛\U000e0100 1"


@pytest.mark.parametrize(
    "change",
    [{"postal_code": "123"}, {"region": " "}, {"locality": "x" * 300}, {"street_address": "a\x1b"}],
)
def test_a_bad_field_is_named(change):
    fields = {"postal_code": "5300001", "region": "a", "locality": "b", "street_address": "c"}
    with pytest.raises(Malformed) as caught:
        address_from_form(**(fields | change))
    assert caught.value.code == f"input.{next(iter(change))}"


def test_the_same_place_in_another_spelling_is_the_same_place():
    assert same_address({"formatted": "梅田３−１"}, {"formatted": "梅田3-1"})
    assert not same_address({"formatted": "梅田3-1"}, OLD_ADDRESS.to_json())
    assert not same_address({}, {})


def test_midnight_in_japan_is_three_in_the_afternoon_before():
    assert midnight_in_japan(date(2026, 12, 1)) == datetime.fromisoformat("2026-11-30T15:00:00Z")
