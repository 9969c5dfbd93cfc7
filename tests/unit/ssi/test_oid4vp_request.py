"""What a request may hold, and what its writer may not do."""

from dataclasses import replace

import pytest

from ssi.encoding import b64url_encode, canonical_json
from ssi.errors import (
    BindingMismatch,
    Malformed,
    PolicyNotMet,
)
from ssi.oid4vp import (
    AuthorizationError,
    ClientId,
    Prefix,
    authenticate_request,
    authorization_error,
    parse_request_object,
    read_authenticated,
    verify_request_object,
)
from tests.support.openid4vp import (
    BY_HASH,
    BY_NAME,
    NONCE,
    NOW,
    POLICY,
    QUERY,
    REQUEST,
    SEALING,
    TERMS,
    URI,
    built,
    refusal,
    signed,
    verified,
)

BAD_CONTENT = [
    ("response_type", None, "request.malformed"),
    ("response_type", "code", "request.malformed"),
    ("response_type", "vp_token id_token", "request.malformed"),
    ("response_mode", "fragment", "request.malformed"),
    ("response_mode", "dc_api.jwt", "request.malformed"),
    ("dcql_query", None, "request.malformed"),
    ("dcql_query", {"credentials": []}, "query.malformed"),
    ("scope", "kyc", "request.malformed"),
    ("presentation_definition", {}, "request.malformed"),
    ("presentation_definition_uri", URI, "request.malformed"),
    ("redirect_uri", URI, "request.malformed"),
    ("nonce", None, "request.malformed"),
    ("nonce", "short", "request.malformed"),
    ("nonce", "a b" * 10, "request.malformed"),
    ("nonce", "a" * 513, "request.malformed"),
    ("nonce", "é" * 30, "request.malformed"),
    ("state", "a b", "request.malformed"),
    ("state", "", "request.malformed"),
    ("response_uri", None, "request.malformed"),
    ("response_uri", "http://firm.example.com/r", "request.response_uri"),
    ("response_uri", "https://user@firm.example.com/r", "request.response_uri"),
    ("response_uri", "https://169.254.169.254/", "request.response_uri"),
    ("response_uri", "file:///etc/passwd", "request.response_uri"),
    ("response_uri", "https://firm.example.com\\@evil.example.com/", "request.response_uri"),
    ("client_metadata", None, "request.encryption"),
    ("client_metadata", {"jwks": {"keys": []}}, "request.encryption"),
    ("client_metadata", {"vp_formats_supported": {"mso_mdoc": {}}}, "request.encryption"),
    ("transaction_data", [], "request.transaction_data"),
    ("transaction_data", [1], "request.transaction_data"),
    ("transaction_data", ["e30"], "request.transaction_data"),
    ("transaction_data", ["!!"], "request.transaction_data"),
]


@pytest.mark.parametrize(("name", "value", "code"), BAD_CONTENT)
def test_bad_content_is_refused(name, value, code):
    """[PRE-REQ-5] [PRE-REQ-6] [PRE-REQ-7] [PRE-REQ-8] [PRE-REQ-9] [PRE-REQ-10] [PRE-REQ-11]."""
    assert refusal(signed(**{name: value})) == code


def sealed_to(**changes):
    jwk = {**SEALING.public_jwk("k1"), **changes}
    return {"jwks": {"keys": [{k: v for k, v in jwk.items() if v is not None}]}}


@pytest.mark.parametrize(
    "metadata",
    [
        sealed_to(kid=None),
        sealed_to(alg=None),
        sealed_to(alg="RSA-OAEP"),
        sealed_to(crv="P-384"),
        sealed_to(use="sig"),
        {**sealed_to(), "encrypted_response_enc_values_supported": ["A128CBC-HS256"]},
    ],
)
def test_a_sealed_answer_needs_a_key_we_can_use(metadata):
    """[PRE-REQ-11]."""
    assert refusal(signed(client_metadata=metadata)) == "request.encryption"


def test_the_default_content_encryption_is_a128gcm():
    """[PRE-REQ-11]."""
    key = verified(signed(client_metadata=sealed_to())).request.response_key
    assert key is not None
    assert key.encs == ("A128GCM",)


def test_formats_we_do_not_hold_are_told_so():
    metadata = {**sealed_to(), "vp_formats_supported": {"mso_mdoc": {}}}
    code = refusal(signed(client_metadata=metadata), PolicyNotMet)
    assert code == "request.formats"


@pytest.mark.parametrize(
    "content",
    [
        {"type": "urn:example:payment", "credential_ids": ["kyc"]},
        {**TERMS.to_json(), "amount": 5},
        {**TERMS.to_json(), "credential_ids": ["other"]},
        {**TERMS.to_json(), "credential_ids": []},
    ],
)
def test_transaction_data_is_known_and_exact_or_refused(content):
    """[PRE-REQ-10] W-05."""
    raw = b64url_encode(canonical_json(content))
    code = refusal(signed(transaction_data=[TERMS.encode(), raw]))
    assert code == "request.transaction_data"


def test_state_is_needed_without_holder_binding():
    """[PRE-REQ-8]."""
    query = QUERY.to_json()
    query["credentials"][0]["require_cryptographic_holder_binding"] = False
    verified(signed(dcql_query=query))
    assert refusal(signed(dcql_query=query, state=None)) == "request.malformed"
    assert refusal(signed(dcql_query=query, state="short")) == "request.malformed"


def test_a_sender_can_be_told_where_a_bad_request_failed():
    """[PRE-RESP-5]."""
    token = signed(transaction_data=["e30"])
    authentic = authenticate_request(
        parse_request_object(token),
        client_id=BY_HASH.text,
        wallet_nonce=None,
        now=NOW,
        policy=POLICY,
    )
    with pytest.raises(Malformed) as caught:
        read_authenticated(authentic, policy=POLICY)
    assert authorization_error(caught.value) is AuthorizationError.INVALID_TRANSACTION_DATA
    target = authentic.error_target()
    assert (target.response_uri, target.state) == (URI, NONCE)


@pytest.mark.parametrize(
    "options",
    [{"chain": []}, {"kid": "did:key:z#z"}, {"chain": [], "kid": "did:key:z#z"}],
)
def test_a_writer_cannot_sign_with_the_wrong_header(options):
    """[PRE-REQ-2]."""
    with pytest.raises(ValueError, match="header"):
        built(**options)


def test_a_writer_cannot_sign_for_a_redirect_uri():
    """[PRE-REQ-4]."""
    who = ClientId(prefix=Prefix.REDIRECT_URI, value=URI)
    with pytest.raises(ValueError, match="cannot be signed"):
        built(replace(REQUEST, client_id=who), chain=[])


def test_what_counts_is_the_client_that_was_signed():
    """[PRE-REQ-4]."""
    untrusted = replace(parse_request_object(built()), client_id=BY_NAME.text)
    with pytest.raises(BindingMismatch):
        verify_request_object(
            untrusted, client_id=BY_NAME.text, wallet_nonce=None, now=NOW, policy=POLICY
        )


@pytest.mark.parametrize("change", [{"nonce": "a" * 21}, {"state": "a" * 21}])
def test_a_writer_needs_128_bits(change):
    """[PRE-REQ-2]."""
    with pytest.raises(ValueError, match="128 bits"):
        built(replace(REQUEST, **change))
