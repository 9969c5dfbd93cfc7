"""From a wallet's outbox through the mailbox to a firm's inbox and back, with everything failing.

Envelopes are pushed twice, acknowledgements and answers get lost, firm and mailbox restart, the
order changes: each update is applied at most once, in the end the newest address stands, and the
chain holds one notice and one answer for each.
"""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from postbox.committer import commit_due
from registry_chain.records import ack_key, notice_key
from registry_chain.transactions import CommitAcks, CommitNotices
from ssi.delivery import DeliveryEvent, DeliveryState, advance, answered
from ssi.envelope import Envelope, parse_set, unseal, verify_firm_set, verify_holder_set
from ssi.errors import Rejected, Replayed, Unavailable
from ssi.updates import AddressUpdate, Receipt, check_sequence, parse_message, verify_receipt
from tests.support.effort import examples
from tests.support.postbox import open_mailbox
from tests.support.relations import (
    FIRM,
    FIRM_KEYS,
    FIRM_SEAL,
    FIRM_SEAL_KID,
    NOW,
    Holder,
    address_update,
    answer_envelope,
    event_id,
    firm_set,
)

YAMADA = Holder()


class Delivery(RuleBasedStateMachine):
    """One holder, one firm, one mailbox."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.mailbox = open_mailbox(Path(self.folder.name))
        self.return_box, self.holder_token = self.mailbox.return_box(YAMADA)
        _, self.firm_token = self.mailbox.firm_box()
        self.sent: list[Envelope] = []
        self.states: list[DeliveryState] = []
        # The firm's own tables: what it applied, and the answer it stored for each envelope.
        self.applied: list[int] = []
        self.answers: dict[str, str] = {}

    def teardown(self):
        self._quiet_end()
        self.mailbox.services.db.close()
        self.folder.cleanup()

    # --- the holder ---

    @precondition(lambda self: len(self.sent) < 6)
    @rule()
    def move(self):
        number = len(self.sent) + 1
        update = address_update(number)
        self.sent.append(YAMADA.envelope(update, name=f"update {number}"))
        self.states.append(DeliveryState.QUEUED)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), heard=st.booleans())
    def push(self, data, heard):
        """Push any envelope, new or old; sometimes the 202 is not heard."""
        number = data.draw(st.integers(0, len(self.sent) - 1))
        answer = self.mailbox.push(YAMADA.set_of(self.sent[number]))
        assert answer.status_code == 202
        if heard and self.states[number] is DeliveryState.QUEUED:
            self.states[number] = advance(self.states[number], DeliveryEvent.STORED)

    @rule(acknowledged=st.booleans())
    def read_answers(self, acknowledged):
        sets = self.mailbox.poll(self.holder_token).json["sets"]
        for token in sets.values():
            self._take_receipt(token)
        if acknowledged:
            self.mailbox.poll(self.holder_token, maxEvents=0, ack=list(sets))

    def _take_receipt(self, token):
        received = verify_firm_set(parse_set(token), verifier_id=FIRM, keys=FIRM_KEYS, now=NOW)
        message = parse_message(unseal(received, {"back-1": YAMADA.seal_key}))
        assert isinstance(message, Receipt)
        (number,) = (
            n for n, e in enumerate(self.sent) if e.address.jti == received.envelope.in_reply_to
        )
        envelope = self.sent[number]
        receipt = verify_receipt(
            message,
            verifier_id=FIRM,
            keys=FIRM_KEYS,
            jti=envelope.address.jti,
            sealed=envelope.sealed,
        )
        self.states[number] = advance(self.states[number], answered(receipt.facts.state))

    # --- the firm ---

    @rule(limit=st.integers(1, 3), crash=st.sampled_from(["no", "before answer", "before ack"]))
    def firm_polls(self, limit, crash):
        sets = self.mailbox.poll(self.firm_token, maxEvents=limit).json["sets"]
        for jti, token in sets.items():
            self._apply(token)
            if crash == "before answer":
                return
            assert self.mailbox.push(self.answers[jti]).status_code == 202
        if crash == "no":
            self.mailbox.poll(self.firm_token, maxEvents=0, ack=list(sets))

    def _apply(self, token):
        received = verify_holder_set(parse_set(token), now=NOW)
        envelope = received.envelope
        if envelope.address.jti in self.answers:
            return
        update = parse_message(unseal(received, {FIRM_SEAL_KID: FIRM_SEAL}))
        assert isinstance(update, AddressUpdate)
        last = self.applied[-1] if self.applied else 0
        try:
            check_sequence(
                applied=last,
                applied_event=event_id(last),
                sequence=update.sequence,
                event_id=update.event_id,
            )
        except Replayed:
            pass
        else:
            self.applied.append(update.sequence)
        answer = answer_envelope(
            YAMADA, envelope, box=self.return_box, name=f"answer {envelope.address.jti}"
        )
        self.answers[envelope.address.jti] = firm_set(answer)

    # --- the mailbox ---

    @rule(lost=st.integers(0, 1))
    def commit(self, lost):
        self.mailbox.ledger.lose_answers = lost
        try:
            commit_due(self.mailbox.services, holder="a")
        except Unavailable:
            assert lost
        self.mailbox.ledger.lose_answers = 0

    @rule()
    def restart_mailbox(self):
        ledger = self.mailbox.ledger
        self.mailbox.services.db.close()
        self.mailbox = open_mailbox(Path(self.folder.name), ledger=ledger)

    @rule()
    def forge(self):
        """A stranger pushes what he saw, changed; it must not get in."""
        if self.sent:
            token = YAMADA.set_of(self.sent[0])
            changed = token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB")
            assert self.mailbox.push(changed).status_code == 400

    # --- what must always hold ---

    @invariant()
    def applied_once_and_forward(self):
        assert self.applied == sorted(set(self.applied))

    def _quiet_end(self):
        """Everybody is well again: everything arrives."""
        for number in range(len(self.sent)):
            self.push_again(number)
        while sets := self.mailbox.poll(self.firm_token).json["sets"]:
            for token in sets.values():
                self._apply(token)
            for jti in sets:
                self.mailbox.push(self.answers[jti])
            self.mailbox.poll(self.firm_token, maxEvents=0, ack=list(sets))
        self.read_answers_to_the_end()
        commit_due(self.mailbox.services, holder="a")
        assert all(state is DeliveryState.ACCEPTED for state in self.states)
        assert self.applied[-1:] == [len(self.sent)] * bool(self.sent)
        for envelope in self.sent:
            assert self.mailbox.ledger.record(notice_key(envelope.commitment)) is not None
            assert self.mailbox.ledger.record(ack_key(envelope.commitment)) is not None
        for kind in (CommitNotices, CommitAcks):
            items = [i for b in self.mailbox.ledger.batches if isinstance(b, kind) for i in b.items]
            assert len(items) == len(set(items)) == len(self.sent)

    def push_again(self, number):
        assert self.mailbox.push(YAMADA.set_of(self.sent[number])).status_code == 202

    def read_answers_to_the_end(self):
        while sets := self.mailbox.poll(self.holder_token).json["sets"]:
            for token in sets.values():
                self._take_receipt(token)
            self.mailbox.poll(self.holder_token, maxEvents=0, ack=list(sets))


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(
    max_examples=examples(15),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_a_refused_move_leaves_the_state_alone():
    """[SHA-UPD-5]"""
    for state in DeliveryState:
        for event in DeliveryEvent:
            try:
                assert advance(state, event) in DeliveryState
            except Rejected as error:
                assert error.code == "update.transition"  # noqa: PT017 - both ways are checked
