"""Consents, notices and answers on their way to the chain. specs/sharing.md §5."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from postbox import outbox
from postbox.committer import LEASE_MS, commit_due
from postbox.messages import milliseconds
from postbox.models import ItemKind, ItemState, LedgerItem
from registry_chain.records import ack_key, consent_key, notice_key
from registry_chain.transactions import CommitNotices, RecordConsents, WithdrawConsents
from ssi.errors import Unavailable
from tests.support.postbox import consent_item, withdrawal_item
from tests.support.relations import NOW, Holder, answer_envelope, firm_set, jti

YAMADA = Holder()


def commit(mailbox, holder="a"):
    return commit_due(mailbox.services, holder=holder)


def states(mailbox):
    with mailbox.services.db.read() as session:
        return {
            (row.kind, row.commitment): row.state for row in session.scalars(select(LedgerItem))
        }


def give(mailbox, *names):
    answer = mailbox.post("/consents", {"items": [consent_item(name) for name in names]})
    assert answer.status_code == 202, answer.json


def withdraw(mailbox, *names):
    return mailbox.post("/withdrawals", {"items": [withdrawal_item(name) for name in names]})


# --- consents come in ---


def test_a_consent_is_queued_then_committed_and_the_holder_can_see_it(mailbox):
    """[SHA-BOX-12]"""
    give(mailbox, "one")
    path = f"/consents/{jti('one')}"
    assert mailbox.client.get(path).json == {"state": "queued"}
    assert commit(mailbox) == 1
    seen = mailbox.client.get(path).json
    assert (seen["state"], seen["height"]) == ("committed", 4)
    assert mailbox.ledger.record(consent_key(jti("one")))["state"] == "given"


def test_a_consent_and_its_withdrawal_in_one_round_end_withdrawn(mailbox):
    """[SHA-BOX-12]"""
    give(mailbox, "one")
    assert withdraw(mailbox, "one").status_code == 202
    assert commit(mailbox) == 2
    assert mailbox.ledger.record(consent_key(jti("one")))["state"] == "withdrawn"
    assert [type(body) for body in mailbox.ledger.batches] == [RecordConsents, WithdrawConsents]
    assert mailbox.client.get(f"/withdrawals/{jti('one')}").json["state"] == "committed"


def test_a_withdrawal_of_a_consent_only_the_chain_knows_is_taken(mailbox):
    """[SHA-BOX-12] The mailbox's tables were lost; the chain was not."""
    give(mailbox, "one")
    commit(mailbox)
    with mailbox.services.db.write() as session:
        session.delete(session.scalars(select(LedgerItem)).one())
    assert withdraw(mailbox, "one").status_code == 202
    assert commit(mailbox) == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"signature": "A" * 86}, 400, "consent.signature"),
        ({"until": int(NOW.timestamp())}, 400, "consent.signature"),
        ({"commitment": "short"}, 400, "tx.body"),
        ({"jwk": {"kty": "oct", "k": "AAAA"}}, 400, None),
        ({"name": "Yamada"}, 400, "tx.body"),
    ],
)
def test_a_bad_consent_is_not_queued(mailbox, change, status, code):
    """[SHA-BOX-12]"""
    answer = mailbox.post("/consents", {"items": [consent_item("one") | change]})
    assert answer.status_code == status
    assert code is None or answer.json["err"] == code
    assert states(mailbox) == {}


def test_a_consent_without_time_left_is_not_queued(mailbox):
    """[SHA-BOX-12]"""
    for until in (NOW, NOW + timedelta(days=3651)):
        item = consent_item("one", until=int(until.timestamp()))
        answer = mailbox.post("/consents", {"items": [item]})
        assert (answer.status_code, answer.json["err"]) == (422, "consent.time")


def test_a_stranger_cannot_withdraw_anothers_consent(mailbox):
    """[SHA-BOX-12]"""
    give(mailbox, "one")
    forged = withdrawal_item("one", by="mallory")
    answer = mailbox.post("/withdrawals", {"items": [forged]})
    assert (answer.status_code, answer.json["err"]) == (400, "consent.signature")
    unknown = withdraw(mailbox, "never given")
    assert (unknown.status_code, unknown.json["err"]) == (400, "consent.unknown")


@pytest.mark.parametrize("count", [0, 17])
def test_a_request_holds_one_to_sixteen_items(mailbox, count):
    items = [consent_item(str(n)) for n in range(count)]
    assert mailbox.post("/consents", {"items": items}).status_code == 400


def test_progress_of_what_was_never_seen_is_unknown(mailbox):
    assert mailbox.client.get(f"/consents/{jti('never')}").status_code == 404
    assert mailbox.client.get("/consents/..%2f..%2fetc").status_code == 404
    assert mailbox.client.get("/consents/short").status_code == 400


# --- batches ---


