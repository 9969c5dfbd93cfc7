"""Offers and what an issuer says of itself (OpenID4VCI 1.0 sections 4 and 12)."""

from urllib.parse import urlencode

import pytest

from ssi.errors import (
    BindingMismatch,
    Malformed,
)
from ssi.oid4vci import (
    AuthorizationCodeGrant,
    AuthorizationServerMetadata,
    ClaimDescription,
    CredentialConfiguration,
    CredentialOffer,
    Display,
    Grant,
    InputMode,
    IssuerMetadata,
    PreAuthorizedGrant,
    ProofType,
    RequestEncryptionSupport,
    ResponseEncryptionSupport,
    TokenRequest,
    TokenResponse,
    TxCode,
    authorization_server_metadata_url,
    build_offer_link,
    build_offer_reference,
    issuer_metadata_url,
    parse_authorization_server_metadata,
    parse_issuer_metadata,
    parse_offer,
    parse_offer_link,
)
from tests.support.openid4vci import ENCRYPTION_KEY, ISSUER, PRE_AUTH, refusal, wire

OFFER = CredentialOffer(
    credential_issuer=ISSUER,
    configuration_ids=("kyc", "licence"),
    pre_authorized=PreAuthorizedGrant(
        pre_authorized_code="secret-code",
        tx_code=TxCode(length=6, description="By telephone"),
    ),
    authorization_code=AuthorizationCodeGrant(issuer_state="st", authorization_server=ISSUER),
)


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
