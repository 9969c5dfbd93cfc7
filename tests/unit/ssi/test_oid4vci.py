"""OpenID4VCI: offers, metadata, tokens, key proofs, credential messages, errors."""

import json
import os
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from ssi.did import did_jwk, did_key
from ssi.errors import (
    BindingMismatch,
    Expired,
    InvalidSignature,
    Malformed,
    NotYetValid,
    PolicyNotMet,
    Rejected,
    Unreachable,
    Untrusted,
)
from ssi.jose import sign_jws
from ssi.keys import Alg, generate_agreement_key, generate_signer
from ssi.oid4vci import (
    AuthorizationCodeGrant,
    AuthorizationServerMetadata,
    ClaimDescription,
    CredentialConfiguration,
    CredentialError,
    CredentialOffer,
    CredentialRequest,
    CredentialResponse,
    DeferredRequest,
    Display,
    ErrorResponse,
    Grant,
    InputMode,
    IssuedCredential,
    IssuerMetadata,
    NonceResponse,
    Notification,
    NotificationError,
    NotificationEvent,
    PreAuthorizedGrant,
    ProofPolicy,
    ProofType,
    RequestEncryptionSupport,
    ResponseEncryption,
    ResponseEncryptionSupport,
    TokenError,
    TokenRequest,
    TokenResponse,
    TxCode,
    authorization_server_metadata_url,
    build_key_proof,
    build_offer_link,
    build_offer_reference,
    code_challenge,
    credential_error,
    issuer_metadata_url,
    open_credential_message,
    parse_authorization_server_metadata,
    parse_credential_request,
    parse_credential_response,
    parse_deferred_request,
    parse_error_response,
    parse_issuer_metadata,
    parse_key_proof,
    parse_nonce_response,
    parse_notification,
    parse_offer,
    parse_offer_link,
    parse_token_request,
    parse_token_response,
    seal_credential_message,
    verify_key_proof,
    verify_key_proofs,
)
from ssi.x509 import create_ca, create_leaf, to_x5c

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ISSUER = "https://issuer.example.com/kyc"
PRE_AUTH = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
KEY = generate_signer(Alg.ES256, os.urandom)
POLICY = ProofPolicy(batch_size=3)
OFFER = CredentialOffer(
    credential_issuer=ISSUER,
    configuration_ids=("kyc", "licence"),
    pre_authorized=PreAuthorizedGrant(
        pre_authorized_code="secret-code",
        tx_code=TxCode(length=6, description="By telephone"),
    ),
    authorization_code=AuthorizationCodeGrant(issuer_state="st", authorization_server=ISSUER),
)


def wire(obj):
    return json.dumps(obj)


def refusal(function, *args, error=Rejected, **kwargs):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    return caught.value.code


def test_an_offer_travels_by_value_and_by_reference():
    """[ISS-OFFER-1] [ISS-OFFER-3] [ISS-OFFER-4]."""
    assert parse_offer(wire(OFFER.to_json())) == OFFER
    assert parse_offer_link(build_offer_link(OFFER)).offer == OFFER
    uri = "https://issuer.example.com/offers/abc?x=1"
    link = parse_offer_link(build_offer_reference(uri))
    assert (link.offer, link.offer_uri) == (None, uri)
    claimed = build_offer_link(OFFER).replace(
        "openid-credential-offer://", "https://w.example.com/"
    )
    assert parse_offer_link(claimed).offer == OFFER


def test_an_empty_tx_code_still_means_required():
    """[ISS-OFFER-2]."""
    obj = OFFER.to_json()
    obj["grants"] = {PRE_AUTH: {"pre-authorized_code": "x", "tx_code": {}}}
    grant = parse_offer(wire(obj)).pre_authorized
    assert grant.tx_code == TxCode(input_mode=InputMode.NUMERIC)
    obj["grants"] = {PRE_AUTH: {"pre-authorized_code": "x"}}
    assert parse_offer(wire(obj)).pre_authorized.tx_code is None


