"""Rules for operators of mailboxes. [REG-OPR-1], [REG-OPR-2]."""

from registry_chain.records import ACTIVE, OperatorRecord, operator_key
from registry_chain.rules.context import (
    BlockContext,
    Rule,
    find,
    refuse,
    require_decision,
    require_role,
    require_url,
)
from registry_chain.state import Changes, View
from registry_chain.transactions import RegisterOperator


def require_operator(view: View, account: str, rule: str) -> None:
    """Only a registered operator may go on; a suspended member cannot send anything at all."""
    record = find(view, OperatorRecord, operator_key(account))
    if record is None or record.state != ACTIVE:
        raise refuse(rule, "not_operator", "only a registered operator may do this")


def _register(view: View, account: str, body: RegisterOperator, block: BlockContext) -> Changes:
    """A new operator, or new facts about one."""
    require_decision(account, "REG-OPR-1")
    require_role(view, body.operator, "operator", block, "REG-OPR-2")
    require_url(view, body.url, "REG-REC-3")
    record = OperatorRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        name=body.name,
        url=body.url,
        keys=body.keys,
    )
    return {operator_key(body.operator): record.to_bytes()}


RULES: dict[str, Rule] = {RegisterOperator.TYPE: _register}
