"""What has ended by time alone, though the record says otherwise [EXP-STATE-1].

Nothing is scheduled on the chain: a record says until when, and who reads it compares that with the
time of the block that proves it [REG-EMG-4], [REG-GOV-6]. So does a page.
"""

from dataclasses import dataclass
from typing import Final

from registry_chain.explorer.proving import Shown
from registry_chain.records import (
    ACTIVE,
    CALLED,
    GIVEN,
    IN_FORCE,
    OPEN,
    IssuerRecord,
    KeyRecord,
    MemberRecord,
    Stoppable,
    ValidatorRecord,
    VerifierRecord,
)
from ssi.errors import Malformed

# A validator is here too: its power does not come back by itself, and its record says so.
_STOPPABLE: Final[dict[str, type[Stoppable]]] = {
    kind.PREFIX: kind
    for kind in (IssuerRecord, KeyRecord, MemberRecord, ValidatorRecord, VerifierRecord)
}
_ENDING: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "emergency": ((CALLED, IN_FORCE), "until"),
    "pause": ((ACTIVE,), "until"),
    "proposal": ((OPEN,), "expires_at"),
    "consent": ((GIVEN,), "until"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """Since when (Unix seconds) a state is over.

    ``state`` is what holds again after a suspension; ``None`` when nothing follows.
    """

    at: int
    state: str | None = None


def lapse_of(shown: Shown) -> Lapse | None:
    """What of a proven record had ended when its block was made; none of what is not proven."""
    if shown.value is None or shown.block is None:
        return None
    family, time = shown.key.partition("/")[0], int(shown.block.time.timestamp())
    kind = _STOPPABLE.get(family)
    if kind is not None:
        try:
            record = kind.from_json(shown.value)
        except Malformed:
            return None
        until, stands = record.suspended_until, record.settled(time).state
        return None if until is None or stands == record.state else Lapse(at=until, state=stands)
    states, member = _ENDING.get(family, ((), ""))
    at = shown.value.get(member)
    if shown.value.get("state") not in states or isinstance(at, bool) or not isinstance(at, int):
        return None
    return Lapse(at=at) if time >= at else None
