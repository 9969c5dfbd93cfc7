"""What a firm keeps so that it can show later what it was given: the material of evidence.

It is kept in the transaction that takes the message, for as long as the holder was told, and not a
day longer [EVI-KEEP-1], [EVI-KEEP-2]. It holds claims, so it is as private as the firm's customers.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from ssi.encoding import JSONObject
from verifier_sdk.store import Store, dump, load, moment, seconds

PRESENTATION: Final = "presentation"
ADDRESS_UPDATE: Final = "address_update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One thing that was taken.

    Attributes:
        kind: ``presentation`` or ``address_update``.
        subject: The request's id, or the envelope's.
        reference: The firm's own name for the customer or booking.
        content: What was received and what it was judged by.
        kept_at: When it was taken.
        retain_until: The last day it is kept.
    """

    kind: str
    subject: str
    reference: str
    content: JSONObject = field(repr=False)
    kept_at: datetime
    retain_until: date


def keep(db: sqlite3.Connection, kept: Kept, status_digests: Sequence[str]) -> None:
    """Keep material within the caller's transaction, and the status lists it refers to."""
    db.execute(
        "INSERT INTO evidence (kind, subject, reference, content, kept_at, retain_until)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            kept.kind,
            kept.subject,
            kept.reference,
            dump(kept.content),
            seconds(kept.kept_at),
            kept.retain_until.isoformat(),
        ),
    )
    db.executemany(
        "INSERT OR IGNORE INTO evidence_lists VALUES (?, ?)",
        [(kept.subject, digest) for digest in status_digests],
    )


def find_kept(store: Store, subject: str) -> Kept | None:
    """The material about a request or envelope."""
    found = _read(store, "subject = ?", subject)
    return found[0] if found else None


def kept_of(store: Store, reference: str | None = None) -> tuple[Kept, ...]:
    """All material, or one customer's, the oldest first."""
    return _read(store, "?1 IS NULL OR reference = ?1", reference)


def forget_due(store: Store, today: date) -> int:
    """Delete what was to be kept until before today; how many."""
    return _forget(store, "retain_until < ?", today.isoformat())


def forget(store: Store, subject: str) -> int:
    """Delete the material about one request or envelope, as when the holder asks for it."""
    return _forget(store, "subject = ?", subject)


def _forget(store: Store, which: str, value: str) -> int:
    with store.write() as db:
        gone = db.execute(f"DELETE FROM evidence WHERE {which}", (value,)).rowcount  # noqa: S608 - constant
        db.execute("DELETE FROM evidence_lists WHERE subject NOT IN (SELECT subject FROM evidence)")
        return gone


def _read(store: Store, which: str, value: str | None) -> tuple[Kept, ...]:
    columns = "kind, subject, reference, content, kept_at, retain_until"
    rows = store.rows(
        f"SELECT {columns} FROM evidence WHERE {which} ORDER BY number",  # noqa: S608 - constants
        (value,),
    )
    return tuple(
        Kept(
            kind=row[0],
            subject=row[1],
            reference=row[2],
            content=load(row[3]),
            kept_at=moment(row[4]),
            retain_until=date.fromisoformat(row[5]),
        )
        for row in rows
    )
