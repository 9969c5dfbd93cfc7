"""Proposals and ballots: what the voters are asked, and their answers [REG-GOV-1] to [REG-GOV-12].

An action is the body of another transaction type. `CLASSES` says how great a part of the voters
each needs; a type that is not in it cannot be proposed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Self

from registry_chain.transactions import bodies as b
from registry_chain.transactions import decisions as d
from registry_chain.transactions import fields as f
from registry_chain.transactions import keys
from registry_chain.transactions import validators as n
from registry_chain.transactions import verifiers as v
from registry_chain.transactions.bodies import Body
from ssi.encoding import JSON, b64url_encode, sha256

MAX_ACTIONS = 32


class Class(StrEnum):
    """How grave a decision is; ``A`` is the gravest."""

    A = "A"
    B = "B"
    C = "C"


_CLASSED: tuple[tuple[Class, tuple[type[Body], ...]], ...] = (
    (Class.A, (d.SetParams, d.PlanUpgrade, n.Migrate)),
    (
        Class.B,
        (
            b.AdmitMember,
            d.ExpelMember,
            d.SetRoles,
            b.UpdateMemberKeys,
            b.SuspendMember,
            b.ReinstateMember,
            d.CancelUpgrade,
            n.AddValidator,
            n.RemoveValidator,
            n.ReweighValidator,
            n.ReplaceValidator,
        ),
    ),
    (
        Class.C,
        (
            b.AccreditIssuer,
            b.SuspendIssuer,
            b.ReinstateIssuer,
            keys.RevokeKey,
            v.RegisterVerifier,
            v.UpdateVerifier,
            v.SuspendVerifier,
            v.ReinstateVerifier,
            b.RegisterOperator,
            b.PublishSchema,
            d.RatifySuspension,
            d.LiftSuspension,
            d.PauseFamilies,
            d.AssignArbiters,
        ),
    ),
)
CLASSES: Mapping[str, Class] = MappingProxyType(
    {kind.TYPE: grade for grade, kinds in _CLASSED for kind in kinds}
)
ACTIONS: Mapping[str, type[Body]] = MappingProxyType(
    {kind.TYPE: kind for _, kinds in _CLASSED for kind in kinds}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing a proposal does when it is carried."""

    type: str
    body: Body

    @classmethod
    def of(cls, body: Body) -> Self:
        """The action that applies ``body``."""
        return cls(type=body.TYPE, body=body)

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read ``{"type", "body"}``."""
        reading = f.reader(obj, "action")
        kind = ACTIONS.get(reading.take_str("type", max_len=64))
        if kind is None:
            raise f.bad("action", "is not one that can be proposed")
        action = cls(type=kind.TYPE, body=kind.from_json(reading.take_object("body")))
        reading.done()
        return action


def class_of(actions: tuple[Action, ...]) -> Class:
    """The class of a proposal: that of its gravest action [REG-GOV-3]."""
    return Class(min(CLASSES[action.type].value for action in actions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    """A proposal; the proposer's own ballot is yes [REG-GOV-2]."""

    TYPE: ClassVar[str] = "gov.propose"
    actions: tuple[Action, ...]
    expires_at: int
    reason: str
    id: str | None = None

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        actions = f.bounded(reading.take_list("actions"), "actions", most=MAX_ACTIONS)
        name = reading.opt_str("id")
        body = cls(
            actions=tuple(Action.from_json(item) for item in actions),
            expires_at=f.unix_time(reading.take_int("expires_at"), "expires_at"),
            reason=f.text(reading.take_str("reason"), "reason", longest=400),
            id=None if name is None else f.slug(name, "id", longest=64),
        )
        reading.done()
        return body


def proposal_digest(body: Propose, *, chain_id: str, proposer: str) -> str:
    """What a ballot is cast on: SHA-256 of the canonical JSON of everything proposed [REG-GOV-4].

    Args:
        body: The proposal.
        chain_id: The chain it is for.
        proposer: The member who makes it.

    Returns:
        The digest in base64url.
    """
    content = f.plain_object(body) | {"chain_id": chain_id, "proposer": proposer}
    return b64url_encode(sha256(b"warifu/proposal/1\0" + f.canonical(content)))


def proposal_id(body: Propose, *, chain_id: str, proposer: str) -> str:
    """The proposal's id: the one it gives, or one from its digest."""
    if body.id is not None:
        return body.id
    content = f.plain_object(body) | {"chain_id": chain_id, "proposer": proposer}
    return "p-" + sha256(b"warifu/proposal/1\0" + f.canonical(content)).hex()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A voter's only ballot on a proposal, cast on its digest [REG-GOV-5]."""

    TYPE: ClassVar[str] = "gov.vote"
    proposal: str
    digest: str
    yes: bool

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(
            proposal=f.slug(reading.take_str("proposal"), "proposal", longest=64),
            digest=f.digest(reading.take_str("digest"), "digest"),
            yes=reading.take_bool("yes"),
        )
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """A carried proposal whose timelock is over takes effect [REG-GOV-9]."""

    TYPE: ClassVar[str] = "gov.execute"
    proposal: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        name = f.slug(reading.take_str("proposal"), "proposal", longest=64)
        reading.done()
        return cls(proposal=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencySuspend:
    """A call to stop something at once: two voters', or the subject's own [REG-EMG-1]."""

    TYPE: ClassVar[str] = "emergency.suspend"
    target: str
    reason: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(
            target=d.target(reading.take_str("target"), "target"),
            reason=f.code_name(reading.take_str("reason"), "reason"),
        )
        reading.done()
        return body
