"""What the wallet did, with whom, and how it ended: never a value [WAL-HIST-1]."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ssi.encoding import JSONObject
from wallet.store import Names, dump, load
from wallet.vault import Vault


class Did(StrEnum):
    """The kinds of entry."""

    RECEIVED = "received"
    SHARED = "shared"
    DECLINED = "declined"
    FAILED = "failed"
    CONSENTED = "consented"
    WITHDREW = "withdrew"
    MOVED = "moved"
    UNDID = "undid"
    UPDATE_SENT = "update_sent"
    UPDATE_ANSWERED = "update_answered"
    RIGHTS_ASKED = "rights_asked"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One line of the log. ``details`` holds paths, codes and purposes, never values."""

    number: int
    at: datetime
    kind: Did
    party: str
    names: Names
    outcome: str
    code: str | None
    details: JSONObject


def record(  # noqa: PLR0913 - one column each
    vault: Vault,
    kind: Did,
    *,
    at: datetime,
    party: str = "",
    names: Names | None = None,
    outcome: str = "ok",
    code: str | None = None,
    details: JSONObject | None = None,
) -> int:
    """Add a line and return its number."""
    with vault.transaction():
        vault.write(
            "INSERT INTO history(at, kind, party, names, outcome, code, details)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                int(at.timestamp()),
                kind.value,
                party,
                (names or Names(ja="", en="")).to_text(),
                outcome,
                code,
                dump(details or {}),
            ),
        )
        return int(vault.read("SELECT last_insert_rowid()")[0][0])


def amend(vault: Vault, number: int, *, outcome: str, code: str | None) -> None:
    """Note how something ended whose line was written when it began."""
    vault.write("UPDATE history SET outcome = ?, code = ? WHERE id = ?", (outcome, code, number))


def entries(vault: Vault, *, limit: int = 500) -> tuple[HistoryEntry, ...]:
    """Return the newest lines first."""
    rows = vault.read(
        "SELECT id, at, kind, party, names, outcome, code, details FROM history"
        " ORDER BY id DESC LIMIT ?",
        (limit,),
    )
    return tuple(
        HistoryEntry(
            number=row[0],
            at=datetime.fromtimestamp(row[1], UTC),
            kind=Did(row[2]),
            party=row[3],
            names=Names.from_text(row[4]),
            outcome=row[5],
            code=row[6],
            details=load(row[7]),
        )
        for row in rows
    )


def known_names(vault: Vault) -> dict[str, Names]:
    """Return the names that each party had when it was last dealt with, by its id."""
    rows = vault.read("SELECT party, names FROM history WHERE party != '' ORDER BY id")
    known = ((party, Names.from_text(names)) for party, names in rows)
    return {party: names for party, names in known if names.ja}


def forget(vault: Vault, *, at: datetime) -> int:
    """Delete the log (the person's own choice) and leave one line that says so."""
    with vault.transaction():
        deleted = vault.write("DELETE FROM history")
        record(vault, Did.DELETED, at=at, details={"entries": deleted})
    return deleted
