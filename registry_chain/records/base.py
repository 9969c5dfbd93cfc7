"""What all records share: a version, a state, and the block of the last change [REG-REC-1]."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Self, TypedDict

from registry_chain.transactions import fields as f
from ssi.encoding import JSON, Fields, JsonLimits, JSONObject, parse_json_object
from ssi.errors import Malformed

RECORD_VERSION = 1
MAX_RECORD_BYTES = 60_000
RECORD_LIMITS = JsonLimits(
    max_bytes=MAX_RECORD_BYTES, max_members=10_000, max_string=MAX_RECORD_BYTES
)
ACTIVE, SUSPENDED, REVOKED, RETIRED = "active", "suspended", "revoked", "retired"
EXPELLED = "expelled"
GIVEN, WITHDRAWN, COMMITTED = "given", "withdrawn", "committed"


def opened(obj: JSON, where: str) -> Fields:
    """The members of a record of this version, without its ``v`` and what is null."""
    if not isinstance(obj, dict) or obj.get("v") != RECORD_VERSION:
        raise Malformed(f"{where} is not a record of this version", code="chain.record")
    given: JSONObject = {
        name: value for name, value in obj.items() if value is not None and name != "v"
    }
    return Fields(given, where=where, code="chain.record")


class _Life(TypedDict):
    state: str
    height: int
    time: int


class _Halt(_Life):
    suspended_at: int | None
    suspended_until: int | None
    suspended_by: str | None
    reason: str | None


def life(reading: Fields) -> _Life:
    """State, height and time, which every record has."""
    return {
        "state": reading.take_str("state"),
        "height": reading.take_int("height"),
        "time": reading.take_int("time"),
    }


def halt(reading: Fields) -> _Halt:
    """The same, and the four members of a suspension, each perhaps absent."""
    return {
        **life(reading),
        "suspended_at": reading.opt_int("suspended_at"),
        "suspended_until": reading.opt_int("suspended_until"),
        "suspended_by": reading.opt_str("suspended_by"),
        "reason": reading.opt_str("reason"),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(ABC):
    """What all records share."""

    PREFIX: ClassVar[str]
    state: str
    height: int
    time: int

    def to_json(self) -> JSONObject:
        """The record as its JSON value."""
        return {"v": RECORD_VERSION} | f.plain_object(self)

    def to_bytes(self) -> bytes:
        """The record's bytes in the map: canonical JSON."""
        return f.canonical(self.to_json())

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read the record back from the map's bytes."""
        return cls.from_json(parse_json_object(raw, limits=RECORD_LIMITS))

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Read the record from its JSON value.

        Raises:
            Malformed: ``chain.record``.
        """
        reading = opened(obj, cls.PREFIX)
        record = cls._read(reading)
        reading.done()
        return record

    @classmethod
    @abstractmethod
    def _read(cls, reading: Fields) -> Self:
        """Take the record's own members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stoppable(Record):
    """A record that can be suspended, for good or until a time.

    A suspension that has a last second ends without a transaction: who reads the record applies
    `settled` with the time of the block that proves it [REG-EMG-4].
    """

    suspended_at: int | None = None
    suspended_until: int | None = None
    suspended_by: str | None = None
    reason: str | None = None

    def settled(self, time: int) -> Self:
        """The record as it stands at ``time``, the time of a block that shows it.

        A reader's own clock does not do: a suspension may be prolonged after the block he knows.
        """
        over = self.suspended_until is not None and time >= self.suspended_until
        if self.state != SUSPENDED or not over:
            return self
        return replace(self, state=self._unstopped())

    def halted_at(self, time: int) -> bool:
        """Whether a suspension that this record tells of held at ``time``."""
        if self.suspended_at is None or time < self.suspended_at:
            return False
        return self.suspended_until is None or time < self.suspended_until

    def stopped(self, *, at: int, height: int, until: int | None, by: str, reason: str) -> Self:
        """The record under a suspension that begins at block time ``at``."""
        return replace(
            self,
            state=SUSPENDED,
            height=height,
            time=at,
            suspended_at=at,
            suspended_until=until,
            suspended_by=by,
            reason=reason,
        )

    def resumed(self, *, at: int, height: int) -> Self:
        """The record after the end of its suspension."""
        return replace(
            self,
            state=self._unstopped(),
            height=height,
            time=at,
            suspended_at=None,
            suspended_until=None,
            suspended_by=None,
            reason=None,
        )

    def _unstopped(self) -> str:
        return ACTIVE