def test_an_offer_may_leave_the_grant_open():
    """[ISS-OFFER-1]."""
    obj = {"credential_issuer": ISSUER, "credential_configuration_ids": ["kyc"], "new": 1}
    for grants in ({}, {"grants": {}}, {"grants": {"urn:other": {}}}):
        offer = parse_offer(wire({**obj, **grants}))
        assert (offer.pre_authorized, offer.authorization_code) == (None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"credential_issuer": "http://issuer.example.com"},
        {"credential_issuer": "https://issuer.example.com/?a=1"},
        {"credential_issuer": "https://issuer.example.com/#a"},
        {"credential_issuer": "https://issuer.example.com/../b"},
        {"credential_issuer": "https://127.0.0.1/"},
        {"credential_issuer": 5},
        {"credential_configuration_ids": []},
        {"credential_configuration_ids": ["a", "a"]},
        {"credential_configuration_ids": "a"},
        {"grants": []},
        {"grants": {PRE_AUTH: {}}},
        {"grants": {PRE_AUTH: {"pre-authorized_code": ""}}},
        {"grants": {PRE_AUTH: {"pre-authorized_code": "x", "tx_code": True}}},
        {"grants": {PRE_AUTH: {"pre-authorized_code": "x", "tx_code": {"input_mode": "voice"}}}},
        {"grants": {PRE_AUTH: {"pre-authorized_code": "x", "tx_code": {"length": 0}}}},
        {"grants": {PRE_AUTH: {"pre-authorized_code": "x", "tx_code": {"description": "x" * 301}}}},
        {"grants": {"authorization_code": {"authorization_server": "file:///x"}}},
    ],
)
def test_bad_offers_are_refused(change):
    """[ISS-OFFER-1] [ISS-OFFER-2] W-06."""
    code = refusal(parse_offer, wire({**OFFER.to_json(), **change}), error=Malformed)
    assert code == "issuance.offer_malformed"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "openid-credential-offer://",
        "openid-credential-offer://?credential_offer_uri=http%3A%2F%2Fissuer.example.com",
        "openid-credential-offer://?credential_offer_uri=https%3A%2F%2F169.254.169.254%2F",
        "openid-credential-offer://?credential_offer_uri=openid-credential-offer%3A%2F%2F",
        "openid-credential-offer://?" + urlencode({"credential_offer": "{}"}),
        f"{build_offer_link(OFFER)}&credential_offer_uri=https%3A%2F%2Fissuer.example.com",
        f"{build_offer_link(OFFER)}&credential_offer=%7B%7D",
        "openid4vp://?client_id=a",
        build_offer_link(OFFER).replace("openid-credential-offer", "openid4vp"),
        build_offer_link(OFFER).replace("//", f"//{'a' * 9000}"),
        "openid-credential-offer://?credential_offer=" + "a" * 9000,
        "openid-credential-offer://[",
    ],
)
def test_bad_offer_links_are_refused(text):
    """[ISS-OFFER-3] W-06 W-07."""
    assert refusal(parse_offer_link, text, error=Malformed) == "issuance.offer_malformed"


def test_codes_do_not_show_in_reprs():
    request = TokenRequest(grant=Grant.PRE_AUTHORIZED_CODE, code="secret-code", tx_code="493536")
    for value in (OFFER, request, TokenResponse(access_token="secret-code")):
        assert "secret-code" not in repr(value)
        assert "493536" not in repr(value)


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://h.example.com", "https://h.example.com/.well-known/openid-credential-issuer"),
        ("https://h.example.com/", "https://h.example.com/.well-known/openid-credential-issuer"),
        (
            "https://h.example.com:8443/tenant/a",
            "https://h.example.com:8443/.well-known/openid-credential-issuer/tenant/a",
        ),
        (
            "https://h.example.com/tenant/",
            "https://h.example.com/.well-known/openid-credential-issuer/tenant",
        ),
        (
            "http://127.0.0.1:9000/t",
            "http://127.0.0.1:9000/.well-known/openid-credential-issuer/t",
        ),
    ],
)
def test_the_well_known_path_is_inserted(issuer, url):
    """[ISS-META-1]."""
    assert issuer_metadata_url(issuer) == url
    server = url.replace("openid-credential-issuer", "oauth-authorization-server")
    assert authorization_server_metadata_url(issuer) == server


def test_the_well_known_path_needs_an_issuer_address():
    """[ISS-META-1]."""
    assert refusal(issuer_metadata_url, "https://h.example.com/?a") == "issuance.metadata_malformed"


