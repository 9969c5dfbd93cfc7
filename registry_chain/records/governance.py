"""The records of governance: proposals, ballots, emergencies, pauses, upgrades, disputes, the roll.

Times are Unix seconds of blocks. What ends by time ends without a transaction: a reader compares
``expires_at`` or ``until`` with the time of the block that proves the record [REG-GOV-6].
"""

from dataclasses import dataclass
from typing import Self

from registry_chain.records.base import Record, life
from registry_chain.transactions.governance import Action, Class
from ssi.encoding import Fields

OPEN, PASSED, EXECUTED, FAILED, REJECTED = "open", "passed", "executed", "failed", "rejected"
CALLED, IN_FORCE, RATIFIED, LIFTED = "called", "in_force", "ratified", "lifted"
PLANNED, CANCELLED = "planned", "cancelled"
HELD = "held"
ROLL_KEY = "config/voters"
PARAMS_KEY = "config/governance"
ROSTER_KEY = "config/validators"
MIGRATION_KEY = "migration/network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll(Record):
    """The ids of all members with a vote, so that one read finds the electorate."""

    PREFIX = "config"
    voters: tuple[str, ...]

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        voters = reading.take_strs("voters", max_items=1000)
        return cls(**life(reading), voters=voters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamsRecord(Record):
    """How decisions are taken. Spans in seconds, majorities as numerator and denominator."""

    PREFIX = "config"
    timelock: int
    emergency: int
    majority_a: tuple[int, int]
    majority_b: tuple[int, int]
    majority_c: tuple[int, int]

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            timelock=reading.take_int("timelock"),
            emergency=reading.take_int("emergency"),
            majority_a=_pair(reading, "majority_a"),
            majority_b=_pair(reading, "majority_b"),
            majority_c=_pair(reading, "majority_c"),
        )


