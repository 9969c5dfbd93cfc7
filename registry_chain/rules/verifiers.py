"""Rules for firms: what they are called and what they may ask for. [REG-VER-1] to [REG-VER-7]."""

from collections.abc import Callable
from dataclasses import replace

from registry_chain.records import (
    ACTIVE,
    RETIRED,
    BoxRecord,
    ClientRecord,
    VerifierRecord,
    box_key,
    client_key,
    verifier_key,
)
from registry_chain.rules.context import (
    BlockContext,
    Rule,
    decided,
    find,
    refuse,
    require_decision,
    require_reinstatable,
    require_role,
    require_url,
)
from registry_chain.state import Changes, View
from registry_chain.transactions import (
    Purpose,
    RegisterVerifier,
    ReinstateVerifier,
    SuspendVerifier,
    UpdateVerifier,
    VerifierProfile,
)


def verifier(view: View, name: str, block: BlockContext, rule: str) -> VerifierRecord:
    """The firm's record, whatever its state at this time."""
    record = find(view, VerifierRecord, verifier_key(name))
    if record is None:
        raise refuse(rule, "verifier_unknown", "no firm has this id")
    return record.settled(block.time)


def _register(view: View, account: str, body: RegisterVerifier, block: BlockContext) -> Changes:
    require_decision(account, "REG-VER-1")
    require_role(view, body.verifier, "firm", block, "REG-VER-2")
    if find(view, VerifierRecord, verifier_key(body.verifier)) is not None:
        raise refuse("REG-VER-2", "verifier_exists", "a firm has this id already")
    record = VerifierRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        verifier=body.verifier,
        profile=body.profile,
    )
    return _written(view, record, before=None)


def _update(view: View, account: str, body: UpdateVerifier, block: BlockContext) -> Changes:
    """The voters replace the entry; the firm itself may only narrow it [REG-VER-4]."""
    before = verifier(view, body.verifier, block, "REG-VER-3")
    if not decided(account):
        if account != body.verifier:
            raise refuse("REG-VER-3", "needs_decision", "this is another firm's entry")
        if before.state != ACTIVE:
            raise refuse("REG-VER-3", "verifier_suspended", "the firm is suspended")
        _require_narrower(before.profile, body.profile)
    record = replace(before, profile=body.profile, height=block.height, time=block.time)
    return _written(view, record, before=before)


def _require_narrower(old: VerifierProfile, new: VerifierProfile) -> None:
    fixed = (new.name, new.corporate_number, new.country, new.trust_mark)
    if fixed != (old.name, old.corporate_number, old.country, old.trust_mark):
        raise refuse("REG-VER-4", "identity_change", "only the voters change who a firm is")
    known = {purpose.code: purpose for purpose in old.purposes}
    for purpose in new.purposes:
        granted = known.get(purpose.code)
        if granted is None or not _within(purpose, granted):
            raise refuse("REG-VER-4", "purpose_widened", "only the voters widen a purpose")


def _within(asked: Purpose, granted: Purpose) -> bool:
    """The same purpose in every word, with no claim or credential type added."""
    words = replace(asked, claims=granted.claims, vcts=granted.vcts)
    claims = all(path in granted.claims for path in asked.claims)
    return words == granted and claims and all(vct in granted.vcts for vct in asked.vcts)


def _written(view: View, record: VerifierRecord, before: VerifierRecord | None) -> Changes:
    profile = record.profile
    if profile.mailbox is not None:
        require_url(view, profile.mailbox.url, "REG-REC-3")
    changes = {verifier_key(record.verifier): record.to_bytes()}
    changes |= _owned(view, record, _certificates, before, ClientRecord, "REG-VER-5")
    return changes | _owned(view, record, _boxes, before, BoxRecord, "REG-VER-7")


def _certificates(profile: VerifierProfile) -> tuple[str, ...]:
    return tuple(client_key(x509_hash) for x509_hash in profile.client_hashes)


def _boxes(profile: VerifierProfile) -> tuple[str, ...]:
    mailbox = profile.mailbox
    return () if mailbox is None else (box_key(mailbox.url, mailbox.box),)


def _owned(  # noqa: PLR0913, PLR0917 - one index of what firms own
    view: View,
    record: VerifierRecord,
    names: Callable[[VerifierProfile], tuple[str, ...]],
    before: VerifierRecord | None,
    kind: type[ClientRecord | BoxRecord],
    rule: str,
) -> Changes:
    """What only one firm may have: taken, given up, or somebody else's for ever."""
    changes: Changes = {}
    own = names(record.profile)

    def entry(state: str) -> bytes:
        made = kind(state=state, height=record.height, time=record.time, verifier=record.verifier)
        return made.to_bytes()

    for name in () if before is None else names(before.profile):
        if name not in own:
            changes[name] = entry(RETIRED)
    for name in own:
        owner = find(view, kind, name)
        if owner is not None and owner.verifier != record.verifier:
            raise refuse(rule, f"{kind.PREFIX}_taken", "it belongs to another firm")
        if owner is None or owner.state != ACTIVE:
            changes[name] = entry(ACTIVE)
    return changes


def _suspend(view: View, account: str, body: SuspendVerifier, block: BlockContext) -> Changes:
    if account != body.verifier:
        require_decision(account, "REG-VER-6")
    record = verifier(view, body.verifier, block, "REG-VER-6")
    # The voters may make lasting what an emergency stopped for a while.
    if record.state != ACTIVE and not (decided(account) and record.suspended_until is not None):
        raise refuse("REG-VER-6", "verifier_suspended", "the firm is suspended already")
    changed = record.stopped(
        at=block.time, height=block.height, until=None, by=account, reason=body.reason
    )
    return {verifier_key(body.verifier): changed.to_bytes()}


def _reinstate(view: View, account: str, body: ReinstateVerifier, block: BlockContext) -> Changes:
    if account != body.verifier:
        require_decision(account, "REG-VER-6")
    record = verifier(view, body.verifier, block, "REG-VER-6")
    require_reinstatable(record, account)
    require_role(view, body.verifier, "firm", block, "REG-VER-2")
    changed = record.resumed(at=block.time, height=block.height)
    return {verifier_key(body.verifier): changed.to_bytes()}


RULES: dict[str, Rule] = {
    RegisterVerifier.TYPE: _register,
    UpdateVerifier.TYPE: _update,
    SuspendVerifier.TYPE: _suspend,
    ReinstateVerifier.TYPE: _reinstate,
}
