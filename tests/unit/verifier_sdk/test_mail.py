"""The firm and a real mailbox: polling, acknowledging, and receipts that come back."""

import time
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from ssi.errors import Rejected, Unavailable, Unreachable, Untrusted
from ssi.fetch import Request, Response
from ssi.keys import Alg
from ssi.updates import Outcome
from tests.support.firm_world import BOX, MAILBOX, NOW, Holder, key, make_world
from tests.support.moves import subscribe, table
from tests.support.postbox import Clock, RulesLedger, box_request, open_mailbox
from tests.support.registry import Ledger, accreditation, operation, registration


def firm_ledger():
    """A chain on which our firm is registered with the receipt key it really has."""
    chain = Ledger()
    chain.decide(accreditation())
    receipts = key("receipts", Alg.EDDSA).public_key.to_jwk(kid="receipts-1")
    chain.decide(registration("minpaku-one", receipt_keys=(receipts,)))
    chain.decide(operation())
    return RulesLedger(clock=Clock(NOW), chain=chain)


class Line:
    """HTTP to the mailbox program in this process; can be cut."""

    def __init__(self, client):
        self.client, self.up, self.asked = client, True, []

    def __call__(self, request: Request) -> Response:
        self.asked.append(request)
        if not self.up:
            raise Unreachable("the line is cut")
        assert request.url.startswith(MAILBOX)
        answer = self.client.open(
            urlsplit(request.url).path,
            method=request.method,
            data=request.body,
            headers=dict(request.headers),
        )
        return Response(status=answer.status_code, headers={}, body=answer.data, url=request.url)


@pytest.fixture
def mailbox(tmp_path):
    (tmp_path / "mailbox").mkdir()
    return open_mailbox(tmp_path / "mailbox", ledger=firm_ledger())


@pytest.fixture
def firm(tmp_path, mailbox):
    (tmp_path / "firm").mkdir()
    line = Line(mailbox.client)
    world = make_world(tmp_path / "firm", fetch=line, poll=True)
    world.line = line
    return world


@pytest.fixture
def mover(firm, mailbox):
    return subscribed(firm, mailbox)


def subscribed(firm, mailbox):
    """A holder with a return box, whose moves the firm hears of."""
    holder = Holder()
    opened = mailbox.post("/boxes", box_request(holder.pairwise, now=NOW)).json
    holder.box = opened["box"]
    found = subscribe(firm, holder)
    found.token = opened["token"]
    return found


def until(happened):
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def returned(mailbox, mover):
    """What waits in the holder's return box."""
    return mailbox.poll(mover.token).json["sets"]


def test_a_move_goes_to_the_firm_and_its_receipt_comes_back(firm, mailbox, mover):
    envelope = mover.envelope(mover.moved())
    assert mailbox.push(envelope).status_code == 202
    assert firm.verifier.poll_mailbox() == 1
    (receipt,) = returned(mailbox, mover).values()
    assert mover.read(receipt).facts.state is Outcome.ACCEPTED
    assert len(firm.verifier.history("booking-42")) == 1
    assert firm.verifier.poll_mailbox() == 0  # it was acknowledged
    assert [row[6] for row in table(firm, "outbox")] == ["sent"]


def test_the_mailbox_learns_neither_address_nor_reference(firm, mailbox, mover):
    mailbox.push(mover.envelope(mover.moved()))
    firm.verifier.poll_mailbox()
    seen = b"".join(request.body for request in firm.line.asked)
    assert "大阪".encode() not in seen
    assert b"booking-42" not in seen
    assert all("大阪" not in token for token in returned(mailbox, mover).values())


def test_a_handler_that_fails_keeps_the_letter_waiting(firm, mailbox, mover):
    calls = []

    @firm.verifier.on("address.updated")
    def fail_once(update):
        calls.append(update.event_id)
        if len(calls) == 1:
            raise OSError

    mailbox.push(mover.envelope(mover.moved()))
    assert firm.verifier.poll_mailbox() == 0
    assert firm.verifier.poll_mailbox() == 1
    assert len(calls) == 2


