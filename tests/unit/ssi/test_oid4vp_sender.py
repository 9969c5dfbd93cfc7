"""Whose request it is: client identifiers, signatures, time, audience (OpenID4VP 1.0 section 5)."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from ssi.did import did_key
from ssi.errors import (
    BindingMismatch,
    Expired,
    InvalidSignature,
    Malformed,
    NotYetValid,
    PolicyNotMet,
    Untrusted,
)
from ssi.keys import Alg, generate_signer
from ssi.oid4vp import (
    ClientId,
    Prefix,
    RequestPolicy,
    build_request_object,
    parse_client_id,
)
from ssi.x509 import to_x5c
from tests.support.openid4vp import (
    BY_HASH,
    BY_NAME,
    KEY,
    LEAF,
    NOW,
    OTHER_LEAF,
    REQUEST,
    SOON,
    TERMS,
    URI,
    built,
    plain,
    refusal,
    signed,
    verified,
    verify_plain,
)


def test_a_request_object_arrives_as_it_was_made():
    """[PRE-REQ-2] [PRE-REQ-4]."""
    result = verified(built(replace(REQUEST, wallet_nonce="wn")), wallet_nonce="wn")
    assert result.request == replace(
        REQUEST, wallet_nonce="wn", vp_formats=result.request.vp_formats
    )
    assert result.client_id == BY_HASH
    assert result.chain == (LEAF,)
    assert result.signed
    assert result.request.transaction_data[0].content == TERMS


def test_x509_san_dns_needs_the_name_in_the_certificate_and_in_the_response_uri():
    """[PRE-REQ-4] [PRE-REQ-9]."""
    request = replace(REQUEST, client_id=BY_NAME)
    assert verified(built(request), client_id=BY_NAME.text).client_id == BY_NAME
    elsewhere = built(replace(request, response_uri="https://other.example.com/r"))
    assert refusal(elsewhere, BindingMismatch, client_id=BY_NAME.text) == "request.response_uri"
    other = ClientId(prefix=Prefix.X509_SAN_DNS, value="other.example.com")
    unnamed = built(replace(request, client_id=other))
    assert refusal(unnamed, BindingMismatch, client_id=other.text) == "request.client_id"
    nameless = built(request, chain=[OTHER_LEAF])
    assert refusal(nameless, BindingMismatch, client_id=BY_NAME.text) == "request.client_id"


def test_x509_hash_needs_this_very_certificate():
    """[PRE-REQ-4]."""
    assert refusal(built(chain=[OTHER_LEAF]), BindingMismatch) == "request.client_id"


def test_the_signature_must_be_by_the_leaf_key():
    """[PRE-REQ-4]."""
    thief = generate_signer(Alg.ES256, os.urandom)
    assert refusal(signed(key=thief), InvalidSignature) == "jose.signature"


def test_a_did_signs_with_its_own_key():
    """[PRE-REQ-4]."""
    signer = generate_signer(Alg.EDDSA, os.urandom)
    did = did_key(signer.public_key)
    who = ClientId(prefix=Prefix.DECENTRALIZED_IDENTIFIER, value=did)
    request = replace(REQUEST, client_id=who)
    times = {"now": NOW, "expires_at": SOON}
    kid = f"{did}#{did.removeprefix('did:key:')}"
    token = build_request_object(request, signer, kid=kid, **times)
    assert verified(token, client_id=who.text).client_id == who
    thief = generate_signer(Alg.EDDSA, os.urandom)
    theirs = did_key(thief.public_key)
    token = build_request_object(
        request, thief, kid=f"{theirs}#{theirs.removeprefix('did:key:')}", **times
    )
    assert refusal(token, BindingMismatch, client_id=who.text) == "request.client_id"
    token = build_request_object(request, thief, kid=kid, **times)
    assert refusal(token, InvalidSignature, client_id=who.text) == "jose.signature"
    token = build_request_object(request, signer, kid=did, **times)
    assert refusal(token, BindingMismatch, client_id=who.text) == "request.client_id"


def test_redirect_uri_is_unsigned_and_answers_go_to_it():
    """[PRE-REQ-4] [PRE-REQ-9]."""
    for response_uri in (URI, None):
        result = verify_plain(plain(response_uri=response_uri))
        assert result.request.response_uri == URI
        assert not result.signed
    with pytest.raises(Malformed) as caught:
        verify_plain(plain(response_uri="https://firm.example.com/other"))
    assert caught.value.code == "request.response_uri"


def test_redirect_uri_cannot_be_signed_and_the_others_must_be():
    """[PRE-REQ-4]."""
    token = signed(client_id=f"redirect_uri:{URI}")
    assert refusal(token, PolicyNotMet, client_id=f"redirect_uri:{URI}") == "request.signature"
    with pytest.raises(PolicyNotMet) as caught:
        verify_plain(plain(client_id=BY_HASH.text), client_id=BY_HASH.text)
    assert caught.value.code == "request.signature"


@pytest.mark.parametrize(
    "client_id",
    [
        "firm",
        "origin:https://firm.example.com",
        "openid_federation:https://firm.example.com",
        "verifier_attestation:firm",
        "x509_san_uri:https://firm.example.com",
        "did:key:z6Mk",
        "https://firm.example.com",
    ],
)
def test_unknown_prefixes_are_refused(client_id):
    """[PRE-REQ-3]."""
    with pytest.raises(Untrusted) as caught:
        parse_client_id(client_id)
    assert caught.value.code == "request.client_id_prefix"
    assert refusal(signed(client_id=client_id), client_id=client_id) == "request.client_id_prefix"


@pytest.mark.parametrize("client_id", ["", "x509_hash:", "x509_hash:é", "x509_hash:a\n"])
def test_bad_client_identifiers_are_refused(client_id):
    """[PRE-REQ-3]."""
    with pytest.raises(Malformed):
        parse_client_id(client_id)


def test_the_prefixes_are_the_wallets_choice():
    """[PRE-REQ-4] V-20."""
    request = replace(REQUEST, client_id=BY_NAME)
    code = refusal(built(request), Untrusted, client_id=BY_NAME.text, policy=RequestPolicy())
    assert code == "request.client_id_prefix"


def test_the_link_and_the_object_name_one_client():
    """[PRE-REQ-4]."""
    assert refusal(built(), BindingMismatch, client_id=BY_NAME.text) == "request.client_id"
    assert verified(built(), client_id=None).client_id == BY_HASH


@pytest.mark.parametrize("echoed", [None, "other"])
def test_our_nonce_must_come_back(echoed):
    """[PRE-REQ-4]."""
    token = built(replace(REQUEST, wallet_nonce=echoed))
    assert refusal(token, BindingMismatch, wallet_nonce="mine") == "request.wallet_nonce"


@pytest.mark.parametrize(
    ("now", "error", "code"),
    [
        (SOON + timedelta(seconds=60), Expired, "request.expired"),
        (NOW - timedelta(seconds=61), NotYetValid, "request.not_yet_valid"),
    ],
)
def test_a_request_has_its_time(now, error, code):
    """[PRE-REQ-12]."""
    verified(built(), now=SOON + timedelta(seconds=59))
    assert refusal(built(), error, now=now) == code


def test_the_audience_is_ours():
    """[PRE-REQ-12]."""
    assert refusal(signed(aud="https://wallet.example"), BindingMismatch) == "request.audience"
    assert refusal(signed(aud=None), Malformed) == "request.malformed"


def test_the_issuer_claim_is_ignored():
    """[PRE-REQ-12]."""
    verified(signed(iss="somebody", unknown=[1]))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "oauth-authz-req+JWT"])
def test_the_type_is_exact(typ):
    """[PRE-REQ-2]."""
    assert refusal(signed(typ=typ), BindingMismatch) == "jose.typ"


def test_headers_that_bring_keys_are_refused():
    """[PRE-REQ-2] V-04."""
    header = {"x5c": to_x5c([LEAF]), "jwk": KEY.public_key.jwk}
    assert refusal(signed(header=header)) == "jose.header_not_allowed"
    assert refusal(signed(header={})) == "request.certificate"
