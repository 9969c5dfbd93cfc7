"""The examples of OpenID4VCI 1.0, and metadata samples and schemas of the conformance suite."""

import json

import jsonschema
import pytest

from ssi.encoding import parse_json_object
from ssi.errors import Rejected
from ssi.oid4vci import (
    CredentialRequest,
    ResponseEncryption,
    build_offer_link,
    parse_authorization_server_metadata,
    parse_credential_request,
    parse_credential_response,
    parse_issuer_metadata,
    parse_key_proof,
    parse_offer,
    parse_offer_link,
)
from ssi.oid4vci.metadata_parser import METADATA_LIMITS
from tests.support.vectors import vectors_dir


def folder():
    return vectors_dir("openid4vci-1.0")


def schema(name):
    return json.loads((folder() / "schemas" / name).read_bytes())


def body(name):
    """The JSON of an example, without the HTTP head of the .txt files."""
    text = (folder() / "1.0" / "examples" / name).read_text()
    return text[text.index("{") :]


@pytest.mark.parametrize(
    "name",
    [
        "credential_offer_authz_code.txt",
        "credential_offer_by_reference.json",
        "credential_offer_multiple_credentials.json",
        "credential_offer_pre-authz_code.json",
    ],
)
def test_every_offer_is_read_and_travels_by_link(name):
    """[ISS-OFFER-1] [ISS-OFFER-2]."""
    offer = parse_offer(body(name))
    assert parse_offer_link(build_offer_link(offer)).offer == offer
    jsonschema.validate(offer.to_json(), schema("credential_offer-1_0.json"))
    if "pre-authz" in name or "reference" in name:
        assert offer.pre_authorized is not None
        assert offer.pre_authorized.tx_code is not None


def sample(name):
    """A metadata document and the issuer it claims."""
    data = (folder() / "metadata-samples" / f"{name}.json").read_bytes()
    obj = parse_json_object(data, limits=METADATA_LIMITS)
    issuer = obj.get("credential_issuer", obj.get("issuer"))
    return data, issuer if isinstance(issuer, str) else "https://issuer.example.com"


ISSUERS = [
    "valid-openid-credential-issuer-metadata-spec-DcSdJwt-claims-example",
    "valid-openid-credential-issuer-metadata-claims-path-pointer-null",
    "valid-openid-credential-issuer-metadata-spec-DcSdJwt-claims-missing-vct-example",
    "valid-openid-credential-issuer-metadata-spec-appendix-example",
    "valid-openid-credential-issuer-metadata-mock-minimal",
    "valid-openid-credential-issuer-metadata-mock-full",
    "valid-openid-credential-issuer-metadata-eudiw",
    "credential-issuer-metadata-dresden-komm-pass",
]


@pytest.mark.parametrize("name", ISSUERS)
def test_valid_issuer_metadata_is_read_and_written_back(name):
    """[ISS-META-2]."""
    data, issuer = sample(name)
    metadata = parse_issuer_metadata(data, issuer=issuer)
    wire = json.dumps(metadata.to_json())
    assert parse_issuer_metadata(wire, issuer=issuer) == metadata


@pytest.mark.parametrize("name", ["mock", "mock-full"])
def test_valid_server_metadata_is_read_and_written_back(name):
    """[ISS-META-3]."""
    data, issuer = sample(f"valid-oauth-authorization-server-metadata-{name}")
    metadata = parse_authorization_server_metadata(data, issuer=issuer)
    wire = json.dumps(metadata.to_json())
    assert parse_authorization_server_metadata(wire, issuer=issuer) == metadata


@pytest.mark.parametrize(
    "name",
    [
        "ebsi",
        "invalid-type-for-authorization-servers",
        "missing-required-property",
        "missing-required-property-in-optional-property",
        "request-encryption-jwks-as-array",
    ],
)
def test_invalid_issuer_metadata_is_refused(name):
    """[ISS-META-2]."""
    data, issuer = sample(f"invalid-openid-credential-issuer-metadata-{name}")
    with pytest.raises(Rejected):
        parse_issuer_metadata(data, issuer=issuer)


