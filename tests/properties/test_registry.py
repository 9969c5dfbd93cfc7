"""The registry against a plain dictionary, hostile bytes, and other hash seeds."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from registry_chain.rules import apply_tx, lane_seq
from registry_chain.transactions import (
    ACTIONS,
    AckItem,
    AnchorBatch,
    Body,
    CommitAcks,
    CommitNotices,
    NoticeItem,
    RecordConsents,
    ReinstateIssuer,
    ReinstateMember,
    SuspendIssuer,
    SuspendMember,
    WithdrawConsents,
    build_consent_item,
    build_withdrawal_item,
    parse_tx,
)
from ssi.encoding import b64url_decode, b64url_encode, parse_json_object
from ssi.errors import Refused, Rejected
from tests.support.effort import examples
from tests.support.registry import (
    CHAIN,
    T0,
    YEAR,
    Ledger,
    digest_of,
    proposal,
    settled,
    signer,
)

ACCOUNTS = st.sampled_from(["council", "city-kyc", "minpaku-one", "yubin-box", "watcher"])
NAMES = st.integers(0, 3).map(lambda n: f"n{n}")
HOLDERS = st.integers(0, 1).map(lambda n: f"holder {n}")


class RegistryMachine(RuleBasedStateMachine):
    """A model that knows only who may do what, beside the real rules."""

    @initialize()
    def found(self) -> None:
        self.ledger = settled()
        self.suspended: dict[str, bool] = {}
        self.issuer_stopped_by: str | None = None
        self.consents: dict[str, tuple[str, bool]] = {}
        self.notices: dict[str, int] = {}
        self.acks: dict[str, str] = {}
        self.batches: dict[str, str] = {}
        self.done = 0

    def attempt(self, account: str, body: Body, *, allowed: bool) -> None:
        """The rules must agree with the model, and a refusal must change nothing."""
        allowed = allowed and not self.suspended.get(account, False)
        before = dict(self.ledger.state)
        if account == "council" and body.TYPE in ACTIONS:
            body = proposal(body, at=self.ledger.time)
        try:
            self.ledger.do(account, body)
            done = True
        except Refused:
            done = False
        assert done == allowed
        assert done or self.ledger.state == before
        self.done += done

    @rule(account=ACCOUNTS, member=ACCOUNTS)
    def suspend_member(self, account: str, member: str) -> None:
        live = not self.suspended.get(member, False)
        allowed = account == "council" and member != "council" and live
        self.attempt(account, SuspendMember(member=member, reason="x"), allowed=allowed)
        if allowed:
            self.suspended[member] = True

    @rule(account=ACCOUNTS, member=ACCOUNTS)
    def reinstate_member(self, account: str, member: str) -> None:
        allowed = account == "council" and self.suspended.get(member, False)
        self.attempt(account, ReinstateMember(member=member), allowed=allowed)
        if allowed:
            self.suspended[member] = False

    @rule(account=ACCOUNTS)
    def suspend_issuer(self, account: str) -> None:
        may = account in ("council", "city-kyc") and self.issuer_stopped_by is None
        live = not self.suspended.get(account, False)
        self.attempt(account, SuspendIssuer(issuer="city-kyc", reason="x"), allowed=may)
        if may and live:
            self.issuer_stopped_by = account

    @rule(account=ACCOUNTS)
    def reinstate_issuer(self, account: str) -> None:
        by = self.issuer_stopped_by
        may = by is not None and (account == "council" or account == by == "city-kyc")
        may = may and not self.suspended.get("city-kyc", False)
        live = not self.suspended.get(account, False)
        self.attempt(account, ReinstateIssuer(issuer="city-kyc"), allowed=may)
        if may and live:
            self.issuer_stopped_by = None

    @rule(account=ACCOUNTS, name=NAMES, root=NAMES)
    def anchor(self, account: str, name: str, root: str) -> None:
        may = account == "city-kyc" and not self.issuer_stopped_by and name not in self.batches
        live = not self.suspended.get(account, False)
        body = AnchorBatch(batch=f"batch-{name}", root=digest_of(root), size=1)
        self.attempt(account, body, allowed=may)
        if may and live:
            self.batches[name] = root

    @rule(account=ACCOUNTS, name=NAMES, holder=HOLDERS)
    def consent(self, account: str, name: str, holder: str) -> None:
        known = self.consents.get(name)
        may = account == "yubin-box" and (known is None or known[0] == holder)
        live = not self.suspended.get(account, False)
        item = build_consent_item(
            signer(holder), chain_id=CHAIN, commitment=digest_of(name), until=T0 + YEAR
        )
        self.attempt(account, RecordConsents(items=(item,)), allowed=may)
        if may and live and known is None:
            self.consents[name] = (holder, True)

    @rule(account=ACCOUNTS, name=NAMES, holder=HOLDERS)
    def withdraw(self, account: str, name: str, holder: str) -> None:
        known = self.consents.get(name)
        may = account == "yubin-box" and known is not None and known[0] == holder
        live = not self.suspended.get(account, False)
        item = build_withdrawal_item(signer(holder), chain_id=CHAIN, commitment=digest_of(name))
        self.attempt(account, WithdrawConsents(items=(item,)), allowed=may)
        if may and live:
            self.consents[name] = (holder, False)

    @rule(account=ACCOUNTS, name=NAMES, days=st.integers(1, 2))
    def notice(self, account: str, name: str, days: int) -> None:
        deadline = T0 + YEAR + days
        may = account == "yubin-box" and self.notices.get(name, deadline) == deadline
        live = not self.suspended.get(account, False)
        item = NoticeItem(commitment=digest_of(name), deadline=deadline)
        self.attempt(account, CommitNotices(items=(item,)), allowed=may)
        if may and live:
            self.notices[name] = deadline

    @rule(account=ACCOUNTS, name=NAMES, ack=NAMES)
    def answer(self, account: str, name: str, ack: str) -> None:
        known = name in self.notices and self.acks.get(name, ack) == ack
        may = account == "yubin-box" and known
        live = not self.suspended.get(account, False)
        item = AckItem(notice=digest_of(name), ack=digest_of(ack))
        self.attempt(account, CommitAcks(items=(item,)), allowed=may)
        if may and live:
            self.acks[name] = ack

    @invariant()
    def records_are_as_the_model_says(self) -> None:
        if not hasattr(self, "ledger"):
            return
        state = self.ledger.state
        for name, (_, stands) in self.consents.items():
            record = parse_json_object(state[f"consent/{digest_of(name)}"])
            assert record["state"] == ("given" if stands else "withdrawn")
        for name, deadline in self.notices.items():
            assert parse_json_object(state[f"notice/{digest_of(name)}"])["deadline"] == deadline
        for name, ack in self.acks.items():
            assert parse_json_object(state[f"ack/{digest_of(name)}"])["ack"] == digest_of(ack)
        for name, root in self.batches.items():
            key = f"anchor/city-kyc/batch-{name}"
            assert parse_json_object(state[key])["root"] == digest_of(root)
        total = sum(lane_seq(self.ledger, account, 0) for account in _all_accounts())
        assert total == self.done + 3  # the three of settled()


def _all_accounts() -> tuple[str, ...]:
    return ("council", "city-kyc", "minpaku-one", "yubin-box", "watcher")


RegistryMachine.TestCase.settings = settings(
    max_examples=examples(25), stateful_step_count=30, deadline=None
)
TestRegistryMachine = RegistryMachine.TestCase


LEDGER = settled()
SAMPLES = tuple(
    LEDGER.tx(account, body).encode()
    for account, body in (
        ("council", proposal(SuspendMember(member="watcher", reason="x"), at=T0)),
        ("city-kyc", AnchorBatch(batch="batch-1", root=digest_of("r"), size=3)),
        (
            "yubin-box",
            RecordConsents(
                items=(
                    build_consent_item(
                        signer("holder"),
                        chain_id=CHAIN,
                        commitment=digest_of("c"),
                        until=T0 + YEAR,
                    ),
                )
            ),
        ),
    )
)


def judged(raw: bytes) -> bool:
    """Whether the bytes are accepted; any other end than a refusal is a failure."""
    before = dict(LEDGER.state)
    try:
        apply_tx(LEDGER, parse_tx(raw), LEDGER.block)
    except (Rejected, Refused):
        assert before == LEDGER.state
        return False
    return True


def test_the_samples_themselves_are_accepted() -> None:
    assert all(judged(raw) for raw in SAMPLES)


def _mutated(count: int) -> None:
    """Deterministic mutations: flipped bits, bytes cut, doubled, swapped, replaced."""
    source = random.Random(20_261_123)
    spice = (b".", b"=", b"\x00", b"\xff", b"e30", b"..", b"-", "é".encode())
    for _ in range(count):
        raw = bytearray(source.choice(SAMPLES))
        for _ in range(source.randint(1, 3)):
            at, kind = source.randrange(len(raw)), source.randrange(5)
            if kind == 0:
                raw[at] ^= 1 << source.randrange(8)
            elif kind == 1:
                del raw[at : at + source.randint(1, 40)]
            elif kind == 2:
                raw[at:at] = raw[at : at + source.randint(1, 40)]
            elif kind == 3:
                raw[at:at] = source.choice(spice)
            else:
                other = source.choice(SAMPLES)
                raw = raw[:at] + bytearray(other[at:])
            if not raw:
                raw = bytearray(b".")
        if bytes(raw) not in SAMPLES:
            assert not judged(bytes(raw))
        assert not judged(_changed_inside(source))


def _changed_inside(source: random.Random) -> bytes:
    """A transaction whose payload differs in one byte, under the old signature."""
    head, payload, signature = source.choice(SAMPLES).decode().split(".")
    inner = bytearray(b64url_decode(payload))
    inner[source.randrange(len(inner))] ^= 1 << source.randrange(8)
    return f"{head}.{b64url_encode(bytes(inner))}.{signature}".encode()


def test_mutated_transactions_are_refused_and_change_nothing() -> None:
    """[REG-TX-7]: ten thousand of them, none crashes."""
    _mutated(10_000)


@pytest.mark.slow
def test_a_million_mutated_transactions() -> None:
    """[REG-TX-7]"""
    _mutated(1_000_000)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_signed_bodies_of_any_shape_are_refused_in_order(data: st.DataObject) -> None:
    """[REG-TX-8]: a member who signs nonsense gets an answer, not a crash."""
    from registry_chain.transactions import TX_TYP, TX_TYPES
    from ssi.encoding import canonical_json
    from ssi.jose import sign_jws

    kind = data.draw(st.sampled_from(sorted(TX_TYPES)))
    names = ["member", "issuer", "verifier", "items", "keys", "name", "profile", "reason", "token"]
    body = data.draw(st.dictionaries(st.sampled_from(names), JSON_VALUES, max_size=5))
    key = signer("council")
    payload = {
        "account": "council",
        "body": body,
        "chain_id": CHAIN,
        "lane": 1,
        "seq": 1,
        "type": kind,
        "valid_until_height": LEDGER.height + 9,
    }
    header = {"kid": key.public_key.thumbprint()}
    try:
        raw = canonical_json(payload)
    except ValueError:
        return  # a lone surrogate cannot be sent at all
    judged(sign_jws(raw, key, typ=TX_TYP, header=header).encode())


@settings(max_examples=examples(300), deadline=None)
@given(value=JSON_VALUES)
def test_the_quick_canonical_form_is_the_canonical_form(value: object) -> None:
    """[REG-TX-1]"""
    from registry_chain.transactions.fields import canonical
    from ssi.encoding import canonical_json

    try:
        expected = canonical_json(value)  # type: ignore[arg-type]
    except ValueError:
        return  # a lone surrogate has no canonical form
    assert canonical(value) == expected  # type: ignore[arg-type]


_REPLAY = """
import sys, tempfile
from pathlib import Path
from registry_chain.application import Application
from registry_chain.store import Store
from tests.support.registry import make_genesis
raw = sys.stdin.buffer.read().split(b"\\n")
with tempfile.TemporaryDirectory() as folder:
    store = Store(Path(folder) / "s.db")
    app = Application(store, "test-chain")
    app.init_genesis(make_genesis()); app.commit()
    for height, tx in enumerate(raw, 1):
        print(app.finalize(height, 1764000060 + height, [tx, b"junk"]).app_hash.hex())
        app.commit()
    store.close()
