"""Proofs that a wallet holds its key (OpenID4VCI 1.0 appendix F)."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from ssi.did import did_jwk, did_key
from ssi.errors import (
    BindingMismatch,
    Expired,
    Malformed,
    NotYetValid,
    PolicyNotMet,
)
from ssi.jose import sign_jws
from ssi.keys import Alg, generate_signer
from ssi.oid4vci import (
    ProofPolicy,
    build_key_proof,
    parse_key_proof,
    verify_key_proof,
    verify_key_proofs,
)
from ssi.x509 import create_ca, create_leaf, to_x5c
from tests.support.openid4vci import ISSUER, refusal

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEY = generate_signer(Alg.ES256, os.urandom)
POLICY = ProofPolicy(batch_size=3)


def proof(now=NOW, nonce="n", issuer=ISSUER, key=KEY, client_id=None):
    return build_key_proof(key, issuer=issuer, nonce=nonce, now=now, client_id=client_id)


def verify(token, policy=POLICY, client_id=None):
    return verify_key_proof(
        parse_key_proof(token), issuer=ISSUER, now=NOW, policy=policy, client_id=client_id
    )


@pytest.mark.parametrize("alg", list(Alg))
def test_a_key_proof_proves_its_key(alg):
    """[ISS-PROOF-1] [ISS-PROOF-3]."""
    key = generate_signer(alg, os.urandom)
    verified = verify(proof(key=key))
    assert (verified.key, verified.nonce) == (key.public_key, "n")


def crafted(header=None, typ="openid4vci-proof+jwt", key=KEY, **changes):
    claims = {"aud": ISSUER, "iat": int(NOW.timestamp()), "nonce": "n", **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    header = {"jwk": KEY.public_key.jwk} if header is None else header
    return sign_jws(claims, key, typ=typ, header=header)


def test_another_type_is_refused_before_any_signature():
    """[ISS-PROOF-1]."""
    assert refusal(parse_key_proof, crafted(typ="JWT")) == "issuance.proof_malformed"


def test_a_proof_may_name_its_key_by_did_or_certificate():
    """[ISS-PROOF-2]."""
    did = did_key(KEY.public_key)
    kid = f"{did}#{did.removeprefix('did:key:')}"
    day = timedelta(days=1)
    secret = generate_signer(Alg.ES256, os.urandom).secret
    dates = {"not_before": NOW - day, "not_after": NOW + day}
    root = create_ca("Root", secret=secret, serial=1, **dates)
    leaf = create_leaf("W", public_key=KEY.public_key, issuer=(root, secret), serial=2, **dates)
    for header in (
        {"kid": kid},
        {"kid": f"{did_jwk(KEY.public_key)}#0"},
        {"x5c": to_x5c([leaf])},
    ):
        assert verify(crafted(header=header)).key == KEY.public_key


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"jwk": KEY.public_key.jwk, "kid": "k"},
        {"jwk": {**KEY.public_key.jwk, "d": "AAAA"}},
        {"jwk": {**KEY.public_key.jwk, "x": KEY.public_key.jwk["y"]}},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}},
        {"jwk": "key"},
        {"kid": "my-key"},
        {"kid": did_key(KEY.public_key)},
        {"kid": "did:web:wallet.example.com#1"},
        {"x5c": ["AAAA"]},
        {"jwk": KEY.public_key.jwk, "key_attestation": "a.b.c"},
        {"jwk": KEY.public_key.jwk, "crit": ["exp"]},
    ],
)
def test_a_proof_names_exactly_one_good_key(header):
    """[ISS-PROOF-2] I-05."""
    code = refusal(verify, crafted(header=header), error=Malformed)
    assert code == "issuance.proof_malformed"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"typ": "JWT"}, "issuance.proof_malformed"),
        ({"key": generate_signer(Alg.ES256, os.urandom)}, "issuance.proof_signature"),
        ({"key": generate_signer(Alg.EDDSA, os.urandom)}, "issuance.proof_malformed"),
        ({"aud": "https://other.example.com"}, "issuance.proof_audience"),
        ({"aud": [ISSUER]}, "issuance.proof_malformed"),
        ({"aud": None}, "issuance.proof_malformed"),
        ({"iat": None}, "issuance.proof_malformed"),
        ({"iat": "1"}, "issuance.proof_malformed"),
        ({"iat": True}, "issuance.proof_malformed"),
        ({"iat": -1}, "issuance.proof_malformed"),
        ({"iat": int(NOW.timestamp()) - 301}, "issuance.proof_time"),
        ({"iat": int(NOW.timestamp()) + 61}, "issuance.proof_time"),
        ({"nonce": None}, "issuance.proof_malformed"),
        ({"nonce": 5}, "issuance.proof_malformed"),
        ({"iss": "other-wallet"}, "issuance.proof_client"),
    ],
)
def test_bad_proofs_are_refused(options, code):
    """[ISS-PROOF-3] [ISS-PROOF-4] I-05."""
    assert refusal(verify, crafted(**options)) == code


def test_the_edges_of_the_time_window_are_in_it():
    """[ISS-PROOF-3]."""
    for seconds in (-300, 60):
        verify(proof(now=NOW + timedelta(seconds=seconds)))
    with pytest.raises(Expired):
        verify(proof(now=NOW - timedelta(seconds=301)))
    with pytest.raises(NotYetValid):
        verify(proof(now=NOW + timedelta(seconds=61)))


def test_no_nonce_is_needed_without_a_nonce_endpoint():
    """[ISS-PROOF-4]."""
    assert verify(proof(nonce=None), policy=ProofPolicy(nonce_required=False)).nonce is None


def test_the_algorithm_is_the_issuers_choice():
    """[ISS-PROOF-3]."""
    policy = ProofPolicy(algs=frozenset({Alg.EDDSA}))
    code = refusal(verify, proof(), policy=policy, error=PolicyNotMet)
    assert code == "issuance.proof_algorithm"


def test_a_named_client_must_be_the_client_of_the_token():
    """[ISS-PROOF-3]."""
    verify(proof(client_id="w"), client_id="w")
    verify(proof(), client_id="w")
    assert refusal(verify, proof(client_id="w")) == "issuance.proof_client"


def batch(*proofs, policy=POLICY):
    return verify_key_proofs(proofs, issuer=ISSUER, now=NOW, policy=policy)


def test_a_batch_has_different_keys_and_one_nonce():
    """[ISS-PROOF-5] I-07."""
    keys = [generate_signer(Alg.ES256, os.urandom) for _ in range(4)]
    proofs = [proof(key=key) for key in keys]
    assert [p.key for p in batch(*proofs[:3])] == [key.public_key for key in keys[:3]]
    for wrong in ((), proofs, (proofs[0], proofs[0])):
        assert refusal(batch, *wrong, error=PolicyNotMet) == "issuance.proof_count"
    mixed = (proofs[0], proof(key=keys[1], nonce="m"))
    assert refusal(batch, *mixed, error=BindingMismatch) == "issuance.proof_nonce"