def test_a_batch_does_not_show_who_acted_together(mailbox):
    """[SHA-BOX-11]"""
    give(mailbox, *(str(n) for n in range(12)))
    commit(mailbox)
    (batch,) = mailbox.ledger.batches
    names = [item.commitment for item in batch.items]
    assert names == sorted(names)


def test_many_items_go_in_few_transactions(mailbox):
    """[SHA-BOX-10]"""
    with mailbox.services.db.write() as session:
        for n in range(600):
            outbox.enqueue(
                session,
                kind=ItemKind.NOTICE,
                commitment=jti(str(n)),
                body={"commitment": jti(str(n)), "deadline": int(NOW.timestamp()) + 60},
                now_ms=milliseconds(NOW),
            )
    assert commit(mailbox) == 600
    assert [len(body.items) for body in mailbox.ledger.batches] == [256, 256, 88]


def test_one_bad_item_does_not_sink_its_batch(mailbox):
    """[SHA-BOX-11] A notice whose deadline passed while the chain was down."""
    with mailbox.services.db.write() as session:
        for n in range(9):
            late = -60 if n == 4 else 60
            outbox.enqueue(
                session,
                kind=ItemKind.NOTICE,
                commitment=jti(str(n)),
                body={"commitment": jti(str(n)), "deadline": int(NOW.timestamp()) + late},
                now_ms=milliseconds(NOW),
            )
    assert commit(mailbox) == 8
    bad = [key for key, state in states(mailbox).items() if state == ItemState.REFUSED]
    assert bad == [("notice", jti("4"))]
    assert commit(mailbox) == 0


def test_a_refusal_that_is_about_us_keeps_every_item(mailbox):
    """[SHA-BOX-11] The operator is not registered yet."""
    del mailbox.ledger.chain.state["operator/yubin-box"]
    give(mailbox, "one", "two")
    with pytest.raises(Unavailable) as caught:
        commit(mailbox)
    assert caught.value.code == "mailbox.operator"
    assert set(states(mailbox).values()) == {ItemState.QUEUED}


def test_a_notice_and_its_answer_reach_the_chain_in_order(mailbox):
    """[SHA-BOX-10]"""
    envelope = YAMADA.envelope()
    mailbox.push(YAMADA.set_of(envelope))
    answer = answer_envelope(YAMADA, envelope, box="return-1")
    mailbox.push(firm_set(answer))
    assert commit(mailbox) == 2
    assert mailbox.ledger.record(notice_key(envelope.commitment))["state"] == "committed"
    assert mailbox.ledger.record(ack_key(envelope.commitment))["ack"] == answer.commitment


# --- exactly once ---


def test_nothing_is_lost_while_the_chain_is_down(mailbox):
    """[SHA-BOX-10]"""
    mailbox.ledger.down = True
    mailbox.push(YAMADA.notice())
    for _ in range(3):
        with pytest.raises(Unavailable):
            commit(mailbox)
    mailbox.ledger.down = False
    assert commit(mailbox) == 1
    assert commit(mailbox) == 0


def test_a_crash_between_submit_and_mark_is_repaired_by_reading_the_chain(mailbox):
    """[SHA-BOX-10] The batch was committed; we never heard of it."""
    mailbox.push(YAMADA.notice())
    give(mailbox, "one")
    mailbox.ledger.lose_answers = 2
    for _ in range(2):
        with pytest.raises(Unavailable):
            commit(mailbox)
    assert commit(mailbox) == 1
    assert set(states(mailbox).values()) == {ItemState.COMMITTED}
    assert len(mailbox.ledger.batches) == 2


def test_a_crash_before_submit_is_repaired_by_sending_again(mailbox):
    """[SHA-BOX-10] Marked as submitted, but the chain never saw it."""
    mailbox.push(YAMADA.notice())
    with mailbox.services.db.write() as session:
        session.scalars(select(LedgerItem)).one().state = ItemState.SUBMITTED
    assert commit(mailbox) == 1
    assert [type(body) for body in mailbox.ledger.batches] == [CommitNotices]


def test_a_withdrawal_lost_in_a_crash_is_not_taken_for_done(mailbox):
    """[SHA-BOX-10] The consent is on the chain, its withdrawal is not."""
    give(mailbox, "one")
    commit(mailbox)
    withdraw(mailbox, "one")
    with mailbox.services.db.write() as session:
        outbox.find(session, ItemKind.WITHDRAWAL, jti("one")).state = ItemState.SUBMITTED
    assert commit(mailbox) == 1
    assert mailbox.ledger.record(consent_key(jti("one")))["state"] == "withdrawn"


def test_only_one_process_commits_at_a_time(mailbox):
    """[SHA-BOX-10]"""
    give(mailbox, "one")
    commit(mailbox, "first")
    give(mailbox, "two")
    assert commit(mailbox, "second") == 0
    assert commit(mailbox, "first") == 1
    mailbox.clock.move(milliseconds=LEASE_MS + 1)
    give(mailbox, "three")
    assert commit(mailbox, "second") == 1
    assert commit(mailbox, "first") == 0
