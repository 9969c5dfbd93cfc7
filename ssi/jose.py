"""JSON Web Signature, compact form only (RFC 7515), hardened as RFC 8725 asks.

The reader says which type, algorithm and header members it takes; the token chooses nothing. A
key is never taken from a header unless the caller's protocol is a proof of that very key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ssi.encoding import (
    DEFAULT_LIMITS,
    JSON,
    JsonLimits,
    JSONObject,
    b64url_decode,
    b64url_encode,
    canonical_json,
    parse_json_object,
)
from ssi.errors import BindingMismatch, Expired, Malformed, NotYetValid, Rejected
from ssi.keys import Alg, PublicKey, Signer

STANDARD_HEADERS = frozenset({"alg", "typ", "kid", "x5c"})
_ALGORITHMS = frozenset(alg.value for alg in Alg)
_KEPT_CODES = frozenset({"json.duplicate_key"})
_SEGMENTS = 3
_MAX_SEGMENT_TEXT = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedJws:
    """A well-formed compact JWS nobody has verified yet."""

    header: JSONObject
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    signing_input: bytes = field(repr=False)
    limits: JsonLimits = field(default=DEFAULT_LIMITS, repr=False)

    @property
    def kid(self) -> str | None:
        """The key identifier the sender names, as a mere hint."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None


def sign_jws(
    payload: JSONObject | bytes,
    signer: Signer,
    *,
    typ: str,
    header: Mapping[str, JSON] | None = None,
) -> str:
    """Sign a payload as a compact JWS.

    Args:
        payload: The claims, written as canonical JSON, or the exact bytes.
        signer: Who signs; its key decides ``alg``.
        typ: The explicit type (RFC 8725 §3.11).
        header: Further protected header members, such as ``kid`` or ``x5c``.

    Returns:
        The token.
    """
    protected: JSONObject = {**(header or {}), "alg": signer.public_key.alg.value, "typ": typ}
    body = payload if isinstance(payload, bytes) else canonical_json(payload)
    signing_input = f"{b64url_encode(canonical_json(protected))}.{b64url_encode(body)}"
    return f"{signing_input}.{b64url_encode(signer.sign(signing_input.encode('ascii')))}"


def parse_jws(
    token: str,
    *,
    limits: JsonLimits = DEFAULT_LIMITS,
    extra_headers: frozenset[str] = frozenset(),
) -> UntrustedJws:
    """Take a compact JWS apart without believing any of it.

    Args:
        token: The token; at most ``limits.max_bytes`` long.
        limits: Bounds for the token, its header and its payload.
        extra_headers: Header members this protocol takes beside alg, typ, kid and x5c.

    Returns:
        The parts, to be verified.

    Raises:
        Malformed: ``jose.limits``, ``jose.malformed``, ``jose.crit``, ``jose.algorithm``,
            ``jose.header_not_allowed`` or ``json.duplicate_key``.
    """
    if len(token) > limits.max_bytes:
        raise Malformed("the token is too long", code="jose.limits")
    parts = token.split(".", _SEGMENTS)
    if len(parts) != _SEGMENTS:
        raise Malformed("the token is not a compact JWS", code="jose.malformed")
    header_text, payload_text, signature_text = parts
    if len(signature_text) > _MAX_SEGMENT_TEXT:
        raise Malformed("the signature is too long", code="jose.signature")
    raw_header = _decode(header_text)
    jws = UntrustedJws(
        header=_parse_object(raw_header, limits, code="jose.malformed"),
        payload=_decode(payload_text),
        signature=_decode(signature_text),
        signing_input=f"{header_text}.{payload_text}".encode("ascii"),
        limits=limits,
    )
    _check_header(jws.header, STANDARD_HEADERS | extra_headers)
    return jws


def verify_signature(jws: UntrustedJws, key: PublicKey) -> bytes:
    """Check only the signature, for payloads that are no claims set.

    Args:
        jws: The parsed token.
        key: The key the caller trusts for this purpose.

    Returns:
        The signed payload bytes.

    Raises:
        Malformed: ``jose.algorithm`` when the token names another algorithm than the key's.
        InvalidSignature: ``jose.signature``.
    """
    if jws.header["alg"] != key.alg.value:
        raise Malformed("the algorithm is not the key's", code="jose.algorithm")
    key.verify(jws.signing_input, jws.signature)
    return jws.payload


