"""Rules for consents: only the relationship key gives and withdraws. [REG-CON-1] to [REG-CON-5].

The chain sees a salted commitment and a key used for one firm only. Repeating what is already
recorded changes nothing and is no error, so that one repeated item does not sink a batch.
"""

from dataclasses import replace

from registry_chain.records import GIVEN, WITHDRAWN, ConsentRecord, consent_key
from registry_chain.rules.context import BlockContext, Rule, find, refuse, thumbprint
from registry_chain.rules.operators import require_operator
from registry_chain.state import Changes, View
from registry_chain.transactions import (
    ConsentItem,
    RecordConsents,
    WithdrawalItem,
    WithdrawConsents,
    verify_consent_item,
    verify_withdrawal_item,
)
from ssi.errors import InvalidSignature

MAX_TERM = 10 * 366 * 86_400


def _record(view: View, account: str, body: RecordConsents, block: BlockContext) -> Changes:
    require_operator(view, account, "REG-CON-1")
    changes: Changes = {}
    for item in body.items:
        changes |= _given(view, account, item, block)
    return changes


def _given(view: View, account: str, item: ConsentItem, block: BlockContext) -> Changes:
    try:
        verify_consent_item(item, chain_id=block.chain_id)
    except InvalidSignature:
        raise refuse("REG-CON-2", "consent_signature", "a consent is not signed") from None
    before = find(view, ConsentRecord, consent_key(item.commitment))
    if before is not None:
        if (before.jwk, before.until) != (item.jwk, item.until):
            raise refuse("REG-CON-3", "consent_taken", "the commitment is recorded otherwise")
        return {}
    if not block.time < item.until <= block.time + MAX_TERM:
        raise refuse("REG-CON-3", "period", "a consent has no time left, or too much")
    record = ConsentRecord(
        state=GIVEN,
        height=block.height,
        time=block.time,
        key=thumbprint(item.jwk),
        jwk=item.jwk,
        until=item.until,
        operator=account,
    )
    return {consent_key(item.commitment): record.to_bytes()}


def _withdraw(view: View, account: str, body: WithdrawConsents, block: BlockContext) -> Changes:
    require_operator(view, account, "REG-CON-1")
    changes: Changes = {}
    for item in body.items:
        changes |= _withdrawn(view, item, block)
    return changes


def _withdrawn(view: View, item: WithdrawalItem, block: BlockContext) -> Changes:
    key = consent_key(item.commitment)
    record = find(view, ConsentRecord, key)
    if record is None:
        raise refuse("REG-CON-4", "consent_unknown", "no such consent is recorded")
    try:
        verify_withdrawal_item(item, jwk=record.jwk, chain_id=block.chain_id)
    except InvalidSignature:
        raise refuse("REG-CON-4", "consent_signature", "a withdrawal is not signed") from None
    if record.state == WITHDRAWN:
        return {}
    changed = replace(
        record,
        state=WITHDRAWN,
        height=block.height,
        time=block.time,
        withdrawn_at=block.time,
    )
    return {key: changed.to_bytes()}


RULES: dict[str, Rule] = {
    RecordConsents.TYPE: _record,
    WithdrawConsents.TYPE: _withdraw,
}
