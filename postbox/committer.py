"""Carrying queued items to the chain in batches, each exactly once [SHA-BOX-10].

Three facts make it exactly once. An item leaves the queue only in the database; one process at a
time holds the lease; and an item whose fate is not known after a crash is looked up on the chain
before it is sent again. Should two processes send one item all the same, the chain records it once.
"""

import logging
from collections.abc import Sequence

from postbox import outbox
from postbox.messages import milliseconds
from postbox.models import ItemKind, ItemState, LedgerItem
from postbox.services import Services
from ssi.encoding import JSON
from ssi.errors import Refused, Unavailable

LEASE = "committer"
# Asked for again before every batch; should a submission outlive it, the chain counts once.
LEASE_MS = 5_000
# Rules that say an item is bad; any other refusal is about us, and the items wait [SHA-BOX-11].
_BLAMES_AN_ITEM = frozenset(
    {"REG-CON-2", "REG-CON-3", "REG-CON-4", "REG-NOT-2", "REG-NOT-3", "REG-NOT-4"}
)
_LOG = logging.getLogger("warifu.mailbox.committer")


def commit_due(services: Services, *, holder: str) -> int:
    """Carry what is queued to the chain, if the job is ours.

    A consent goes before its withdrawal and a notice before its answer, so a kind that cannot be
    committed now holds back the kinds after it.

    Args:
        services: The database and the chain.
        holder: Who we are among the processes.

    Returns:
        How many items were found committed.

    Raises:
        Unavailable: The chain or the database could not be reached; nothing is lost.
    """
    total = 0
    for kind in ItemKind:
        if not _keep_lease(services, holder):
            return total
        total += _repair(services, kind)
        while items := _take(services, kind):
            if not _keep_lease(services, holder):
                return total
            total += _commit(services, kind, items)
    return total


def _keep_lease(services: Services, holder: str) -> bool:
    now_ms = milliseconds(services.clock())
    return services.db.take_lease(LEASE, holder, now_ms=now_ms, for_ms=LEASE_MS)


def _take(services: Services, kind: ItemKind) -> list[LedgerItem]:
    """Mark the oldest queued items as submitted, before the chain sees any of them."""
    with services.db.write() as session:
        items = outbox.in_state(session, kind, ItemState.QUEUED)
        for item in items:
            item.state = ItemState.SUBMITTED
        session.flush()
        session.expunge_all()
    return items


def _repair(services: Services, kind: ItemKind) -> int:
    """Find out what became of items whose submission was cut short by a crash."""
    found = 0
    while True:
        with services.db.read() as session:
            items = outbox.in_state(session, kind, ItemState.SUBMITTED)
            session.expunge_all()
        if not items:
            return found
        rest = _settle_recorded(services, items)
        with services.db.write() as session:
            outbox.set_state(session, [item.id for item in rest], ItemState.QUEUED)
        found += len(items) - len(rest)


def _commit(services: Services, kind: ItemKind, items: Sequence[LedgerItem]) -> int:
    """Commit a batch; when the chain refuses it, find the items that are to blame.

    Returns:
        How many items are on the chain now.
    """
    try:
        done = services.ledger.submit(outbox.batch_body(kind, items), services.clock())
    except Refused as error:
        if error.rule not in _BLAMES_AN_ITEM:
            _put_back(services, items)
            raise Unavailable(
                f"the chain does not let us write: {error.rule}", code="mailbox.operator"
            ) from error
        return _commit_apart(services, kind, items, rule=error.rule)
    with services.db.write() as session:
        outbox.set_state(
            session,
            [item.id for item in items],
            ItemState.COMMITTED,
            tx_id=done.tx_id,
            height=done.height,
        )
    return len(items)


def _commit_apart(
    services: Services, kind: ItemKind, items: Sequence[LedgerItem], *, rule: str
) -> int:
    if len(items) == 1:
        with services.db.write() as session:
            outbox.set_state(session, [items[0].id], ItemState.REFUSED, rule=rule)
        _LOG.warning("the chain refused an item: %s", rule)
        return 0
    middle = len(items) // 2
    first = _commit(services, kind, items[:middle])
    return first + _commit(services, kind, items[middle:])


def _settle_recorded(services: Services, items: Sequence[LedgerItem]) -> list[LedgerItem]:
    """Mark the items the chain has recorded, and return the others."""
    keys = [outbox.record_key(item) for item in items]
    records = services.ledger.read(keys, services.clock())
    recorded: list[tuple[int, JSON]] = []
    rest: list[LedgerItem] = []
    for item, key in zip(items, keys, strict=True):
        record = records.get(key)
        if record is not None and outbox.is_recorded(item, record):
            recorded.append((item.id, record.get("height")))
        else:
            rest.append(item)
    if recorded:
        with services.db.write() as session:
            for item_id, height in recorded:
                outbox.set_state(session, [item_id], ItemState.COMMITTED, height=height)
    return rest


def _put_back(services: Services, items: Sequence[LedgerItem]) -> None:
    with services.db.write() as session:
        outbox.set_state(session, [item.id for item in items], ItemState.QUEUED)
