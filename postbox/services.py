"""What every part of a running mailbox shares; made once per process, after the fork."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from postbox.config import Config
from postbox.db import Database
from postbox.ledger import Ledger
from ssi.fetch import Fetch

Clock = Callable[[], datetime]
SECRET_SIZE = 32


def utc_now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The mailbox's settings, stores and doors to the outside."""

    config: Config
    db: Database
    ledger: Ledger
    fetch: Fetch
    secret: bytes = field(repr=False)
    clock: Clock = utc_now
    random: Callable[[int], bytes] = field(default=secrets.token_bytes, repr=False)
