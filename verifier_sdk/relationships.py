"""What the firm keeps of each holder: consents, the nonce of the next message, and the inbox."""

import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from ssi.encoding import JSONObject
from ssi.keys import PublicKey
from ssi.relationship import relationship_key
from ssi.sharing import ReturnBox, VerifiedConsent, parse_consent
from verifier_sdk.ports import SentRequest
from verifier_sdk.records import add_period
from verifier_sdk.store import Row, Store, dump, load, moment, seconds

LEASE_SECONDS: Final = 20.0  # a handler may take as long; a dead process holds it as long
OUTSTANDING: Final = 8
_CONSENT: Final = (
    "record_id, relationship, reference, commitment, client_id, profile, updates, return_box,"
    " until, withdrawn_at, receipt, countersignature"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """One holder as this firm knows her."""

    id: str
    reference: str
    nonce: str = field(repr=False)
    sequence: int
    event: str | None

    @property
    def key(self) -> PublicKey:
        """The relationship key."""
        return relationship_key(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptConsent:
    """A consent we hold, with its receipt."""

    record_id: str
    relationship: str
    reference: str
    commitment: str
    client_id: str
    profile: str
    updates: bool
    return_box: ReturnBox | None = field(repr=False)
    until: datetime
    withdrawn_at: datetime | None
    receipt: str = field(repr=False)
    countersignature: str = field(repr=False)

    def retain_until(self, today: date) -> date:
        """The last day on which we may keep what she gives today, as she was told."""
        days = [today]
        for one in parse_consent(self.receipt).consent.purposes:
            with suppress(ValueError):  # her own writing; a period that is none keeps nothing
                days.append(add_period(today, one.retention))
        return max(days)

    def stands(self, now: datetime) -> bool:
        """Whether the holder still agrees."""
        return self.withdrawn_at is None and now < self.until


def keep_consent(
    db: sqlite3.Connection,
    request: SentRequest,
    consent: VerifiedConsent,
    *,
    countersignature: str,
    nonce: str,
) -> None:
    """Keep a consent with our countersignature, within the caller's transaction.

    A holder who comes again keeps her count of messages and gets a new nonce.
    """
    content = consent.consent
    db.execute(
        "INSERT INTO relationships (id, reference, nonce) VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET nonce = excluded.nonce, reference = excluded.reference",
        (consent.relationship, request.reference, nonce),
    )
    give_nonce(db, consent.relationship, nonce)
    db.execute(
        "INSERT INTO consents (record_id, relationship, reference, commitment, receipt,"
        " countersignature, client_id, profile, updates, return_box, given_at, until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            content.record_id,
            consent.relationship,
            request.reference,
            consent.commitment,
            consent.token,
            countersignature,
            content.client_id,
            request.profile.code,
            int(content.address_updates and request.updates),
            None if content.return_box is None else dump(content.return_box.to_json()),
            seconds(content.given_at),
            seconds(content.until),
        ),
    )


def find_relationship(store: Store, relationship: str) -> Relationship | None:
    """Return a holder by her pairwise id."""
    rows = store.rows(
        "SELECT id, reference, nonce, sequence, event FROM relationships WHERE id = ?",
        (relationship,),
    )
    if not rows:
        return None
    row = rows[0]
    return Relationship(id=row[0], reference=row[1], nonce=row[2], sequence=row[3], event=row[4])


def find_consent(store: Store, record_id: str) -> KeptConsent | None:
    """Return a consent by its record id."""
    rows = store.rows(
        f"SELECT {_CONSENT} FROM consents WHERE record_id = ?",  # noqa: S608 - constant columns
        (record_id,),
    )
    return _consent(rows[0]) if rows else None


def consents(store: Store, reference: str | None = None) -> tuple[KeptConsent, ...]:
    """Return the consents of a customer, or of all, the oldest first."""
    rows = store.rows(
        f"SELECT {_CONSENT} FROM consents WHERE ?1 IS NULL OR reference = ?1"  # noqa: S608 - as above
        " ORDER BY given_at, record_id",
        (reference,),
    )
    return tuple(_consent(row) for row in rows)


def end_consent(store: Store, record_id: str, at: datetime) -> None:
    """Note that a consent was withdrawn, without the holder's message."""
    with store.write() as db:
        db.execute(
            "UPDATE consents SET withdrawn_at = ? WHERE record_id = ? AND withdrawn_at IS NULL",
            (seconds(at), record_id),
        )


def _consent(row: Row) -> KeptConsent:
    return KeptConsent(
        record_id=row[0],
        relationship=row[1],
        reference=row[2],
        commitment=row[3],
        client_id=row[4],
        profile=row[5],
        updates=bool(row[6]),
        return_box=None if row[7] is None else _return_box(load(row[7])),
        until=moment(row[8]),
        withdrawn_at=None if row[9] is None else moment(row[9]),
        receipt=row[10],
        countersignature=row[11],
    )


def _return_box(kept: JSONObject) -> ReturnBox:
    jwk = kept["jwk"]
    return ReturnBox(
        url=str(kept["mailbox"]), box=str(kept["box"]), jwk=jwk if isinstance(jwk, dict) else {}
    )


# --- the nonces: each serves one address update ---


def give_nonce(db: sqlite3.Connection, relationship: str, nonce: str) -> None:
    """Note a nonce we give, within the caller's transaction.

    The last few stay good until one is used: an update may be under way while we answer another
    message of the same holder.
    """
    db.execute("INSERT INTO nonces (nonce, relationship) VALUES (?, ?)", (nonce, relationship))
    db.execute(
        "DELETE FROM nonces WHERE relationship = ?1 AND number NOT IN (SELECT number FROM nonces"
        " WHERE relationship = ?1 ORDER BY number DESC LIMIT ?2)",
        (relationship, OUTSTANDING),
    )


def spend_nonce(db: sqlite3.Connection, relationship: str, nonce: str) -> None:
    """Forget a nonce that was used, within the caller's transaction."""
    db.execute("DELETE FROM nonces WHERE relationship = ? AND nonce = ?", (relationship, nonce))


def is_outstanding(store: Store, relationship: str, nonce: str) -> bool:
    """Tell whether we gave this nonce to this holder and it was not used."""
    found = store.rows(
        "SELECT 1 FROM nonces WHERE relationship = ? AND nonce = ?", (relationship, nonce)
    )
    return bool(found)


# --- the lease: one message of one holder at a time, in all processes ---


def take_lease(store: Store, relationship: str, now: datetime) -> bool:
    """Take a holder's lease: of any number of callers, one gets ``True``."""
    at = now.timestamp()
    with store.write() as db:
        changed = db.execute(
            "UPDATE relationships SET lease_until = ? WHERE id = ? AND lease_until <= ?",
            (at + LEASE_SECONDS, relationship, at),
        )
        return changed.rowcount == 1


def give_lease(store: Store, relationship: str) -> None:
    """Give a lease back, because the message was not taken."""
    with store.write() as db:
        db.execute("UPDATE relationships SET lease_until = 0 WHERE id = ?", (relationship,))


# --- the inbox and the history ---


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReceipt:
    """The answer to one message: repeated unchanged whenever the message comes again."""

    jti: str
    outcome: str
    receipt: str = field(repr=False)
    digest: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One line of a customer's address history."""

    number: int
    reference: str
    relationship: str
    event_id: str
    address: JSONObject = field(repr=False)
    moved_on: date = field(repr=False)
    assurance: str
    issuer: str | None
    recorded_at: datetime
    apply_on: date


def stored_receipt(store: Store, jti: str) -> StoredReceipt | None:
    """Return the answer to a message, when it was answered."""
    rows = store.rows("SELECT jti, outcome, receipt, digest FROM inbox WHERE jti = ?", (jti,))
    if not rows:
        return None
    row = rows[0]
    return StoredReceipt(jti=row[0], outcome=row[1], receipt=row[2], digest=row[3])


def history(store: Store, reference: str) -> tuple[HistoryEntry, ...]:
    """Return a customer's addresses, the oldest first; lines are only ever added [TRUST-UPD-3]."""
    rows = store.rows(
        "SELECT number, reference, relationship, event_id, address, moved_on, assurance, issuer,"
        " recorded_at, apply_on FROM addresses WHERE reference = ? ORDER BY number",
        (reference,),
    )
    return tuple(
        HistoryEntry(
            number=row[0],
            reference=row[1],
            relationship=row[2],
            event_id=row[3],
            address=load(row[4]),
            moved_on=date.fromisoformat(row[5]),
            assurance=row[6],
            issuer=row[7],
            recorded_at=moment(row[8]),
            apply_on=date.fromisoformat(row[9]),
        )
        for row in rows
    )
