"""Rules for update notices and the answers to them. [REG-NOT-1] to [REG-NOT-4].

Repeating what is already recorded changes nothing and is no error.
"""

from registry_chain.records import (
    COMMITTED,
    AckRecord,
    NoticeRecord,
    ack_key,
    notice_key,
)
from registry_chain.rules.context import BlockContext, Rule, find, refuse
from registry_chain.rules.operators import require_operator
from registry_chain.state import Changes, View
from registry_chain.transactions import AckItem, CommitAcks, CommitNotices, NoticeItem

ANSWERED = "answered"
MAX_TERM = 400 * 86_400


def _commit(view: View, account: str, body: CommitNotices, block: BlockContext) -> Changes:
    require_operator(view, account, "REG-NOT-1")
    changes: Changes = {}
    for item in body.items:
        changes |= _noticed(view, account, item, block)
    return changes


def _noticed(view: View, account: str, item: NoticeItem, block: BlockContext) -> Changes:
    key = notice_key(item.commitment)
    before = find(view, NoticeRecord, key)
    if before is not None:
        if before.deadline != item.deadline:
            raise refuse("REG-NOT-2", "notice_taken", "the commitment is recorded otherwise")
        return {}
    if not block.time < item.deadline <= block.time + MAX_TERM:
        raise refuse("REG-NOT-2", "period", "a notice's deadline is over or too far")
    record = NoticeRecord(
        state=COMMITTED,
        height=block.height,
        time=block.time,
        deadline=item.deadline,
        operator=account,
    )
    return {key: record.to_bytes()}


def _answer(view: View, account: str, body: CommitAcks, block: BlockContext) -> Changes:
    require_operator(view, account, "REG-NOT-1")
    changes: Changes = {}
    for item in body.items:
        changes |= _answered(view, account, item, block)
    return changes


def _answered(view: View, account: str, item: AckItem, block: BlockContext) -> Changes:
    if find(view, NoticeRecord, notice_key(item.notice)) is None:
        raise refuse("REG-NOT-3", "notice_unknown", "no such notice is recorded")
    key = ack_key(item.notice)
    before = find(view, AckRecord, key)
    if before is not None:
        if before.ack != item.ack:
            raise refuse("REG-NOT-4", "ack_taken", "the notice has another answer")
        return {}
    record = AckRecord(
        state=COMMITTED,
        height=block.height,
        time=block.time,
        ack=item.ack,
        outcome_class=ANSWERED,
        operator=account,
    )
    return {key: record.to_bytes()}


RULES: dict[str, Rule] = {
    CommitNotices.TYPE: _commit,
    CommitAcks.TYPE: _answer,
}
