"""SD-JWT and key binding: every rule of RFC 9901 §7 that an attacker would like us to forget."""

import base64
import json
from hashlib import sha256

import pytest

from ssi.encoding import JsonLimits, b64url_encode
from ssi.errors import Rejected
from ssi.sdjwt import (
    Sd,
    SdJwtLimits,
    issue,
    parse_sdjwt,
    present,
    select,
    unverified_claims,
    verify_issuer_jwt,
    verify_key_binding,
)
from ssi.sdjwt.wire import digest_of
from tests.support.credentials import ES_HOLDER, ISSUER, OTHER, dice
from tests.support.forged import (
    AUDIENCE,
    BASE,
    CITY,
    NAME,
    NONCE,
    NOW,
    POLICY,
    VCT,
    disclosure,
    holds,
    kb_code,
    raw_disclosure,
    sdjwt,
)

TERMS = ("dGVybXM", "bW9yZQ")


def code_of(text, *, limits=None):
    options = {} if limits is None else {"limits": limits}
    with pytest.raises(Rejected) as caught:
        verify_issuer_jwt(parse_sdjwt(text, **options), ISSUER.public_key)
    return caught.value.code


def claims_of(text):
    return verify_issuer_jwt(parse_sdjwt(text), ISSUER.public_key).claims


# --- what is accepted ---


def test_what_was_disclosed_stands_in_its_place_and_nothing_of_the_mechanism_remains():
    text = sdjwt({"_sd_alg": "sha-256", "a": {"_sd": [digest_of(NAME), "A" * 43]}}, NAME)
    verified = verify_issuer_jwt(parse_sdjwt(text), ISSUER.public_key)
    assert verified.claims == BASE | {"a": {"name": "髙橋 花子"}}
    assert verified.disclosed_paths == (("a", "name"),)


def test_an_undisclosed_array_element_is_gone():
    first, second = disclosure("s", "JP"), disclosure("t", "GB")
    elements = [{"...": digest_of(first)}, "plain", {"...": digest_of(second)}]
    assert claims_of(sdjwt({"n": elements}, second))["n"] == ["plain", "GB"]


def test_disclosures_may_nest():
    inner = disclosure("s", "formatted", "東京都")
    outer = disclosure("t", "address", {"_sd": [digest_of(inner)], "country": "JP"})
    text = sdjwt(holds(outer), outer, inner)
    assert claims_of(text)["address"] == {"country": "JP", "formatted": "東京都"}
    assert code_of(sdjwt(holds(outer), inner)) == "sdjwt.disclosure_unreferenced"


def test_a_null_value_is_a_value():
    nothing = disclosure("s", "middle", None)
    assert claims_of(sdjwt(holds(nothing), nothing))["middle"] is None


def test_what_it_says_can_be_read_before_it_is_believed():
    assert unverified_claims(parse_sdjwt(sdjwt({})))["vct"] == VCT


# --- V-08, V-09, V-13: disclosures and digests ---


@pytest.mark.parametrize(
    ("claims", "given", "code"),
    [
        ({}, (NAME,), "sdjwt.disclosure_unreferenced"),
        (holds(CITY), (NAME,), "sdjwt.disclosure_unreferenced"),
        (holds(NAME), (NAME, NAME), "sdjwt.disclosure_duplicate"),
        ({"_sd": [digest_of(NAME)] * 2}, (NAME,), "sdjwt.digest_duplicate"),
        ({"_sd": [digest_of(NAME)] * 2}, (), "sdjwt.digest_duplicate"),
        ({"a": holds(NAME), "b": holds(NAME)}, (NAME,), "sdjwt.digest_duplicate"),
        ({"a": [{"...": digest_of(NAME)}] * 2}, (), "sdjwt.digest_duplicate"),
    ],
)
def test_every_disclosure_has_one_place_and_every_digest_one_occurrence(claims, given, code):
    assert code_of(sdjwt(claims, *given)) == code


def test_a_digest_may_not_come_back_inside_a_disclosure():
    outer = disclosure("t", "a", {"_sd": [digest_of(NAME)]})
    text = sdjwt({"_sd": [digest_of(outer), digest_of(NAME)]}, outer, NAME)
    assert code_of(text) == "sdjwt.digest_duplicate"


# --- V-10, V-11: names ---


@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
def test_no_disclosed_claim_has_a_name_of_the_mechanism(name):
    item = disclosure("s", name, "x")
    assert code_of(sdjwt(holds(item), item)) == "sdjwt.claim_name_reserved"


