"""A holder's messages take effect exactly once, in order, each with a signed receipt.

[TRUST-UPD-1] [TRUST-UPD-2] [TRUST-UPD-3] [TRUST-EV-1]
"""

import threading
from dataclasses import replace
from datetime import date, timedelta
from sqlite3 import IntegrityError

import pytest

from registry_chain.records import (
    SUSPENDED,
    WITHDRAWN,
    ConsentRecord,
    consent_key,
    issuer_key,
)
from registry_chain.transactions import Attestable
from ssi.credential import CredentialType
from ssi.errors import BindingMismatch, Rejected, Replayed, SSIError, Unavailable, Untrusted
from ssi.rights import RightsKind
from ssi.status_list import new_status_list
from ssi.updates import Assurance, Outcome, RejectCode
from tests.support.firm_world import ISSUER, NEW_ADDRESS, NOW, Holder, make_world, publish
from tests.support.moves import MOVED, subscribe, table, urn
from verifier_sdk import Accept, AcceptPending, NeedsAttestation, Reject


@pytest.fixture
def mover(world):
    return subscribe(world)


def send(mover, message, **changes):
    """Hand an envelope to the firm and read its receipt."""
    stored = mover.world.verifier.receive_update(mover.envelope(message, **changes))
    return mover.read(stored.receipt).facts


# --- exactly once ---


def test_a_move_reaches_the_customers_record_once_and_is_receipted(world, mover):
    """[SHA-RCP-5]"""
    told = []
    world.verifier.on("address.updated")(told.append)
    envelope = mover.envelope(mover.moved())
    stored = world.verifier.receive_update(envelope)
    facts = mover.read(stored.receipt).facts
    assert (facts.state, facts.applied_on) == (Outcome.ACCEPTED, date(2026, 11, 24))
    (update,) = told
    assert (update.reference, update.attested, update.issuer) == ("booking-42", False, None)
    assert str(update.address) == NEW_ADDRESS.formatted
    assert "大阪" not in repr(update)
    (line,) = world.verifier.history("booking-42")
    assert line.address["region"] == "大阪府"
    assert (line.moved_on, line.assurance) == (MOVED, "self_asserted")
    assert world.verifier.receive_update(envelope) == stored
    assert len(told) == len(table(world, "addresses")) == len(table(world, "outbox")) == 1


def test_the_same_envelope_from_twenty_threads_takes_effect_once(world, mover):
    envelope, receipts, busy, gate = mover.envelope(mover.moved()), [], [], threading.Barrier(20)

    def push():
        gate.wait()
        try:
            receipts.append(world.verifier.receive_update(envelope).receipt)
        except Unavailable as error:
            busy.append(error.code)

    threads = [threading.Thread(target=push) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(receipts)) == 1
    assert set(busy) <= {"update.busy"}
    assert len(table(world, "addresses")) == len(table(world, "inbox")) == 1


def test_a_handler_that_fails_leaves_nothing_and_is_called_again(world, mover):
    calls = []

    @world.verifier.on("address.updated")
    def fail_once(update):
        calls.append(update.event_id)
        if len(calls) == 1:
            raise OSError

    envelope = mover.envelope(mover.moved())
    with pytest.raises(Unavailable) as caught:
        world.verifier.receive_update(envelope)
    assert caught.value.code == "handler.failed"
    assert not table(world, "inbox")
    assert not table(world, "addresses")
    assert not table(world, "outbox")
    assert world.verifier.receive_update(envelope).outcome == "accepted"
    assert calls[0] == calls[1]


def test_one_id_for_two_envelopes_is_refused(world, mover):
    first = mover.envelope(mover.moved())
    world.verifier.receive_update(first)
    other = mover.envelope(mover.moved(), deadline=NOW + timedelta(days=8))
    world.verifier.store.rows("SELECT 1")
    with world.verifier.store.write() as db:
        db.execute("UPDATE inbox SET jti = ?", (next(reversed(mover.sent)),))
    with pytest.raises(Replayed) as caught:
        world.verifier.receive_update(other)
    assert caught.value.code == "update.jti"


def test_the_address_history_cannot_be_rewritten(world, mover):
    send(mover, mover.moved())
    with pytest.raises(IntegrityError, match="append-only"), world.verifier.store.write() as db:
        db.execute("UPDATE addresses SET address = '{}'")


# --- order and nonces ---


