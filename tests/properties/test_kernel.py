"""Properties of the kernel: round trips, and any flipped byte is `Rejected` and nothing else."""

import json
import os
import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws as peer
from joserfc.jwk import ECKey, OKPKey

from ssi.encoding import (
    MAX_SAFE_INTEGER,
    b64url_decode,
    b64url_encode,
    canonical_json,
    canonical_parsed,
    parse_json,
)
from ssi.errors import Malformed, Rejected
from ssi.jose import parse_jws, sign_jws, verify_jws
from ssi.jwe import decrypt_jwe, encrypt_jwe
from ssi.keys import Alg, generate_agreement_key, generate_signer
from ssi.urls import parse_public_url
from ssi.x509 import create_ca, create_leaf, parse_x5c, to_x5c, verify_chain
from tests.support.effort import examples

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
INTEGERS = st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
SCALARS = st.none() | st.booleans() | INTEGERS | TEXT
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(TEXT, v, max_size=4), max_leaves=12
)
SIGNERS = {alg: generate_signer(alg, os.urandom) for alg in Alg}
KEY = generate_agreement_key(os.urandom)
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@given(VALUES)
def test_canonical_json_is_read_back_as_it_was(value):
    text = canonical_json(value)
    assert parse_json(text) == value
    assert canonical_json(parse_json(text)) == text
    assert canonical_parsed(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_is_written_shortest_and_read_back(value):
    text = canonical_json(value)
    again = parse_json(text, floats=True)
    assert struct.pack(">d", again) == struct.pack(">d", value + 0.0)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_do_anything_but_read_or_refuse(data):
    for floats in (False, True):
        try:
            value = parse_json(data, floats=floats)
        except Malformed:
            continue
        assert json.loads(data) == value


@given(st.text(max_size=80))
def test_base64url_decodes_exactly_what_it_would_have_written(text):
    try:
        data = b64url_decode(text)
    except Malformed:
        return
    assert b64url_encode(data) == text


@given(st.binary(max_size=80))
def test_base64url_round_trips(data):
    assert b64url_decode(b64url_encode(data)) == data


@given(st.text(max_size=60) | st.text("htps:/[]@.%0123456789abcdefx-#?\\", max_size=40))
def test_no_text_makes_the_url_check_do_anything_but_read_or_refuse(text):
    for url in (text, f"https://{text}", f"http://{text}"):
        try:
            parsed = parse_public_url(url, allow_loopback_http=True)
        except Rejected:
            continue
        assert parsed.scheme == "https" or parsed.host in {"127.0.0.1", "::1"}


def flipped(text, data):
    """Change one byte of an ASCII text into any other."""
    raw = bytearray(text.encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    return raw.decode("latin-1")


@pytest.mark.parametrize("alg", list(Alg))
@given(data=st.data())
def test_a_flipped_byte_of_a_jws_is_rejected(alg, data):
    token = sign_jws({"iss": "a", "n": [1, 2]}, SIGNERS[alg], typ="x", header={"kid": "k"})
    with pytest.raises(Rejected):
        verify_jws(parse_jws(flipped(token, data)), SIGNERS[alg].public_key, typ="x")


@given(data=st.data())
def test_a_flipped_byte_of_a_jwe_is_rejected(data):
    token = encrypt_jwe(b"text", KEY.public_jwk(kid="k"), enc="A128GCM", random=os.urandom)
    with pytest.raises(Rejected):
        decrypt_jwe(flipped(token, data), KEY, encs=frozenset({"A128GCM"}))


DATES = {"not_before": NOW - timedelta(days=1), "not_after": NOW + timedelta(days=1)}
ROOT_SECRET = generate_signer(Alg.ES256, os.urandom).secret
ROOT = create_ca("Root", secret=ROOT_SECRET, serial=1, **DATES)
LEAF = create_leaf(
    "Leaf",
    public_key=SIGNERS[Alg.ES256].public_key,
    issuer=(ROOT, ROOT_SECRET),
    serial=2,
    dns_names=["a.example"],
    **DATES,
)


@settings(max_examples=examples(300))
@given(data=st.data())
def test_a_flipped_byte_of_a_certificate_is_rejected(data):
    from base64 import b64decode, b64encode

    der = bytearray(b64decode(to_x5c([LEAF])[0]))
    der[data.draw(st.integers(0, len(der) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Rejected):
        verify_chain(parse_x5c([b64encode(der).decode()]), anchors=[ROOT], now=NOW)


@given(data=st.data())
def test_a_flipped_character_of_an_x5c_is_rejected(data):
    with pytest.raises(Rejected):
        verify_chain(parse_x5c([flipped(to_x5c([LEAF])[0], data)]), anchors=[ROOT], now=NOW)


def their_key(alg):
    jwk = SIGNERS[alg].public_key.jwk | {"d": b64url_encode(SIGNERS[alg].secret)}
    return ECKey.import_key(jwk) if alg is Alg.ES256 else OKPKey.import_key(jwk)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", list(Alg))
@settings(max_examples=examples(25))
@given(claims=st.dictionaries(TEXT, SCALARS, max_size=5))
def test_v_31_joserfc_reads_what_we_sign_and_we_read_what_it_signs(alg, claims):
    names = ["ES256", "EdDSA", "Ed25519"]
    ours = sign_jws(claims, SIGNERS[alg], typ="x")
    theirs = their_key(alg)
    assert json.loads(peer.deserialize_compact(ours, theirs, algorithms=names).payload) == claims
    token = peer.serialize_compact(
        {"alg": alg.value, "typ": "x"}, json.dumps(claims).encode(), theirs, algorithms=names
    )
    assert verify_jws(parse_jws(token), SIGNERS[alg].public_key, typ="x") == claims