def test_members_of_old_drafts_are_ignored():
    """The suite calls this invalid for leftovers of a draft; 1.0 tells wallets to ignore them."""
    data, issuer = sample("invalid-openid-credential-issuer-metadata-bdr-example1")
    metadata = parse_issuer_metadata(data, issuer=issuer)
    assert metadata.configurations["eu.europa.ec.eudi.pid.1"].claims == ()


def test_invalid_server_metadata_is_refused():
    """[ISS-META-3]."""
    data, issuer = sample("invalid-oauth-authorization-server-metadata-multiple-errors")
    with pytest.raises(Rejected):
        parse_authorization_server_metadata(data, issuer=issuer)


def test_the_long_example_has_every_part():
    """[ISS-META-2] [ISS-META-4]."""
    text = body("credential_issuer_metadata_sd_jwt_long.json")
    issuer = parse_json_object(text)["credential_issuer"]
    metadata = parse_issuer_metadata(text, issuer=issuer)
    assert metadata.batch_size == 10
    assert metadata.request_encryption is not None
    assert metadata.request_encryption.keys[0]["kid"] == "ac"
    assert metadata.response_encryption is not None
    assert metadata.response_encryption.required
    configuration = metadata.configurations["SD_JWT_VC_example_in_OpenID4VCI"]
    assert configuration.vct == "SD_JWT_VC_example_in_OpenID4VCI"
    assert configuration.proof_types["jwt"].key_attestation_required
    assert configuration.claims[0].path == ("given_name",)
    jsonschema.validate(metadata.to_json(), schema("credential_issuer_metadata-1_0.json"))


@pytest.mark.parametrize(
    "name", ["credential_response_mso_mdoc.txt", "credential_response_jwt_vc_json.txt"]
)
def test_credential_responses_are_read(name):
    """[ISS-CRED-5]."""
    response = parse_credential_response(body(name).replace("\n", ""))
    assert len(response.credentials) == 1
    assert response.http_status == 200


def test_a_request_of_an_old_draft_is_refused():
    """[ISS-CRED-1]: the example still selects by format."""
    text = (folder() / "1.0/examples/credential_request_iso_mdl.json").read_text()
    with pytest.raises(Rejected) as refused:
        parse_credential_request(text)
    assert refused.value.code == "issuance.credential_request"


def test_our_requests_fit_the_schema():
    """[ISS-CRED-1] [ISS-CRED-4]."""
    encryption = ResponseEncryption(jwk={"kty": "EC", "alg": "ECDH-ES"})
    for request in (
        CredentialRequest(configuration_id="kyc", proofs=("a.b.c", "d.e.f")),
        CredentialRequest(identifier="kyc-1", response_encryption=encryption),
    ):
        jsonschema.validate(request.to_json(), schema("credential_request-1_0.json"))


def test_the_key_proof_example_names_its_key():
    """[ISS-PROOF-1] [ISS-PROOF-2]; Appendix F.1."""
    token = (
        "eyJ0eXAiOiJvcGVuaWQ0dmNpLXByb29mK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwiY3J2"
        "IjoiUC0yNTYiLCJ4IjoiblVXQW9BdjNYWml0aDhFN2kxOU9kYXhPTFlGT3dNLVoyRXVNMDJUaXJUNCIsInkiOiJI"
        "c2tIVThCalVpMVU5WHFpN1N3bWo4Z3dBS18weGtjRGpFV183MVNvc0VZIn19.eyJhdWQiOiJodHRwczovL2NyZWRl"
        "bnRpYWwtaXNzdWVyLmV4YW1wbGUuY29tIiwiaWF0IjoxNzAxOTYwNDQ0LCJub25jZSI6IkxhclJHU2JtVVBZdFJZ"
        "TzZCUTR5bjgifQ.-a3EDsxClUB4O3LeDD5DVGEnNMT01FCQW4P6-2-BNBqc_Zxf0Qw4CWayLEpqkAomlkLb9zioZo"
        "ipdP-jvh1WlA"
    )
    proof = parse_key_proof(token)
    assert (proof.nonce, proof.issued_at) == ("LarRGSbmUPYtRYO6BQ4yn8", 1701960444)
    assert proof.audience == "https://credential-issuer.example.com"