ENCRYPTION_KEY = generate_agreement_key(os.urandom)
METADATA = IssuerMetadata(
    credential_issuer=ISSUER,
    credential_endpoint=f"{ISSUER}/credential",
    nonce_endpoint=f"{ISSUER}/nonce",
    notification_endpoint=f"{ISSUER}/notification",
    batch_size=10,
    request_encryption=RequestEncryptionSupport(
        keys=(ENCRYPTION_KEY.public_jwk("e1"),), encs=("A128GCM",), required=False
    ),
    response_encryption=ResponseEncryptionSupport(
        algs=("ECDH-ES",), encs=("A128GCM", "A256GCM"), required=False
    ),
    display=(Display(name="発行者", locale="ja"), Display(name="Issuer", locale="en")),
    configurations={
        "kyc": CredentialConfiguration(
            format="dc+sd-jwt",
            vct="urn:warifu:kyc:1",
            scope="kyc",
            signing_algs=("ES256",),
            binding_methods=("jwk",),
            proof_types={"jwt": ProofType(signing_algs=("ES256", "EdDSA"))},
            display=(Display(name="本人確認", locale="ja"),),
            claims=(
                ClaimDescription(
                    path=("verified_claims", "claims", "name"),
                    mandatory=True,
                    display=(Display(name="氏名", locale="ja"),),
                ),
            ),
        )
    },
)


def test_issuer_metadata_reads_back():
    """[ISS-META-2]."""
    assert parse_issuer_metadata(wire(METADATA.to_json()), issuer=ISSUER) == METADATA


def test_metadata_of_another_issuer_is_refused():
    """[ISS-META-2] [ISS-META-3]."""
    for issuer in ("https://issuer.example.com", f"{ISSUER}/", ISSUER.upper()):
        text = wire(METADATA.to_json())
        code = refusal(parse_issuer_metadata, text, issuer=issuer, error=BindingMismatch)
        assert code == "issuance.metadata_mismatch"
    server = wire(AuthorizationServerMetadata(issuer=ISSUER).to_json())
    code = refusal(parse_authorization_server_metadata, server, issuer="https://o.example.com")
    assert code == "issuance.metadata_mismatch"


@pytest.mark.parametrize(
    "change",
    [
        {"credential_endpoint": "http://issuer.example.com/credential"},
        {"credential_endpoint": None},
        {"nonce_endpoint": "ftp://issuer.example.com/"},
        {"authorization_servers": []},
        {"batch_credential_issuance": {"batch_size": 1}},
        {"credential_configurations_supported": {"x": {}}},
        {"credential_configurations_supported": {"x": []}},
        {"credential_configurations_supported": {"x": 5}},
        {"credential_configurations_supported": {str(n): {"format": "x"} for n in range(300)}},
        {"display": [{"locale": "ja", "name": "a"}, {"locale": "ja", "name": "b"}]},
        {
            "credential_request_encryption": {
                "jwks": {"keys": [{"kty": "EC"}]},
                "enc_values_supported": ["A128GCM"],
                "encryption_required": False,
            }
        },
        {
            "credential_configurations_supported": {
                "x": {
                    "format": "dc+sd-jwt",
                    "cryptographic_binding_methods_supported": ["jwk"],
                    "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": []}},
                }
            }
        },
        {
            "credential_configurations_supported": {
                "x": {"format": "x", "cryptographic_binding_methods_supported": ["jwk"]}
            }
        },
        {
            "credential_configurations_supported": {
                "x": {"format": "x", "credential_signing_alg_values_supported": [True]}
            }
        },
        {
            "credential_configurations_supported": {
                "x": {"format": "x", "credential_metadata": {"claims": [{"path": [-1]}]}}
            }
        },
    ],
)
def test_bad_metadata_is_refused(change):
    """[ISS-META-2] [ISS-META-4] [ISS-META-6]."""
    obj = {k: v for k, v in {**METADATA.to_json(), **change}.items() if v is not None}
    code = refusal(parse_issuer_metadata, wire(obj), issuer=ISSUER, error=Malformed)
    assert code == "issuance.metadata_malformed"


def test_the_authorization_server_is_the_issuer_or_one_it_lists():
    """[ISS-META-5]."""
    assert METADATA.authorization_server() == ISSUER
    one = {**METADATA.to_json(), "authorization_servers": ["https://as.example.com"]}
    assert (
        parse_issuer_metadata(wire(one), issuer=ISSUER).authorization_server()
        == "https://as.example.com"
    )
    servers = ["https://as.example.com", "https://b.example.com"]
    two = parse_issuer_metadata(wire({**one, "authorization_servers": servers}), issuer=ISSUER)
    assert two.authorization_server("https://b.example.com") == "https://b.example.com"
    for hint in (None, "https://evil.example.com"):
        assert refusal(two.authorization_server, hint) == "issuance.metadata_mismatch"
    assert refusal(METADATA.authorization_server, "https://evil.example.com")


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


