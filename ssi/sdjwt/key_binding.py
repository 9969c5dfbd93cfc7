"""Key binding: that the presenter holds the key the issuer named (RFC 9901 §4.3, §7.3).

Whether a key binding is required is the verifier's decision. Nothing in the presentation can
switch a check off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from ssi.encoding import JSON, JSONObject, b64url_encode
from ssi.errors import (
    BindingMismatch,
    Expired,
    InvalidSignature,
    Malformed,
    NotYetValid,
    Rejected,
)
from ssi.jose import parse_jws, verify_jws
from ssi.keys import PublicKey, public_key_from_jwk
from ssi.sdjwt.processing import VerifiedSdJwt
from ssi.sdjwt.wire import UntrustedSdJwt

KB_TYPE: Final = "kb+jwt"
_CODES = {"jose.typ": "kb.typ", "jose.signature": "kb.signature", "jose.claims": "kb.malformed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBindingPolicy:
    """How old a key binding may be, and how far ahead the holder's clock."""

    past: timedelta = timedelta(seconds=300)
    future: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedKeyBinding:
    """The holder's key, and when it signed (unix seconds)."""

    key: PublicKey
    issued_at: int
    transaction_data_hashes: tuple[str, ...] = ()


def verify_key_binding(  # noqa: PLR0913 - each is one thing the holder must have signed
    untrusted: UntrustedSdJwt,
    verified: VerifiedSdJwt,
    *,
    audience: str,
    nonce: str,
    now: datetime,
    policy: KeyBindingPolicy,
    transaction_data: Sequence[str] = (),
) -> VerifiedKeyBinding:
    """Check that the holder's key signed this very presentation, for us, now [CRED-KB-1].

    Args:
        untrusted: The parsed presentation.
        verified: What `verify_issuer_jwt` made of it.
        audience: Our full client identifier, prefix included.
        nonce: The nonce of our request.
        now: The present.
        policy: The window for ``iat``.
        transaction_data: The strings of the request the holder had to sign the hashes of.

    Raises:
        Rejected: ``kb.*`` or ``jose.*``.
    """
    claims, binding = _binding(untrusted, verified, audience, nonce, now, policy, transaction_data)
    if not _equal(claims.get("sd_hash"), sd_hash(untrusted.presented)):
        raise BindingMismatch("the key binding is over other disclosures", code="kb.sd_hash")
    return binding


def verify_redacted_key_binding(  # noqa: PLR0913 - as `verify_key_binding`
    untrusted: UntrustedSdJwt,
    verified: VerifiedSdJwt,
    *,
    audience: str,
    nonce: str,
    now: datetime,
    policy: KeyBindingPolicy,
    transaction_data: Sequence[str] = (),
) -> VerifiedKeyBinding:
    """Check a key binding of which disclosures were taken away since, as evidence may be.

    The holder's key signed for this verifier, nonce, time and terms, and her signature covers the
    hash of the whole presentation; that hash cannot be computed from a part of it. So it is not
    proven that these disclosures were among those presented, only that they are of the same
    credential. **Nothing that decides about a holder may use this** [EVI-RED-2].

    Raises:
        Rejected: ``kb.*`` or ``jose.*``.
    """
    _, binding = _binding(untrusted, verified, audience, nonce, now, policy, transaction_data)
    return binding


def _binding(  # noqa: PLR0913, PLR0917 - as `verify_key_binding`
    untrusted: UntrustedSdJwt,
    verified: VerifiedSdJwt,
    audience: str,
    nonce: str,
    now: datetime,
    policy: KeyBindingPolicy,
    transaction_data: Sequence[str],
) -> tuple[JSONObject, VerifiedKeyBinding]:
    """Check all that the holder signed but the hash over the disclosures."""
    if untrusted.kb is None:
        raise BindingMismatch("the presentation has no key binding", code="kb.missing")
    key = confirmation_key(verified.claims)
    claims = _signed_claims(untrusted, key)
    issued_at = _check_times(claims, now, policy)
    if claims.get("aud") != audience:
        raise BindingMismatch("the presentation is for another verifier", code="kb.audience")
    if not _equal(claims.get("nonce"), nonce):
        raise BindingMismatch("the presentation answers another request", code="kb.nonce")
    hashes = _check_transaction_data(claims, transaction_data)
    return claims, VerifiedKeyBinding(key=key, issued_at=issued_at, transaction_data_hashes=hashes)


