"""Rules for disputes: held, then resolved by arbiters. [REG-DIS-1] to [REG-DIS-5]."""

from dataclasses import replace

from registry_chain.records import (
    ACTIVE,
    HELD,
    CorrectionRecord,
    DisputeRecord,
    Finding,
    correction_key,
    dispute_key,
)
from registry_chain.rules.context import (
    BlockContext,
    Rule,
    find,
    member,
    refuse,
    require_decision,
)
from registry_chain.rules.electorate import is_active_voter
from registry_chain.state import Changes, View
from registry_chain.transactions.decisions import AssignArbiters
from registry_chain.transactions.disputes import OpenDispute, ResolveDispute

_FORBIDDEN = ("ballot", "config", "correction", "dispute", "lane", "proposal")


def _open(view: View, account: str, body: OpenDispute, block: BlockContext) -> Changes:
    family, _, rest = body.record.partition("/")
    if family in _FORBIDDEN or view.get(body.record) is None:
        raise refuse("REG-DIS-1", "record_unknown", "no record that can be disputed has this key")
    affected = account in rest.split("/")
    if not affected and not is_active_voter(view, account, block):
        raise refuse(
            "REG-DIS-1", "not_affected", "neither is the record about the member nor a voter asks"
        )
    if find(view, DisputeRecord, dispute_key(body.dispute)) is not None:
        raise refuse("REG-DIS-2", "dispute_exists", "a dispute has this id already")
    beside = find(view, CorrectionRecord, correction_key(body.record))
    if beside is not None and beside.state == HELD:
        raise refuse("REG-DIS-2", "dispute_held", "the record is in dispute already")
    record = DisputeRecord(
        state=HELD,
        height=block.height,
        time=block.time,
        record=body.record,
        opener=account,
        why=body.reason,
        evidence=body.evidence,
        arbiters=(),
        findings=(),
    )
    return {dispute_key(body.dispute): record.to_bytes()} | _beside(
        body.dispute, record, HELD, block
    )


def _assign(view: View, account: str, body: AssignArbiters, block: BlockContext) -> Changes:
    require_decision(account, "REG-DIS-3")
    record = _held(view, body.dispute, "REG-DIS-3")
    for name in body.arbiters:
        if member(view, name, block, "REG-DIS-3").state != ACTIVE:
            raise refuse("REG-DIS-3", "arbiter", "an arbiter is not an active member")
        if name == record.opener or name in record.record.split("/"):
            raise refuse("REG-DIS-3", "arbiter", "nobody judges his own case")
    changed = replace(
        record, arbiters=body.arbiters, findings=(), height=block.height, time=block.time
    )
    return {dispute_key(body.dispute): changed.to_bytes()}


def _resolve(view: View, account: str, body: ResolveDispute, block: BlockContext) -> Changes:
    record = _held(view, body.dispute, "REG-DIS-4")
    if account not in record.arbiters:
        raise refuse("REG-DIS-4", "not_arbiter", "the member is no arbiter of this dispute")
    if any(finding.arbiter == account for finding in record.findings):
        raise refuse("REG-DIS-4", "finding_given", "the arbiter has given his finding")
    finding = Finding(arbiter=account, outcome=body.outcome, text=body.finding)
    findings = (*record.findings, finding)
    agreeing = sum(one.outcome == body.outcome for one in findings)
    resolved = 2 * agreeing > len(record.arbiters)
    state = body.outcome if resolved else HELD
    changed = replace(record, state=state, findings=findings, height=block.height, time=block.time)
    changes = {dispute_key(body.dispute): changed.to_bytes()}
    return changes | (_beside(body.dispute, record, state, block) if resolved else {})


def _beside(dispute: str, record: DisputeRecord, state: str, block: BlockContext) -> Changes:
    """The compensating record: found by the disputed record's key [REG-DIS-5]."""
    beside = CorrectionRecord(state=state, height=block.height, time=block.time, dispute=dispute)
    return {correction_key(record.record): beside.to_bytes()}


def _held(view: View, name: str, rule: str) -> DisputeRecord:
    record = find(view, DisputeRecord, dispute_key(name))
    if record is None:
        raise refuse(rule, "dispute_unknown", "no dispute has this id")
    if record.state != HELD:
        raise refuse(rule, "dispute_resolved", "the dispute is resolved already")
    return record


RULES: dict[str, Rule] = {
    OpenDispute.TYPE: _open,
    AssignArbiters.TYPE: _assign,
    ResolveDispute.TYPE: _resolve,
}
