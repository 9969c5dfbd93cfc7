"""What a block and a queue take in: transactions read once, bounded by the work they make.

Bytes do not bound it: two megabytes of full batches are eighteen thousand records, seconds of
work for every node. One unit is one record's worth, about 0.3 ms on one core. Clauses:
``specs/registry.md`` [REG-APP-5], [REG-ENG-6].
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heapify, heappop, heappush
from typing import Final

from registry_chain.transactions import (
    CommitAcks,
    CommitNotices,
    RecordConsents,
    UntrustedTx,
    WithdrawConsents,
    parse_tx,
)
from ssi.errors import Rejected, Unavailable

MAX_BLOCK_WORK: Final = 2_000
MAX_WAITING_WORK: Final = 10_000
BYTES_A_UNIT: Final = 4096
SMALL_TX: Final = 4096
_BATCHES: Final = (RecordConsents, WithdrawConsents, CommitNotices, CommitAcks)


def parsed(raw: bytes) -> UntrustedTx:
    """Parse a transaction; one that was read lately is not parsed again.

    A network asks five times for each: on entry, after each block while it waits, when it is
    proposed, when the proposal is judged, and in its block.

    Raises:
        Malformed: It is no transaction.
    """
    return _small(raw) if len(raw) <= SMALL_TX else _large(raw)


# A transaction is immutable; at most 16 MB of small ones and 16 MB of large ones are kept.
_small = lru_cache(maxsize=4096)(parse_tx)
_large = lru_cache(maxsize=64)(parse_tx)


def work_of(raw: bytes) -> int:
    """The units of work that a transaction makes, 1 at least; what is none costs its bytes."""
    by_bytes = 1 + len(raw) // BYTES_A_UNIT
    try:
        body = parsed(raw).body
    except Rejected:
        return by_bytes
    return max(by_bytes, len(body.items)) if isinstance(body, _BATCHES) else by_bytes


@dataclass(slots=True)
class Waiting:
    """The work that waits for a block, and whose it is."""

    total: int = 0
    of: Counter[str] = field(default_factory=Counter)

    def has_room(self, account: str, work: int) -> bool:
        """Whether an account's next one may wait too.

        Nobody may have more waiting than is then left free: one who floods gets a half, two get a
        third each, and there is always room for another.
        """
        return self.of[account] + work <= MAX_WAITING_WORK - self.total - work

    def add(self, account: str, work: int) -> None:
        """Count one more."""
        self.total += work
        self.of[account] += work


def busy() -> Unavailable:
    """Say that there is no room [REG-ENG-6]."""
    return Unavailable("too many wait already", code="chain.busy", retry_after=1)


def is_within_block(txs: Iterable[bytes]) -> bool:
    """Whether a block may hold the work of all of these."""
    work = 0
    return not any((work := work + work_of(raw)) > MAX_BLOCK_WORK for raw in txs)


def next_block(txs: Sequence[bytes], *, max_bytes: int, frame: int = 0) -> list[int]:
    """Choose what the next block holds of what waits, within its bytes and its work [REG-APP-5].

    Everything in its order, if it fits. Otherwise accounts take turns, whoever had the least work
    so far first, each with its own in their order: nobody's flood delays the others.

    Args:
        txs: What waits, the oldest first.
        max_bytes: The most bytes.
        frame: What each takes beside its own bytes.

    Returns:
        Indices into ``txs``, in the order of the block.
    """
    costs = [(work_of(raw), len(raw) + frame) for raw in txs]
    work, size = MAX_BLOCK_WORK, max_bytes
    if sum(one for one, _ in costs) <= work and sum(one for _, one in costs) <= size:
        return list(range(len(txs)))
    queues: dict[str, deque[int]] = {}
    for index, raw in enumerate(txs):
        queues.setdefault(_account(raw), deque()).append(index)
    turns = [(0, queue.popleft(), account) for account, queue in queues.items()]
    heapify(turns)
    chosen = []
    while turns:
        had, index, account = heappop(turns)
        more_work, more_bytes = costs[index]
        if more_work > work or more_bytes > size:
            continue  # nor may its later ones overtake it
        work, size = work - more_work, size - more_bytes
        chosen.append(index)
        if queues[account]:
            heappush(turns, (had + more_work, queues[account].popleft(), account))
    return chosen


def _account(raw: bytes) -> str:
    try:
        return parsed(raw).account
    except Rejected:
        return ""