@pytest.mark.parametrize("name", ["iss", "vct", "cnf", "exp"])
def test_a_disclosure_overrides_nothing(name):
    item = disclosure("s", name, "x")
    assert code_of(sdjwt(holds(item), item)) == "sdjwt.claim_collision"


def test_two_disclosures_with_one_name_collide():
    other = disclosure("t", "name", "somebody else")
    assert code_of(sdjwt(holds(NAME, other), NAME, other)) == "sdjwt.claim_collision"


@pytest.mark.parametrize(
    "name", ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "aka_vcts"]
)
def test_what_the_checks_rest_on_is_never_selectively_disclosable(name):
    item = disclosure("s", name, "x")
    payload = {key: value for key, value in BASE.items() if key != name} | holds(item)
    text = sdjwt({}, item, payload=json.dumps(payload).encode())
    assert code_of(text) == "sdjwt.claim_not_selectively_disclosable"


def test_neither_is_a_part_of_it():
    key = disclosure("s", "jwk", ES_HOLDER.public_key.jwk)
    text = sdjwt({"cnf": holds(key)}, key)
    assert code_of(text) == "sdjwt.claim_not_selectively_disclosable"
    other = disclosure("s", "urn:other")
    text = sdjwt({"aka_vcts": [{"...": digest_of(other)}]}, other)
    assert code_of(text) == "sdjwt.claim_not_selectively_disclosable"


def test_a_person_may_have_a_claim_called_status():
    item = disclosure("s", "status", "resident")
    assert claims_of(sdjwt({"a": holds(item)}, item))["a"] == {"status": "resident"}


# --- V-12: the hash ---


@pytest.mark.parametrize(
    "alg", ["md5", "sha-1", "SHA-256", "sha-256 ", "sha-512", "", None, 256, ["sha-256"]]
)
def test_only_one_hash_is_ours(alg):
    assert code_of(sdjwt({"_sd_alg": alg} | holds(NAME), NAME)) == "sdjwt.hash_algorithm"


def test_the_hash_is_named_at_the_top_only():
    assert code_of(sdjwt({"a": {"_sd_alg": "sha-256"}})) == "sdjwt.hash_algorithm"
    inner = disclosure("s", "a", {"_sd_alg": "sha-256"})
    assert code_of(sdjwt(holds(inner), inner)) == "sdjwt.hash_algorithm"


# --- V-07, V-14: shapes ---

BAD_MEMBERS = [
    '["s","x"]',
    '["s","n","v","more"]',
    '["s"]',
    "[]",
    "{}",
    '"text"',
    "null",
    '[1,"n","v"]',
    '[null,"n","v"]',
    '["s",1,"v"]',
    '["s",{"a":1},"v"]',
    '["s","n",{"a":1,"a":2}]',
    '["s","n",{"a":1,"\\u0061":2}]',
    '["s","n",NaN]',
    '["s","n",1e999]',
    '["s","n",-Infinity]',
    '["s","n","\\ud800"]',
    '["s","a\\u0000b","v"]',
    '["s","a\\u001bb","v"]',
    '["s","n","v"] x',
    "\ufeff" + '["s","n","v"]',
    b'["s","n","\xff"]',
    '["s","n",' + "9" * 20_000 + "]",
    '["s","n",' + "[" * 40 + "]" * 40 + "]",
]


@pytest.mark.parametrize("text", BAD_MEMBERS)
def test_a_disclosure_of_another_shape_is_refused(text):
    item = raw_disclosure(text)
    assert code_of(sdjwt(holds(item), item)) == "sdjwt.disclosure_malformed"


def test_members_and_elements_are_not_mistaken_for_each_other():
    element = disclosure("s", "JP")
    assert code_of(sdjwt({"n": [{"...": digest_of(NAME)}]}, NAME)) == "sdjwt.disclosure_malformed"
    assert code_of(sdjwt(holds(element), element)) == "sdjwt.disclosure_malformed"


