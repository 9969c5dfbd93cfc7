"""The records of who takes part: members, validators and their offences, mailbox operators."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from registry_chain.records.base import ACTIVE, Record, Stoppable, halt, life
from registry_chain.transactions.fields import Name
from registry_chain.transactions.validators import MAX_VALIDATORS
from ssi.encoding import Fields, JSONObject

LEAST_VALIDATORS = 4  # of a network; fewer tolerate no fault


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRecord(Stoppable):
    """A member: its roles and account keys. ``voter_since`` is the height it became a voter."""

    PREFIX = "member"
    name: Name
    roles: tuple[str, ...]
    keys: tuple[JSONObject, ...]
    voter_since: int | None = None

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **halt(reading),
            name=Name.from_json(reading.take_object("name")),
            roles=tuple(reading.take_strs("roles")),
            keys=reading.take_objects("keys"),
            voter_since=reading.opt_int("voter_since"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorRecord(Stoppable):
    """A key that signs blocks, and with how much power while it is active [REG-VAL-1].

    ``pub_key`` is the raw Ed25519 key in base64url; the record's key is CometBFT's address of it.
    """

    PREFIX = "validator"
    pub_key: str
    power: int
    member: str | None = None

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **halt(reading),
            pub_key=reading.take_str("pub_key"),
            power=reading.take_int("power"),
            member=reading.opt_str("member"),
        )

    def settled(self, time: int) -> Self:
        """Itself: power comes back only by a transaction, which tells the engine [REG-EMG-9]."""
        del time
        return self

    @property
    def voting_power(self) -> int:
        """The power it has among those that sign; none unless it is active."""
        return self.power if self.state == ACTIVE else 0


def unsafe_set(seats: Mapping[str, ValidatorRecord]) -> tuple[str, str] | None:
    """Why these validators may not run a network together, if they may not [REG-VAL-6].

    The one bound for the founders and for every later change: who has a third of the power can
    stop the chain alone.

    Args:
        seats: The records by their address; those without power do not count.

    Returns:
        A code and a sentence, or none when the set is safe.
    """
    live = {address: record for address, record in seats.items() if record.voting_power}
    if not LEAST_VALIDATORS <= len(live) <= MAX_VALIDATORS:
        return "validator_count", "there would be fewer than four validators, or too many"
    shares: dict[str, int] = {}
    for address, record in live.items():
        whose = record.member or address
        shares[whose] = shares.get(whose, 0) + record.voting_power
    total = sum(shares.values())
    if any(3 * share >= total for share in shares.values()):
        return "validator_share", "one member would have a third of the power"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OffenceRecord(Record):
    """What the engine proved against a validator [REG-VAL-3]. Never changed once written.

    ``at_height`` and ``at_time`` say when it was done; ``power`` how much the validator had then.
    """

    PREFIX = "offence"
    kind: str
    validator: str
    at_height: int
    at_time: int
    power: int

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            kind=reading.take_str("kind"),
            validator=reading.take_str("validator"),
            at_height=reading.take_int("at_height"),
            at_time=reading.take_int("at_time"),
            power=reading.take_int("power"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRecord(Record):
    """An operator of mailboxes."""

    PREFIX = "operator"
    name: Name
    url: str
    keys: tuple[JSONObject, ...]

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            name=Name.from_json(reading.take_object("name")),
            url=reading.take_str("url"),
            keys=reading.take_objects("keys"),
        )


def member_key(member: str) -> str:
    """The map key of a member."""
    return f"member/{member}"


def validator_key(address: str) -> str:
    """The map key of a validator, by its address in upper-case hex."""
    return f"validator/{address}"


def offence_key(at_height: int, address: str, kind: str) -> str:
    """The map key of a validator's offence; the same one reported twice is one."""
    return f"offence/{at_height}/{address}/{kind}"


def operator_key(operator: str) -> str:
    """The map key of a mailbox operator."""
    return f"operator/{operator}"


def lanes_key(account: str) -> str:
    """The map key of an account's counters: one place, however many lanes a block moves."""
    return f"lane/{account}"
