"""Compact JWE, ECDH-ES on P-256 (V-25)."""

import json
import os

import pytest
from joserfc import jwe as peer
from joserfc.jwk import ECKey

from ssi.encoding import b64url_decode, b64url_encode
from ssi.errors import Rejected
from ssi.jwe import decrypt_jwe, encrypt_jwe, open_content, parse_jwe_header
from ssi.keys import generate_agreement_key

KEY = generate_agreement_key(os.urandom)
JWK = KEY.public_jwk(kid="box-1")
BOTH = frozenset({"A128GCM", "A256GCM"})


def seal(**options):
    return encrypt_jwe(b"hello", JWK, enc="A256GCM", random=os.urandom, **options)


def refused(token, key=KEY, encs=BOTH, **options):
    with pytest.raises(Rejected) as caught:
        decrypt_jwe(token, key, encs=encs, **options)
    return caught.value.code


def with_header(token, **changes):
    head, rest = token.split(".", 1)
    header = {**json.loads(b64url_decode(head)), **changes}
    header = {name: value for name, value in header.items() if value is not ...}
    return f"{b64url_encode(json.dumps(header).encode())}.{rest}"


@pytest.mark.parametrize("enc", sorted(BOTH))
def test_a_text_is_sealed_and_opened(enc):
    options = {"apu": b"wallet", "apv": b"nonce", "typ": "t", "cty": "json"}
    token = encrypt_jwe(b"hello", JWK, enc=enc, random=os.urandom, **options)
    assert parse_jwe_header(token)["kid"] == "box-1"
    assert decrypt_jwe(token, KEY, encs=frozenset({enc})) == b"hello"


def test_the_worked_example_of_rfc_7518_derives_the_same_key():
    """RFC 7518 appendix C gives Z and the derived key."""
    from ssi.jwe import _derive

    z = bytes([158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156])
    z += bytes([251, 49, 110, 163, 218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196])
    assert b64url_encode(_derive(z, "A128GCM", b"Alice", b"Bob")) == "VqqN6vgjbSBcIijNcacQGg"


def test_joserfc_opens_what_we_seal_and_we_open_what_it_seals():
    theirs = ECKey.import_key({**JWK, "d": b64url_encode(KEY.secret)})
    sealed = seal(apu=b"a", apv=b"b")
    assert peer.decrypt_compact(sealed, theirs).plaintext == b"hello"
    public = ECKey.import_key(JWK)
    for enc in sorted(BOTH):
        token = peer.encrypt_compact({"alg": "ECDH-ES", "enc": enc}, b"theirs", public)
        assert decrypt_jwe(token, KEY, encs=BOTH) == b"theirs"


def test_only_the_right_key_and_offered_encryption_open_it():
    assert refused(seal(), key=generate_agreement_key(os.urandom)) == "jwe.decrypt"
    assert refused(seal(), encs=frozenset({"A128GCM"})) == "jwe.algorithm"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"zip": "DEF"}, "jwe.header_not_allowed"),
        ({"p2c": 10**9}, "jwe.header_not_allowed"),
        ({"crit": []}, "jwe.header_not_allowed"),
        ({"alg": "ECDH-ES+A128KW"}, "jwe.algorithm"),
        ({"alg": "dir"}, "jwe.algorithm"),
        ({"enc": "A128CBC-HS256"}, "jwe.algorithm"),
        ({"enc": ["A256GCM"]}, "jwe.algorithm"),
        ({"epk": ...}, "jwe.malformed"),
        ({"epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}, "jwe.ephemeral_key"),
        ({"epk": {**JWK, "x": JWK["y"]}}, "jwe.ephemeral_key"),
        ({"epk": {**JWK, "d": "AA"}}, "jwe.ephemeral_key"),
        ({"kid": 1}, "jwe.malformed"),
        ({"apu": "="}, "jwe.malformed"),
        ({"apu": "AAAA"}, "jwe.decrypt"),
        ({"typ": "other"}, "jwe.decrypt"),
    ],
)
def test_a_changed_header_is_refused(change, code):
    assert refused(with_header(seal(), **change)) == code


def test_damaged_forms_and_floods_are_refused():
    parts = seal().split(".")
    assert refused(".".join(parts[:4])) == "jwe.malformed"
    assert refused(".".join([*parts, "a"])) == "jwe.malformed"
    assert refused(".".join([parts[0], "AAAA", *parts[2:]])) == "jwe.malformed"
    assert refused(".".join([*parts[:4], parts[4][:-4]])) == "jwe.malformed"
    assert refused(".".join([*parts[:4], parts[4][:-1] + "="])) == "jwe.malformed"
    assert refused("." * 4) == "jwe.malformed"
    assert refused("A" * 9000 + "....") == "jwe.malformed"
    assert refused("A" * 1_000_000) == "jwe.limits"
    assert refused(seal(), max_plaintext=-8000) == "jwe.limits"
    duplicated = b64url_encode(b'{"alg":"ECDH-ES","alg":"ECDH-ES"}')
    assert refused(f"{duplicated}.{'.'.join(parts[1:])}") == "json.duplicate_key"


def test_content_of_another_size_is_refused():
    with pytest.raises(Rejected):
        open_content(bytes(24), bytes(12), b"", bytes(16), b"")
    with pytest.raises(Rejected):
        open_content(bytes(16), bytes(16), b"", bytes(16), b"")


def test_a_bad_recipient_key_is_refused():
    with pytest.raises(Rejected):
        encrypt_jwe(b"x", {**JWK, "crv": "P-384"}, enc="A128GCM", random=os.urandom)
