"""Rules for status lists: only newer ones, signed by a registered key. [REG-STA-1] to [REG-STA-7].

The signed token travels in the transaction, so every node can serve it and nobody has to ask the
issuer about a resident. The map keeps its digest.
"""

from registry_chain.blocktime import unix, utc
from registry_chain.records import ACTIVE, KeyRecord, StatusRecord, signing_key_key, status_key
from registry_chain.rules.context import BlockContext, Rule, find, public_key, refuse
from registry_chain.rules.issuers import active_issuer
from registry_chain.state import Changes, View
from registry_chain.transactions import PublishStatus
from registry_chain.transactions.statuses import earlier_list, list_digest, revives
from ssi.encoding import b64url_encode, sha256
from ssi.errors import Expired, Malformed, NotYetValid, Rejected
from ssi.status_list import (
    StatusList,
    UntrustedStatusToken,
    VerifiedStatusList,
    parse_status_token,
    verify_status_token,
)


def _publish(view: View, account: str, body: PublishStatus, block: BlockContext) -> Changes:
    issuer = active_issuer(view, account, block, "REG-STA-1")
    key = status_key(account, body.list)
    before = find(view, StatusRecord, key)
    if body.sequence != (0 if before is None else before.sequence) + 1:
        raise refuse("REG-STA-2", "status_sequence", "the list's number is not the next one")
    verified = _verified(view, account, body.token, block)
    if not verified.uri.startswith(issuer.url.rstrip("/") + "/"):
        raise refuse("REG-STA-4", "status_uri", "the list is not under the issuer's address")
    issued = unix(verified.issued_at)
    if before is not None:
        _require_successor(before, verified, issued)
        _require_final(before, verified.list, body.changes)
    record = StatusRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        sequence=body.sequence,
        digest=b64url_encode(sha256(body.token.encode())),
        uri=verified.uri,
        bits=verified.list.bits,
        size=len(verified.list),
        issued_at=issued,
        list_digest=list_digest(verified.list),
        expires_at=None if verified.expires_at is None else unix(verified.expires_at),
    )
    return {key: record.to_bytes()}


def _verified(view: View, account: str, token: str, block: BlockContext) -> VerifiedStatusList:
    """The list, signed by a status key of the account that is good now [REG-STA-3]."""
    untrusted: UntrustedStatusToken = _parsed(token)
    name, _, print_ = untrusted.kid.partition("#")
    if name != account:
        raise refuse("REG-STA-3", "status_key", "the list names another issuer's key")
    key = find(view, KeyRecord, signing_key_key(account, print_))
    if key is None or key.use != "status" or key.settled(block.time).state != ACTIVE:
        raise refuse("REG-STA-3", "status_key", "the list is not signed by an active status key")
    if not key.valid_from <= block.time <= key.valid_until:
        raise refuse("REG-STA-3", "status_key", "the status key is not valid at this time")
    try:
        return verify_status_token(untrusted, public_key(key.jwk), now=utc(block.time))
    except (NotYetValid, Expired):
        raise refuse("REG-STA-5", "status_time", "the list is over, or of the future") from None
    except Rejected:
        raise refuse("REG-STA-3", "status_token", "the list does not verify") from None


def _parsed(token: str) -> UntrustedStatusToken:
    try:
        return parse_status_token(token)
    except Rejected:
        raise refuse("REG-STA-3", "status_token", "the list is not a status token") from None


def _require_successor(before: StatusRecord, verified: VerifiedStatusList, issued: int) -> None:
    if verified.uri != before.uri:
        raise refuse("REG-STA-4", "status_uri", "the list has moved")
    if verified.list.bits != before.bits or len(verified.list) < before.size:
        raise refuse("REG-STA-4", "status_shape", "the list has shrunk or changed its form")
    if issued < before.issued_at:
        raise refuse("REG-STA-5", "status_time", "the list is older than the one before")


def _require_final(before: StatusRecord, entries: StatusList, changes: str | None) -> None:
    """What was revoked stays revoked [REG-STA-7]."""
    if changes is None:
        raise refuse("REG-STA-7", "status_changes", "the changes since then are missing")
    try:
        earlier = earlier_list(entries, changes, size=before.size)
    except Malformed:
        raise refuse("REG-STA-7", "status_changes", "the changes do not fit the list") from None
    if list_digest(earlier) != before.list_digest:
        raise refuse("REG-STA-7", "status_changes", "the changes are to another edition")
    if revives(earlier, entries):
        raise refuse("REG-STA-7", "status_revived", "a revoked credential would be valid again")


RULES: dict[str, Rule] = {PublishStatus.TYPE: _publish}
