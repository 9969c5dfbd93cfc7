"""Rules for emergencies: what stops at once, for how long, and who may prolong it.

[REG-EMG-1] to [REG-EMG-8], [REG-PAU-1], [REG-PAU-2].

One voter's call waits for a second; the subject's own counts at once. Nothing is scheduled: the
record says until when, and who reads it compares.
"""

from dataclasses import replace

from registry_chain.records import (
    ACTIVE,
    CALLED,
    IN_FORCE,
    LIFTED,
    RATIFIED,
    RETIRED,
    SUSPENDED,
    EmergencyRecord,
    IssuerRecord,
    KeyRecord,
    MemberRecord,
    PauseRecord,
    Stoppable,
    ValidatorRecord,
    VerifierRecord,
    emergency_key,
    pause_key,
)
from registry_chain.rules.context import (
    BlockContext,
    Rule,
    find,
    refuse,
    require_decision,
)
from registry_chain.rules.electorate import is_active_voter, params, require_active_voter
from registry_chain.rules.validators import reseated
from registry_chain.state import Changes, View
from registry_chain.transactions.decisions import (
    LiftSuspension,
    PauseFamilies,
    RatifySuspension,
)
from registry_chain.transactions.governance import EmergencySuspend

CALL_LIFE = 24 * 3600
REST = 30 * 86_400
MAX_PAUSE = 72 * 3600
PAUSABLE = ("ack", "anchor", "consent", "issuer", "key", "notice", "verifier")
# Whatever protects somebody goes on during a pause: it takes back, it never gives.
PROTECTIVE = (
    "consent.withdraw",
    "issuer.suspend",
    "key.revoke",
    "verifier.suspend",
)
_KINDS: dict[str, type[Stoppable]] = {
    "issuer": IssuerRecord,
    "key": KeyRecord,
    "member": MemberRecord,
    "validator": ValidatorRecord,
    "verifier": VerifierRecord,
}


def require_not_paused(view: View, tx_type: str, block: BlockContext) -> None:
    """A transaction of a paused family waits [REG-PAU-2]."""
    family = tx_type.partition(".")[0]
    if family not in PAUSABLE or tx_type in PROTECTIVE:
        return
    record = find(view, PauseRecord, pause_key(family))
    if record is not None and record.state == ACTIVE and block.time < record.until:
        raise refuse("REG-PAU-2", "paused", "the voters have paused such transactions")


# --- the call ---


def _call(view: View, account: str, body: EmergencySuspend, block: BlockContext) -> Changes:
    target = body.target
    _require_stoppable(view, target, block)
    before = find(view, EmergencyRecord, emergency_key(target))
    until = block.time + params(view).emergency
    if account == owner(view, target):
        record = _new(target, (account,), body.reason, until, block, state=IN_FORCE, own=True)
        return _stopped(view, record, account, block)
    require_active_voter(view, account, block, "REG-EMG-1")
    _require_rested(before, block)
    first = _waiting(view, before, block)
    if first is None:
        waits = block.time + CALL_LIFE
        record = _new(target, (account,), body.reason, waits, block, state=CALLED)
        return {emergency_key(target): record.to_bytes()}
    if first == account:
        raise refuse("REG-EMG-2", "second_voter", "another voter has to call for the same")
    callers = (first, account)
    record = _new(target, callers, body.reason, until, block, state=IN_FORCE)
    return _stopped(view, record, emergency_key(target), block)


def _new(  # noqa: PLR0913 - the members of the record
    target: str,
    callers: tuple[str, ...],
    why: str,
    until: int,
    block: BlockContext,
    *,
    state: str,
    own: bool = False,
) -> EmergencyRecord:
    return EmergencyRecord(
        state=state,
        height=block.height,
        time=block.time,
        target=target,
        callers=callers,
        why=why,
        until=until,
        own=own,
    )


def _waiting(view: View, before: EmergencyRecord | None, block: BlockContext) -> str | None:
    """Who called first, if the call still waits and he is still a voter."""
    if before is None or before.state != CALLED or block.time >= before.until:
        return None
    first = before.callers[0]
    return first if is_active_voter(view, first, block) else None


def _require_rested(before: EmergencyRecord | None, block: BlockContext) -> None:
    """Two voters may not repeat for ever what the others did not ratify [REG-EMG-7]."""
    if before is None or before.own or before.state not in (IN_FORCE, LIFTED):
        return
    if block.time < before.until + REST:
        raise refuse("REG-EMG-7", "emergency_repeated", "this was stopped in an emergency lately")


def owner(view: View, target: str) -> str | None:
    """The member who may stop the target alone."""
    kind, _, rest = target.partition("/")
    if kind == "validator":
        record = find(view, ValidatorRecord, target)
        return None if record is None else record.member
    return None if kind == "family" else rest.partition("/")[0]