def confirmation_key(claims: JSONObject) -> PublicKey:
    """Return the holder's key the issuer named in ``cnf.jwk`` (RFC 7800).

    Raises:
        Malformed: ``kb.no_confirmation_key``, ``kb.confirmation_key_private`` or
            ``kb.confirmation_key_invalid``.
    """
    confirmation = claims.get("cnf")
    jwk = confirmation.get("jwk") if isinstance(confirmation, dict) else None
    if not isinstance(jwk, dict):
        raise Malformed("the credential names no holder key", code="kb.no_confirmation_key")
    try:
        return public_key_from_jwk(jwk)
    except Malformed as error:
        private = error.code == "jose.private_key" and jwk.get("kty") != "oct"
        code = "kb.confirmation_key_private" if private else "kb.confirmation_key_invalid"
        raise Malformed("the holder key is no good key", code=code) from error


def sd_hash(presented: str) -> str:
    """Return the hash over the issuer's part and the disclosures (RFC 9901 §4.3.1)."""
    return b64url_encode(sha256(presented.encode("ascii")).digest())


def transaction_hash(text: str) -> str:
    """Return the hash of a transaction data string as received (OpenID4VP B.3.3.1)."""
    return b64url_encode(sha256(text.encode("ascii")).digest())


def _signed_claims(untrusted: UntrustedSdJwt, key: PublicKey) -> JSONObject:
    try:
        jws = parse_jws(untrusted.kb or "", limits=untrusted.limits.json)
        return verify_jws(jws, key, typ=KB_TYPE)
    except InvalidSignature as error:
        raise InvalidSignature("the holder's signature is wrong", code="kb.signature") from error
    except BindingMismatch as error:
        raise BindingMismatch("the key binding is of another type", code="kb.typ") from error
    except Rejected as error:
        raise Malformed(str(error), code=_CODES.get(error.code, error.code)) from error


def _check_times(claims: JSONObject, now: datetime, policy: KeyBindingPolicy) -> int:
    at = int(now.timestamp())
    issued_at = _seconds(claims.get("iat"), "kb.iat")
    if issued_at < at - int(policy.past.total_seconds()):
        raise Expired("the key binding is too old", code="kb.iat")
    if issued_at > at + int(policy.future.total_seconds()):
        raise NotYetValid("the key binding is from the future", code="kb.iat")
    if "nbf" in claims and _seconds(claims["nbf"], "kb.not_yet_valid") > at:
        raise NotYetValid("the key binding is not yet valid", code="kb.not_yet_valid")
    if "exp" in claims and _seconds(claims["exp"], "kb.expired") <= at:
        raise Expired("the key binding has expired", code="kb.expired")
    return issued_at


def _seconds(value: JSON, code: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Malformed("a time of the key binding is not a number", code=code)
    return value


def _equal(got: JSON, expected: str) -> bool:
    return isinstance(got, str) and compare_digest(got.encode(), expected.encode())


def _check_transaction_data(claims: JSONObject, asked: Sequence[str]) -> tuple[str, ...]:
    expected = [transaction_hash(text) for text in asked]
    if claims.get("transaction_data_hashes_alg", "sha-256") != "sha-256":
        raise BindingMismatch("the terms are hashed otherwise", code="kb.transaction_data")
    if claims.get("transaction_data_hashes", []) != expected:
        raise BindingMismatch("the holder signed other terms", code="kb.transaction_data")
    return tuple(expected)
