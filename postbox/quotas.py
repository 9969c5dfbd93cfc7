"""Counting who does how much, without knowing who it is [SHA-BOX-7].

A counter's key is an HMAC of the sender with the mailbox's secret and the window, so counters of
two windows cannot be joined, and a stolen table names nobody.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import delete
from sqlalchemy.orm import Session

from postbox.models import Counter
from ssi.errors import Unavailable

HOUR_MS = 3_600_000
_KEPT_WINDOWS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What is counted, how often it may be done in an hour, and how often it is done now."""

    name: str
    limit: int
    count: int = 1


def charge(session: Session, *, secret: bytes, what: Action, who: str, now_ms: int) -> None:
    """Count an action in the current hour, or refuse it.

    Args:
        session: A writing transaction; the count is undone with it.
        secret: The mailbox's secret.
        what: The action.
        who: The sender's key or network address; only its HMAC is stored.
        now_ms: The present.

    Raises:
        Unavailable: ``mailbox.quota`` with the seconds until the next hour.
    """
    window = now_ms // HOUR_MS
    key = hmac.digest(secret, f"{what.name}\0{window}\0{who}".encode(), sha256)
    row = session.get(Counter, (key, window), with_for_update=True)
    if (row.count if row else 0) + what.count > what.limit:
        wait = (window + 1) * HOUR_MS - now_ms
        raise Unavailable(
            "too much in one hour", code="mailbox.quota", retry_after=wait // 1000 + 1
        )
    if row is None:
        session.add(Counter(who=key, window=window, count=what.count))
    else:
        row.count += what.count


def forget_counters(session: Session, *, now_ms: int) -> None:
    """Delete the counters of windows that are over."""
    session.connection().execute(
        delete(Counter).where(Counter.window < now_ms // HOUR_MS - _KEPT_WINDOWS + 1)
    )
