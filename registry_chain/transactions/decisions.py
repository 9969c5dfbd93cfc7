"""What only the voters decide: the bodies that are nothing but actions of a proposal.

The bodies of members, issuers, firms, keys and schemas that need a decision are in ``bodies`` and
``verifiers``; which class each belongs to says ``registry_chain.transactions.governance``.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from registry_chain.transactions import fields as f
from registry_chain.transactions.bodies import ROLES
from ssi.encoding import JSON

MAX_ARBITERS = 5
MAX_FAMILIES = 8
MAX_TARGET = 96
MAX_RULES_VERSION = 1000
TARGETS = ("family", "issuer", "key", "member", "validator", "verifier")
_HEX = "0123456789ABCDEF"
_ADDRESS_CHARS = 40


def target(value: str, where: str) -> str:
    """What an emergency stops: ``issuer/ID``, ``key/ID/THUMBPRINT``, ``family/NAME`` and so on."""
    kind, _, rest = value.partition("/")
    if kind not in TARGETS or len(value) > MAX_TARGET:
        raise f.bad(where, "is not something that can be stopped")
    if kind == "key":
        issuer, _, print_ = rest.partition("/")
        f.slug(issuer, where)
        f.digest(print_, where)
    elif kind == "validator":
        address(rest, where)
    elif kind == "family":
        f.code_name(rest, where)
    else:
        f.slug(rest, where)
    return value


def address(value: str, where: str) -> str:
    """A validator's address: 20 bytes in upper-case hex."""
    if len(value) != _ADDRESS_CHARS or not all(char in _HEX for char in value):
        raise f.bad(where, "is not a validator's address")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpelMember:
    """A member leaves for good; its id is never given again [REG-MEM-5]."""

    TYPE: ClassVar[str] = "member.expel"
    member: str
    reason: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        member, reason = f.halt(obj, cls.TYPE, "member")
        return cls(member=member, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRoles:
    """A member's roles, all replaced at once [REG-MEM-6]."""

    TYPE: ClassVar[str] = "member.set-roles"
    member: str
    roles: tuple[str, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        roles = f.bounded(reading.take_strs("roles"), "roles", most=len(ROLES))
        if any(role not in ROLES for role in f.distinct(roles, "roles")):
            raise f.bad("roles", "names an unknown role")
        body = cls(member=f.slug(reading.take_str("member"), "member"), roles=tuple(roles))
        reading.done()
        return body


def _targeted(obj: JSON, where: str) -> str:
    reading = f.reader(obj, where)
    value = target(reading.take_str("target"), f"{where}.target")
    reading.done()
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class RatifySuspension:
    """An emergency suspension is to stay [REG-EMG-5]."""

    TYPE: ClassVar[str] = "emergency.ratify"
    target: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        return cls(target=_targeted(obj, cls.TYPE))


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftSuspension:
    """An emergency suspension or a pause ends before its time [REG-EMG-6]."""

    TYPE: ClassVar[str] = "emergency.lift"
    target: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        return cls(target=_targeted(obj, cls.TYPE))


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseFamilies:
    """Some kinds of transactions wait until a time [REG-PAU-1]."""

    TYPE: ClassVar[str] = "chain.pause"
    families: tuple[str, ...]
    until: int
    reason: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        names = f.bounded(reading.take_strs("families"), "families", most=MAX_FAMILIES)
        body = cls(
            families=tuple(f.code_name(name, "families") for name in f.distinct(names, "families")),
            until=f.unix_time(reading.take_int("until"), "until"),
            reason=f.code_name(reading.take_str("reason"), "reason"),
        )
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanUpgrade:
    """From a height on, the next version of the rules holds [REG-UPG-1]."""

    TYPE: ClassVar[str] = "upgrade.plan"
    height: int
    rules_version: int
    package: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(
            height=reading.take_int("height", minimum=1),
            rules_version=reading.take_int("rules_version", minimum=2, maximum=MAX_RULES_VERSION),
            package=f.digest(reading.take_str("package"), "package"),
        )
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelUpgrade:
    """A planned version of the rules will not come [REG-UPG-3]."""

    TYPE: ClassVar[str] = "upgrade.cancel"
    rules_version: int

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        version = reading.take_int("rules_version", minimum=2, maximum=MAX_RULES_VERSION)
        reading.done()
        return cls(rules_version=version)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetParams:
    """How decisions are taken: majorities may only rise above the founding ones [REG-GOV-12]."""

    TYPE: ClassVar[str] = "chain.set-params"
    timelock: int | None = None
    emergency: int | None = None
    majority_a: tuple[int, int] | None = None
    majority_b: tuple[int, int] | None = None
    majority_c: tuple[int, int] | None = None

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(
            timelock=reading.opt_int("timelock"),
            emergency=reading.opt_int("emergency"),
            majority_a=fraction(reading.opt_list("majority_a"), "majority_a"),
            majority_b=fraction(reading.opt_list("majority_b"), "majority_b"),
            majority_c=fraction(reading.opt_list("majority_c"), "majority_c"),
        )
        reading.done()
        if body == cls():
            raise f.bad(cls.TYPE, "changes nothing")
        return body


def fraction(value: list[JSON] | None, where: str) -> tuple[int, int] | None:
    """A part of the voters as ``[numerator, denominator]``, at most all of them."""
    if value is None:
        return None
    match value:
        case [int(over), int(under)] if 0 < over <= under <= 1000:  # noqa: PLR2004 - a bound
            return over, under
        case _:
            raise f.bad(where, "is not a fraction")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignArbiters:
    """Who judges a dispute [REG-DIS-3]."""

    TYPE: ClassVar[str] = "dispute.assign"
    dispute: str
    arbiters: tuple[str, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        names = f.bounded(reading.take_strs("arbiters"), "arbiters", most=MAX_ARBITERS)
        body = cls(
            dispute=f.slug(reading.take_str("dispute"), "dispute", longest=64),
            arbiters=tuple(f.slug(name, "arbiters") for name in f.distinct(names, "arbiters")),
        )
        reading.done()
        if len(body.arbiters) % 2 == 0:
            raise f.bad("arbiters", "are not an odd number")
        return body
