"""Rules for issuers' signing keys and their lives. [REG-KEY-1] to [REG-KEY-5]."""

from dataclasses import replace

from registry_chain.records import (
    ACTIVE,
    RETIRED,
    REVOKED,
    KeyRecord,
    signing_key_key,
)
from registry_chain.rules.context import (
    BlockContext,
    Rule,
    decided,
    find,
    public_key,
    refuse,
    thumbprint,
)
from registry_chain.rules.issuers import active_issuer
from registry_chain.state import Changes, View
from registry_chain.transactions import RegisterKey, RevokeKey, RotateKey, key_proof_message
from ssi.encoding import JSONObject, b64url_decode
from ssi.errors import InvalidSignature, Malformed

MAX_LIFE = 5 * 366 * 86_400


def _register(view: View, account: str, body: RegisterKey, block: BlockContext) -> Changes:
    active_issuer(view, account, block, "REG-KEY-1")
    print_ = _require_new(view, account, body.jwk)
    _require_life(body.valid_from, body.valid_until, block)
    _require_held(account, body.jwk, body.proof, block)
    record = KeyRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        issuer=account,
        thumbprint=print_,
        jwk=body.jwk,
        use=body.use,
        valid_from=body.valid_from,
        valid_until=body.valid_until,
        next_digest=body.next_digest,
    )
    return {signing_key_key(account, print_): record.to_bytes()}


def _rotate(view: View, account: str, body: RotateKey, block: BlockContext) -> Changes:
    """The next key takes over now; if it was announced, it must be the announced one."""
    active_issuer(view, account, block, "REG-KEY-1")
    old = signing_key(view, account, body.thumbprint, block, "REG-KEY-4")
    if old.state != ACTIVE:
        raise refuse("REG-KEY-4", "key_not_active", "only an active key can be rotated")
    print_ = _require_new(view, account, body.jwk)
    if old.next_digest is not None and old.next_digest != print_:
        raise refuse("REG-KEY-4", "key_not_announced", "another key was announced as the next")
    _require_life(block.time, body.valid_until, block)
    _require_held(account, body.jwk, body.proof, block)
    retired = replace(
        old,
        state=RETIRED,
        height=block.height,
        time=block.time,
        valid_until=min(old.valid_until, block.time),
    )
    record = KeyRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        issuer=account,
        thumbprint=print_,
        jwk=body.jwk,
        use=old.use,
        valid_from=block.time,
        valid_until=body.valid_until,
        next_digest=body.next_digest,
    )
    return {
        signing_key_key(account, old.thumbprint): retired.to_bytes(),
        signing_key_key(account, print_): record.to_bytes(),
    }


def _revoke(view: View, account: str, body: RevokeKey, block: BlockContext) -> Changes:
    """The issuer (suspended or not) or the voters; a compromise only moves earlier."""
    if account != body.issuer and not decided(account):
        raise refuse("REG-KEY-5", "needs_decision", "this is another issuer's key")
    key = signing_key(view, body.issuer, body.thumbprint, block, "REG-KEY-5")
    since, before = body.compromised_since, key.compromised_since
    if since is not None and since > block.time:
        raise refuse("REG-KEY-5", "period", "the compromise lies in the future")
    if key.state == REVOKED:
        if since is None or (before is not None and since >= before):
            raise refuse("REG-KEY-5", "key_revoked", "the key is revoked already")
        before = None
    changed = replace(
        key,
        state=REVOKED,
        height=block.height,
        time=block.time,
        valid_until=min(key.valid_until, block.time),
        compromised_since=since if before is None else before,
    )
    return {signing_key_key(body.issuer, body.thumbprint): changed.to_bytes()}


def signing_key(view: View, issuer: str, print_: str, block: BlockContext, rule: str) -> KeyRecord:
    """An issuer's key, whatever its state at this time."""
    record = find(view, KeyRecord, signing_key_key(issuer, print_))
    if record is None:
        raise refuse(rule, "key_unknown", "the issuer has no such key")
    return record.settled(block.time)


def _require_new(view: View, issuer: str, jwk: JSONObject) -> str:
    print_ = thumbprint(jwk)
    if find(view, KeyRecord, signing_key_key(issuer, print_)) is not None:
        raise refuse("REG-KEY-3", "key_exists", "the key was registered before")
    return print_


def _require_life(start: int, end: int, block: BlockContext) -> None:
    if not start < end or end <= block.time or end - start > MAX_LIFE:
        raise refuse("REG-KEY-3", "period", "the key's life is empty, over or too long")


def _require_held(issuer: str, jwk: JSONObject, proof: str, block: BlockContext) -> None:
    key = public_key(jwk)
    message = key_proof_message(block.chain_id, issuer, key)
    try:
        key.verify(message, b64url_decode(proof))
    except (InvalidSignature, Malformed):
        raise refuse("REG-KEY-2", "key_proof", "the key did not sign its registration") from None


RULES: dict[str, Rule] = {
    RegisterKey.TYPE: _register,
    RotateKey.TYPE: _rotate,
    RevokeKey.TYPE: _revoke,
}