def test_an_older_message_is_stale_and_changes_nothing(world, mover):
    late = mover.moved()
    mover.sequence += 1
    assert send(mover, mover.moved()).state is Outcome.ACCEPTED
    facts = send(mover, replace(late, nonce=mover.nonce))
    assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.STALE)
    assert len(table(world, "addresses")) == 1


def test_two_events_with_one_number_are_a_conflict(mover):
    send(mover, mover.moved())
    mover.sequence -= 1
    facts = send(mover, mover.moved())
    assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.DUPLICATE)


def test_a_nonce_serves_once(world, mover):
    spent = mover.nonce
    assert send(mover, mover.moved()).state is Outcome.ACCEPTED
    facts = send(mover, mover.moved(nonce=spent))
    assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.NOT_VERIFIED)
    assert send(mover, mover.moved()).state is Outcome.ACCEPTED  # the receipt gave a new one
    assert len(world.verifier.history("booking-42")) == 2


# --- what the firm decides ---


@pytest.mark.parametrize(
    ("decision", "state", "lines"),
    [
        (Accept(date(2026, 12, 1)), Outcome.ACCEPTED, 1),
        (AcceptPending(date(2026, 12, 1)), Outcome.ACCEPTED_PENDING, 1),
        (NeedsAttestation(), Outcome.NEEDS_ATTESTATION, 0),
        (Reject(RejectCode.OUT_OF_SERVICE_AREA), Outcome.REJECTED, 0),
        (None, Outcome.ACCEPTED, 1),
    ],
)
def test_the_handler_decides(world, mover, decision, state, lines):
    world.verifier.on("address.updated")(lambda _: decision)
    facts = send(mover, mover.moved())
    assert facts.state is state
    assert (facts.code is None) is not isinstance(decision, Reject)
    assert len(world.verifier.history("booking-42")) == lines


def test_a_handler_that_answers_nonsense_is_the_firms_mistake(world, mover):
    world.verifier.on("address.updated")(lambda _: "yes")
    with pytest.raises(TypeError):
        world.verifier.receive_update(mover.envelope(mover.moved()))
    assert not table(world, "inbox")


def test_a_firm_may_want_an_issuers_word(tmp_path):
    world = make_world(tmp_path, require_attested=True)
    mover = subscribe(world)
    told = []
    world.verifier.on("address.updated")(told.append)
    first = mover.moved()
    assert send(mover, first).state is Outcome.NEEDS_ATTESTATION
    again = mover.moved(attested=True, event_id=first.event_id)
    assert send(mover, again).state is Outcome.ACCEPTED
    assert [update.issuer for update in told] == [None, ISSUER]
    assert world.verifier.history("booking-42")[0].assurance == "attested"


def test_a_future_move_is_pending_until_its_day_in_japan(world, mover):
    day = date(2026, 12, 1)
    facts = send(mover, mover.moved(moved_on=day))
    assert (facts.state, facts.applied_on) == (Outcome.ACCEPTED_PENDING, None)
    from verifier_sdk.answers import apply_due

    desk = world.verifier._letters.desk(NOW)
    assert apply_due(desk, NOW) == 0
    midnight = NOW.replace(day=30, hour=15)  # 00:00 of 1 December in Tokyo
    assert apply_due(desk, midnight - timedelta(seconds=1)) == 0
    assert apply_due(desk, midnight) == 1
    assert apply_due(desk, midnight) == 0
    final = mover.read(table(world, "outbox")[-1][2], now=midnight).facts
    assert (final.state, final.applied_on, final.for_jti) == (Outcome.ACCEPTED, day, facts.for_jti)
    assert len(world.verifier.history("booking-42")) == 1


# --- what is not taken ---


def test_a_strangers_envelope_is_answered_by_nobody(world):
    known = subscribe(world)
    known.holder = Holder()  # another relationship key, never seen here
    with pytest.raises(Untrusted) as caught:
        world.verifier.receive_update(known.envelope(known.moved()))
    assert caught.value.code == "update.relationship"
    assert not table(world, "outbox")


def test_one_holder_cannot_speak_for_another(world, mover):
    other = subscribe(world)
    with pytest.raises(Untrusted) as caught:
        world.verifier.receive_update(mover.envelope(mover.moved(record_id=other.record_id)))
    assert caught.value.code == "update.consent"
    assert not world.verifier.history("booking-42")


