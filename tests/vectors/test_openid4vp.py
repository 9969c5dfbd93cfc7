"""The examples of OpenID4VP 1.0 and the query schema of the OpenID conformance suite."""

import json

import jsonschema
import pytest

from ssi.base64url import b64url_decode
from ssi.dcql import Candidate, default_picks, match_query, parse_query
from ssi.encoding import parse_json_object
from ssi.forms import build_form
from ssi.jwe import decrypt_jwe
from ssi.keys import AgreementKey
from ssi.oid4vp import parse_response
from tests.support.vectors import vectors_dir

EXAMPLES = (
    "query_lang/claims_alternatives.json",
    "query_lang/complex_mdoc.json",
    "query_lang/credentials_alternatives.json",
    "query_lang/multi_credentials.json",
    "query_lang/simple.json",
    "query_lang/simple_mdoc.json",
    "query_lang/value_matching_simple.json",
    "request/dcql_jwt_vc.json",
    "request/dcql_ldp_vc.json",
)
PID = "https://credentials.example.com/identity_credential"


def example(name):
    return (vectors_dir("openid4vp-1.0") / "1.0" / "examples" / name).read_bytes()


def schema():
    return json.loads((vectors_dir("openid4vp-1.0") / "schemas/dcql_request.json").read_bytes())


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_query_of_the_standard_is_read_and_written_back(name):
    obj = parse_json_object(example(name))
    query = parse_query(obj)
    assert parse_query(query.to_json()) == query
    if "vc.json" not in name:  # the schema knows SD-JWT VC and mdoc only
        jsonschema.validate(query.to_json(), schema())


def credential(name, vct, **claims):
    return Candidate(id=name, format="dc+sd-jwt", vct=vct, claims=claims)


@pytest.mark.parametrize(
    ("claims", "disclosed"),
    [
        (("family_name", "locality", "region", "date_of_birth", "postal_code"), "flrd"),
        (("family_name", "region", "date_of_birth", "postal_code"), "fpd"),
        (("family_name", "date_of_birth"), None),
    ],
)
def test_the_alternatives_example_prefers_its_first_claim_set(claims, disclosed):
    query = parse_query(parse_json_object(example("query_lang/claims_alternatives.json")))
    match = match_query(query, [credential("1", PID, **dict.fromkeys(claims, "x"))])
    assert match.satisfiable is (disclosed is not None)
    if disclosed is not None:
        places = match.credentials["pid"].options[0].paths
        assert "".join(str(place[0])[0] for place in places) == disclosed


@pytest.mark.parametrize(("postal_code", "matches"), [("90211", True), ("90212", False)])
def test_the_value_example_matches_one_of_its_values(postal_code, matches):
    query = parse_query(parse_json_object(example("query_lang/value_matching_simple.json")))
    claims = {"family_name": "Doe", "given_name": "x", "address": {"street_address": "y"}}
    match = match_query(query, [credential("1", PID, **claims, postal_code=postal_code)])
    assert match.satisfiable is matches


def test_the_credential_sets_example_takes_two_reduced_credentials():
    query = parse_query(parse_json_object(example("query_lang/credentials_alternatives.json")))
    reduced = "https://credentials.example.com/reduced_identity_credential"
    held = [
        credential("1", reduced, family_name="x", given_name="y"),
        credential(
            "2",
            "https://cred.example/residence_credential",
            postal_code="1",
            locality="2",
            region="3",
        ),
    ]
    assert default_picks(match_query(query, held)) == {
        "pid_reduced_cred_1": ("1",),
        "pid_reduced_cred_2": ("2",),
    }


def test_the_sealed_response_of_the_standard_opens():
    source = vectors_dir("openid4vp-1.0") / "derived" / "encrypted_response.json"
    vector = json.loads(source.read_bytes())
    key = AgreementKey.from_secret(b64url_decode(vector["jwk_private"]["d"]))
    plaintext = decrypt_jwe(vector["jwe"], key, encs=frozenset({"A128GCM"}))
    assert json.loads(plaintext) == vector["expected_payload"]
    answer = parse_response(build_form({"response": vector["jwe"]}), find_key={"ac": key}.get)
    assert answer.vp_token == {"example_credential_id": ("eyJhb...YMetA",)}
    assert answer.kid == "ac"