def _pair(reading: Fields, name: str) -> tuple[int, int]:
    inner = reading.take_list(name, max_items=2)
    pair = Fields({str(at): item for at, item in enumerate(inner)}, where=name, code="chain.record")
    result = pair.take_int("0", minimum=1), pair.take_int("1", minimum=1)
    pair.done()
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRecord(Record):
    """A proposal and how it stands; ``yes``, ``no`` and ``voters`` are of the last ballot."""

    PREFIX = "proposal"
    proposer: str
    grade: str
    actions: tuple[Action, ...]
    digest: str
    why: str
    opened_height: int
    opened_at: int
    expires_at: int
    yes: int
    no: int
    voters: int
    executable_at: int | None = None
    rule: str | None = None
    error: str | None = None

    @property
    def of_class(self) -> Class:
        """The class of its gravest action."""
        return Class(self.grade)

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            proposer=reading.take_str("proposer"),
            grade=reading.take_str("grade"),
            actions=tuple(Action.from_json(item) for item in reading.take_list("actions")),
            digest=reading.take_str("digest"),
            why=reading.take_str("why"),
            opened_height=reading.take_int("opened_height"),
            opened_at=reading.take_int("opened_at"),
            expires_at=reading.take_int("expires_at"),
            yes=reading.take_int("yes"),
            no=reading.take_int("no"),
            voters=reading.take_int("voters"),
            executable_at=reading.opt_int("executable_at"),
            rule=reading.opt_str("rule"),
            error=reading.opt_str("error"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotRecord(Record):
    """A voter's only ballot on a proposal."""

    PREFIX = "ballot"
    yes: bool
    digest: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            yes=reading.take_bool("yes"),
            digest=reading.take_str("digest"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyRecord(Record):
    """A call to stop a target at once, and what came of it.

    ``until`` is the last moment of the call itself while it waits for a second voter, and of the
    suspension once it is in force.
    """

    PREFIX = "emergency"
    target: str
    callers: tuple[str, ...]
    why: str
    until: int
    own: bool = False

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            target=reading.take_str("target"),
            callers=reading.take_strs("callers"),
            why=reading.take_str("why"),
            until=reading.take_int("until"),
            own=reading.take_bool("own"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRecord(Record):
    """A kind of transactions that waits until a time."""

    PREFIX = "pause"
    until: int
    by: str
    why: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            until=reading.take_int("until"),
            by=reading.take_str("by"),
            why=reading.take_str("why"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeRecord(Record):
    """The height from which a version of the rules holds, and the digest of its package."""

    PREFIX = "upgrade"
    from_height: int
    rules_version: int
    package: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            from_height=reading.take_int("from_height"),
            rules_version=reading.take_int("rules_version"),
            package=reading.take_str("package"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one arbiter found."""

    arbiter: str
    outcome: str
    text: str

    @classmethod
    def read(cls, reading: Fields) -> Self:
        """Take one finding."""
        finding = cls(
            arbiter=reading.take_str("arbiter"),
            outcome=reading.take_str("outcome"),
            text=reading.take_str("text"),
        )
        reading.done()
        return finding


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeRecord(Record):
    """A claim that a record is wrong: held, then resolved by its arbiters."""

    PREFIX = "dispute"
    record: str
    opener: str
    why: str
    evidence: str | None
    arbiters: tuple[str, ...]
    findings: tuple[Finding, ...]

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            record=reading.take_str("record"),
            opener=reading.take_str("opener"),
            why=reading.take_str("why"),
            evidence=reading.opt_str("evidence"),
            arbiters=reading.take_strs("arbiters"),
            findings=tuple(
                Finding.read(Fields(item, where="finding", code="chain.record"))
                for item in reading.take_objects("findings")
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRecord(Record):
    """What a reader of a disputed record must know beside it; the record itself never changes."""

    PREFIX = "correction"
    dispute: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(**life(reading), dispute=reading.take_str("dispute"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster(Record):
    """The addresses of all validators there ever were, and how their power moved since a day began.

    ``network`` is true for a chain of four or more validators. ``epoch_power`` is the whole power
    when the day began; ``gained`` and ``lost`` are what was added and taken since [REG-VAL-7].
    """

    PREFIX = "config"
    addresses: tuple[str, ...]
    network: bool
    epoch_at: int
    epoch_power: int
    gained: int = 0
    lost: int = 0

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            addresses=reading.take_strs("addresses", max_items=2000),
            network=reading.take_bool("network"),
            epoch_at=reading.take_int("epoch_at"),
            epoch_power=reading.take_int("epoch_power"),
            gained=reading.take_int("gained"),
            lost=reading.take_int("lost"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationRecord(Record):
    """The move of the chain from one validator to a network [REG-MIG-1].

    ``height`` is the block of the decision: its block and the next are still the old validator's,
    the one after is signed by the new ones. ``by`` is the key of the proposal.
    """

    PREFIX = "migration"
    retired: tuple[str, ...]
    validators: tuple[str, ...]
    by: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            retired=reading.take_strs("retired"),
            validators=reading.take_strs("validators"),
            by=reading.take_str("by"),
        )


def proposal_key(proposal: str) -> str:
    """The map key of a proposal."""
    return f"proposal/{proposal}"


def ballot_key(proposal: str, member: str) -> str:
    """The map key of a member's ballot."""
    return f"ballot/{proposal}/{member}"


def emergency_key(target: str) -> str:
    """The map key of the emergency about a target."""
    return f"emergency/{target}"


def pause_key(family: str) -> str:
    """The map key of a family's pause."""
    return f"pause/{family}"


def upgrade_key(rules_version: int) -> str:
    """The map key of the plan for a version of the rules."""
    return f"upgrade/{rules_version}"


def dispute_key(dispute: str) -> str:
    """The map key of a dispute."""
    return f"dispute/{dispute}"


def correction_key(record: str) -> str:
    """The map key of what was found about a record."""
    return f"correction/{record}"
