"""One-time credentials: which copy may be shown to whom [WAL-ONCE-1]. Pure.

Two firms that see the same copy could join their records by its signature. So every
copy is shown to one firm only: a fresh one while there are several, and when a firm
that has seen one asks again while the last is left, the one it already knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wallet.store import StoredCredential

LOW_STOCK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """How many copies of one batch there are and may still be shown to a new firm."""

    batch: str
    vct: str
    issuer_id: str
    copies: int
    unused: int
    issued_at: int
    expires_at: int

    @property
    def low(self) -> bool:
        """Return whether new copies should be fetched soon."""
        return self.unused < LOW_STOCK


def pick_copy(copies: Sequence[StoredCredential], party: str) -> StoredCredential | None:
    """Return the copy of one batch to show to a party, or None when it is used up.

    Args:
        copies: the copies of one batch.
        party: the firm's id.
    """
    unused = [copy for copy in copies if copy.used_by is None]
    known = [copy for copy in copies if copy.used_by == party]
    if len(unused) > 1 or (unused and not known):
        return unused[0]
    return known[-1] if known else None


def pick_copies(
    credentials: Iterable[StoredCredential], party: str, *, now: int
) -> tuple[tuple[StoredCredential, ...], frozenset[str]]:
    """Return one copy per batch for a party, and the types of which no copy is left.

    Expired copies are never shown.
    """
    batches: dict[str, list[StoredCredential]] = {}
    for credential in credentials:
        if credential.expires_at > now:
            batches.setdefault(credential.batch, []).append(credential)
    picked: list[StoredCredential] = []
    used_up: set[str] = set()
    for copies in batches.values():
        copy = pick_copy(copies, party)
        if copy is None:
            used_up.add(copies[0].vct)
        else:
            picked.append(copy)
    return tuple(picked), frozenset(used_up - {copy.vct for copy in picked})


def stock(credentials: Iterable[StoredCredential]) -> tuple[Stock, ...]:
    """Return the count of every batch, in the order given."""
    batches: dict[str, list[StoredCredential]] = {}
    for credential in credentials:
        batches.setdefault(credential.batch, []).append(credential)
    return tuple(
        Stock(
            batch=batch,
            vct=copies[0].vct,
            issuer_id=copies[0].issuer_id,
            copies=len(copies),
            unused=sum(copy.used_by is None for copy in copies),
            issued_at=copies[0].issued_at,
            expires_at=copies[0].expires_at,
        )
        for batch, copies in batches.items()
    )