@pytest.mark.parametrize(
    "claims",
    [
        {"_sd": "text"},
        {"_sd": {"a": 1}},
        {"_sd": None},
        {"_sd": [None]},
        {"_sd": [1]},
        {"_sd": [["a"]]},
        {"a": [{"...": 1}]},
        {"a": [{"...": None}]},
        {"a": [{"...": "A" * 43, "more": 1}]},
        {"...": "A" * 43},
        {"a": {"...": "A" * 43}},
    ],
)
def test_digests_of_another_shape_are_refused(claims):
    assert code_of(sdjwt(claims)) == "sdjwt.sd_malformed"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda item: item + "=",
        lambda item: item[:9] + "\n" + item[9:],
        lambda item: item[:9] + "+" + item[9:],
        lambda item: item[:9] + " " + item[9:],
        lambda item: base64.b64encode(json.dumps(["s", "n", "???>>>"]).encode()).decode(),
        lambda _: "A",
        lambda _: "AB",
    ],
)
def test_base64url_has_one_spelling(spoil):
    item = spoil(NAME)
    claims = {"_sd": [b64url_encode(sha256(item.encode()).digest())]}
    assert code_of(sdjwt(claims, item)) == "encoding.base64url"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "~",
        "~~",
        sdjwt({})[:-1],
        sdjwt({}) + "~",
        sdjwt({}) + "abc",
        sdjwt({}) + "a.b",
        sdjwt({}) + "a.b.c~",
        sdjwt({}) + "a.b.c~d.e.f",
        " " + sdjwt({}),
        sdjwt({}) + "\n",
        sdjwt({}) + "\u3000",
        sdjwt({}).replace(".", ".\0", 1),
        json.dumps({"payload": "e30", "signatures": []}),
    ],
)
def test_a_text_of_another_form_is_refused(text):
    assert code_of(text) == "sdjwt.malformed"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b'{"vct":"a","vct":"b"}', "json.duplicate_key"),
        (b'{"a":{"b":1,"b":2}}', "json.duplicate_key"),
        (b'{"exp":1e400}', "credential.malformed"),
        (b'{"exp":NaN}', "credential.malformed"),
        (b"[]", "credential.malformed"),
        (b"", "credential.malformed"),
        (b'\xef\xbb\xbf{"a":1}', "credential.malformed"),
    ],
)
def test_a_payload_that_is_no_claims_set_is_refused(payload, code):
    assert code_of(sdjwt({}, payload=payload)) == code


# --- V-01 to V-06, V-24: the envelope ---


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"alg": "none"}, "jose.algorithm"),
        ({"alg": "HS256"}, "jose.algorithm"),
        ({"alg": "EdDSA"}, "jose.algorithm"),
        ({"typ": "vc+sd-jwt"}, "credential.typ"),
        ({"typ": "kb+jwt"}, "credential.typ"),
        ({"typ": "JWT"}, "credential.typ"),
        ({"typ": "DC+SD-JWT"}, "credential.typ"),
        ({"crit": ["b64"], "b64": False}, "jose.crit"),
        ({"crit": []}, "jose.crit"),
        ({"jwk": {"kty": "EC"}}, "jose.header_not_allowed"),
        ({"jku": "https://evil.example"}, "jose.header_not_allowed"),
        ({"x5u": "https://evil.example"}, "jose.header_not_allowed"),
    ],
)
def test_the_header_chooses_nothing(header, code):
    assert code_of(sdjwt({}, header=header)) == code


def test_another_signer_is_not_the_issuer():
    assert code_of(sdjwt({}, signer=OTHER)) == "credential.signature"


def test_sizes_are_bounded_before_anything_is_read():
    many = [disclosure("s", f"claim{number}", "v") for number in range(201)]
    assert code_of(sdjwt(holds(*many), *many)) == "limits.sdjwt"
    assert len(claims_of(sdjwt(holds(*many[:200]), *many[:200]))) == len(BASE) + 200
    assert code_of("x" * 65537) == "limits.sdjwt"
    small = SdJwtLimits(json=JsonLimits(max_depth=3))
    deep = disclosure("s", "n", [[[["x"]]]])
    assert code_of(sdjwt(holds(deep), deep), limits=small) == "sdjwt.disclosure_malformed"


# --- issuing, selecting, presenting ---

PERSON = {
    "verified_claims": {
        "verification": {"trust_framework": "x", "evidence": [Sd({"type": "document"})]},
        "claims": {
            "name": Sd("髙橋 花子"),
            "address": Sd({"region": Sd("東京都"), "country": "JP"}),
            "classes": Sd([Sd("futsu"), Sd("daijini")]),
        },
    }
}
ROOT = ("verified_claims", "claims")


def issued(**options):
    return issue(BASE | PERSON, ISSUER, random=dice(), **options)


