"""Wycheproof's JSON Web Signature, Key and Encryption groups."""

import binascii
import json
from base64 import urlsafe_b64decode
from typing import Any

from ssi.encoding import b64url_decode
from ssi.errors import InvalidSignature, Malformed, Untrusted
from ssi.jose import parse_jws, verify_signature
from ssi.jwe import decrypt_jwe, parse_jwe_header
from ssi.keys import AgreementKey, public_key_from_jwk

_PRIVATE = frozenset({"d"})
_OUR_ENCS = frozenset({"A128GCM", "A256GCM"})


def in_profile(group: dict[str, Any], case: dict[str, Any]) -> bool:
    """Tell whether our profile takes the algorithms the case uses at all."""
    header = _peek(case)
    if "jwe" in case:
        return (
            header.get("alg") == "ECDH-ES"
            and header.get("enc") in _OUR_ENCS
            and "zip" not in header
            and _keys(group, "private")[0].get("crv") == "P-256"
        )
    return (header.get("alg") or "") in {"ES256", "EdDSA"}


def check(group: dict[str, Any], case: dict[str, Any]) -> None:
    """Run the case through our JWS or JWE reader with the key its group trusts."""
    if "jwe" in case:
        _decrypt(group, case)
    else:
        _verify(group, case)


def _text(token: Any) -> str:
    return token if isinstance(token, str) else json.dumps(token)


def _peek(case: dict[str, Any]) -> dict[str, Any]:
    """Look at the header without judging it."""
    segment = _text(case.get("jws", case.get("jwe"))).partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return header if isinstance(header, dict) else {}


def _keys(group: dict[str, Any], half: str) -> list[dict[str, Any]]:
    keys = group.get(half) or group["private"]
    found: list[dict[str, Any]] = keys.get("keys", [keys])
    return found


def _verify(group: dict[str, Any], case: dict[str, Any]) -> None:
    jws = parse_jws(_text(case["jws"]))
    keys = _keys(group, "public")
    if len(keys) > 1 or "keys" in group["private"]:
        keys = [key for key in keys if key.get("kid") == jws.kid]
    if len(keys) != 1:
        raise Untrusted("the key is unknown or ambiguous", code="credential.key_unknown")
    if "kid" in keys[0] and jws.kid is not None and jws.kid != keys[0]["kid"]:
        raise Untrusted("the key is not in the store", code="credential.key_unknown")
    public = {name: value for name, value in keys[0].items() if name not in _PRIVATE}
    verify_signature(jws, public_key_from_jwk(public))


def _decrypt(group: dict[str, Any], case: dict[str, Any]) -> None:
    token = _text(case["jwe"])
    parse_jwe_header(token)
    jwk = _keys(group, "private")[0]
    if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
        raise Malformed("the key type or curve is not supported", code="jose.key")
    key = AgreementKey.from_secret(b64url_decode(jwk["d"]))
    plaintext = decrypt_jwe(token, key, encs=_OUR_ENCS)
    if plaintext != bytes.fromhex(case["pt"]):
        raise InvalidSignature("the plaintext differs", code="jwe.decrypt")
