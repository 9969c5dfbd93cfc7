"""Who signs in a relationship: the holder's pairwise key, or one of the firm's receipt keys.

The holder has a fresh Ed25519 key per firm; its did:key is the only name the firm knows her by
[SHA-CON-2]. The firm signs with keys it has registered on the chain. This module also reads the
few members that every statement between the two has.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from ssi.commitment import parse_commitment
from ssi.did import did_key, parse_did_key
from ssi.encoding import Fields, JSONObject, b64url_encode, parse_json_object, sha256
from ssi.errors import BindingMismatch, Malformed, NotYetValid
from ssi.jose import UntrustedJws, parse_jws, sign_jws, verify_jws
from ssi.keys import Alg, PublicKey, Signer, public_key_from_jwk

CLOCK_SKEW = timedelta(minutes=5)
LATEST = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second a datetime can hold
CONSENT_CODE = "consent.malformed"

_URN_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_Enum = TypeVar("_Enum", bound=StrEnum)


def relationship_id(key: PublicKey) -> str:
    """Return the pairwise id of a holder: the did:key of the relationship key."""
    return did_key(key)


def relationship_key(relationship: str) -> PublicKey:
    """Return the key of a pairwise id.

    Raises:
        Malformed: It is no did:key, or not of an Ed25519 key (``consent.key``).
    """
    return _ed25519(parse_did_key(relationship))


def token_digest(token: str) -> str:
    """Return the base64url SHA-256 of a token's ASCII bytes."""
    return b64url_encode(sha256(token.encode("ascii")))


# --- statements of the holder ---


def sign_as_holder(payload: JSONObject, signer: Signer, *, typ: str) -> str:
    """Sign with the relationship key, which travels in the header [SHA-CON-2].

    Raises:
        ValueError: The key is no Ed25519 key.
    """
    if signer.public_key.alg is not Alg.EDDSA:
        raise ValueError("a relationship key is an Ed25519 key")
    return sign_jws(payload, signer, typ=typ, header={"jwk": signer.public_key.to_jwk()})


def parse_by_holder(token: str) -> tuple[UntrustedJws, PublicKey]:
    """Take a holder's statement apart, with the key it names.

    Raises:
        Malformed: ``jose.*``, or ``consent.key`` when no Ed25519 key is named.
    """
    jws = parse_jws(token, extra_headers=frozenset({"jwk"}))
    return jws, header_key(jws)


def header_key(jws: UntrustedJws) -> PublicKey:
    """Return the relationship key in a header, which the statement must then prove."""
    jwk = jws.header.get("jwk")
    if not isinstance(jwk, dict) or "kid" in jws.header or "x5c" in jws.header:
        raise Malformed("the relationship key is not named", code="consent.key")
    return _ed25519(public_key_from_jwk(jwk))


def verify_by_holder(token: str, key: PublicKey, *, typ: str) -> Fields:
    """Check that a known relationship key signed a statement, and open its members.

    Raises:
        Malformed, InvalidSignature: The token is bad.
        BindingMismatch: ``consent.binding`` when another key signed.
    """
    jws, named = parse_by_holder(token)
    if named != key:
        raise BindingMismatch("another key signed", code="consent.binding")
    return Fields(verify_jws(jws, key, typ=typ), where="statement", code=CONSENT_CODE)


def _ed25519(key: PublicKey) -> PublicKey:
    if key.alg is not Alg.EDDSA:
        raise Malformed("a relationship key is an Ed25519 key", code="consent.key")
    return key


# --- statements of the firm ---


def firm_kid(verifier_id: str, kid: str) -> str:
    """Write the ``kid`` header of what a firm signs: its id and one of its registered keys."""
    return f"{verifier_id}#{kid}"


def split_firm_kid(header_kid: str | None) -> tuple[str, str]:
    """Read the ``kid`` header of what a firm signed.

    Returns:
        The verifier id and the kid of one of its receipt keys.

    Raises:
        Malformed: ``update.kid``.
    """
    verifier_id, sharp, kid = (header_kid or "").partition("#")
    if not (verifier_id and sharp and kid):
        raise Malformed("the key of the firm is not named", code="update.kid")
    return verifier_id, kid


def firm_key(
    jws: UntrustedJws, verifier_id: str, keys: Mapping[str, PublicKey], *, code: str
) -> PublicKey:
    """Find the registered key that a firm's token names.

    Args:
        jws: The token.
        verifier_id: The firm it must be by.
        keys: That firm's registered receipt keys by kid.
        code: The error code when it is not by one of them.

    Raises:
        BindingMismatch: ``code`` when another firm or an unregistered key is named.
    """
    named, kid = split_firm_kid(jws.kid)
    if named != verifier_id or kid not in keys:
        raise BindingMismatch("it is not by a registered key of the firm", code=code)
    return keys[kid]


# --- members that all statements have ---


def payload_fields(jws: UntrustedJws, *, where: str, code: str) -> Fields:
    """Open the members of a payload that nobody has verified yet."""
    return Fields(parse_json_object(jws.payload, limits=jws.limits), where=where, code=code)


def seconds(at: datetime) -> int:
    """Write a time in Unix seconds."""
    return int(at.timestamp())


def take_time(fields: Fields, name: str) -> datetime:
    """Read a time in Unix seconds."""
    return datetime.fromtimestamp(fields.take_int(name, maximum=LATEST), UTC)


def event_json(kind: str, at: datetime) -> JSONObject:
    """Write the member ``event`` (ISO/IEC TS 27560)."""
    return {"type": kind, "time": seconds(at)}


def take_event(fields: Fields, kind: str) -> datetime:
    """Read the member ``event``, which must be of this kind, and return its time."""
    event = fields.take_fields("event")
    if event.take_str("type", max_len=64) != kind:
        raise Malformed("it tells of another event", code=CONSENT_CODE)
    at = take_time(event, "time")
    event.done()
    return at


def take_commitment(fields: Fields) -> str:
    """Read the member ``commitment``."""
    return parse_commitment(fields.take_str("commitment", max_len=64))


def take_urn_uuid(fields: Fields, name: str, *, code: str = CONSENT_CODE) -> str:
    """Read a ``urn:uuid:`` in lower case."""
    text = fields.take_str(name, max_len=64)
    if not _URN_UUID.fullmatch(text):
        raise Malformed(f"{name} is not a urn:uuid", code=code)
    return text


def take_member(fields: Fields, name: str, kind: type[_Enum], *, code: str) -> _Enum:
    """Read one of a closed set of words."""
    try:
        return kind(fields.take_str(name, max_len=64))
    except ValueError:
        raise Malformed(f"{name} is not a known word", code=code) from None


def check_not_future(at: datetime, now: datetime, *, code: str) -> None:
    """Refuse a statement from the future, as far as clocks may differ.

    Raises:
        NotYetValid: ``code``.
    """
    if at > now + CLOCK_SKEW:
        raise NotYetValid("the statement is from the future", code=code)
