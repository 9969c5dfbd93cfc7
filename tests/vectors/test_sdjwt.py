"""SD-JWTs and status lists of others: attack sets, RFC 9901, OpenID4VP, Token Status List."""

import json
import re
from datetime import UTC, datetime

import pytest
import yaml

from ssi.encoding import b64url_decode
from ssi.errors import Rejected
from ssi.keys import Alg, SoftwareSigner, public_key_from_jwk
from ssi.sdjwt import (
    KeyBindingPolicy,
    Sd,
    issue,
    parse_sdjwt,
    select,
    verify_issuer_jwt,
    verify_key_binding,
)
from ssi.status_list import decode_status_list, parse_status_token, verify_status_token
from tests.support.credentials import ISSUER, dice
from tests.support.vectors import vectors_dir
from warifu.vectors import Outcome, run_file


def passed(kind, path):
    results = list(run_file(kind, path))
    assert [r for r in results if r.outcome(strict_codes=True) is not Outcome.PASSED] == []
    return len(results)


def test_sd_jwt_attacks_are_judged_with_the_stated_codes_and_claims():
    assert passed("sd-jwt", vectors_dir("sd_jwt_attacks") / "cases.json") >= 71


def test_status_list_attacks_are_judged_with_the_stated_codes():
    assert passed("status-list", vectors_dir("status_list_attacks") / "cases.json") >= 8


def test_status_lists_of_the_standard():
    assert passed("status-list", vectors_dir("token-status-list") / "status_list_vectors.json") == 6


@pytest.mark.parametrize("name", ["status_list_encoding_json", "status_list_encoding2_json"])
def test_the_examples_of_the_standard_have_least_significant_bits_first(name):
    text = (vectors_dir("token-status-list") / "examples" / f"{name}.md").read_text("utf-8")
    status_list = decode_status_list(json.loads(re.search(r"\{.*\}", text, re.DOTALL)[0]))
    wanted = {1: [1, 0, 0, 1, 1, 1, 0, 1], 2: [1, 2, 0, 3, 0, 1, 0, 1]}[status_list.bits]
    assert [status_list.get(index) for index in range(8)] == wanted


def settings(folder):
    found = yaml.safe_load((folder / "settings.yml").read_text("utf-8"))
    keys = found["key_settings"]
    issuer = keys.get("issuer_key") or keys["issuer_keys"][0]
    public = {name: issuer[name] for name in ("kty", "crv", "x", "y")}
    return found, public_key_from_jwk(public), issuer


def compact(path):
    return re.sub(r"\s", "", path.read_text("ascii"))


RFC = [
    "address_only_flat",
    "address_only_recursive",
    "address_only_structured",
    "address_only_structured_one_open",
    "arf-pid",
    "complex_eidas",
    "complex_eidas_proposal",
    "complex_ekyc",
    "jsonld",
    "simple",
    "simple_structured",
    "w3c-vc",
    "w3c-vc_for_slide_deck",
]


def check_example(folder, case, conf, key):
    """Verify issuance and presentation of one example and compare what comes out."""
    for name in ("sd_jwt_issuance.txt", "sd_jwt_presentation.txt"):
        untrusted = parse_sdjwt(compact(case / name))
        verified = verify_issuer_jwt(untrusted, key, typ=str(untrusted.jwt.header["typ"]))
    assert verified.claims == json.loads((case / "verified_contents.json").read_text("utf-8"))
    if untrusted.kb is None:
        return False
    said = json.loads((case / "kb_jwt_payload.json").read_text("utf-8"))
    binding = verify_key_binding(
        untrusted,
        verified,
        audience=conf["identifiers"]["verifier"],
        nonce=conf["key_binding_nonce"],
        now=datetime.fromtimestamp(said["iat"], UTC),
        policy=KeyBindingPolicy(),
    )
    assert binding.issued_at == said["iat"]
    return True


def test_the_examples_of_rfc_9901():
    folder = vectors_dir("sd-jwt-rfc9901") / "generated"
    conf, key, _ = settings(folder)
    bound = [name for name in RFC if check_example(folder, folder / name, conf, key)]
    assert {"arf-pid", "simple"} <= set(bound)


# Of another profile: typ is not ours. We refuse them before a byte of the payload is read.
OTHER_TYPE = set(RFC) - {"arf-pid"}
# JWS JSON serialization (RFC 9901 §8): we take the compact form only.
OTHER_FORM = {"json_serialization_flattened", "json_serialization_general"}