"""


def test_the_same_transactions_give_the_same_roots_everywhere(tmp_path: Path) -> None:
    """[REG-APP-3]: other hash seeds, time zones and locales."""
    ledger, raw = Ledger(), []
    from tests.support.registry import accreditation, operation, registration

    for account, body in (
        ("council", proposal(accreditation(), at=T0)),
        ("council", proposal(registration(), at=T0)),
        ("council", proposal(operation(), at=T0)),
        ("yubin-box", RecordConsents.from_json(_consents(40))),
        ("city-kyc", AnchorBatch(batch="batch-1", root=digest_of("r"), size=3)),
    ):
        raw.append(ledger.tx(account, body))
        ledger.put(raw[-1])
    roots = []
    for seed, zone, lang in (("0", "UTC", "C"), ("1", "Asia/Tokyo", "C.UTF-8"), ("77", "UTC", "C")):
        done = subprocess.run(
            [sys.executable, "-c", _REPLAY],
            input="\n".join(raw).encode(),
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": lang},
        )
        roots.append(done.stdout)
    assert roots[0].count(b"\n") == len(raw)
    assert roots[0] == roots[1] == roots[2]


def _consents(count: int) -> dict[str, object]:
    from registry_chain.transactions.fields import plain

    return {
        "items": [
            plain(
                build_consent_item(
                    signer(f"holder {n}"),
                    chain_id=CHAIN,
                    commitment=digest_of(f"c{n}"),
                    until=T0 + YEAR,
                )
            )
            for n in range(count)
        ]
    }
