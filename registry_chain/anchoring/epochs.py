"""Epochs: the days or hours whose last block is anchored; the same choice for everyone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from registry_chain.light import VerifiedLightBlock

Blocks = Callable[[int], VerifiedLightBlock]


class Period(StrEnum):
    """How long an epoch is."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """From ``start`` to just before ``end``, in UTC."""

    name: str
    start: datetime
    end: datetime


def epoch_at(moment: datetime, period: Period) -> Epoch:
    """The epoch in which a moment lies [ANC-EPO-1]."""
    start = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if period is Period.HOUR:
        return Epoch(
            name=f"{start:%Y-%m-%d}t{start:%H}", start=start, end=start + timedelta(hours=1)
        )
    start = start.replace(hour=0)
    return Epoch(name=f"{start:%Y-%m-%d}", start=start, end=start + timedelta(days=1))


def finished_epochs(moment: datetime, period: Period, count: int) -> list[Epoch]:
    """The last ``count`` epochs that are over at ``moment``, oldest first."""
    found: list[Epoch] = []
    current = epoch_at(moment, period)
    for _ in range(count):
        current = epoch_at(current.start - timedelta(seconds=1), period)
        found.append(current)
    return found[::-1]


def last_block(
    epoch: Epoch,
    head: VerifiedLightBlock,
    blocks: Blocks,
    seam: VerifiedLightBlock | None = None,
) -> VerifiedLightBlock | None:
    """The epoch's last block, which is the one that is anchored [ANC-EPO-1].

    Args:
        epoch: The epoch.
        head: The newest block.
        blocks: Gives the verified block of a height.
        seam: The last block before a hand-over, if the chain has one [ANC-EPO-2].

    Returns:
        The block, or ``None`` if the chain has not left the epoch yet, or had no block in it.
    """
    if head.time < epoch.end:
        return None
    if seam is not None and epoch.start <= seam.time < epoch.end:
        return seam
    low, high = 0, head.height  # the block at low is before the end, the one at high is not
    while high - low > 1:
        middle = (low + high) // 2
        if blocks(middle).time < epoch.end:
            low = middle
        else:
            high = middle
    if low == 0:
        return None
    block = blocks(low)
    return block if block.time >= epoch.start else None
