"""Proposals and ballots against a plain model that counts with fractions.

[REG-GOV-3], [REG-GOV-5], [REG-GOV-6], [REG-GOV-7], [REG-GOV-8], [REG-GOV-9], [REG-EMG-8].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from registry_chain.transactions import (
    Body,
    EmergencySuspend,
    Execute,
    PublishSchema,
    SetParams,
    SetRoles,
    Vote,
)
from ssi.errors import Refused
from tests.support.council import Council, expulsion, newcomer
from tests.support.effort import examples
from tests.support.registry import DAY, KYC, proposal

NUMBERS = st.integers(1, 7)
KINDS = st.sampled_from(["schema", "admit", "expel", "unvote", "params"])
WEEK = 7 * DAY


@dataclass
class Member:
    """What the model knows of a voter."""

    since: int = 0
    votes: bool = True
    there: bool = True


@dataclass
class Asked:
    """What the model knows of a proposal."""

    kind: str
    about: str
    opened: int
    ends: int
    state: str = "open"
    waits: int = 0
    ballots: dict[str, bool] = field(default_factory=dict)


class Assembly(RuleBasedStateMachine):
    """Up to seven voters propose, vote, admit, expel and call for emergencies."""

    @initialize(voters=st.integers(1, 5))
    def found(self, voters: int) -> None:
        self.ledger = Council.of(voters)
        self.members = {f"voter-{number}": Member() for number in range(1, voters + 1)}
        self.asked: dict[str, Asked] = {}
        self.called: dict[str, str] = {}

    # --- the model ---

    def electors(self, before: int | None = None) -> list[str]:
        return [
            name
            for name, member in self.members.items()
            if member.votes and member.there and (before is None or member.since < before)
        ]

    def carried(self, asked: Asked, *, silent_are_yes: bool) -> bool:
        everyone = self.electors(asked.opened)
        left_out = asked.about if asked.kind in {"expel", "unvote"} else ""
        rest = [name for name in everyone if name != left_out] or everyone
        yes = sum(asked.ballots.get(name, silent_are_yes) for name in rest)
        part = Fraction(yes, len(rest)) if rest else Fraction(0)
        if asked.kind == "params":
            return part >= Fraction(3, 4)
        if asked.kind == "schema":
            return part > Fraction(1, 2)
        return part > Fraction(2, 3) and (len(rest) == len(everyone) or 2 * yes > len(everyone))

    def effect(self, asked: Asked) -> bool:
        """Apply what was carried; false when a rule stands against it."""
        member = self.members.get(asked.about)
        if asked.kind == "admit":
            if member is not None:
                return False
            self.members[asked.about] = Member(since=self.ledger.height)
        elif asked.kind in {"expel", "unvote"}:
            if member is None or not member.there:
                return False
            if self.electors() == [asked.about]:
                return False
            member.votes = False
            member.there = asked.kind != "expel"
        return True

    def resolve(self, asked: Asked, *, own: bool) -> bool:
        """What a ballot sets off; false when the transaction itself is refused."""
        if self.carried(asked, silent_are_yes=False):
            if asked.kind == "params":
                asked.state, asked.waits = "passed", self.ledger.time + WEEK
            elif self.effect(asked):
                asked.state = "executed"
            elif own:
                return False
            else:
                asked.state = "failed"
        elif not self.carried(asked, silent_are_yes=True):
            asked.state = "rejected"
        return True

    def attempt(self, account: str, body: Body) -> bool:
        before = dict(self.ledger.state)
        try:
            self.ledger.do(account, body)
        except Refused:
            assert self.ledger.state == before
            return False
        return True

    def name(self, number: int) -> str:
        names = sorted(self.members)
        return names[number % len(names)]

    # --- what may happen ---

    @rule(
        by=NUMBERS,
        kind=st.sampled_from(["schema", "admit", "expel", "unvote", "params"]),
        n=NUMBERS,
    )
    def propose(self, by: int, kind: str, n: int) -> None:
        account = self.name(by)
        about = {"schema": "", "params": ""}.get(kind, f"voter-{n}")
        number = len(self.asked)
        bodies: dict[str, Body] = {
            "schema": PublishSchema(
                name=f"type-{number}", version=1, vct=KYC, type_metadata={}, json_schema={}
            ),
            "admit": newcomer(f"voter-{n}"),
            "expel": expulsion(f"voter-{n}"),
            "unvote": SetRoles(member=f"voter-{n}", roles=("auditor",)),
            "params": SetParams(timelock=WEEK + number),
        }
        asked = Asked(
            kind=kind,
            about=about,
            opened=self.ledger.height,
            ends=self.ledger.time + DAY,
            ballots={account: True},
        )
        name = f"asked-{number}"
        may = account in self.electors(asked.opened)
        expected = may and self.resolve(asked, own=True)
        done = self.attempt(account, proposal(bodies[kind], at=self.ledger.time, id=name))
        assert done == expected
        if done:
            self.asked[name] = asked

    @rule(by=NUMBERS, which=st.integers(0, 30), yes=st.booleans())
    def vote(self, by: int, which: int, *, yes: bool) -> None:
        if not self.asked:
            return
        account, name = self.name(by), f"asked-{which % len(self.asked)}"
        if name not in self.asked:
            return
        asked = self.asked[name]
        may = (
            asked.state == "open"
            and self.ledger.time < asked.ends
            and account in self.electors(asked.opened)
            and account not in asked.ballots
        )
        if may:
            asked.ballots[account] = yes
            self.resolve(asked, own=False)
        digest = self.ledger.proposal(name).digest
        assert self.attempt(account, Vote(proposal=name, digest=digest, yes=yes)) == may

    @rule(by=NUMBERS, which=st.integers(0, 30))
    def execute(self, by: int, which: int) -> None:
        name, account = f"asked-{which}", self.name(by)
        asked = self.asked.get(name)
        may = (
            asked is not None
            and account in self.electors()
            and asked.state == "passed"
            and asked.waits <= self.ledger.time < asked.waits + 30 * DAY
            and self.carried(asked, silent_are_yes=False)
        )
        assert self.attempt(account, Execute(proposal=name)) == may
        if may and asked is not None:
            asked.state = "executed"

    @rule(by=NUMBERS, n=NUMBERS)
    def call(self, by: int, n: int) -> None:
        """An emergency stops a voter, and takes no ballot from it; the model need not know more."""
        account, target = self.name(by), f"voter-{n}"
        if account != target:
            self.attempt(account, EmergencySuspend(target=f"member/{target}", reason="x"))

    @rule(hours=st.sampled_from([1, 20, 100, 200]))
    def wait(self, hours: int) -> None:
        self.ledger.time += hours * 3600

    @invariant()
    def the_chain_says_what_the_model_says(self) -> None:
        if not hasattr(self, "ledger"):
            return
        for name, asked in self.asked.items():
            assert self.ledger.proposal(name).state == asked.state, name
        there = {name for name, member in self.members.items() if member.votes and member.there}
        assert set(self.ledger.voters()) == there
        assert there


Assembly.TestCase.settings = settings(
    max_examples=examples(30), stateful_step_count=30, deadline=None
)
TestAssembly = Assembly.TestCase
