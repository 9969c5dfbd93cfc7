"""Rules for issuers: accreditation and suspension. [REG-ISS-1] to [REG-ISS-5], [REG-ISS-7]."""

from registry_chain.records import ACTIVE, IssuerRecord, issuer_key
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
from registry_chain.transactions import AccreditIssuer, ReinstateIssuer, SuspendIssuer


def issuer(view: View, name: str, block: BlockContext, rule: str) -> IssuerRecord:
    """The issuer's record, whatever its state at this time."""
    record = find(view, IssuerRecord, issuer_key(name))
    if record is None:
        raise refuse(rule, "issuer_unknown", "no issuer has this id")
    return record.settled(block.time)


def active_issuer(view: View, name: str, block: BlockContext, rule: str) -> IssuerRecord:
    """The issuer, which must be accredited now and not suspended [REG-ISS-5]."""
    record = issuer(view, name, block, rule)
    if record.state != ACTIVE:
        raise refuse(rule, "issuer_suspended", "the issuer is suspended")
    if not record.valid_from <= block.time <= record.valid_until:
        raise refuse(rule, "issuer_not_accredited", "the issuer is not accredited at this time")
    return record


def _accredit(view: View, account: str, body: AccreditIssuer, block: BlockContext) -> Changes:
    """A first accreditation, or its renewal with new facts."""
    require_decision(account, "REG-ISS-1")
    require_role(view, body.issuer, "issuer", block, "REG-ISS-2")
    require_url(view, body.url, "REG-REC-3")
    if not body.valid_from < body.valid_until or body.valid_until <= block.time:
        raise refuse("REG-ISS-3", "period", "the accreditation would have no time left")
    before = find(view, IssuerRecord, issuer_key(body.issuer))
    if before is not None and before.settled(block.time).state != ACTIVE:
        raise refuse("REG-ISS-3", "issuer_suspended", "a suspended issuer is reinstated first")
    record = IssuerRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        name=body.name,
        corporate_number=body.corporate_number,
        url=body.url,
        credential_types=body.credential_types,
        ca=body.ca,
        trust_framework=body.trust_framework,
        valid_from=body.valid_from if before is None else before.valid_from,
        valid_until=body.valid_until,
        contact=body.contact,
        attests=body.attests,
    )
    return {issuer_key(body.issuer): record.to_bytes()}


def _suspend(view: View, account: str, body: SuspendIssuer, block: BlockContext) -> Changes:
    if account != body.issuer:
        require_decision(account, "REG-ISS-4")
    record = issuer(view, body.issuer, block, "REG-ISS-4")
    # The voters may make lasting what an emergency stopped for a while.
    if record.state != ACTIVE and not (decided(account) and record.suspended_until is not None):
        raise refuse("REG-ISS-4", "issuer_suspended", "the issuer is suspended already")
    changed = record.stopped(
        at=block.time, height=block.height, until=None, by=account, reason=body.reason
    )
    return {issuer_key(body.issuer): changed.to_bytes()}


def _reinstate(view: View, account: str, body: ReinstateIssuer, block: BlockContext) -> Changes:
    if account != body.issuer:
        require_decision(account, "REG-ISS-4")
    record = issuer(view, body.issuer, block, "REG-ISS-4")
    require_reinstatable(record, account)
    require_role(view, body.issuer, "issuer", block, "REG-ISS-2")
    changed = record.resumed(at=block.time, height=block.height)
    return {issuer_key(body.issuer): changed.to_bytes()}


RULES: dict[str, Rule] = {
    AccreditIssuer.TYPE: _accredit,
    SuspendIssuer.TYPE: _suspend,
    ReinstateIssuer.TYPE: _reinstate,
}