@pytest.mark.parametrize(
    "message",
    [
        CredentialRequest(configuration_id="kyc", proofs=("a.b.c",)),
        CredentialRequest(
            identifier="kyc-1",
            response_encryption=ResponseEncryption(jwk=ENCRYPTION_KEY.public_jwk("w")),
        ),
    ],
)
def test_credential_requests_read_back(message):
    """[ISS-CRED-1]."""
    assert parse_credential_request(wire(message.to_json()), encrypted=True) == message


@pytest.mark.parametrize(
    ("obj", "code"),
    [
        ({}, "issuance.credential_request"),
        (
            {"credential_configuration_id": "a", "credential_identifier": "b"},
            "issuance.credential_request",
        ),
        ({"credential_configuration_id": 1}, "issuance.credential_request"),
        ({"credential_identifier": "a", "proof": {}}, "issuance.proof_malformed"),
        ({"credential_identifier": "a", "proofs": {}}, "issuance.proof_malformed"),
        ({"credential_identifier": "a", "proofs": {"jwt": []}}, "issuance.proof_malformed"),
        ({"credential_identifier": "a", "proofs": {"jwt": "x"}}, "issuance.proof_malformed"),
        ({"credential_identifier": "a", "proofs": {"jwt": [1]}}, "issuance.proof_malformed"),
        ({"credential_identifier": "a", "proofs": {"di_vp": [{}]}}, "issuance.proof_malformed"),
        (
            {"credential_identifier": "a", "proofs": {"jwt": ["x"], "attestation": ["y"]}},
            "issuance.proof_malformed",
        ),
        (
            {"credential_identifier": "a", "proofs": {"jwt": ["x"] * 101}},
            "issuance.proof_malformed",
        ),
    ],
)
def test_bad_credential_requests_are_refused(obj, code):
    """[ISS-CRED-1] [ISS-CRED-4]."""
    assert refusal(parse_credential_request, wire(obj), error=Malformed) == code


@pytest.mark.parametrize("identifiers_returned", [True, False])
def test_the_selector_follows_the_token_response(identifiers_returned):
    """[ISS-CRED-2]."""
    by_identifier = CredentialRequest(identifier="a")
    by_configuration = CredentialRequest(configuration_id="a")
    good, bad = by_configuration, by_identifier
    if identifiers_returned:
        good, bad = bad, good
    good.check_selection(identifiers_returned=identifiers_returned)
    code = refusal(bad.check_selection, identifiers_returned=identifiers_returned)
    assert code == "issuance.credential_request"


def test_only_a_sealed_request_may_ask_for_a_sealed_answer():
    """[ISS-CRED-3] [ISS-DEFER-1]."""
    encryption = ResponseEncryption(jwk=ENCRYPTION_KEY.public_jwk("w"))
    request = CredentialRequest(identifier="a", response_encryption=encryption)
    deferred = DeferredRequest(transaction_id="t", response_encryption=encryption)
    assert refusal(parse_credential_request, wire(request.to_json())) == "issuance.encryption"
    assert refusal(parse_deferred_request, wire(deferred.to_json())) == "issuance.encryption"
    assert parse_deferred_request(wire(deferred.to_json()), encrypted=True) == deferred


@pytest.mark.parametrize(
    "change",
    [{"enc": "A128CBC-HS256"}, {"zip": "DEF"}, {"jwk": {"kty": "EC"}}, {"jwk": None}],
)
def test_bad_encryption_parameters_are_refused(change):
    """[ISS-CRED-3]."""
    obj = {"jwk": ENCRYPTION_KEY.public_jwk("w"), "enc": "A128GCM", **change}
    request = {"credential_identifier": "a", "credential_response_encryption": obj}
    code = refusal(parse_credential_request, wire(request), encrypted=True)
    assert code == "issuance.encryption"


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (
            CredentialResponse(
                credentials=(
                    IssuedCredential(credential="a~", extra={"anchor": {"index": 1}}),
                    IssuedCredential(credential="b~"),
                ),
                notification_id="n",
            ),
            200,
        ),
        (CredentialResponse(transaction_id="t", interval=5), 202),
    ],
)
def test_credential_responses_read_back(response, status):
    """[ISS-CRED-5]."""
    assert parse_credential_response(wire(response.to_json())) == response
    assert response.http_status == status