def verify_jws(jws: UntrustedJws, key: PublicKey, *, typ: str) -> JSONObject:
    """Check type and signature, then read the claims strictly.

    Args:
        jws: The parsed token.
        key: The key the caller trusts for this purpose.
        typ: The exact ``typ`` the caller asks for.

    Returns:
        The claims.

    Raises:
        Malformed: ``jose.algorithm``; ``json.duplicate_key``; ``jose.claims`` when the payload is
            no JSON object by our rules.
        BindingMismatch: ``jose.typ``.
        InvalidSignature: ``jose.signature``.
    """
    if jws.header["alg"] != key.alg.value:
        raise Malformed("the algorithm is not the key's", code="jose.algorithm")
    if jws.header.get("typ") != typ:
        raise BindingMismatch("the token is of another type", code="jose.typ")
    payload = verify_signature(jws, key)
    return _parse_object(payload, jws.limits, code="jose.claims")


def check_jwt_claims(
    claims: JSONObject, *, issuer: str, audience: str, now: datetime, leeway: timedelta
) -> None:
    """Check the registered claims of a verified JWT (RFC 7519 §4.1).

    ``iss``, ``aud`` and ``exp`` must be there; ``iat`` and ``nbf`` are checked when they are.

    Args:
        claims: The verified claims.
        issuer: The only issuer expected.
        audience: Our own name, which must be the audience or among the audiences.
        now: The present.
        leeway: How far clocks may differ.

    Raises:
        Rejected: ``jose.claims``, as `Malformed`, `BindingMismatch`, `Expired` or `NotYetValid`.
    """
    at, skew = int(now.timestamp()), int(leeway.total_seconds())
    if claims.get("iss") != issuer:
        raise BindingMismatch("the token is from another issuer", code="jose.claims")
    given = claims.get("aud")
    audiences = given if isinstance(given, list) else [given]
    if not all(isinstance(item, str) for item in audiences) or audience not in audiences:
        raise BindingMismatch("the token is for another audience", code="jose.claims")
    if "exp" not in claims:
        raise Malformed("the token has no end", code="jose.claims")
    if _numeric_date(claims["exp"]) + skew <= at:
        raise Expired("the token is over", code="jose.claims")
    for name in ("nbf", "iat"):
        if name in claims and _numeric_date(claims[name]) - skew > at:
            raise NotYetValid("the token is from the future", code="jose.claims")
    if not all(isinstance(claims[name], str) for name in ("sub", "jti") if name in claims):
        raise Malformed("a registered claim has the wrong type", code="jose.claims")


def _numeric_date(value: JSON) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Malformed("a time of the token is not a number of seconds", code="jose.claims")
    return value


def _decode(segment: str) -> bytes:
    try:
        return b64url_decode(segment)
    except Malformed as error:
        raise Malformed("a segment is not base64url", code="jose.malformed") from error


def _parse_object(raw: bytes, limits: JsonLimits, *, code: str) -> JSONObject:
    try:
        return parse_json_object(raw, limits=limits)
    except Malformed as error:
        kept = error.code if error.code in _KEPT_CODES else code
        raise Malformed(str(error), code=kept) from error


def _check_header(header: JSONObject, allowed: frozenset[str]) -> None:
    if "crit" in header:
        raise Malformed("critical extensions are not supported", code="jose.crit")
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in _ALGORITHMS:
        raise Malformed("the algorithm is not supported", code="jose.algorithm")
    if not allowed.issuperset(header):
        raise _header_not_allowed()
    if not isinstance(header.get("typ", ""), str) or not isinstance(header.get("kid", ""), str):
        raise Malformed("a header member has the wrong type", code="jose.malformed")
    if "x5c" not in header:
        return
    chain = header["x5c"]
    if not (isinstance(chain, list) and chain and all(isinstance(c, str) for c in chain)):
        raise Malformed("a header member has the wrong type", code="jose.malformed")


def _header_not_allowed() -> Rejected:
    return Malformed(
        "the header holds a member that is not allowed", code="jose.header_not_allowed"
    )
