"""Compact JWS and the registered claims (V-01 to V-07)."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from ssi.encoding import JsonLimits, b64url_encode
from ssi.errors import Rejected
from ssi.jose import check_jwt_claims, parse_jws, sign_jws, verify_jws, verify_signature
from ssi.keys import Alg, generate_signer

SIGNER = generate_signer(Alg.ES256, os.urandom)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
AT = int(NOW.timestamp())
GOOD = {"iss": "https://issuer.example", "aud": "svc", "iat": AT, "exp": AT + 300}


def forged(header, payload=b"{}"):
    """Sign exactly these bytes, whatever they are."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    signing_input = f"{b64url_encode(raw)}.{b64url_encode(payload)}"
    return f"{signing_input}.{b64url_encode(SIGNER.sign(signing_input.encode()))}"


def code_of(token, **options):
    with pytest.raises(Rejected) as caught:
        verify_jws(parse_jws(token, **options), SIGNER.public_key, typ="JWT")
    return caught.value.code


@pytest.mark.parametrize("alg", list(Alg))
def test_a_token_is_signed_and_read_back(alg):
    signer = generate_signer(alg, os.urandom)
    token = sign_jws(GOOD, signer, typ="JWT", header={"kid": "k"})
    jws = parse_jws(token)
    assert jws.kid == "k"
    assert verify_jws(jws, signer.public_key, typ="JWT") == GOOD
    raw = parse_jws(sign_jws(b"not json", signer, typ="x"))
    assert verify_signature(raw, signer.public_key) == b"not json"


def test_a_header_cannot_override_what_the_signer_decides():
    token = sign_jws({}, SIGNER, typ="JWT", header={"alg": "none", "typ": "other"})
    assert parse_jws(token).header == {"alg": "ES256", "typ": "JWT"}


ES = {"alg": "ES256", "typ": "JWT"}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"alg": "none", "typ": "JWT"}, "jose.algorithm"),
        ({"alg": "HS256", "typ": "JWT"}, "jose.algorithm"),
        ({"alg": "EdDSA", "typ": "JWT"}, "jose.algorithm"),
        ({"alg": "es256", "typ": "JWT"}, "jose.algorithm"),
        ({"alg": None, "typ": "JWT"}, "jose.algorithm"),
        ({"typ": "JWT"}, "jose.algorithm"),
        ({**ES, "crit": ["exp"]}, "jose.crit"),
        ({**ES, "crit": None}, "jose.crit"),
        ({**ES, "jwk": {}}, "jose.header_not_allowed"),
        ({**ES, "jku": "https://a.example"}, "jose.header_not_allowed"),
        ({**ES, "zip": "DEF"}, "jose.header_not_allowed"),
        ({**ES, "kid": {"a": 1}}, "jose.malformed"),
        ({**ES, "x5c": []}, "jose.malformed"),
        ({**ES, "x5c": "AA"}, "jose.malformed"),
        ({"alg": "ES256", "typ": "at+jwt"}, "jose.typ"),
        ({"alg": "ES256", "typ": "jwt"}, "jose.typ"),
        ({"alg": "ES256"}, "jose.typ"),
        ({"alg": "ES256", "typ": 1}, "jose.malformed"),
        (b'{"alg":"ES256","alg":"ES256"}', "json.duplicate_key"),
        (b"[]", "jose.malformed"),
        (b"\xff", "jose.malformed"),
    ],
)
def test_a_header_that_is_not_exactly_allowed_is_refused(header, code):
    assert code_of(forged(header)) == code


def test_a_proof_may_carry_the_key_it_proves():
    token = forged({**ES, "jwk": {"kty": "EC"}})
    assert "jwk" in parse_jws(token, extra_headers=frozenset({"jwk"})).header


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b'{"a":1,"a":2}', "json.duplicate_key"),
        (b'{"a":{"b":1,"\\u0062":2}}', "json.duplicate_key"),
        (b'{"a":NaN}', "jose.claims"),
        (b'{"a":1.5}', "jose.claims"),
        (b'{"a":"\\ud800"}', "jose.claims"),
        (b"[]", "jose.claims"),
        (b"", "jose.claims"),
        (b"[" * 5000, "jose.claims"),
    ],
)
def test_a_payload_that_is_no_strict_object_is_refused_after_its_signature(payload, code):
    assert code_of(forged(ES, payload)) == code


def test_forms_that_are_not_compact_are_refused():
    token = sign_jws(GOOD, SIGNER, typ="JWT")
    head, body, seal = token.split(".")
    wrong = (f"{head}.{body}", f"{token}.", f"{token}.a.b", "", "..", " " + token, token + "\n")
    for text in (*wrong, f"{head}.{body}=.{seal}", json.dumps({"payload": body}), token + "="):
        assert code_of(text) == "jose.malformed"
    assert code_of(f"{head}.{body}.") == "jose.signature"
    assert code_of(f"{head}.{body}.{seal[:-6]}") == "jose.signature"
    assert code_of(f"{head}.{body}.{'A' * 4000}") == "jose.signature"
    assert code_of("a" * 70_000) == "jose.limits"
    assert code_of(token, limits=JsonLimits(max_bytes=50)) == "jose.limits"


def check(**changes):
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    check_jwt_claims(
        claims, issuer=GOOD["iss"], audience="svc", now=NOW, leeway=timedelta(seconds=30)
    )


def test_good_claims_pass_within_the_leeway():
    check()
    check(aud=["other", "svc"], nbf=AT + 30, iat=AT + 30, exp=AT - 29)
    check(iat=..., sub="s", jti="j")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": ...},
        {"iss": "https://issuer.example/"},
        {"iss": ["https://issuer.example"]},
        {"aud": ...},
        {"aud": "other"},
        {"aud": []},
        {"aud": ["svc", 1]},
        {"aud": {"svc": 1}},
        {"exp": ...},
        {"exp": AT - 30},
        {"exp": True},
        {"exp": str(AT + 300)},
        {"exp": -1},
        {"iat": AT + 31},
        {"iat": "now"},
        {"nbf": AT + 31},
        {"nbf": None},
        {"sub": 1},
        {"jti": []},
    ],
)
def test_a_claim_that_does_not_fit_is_refused(changes):
    with pytest.raises(Rejected) as caught:
        check(**changes)
    assert caught.value.code == "jose.claims"
