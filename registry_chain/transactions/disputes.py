"""Disputes about a record: opened by whom it affects, resolved by named arbiters [REG-DIS-1]."""

from dataclasses import dataclass
from typing import ClassVar, Self

from registry_chain.transactions import fields as f
from ssi.encoding import JSON

UPHELD, DISMISSED = "upheld", "dismissed"
MAX_SUBJECT = 110  # leaves room for the prefix of the compensating record's key
_KEY_CHARS = f.URLSAFE | {"/"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDispute:
    """A claim that a record is wrong; the record itself stays as it is."""

    TYPE: ClassVar[str] = "dispute.open"
    dispute: str
    record: str
    reason: str
    evidence: str | None = None

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        evidence = reading.opt_str("evidence")
        key = reading.take_str("record", max_len=MAX_SUBJECT)
        if "/" not in key or not _KEY_CHARS.issuperset(key):
            raise f.bad("record", "is not a record's key")
        body = cls(
            dispute=f.slug(reading.take_str("dispute"), "dispute", longest=64),
            record=key,
            reason=f.code_name(reading.take_str("reason"), "reason"),
            evidence=None if evidence is None else f.digest(evidence, "evidence"),
        )
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveDispute:
    """One arbiter's finding; the majority's is the outcome [REG-DIS-4]."""

    TYPE: ClassVar[str] = "dispute.resolve"
    dispute: str
    outcome: str
    finding: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        outcome = reading.take_str("outcome")
        if outcome not in (UPHELD, DISMISSED):
            raise f.bad("outcome", "is not upheld or dismissed")
        body = cls(
            dispute=f.slug(reading.take_str("dispute"), "dispute", longest=64),
            outcome=outcome,
            finding=f.text(reading.take_str("finding"), "finding", longest=400),
        )
        reading.done()
        return body