def test_a_bad_letter_stops_no_other_and_does_not_come_again(firm, mailbox, mover):
    stranger = subscribe(firm, Holder())
    stranger.holder = Holder()
    mailbox.push(stranger.envelope(stranger.moved()))
    mailbox.push(mover.envelope(mover.moved()))
    assert firm.verifier.poll_mailbox() == 1
    before = len(firm.line.asked)
    assert firm.verifier.poll_mailbox() == 0
    assert len(firm.line.asked) - before == 1
    with pytest.raises(Untrusted):
        firm.verifier.receive_update(stranger.envelope(stranger.moved()))


def test_a_crash_before_the_acknowledgement_repeats_nothing(firm, mailbox, mover):
    envelope = mover.envelope(mover.moved())
    mailbox.push(envelope)
    firm.verifier.receive_update(envelope)  # stored, then the program died
    assert firm.verifier.poll_mailbox() == 1
    assert len(firm.verifier.history("booking-42")) == 1
    assert len(returned(mailbox, mover)) == 1


def test_a_receipt_waits_while_the_line_is_cut(firm, mailbox, mover):
    firm.verifier.receive_update(mover.envelope(mover.moved()))
    firm.line.up = False
    assert firm.verifier.push_receipts() == 0
    with pytest.raises(Unavailable):
        firm.verifier.poll_mailbox()
    firm.line.up = True
    assert firm.verifier.push_receipts(NOW) == 0  # its next try is later
    later = NOW + timedelta(seconds=5)
    mailbox.clock.now = later
    assert firm.verifier.push_receipts(later) == 1
    assert len(returned(mailbox, mover)) == 1


def test_a_receipt_that_is_refused_is_not_sent_for_ever(firm, mailbox, mover):
    firm.verifier.receive_update(mover.envelope(mover.moved()))
    with firm.verifier.store.write() as db:
        db.execute("UPDATE outbox SET token = 'a.b.c'")
    assert firm.verifier.push_receipts() == 0
    assert [(row[6], row[7]) for row in table(firm, "outbox")] == [("failed", "http.400")]


def test_a_forgotten_token_is_asked_for_again(firm, mailbox, mover):
    firm.verifier.poll_mailbox()
    firm.verifier.store.set_setting("mailbox_token", "forgotten")
    mailbox.push(mover.envelope(mover.moved()))
    assert firm.verifier.poll_mailbox() == 1


def test_our_box_is_the_registered_one_when_the_settings_do_not_say(tmp_path, mailbox):
    from registry_chain.records import VerifierRecord, verifier_key
    from tests.support.registry import profile

    (tmp_path / "two").mkdir()
    world = make_world(tmp_path / "two", fetch=Line(mailbox.client), box=None)
    with pytest.raises(Unavailable):
        world.verifier.poll_mailbox()
    record = VerifierRecord(
        state="active", height=1, time=1, verifier="minpaku-one", profile=profile("minpaku-one")
    )
    world.ledger.put(verifier_key("minpaku-one"), record)
    assert world.verifier.poll_mailbox() == 0
    assert world.verifier._letters.own_box(NOW) == BOX


def test_the_background_thread_polls_and_stops(firm, mailbox, mover):
    mailbox.push(mover.envelope(mover.moved()))
    stop = firm.verifier.start_background(seconds_between=0.05)
    until(lambda: table(firm, "inbox"))
    stop()
    assert len(table(firm, "inbox")) == 1


def test_a_firm_that_cannot_announce_itself_sends_what_it_owes(tmp_path, mailbox):
    """[TRUST-UPD-6]"""
    (tmp_path / "firm").mkdir()
    line, announced = Line(mailbox.client), []

    def no_boxes(request):
        if not request.url.endswith("/boxes/firm"):
            return line(request)
        announced.append(request)
        return Response(status=429, headers={}, body=b"{}", url=request.url)

    world = make_world(tmp_path / "firm", fetch=no_boxes, push=True)
    owed = subscribed(world, mailbox)
    world.verifier.receive_update(owed.envelope(owed.moved()))
    stop = world.verifier.start_background(seconds_between=0.05)
    until(lambda: returned(mailbox, owed) and len(announced) > 2)
    stop()


def test_a_mailbox_that_refuses_us(tmp_path):
    def refuse(request):
        return Response(status=403, headers={}, body=b"{}", url=request.url)

    world = make_world(tmp_path, fetch=refuse)
    with pytest.raises(Rejected) as caught:
        world.verifier.poll_mailbox()
    assert caught.value.code == "update.box"