def test_an_envelope_for_another_box(world, mover):
    with pytest.raises(BindingMismatch) as caught:
        world.verifier.receive_update(mover.envelope(mover.moved(), box="car-two-box"))
    assert caught.value.code == "update.box"


def test_a_message_put_into_another_envelope(world, mover):
    from ssi.envelope import build_set, parse_set

    theirs = parse_set(mover.envelope(mover.moved())).envelope
    mine = subscribe(world)
    address = replace(theirs.address, issuer=mine.id)
    moved = replace(theirs, address=address, relationship=mine.id)
    with pytest.raises(Rejected) as caught:
        world.verifier.receive_update(build_set(moved, mine.holder.pairwise))
    assert caught.value.code == "update.rewrapped"


@pytest.mark.parametrize(
    "alter",
    [
        lambda m: {"presentation": m.holder.self_asserted(
            audience="x509_hash:car-two", nonce=m.nonce, moved_on=MOVED)},
        lambda m: {"presentation": m.holder.self_asserted(
            audience=m.client_id, nonce="other", moved_on=MOVED)},
        lambda m: {"presentation": Holder().self_asserted(
            audience=m.client_id, nonce=m.nonce, moved_on=MOVED)},
        lambda m: {"presentation": m.holder.self_asserted(
            audience=m.client_id, nonce=m.nonce, moved_on=date(2026, 1, 1))},
        lambda m: {"presentation": m.attested(m.nonce)},
        lambda m: {"assurance": Assurance.ATTESTED},
        lambda m: {"presentation": "not-a-presentation"},
    ],
    ids=["audience", "nonce", "key", "day", "attested-as-self", "self-as-attested", "garbage"],
)  # fmt: skip
def test_a_presentation_that_does_not_hold_is_not_applied(world, mover, alter):
    world.verifier.on("address.updated")(lambda _: pytest.fail("applied"))
    facts = send(mover, mover.moved(**alter(mover)))
    assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.NOT_VERIFIED)
    assert not world.verifier.history("booking-42")


def test_an_attested_address_needs_a_good_issuer_and_status(world, mover):
    message = mover.moved(attested=True)
    publish(world.ledger, new_status_list(1024, bits=2).with_status(7, 1), sequence=2)
    assert send(mover, message).code is RejectCode.NOT_VERIFIED
    publish(world.ledger, new_status_list(1024, bits=2), sequence=3)
    assert send(mover, mover.moved(attested=True)).state is Outcome.ACCEPTED
    dates = (Attestable(vct=CredentialType.ADDRESS.value, names=("moved_on",)),)
    world.ledger.change(
        issuer_key(ISSUER), attests=dates, credential_types=(CredentialType.ADDRESS.value,)
    )
    assert send(mover, mover.moved(attested=True)).code is RejectCode.NOT_VERIFIED
    world.ledger.change(issuer_key(ISSUER), attests=None)
    assert send(mover, mover.moved(attested=True)).state is Outcome.ACCEPTED
    world.ledger.change(issuer_key(ISSUER), state=SUSPENDED)
    assert send(mover, mover.moved(attested=True)).code is RejectCode.NOT_VERIFIED


def test_without_the_ledger_an_attested_move_waits(world, mover):
    envelope = mover.envelope(mover.moved(attested=True))
    world.ledger.online = False
    with pytest.raises(Unavailable):
        world.verifier.receive_update(envelope)
    world.ledger.online = True
    assert world.verifier.receive_update(envelope).outcome == "accepted"


# --- withdrawal and rights ---


def test_a_withdrawal_ends_updates_and_is_receipted(world, mover):
    told = []
    world.verifier.on("consent.withdrawn")(told.append)
    assert send(mover, mover.withdrawn()).state is Outcome.ACCEPTED
    (ended,) = told
    assert (ended.reference, ended.record_id) == ("booking-42", mover.record_id)
    facts = send(mover, mover.moved())
    assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.CONSENT_WITHDRAWN)
    assert len(world.verifier.records("booking-42")) == 1  # the duty to keep records goes on


def test_a_withdrawal_by_another_key_is_not_one(world, mover):
    forged = replace(mover.withdrawn(), withdrawal=subscribe(world).withdrawn().withdrawal)
    assert send(mover, forged).code is RejectCode.NOT_VERIFIED
    assert send(mover, mover.moved()).state is Outcome.ACCEPTED


