"""Pushing to firms (RFC 8935). specs/sharing.md §5."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from postbox.models import Box, Message, MessageState, PushState
from postbox.pusher import BACKOFF_SECONDS, CLAIM_MS, Verdict, judge, push_due, wait_seconds
from ssi.errors import Unreachable, Untrusted
from tests.support.postbox import reply
from tests.support.relations import Holder, jti

YAMADA = Holder()
PUSH_URL = "https://firm.example/updates"


@pytest.fixture
def pushing(mailbox):
    mailbox.firm_box(push=PUSH_URL)
    return mailbox


def steady():
    return 0.0


def push(mailbox):
    return push_due(mailbox.services, jitter=steady)


def box_row(mailbox):
    with mailbox.services.db.read() as session:
        row = session.scalars(select(Box)).one()
        session.expunge_all()
    return row


def due_at(mailbox):
    return datetime.fromtimestamp(box_row(mailbox).push_due_at / 1000, UTC)


def message_states(mailbox):
    with mailbox.services.db.read() as session:
        return list(session.scalars(select(Message.state).order_by(Message.seq)))


def test_envelopes_are_pushed_in_order_and_only_once(pushing):
    """[SHA-BOX-13]"""
    tokens = [YAMADA.notice(str(n)) for n in range(4)]
    for token in tokens:
        pushing.push(token)
    assert push(pushing) == 4
    assert pushing.firm.got == tokens
    assert push(pushing) == 0


def test_a_firm_that_polls_is_not_pushed_to(mailbox):
    mailbox.firm_box()
    mailbox.push(YAMADA.notice())
    assert push(mailbox) == 0
    assert mailbox.firm.got == []


def test_the_wait_grows_after_every_failure_and_ends_with_success(pushing):
    """[SHA-BOX-13]"""
    pushing.push(YAMADA.notice())
    pushing.firm.answers = [reply(500), Unreachable("no"), reply(302), reply(403)]
    for seconds in BACKOFF_SECONDS[:4]:
        assert push(pushing) == 0
        pushing.clock.move(seconds=seconds - 1)
        assert push(pushing) == 0
        pushing.clock.move(seconds=1)
    assert pushing.firm.answers == []
    assert push(pushing) == 1
    assert box_row(pushing).push_attempts == 0


def test_a_firm_that_asks_for_time_gets_it(pushing):
    """[SHA-BOX-13]"""
    pushing.push(YAMADA.notice())
    pushing.firm.answers = [reply(429, retry_after="600")]
    push(pushing)
    pushing.clock.move(seconds=599)
    assert push(pushing) == 0
    pushing.clock.move(seconds=1)
    assert push(pushing) == 1


def test_a_failure_keeps_the_order(pushing):
    """[SHA-BOX-13]"""
    tokens = [YAMADA.notice(str(n)) for n in range(3)]
    for token in tokens:
        pushing.push(token)
    pushing.firm.answers = [reply(202), reply(503)]
    push(pushing)
    pushing.clock.move(hours=1)
    push(pushing)
    assert pushing.firm.got == tokens


def test_gone_means_the_firm_must_poll(pushing):
    """[SHA-BOX-13]"""
    _, token = pushing.firm_box(push=PUSH_URL, name="again")
    pushing.push(YAMADA.notice())
    pushing.firm.answers = [reply(410)]
    push(pushing)
    assert box_row(pushing).push_state == PushState.GONE
    pushing.clock.move(days=2)
    assert push(pushing) == 0
    assert list(pushing.poll(token).json["sets"]) == [jti("one")]


def test_only_a_known_error_form_is_a_verdict_on_the_envelope(pushing):
    """[SHA-BOX-13]"""
    pushing.push(YAMADA.notice("bad"))
    pushing.push(YAMADA.notice("good"))
    pushing.firm.answers = [reply(400, b"<html>proxy</html>")]
    push(pushing)
    assert message_states(pushing) == [MessageState.HELD] * 2
    pushing.clock.move(hours=1)
    pushing.firm.answers = [reply(400, b'{"err":"invalid_request","description":"x"}')]
    assert push(pushing) == 1
    assert message_states(pushing) == [MessageState.REFUSED, MessageState.ACKED]


def test_a_name_that_now_leads_into_a_private_network_is_not_reached(pushing):
    """[SHA-BOX-14]"""
    pushing.push(YAMADA.notice())
    pushing.firm.answers = [Untrusted("private", code="fetch.blocked")]
    assert push(pushing) == 0
    assert message_states(pushing) == [MessageState.HELD]


def test_two_processes_do_not_push_one_box_at_once(pushing):
    """[SHA-BOX-13]"""
    for n in range(10):
        pushing.push(YAMADA.notice(str(n)))
    gate = threading.Barrier(2)

    def run(_):
        gate.wait()
        return push(pushing)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(run, range(2))) == 10
    assert len(pushing.firm.got) == len(set(pushing.firm.got)) == 10


def test_a_box_claimed_by_a_process_that_died_is_free_again(pushing):
    """[SHA-BOX-13]"""
    pushing.push(YAMADA.notice())
    with pushing.services.db.write() as session:
        row = session.scalars(select(Box)).one()
        row.push_claimed_until = int(pushing.clock.now.timestamp() * 1000) + CLAIM_MS
    assert push(pushing) == 0
    pushing.clock.move(milliseconds=CLAIM_MS)
    assert push(pushing) == 1


def test_a_firm_that_opens_its_box_again_gets_at_once_what_was_put_off(pushing):
    """[SHA-BOX-13] However long it was gone, and whoever died with a claim on its box."""
    pushing.push(YAMADA.notice())
    for _ in BACKOFF_SECONDS[:5]:
        pushing.firm.answers = [Unreachable("no")]
        push(pushing)
        pushing.clock.now = max(pushing.clock.now, due_at(pushing))
    pushing.firm.answers = [Unreachable("no")]
    push(pushing)
    with pushing.services.db.write() as session:
        row = session.scalars(select(Box)).one()
        row.push_claimed_until = int(pushing.clock.now.timestamp() * 1000) + CLAIM_MS
    assert push(pushing) == 0
    pushing.firm_box(push=PUSH_URL, name="back")
    assert push(pushing) == 1


def test_a_push_that_fails_while_the_firm_comes_back_puts_nothing_off(pushing):
    """[SHA-BOX-13] What the old process was told does not count against the new one."""
    pushing.push(YAMADA.notice())

    def dies_and_is_back(_request):
        pushing.firm_box(push=PUSH_URL, name="back")
        raise Unreachable("no")

    pushing.services = replace(pushing.services, fetch=dies_and_is_back)
    assert push(pushing) == 0
    pushing.services = replace(pushing.services, fetch=pushing.firm)
    assert push(pushing) == 1


def test_a_box_stays_claimed_while_its_many_envelopes_go_out_slowly(pushing):
    """[SHA-BOX-13]"""
    for n in range(12):
        pushing.push(YAMADA.notice(str(n)))
    others = []

    def slow(request):
        pushing.clock.move(seconds=4)
        others.append(push_due(replace(pushing.services, fetch=pushing.firm), jitter=steady))
        return pushing.firm(request)

    pushing.services = replace(pushing.services, fetch=slow)
    assert push(pushing) == 12
    assert others == [0] * 12


def test_a_new_push_address_clears_the_old_ones_waits(pushing):
    pushing.push(YAMADA.notice())
    pushing.firm.answers = [reply(500)] * 1
    push(pushing)
    pushing.firm_box(push="https://firm.example/new", name="new")
    assert push(pushing) == 1


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (202, Verdict.TAKEN),
        (200, Verdict.TAKEN),
        (410, Verdict.GONE),
        (400, Verdict.LATER),
        (401, Verdict.LATER),
        (404, Verdict.LATER),
        (500, Verdict.LATER),
    ],
)
def test_what_an_answer_means(status, verdict):
    assert judge(reply(status)).verdict is verdict


@pytest.mark.parametrize("after", ["-1", "1e9", "Wed, 21 Oct 2026", "９", "99999999", ""])
def test_an_odd_retry_after_is_ignored(after):
    assert judge(reply(503, retry_after=after)).retry_after is None


def test_waits_are_bounded_and_never_shorter_than_our_own():
    """[SHA-BOX-13]"""
    assert wait_seconds(1, None, steady) == 5
    assert wait_seconds(99, None, steady) == 86400
    assert wait_seconds(1, 999_999, steady) == 86400
    assert wait_seconds(3, 1, steady) == 300
    assert wait_seconds(1, None, lambda: 1.0) == pytest.approx(6.0)
