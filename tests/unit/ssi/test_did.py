"""did:key, did:jwk and did:web (V-33, the syntax part)."""

import os

import base58
import pytest

from ssi.did import did_jwk, did_key, did_web_url, parse_did_jwk, parse_did_key
from ssi.encoding import b64url_encode
from ssi.errors import Malformed, Rejected, Untrusted
from ssi.keys import Alg, generate_signer


@pytest.mark.parametrize("alg", list(Alg))
def test_a_key_round_trips(alg):
    for _ in range(8):
        key = generate_signer(alg, os.urandom).public_key
        assert parse_did_key(did_key(key)) == key
        assert parse_did_key(f"{did_key(key)}#{did_key(key).removeprefix('did:key:')}") == key
        assert parse_did_jwk(did_jwk(key)) == parse_did_jwk(f"{did_jwk(key)}#0") == key


def test_the_prefixes_are_those_of_the_specification():
    assert did_key(generate_signer(Alg.EDDSA, os.urandom).public_key).startswith("did:key:z6Mk")
    assert did_key(generate_signer(Alg.ES256, os.urandom).public_key).startswith("did:key:zDn")


GOOD = "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did:key:",
        "did:key:z",
        f"did:key:{GOOD[1:]}",
        f"did:key:{GOOD}#other",
        f"did:key:{GOOD}#",
        f"did:key:{GOOD}0",
        f"did:key:{GOOD} ",
        f"did:key:z1{GOOD[1:]}",
        f"DID:KEY:{GOOD}",
        "did:key:z" + "6" * 10_000,
        "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
        "did:key:z82LkvCwHNreneWpsgPEbV3gu1C6NFJEBg4srfJ5gdxEsMGRJUz2sG9FE42shbn2xkZJh54",
        "did:key:z" + base58.b58encode(b"\xed\x01" + bytes(32)).decode(),
        "did:key:z" + base58.b58encode(b"\xed\x01" + bytes(31)).decode(),
        "did:key:z" + base58.b58encode(b"\x80\x24" + b"\x02" + b"\xff" * 32).decode(),
        "did:key:z" + base58.b58encode(b"\x80\x24" + b"\x05" + bytes(32)).decode(),
        "did:key:zあ",
    ],
)
def test_what_is_no_canonical_key_is_refused(did):
    with pytest.raises(Malformed) as caught:
        parse_did_key(did)
    assert caught.value.code in {"did.malformed", "did.key_type"}


@pytest.mark.parametrize(
    "body",
    ["", "=", "bm90", b64url_encode(b'{"kty":"oct","k":"AA"}'), "A" * 9999],
)
def test_what_is_no_public_jwk_is_refused(body):
    with pytest.raises(Rejected):
        parse_did_jwk(f"did:jwk:{body}")
    with pytest.raises(Rejected):
        parse_did_jwk(body)


@pytest.mark.parametrize(
    ("did", "url"),
    [
        ("did:web:good.example", "https://good.example/.well-known/did.json"),
        ("did:web:good.example:a:b", "https://good.example/a/b/did.json"),
        ("did:web:good.example%3A8443:a", "https://good.example:8443/a/did.json"),
    ],
)
def test_a_plain_did_web_becomes_its_address(did, url):
    assert did_web_url(did) == url


@pytest.mark.parametrize(
    "body",
    [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "2130706433",
        "0x7f.1",
        "good",
        "good..example",
        "-a.example",
        "user@good.example",
        "good.example%2Fx",
        "good.example%23",
        "good.example%00",
        "good.example%3A0",
        "good.example%3A99999",
        "good.example%3A1%3A2",
        "good.example%3Aa",
        "good.example:",
        "good.example::x",
        "good.example:..",
        "good.example:.",
        "good.example:%2e%2e",
        "good.example:a/b",
        "good.example:a?b",
        "good.example:a#b",
        "good.example?x",
        "good.example/x",
        "good.example.",
        "あ.example",
        "good.example:あ",
        "good.example:a b",
        "good.example\n",
        "a.local",
        "a.internal",
        "x" * 5000 + ".example",
    ],
)
def test_a_did_web_that_could_lead_elsewhere_is_refused(body):
    with pytest.raises(Untrusted) as caught:
        did_web_url(f"did:web:{body}")
    assert caught.value.code == "fetch.blocked"
