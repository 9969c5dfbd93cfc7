"""Key binding: the holder signed this very presentation, for us, now [CRED-KB-1]."""

import base64
from datetime import timedelta
from hashlib import sha256

import pytest

from ssi.encoding import b64url_encode
from ssi.sdjwt import KeyBindingPolicy
from tests.support.credentials import ES_HOLDER, ISSUER, OTHER
from tests.support.forged import (
    AT,
    AUDIENCE,
    CITY,
    NAME,
    NONCE,
    bound,
    holds,
    kb,
    kb_code,
    sdjwt,
)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "accepted"),
        ({"iat": AT - 300}, "accepted"),
        ({"iat": AT + 60}, "accepted"),
        ({"iat": AT - 301}, "kb.iat"),
        ({"iat": AT + 61}, "kb.iat"),
        ({"iat": AT - 31_536_000}, "kb.iat"),
        ({"iat": AT + 31_536_000}, "kb.iat"),
        ({"iat": ...}, "kb.iat"),
        ({"iat": str(AT)}, "kb.iat"),
        ({"iat": True}, "kb.iat"),
        ({"iat": -1}, "kb.iat"),
        ({"iat": None}, "kb.iat"),
        ({"exp": AT}, "kb.expired"),
        ({"exp": "soon"}, "kb.expired"),
        ({"exp": AT + 1}, "accepted"),
        ({"nbf": AT + 1}, "kb.not_yet_valid"),
        ({"nbf": AT}, "accepted"),
        ({"aud": "x509_hash:other"}, "kb.audience"),
        ({"aud": "firm"}, "kb.audience"),
        ({"aud": [AUDIENCE]}, "kb.audience"),
        ({"aud": ...}, "kb.audience"),
        ({"nonce": NONCE.upper()}, "kb.nonce"),
        ({"nonce": "another"}, "kb.nonce"),
        ({"nonce": ...}, "kb.nonce"),
        ({"nonce": 5}, "kb.nonce"),
        ({"nonce": "ナンス"}, "kb.nonce"),
        ({"sd_hash": "A" * 43}, "kb.sd_hash"),
        ({"sd_hash": ...}, "kb.sd_hash"),
        ({"sd_hash": None}, "kb.sd_hash"),
    ],
)
def test_the_key_binding_is_for_us_now_and_over_this(changes, verdict):
    assert kb_code(kb(bound(**changes))) == verdict


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"signer": OTHER}, "kb.signature"),
        ({"signer": ISSUER}, "kb.signature"),
        ({"header": {"typ": "JWT"}}, "kb.typ"),
        ({"header": {"typ": "dc+sd-jwt"}}, "kb.typ"),
        ({"header": {"alg": "none"}}, "jose.algorithm"),
        ({"header": {"alg": "EdDSA"}}, "jose.algorithm"),
        ({"header": {"jwk": {"kty": "EC"}}}, "jose.header_not_allowed"),
    ],
)
def test_the_key_binding_is_by_the_holder(options, code):
    assert kb_code(kb(bound(), **options)) == code


def test_a_key_binding_that_is_not_there_is_missed():
    assert kb_code(sdjwt(holds(NAME), NAME)) == "kb.missing"


def test_the_key_binding_of_another_credential_or_choice_does_not_fit():
    other = sdjwt({"iat": AT - 61} | holds(NAME), NAME)
    assert kb_code(other + kb(bound()).rsplit("~", 1)[1]) == "kb.sd_hash"
    fewer = sdjwt(holds(NAME, CITY), NAME)
    more = sdjwt(holds(NAME, CITY), NAME, CITY)
    assert kb_code(more + kb(bound(fewer), presented=fewer).rsplit("~", 1)[1]) == "kb.sd_hash"


@pytest.mark.parametrize(
    ("confirmation", "code"),
    [
        (None, "kb.no_confirmation_key"),
        ({}, "kb.no_confirmation_key"),
        ({"kid": "k"}, "kb.no_confirmation_key"),
        ({"jku": "https://evil.example"}, "kb.no_confirmation_key"),
        ({"jwk": "text"}, "kb.no_confirmation_key"),
        ({"jwk": {}}, "kb.confirmation_key_invalid"),
        ({"jwk": {"kty": "oct", "k": "AAAA"}}, "kb.confirmation_key_invalid"),
        ({"jwk": ES_HOLDER.public_key.jwk | {"d": "A" * 43}}, "kb.confirmation_key_private"),
        ({"jwk": ES_HOLDER.public_key.jwk | {"y": "A" * 43}}, "kb.confirmation_key_invalid"),
    ],
)
def test_the_holder_key_is_a_public_key_in_the_credential(confirmation, code):
    text = sdjwt({"cnf": confirmation} | holds(NAME), NAME)
    assert kb_code(kb(bound(text), presented=text)) == code


def test_a_policy_of_ours_may_be_narrower_and_the_token_cannot_widen_it():
    strict = KeyBindingPolicy(past=timedelta(seconds=10), future=timedelta(0))
    assert kb_code(kb(bound(iat=AT - 11)), policy=strict) == "kb.iat"
    loud = bound(iat=AT - 11, nonce_supported=False, leeway=10_000, exp=AT + 10_000)
    assert kb_code(kb(loud), policy=strict) == "kb.iat"


def test_a_mirrored_signature_is_the_same_signature():
    """ECDSA: (r, n - s) verifies too, so signature bytes are no key against replay."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    token, signature = kb(bound()).rsplit(".", 1)
    raw = base64.urlsafe_b64decode(signature + "==")
    twin = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    assert kb_code(f"{token}.{b64url_encode(twin)}") == "accepted"


TERMS = ("dGVybXM", "bW9yZQ")
HASHES = [b64url_encode(sha256(text.encode()).digest()) for text in TERMS]


@pytest.mark.parametrize(
    ("changes", "asked", "verdict"),
    [
        ({"transaction_data_hashes": HASHES}, TERMS, "accepted"),
        ({"transaction_data_hashes": HASHES[::-1]}, TERMS, "kb.transaction_data"),
        ({"transaction_data_hashes": HASHES[:1]}, TERMS, "kb.transaction_data"),
        ({}, TERMS, "kb.transaction_data"),
        ({"transaction_data_hashes": HASHES}, (), "kb.transaction_data"),
        (
            {"transaction_data_hashes": HASHES, "transaction_data_hashes_alg": "sha-512"},
            TERMS,
            "kb.transaction_data",
        ),
    ],
)
def test_the_holder_signed_the_terms_that_were_asked(changes, asked, verdict):
    assert kb_code(kb(bound(**changes)), transaction_data=asked) == verdict
