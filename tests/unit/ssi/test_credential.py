"""Our credential types: what each holds, what is always visible, and what is never in it."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ssi.credential import (
    Address,
    CredentialType,
    Envelope,
    KycData,
    LicenceData,
    Proofing,
    StatusReference,
    address_payload,
    address_self_payload,
    age_on,
    anchor_entry,
    check_type,
    claim_path,
    disclosed_names,
    kid_of,
    kid_parts,
    kyc_payload,
    licence_payload,
    person_claims,
    status_reference,
    verify_times,
)
from ssi.encoding import sha256
from ssi.errors import Rejected
from ssi.relationship import relationship_id
from ssi.sdjwt import issue, parse_sdjwt, select, unverified_claims, verify_issuer_jwt
from tests.support.credentials import ED_HOLDER, ES_HOLDER, ISSUER, dice

NOW = datetime(2026, 11, 24, 9, 30, 15, tzinfo=UTC)
AT = int(NOW.timestamp())
TODAY = date(2026, 11, 24)
SPECS = Path(__file__).parents[3] / "specs"
# 髙 and a variation selector: what is signed is what was received [CRED-3].
NAME = "髙\U000e0100橋 花子"
ADDRESS = Address(
    formatted="東京都千代田区霞が関２－１－２　霞が関レジデンス５０２号室",
    postal_code="1000013",
    region="東京都",
    locality="千代田区",
    street_address="霞が関2-1-2 霞が関レジデンス502号室",
)
KYC = KycData(name=NAME, name_kana="タカハシ ハナコ", birthdate=date(1990, 1, 2), address=ADDRESS)
LICENCE = LicenceData(
    name=NAME,
    birthdate=date(1990, 1, 2),
    address=ADDRESS,
    number="309012345620",
    classes=("futsu", "daijini"),
    conditions=("at_only", "glasses"),
    expiry=date(2030, 2, 2),
)
PROOFING = Proofing(
    trust_framework="https://warifu.example/trust_framework/jp_sharing",
    organization="本人確認センター",
    checked_on=date(2026, 11, 20),
    procedure="document_review_four_eyes",
)
ENVELOPE = Envelope(
    issuer_url="https://issuer.example",
    issued_at=NOW,
    expires_at=NOW + timedelta(days=90),
    holder_jwk=ES_HOLDER.public_key.to_jwk(kid="holder-1"),
    status=StatusReference(uri="https://issuer.example/status-lists/main-1", index=77),
)
SELF = {
    "did": relationship_id(ED_HOLDER.public_key),
    "holder_jwk": ED_HOLDER.public_key.to_jwk(),
    "now": NOW,
}
PAYLOADS = {
    CredentialType.KYC: kyc_payload(KYC, PROOFING, ENVELOPE, today=TODAY),
    CredentialType.LICENCE: licence_payload(LICENCE, PROOFING, ENVELOPE),
    CredentialType.ADDRESS: address_payload(ADDRESS, date(2026, 11, 1), PROOFING, ENVELOPE),
    CredentialType.ADDRESS_SELF: address_self_payload(ADDRESS, date(2026, 11, 1), **SELF),
}


def opened(vct, paths=None):
    """The claims when everything, or just these paths, is shown."""
    text = issue(PAYLOADS[vct], ISSUER, random=dice())
    if paths is not None:
        text = select(text, paths)
    return verify_issuer_jwt(parse_sdjwt(text), ISSUER.public_key).claims


ATTESTED = [CredentialType.KYC, CredentialType.LICENCE, CredentialType.ADDRESS]


@pytest.mark.parametrize("vct", ATTESTED)
def test_what_is_always_visible_says_nothing_about_the_person(vct):
    """[CRED-1], [CRED-6]."""
    midnight = AT - AT % 86400
    assert opened(vct, []) == {
        "iss": "https://issuer.example",
        "vct": vct.value,
        "iat": midnight,
        "exp": midnight + 90 * 86400,
        "cnf": {"jwk": ES_HOLDER.public_key.jwk},
        "status": {"status_list": {"idx": 77, "uri": "https://issuer.example/status-lists/main-1"}},
        "verified_claims": {
            "verification": {"trust_framework": PROOFING.trust_framework, "evidence": []},
            "claims": {},
        },
    }


def test_a_kyc_credential_holds_these_claims_each_alone():
    """[CRED-3], [CRED-4]."""
    claims = person_claims(opened(CredentialType.KYC))
    assert claims == {
        "name": NAME,
        "name#ja-Kana-JP": "タカハシ ハナコ",
        "birthdate": "1990-01-02",
        "address": ADDRESS.to_json(),
        "age_over_18": True,
        "age_over_20": True,
        "portrait_checked": False,
    }
    for name, value in claims.items():
        shown = opened(CredentialType.KYC, [claim_path(name)])
        assert person_claims(shown) == {name: value}
        assert (
            "evidence" not in shown["verified_claims"]["verification"]
            or not shown["verified_claims"]["verification"]["evidence"]
        )


def test_no_number_that_joins_two_firms_is_in_a_kyc_credential():
    text = json.dumps(opened(CredentialType.KYC), ensure_ascii=False)
    assert "document_number" not in text
    assert LICENCE.number not in text


def test_licence_classes_are_shown_alone_and_conditions_never_apart():
    """[CRED-5]."""
    one = opened(CredentialType.LICENCE, [(*claim_path("licence_classes"), 1)])
    assert person_claims(one) == {"licence_classes": ["daijini"]}
    conditions = opened(CredentialType.LICENCE, [(*claim_path("licence_conditions"), 0)])
    assert person_claims(conditions) == {"licence_conditions": ["at_only", "glasses"]}
    assert person_claims(opened(CredentialType.LICENCE))["licence_number"] == LICENCE.number


def test_an_address_of_ones_own_word_says_so_and_claims_no_verification():
    """[CRED-7]."""
    claims = opened(CredentialType.ADDRESS_SELF)
    assert claims["assurance"] == "self_asserted"
    assert "verified_claims" not in claims
    assert claims["iss"] == SELF["did"]
    assert claims["address"] == ADDRESS.to_json()
    assert "address" not in opened(CredentialType.ADDRESS_SELF, [])


def test_the_holder_key_keeps_its_public_members_only():
    private = ENVELOPE.holder_jwk | {"d": "secret", "kid": "linkable"}
    envelope = Envelope(
        issuer_url="i",
        issued_at=NOW,
        expires_at=NOW,
        holder_jwk=private,
        status=ENVELOPE.status,
    )
    assert envelope.claims(CredentialType.KYC)["cnf"] == {"jwk": ES_HOLDER.public_key.jwk}


NAMES = {
    CredentialType.KYC: "kyc-1",
    CredentialType.LICENCE: "driving-licence-1",
    CredentialType.ADDRESS: "address-1",
    CredentialType.ADDRESS_SELF: "address-self-1",
}


def read(folder, vct, suffix):
    return json.loads((SPECS / folder / f"{NAMES[vct]}{suffix}").read_text("utf-8"))


def schema(vct):
    document = read("schemas", vct, ".schema.json")
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


@pytest.mark.parametrize("vct", list(CredentialType))
def test_each_type_fits_its_schema_and_the_schema_refuses_more(vct):
    claims = opened(vct)
    assert list(schema(vct).iter_errors(claims)) == []
    for bad in (claims | {"personal_number": "123456789018"}, claims | {"vct": "urn:other"}):
        assert not schema(vct).is_valid(bad)
    inner = claims.get("verified_claims", claims)
    inner.get("claims", inner)["my_number"] = "123456789018"
    assert not schema(vct).is_valid(claims)


@pytest.mark.parametrize("vct", list(CredentialType))
def test_type_metadata_names_every_disclosable_claim_in_both_languages(vct):
    document = read("types", vct, ".json")
    assert document["vct"] == vct.value
    assert {item["locale"] for item in document["display"]} == {"ja-JP", "en-US"}
    described = {tuple(item["path"]): item for item in document["claims"]}
    root = () if vct is CredentialType.ADDRESS_SELF else ("verified_claims", "claims")
    whole = issue(PAYLOADS[vct], ISSUER, random=dice())
    shown = verify_issuer_jwt(parse_sdjwt(whole), ISSUER.public_key).disclosed_paths
    person = {path for path in shown if path[: len(root)] == root and len(path) == len(root) + 1}
    assert {path for path, item in described.items() if item["sd"] == "always"} == person
    for item in document["claims"]:
        assert {label["locale"] for label in item["display"]} == {"ja-JP", "en-US"}


def test_a_document_number_in_the_evidence_is_against_the_schema():
    claims = opened(CredentialType.KYC)
    details = claims["verified_claims"]["verification"]["evidence"][0]["document_details"]
    for name in ("document_number", "personal_number"):
        details[name] = "309012345620"
        assert not schema(CredentialType.KYC).is_valid(claims)
        del details[name]
    assert schema(CredentialType.KYC).is_valid(claims)


# --- reading ---


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"exp": AT + 1}, None),
        ({"exp": AT}, "credential.expired"),
        ({"exp": AT - 1}, "credential.expired"),
        ({"nbf": AT + 60}, None),
        ({"nbf": AT + 61}, "credential.not_yet_valid"),
        ({"iat": AT + 60}, None),
        ({"iat": AT + 61}, "credential.not_yet_valid"),
        *(
            ({name: value}, "credential.malformed")
            for name in ("exp", "nbf", "iat")
            for value in (str(AT), True, None, -1, [AT], {})
        ),
    ],
)
def test_times_are_whole_seconds_and_hold(changes, code):
    """[CRED-6]."""
    claims = {"iat": AT - 60, "exp": AT + 3600} | changes
    if code is None:
        verify_times(claims, now=NOW)
        return
    with pytest.raises(Rejected) as caught:
        verify_times(claims, now=NOW)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"vct": None},
        {"vct": ["urn:warifu:kyc:1"]},
        {"vct": "urn:warifu:kyc:1 "},
        {"vct": "urn:warifu:kyc"},
        {"vct": "urn:warifu:kyc:10"},
        {"vct": "URN:WARIFU:KYC:1"},
        {"vct": "urn:other", "aka_vcts": ["urn:warifu:kyc:1"]},
        {"vct": "urn:other", "extends": "urn:warifu:kyc:1"},
    ],
)
def test_only_the_type_that_was_asked_is_that_type(claims):
    """[CRED-2]."""
    assert check_type({"vct": "urn:warifu:kyc:1"}, {"urn:warifu:kyc:1"}) == "urn:warifu:kyc:1"
    with pytest.raises(Rejected) as caught:
        check_type(claims, {"urn:warifu:kyc:1"})
    assert caught.value.code == "credential.type"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (..., "status.missing"),
        (None, "status.missing"),
        ("valid", "status.missing"),
        ({}, "status.missing"),
        ({"status_list": "x"}, "status.missing"),
        ({"none": True}, "status.missing"),
        ({"status_list": {"uri": "u"}}, "status.index"),
        ({"status_list": {"idx": True, "uri": "u"}}, "status.index"),
        ({"status_list": {"idx": -1, "uri": "u"}}, "status.index"),
        ({"status_list": {"idx": "1", "uri": "u"}}, "status.index"),
        ({"status_list": {"idx": 1}}, "status.malformed"),
        ({"status_list": {"idx": 1, "uri": ""}}, "status.malformed"),
        ({"status_list": {"idx": 1, "uri": 5}}, "status.malformed"),
    ],
)
def test_a_credential_without_a_status_is_not_taken_for_valid(status, code):
    """[CRED-ST-1]."""
    with pytest.raises(Rejected) as caught:
        status_reference({} if status is ... else {"status": status})
    assert caught.value.code == code


def test_the_status_reference_is_read_back():
    assert status_reference(opened(CredentialType.KYC)) == ENVELOPE.status


@pytest.mark.parametrize("kid", [..., None, "", "#", "issuer", "issuer#", "#thumb", 7, ["a#b"]])
def test_a_header_that_does_not_say_whose_key_is_refused(kid):
    assert kid_parts({"kid": kid_of("minna", "thumb")}) == ("minna", "thumb")
    with pytest.raises(Rejected) as caught:
        kid_parts({} if kid is ... else {"kid": kid})
    assert caught.value.code == "credential.key_unknown"


@pytest.mark.parametrize(
    ("birthdate", "today", "age"),
    [
        (date(2008, 11, 24), date(2026, 11, 23), 17),
        (date(2008, 11, 24), date(2026, 11, 24), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2004, 2, 29), date(2024, 2, 29), 20),
        (date(2026, 11, 24), date(2026, 11, 24), 0),
    ],
)
def test_age_counts_by_the_calendar(birthdate, today, age):
    assert age_on(birthdate, today) == age


def test_ages_are_of_the_day_in_japan():
    """At 15:00 UTC the next day begins in Japan; the issuer says which day it is [CRED-4]."""
    young = KycData(name=NAME, name_kana="タカハシ", birthdate=date(2008, 11, 25), address=ADDRESS)
    for today, adult in ((date(2026, 11, 24), False), (date(2026, 11, 25), True)):
        text = issue(kyc_payload(young, PROOFING, ENVELOPE, today=today), ISSUER, random=dice())
        claims = person_claims(verify_issuer_jwt(parse_sdjwt(text), ISSUER.public_key).claims)
        assert claims["age_over_18"] is adult
        assert claims["age_over_20"] is False


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "東京都",
        {},
        ADDRESS.to_json() | {"formatted": 5},
        ADDRESS.to_json() | {"formatted": ""},
        ADDRESS.to_json() | {"country": "JPN"},
        ADDRESS.to_json() | {"postal_code": "1" * 17},
    ],
)
def test_an_address_of_another_form_is_refused(value):
    assert Address.from_json(ADDRESS.to_json() | {"more": 1}) == ADDRESS
    with pytest.raises(Rejected) as caught:
        Address.from_json(value)
    assert caught.value.code == "credential.address"


def test_an_anchor_entry_says_nothing_without_its_salt():
    """[CRED-AN-1]."""
    token = issue(PAYLOADS[CredentialType.KYC], ISSUER, random=dice()).split("~")[0]
    salt = bytes(range(32))
    assert anchor_entry(salt, token) == sha256(salt + token.encode())
    assert anchor_entry(bytes(32), token) != anchor_entry(salt, token)


def test_a_record_may_name_what_was_disclosed_without_saying_it():
    text = select(
        issue(PAYLOADS[CredentialType.LICENCE], ISSUER, random=dice()),
        [claim_path("name"), (*claim_path("licence_classes"), 0)],
    )
    verified = verify_issuer_jwt(parse_sdjwt(text), ISSUER.public_key)
    assert set(disclosed_names(verified.disclosed_paths)) == {"name", "licence_classes"}


def test_no_claim_value_is_in_a_repr():
    shown = "".join(map(repr, (KYC, LICENCE, ADDRESS)))
    for secret in (NAME, "霞が関", "1000013", LICENCE.number, "1990"):
        assert secret not in shown


def test_two_copies_of_one_credential_share_no_digest():
    first, second = (
        unverified_claims(
            parse_sdjwt(issue(PAYLOADS[CredentialType.KYC], ISSUER, random=dice(seed)))
        )
        for seed in ("one", "two")
    )
    shared = set(first["verified_claims"]["claims"]["_sd"]) & set(
        second["verified_claims"]["claims"]["_sd"]
    )
    assert shared == set()
