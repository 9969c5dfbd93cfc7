"""The life of an application: who may move it where. Pure [POR-LIFE-1].

Every move is in `TRANSITIONS`; what is not there is refused and changes nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ssi.errors import Rejected


class Kind(StrEnum):
    """What a resident applies for."""

    NEW = "new"
    MOVE = "move"


class State(StrEnum):
    """Where an application stands."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    OFFERED = "offered"
    ISSUED = "issued"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Event(StrEnum):
    """What moves an application."""

    APPROVE = "approve"
    ISSUE = "issue"
    DELIVER = "deliver"
    REJECT = "reject"
    WITHDRAW = "withdraw"


class Role(StrEnum):
    """Who acts."""

    APPLICANT = "applicant"
    MAKER = "maker"
    CHECKER = "checker"
    WALLET = "wallet"


TRANSITIONS: Final[dict[tuple[State, Event], tuple[State, frozenset[Role]]]] = {
    (State.SUBMITTED, Event.APPROVE): (State.APPROVED, frozenset({Role.MAKER})),
    (State.SUBMITTED, Event.REJECT): (State.REJECTED, frozenset({Role.MAKER, Role.CHECKER})),
    (State.SUBMITTED, Event.WITHDRAW): (State.WITHDRAWN, frozenset({Role.APPLICANT})),
    (State.APPROVED, Event.ISSUE): (State.OFFERED, frozenset({Role.CHECKER})),
    (State.APPROVED, Event.REJECT): (State.REJECTED, frozenset({Role.CHECKER})),
    (State.APPROVED, Event.WITHDRAW): (State.WITHDRAWN, frozenset({Role.APPLICANT})),
    # A new offer replaces one that ran out or whose code was typed wrong too often.
    (State.OFFERED, Event.ISSUE): (State.OFFERED, frozenset({Role.CHECKER})),
    (State.OFFERED, Event.DELIVER): (State.ISSUED, frozenset({Role.WALLET})),
    (State.ISSUED, Event.DELIVER): (State.ISSUED, frozenset({Role.WALLET})),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks for a move: a role, and an operator's name when one acts."""

    role: Role
    name: str = ""


def advance(state: State, event: Event, actor: Actor, *, maker: str | None) -> State:
    """Return the next state [POR-LIFE-1], four eyes included [POR-EYES-1].

    Args:
        state: Where the application stands.
        event: What is asked for.
        actor: Who asks.
        maker: Who approved it, if somebody did.

    Raises:
        Rejected: ``portal.step`` for a move that is not in the table, ``portal.role`` for
            another's move, ``portal.four_eyes`` when the maker would check their own work.
    """
    move = TRANSITIONS.get((state, event))
    if move is None:
        raise Rejected("the application does not stand where this step begins", code="portal.step")
    then, roles = move
    if actor.role not in roles:
        raise Rejected("this step is another's to take", code="portal.role")
    if actor.role is Role.CHECKER and maker is not None and actor.name == maker:
        raise Rejected("whoever approved may not issue", code="portal.four_eyes")
    return then
