"""Counting who does how much, without knowing who it is [SHA-BOX-7].

A counter's key is an HMAC of the sender with the mailbox's secret and the window, so counters of
two windows cannot be joined, and a stolen table names nobody.
"""

import hmac
from hashlib import sha256

from sqlalchemy import delete
from sqlalchemy.orm import Session

from postbox.models import Counter
from ssi.errors import Unavailable

HOUR_MS = 3_600_000
_KEPT_WINDOWS = 2


def charge(  # noqa: PLR0913 - the facts of one charge
    session: Session, *, secret: bytes, what: str, who: str, limit: int, now_ms: int, count: int = 1
) -> None:
    """Count an action in the current hour, or refuse it.

    Args:
        session: A writing transaction; the count is undone with it.
        secret: The mailbox's secret.
        what: The kind of action.
        who: The sender's key or network address; only its HMAC is stored.
        limit: The most in an hour.
        now_ms: The present.
        count: How many actions these are.

    Raises:
        Unavailable: ``mailbox.quota`` with the seconds until the next hour.
    """
    window = now_ms // HOUR_MS
    key = hmac.digest(secret, f"{what}\0{window}\0{who}".encode(), sha256)
    row = session.get(Counter, (key, window), with_for_update=True)
    if (row.count if row else 0) + count > limit:
        wait = (window + 1) * HOUR_MS - now_ms
        raise Unavailable(
            "too much in one hour", code="mailbox.quota", retry_after=wait // 1000 + 1
        )
    if row is None:
        session.add(Counter(who=key, window=window, count=count))
    else:
        row.count += count


def forget_counters(session: Session, *, now_ms: int) -> None:
    """Delete the counters of windows that are over."""
    session.connection().execute(
        delete(Counter).where(Counter.window < now_ms // HOUR_MS - _KEPT_WINDOWS + 1)
    )
