"""Rules for members: who belongs, and with which account keys. [REG-MEM-1] to [REG-MEM-4]."""

from dataclasses import replace

from registry_chain.records import ACTIVE, SUSPENDED, MemberRecord, member_key
from registry_chain.rules.context import (
    BlockContext,
    Rule,
    find,
    is_admin,
    member,
    refuse,
    require_admin,
)
from registry_chain.state import Changes, View
from registry_chain.transactions import (
    AdmitMember,
    ReinstateMember,
    SuspendMember,
    UpdateMemberKeys,
)


def _admit(view: View, account: str, body: AdmitMember, block: BlockContext) -> Changes:
    require_admin(view, account, "REG-MEM-1")
    key = member_key(body.member)
    if find(view, MemberRecord, key) is not None:
        raise refuse("REG-MEM-1", "member_exists", "a member has this id already")
    record = MemberRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        name=body.name,
        roles=body.roles,
        keys=body.keys,
    )
    return {key: record.to_bytes()}


def _update_keys(view: View, account: str, body: UpdateMemberKeys, block: BlockContext) -> Changes:
    """A member changes its own keys; an administrator restores those of one that lost them."""
    if account != body.member and not is_admin(view, account):
        raise refuse("REG-MEM-3", "not_admin", "these are another member's keys")
    record = member(view, body.member, "REG-MEM-3")
    changed = replace(record, keys=body.keys, height=block.height, time=block.time)
    return {member_key(body.member): changed.to_bytes()}


def _suspend(view: View, account: str, body: SuspendMember, block: BlockContext) -> Changes:
    require_admin(view, account, "REG-MEM-4")
    record = member(view, body.member, "REG-MEM-4")
    if body.member == account:
        raise refuse("REG-MEM-4", "self_suspension", "an administrator cannot lock itself out")
    if record.state != ACTIVE:
        raise refuse("REG-MEM-4", "member_suspended", "the member is suspended already")
    changed = replace(record, state=SUSPENDED, height=block.height, time=block.time)
    return {member_key(body.member): changed.to_bytes()}


def _reinstate(view: View, account: str, body: ReinstateMember, block: BlockContext) -> Changes:
    require_admin(view, account, "REG-MEM-4")
    record = member(view, body.member, "REG-MEM-4")
    if record.state != SUSPENDED:
        raise refuse("REG-MEM-4", "not_suspended", "the member is not suspended")
    changed = replace(record, state=ACTIVE, height=block.height, time=block.time)
    return {member_key(body.member): changed.to_bytes()}


RULES: dict[str, Rule] = {
    AdmitMember.TYPE: _admit,
    UpdateMemberKeys.TYPE: _update_keys,
    SuspendMember.TYPE: _suspend,
    ReinstateMember.TYPE: _reinstate,
}
