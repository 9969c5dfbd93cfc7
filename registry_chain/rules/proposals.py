"""Rules for proposals and ballots. [REG-GOV-1] to [REG-GOV-11].

A proposal takes effect whole or not at all, in the transaction that carries it (or, in class A,
that executes it after the timelock).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from registry_chain.records import (
    ACTIVE,
    EXECUTED,
    FAILED,
    OPEN,
    PASSED,
    REJECTED,
    BallotRecord,
    ProposalRecord,
    ballot_key,
    proposal_key,
)
from registry_chain.rules.context import BlockContext, Rule, find, refuse
from registry_chain.rules.electorate import (
    Verdict,
    params,
    require_somebody,
    require_voter,
    standing,
    verdict,
    voters,
)
from registry_chain.state import Changes, Overlay, View
from registry_chain.transactions.governance import (
    Class,
    Execute,
    Propose,
    Vote,
    class_of,
    proposal_digest,
    proposal_id,
)
from ssi.errors import Refused

MAX_OPEN = 90 * 86_400
MAX_WAITING = 30 * 86_400

Actions = Mapping[str, Rule]
_Decide = Callable[[View, str, ProposalRecord, BlockContext], Changes]


def rules(actions: Actions) -> dict[str, Rule]:
    """The rules for proposals whose actions are these."""

    def decide(view: View, name: str, record: ProposalRecord, block: BlockContext) -> Changes:
        """All that the actions change, one after the other [REG-GOV-8]."""
        overlay = Overlay(view)
        for action in record.actions:
            changes = actions[action.type](overlay, proposal_key(name), action.body, block)
            for key, value in changes.items():
                overlay.put(key, value)
        require_somebody(overlay, block)
        return overlay.changes()

    def propose(view: View, account: str, body: Propose, block: BlockContext) -> Changes:
        return _propose(view, account, body, block, decide)

    def vote(view: View, account: str, body: Vote, block: BlockContext) -> Changes:
        return _vote(view, account, body, block, decide)

    def execute(view: View, account: str, body: Execute, block: BlockContext) -> Changes:
        return _execute(view, account, body, block, decide)

    return {Propose.TYPE: propose, Vote.TYPE: vote, Execute.TYPE: execute}


def _propose(
    view: View, account: str, body: Propose, block: BlockContext, decide: _Decide
) -> Changes:
    require_voter(view, account, block, "REG-GOV-1")
    if not block.time < body.expires_at <= block.time + MAX_OPEN:
        raise refuse("REG-GOV-2", "period", "a proposal has no time left, or too much")
    name = proposal_id(body, chain_id=block.chain_id, proposer=account)
    if find(view, ProposalRecord, proposal_key(name)) is not None:
        raise refuse("REG-GOV-2", "proposal_exists", "a proposal has this id already")
    record = ProposalRecord(
        state=OPEN,
        height=block.height,
        time=block.time,
        proposer=account,
        grade=class_of(body.actions).value,
        actions=body.actions,
        digest=proposal_digest(body, chain_id=block.chain_id, proposer=account),
        why=body.reason,
        opened_height=block.height,
        opened_at=block.time,
        expires_at=body.expires_at,
        yes=0,
        no=0,
        voters=0,
    )
    require_voted_then(view, account, record, block)
    changes = _ballot(name, account, record, block, yes=True)
    return _resolved(view, name, record, changes, block, decide)


def require_voted_then(
    view: View, account: str, proposal: ProposalRecord, block: BlockContext
) -> None:
    """Who became a voter after a proposal was made has no ballot on it [REG-GOV-6]."""
    if account not in voters(view, block, before=proposal.opened_height):
        raise refuse("REG-GOV-6", "not_voter_then", "the member became a voter too late for this")


def _vote(view: View, account: str, body: Vote, block: BlockContext, decide: _Decide) -> Changes:
    require_voter(view, account, block, "REG-GOV-1")
    record = _proposal(view, body.proposal)
    if record.state != OPEN:
        raise refuse("REG-GOV-5", "proposal_closed", "the proposal is decided already")
    if block.time >= record.expires_at:
        raise refuse("REG-GOV-5", "proposal_expired", "the time to vote is over")
    if body.digest != record.digest:
        raise refuse("REG-GOV-4", "proposal_digest", "the ballot is about another proposal")
    require_voted_then(view, account, record, block)
    if find(view, BallotRecord, ballot_key(body.proposal, account)) is not None:
        raise refuse("REG-GOV-5", "ballot_cast", "the member has voted on this already")
    changes = _ballot(body.proposal, account, record, block, yes=body.yes)
    try:
        return _resolved(view, body.proposal, record, changes, block, decide)
    except Refused as error:
        failed = replace(
            _counted(view, body.proposal, record, changes, block),
            state=FAILED,
            rule=error.rule,
            error=error.code,
        )
        return changes | {proposal_key(body.proposal): failed.to_bytes()}


def _ballot(
    name: str, account: str, record: ProposalRecord, block: BlockContext, *, yes: bool
) -> Changes:
    ballot = BallotRecord(
        state=ACTIVE, height=block.height, time=block.time, yes=yes, digest=record.digest
    )
    return {ballot_key(name, account): ballot.to_bytes()}


def _counted(
    view: View, name: str, record: ProposalRecord, ballots: Changes, block: BlockContext
) -> ProposalRecord:
    now = standing(_with(view, ballots), name, record, block)
    return replace(
        record,
        height=block.height,
        time=block.time,
        yes=len(now.yes),
        no=len(now.no),
        voters=len(now.voters),
    )


def _with(view: View, changes: Changes) -> Overlay:
    overlay = Overlay(view)
    for key, value in changes.items():
        overlay.put(key, value)
    return overlay


def _resolved(  # noqa: PLR0913, PLR0917 - a ballot and everything it may set off
    view: View,
    name: str,
    record: ProposalRecord,
    ballots: Changes,
    block: BlockContext,
    decide: _Decide,
) -> Changes:
    """What a new ballot brings about, by the voters of this moment."""
    seen = _with(view, ballots)
    counted = _counted(view, name, record, ballots, block)
    found = verdict(seen, record, standing(seen, name, record, block))
    if found is Verdict.LOST:
        counted = replace(counted, state=REJECTED)
    elif found is Verdict.CARRIED:
        wait = params(view).timelock if record.of_class is Class.A else 0
        if not wait:
            effect = decide(seen, name, record, block)
            counted = replace(counted, state=EXECUTED)
            return ballots | effect | {proposal_key(name): counted.to_bytes()}
        counted = replace(counted, state=PASSED, executable_at=block.time + wait)
    return ballots | {proposal_key(name): counted.to_bytes()}


def _execute(
    view: View, account: str, body: Execute, block: BlockContext, decide: _Decide
) -> Changes:
    require_voter(view, account, block, "REG-GOV-1")
    record = _proposal(view, body.proposal)
    if record.state != PASSED or record.executable_at is None:
        raise refuse(
            "REG-GOV-9", "proposal_not_passed", "the proposal does not wait to be executed"
        )
    if block.time < record.executable_at:
        raise refuse("REG-GOV-9", "timelock", "the proposal's timelock is not over")
    if block.time >= record.executable_at + MAX_WAITING:
        raise refuse("REG-GOV-9", "proposal_expired", "the time to execute it is over")
    if verdict(view, record, standing(view, body.proposal, record, block)) is not Verdict.CARRIED:
        raise refuse("REG-GOV-9", "not_carried", "the voters of today do not carry it any more")
    effect = decide(view, body.proposal, record, block)
    done = replace(_counted(view, body.proposal, record, {}, block), state=EXECUTED)
    return effect | {proposal_key(body.proposal): done.to_bytes()}


def _proposal(view: View, name: str) -> ProposalRecord:
    record = find(view, ProposalRecord, proposal_key(name))
    if record is None:
        raise refuse("REG-GOV-5", "proposal_unknown", "no proposal has this id")
    return record
