"""Third-party and original vectors through the product's own runners."""

import json

import pytest

from ssi.did import did_key, parse_did_key
from ssi.encoding import parse_json
from ssi.errors import Malformed, Rejected
from ssi.keys import Alg, PublicKey
from tests.support.vectors import vectors_dir
from warifu.vectors import Outcome, run_file


def outcomes(kind, path, **options):
    results = list(run_file(kind, path))
    failed = [r for r in results if r.outcome(**options) is Outcome.FAILED]
    assert failed == []
    return [r.outcome() for r in results]


def test_jose_attacks_are_refused_with_the_stated_codes():
    path = vectors_dir("jose_attacks") / "cases.json"
    assert len(outcomes("jose", path, strict_codes=True)) >= 35


def test_canonical_json_is_that_of_rfc_8785():
    folder = vectors_dir("jcs_rfc8785")
    assert outcomes("jcs", folder).count(Outcome.PASSED) == 6
    assert len(outcomes("jcs", folder / "input" / "weird.json")) == 1


def test_merkle_probes_of_rfc_6962():
    folder = vectors_dir("merkle_rfc6962") / "testdata"
    assert outcomes("merkle", folder).count(Outcome.PASSED) == 518


def test_ssrf_is_refused_before_any_socket_opens():
    path = vectors_dir("ssrf") / "cases.json"
    assert outcomes("ssrf", path, strict_codes=False).count(Outcome.PASSED) == 50


NO_CODE = {
    "a128cbc_hs256", "aes_wrap", "chacha20_poly1305", "ecdsa_secp256r1_sha256", "hkdf_sha256",
    "hmac_sha256", "pbkdf2_hmacsha256", "x25519", "x25519_jwk", "xchacha20_poly1305",
}  # fmt: skip


def test_wycheproof_files_pass_and_those_we_have_no_code_for_are_named():
    folder = vectors_dir("wycheproof")
    for file in sorted(folder.glob("*_test.json")):
        found = set(outcomes("wycheproof", file))
        missing = file.name.removesuffix("_test.json") in NO_CODE
        assert found <= {Outcome.UNSUPPORTED, Outcome.PASSED}, file.name
        assert (Outcome.PASSED in found) is not missing, file.name


OUR_RULE_IS_STRICTER = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}


def test_json_parsing_suite():
    files = sorted((vectors_dir("json_parsing") / "test_parsing").glob("*.json"))
    assert len(files) == 318
    for file in files:
        try:
            parse_json(file.read_bytes(), floats=True)
            accepted = True
        except Malformed:
            accepted = False
        if file.name.startswith("n_") or file.name in OUR_RULE_IS_STRICTER:
            assert not accepted, file.name
        elif file.name.startswith("y_"):
            assert accepted, file.name


def test_json_transform_suite_keeps_one_meaning():
    for file in sorted((vectors_dir("json_parsing") / "test_transform").glob("*.json")):
        refused = "same_key" in file.name or "invalid_codepoint" in file.name
        try:
            value = parse_json(file.read_bytes(), floats=True)
        except Malformed:
            assert refused, file.name
            continue
        assert not refused, file.name
        if "key_nf" in file.name:
            assert len(value) == 2


def test_json_limit_shapes_are_refused():
    shapes = json.loads((vectors_dir("json_limits") / "cases.json").read_text("utf-8"))["shapes"]
    for shape in shapes:
        if "rate_bytes_per_s" in shape:
            continue  # a behaviour of a server, not a text: see the fetch tests
        with pytest.raises(Malformed):
            parse_json(_build(shape))


def _build(shape):  # noqa: PLR0911 - one shape a line
    match shape:
        case {"repeat": text, "n": times}:
            return text * times
        case {"members": count}:
            return "{" + ",".join(f'"{n:07d}":1' for n in range(count)) + "}"
        case {"digits": count}:
            return "9" * count
        case {"bytes": count}:
            return '"' + "x" * count + '"'
        case {"encoding": name}:
            return '{"a":1}'.encode(name)
        case {"bytes_hex": raw}:
            return b'"' + bytes.fromhex(raw) + b'"'
        case {"prefix_hex": raw}:
            return bytes.fromhex(raw) + b"{}"
    return shape["text"]


def accepts(key, message, signature):
    try:
        PublicKey(Alg.EDDSA, key).verify(message, signature)
    except Rejected:
        return False
    return True


def test_speccheck_pins_our_ed25519_rule():
    """Stricter than every column of its table: even case 3, a key of mixed order, is refused."""
    cases = json.loads((vectors_dir("ed25519_speccheck") / "cases.json").read_text("utf-8"))
    found = [
        number
        for number, case in enumerate(cases)
        if accepts(*(bytes.fromhex(case[name]) for name in ("pub_key", "message", "signature")))
    ]
    assert found == []


CCTV_ACCEPTED = [305]  # the one vector whose key and R are both of prime order


def test_cctv_pins_our_ed25519_accept_set():
    path = vectors_dir("ed25519_cctv") / "ed25519vectors.json"
    cases = json.loads(path.read_text("utf-8"))
    accepted = [
        case
        for case in cases
        if accepts(bytes.fromhex(case["key"]), case["msg"].encode(), bytes.fromhex(case["sig"]))
    ]
    strange = {"low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R"}
    assert all(strange.isdisjoint(case["flags"] or ()) for case in accepted)
    assert len(cases) == 914
    assert [case["number"] for case in accepted] == CCTV_ACCEPTED


def test_did_keys_of_the_specification():
    dids = json.loads((vectors_dir("did-key") / "did_keys.json").read_text("utf-8"))
    ours = {"z6Mk", "zDna"}
    for did in dids["all_did_keys_in_spec"]:
        if did.removeprefix("did:key:")[:4] in ours:
            assert did_key(parse_did_key(did)) == did
        else:
            with pytest.raises(Malformed):
                parse_did_key(did)