def _require_stoppable(view: View, target: str, block: BlockContext) -> None:
    kind, _, name = target.partition("/")
    if kind == "family":
        if name not in PAUSABLE:
            raise refuse("REG-PAU-1", "not_pausable", "such transactions are never paused")
        pause = find(view, PauseRecord, pause_key(name))
        if pause is not None and pause.state == ACTIVE and block.time < pause.until:
            raise refuse("REG-PAU-1", "paused", "such transactions are paused already")
        return
    record = _stoppable(view, target).settled(block.time)
    if record.state not in (ACTIVE, RETIRED):
        raise refuse("REG-EMG-3", "not_active", "the target is not active")


def _stoppable(view: View, target: str) -> Stoppable:
    kind = _KINDS.get(target.partition("/")[0])
    record = None if kind is None else find(view, kind, target)
    if record is None:
        raise refuse("REG-EMG-3", "target_unknown", "there is no such record")
    return record


def _stopped(view: View, call: EmergencyRecord, by: str, block: BlockContext) -> Changes:
    target = call.target
    changes = {emergency_key(target): call.to_bytes()}
    kind, _, name = target.partition("/")
    if kind == "family":
        pause = PauseRecord(
            state=ACTIVE,
            height=block.height,
            time=block.time,
            until=call.until,
            by=by,
            why=call.why,
        )
        return changes | {pause_key(name): pause.to_bytes()}
    record = _stoppable(view, target).settled(block.time)
    stopped = record.stopped(
        at=block.time, height=block.height, until=call.until, by=by, reason=call.why
    )
    return changes | _put(view, target, stopped, block)


def _put(view: View, target: str, record: Stoppable, block: BlockContext) -> Changes:
    """Write a target; a validator only if the set stays safe."""
    if isinstance(record, ValidatorRecord):
        return reseated(view, {target.partition("/")[2]: record}, block)
    return {target: record.to_bytes()}


# --- decisions about it ---


def _ratify(view: View, account: str, body: RatifySuspension, block: BlockContext) -> Changes:
    require_decision(account, "REG-EMG-5")
    call = _in_force(view, body.target, block, "REG-EMG-5")
    if body.target.startswith("family/"):
        raise refuse("REG-EMG-5", "not_ratifiable", "a pause ends by itself; pause anew")
    record = _stoppable(view, body.target)
    if record.state != SUSPENDED or record.suspended_until != call.until:
        raise refuse("REG-EMG-5", "not_suspended", "the suspension has ended")
    lasting = replace(record, suspended_until=None, height=block.height, time=block.time)
    ratified = replace(call, state=RATIFIED, height=block.height, time=block.time)
    return {body.target: lasting.to_bytes(), emergency_key(body.target): ratified.to_bytes()}


def _lift(view: View, account: str, body: LiftSuspension, block: BlockContext) -> Changes:
    require_decision(account, "REG-EMG-6")
    kind, _, name = body.target.partition("/")
    changes: Changes = {}
    call = find(view, EmergencyRecord, emergency_key(body.target))
    if call is not None and call.state in (CALLED, IN_FORCE, RATIFIED):
        until = min(call.until, block.time)
        lifted = replace(call, state=LIFTED, until=until, height=block.height, time=block.time)
        changes[emergency_key(body.target)] = lifted.to_bytes()
    if kind == "family":
        pause = find(view, PauseRecord, pause_key(name))
        if pause is None or pause.state != ACTIVE or block.time >= pause.until:
            raise refuse("REG-EMG-6", "not_paused", "nothing is paused here")
        ended = replace(pause, state=LIFTED, height=block.height, time=block.time)
        return changes | {pause_key(name): ended.to_bytes()}
    if call is None or call.state not in (IN_FORCE, RATIFIED):
        raise refuse("REG-EMG-6", "no_emergency", "no emergency stopped this")
    record = _stoppable(view, body.target).settled(block.time)
    if record.state != SUSPENDED:
        raise refuse("REG-EMG-6", "not_suspended", "the suspension has ended")
    resumed = record.resumed(at=block.time, height=block.height)
    return changes | _put(view, body.target, resumed, block)


def _in_force(view: View, target: str, block: BlockContext, rule: str) -> EmergencyRecord:
    call = find(view, EmergencyRecord, emergency_key(target))
    if call is None or call.state != IN_FORCE or block.time >= call.until:
        raise refuse(rule, "no_emergency", "no emergency suspension of this is in force")
    return call


def _pause(view: View, account: str, body: PauseFamilies, block: BlockContext) -> Changes:
    require_decision(account, "REG-PAU-1")
    del view
    if not block.time < body.until <= block.time + MAX_PAUSE:
        raise refuse("REG-PAU-1", "period", "a pause has no time left, or lasts over 72 hours")
    if any(name not in PAUSABLE for name in body.families):
        raise refuse("REG-PAU-1", "not_pausable", "such transactions are never paused")
    record = PauseRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        until=body.until,
        by=account,
        why=body.reason,
    )
    return {pause_key(name): record.to_bytes() for name in body.families}


RULES: dict[str, Rule] = {
    EmergencySuspend.TYPE: _call,
    RatifySuspension.TYPE: _ratify,
    LiftSuspension.TYPE: _lift,
    PauseFamilies.TYPE: _pause,
}
