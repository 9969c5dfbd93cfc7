"""The audit log: append-only, each line bound to the one before [POR-AUDIT-1]."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuer.models import AuditEntry
from ssi.encoding import JSON, canonical_json, sha256
from ssi.errors import InvalidProof

GENESIS = "0" * 64


def record(  # noqa: PLR0913 - the columns of a log line
    session: Session, *, at: int, actor: str, action: str, subject: str, detail: str = ""
) -> None:
    """Append a line; it becomes durable with the act it tells of."""
    last = session.scalars(select(AuditEntry).order_by(AuditEntry.number.desc()).limit(1)).first()
    previous = GENESIS if last is None else last.digest
    number = 1 if last is None else last.number + 1
    entry = AuditEntry(
        number=number,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        detail=detail,
        previous=previous,
        digest="",
    )
    entry.digest = _digest(entry)
    session.add(entry)
    session.flush()


def verify(session: Session) -> int:
    """Check the whole log and return how many lines it has.

    Raises:
        InvalidProof: ``portal.audit``: a line was changed or taken out.
    """
    previous, count = GENESIS, 0
    for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.number)):
        count += 1
        if entry.number != count or entry.previous != previous or entry.digest != _digest(entry):
            raise InvalidProof("the audit log was changed", code="portal.audit")
        previous = entry.digest
    return count


def _digest(entry: AuditEntry) -> str:
    line: list[JSON] = [
        entry.number,
        entry.at,
        entry.actor,
        entry.action,
        entry.subject,
        entry.detail,
        entry.previous,
    ]
    return sha256(canonical_json(line)).hex()
