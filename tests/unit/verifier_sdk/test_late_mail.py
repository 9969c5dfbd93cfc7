"""Mail that waited for days, came in another order, or crossed an answer of ours."""

from datetime import date, timedelta

import pytest

from ssi.fetch import Response
from ssi.rights import RightsKind
from ssi.updates import Outcome, RejectCode
from tests.support.firm_world import NOW, make_world
from tests.support.moves import subscribe, table


@pytest.fixture
def mover(world):
    return subscribe(world)


def arrive(mover, envelope, *, after=timedelta()):
    """Hand an envelope to the firm some time after it was signed."""
    at = NOW + after
    mover.world.ledger.time = at - timedelta(seconds=20)  # the chain has gone on
    stored = mover.world.verifier.receive_update(envelope, at)
    return mover.read(stored.receipt, now=at).facts


def test_a_move_that_waited_in_the_mailbox_is_taken(world, mover):
    """The firm was closed for three days [TRUST-UPD-4]."""
    envelope = mover.envelope(mover.moved())
    assert arrive(mover, envelope, after=timedelta(days=3)).state is Outcome.ACCEPTED
    assert len(world.verifier.history("booking-42")) == 1


def test_a_presentation_older_than_its_envelope_is_not_taken(mover):
    late = {"issued_at": NOW + timedelta(seconds=301), "deadline": NOW + timedelta(days=7)}
    facts = arrive(mover, mover.envelope(mover.moved(), **late), after=timedelta(hours=1))
    assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.NOT_VERIFIED)


def test_a_move_after_its_deadline_changes_nothing(world, mover):
    facts = arrive(mover, mover.envelope(mover.moved()), after=timedelta(days=7))
    assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.NOT_VERIFIED)
    assert world.verifier.history("booking-42") == ()


def test_a_withdrawal_counts_although_a_later_message_came_first(world, mover):
    told = []
    world.verifier.on("consent.withdrawn")(told.append)
    withdrawal = mover.envelope(mover.withdrawn())
    assert arrive(mover, mover.envelope(mover.moved())).state is Outcome.ACCEPTED
    assert arrive(mover, withdrawal).state is Outcome.ACCEPTED
    assert len(told) == 1
    facts = arrive(mover, mover.envelope(mover.moved()))
    assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.CONSENT_WITHDRAWN)


def test_an_old_withdrawal_does_not_turn_the_count_back(mover):
    withdrawal, early = mover.envelope(mover.withdrawn()), mover.moved()
    assert arrive(mover, mover.envelope(mover.moved())).state is Outcome.ACCEPTED
    assert arrive(mover, withdrawal).state is Outcome.ACCEPTED
    facts = arrive(mover, mover.envelope(early))
    assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.STALE)


def test_a_rights_request_is_heard_although_a_later_message_came_first(world, mover):
    asked = mover.envelope(mover.asks(RightsKind.DISCLOSE))
    assert arrive(mover, mover.envelope(mover.moved())).state is Outcome.ACCEPTED
    assert arrive(mover, asked).state is Outcome.ACCEPTED
    assert len(table(world, "rights")) == 1


def test_a_move_may_cross_our_answer_to_another_message(world, mover):
    asked = mover.envelope(mover.asks(RightsKind.DISCLOSE))
    moved = mover.envelope(mover.moved())  # with the nonce from before our answer
    assert arrive(mover, asked).state is Outcome.ACCEPTED
    assert arrive(mover, moved).state is Outcome.ACCEPTED
    assert len(world.verifier.history("booking-42")) == 1


def test_only_the_last_few_nonces_stay_good(mover):
    first = mover.nonce
    for _ in range(8):
        arrive(mover, mover.envelope(mover.asks(RightsKind.DISCLOSE)))
    facts = arrive(mover, mover.envelope(mover.moved(nonce=first)))
    assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.NOT_VERIFIED)


def test_the_nonce_of_another_holder_is_not_ours_to_give(world, mover):
    other = subscribe(world)
    facts = arrive(mover, mover.envelope(mover.moved(nonce=other.nonce)))
    assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.NOT_VERIFIED)


def test_a_pending_move_becomes_final_where_mail_is_pushed_too(tmp_path):
    """A firm that never polls keeps its word as well."""
    pushed = []

    def fetch(request):
        pushed.append(request)
        return Response(status=202, headers={}, body=b"", url=request.url)

    world = make_world(tmp_path, fetch=fetch)
    mover = subscribe(world)
    facts = arrive(mover, mover.envelope(mover.moved(moved_on=date(2026, 12, 1))))
    assert facts.state is Outcome.ACCEPTED_PENDING
    assert world.verifier.push_receipts(NOW) == 1
    day = NOW + timedelta(days=7)
    assert world.verifier.push_receipts(day) == 1
    final = mover.read(pushed[-1].body.decode(), now=day).facts
    assert (final.state, final.for_jti) == (Outcome.ACCEPTED, facts.for_jti)
