"""SD-JWTs forged over exactly the claims a test wants, and key bindings likewise."""

import json
from datetime import UTC, datetime
from hashlib import sha256

from ssi.encoding import b64url_encode
from ssi.errors import Rejected
from ssi.sdjwt import KeyBindingPolicy, parse_sdjwt, verify_issuer_jwt, verify_key_binding
from ssi.sdjwt.wire import digest_of
from tests.support.credentials import ES_HOLDER, ISSUER, b64, raw_jws

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
AUDIENCE = "x509_hash:firm"
NONCE = "nonce-of-this-request"
VCT = "urn:warifu:kyc:1"
BASE = {
    "iss": "https://issuer.example",
    "vct": VCT,
    "iat": AT - 60,
    "exp": AT + 3600,
    "cnf": {"jwk": ES_HOLDER.public_key.jwk},
}
POLICY = KeyBindingPolicy()


def disclosure(*parts):
    return b64(json.dumps(list(parts)).encode())


def raw_disclosure(text):
    return b64(text if isinstance(text, bytes) else text.encode())


def sdjwt(claims, *disclosures, header=None, signer=ISSUER, payload=None):
    """An SD-JWT signed over exactly these claims, whatever they are."""
    token = raw_jws(
        payload if payload is not None else json.dumps(BASE | claims).encode(), signer, header
    )
    return "~".join([token, *disclosures, ""])


def holds(*disclosures):
    return {"_sd": [digest_of(item) for item in disclosures]}


NAME = disclosure("salt", "name", "髙橋 花子")
CITY = disclosure("salt", "city", "神戸市")


def bound(text=None, **changes):
    presented = text or sdjwt(holds(NAME), NAME)
    return {
        "iat": AT,
        "aud": AUDIENCE,
        "nonce": NONCE,
        "sd_hash": b64url_encode(sha256(presented.encode()).digest()),
    } | changes


def kb(claims, *, signer=ES_HOLDER, header=None, presented=None):
    presented = presented or sdjwt(holds(NAME), NAME)
    kept = {name: value for name, value in claims.items() if value is not ...}
    return presented + raw_jws(
        json.dumps(kept).encode(), signer, {"typ": "kb+jwt"} | (header or {})
    )


def kb_code(text, *, policy=POLICY, transaction_data=(), audience=AUDIENCE, nonce=NONCE):
    untrusted = parse_sdjwt(text)
    verified = verify_issuer_jwt(untrusted, ISSUER.public_key)
    try:
        verify_key_binding(
            untrusted,
            verified,
            audience=audience,
            nonce=nonce,
            now=NOW,
            policy=policy,
            transaction_data=transaction_data,
        )
    except Rejected as error:
        return error.code
    return "accepted"
