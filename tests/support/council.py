"""A ledger with several voters, for tests of governance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from registry_chain.records import MemberRecord, ProposalRecord, proposal_key
from registry_chain.transactions import (
    AdmitMember,
    Body,
    EmergencySuspend,
    Execute,
    ExpelMember,
    Vote,
)
from registry_chain.transactions.fields import bare_jwk
from tests.support.registry import (
    ROLES,
    Ledger,
    accreditation,
    make_genesis,
    member_name,
    operation,
    proposal,
    registration,
    signer,
)

OTHERS = {name: roles for name, roles in ROLES.items() if name != "council"}


def voter(number: int) -> str:
    return f"voter-{number}"


class Council(Ledger):
    """Voters ``voter-1`` to ``voter-n`` beside the usual members."""

    @classmethod
    def of(cls, voters: int, **genesis: Any) -> Council:
        seats = {voter(number): ("voter",) for number in range(1, voters + 1)}
        return cls(genesis=make_genesis(roles=seats | OTHERS, **genesis))

    def propose(self, account: str, *bodies: Body, **changes: Any) -> str:
        """Propose and return the proposal's id."""
        body = proposal(*bodies, at=self.time, **changes)
        self.do(account, body)
        assert body.id is not None
        return body.id

    def proposal(self, name: str) -> ProposalRecord:
        return ProposalRecord.from_bytes(self.state[proposal_key(name)])

    def vote(self, account: str, name: str, *, yes: bool = True, **changes: Any) -> None:
        body = Vote(proposal=name, digest=self.proposal(name).digest, yes=yes)
        self.do(account, replace(body, **changes))

    def carry(self, *bodies: Body) -> str:
        """Have all voters vote for it, until it is decided."""
        name = self.propose(self.voters()[0], *bodies)
        for account in self.voters()[1:]:
            if self.proposal(name).state != "open":
                break
            self.vote(account, name)
        return name

    def execute(self, account: str, name: str) -> None:
        self.do(account, Execute(proposal=name))

    def call(self, account: str, target: str) -> None:
        self.do(account, EmergencySuspend(target=target, reason="stolen"))

    def voters(self) -> list[str]:
        names = [key.removeprefix("member/") for key in self.state if key.startswith("member/")]
        return sorted(name for name in names if self.votes(name))

    def votes(self, name: str) -> bool:
        record = self.member(name)
        return "voter" in record.roles and record.state != "expelled"

    def member(self, name: str) -> MemberRecord:
        return MemberRecord.from_bytes(self.state[f"member/{name}"])

    def settle(self) -> Council:
        """Accredit the usual issuer, firm and operator."""
        self.carry(accreditation(), registration(), operation())
        return self


def newcomer(name: str, *roles: str) -> AdmitMember:
    return AdmitMember(
        member=name,
        name=member_name(name),
        roles=roles or ("voter",),
        keys=(bare_jwk(signer(name).public_key),),
    )


def expulsion(name: str) -> ExpelMember:
    return ExpelMember(member=name, reason="fraud")