def test_what_our_profile_refuses_of_rfc_9901_and_why():
    """[CRED-SD-1], [CRED-SD-2]."""
    folder = vectors_dir("sd-jwt-rfc9901") / "generated"
    _, key, _ = settings(folder)
    assert {case.name for case in folder.iterdir() if case.is_dir()} == set(RFC) | OTHER_FORM
    refused = set()
    for name in RFC:
        try:
            verify_issuer_jwt(parse_sdjwt(compact(folder / name / "sd_jwt_issuance.txt")), key)
        except Rejected as error:
            refused.add((name, error.code))
    assert refused == {(name, "credential.typ") for name in OTHER_TYPE}
    for name in OTHER_FORM:
        texts = [path.read_text("utf-8") for path in sorted((folder / name).glob("sd_jwt_*.json"))]
        assert texts
        for text in texts:
            with pytest.raises(Rejected) as caught:
                parse_sdjwt(text)
            assert caught.value.code == "sdjwt.malformed"


def test_the_example_token_of_token_status_list():
    """[CRED-ST-2] Its key is not published: we read it, and no key of ours verifies it."""
    text = compact(vectors_dir("token-status-list") / "examples" / "status_list_jwt_raw.md")
    untrusted = parse_status_token(text)
    claims = json.loads(untrusted.jws.payload)
    status_list = decode_status_list(claims["status_list"])
    wanted = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    assert [status_list.get(index) for index in range(16)] == wanted
    with pytest.raises(Rejected) as caught:
        verify_status_token(
            untrusted,
            ISSUER.public_key,
            now=datetime.fromtimestamp(claims["iat"], UTC),
            uri=claims["sub"],
        )
    assert caught.value.code == "status.signature"


def test_the_example_of_openid4vp():
    folder = vectors_dir("openid4vp-1.0") / "1.0" / "examples" / "sd_jwt_vcld"
    conf, key, _ = settings(folder)
    assert check_example(folder, folder / "01", conf, key)


class _Loader(yaml.SafeLoader):
    """Reads the specifications' `!sd` tag."""


class _Marked(str):
    """A disclosable member's name."""

    __slots__ = ()


def _sd(loader, node):
    if isinstance(node, yaml.ScalarNode):
        return _Marked(loader.construct_object(yaml.ScalarNode(_tag(node), node.value), deep=True))
    if isinstance(node, yaml.SequenceNode):
        return Sd(loader.construct_sequence(node, deep=True))
    return Sd(loader.construct_mapping(node, deep=True))


def _tag(node):
    return yaml.SafeLoader("").resolve(yaml.ScalarNode, node.value, (True, False))


_Loader.add_constructor("!sd", _sd)


def _payload(value):
    if isinstance(value, Sd):
        return Sd(_payload(value.value))
    if isinstance(value, dict):
        return {
            str(name): Sd(_payload(item)) if isinstance(name, _Marked) else _payload(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [Sd(str(v)) if isinstance(v, _Marked) else _payload(v) for v in value]
    return value


def _paths(wanted, at=()):
    if isinstance(wanted, dict):
        for name, item in wanted.items():
            yield from _paths(item, (*at, name))
    elif isinstance(wanted, list):
        for index, item in enumerate(wanted):
            yield from _paths(item, (*at, index))
    elif wanted is True:
        yield at


@pytest.mark.parametrize("name", ["01", "02", "03-pid"])
def test_the_examples_of_sd_jwt_vc_can_be_issued_and_cut_down(name):
    folder = vectors_dir("sd-jwt-vc") / "examples"
    _, key, secret = settings(folder)
    issuer = SoftwareSigner.from_secret(Alg.ES256, b64url_decode(secret["d"]))
    text = (folder / name / "specification.yml").read_text("utf-8")
    example = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    whole = issue(_payload(example["user_claims"]), issuer, random=dice())
    paths = list(_paths(example["holder_disclosed_claims"]))
    assert paths
    shown = verify_issuer_jwt(parse_sdjwt(select(whole, paths)), key)
    for path in paths:
        value = shown.claims
        for step in path:
            value = value[step]
        assert value is not None
    assert len(shown.disclosed) < len(verify_issuer_jwt(parse_sdjwt(whole), key).disclosed)
