"""Keys, thumbprints, signers and key agreement."""

import os

import pytest

from ssi.encoding import b64url_decode, b64url_encode
from ssi.errors import InvalidSignature, Malformed
from ssi.keys import (
    AgreementKey,
    Alg,
    PublicKey,
    SoftwareSigner,
    generate_agreement_key,
    generate_signer,
    public_key_from_jwk,
)

P256 = {
    "kty": "EC",
    "crv": "P-256",
    "x": "c8IipwXmvzysyiLlSWLJK-gQl3gAJjGtHVD9QYnXeg0",
    "y": "zL_9caTB_suoPkD8zEW1_R9M5sZymnUGxE7zA0qil_E",
}
# RFC 8037 appendix A.3 gives this key and its thumbprint.
ED25519 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


def test_the_thumbprint_is_the_one_of_rfc_8037():
    key = public_key_from_jwk(ED25519)
    assert key.thumbprint() == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("alg", list(Alg))
def test_what_a_signer_signs_its_public_key_verifies(alg):
    signer = generate_signer(alg, os.urandom)
    signature = signer.sign(b"message")
    again = public_key_from_jwk(signer.public_key.to_jwk(kid="k"))
    again.verify(b"message", signature)
    assert again == signer.public_key
    assert SoftwareSigner.from_secret(alg, signer.secret).sign(b"message") == signature
    for message, bad in ((b"other", signature), (b"message", signature[:-1]), (b"message", b"")):
        with pytest.raises(InvalidSignature) as caught:
            again.verify(message, bad)
        assert caught.value.code == "jose.signature"


@pytest.mark.parametrize("alg", list(Alg))
def test_a_secret_never_shows(alg):
    signer = generate_signer(alg, os.urandom)
    agreement = generate_agreement_key(os.urandom)
    for text in (repr(signer), repr(agreement)):
        assert signer.secret.hex() not in text
        assert b64url_encode(signer.secret) not in text
        assert repr(signer.secret) not in text
        assert repr(agreement.secret) not in text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"d": "AA"}, "jose.private_key"),
        ({"k": "AA"}, "jose.private_key"),
        ({"crv": "P-384"}, "jose.key"),
        ({"kty": "RSA"}, "jose.key"),
        ({"kty": ["EC"]}, "jose.key"),
        ({"y": P256["x"]}, "jose.key"),
        ({"x": P256["x"][:-1] + "1"}, "jose.key"),
        ({"x": "AAAA"}, "jose.key"),
        ({"x": 1}, "jose.key"),
        ({"use": "enc"}, "jose.key"),
        ({"alg": "ES384"}, "jose.key"),
        ({"alg": "EdDSA"}, "jose.key"),
        ({"key_ops": ["encrypt"]}, "jose.key"),
        ({"key_ops": "verify"}, "jose.key"),
    ],
)
def test_a_jwk_that_is_not_a_good_signature_key_is_refused(change, code):
    with pytest.raises(Malformed) as caught:
        public_key_from_jwk({**P256, **change})
    assert caught.value.code == code


def test_a_jwk_without_a_coordinate_is_refused():
    with pytest.raises(Malformed):
        public_key_from_jwk({n: v for n, v in P256.items() if n != "y"})


@pytest.mark.parametrize(
    "raw",
    [
        bytes(32),
        b"\x01" + bytes(31),
        b"\xec" + b"\xff" * 30 + b"\x7f",
        b"\xee" + b"\xff" * 30 + b"\x7f",
        b"\x01" + bytes(30) + b"\x80",
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        b"",
        bytes(31),
    ],
)
def test_small_order_and_non_canonical_ed25519_keys_are_refused(raw):
    with pytest.raises(Malformed) as caught:
        PublicKey(Alg.EDDSA, raw)
    assert caught.value.code == "jose.key"


def test_other_members_of_a_jwk_are_not_carried_on():
    key = public_key_from_jwk({**P256, "kid": "a", "use": "sig", "key_ops": ["verify"], "z": 1})
    assert key.jwk == P256
    assert key.to_jwk() == {**P256, "alg": "ES256"}


def test_secrets_out_of_range_are_our_callers_mistake():
    for secret in (bytes(32), b"\xff" * 32, b"x"):
        with pytest.raises(ValueError, match=r".+"):
            SoftwareSigner.from_secret(Alg.ES256, secret)
        with pytest.raises(ValueError, match=r".+"):
            AgreementKey.from_secret(secret)


def test_a_scalar_is_drawn_again_when_it_is_out_of_range():
    draws = [b"\xff" * 32, bytes(32), b"\x01" * 32]
    assert generate_signer(Alg.ES256, lambda _: draws.pop(0)).secret == b"\x01" * 32


def test_two_sides_agree_and_bad_peers_are_refused():
    a, b = generate_agreement_key(os.urandom), generate_agreement_key(os.urandom)
    assert a.agree(b.public_jwk()) == b.agree(a.public_jwk(kid="k"))
    assert a.public_jwk(kid="k")["kid"] == "k"
    good = b.public_jwk()
    for change in ({"crv": "P-384"}, {"use": "sig"}, {"alg": "ES256"}, {"d": "AA"}):
        with pytest.raises(Malformed):
            a.agree({**good, **change})
    flipped = bytes([b64url_decode(good["x"])[0] ^ 1]) + b64url_decode(good["x"])[1:]
    with pytest.raises(Malformed):
        a.agree({**good, "x": b64url_encode(flipped)})
