"""Rules for new versions of the rules, and for how decisions are taken. [REG-UPG-1] to [REG-UPG-4].

Which version holds at a height is computed from the plans, so no transaction has to switch it.
"""

from dataclasses import replace

from registry_chain.records import (
    CANCELLED,
    PARAMS_KEY,
    PLANNED,
    UpgradeRecord,
    upgrade_key,
)
from registry_chain.rules.context import (
    BlockContext,
    Rule,
    config,
    find,
    is_demo,
    refuse,
    require_decision,
)
from registry_chain.rules.electorate import params
from registry_chain.state import Changes, View
from registry_chain.transactions.decisions import CancelUpgrade, PlanUpgrade, SetParams

NOTICE = 2  # blocks: every node must have seen the plan in a header before it holds
MIN_TIMELOCK, MAX_TIMELOCK = 7 * 86_400, 60 * 86_400
MIN_EMERGENCY, MAX_EMERGENCY = 3600, 72 * 3600


def rules_version(view: View, height: int) -> int:
    """The version of the rules that holds at ``height`` [REG-UPG-2]."""
    founding = config(view).get("rules_version", 1)
    version = founding if isinstance(founding, int) else 1
    while True:
        plan = find(view, UpgradeRecord, upgrade_key(version + 1))
        if plan is None or plan.state != PLANNED or plan.from_height > height:
            return version
        version += 1


def _plan(view: View, account: str, body: PlanUpgrade, block: BlockContext) -> Changes:
    require_decision(account, "REG-UPG-1")
    if body.height < block.height + NOTICE:
        raise refuse("REG-UPG-1", "upgrade_height", "the height is past, or too near")
    if body.rules_version != rules_version(view, block.height) + 1:
        raise refuse("REG-UPG-1", "upgrade_version", "it is not the version after today's")
    before = find(view, UpgradeRecord, upgrade_key(body.rules_version))
    if before is not None and before.state == PLANNED:
        raise refuse("REG-UPG-1", "upgrade_planned", "this version is planned already")
    record = UpgradeRecord(
        state=PLANNED,
        height=block.height,
        time=block.time,
        from_height=body.height,
        rules_version=body.rules_version,
        package=body.package,
    )
    return {upgrade_key(body.rules_version): record.to_bytes()}


def _cancel(view: View, account: str, body: CancelUpgrade, block: BlockContext) -> Changes:
    require_decision(account, "REG-UPG-3")
    plan = find(view, UpgradeRecord, upgrade_key(body.rules_version))
    if plan is None or plan.state != PLANNED:
        raise refuse("REG-UPG-3", "upgrade_unknown", "this version is not planned")
    # The header of the next height may already announce it.
    if plan.from_height <= block.height + 1:
        raise refuse("REG-UPG-3", "upgrade_height", "the version holds already")
    cancelled = replace(plan, state=CANCELLED, height=block.height, time=block.time)
    return {upgrade_key(body.rules_version): cancelled.to_bytes()}


def _set_params(view: View, account: str, body: SetParams, block: BlockContext) -> Changes:
    require_decision(account, "REG-GOV-12")
    now = params(view)
    least = 0 if is_demo(view) else MIN_TIMELOCK
    timelock = now.timelock if body.timelock is None else body.timelock
    emergency = now.emergency if body.emergency is None else body.emergency
    if not least <= timelock <= MAX_TIMELOCK or not MIN_EMERGENCY <= emergency <= MAX_EMERGENCY:
        raise refuse("REG-GOV-12", "period", "a span is outside what this chain allows")
    changed = replace(
        now,
        height=block.height,
        time=block.time,
        timelock=timelock,
        emergency=emergency,
        majority_a=_raised(body.majority_a, now.majority_a, (3, 4)),
        majority_b=_raised(body.majority_b, now.majority_b, (2, 3)),
        majority_c=_raised(body.majority_c, now.majority_c, (1, 2)),
    )
    return {PARAMS_KEY: changed.to_bytes()}


def _raised(
    asked: tuple[int, int] | None, now: tuple[int, int], floor: tuple[int, int]
) -> tuple[int, int]:
    over, under = asked or now
    if over * floor[1] < floor[0] * under:
        raise refuse("REG-GOV-12", "majority", "a majority may not fall below the founding one")
    return over, under


RULES: dict[str, Rule] = {
    PlanUpgrade.TYPE: _plan,
    CancelUpgrade.TYPE: _cancel,
    SetParams.TYPE: _set_params,
}
