"""Who may vote on a proposal, and whether it is carried. [REG-GOV-3] to [REG-GOV-7].

An emergency takes away everything but the ballot: if it took that too, two voters could silence
the rest for three days and decide alone.
"""

from dataclasses import dataclass
from enum import Enum

from registry_chain.records import (
    ACTIVE,
    PARAMS_KEY,
    ROLL_KEY,
    SUSPENDED,
    BallotRecord,
    MemberRecord,
    ParamsRecord,
    ProposalRecord,
    Roll,
    ValidatorRecord,
    ballot_key,
    member_key,
    validator_key,
)
from registry_chain.rules.context import BlockContext, find, refuse
from registry_chain.state import Changes, View
from registry_chain.transactions.bodies import (
    Body,
    ReinstateMember,
    SuspendMember,
    UpdateMemberKeys,
)
from registry_chain.transactions.decisions import ExpelMember, SetRoles
from registry_chain.transactions.governance import Class
from registry_chain.transactions.validators import (
    AddValidator,
    RemoveValidator,
    ReplaceValidator,
    ReweighValidator,
)

VOTER = "voter"
EMERGENCY = "emergency/"


class Verdict(Enum):
    """How a proposal stands."""

    CARRIED = "carried"
    UNDECIDED = "undecided"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The voters of a proposal now, and those who said yes or no."""

    voters: tuple[str, ...]
    yes: tuple[str, ...]
    no: tuple[str, ...]


def params(view: View) -> ParamsRecord:
    """How decisions are taken on this chain."""
    record = find(view, ParamsRecord, PARAMS_KEY)
    if record is None:
        raise TypeError("the genesis fixes how decisions are taken")
    return record


def roll(view: View) -> tuple[str, ...]:
    """The ids of the members with a vote."""
    record = find(view, Roll, ROLL_KEY)
    return () if record is None else record.voters


def enrolled(view: View, member: str, block: BlockContext, *, votes: bool) -> Changes:
    """The roll after a member got or lost the vote."""
    before = roll(view)
    if (member in before) == votes:
        return {}
    kept = [name for name in before if name != member]
    voters = tuple(sorted([*kept, member])) if votes else tuple(kept)
    record = Roll(state=ACTIVE, height=block.height, time=block.time, voters=voters)
    return {ROLL_KEY: record.to_bytes()}


def voters(view: View, block: BlockContext, *, before: int | None = None) -> tuple[str, ...]:
    """The members who may vote now; with ``before``, on what was proposed at that height."""
    return tuple(name for name in roll(view) if _votes(view, name, block, before))


def _votes(view: View, name: str, block: BlockContext, before: int | None) -> bool:
    record = find(view, MemberRecord, member_key(name))
    if record is None or record.voter_since is None:
        return False
    if before is not None and record.voter_since >= before:
        return False
    return keeps_ballot(record.settled(block.time))


def keeps_ballot(record: MemberRecord) -> bool:
    """Whether a member may vote: active, or stopped only by an emergency that others called."""
    by_emergency = (record.suspended_by or "").startswith(EMERGENCY)
    active = record.state == ACTIVE or (record.state == SUSPENDED and by_emergency)
    return active and VOTER in record.roles


def require_voter(view: View, account: str, block: BlockContext, rule: str) -> None:
    """Only a voter may go on."""
    if account not in voters(view, block):
        raise refuse(rule, "not_voter", "only a voter may do this")


def require_active_voter(view: View, account: str, block: BlockContext, rule: str) -> None:
    """Only a voter who is not stopped himself may go on."""
    if not is_active_voter(view, account, block):
        raise refuse(rule, "not_voter", "only a voter may do this")


def is_active_voter(view: View, account: str, block: BlockContext) -> bool:
    """Whether the account is a voter whom nothing stops."""
    record = find(view, MemberRecord, member_key(account))
    active = record is not None and record.settled(block.time).state == ACTIVE
    return active and account in voters(view, block)


def standing(view: View, name: str, proposal: ProposalRecord, block: BlockContext) -> Standing:
    """Count the ballots of those who may vote now [REG-GOV-6]."""
    now = voters(view, block, before=proposal.opened_height)
    ballots = {member: find(view, BallotRecord, ballot_key(name, member)) for member in now}
    return Standing(
        voters=now,
        yes=tuple(member for member, ballot in ballots.items() if ballot and ballot.yes),
        no=tuple(member for member, ballot in ballots.items() if ballot and not ballot.yes),
    )


def verdict(view: View, proposal: ProposalRecord, now: Standing) -> Verdict:
    """Whether every action of the proposal has the majority its class needs [REG-GOV-3].

    The subject of an action is left out for that action alone: if it were left out for the whole
    proposal, naming one's opponents would be enough to outvote them.
    """
    needed = majority(params(view), proposal.of_class)
    subjects = dict.fromkeys(subject(view, action.body) for action in proposal.actions)
    tests = [_Test.of(now, one, needed, proposal.of_class) for one in subjects]
    if all(test.met for test in tests):
        return Verdict.CARRIED
    return Verdict.UNDECIDED if all(test.possible for test in tests) else Verdict.LOST


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One action's majority: reached, and still reachable."""

    met: bool
    possible: bool

    @classmethod
    def of(
        cls, now: Standing, left_out: str | None, needed: tuple[int, int], grade: Class
    ) -> "_Test":
        everyone = len(now.voters)
        asked = [name for name in now.voters if name != left_out] or list(now.voters)
        yes = sum(name in now.yes for name in asked)
        silent = len(asked) - yes - sum(name in now.no for name in asked)

        def enough(count: int) -> bool:
            carried = reaches(count, len(asked), needed, grade)
            # With one left out, the rest must still be most of all: two voters do not expel
            # each other.
            return carried and (len(asked) == everyone or 2 * count > everyone)

        return cls(met=enough(yes), possible=enough(yes + silent))


def reaches(yes: int, of: int, needed: tuple[int, int], grade: Class) -> bool:
    """Whether ``yes`` votes of ``of`` are the part a class needs: A at least it, B and C more."""
    over, under = needed
    if grade is Class.A or over == under:
        return yes > 0 and yes * under >= of * over
    return yes * under > of * over


def majority(rules: ParamsRecord, grade: Class) -> tuple[int, int]:
    """The part of the voters a class needs."""
    return {Class.A: rules.majority_a, Class.B: rules.majority_b, Class.C: rules.majority_c}[grade]


def subject(view: View, body: Body) -> str | None:
    """The member an action is about, who has no vote on it."""
    match body:
        case AddValidator():
            return body.validator.member
        case RemoveValidator() | ReweighValidator() | ReplaceValidator():
            seat = find(view, ValidatorRecord, validator_key(body.address))
            return None if seat is None else seat.member
        case ExpelMember() | SetRoles() | UpdateMemberKeys() | SuspendMember() | ReinstateMember():
            return body.member
        case _:
            return None


def require_somebody(view: View, block: BlockContext) -> None:
    """A decision must leave a voter, or nothing could be decided ever after [REG-GOV-11]."""
    if not voters(view, block):
        raise refuse("REG-GOV-11", "no_voter_left", "the chain would have no voter left")
