"""Flip any byte of a signed or sealed message: it is rejected, and nothing else happens."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from ssi.dcql import parse_query
from ssi.errors import Rejected
from ssi.keys import Alg, generate_agreement_key, generate_signer
from ssi.oid4vci import (
    ProofPolicy,
    build_key_proof,
    parse_credential_request,
    parse_credential_response,
    parse_issuer_metadata,
    parse_notification,
    parse_offer,
    parse_offer_link,
    parse_token_request,
    parse_token_response,
    verify_key_proofs,
)
from ssi.oid4vp import (
    AuthorizationRequest,
    ClientId,
    Prefix,
    RequestPolicy,
    ResponseKey,
    ResponseMode,
    build_request_object,
    build_response,
    parse_request_fetch,
    parse_request_link,
    parse_request_object,
    parse_response,
    verify_request_object,
)
from ssi.x509 import create_ca, create_leaf, x509_hash

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = generate_signer(Alg.ES256, os.urandom)
SEALING = generate_agreement_key(os.urandom)
ISSUER = "https://issuer.example.com"


def request():
    secret = generate_signer(Alg.ES256, os.urandom).secret
    dates = {"not_before": NOW - DAY, "not_after": NOW + DAY}
    root = create_ca("Root", secret=secret, serial=1, **dates)
    leaf = create_leaf("Firm", public_key=KEY.public_key, issuer=(root, secret), serial=2, **dates)
    content = AuthorizationRequest(
        client_id=ClientId(
            prefix=Prefix.X509_HASH, value=x509_hash(leaf.public_bytes(Encoding.DER))
        ),
        nonce="n" * 22,
        response_uri="https://firm.example.com/r",
        response_mode=ResponseMode.DIRECT_POST_JWT,
        query=parse_query(
            {"credentials": [{"id": "q", "format": "dc+sd-jwt", "meta": {"vct_values": ["v"]}}]}
        ),
        state="s" * 22,
        response_key=ResponseKey(jwk=SEALING.public_jwk("k")),
    )
    token = build_request_object(content, KEY, now=NOW, expires_at=NOW + DAY, chain=[leaf])
    return content, token


CONTENT, OBJECT = request()
PROOF = build_key_proof(KEY, issuer=ISSUER, nonce="n", now=NOW)
SEALED = build_response(CONTENT, {"q": ["a~"]}, random=os.urandom)


def verify_request(token):
    return verify_request_object(
        parse_request_object(token),
        client_id=CONTENT.client_id.text,
        wallet_nonce=None,
        now=NOW,
        policy=RequestPolicy(),
    )


def verify_proof(token):
    return verify_key_proofs([token], issuer=ISSUER, now=NOW, policy=ProofPolicy())


def open_answer(text):
    return parse_response(text.encode("latin-1"), find_key={"k": SEALING}.get)


@pytest.mark.parametrize(
    ("verify", "text"),
    [(verify_request, OBJECT), (verify_proof, PROOF), (open_answer, SEALED.decode())],
    ids=["request object", "key proof", "sealed answer"],
)
@given(data=st.data())
def test_any_flipped_byte_is_rejected(verify, text, data):
    """[PRE-REQ-4] [ISS-PROOF-3] [PRE-RESP-3]."""
    verify(text)
    at = data.draw(st.integers(0, len(text) - 1))
    flip = data.draw(st.integers(1, 255))
    flipped = f"{text[:at]}{chr(ord(text[at]) ^ flip)}{text[at + 1 :]}"
    with pytest.raises(Rejected):
        verify(flipped)


READERS = (
    parse_credential_request,
    parse_credential_response,
    parse_notification,
    parse_offer,
    parse_offer_link,
    parse_request_link,
    parse_request_object,
    parse_token_response,
    lambda text: parse_issuer_metadata(text, issuer=ISSUER),
    lambda text: parse_request_fetch(text.encode("utf-8", "surrogatepass")),
    lambda text: parse_token_request(text.encode("utf-8", "surrogatepass")),
    lambda text: parse_response(text.encode("utf-8", "surrogatepass"), find_key=None),
)
texts = st.text(max_size=60) | st.sampled_from(
    ["{}", "[]", "openid4vp://?", "vp_token=%7B%7D", "openid-credential-offer://?a=b", "//[", "a=b"]
)


@given(st.sampled_from(READERS), texts, texts)
def test_any_text_is_read_or_rejected(reader, one, two):
    for text in (one, one + two):
        try:
            reader(text)
        except Rejected as error:
            assert not one or len(one) < 9 or one not in str(error)  # noqa: PT017 - no echo