@pytest.mark.parametrize(
    "obj",
    [
        {},
        {"credentials": []},
        {"credentials": ["a"]},
        {"credentials": [{}]},
        {"credentials": [{"credential": {}}]},
        {"credentials": [{"credential": "a"}], "transaction_id": "t", "interval": 1},
        {"credentials": [{"credential": "a"}], "interval": 1},
        {"transaction_id": "t"},
        {"transaction_id": "t", "interval": 0},
        {"transaction_id": "t", "interval": 5, "notification_id": "n"},
        {"credentials": [{"credential": "a"}] * 101},
    ],
)
def test_bad_credential_responses_are_refused(obj):
    """[ISS-CRED-5] W-14."""
    assert refusal(parse_credential_response, wire(obj)) == "issuance.credential_response"


def test_our_own_impossible_messages_are_bugs():
    for make in (
        CredentialRequest,
        lambda: CredentialRequest(identifier="a", configuration_id="b"),
        CredentialResponse,
        lambda: CredentialResponse(transaction_id="t"),
        lambda: CredentialResponse(transaction_id="t", interval=1, notification_id="n"),
        lambda: ErrorResponse(error="x", description='say "hi"'),
        lambda: ErrorResponse(error="x", description="日本語"),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            make()


def test_sealed_messages_open_for_their_owner_only():
    """[ISS-CRED-6]."""
    request = CredentialRequest(configuration_id="kyc")
    jwk = ENCRYPTION_KEY.public_jwk("e1")
    token = seal_credential_message(request.to_json(), jwk, enc="A256GCM", random=os.urandom)
    opened = open_credential_message(token, ENCRYPTION_KEY)
    assert parse_credential_request(opened, encrypted=True) == request
    with pytest.raises(InvalidSignature):
        open_credential_message(token, generate_agreement_key(os.urandom))
    nameless = {name: value for name, value in jwk.items() if name != "alg"}
    with pytest.raises(Malformed):
        seal_credential_message({}, nameless, enc="A128GCM", random=os.urandom)


@pytest.mark.parametrize("event", list(NotificationEvent))
def test_notifications_read_back(event):
    """[ISS-NOTE-1]."""
    note = Notification(notification_id="n", event=event, description="x")
    assert parse_notification(wire(note.to_json())) == note


@pytest.mark.parametrize(
    "obj", [{}, {"notification_id": "n", "event": "x"}, {"event": "credential_deleted"}]
)
def test_bad_notifications_are_refused(obj):
    """[ISS-NOTE-1]."""
    assert refusal(parse_notification, wire(obj)) == "issuance.notification"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BindingMismatch(code="issuance.proof_nonce"), CredentialError.INVALID_NONCE),
        (InvalidSignature(code="issuance.proof_signature"), CredentialError.INVALID_PROOF),
        (Malformed(code="issuance.encryption"), CredentialError.INVALID_ENCRYPTION_PARAMETERS),
        (Malformed(code="jwe.malformed"), CredentialError.INVALID_ENCRYPTION_PARAMETERS),
        (
            Rejected(code="issuance.configuration_unknown"),
            CredentialError.UNKNOWN_CREDENTIAL_CONFIGURATION,
        ),
        (Malformed(code="json.malformed"), CredentialError.INVALID_CREDENTIAL_REQUEST),
        (Untrusted(), CredentialError.CREDENTIAL_REQUEST_DENIED),
        (Unreachable(), CredentialError.CREDENTIAL_REQUEST_DENIED),
    ],
)
def test_errors_become_codes_of_the_endpoint(error, code):
    """[ISS-ERR-2]."""
    assert credential_error(error) is code
    assert code.http_status == 400


def test_statuses_of_the_other_endpoints():
    assert TokenError.INVALID_CLIENT.http_status == 401
    assert TokenError.INVALID_GRANT.http_status == 400
    assert NotificationError.INVALID_NOTIFICATION_ID.http_status == 400


def test_error_responses_read_back_without_what_is_not_allowed():
    """[ISS-ERR-1]."""
    error = ErrorResponse(error="invalid_proof", description="The proof is old (1).")
    assert parse_error_response(wire(error.to_json())) == error
    for description in ('a "b"', "a\x1b[2J", "日本語", "x" * 500, 5):
        obj = {"error": "invalid_proof", "error_description": description}
        assert parse_error_response(wire(obj)) == ErrorResponse(error="invalid_proof")
    for bad in ({}, {"error": "a b"}, {"error": "\x1b"}):
        assert refusal(parse_error_response, wire(bad)) == "issuance.error_malformed"
