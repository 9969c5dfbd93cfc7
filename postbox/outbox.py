"""What waits to be recorded on the chain.

An item enters in the same transaction as the envelope or request that caused it, so neither exists
without the other [SHA-BOX-10].
"""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from postbox.models import ItemKind, ItemState, LedgerItem
from registry_chain.records import ack_key, consent_key, notice_key
from registry_chain.transactions import (
    AckItem,
    Body,
    CommitAcks,
    CommitNotices,
    ConsentItem,
    NoticeItem,
    RecordConsents,
    WithdrawalItem,
    WithdrawConsents,
)
from ssi.encoding import JSON, JSONObject, canonical_json, parse_json_object

MAX_BATCH = 256


def enqueue(
    session: Session, *, kind: ItemKind, commitment: str, body: JSONObject, now_ms: int
) -> None:
    """Queue an item, unless the same commitment is queued or recorded already.

    Args:
        session: The writing transaction of what causes the item.
        kind: Which record it becomes.
        commitment: The commitment that names the record; for an ack, the notice's.
        body: The item as the chain's transaction wants it.
        now_ms: The present.
    """
    if find(session, kind, commitment) is not None:
        return
    session.add(
        LedgerItem(
            kind=kind,
            commitment=commitment,
            body=canonical_json(body).decode(),
            state=ItemState.QUEUED,
            created_at=now_ms,
        )
    )


def find(session: Session, kind: ItemKind, commitment: str) -> LedgerItem | None:
    """Return the item that becomes a certain record."""
    return session.scalar(
        select(LedgerItem).where(LedgerItem.kind == kind, LedgerItem.commitment == commitment)
    )


def in_state(
    session: Session, kind: ItemKind, state: ItemState, limit: int = MAX_BATCH
) -> list[LedgerItem]:
    """Return the oldest items of a kind in a state."""
    return list(
        session.scalars(
            select(LedgerItem)
            .where(LedgerItem.kind == kind, LedgerItem.state == state)
            .order_by(LedgerItem.id)
            .limit(limit)
        )
    )


def set_state(session: Session, ids: Sequence[int], state: ItemState, **known: JSON) -> None:
    """Move items to a state, with what is known of it: ``tx_id``, ``height`` or ``rule``."""
    session.connection().execute(
        update(LedgerItem).where(LedgerItem.id.in_(ids)).values(state=state, **known)
    )


def record_key(item: LedgerItem) -> str:
    """Return the key of the record that an item becomes."""
    match ItemKind(item.kind):
        case ItemKind.CONSENT | ItemKind.WITHDRAWAL:
            return consent_key(item.commitment)
        case ItemKind.NOTICE:
            return notice_key(item.commitment)
        case ItemKind.ACK:
            return ack_key(item.commitment)


def is_recorded(item: LedgerItem, record: JSONObject | None) -> bool:
    """Tell whether a record on the chain already says what an item would make it say."""
    if record is None:
        return False
    return item.kind != ItemKind.WITHDRAWAL or record.get("state") == "withdrawn"


def batch_body(kind: ItemKind, items: Sequence[LedgerItem]) -> Body:
    """Build the transaction of a batch, in the order of commitments.

    The order of arrival would tell an observer of the chain who acted together [SHA-BOX-11].
    """
    bodies = [
        parse_json_object(item.body) for item in sorted(items, key=lambda item: item.commitment)
    ]
    match kind:
        case ItemKind.CONSENT:
            return RecordConsents(items=tuple(ConsentItem.from_json(body) for body in bodies))
        case ItemKind.WITHDRAWAL:
            return WithdrawConsents(items=tuple(WithdrawalItem.from_json(b) for b in bodies))
        case ItemKind.NOTICE:
            return CommitNotices(items=tuple(NoticeItem.from_json(body) for body in bodies))
        case ItemKind.ACK:
            return CommitAcks(items=tuple(AckItem.from_json(body) for body in bodies))
