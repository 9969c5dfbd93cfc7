"""Rules for members: who belongs, with which roles and account keys. [REG-MEM-1] to [REG-MEM-6]."""

from dataclasses import replace

from registry_chain.records import (
    ACTIVE,
    EXPELLED,
    SUSPENDED,
    IssuerRecord,
    MemberRecord,
    OperatorRecord,
    VerifierRecord,
    issuer_key,
    member_key,
    operator_key,
    verifier_key,
)
from registry_chain.rules.context import (
    BlockContext,
    Rule,
    decided,
    find,
    member,
    refuse,
    require_decision,
)
from registry_chain.rules.electorate import VOTER, enrolled
from registry_chain.rules.validators import owns_validators
from registry_chain.state import Changes, View
from registry_chain.transactions import (
    AdmitMember,
    ExpelMember,
    ReinstateMember,
    SetRoles,
    SuspendMember,
    UpdateMemberKeys,
)

_EXPELLED = "expelled"


def _admit(view: View, account: str, body: AdmitMember, block: BlockContext) -> Changes:
    require_decision(account, "REG-MEM-1")
    key = member_key(body.member)
    if find(view, MemberRecord, key) is not None:
        raise refuse("REG-MEM-1", "member_exists", "a member has this id already, or had it")
    votes = VOTER in body.roles
    record = MemberRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        name=body.name,
        roles=body.roles,
        keys=body.keys,
        voter_since=block.height if votes else None,
    )
    return {key: record.to_bytes()} | enrolled(view, body.member, block, votes=votes)


def _update_keys(view: View, account: str, body: UpdateMemberKeys, block: BlockContext) -> Changes:
    """A member changes its own keys; the voters restore those of one that lost them."""
    if account != body.member and not decided(account):
        raise refuse("REG-MEM-3", "needs_decision", "these are another member's keys")
    record = _present(view, body.member, block, "REG-MEM-3")
    changed = replace(record, keys=body.keys, height=block.height, time=block.time)
    return {member_key(body.member): changed.to_bytes()}


def _set_roles(view: View, account: str, body: SetRoles, block: BlockContext) -> Changes:
    require_decision(account, "REG-MEM-6")
    record = _present(view, body.member, block, "REG-MEM-6")
    votes = VOTER in body.roles
    since = record.voter_since if VOTER in record.roles else block.height
    changed = replace(
        record,
        roles=body.roles,
        voter_since=since if votes else None,
        height=block.height,
        time=block.time,
    )
    enrolment = enrolled(view, body.member, block, votes=votes)
    return {member_key(body.member): changed.to_bytes()} | enrolment


def _suspend(view: View, account: str, body: SuspendMember, block: BlockContext) -> Changes:
    require_decision(account, "REG-MEM-4")
    record = _present(view, body.member, block, "REG-MEM-4")
    if record.state != ACTIVE and record.suspended_until is None and decided(_by(record)):
        raise refuse("REG-MEM-4", "member_suspended", "the member is suspended already")
    changed = record.stopped(
        at=block.time, height=block.height, until=None, by=account, reason=body.reason
    )
    return {member_key(body.member): changed.to_bytes()}


def _by(record: MemberRecord) -> str:
    return record.suspended_by or ""


def _reinstate(view: View, account: str, body: ReinstateMember, block: BlockContext) -> Changes:
    require_decision(account, "REG-MEM-4")
    record = _present(view, body.member, block, "REG-MEM-4")
    if record.state != SUSPENDED:
        raise refuse("REG-MEM-4", "not_suspended", "the member is not suspended")
    changed = record.resumed(at=block.time, height=block.height)
    return {member_key(body.member): changed.to_bytes()}


def _expel(view: View, account: str, body: ExpelMember, block: BlockContext) -> Changes:
    """The member goes, and with it what it was accredited for [REG-MEM-5]."""
    require_decision(account, "REG-MEM-5")
    record = _present(view, body.member, block, "REG-MEM-5")
    if owns_validators(view, body.member):
        raise refuse("REG-MEM-5", "owns_validators", "its validators are taken out first")
    gone = replace(
        record.stopped(
            at=block.time, height=block.height, until=None, by=account, reason=body.reason
        ),
        state=EXPELLED,
    )
    changes = {member_key(body.member): gone.to_bytes()}
    changes |= enrolled(view, body.member, block, votes=False)
    return changes | _ended(view, account, body.member, block)


def _ended(view: View, account: str, name: str, block: BlockContext) -> Changes:
    changes: Changes = {}
    for kind, key in ((IssuerRecord, issuer_key(name)), (VerifierRecord, verifier_key(name))):
        entry = find(view, kind, key)
        if entry is not None and (entry.state == ACTIVE or entry.suspended_until is not None):
            changes[key] = entry.stopped(
                at=block.time, height=block.height, until=None, by=account, reason=_EXPELLED
            ).to_bytes()
    operator = find(view, OperatorRecord, operator_key(name))
    if operator is not None:
        ended = replace(operator, state=EXPELLED, height=block.height, time=block.time)
        changes[operator_key(name)] = ended.to_bytes()
    return changes


def _present(view: View, name: str, block: BlockContext, rule: str) -> MemberRecord:
    record = member(view, name, block, rule)
    if record.state == EXPELLED:
        raise refuse(rule, "member_expelled", "the member was expelled")
    return record


RULES: dict[str, Rule] = {
    AdmitMember.TYPE: _admit,
    UpdateMemberKeys.TYPE: _update_keys,
    SetRoles.TYPE: _set_roles,
    SuspendMember.TYPE: _suspend,
    ReinstateMember.TYPE: _reinstate,
    ExpelMember.TYPE: _expel,
}
