"""One-time credentials: which copy may be shown to whom [WAL-ONCE-1]. Pure.

Two firms that see the same copy could join their records by its signature. So every
copy is shown to one firm only: a fresh one while there are several, and when a firm
that has seen one asks again while the last is left, the one it already knows.
A copy that is revoked, on hold or over its date is shown to nobody [WAL-STAT-4].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wallet.store import Names, Standing, StoredCredential

LOW_STOCK = 2
PRESENTABLE = frozenset({Standing.VALID, Standing.UNCHECKED})
# Of a batch, the copy that stands best speaks.
_BEST_FIRST = (
    Standing.VALID,
    Standing.UNCHECKED,
    Standing.SUSPENDED,
    Standing.EXPIRED,
    Standing.REVOKED,
)


class Lack(StrEnum):
    """Why no copy of a type can be shown though the wallet holds some; the stable codes."""

    USED_UP = "credential.used_up"
    SUSPENDED = "credential.suspended"
    EXPIRED = "credential.expired"
    REVOKED = "credential.revoked"


_LACKS: Mapping[Standing, Lack] = {
    Standing.SUSPENDED: Lack.SUSPENDED,
    Standing.EXPIRED: Lack.EXPIRED,
    Standing.REVOKED: Lack.REVOKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """How one batch stands, and how many of its copies may still be shown to a new firm.

    ``checked_at`` is when the issuer's status list was last read, in seconds since 1970.
    """

    batch: str
    vct: str
    issuer_id: str
    issuer_names: Names
    copies: int
    unused: int
    issued_at: int
    expires_at: int
    standing: Standing
    checked_at: int | None

    @property
    def presentable(self) -> bool:
        """Return whether its copies may be shown at all."""
        return self.standing in PRESENTABLE

    @property
    def low(self) -> bool:
        """Return whether new copies should be fetched soon."""
        return self.unused < LOW_STOCK


def standing_of(copy: StoredCredential, *, now: int) -> Standing:
    """Return how a copy stands: what its issuer last said, and its own last day.

    Args:
        copy: the copy.
        now: the present, in seconds since 1970.
    """
    if copy.standing is not Standing.REVOKED and copy.expires_at <= now:
        return Standing.EXPIRED
    return copy.standing


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
) -> tuple[tuple[StoredCredential, ...], Mapping[str, Lack]]:
    """Return one copy per batch for a party, and why the other types have none.

    Args:
        credentials: every copy, the newest batch first: its reason is the one that counts.
        party: the firm's id.
        now: the present, in seconds since 1970.
    """
    picked: list[StoredCredential] = []
    lacks: dict[str, Lack] = {}
    for copies in _batches(credentials):
        shown = [copy for copy in copies if standing_of(copy, now=now) in PRESENTABLE]
        copy = pick_copy(shown, party)
        if copy is not None:
            picked.append(copy)
        else:
            why = Lack.USED_UP if shown else _LACKS[_best(copies, now)]
            lacks.setdefault(copies[0].vct, why)
    held = {copy.vct for copy in picked}
    return tuple(picked), {vct: why for vct, why in lacks.items() if vct not in held}


def stock(
    credentials: Iterable[StoredCredential], *, now: int, names: Mapping[str, Names]
) -> tuple[Stock, ...]:
    """Return how every batch stands, in the order given.

    Args:
        credentials: every copy.
        now: the present, in seconds since 1970.
        names: the issuers' names, by their ids, as far as they are known.
    """
    return tuple(_stock(copies, now, names) for copies in _batches(credentials))


def _stock(copies: Sequence[StoredCredential], now: int, names: Mapping[str, Names]) -> Stock:
    issuer = copies[0].issuer_id
    standing = _best(copies, now)
    speaking = [copy for copy in copies if standing_of(copy, now=now) is standing]
    checked = [copy.checked_at for copy in speaking if copy.checked_at is not None]
    return Stock(
        batch=copies[0].batch,
        vct=copies[0].vct,
        issuer_id=issuer,
        issuer_names=names.get(issuer) or Names(ja=issuer, en=issuer),
        copies=len(copies),
        unused=sum(
            copy.used_by is None and standing_of(copy, now=now) in PRESENTABLE for copy in copies
        ),
        issued_at=copies[0].issued_at,
        expires_at=copies[0].expires_at,
        standing=standing,
        checked_at=min(checked, default=None),
    )


def _best(copies: Sequence[StoredCredential], now: int) -> Standing:
    return min((standing_of(copy, now=now) for copy in copies), key=_BEST_FIRST.index)


def _batches(credentials: Iterable[StoredCredential]) -> Iterable[list[StoredCredential]]:
    batches: dict[str, list[StoredCredential]] = {}
    for credential in credentials:
        batches.setdefault(credential.batch, []).append(credential)
    return batches.values()
