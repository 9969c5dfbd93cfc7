"""The authorization server: metadata, tokens, nonces, PKCE."""

from urllib.parse import urlencode

import pytest

from ssi.errors import (
    Malformed,
)
from ssi.oid4vci import (
    AuthorizationServerMetadata,
    Grant,
    NonceResponse,
    TokenRequest,
    TokenResponse,
    code_challenge,
    parse_authorization_server_metadata,
    parse_nonce_response,
    parse_token_request,
    parse_token_response,
)
from tests.support.openid4vci import ISSUER, PRE_AUTH, refusal, wire


def test_server_metadata_reads_back():
    """[ISS-META-3]."""
    metadata = AuthorizationServerMetadata(
        issuer=ISSUER,
        token_endpoint=f"{ISSUER}/token",
        authorization_endpoint=f"{ISSUER}/authorize",
        grant_types=(PRE_AUTH,),
        code_challenge_methods=("S256",),
        dpop_signing_algs=("ES256",),
        pre_authorized_grant_anonymous_access=True,
    )
    assert parse_authorization_server_metadata(wire(metadata.to_json()), issuer=ISSUER) == metadata


@pytest.mark.parametrize(
    "request_",
    [
        TokenRequest(grant=Grant.PRE_AUTHORIZED_CODE, code="c", tx_code="4935 36+é"),
        TokenRequest(
            grant=Grant.AUTHORIZATION_CODE,
            code="c",
            client_id="w",
            redirect_uri="warifu://cb",
            code_verifier="v" * 43,
        ),
    ],
)
def test_token_requests_read_back(request_):
    """[ISS-TOKEN-1]."""
    assert parse_token_request(request_.to_form()) == request_


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (b"", "issuance.token_request"),
        (b"grant_type=password&username=a", "issuance.grant_type"),
        (b"grant_type=authorization_code", "issuance.token_request"),
        (b"grant_type=authorization_code&code=", "issuance.token_request"),
        (b"grant_type=authorization_code&code=a&tx_code=1", "issuance.token_request"),
        (b"grant_type=authorization_code&code=a&code=b", "issuance.token_request"),
        (urlencode({"grant_type": PRE_AUTH, "code": "x"}).encode(), "issuance.token_request"),
        (b"grant_type=authorization_code&code=%ff", "issuance.token_request"),
        (b"\xff", "issuance.token_request"),
        (b"a=1&" * 100 + b"b=1", "issuance.token_request"),
        (b"a" * 70000, "issuance.token_request"),
    ],
)
def test_bad_token_requests_are_refused(form, code):
    """[ISS-TOKEN-1]."""
    assert refusal(parse_token_request, form, error=Malformed) == code


def test_token_responses_read_back():
    """[ISS-TOKEN-2]."""
    response = TokenResponse(
        access_token="t",
        token_type="DPoP",
        expires_in=300,
        scope="kyc",
        refresh_token="r",
        credential_identifiers={"kyc": ("kyc-1", "kyc-2")},
    )
    assert parse_token_response(wire(response.to_json())) == response
    assert parse_token_response(wire(TokenResponse(access_token="t").to_json()))


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": ""},
        {"token_type": "MAC"},
        {"expires_in": "300"},
        {"authorization_details": [1]},
        {"authorization_details": [{"type": "openid_credential"}]},
        {
            "authorization_details": [
                {
                    "type": "openid_credential",
                    "credential_configuration_id": "a",
                    "credential_identifiers": [],
                }
            ]
        },
    ],
)
def test_bad_token_responses_are_refused(change):
    """[ISS-TOKEN-2]."""
    obj = {"access_token": "t", "token_type": "bearer", **change}
    assert refusal(parse_token_response, wire(obj)) == "issuance.token_response"


def test_details_of_other_types_are_ignored():
    """[ISS-TOKEN-2]."""
    obj = {"access_token": "t", "token_type": "bearer", "authorization_details": [{"type": "pay"}]}
    assert parse_token_response(wire(obj)).credential_identifiers == {}


def test_nonce_responses_read_back():
    """[ISS-NONCE-1]."""
    response = NonceResponse(c_nonce="n1")
    assert parse_nonce_response(wire(response.to_json())) == response
    assert refusal(parse_nonce_response, "{}") == "issuance.nonce_response"


def test_the_pkce_example_of_rfc_7636():
    challenge = code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