def test_a_rights_request_is_kept_and_told(world, mover):
    told = []
    world.verifier.on("rights.requested")(told.append)
    assert send(mover, mover.asks(RightsKind.DISCLOSE)).state is Outcome.ACCEPTED
    assert told[0].kind is RightsKind.DISCLOSE
    assert table(world, "rights")[0][3] == "disclose"


def test_a_consent_without_updates_receives_none(world):
    holder = Holder()
    request = world.ask(updates=True)
    asked = holder.read(world.verifier, request.link)
    token = holder.consent(asked, "minpaku-one", address_updates=False)
    world.verifier.verify(holder.answer(world.verifier, request.link, consent=token))
    mover = subscribe(world)
    assert mover.record_id
    rows = world.verifier.store.rows("SELECT record_id, updates FROM consents WHERE updates = 0")
    assert len(rows) == 1


@pytest.mark.parametrize("garbage", [b"", b"a.b.c", "é".encode(), b"x" * 140_000])
def test_garbage_is_refused_without_a_trace(world, garbage):
    with pytest.raises(SSIError):
        world.verifier.receive_update(garbage)
    assert not table(world, "inbox")
    assert urn().startswith("urn:uuid:")


# --- a withdrawal that is known only from the chain ---


def withdrawn_on_chain(world, record_id):
    (consent,) = [one for one in world.verifier.consents() if one.record_id == record_id]
    at = int((NOW - timedelta(hours=2)).timestamp())
    record = ConsentRecord(
        state=WITHDRAWN,
        height=7,
        time=at,
        key="k" * 43,
        jwk={"kty": "OKP"},
        until=at + 10**7,
        operator="yubin-box",
        withdrawn_at=at,
    )
    world.ledger.put(consent_key(consent.commitment), record)
    return consent


def test_an_address_after_a_withdrawal_on_the_chain_is_not_taken(world, mover):
    """[TRUST-UPD-5] The message never came; the chain knows."""
    told, moves = [], []
    world.verifier.on("consent.withdrawn")(told.append)
    world.verifier.on("address.updated")(moves.append)
    (consent,) = world.verifier.consents("booking-42")
    assert consent.stands(NOW)
    withdrawn_on_chain(world, consent.record_id)
    for _ in range(2):
        facts = send(mover, mover.moved())
        assert (facts.state, facts.code) == (Outcome.REJECTED, RejectCode.CONSENT_WITHDRAWN)
    assert [(one.reference, one.record_id) for one in told] == [("booking-42", consent.record_id)]
    assert told[0].withdrawn_at == NOW - timedelta(hours=2)
    assert not moves
    assert not world.verifier.history("booking-42")
    assert not world.verifier.consents("booking-42")[0].stands(NOW)


def test_the_firm_learns_of_withdrawals_without_any_message(world, mover):
    """[TRUST-UPD-5]"""
    told = []
    world.verifier.on("consent.withdrawn")(told.append)
    assert world.verifier.refresh_consents(NOW) == ()
    (consent,) = world.verifier.consents()
    withdrawn_on_chain(world, consent.record_id)
    assert world.verifier.refresh_consents(NOW) == (consent.record_id,)
    assert world.verifier.refresh_consents(NOW) == ()
    assert len(told) == 1
    facts = send(mover, mover.withdrawn())
    assert facts.state is Outcome.ACCEPTED
    assert len(told) == 1, "the message tells nothing new"
    assert world.verifier.store.rows("SELECT withdrawal FROM consents") != [(None,)]


def test_a_handler_that_fails_hears_of_the_withdrawal_again(world, mover):
    """[TRUST-UPD-5] [TRUST-EV-1]"""
    calls = []

    @world.verifier.on("consent.withdrawn")
    def fail_once(ended):
        calls.append(ended.record_id)
        if len(calls) == 1:
            raise OSError

    (consent,) = world.verifier.consents()
    withdrawn_on_chain(world, consent.record_id)
    with pytest.raises(Unavailable):
        world.verifier.refresh_consents(NOW)
    assert world.verifier.consents()[0].stands(NOW)
    assert world.verifier.refresh_consents(NOW) == (consent.record_id,)
    assert len(calls) == 2


def test_without_the_ledger_an_address_waits(world, mover):
    """[TRUST-UPD-5]"""
    world.ledger.online = False
    with pytest.raises(Unavailable):
        send(mover, mover.moved())
    world.ledger.online = True
    assert send(mover, mover.moved()).state is Outcome.ACCEPTED