def test_what_is_issued_is_read_back_whole():
    claims = claims_of(issued())["verified_claims"]["claims"]
    assert claims == {
        "name": "髙橋 花子",
        "address": {"region": "東京都", "country": "JP"},
        "classes": ["futsu", "daijini"],
    }


def test_nothing_is_shown_without_being_selected():
    bare = claims_of(select(issued(), []))
    assert bare["verified_claims"] == {
        "verification": {"trust_framework": "x", "evidence": []},
        "claims": {},
    }
    assert "東京都" not in issued().split("~")[0]


@pytest.mark.parametrize(
    ("paths", "shown"),
    [
        ([(*ROOT, "name")], {"name": "髙橋 花子"}),
        ([(*ROOT, "address")], {"address": {"region": "東京都", "country": "JP"}}),
        ([(*ROOT, "address", "region")], {"address": {"region": "東京都", "country": "JP"}}),
        ([(*ROOT, "address", "country")], {"address": {"country": "JP"}}),
        ([(*ROOT, "classes", 1)], {"classes": ["daijini"]}),
        ([(*ROOT, "classes", None)], {"classes": ["futsu", "daijini"]}),
        ([(*ROOT, "nothing")], {}),
    ],
)
def test_exactly_the_selected_claims_and_their_parents_are_shown(paths, shown):
    assert claims_of(select(issued(), paths))["verified_claims"]["claims"] == shown


def test_a_selection_is_presented_once():
    """[CRED-KB-2]"""
    selected = select(issued(), [(*ROOT, "name")])
    presented = present(selected, ES_HOLDER, audience=AUDIENCE, nonce=NONCE, now=NOW)
    assert kb_code(presented) == "accepted"
    with pytest.raises(ValueError, match="key binding"):
        present(presented, ES_HOLDER, audience=AUDIENCE, nonce=NONCE, now=NOW)
    with pytest.raises(ValueError, match="key binding"):
        select(presented, [])


def test_the_terms_are_signed_with_the_presentation():
    selected = select(issued(), [])
    presented = present(
        selected, ES_HOLDER, audience=AUDIENCE, nonce=NONCE, now=NOW, transaction_data=TERMS
    )
    assert kb_code(presented, transaction_data=TERMS) == "accepted"
    assert kb_code(presented) == "kb.transaction_data"


def test_decoys_hide_how_many_claims_there_are():
    plain, more = issued(), issued(decoys=5)
    assert len(claims_of(more)) == len(claims_of(plain))
    assert len(unverified_claims(parse_sdjwt(more))["_sd"]) == 5
    assert "_sd_alg" not in unverified_claims(parse_sdjwt(issue(BASE, ISSUER, random=dice())))


def test_salts_are_fresh_and_digests_sorted():
    tokens = issue({"b": Sd(1), "a": Sd(1)}, ISSUER, random=dice()).split("~")
    digests = unverified_claims(parse_sdjwt("~".join(tokens)))["_sd"]
    assert digests == sorted(digests)
    salts = {item.encoded[:20] for item in parse_sdjwt("~".join(tokens)).disclosures}
    assert len(salts) == 2


@pytest.mark.parametrize("claims", [{"_sd": []}, {"...": 1}, {"a": {"_sd_alg": "x"}}, {"a": 1.5}])
def test_an_issuer_cannot_sign_what_no_verifier_takes(claims):
    with pytest.raises(ValueError, match="claim"):
        issue(BASE | claims, ISSUER, random=dice())


def test_nothing_personal_is_in_a_repr():
    presented = present(issued(), ES_HOLDER, audience=AUDIENCE, nonce=NONCE, now=NOW)
    untrusted = parse_sdjwt(presented)
    shown = repr(untrusted) + repr(untrusted.disclosures)
    shown += repr(verify_issuer_jwt(untrusted, ISSUER.public_key)) + repr(Sd("髙橋 花子"))
    assert "髙橋" not in shown
    assert "東京都" not in shown
    assert untrusted.disclosures[0].encoded not in shown


def test_the_same_disclosures_under_another_key_are_another_presentation():
    untrusted = parse_sdjwt(present(issued(), OTHER, audience=AUDIENCE, nonce=NONCE, now=NOW))
    verified = verify_issuer_jwt(untrusted, ISSUER.public_key)
    with pytest.raises(Rejected) as caught:
        verify_key_binding(
            untrusted,
            verified,
            audience=AUDIENCE,
            nonce=NONCE,
            now=NOW,
            policy=POLICY,
        )
    assert caught.value.code == "kb.signature"
