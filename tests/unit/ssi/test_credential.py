"""The credential profile: what is always visible, what is not, and which times and types count."""

from datetime import UTC, date, datetime, timedelta

import pytest

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
from ssi.errors import Expired, Malformed, NotYetValid, Rejected
from ssi.sdjwt import issue, parse_sdjwt, select, unverified_claims, verify_issuer_jwt
from tests.support.credentials import ES_HOLDER, ISSUER, dice

NOW = datetime(2026, 11, 24, 9, 30, 15, tzinfo=UTC)
AT = int(NOW.timestamp())
DAY = 86400
URI = "https://issuer.example/status-lists/main"
VISIBLE = {"iss", "vct", "iat", "exp", "cnf", "status", "verified_claims"}
ADDRESS = Address(
    formatted="東京都葛󠄀飾区架空1-2-3",
    postal_code="125-0000",
    region="東京都",
    locality="葛󠄀飾区",
    street_address="架空1-2-3",
)
PROOFING = Proofing(
    trust_framework="https://warifu.example/trust_framework/jp_sharing",
    organization="City KYC",
    checked_on=date(2026, 11, 20),
    procedure="two_operators",
)
PERSON = KycData(
    name="髙﨑 𠮷雄",
    name_kana="タカサキ ヨシオ",
    birthdate=date(2004, 2, 29),
    address=ADDRESS,
    portrait_checked=True,
)
LICENCE = LicenceData(
    name="髙﨑 𠮷雄",
    birthdate=date(2004, 2, 29),
    address=ADDRESS,
    number="012345678900",
    classes=("futsu", "daijini"),
    conditions=("glasses", "automatic"),
    expiry=date(2029, 3, 29),
)


def envelope():
    return Envelope(
        issuer_url="https://issuer.example",
        issued_at=NOW,
        expires_at=NOW + timedelta(days=90),
        holder_jwk=ES_HOLDER.public_key.to_jwk("device-7") | {"use": "sig"},
        status=StatusReference(uri=URI, index=7),
    )


def kyc(today=date(2026, 11, 24), person=PERSON):
    return kyc_payload(person, PROOFING, envelope(), today=today)


def issued(payload):
    return issue(payload, ISSUER, random=dice())


def shown(payload, *paths):
    text = select(issued(payload), paths)
    return verify_issuer_jwt(parse_sdjwt(text), ISSUER.public_key).claims


def code_of(action, *args, **options):
    with pytest.raises(Rejected) as caught:
        action(*args, **options)
    return caught.value.code


# --- what is signed ---


def test_without_a_choice_only_the_envelope_and_the_framework_are_visible():
    """[CRED-1], [CRED-4]."""
    claims = shown(kyc())
    assert claims.keys() == VISIBLE
    assert claims["verified_claims"] == {
        "verification": {"trust_framework": PROOFING.trust_framework, "evidence": []},
        "claims": {},
    }
    assert claims["cnf"] == {"jwk": ES_HOLDER.public_key.jwk}
    assert claims["status"] == {"status_list": {"idx": 7, "uri": URI}}


@pytest.mark.parametrize("name", list(kyc()["verified_claims"]["claims"]))
def test_each_claim_is_shown_alone(name):
    """[CRED-4]."""
    assert person_claims(shown(kyc(), claim_path(name))).keys() == {name}


def test_names_and_addresses_come_out_as_they_went_in():
    """[CRED-3]."""
    claims = person_claims(shown(kyc(), claim_path("name"), claim_path("address")))
    assert claims["name"] == PERSON.name
    assert [hex(ord(c)) for c in claims["name"][:2]] == ["0x9ad9", "0xfa11"]
    assert Address.from_json(claims["address"]) == ADDRESS
    assert "\U000e0100" in claims["address"]["locality"]


def test_no_identity_stands_in_the_signed_part():
    """[CRED-4]."""
    said = repr(unverified_claims(parse_sdjwt(issued(kyc())))) + repr(PERSON) + repr(ADDRESS)
    for secret in ("髙", "𠮷", "葛", "タカサキ", "2004", "125-0000"):
        assert secret not in said


def test_a_kyc_credential_has_no_document_number():
    """[CRED-4]."""
    whole = verify_issuer_jwt(parse_sdjwt(issued(kyc())), ISSUER.public_key)
    assert "number" not in str(whole.disclosed_paths)
    evidence = whole.claims["verified_claims"]["verification"]["evidence"]
    assert evidence[0]["document_details"] == {"type": "jp_drivers_license"}


def test_times_are_whole_days():
    """[CRED-6]."""
    claims = shown(kyc())
    assert claims["iat"] == AT - AT % DAY
    assert claims["exp"] == claims["iat"] + 90 * DAY


def test_each_class_of_a_licence_is_shown_alone_and_no_condition_is_hidden():
    """[CRED-5]."""
    payload = licence_payload(LICENCE, PROOFING, envelope())
    classes = claim_path("licence_classes")
    one = person_claims(shown(payload, (*classes, 1)))
    assert one == {"licence_classes": ["daijini"]}
    both = person_claims(shown(payload, (*claim_path("licence_conditions"), 0)))
    assert both == {"licence_conditions": ["glasses", "automatic"]}
    number = person_claims(shown(payload, claim_path("licence_number")))
    assert number == {"licence_number": "012345678900"}


def test_an_attested_address_says_since_when():
    payload = address_payload(ADDRESS, date(2026, 11, 20), PROOFING, envelope())
    assert payload["vct"] == CredentialType.ADDRESS
    claims = person_claims(shown(payload, claim_path("moved_on")))
    assert claims == {"moved_on": "2026-11-20"}


def test_a_self_asserted_address_claims_no_verification():
    """[CRED-7]."""
    jwk = ES_HOLDER.public_key.to_jwk("mine")
    payload = address_self_payload(
        ADDRESS, date(2026, 11, 20), did="did:key:z6Mk", holder_jwk=jwk, now=NOW
    )
    claims = shown(payload, ("address",))
    assert claims.keys() == {"iss", "vct", "iat", "cnf", "address", "assurance"}
    assert claims["assurance"] == "self_asserted"
    assert claims["cnf"] == {"jwk": ES_HOLDER.public_key.jwk}
    assert person_claims(claims) == {}


# --- ages ---


@pytest.mark.parametrize(
    ("born", "today", "age"),
    [
        (date(2004, 2, 29), date(2022, 2, 28), 17),
        (date(2004, 2, 29), date(2022, 3, 1), 18),
        (date(2004, 2, 29), date(2024, 2, 29), 20),
        (date(2006, 11, 24), date(2026, 11, 23), 19),
        (date(2006, 11, 24), date(2026, 11, 24), 20),
    ],
)
def test_an_age_counts_by_the_birthday(born, today, age):
    """[CRED-4]."""
    assert age_on(born, today) == age


@pytest.mark.parametrize(
    ("today", "over"), [(date(2022, 2, 28), (False, False)), (date(2024, 2, 28), (True, False))]
)
def test_age_claims_tell_the_limit_and_not_the_birthday(today, over):
    """[CRED-4]."""
    paths = [claim_path("age_over_18"), claim_path("age_over_20")]
    claims = person_claims(shown(kyc(today), *paths))
    assert claims == {"age_over_18": over[0], "age_over_20": over[1]}


# --- types, times, references ---


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"vct": None},
        {"vct": 1},
        {"vct": ["urn:warifu:kyc:1"]},
        {"vct": {"urn:warifu:kyc:1": 1}},
        {"vct": "urn:warifu:kyc:10"},
        {"vct": "urn:warifu:kyc"},
        {"vct": "URN:WARIFU:KYC:1"},
        {"vct": "urn:warifu:kyc:1 "},
        {"vct": "urn:evil:1", "aka_vcts": ["urn:warifu:kyc:1"]},
        {"vct": "urn:evil:1", "vct#integrity": "sha256-x"},
    ],
)
def test_only_the_very_type_that_was_asked_counts(claims):
    """[CRED-2]."""
    assert code_of(check_type, claims, {"urn:warifu:kyc:1"}) == "credential.type"
    assert check_type({"vct": "urn:warifu:kyc:1"}, {"urn:warifu:kyc:1"}) == "urn:warifu:kyc:1"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": AT + 1},
        {"iat": AT, "nbf": AT, "exp": AT + 1},
        {"iat": AT + 60},
        {"nbf": AT + 60},
        {"iat": 0},
    ],
)
def test_times_in_order_pass(claims):
    """[CRED-6]."""
    verify_times(claims, now=NOW)


@pytest.mark.parametrize(
    ("claims", "code", "kind"),
    [
        ({"exp": AT}, "credential.expired", Expired),
        ({"exp": AT - 1}, "credential.expired", Expired),
        ({"exp": 0}, "credential.expired", Expired),
        ({"iat": AT + 61}, "credential.not_yet_valid", NotYetValid),
        ({"nbf": AT + 61}, "credential.not_yet_valid", NotYetValid),
        *(
            ({name: value}, "credential.malformed", Malformed)
            for name in ("exp", "iat", "nbf")
            for value in (True, False, None, -1, str(AT + 1), 1e12, [AT], {})
        ),
    ],
)
def test_times_out_of_order_or_of_another_type_do_not(claims, code, kind):
    """[CRED-6]."""
    with pytest.raises(kind) as caught:
        verify_times(claims, now=NOW)
    assert caught.value.code == code


def test_leeway_is_the_readers():
    verify_times({"iat": AT + 300}, now=NOW, leeway=timedelta(minutes=5))
    assert code_of(verify_times, {"iat": AT + 1}, now=NOW, leeway=timedelta()) == (
        "credential.not_yet_valid"
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (None, "status.missing"),
        ("none", "status.missing"),
        ({}, "status.missing"),
        ({"status_list": None}, "status.missing"),
        ({"status_list": [7, URI]}, "status.missing"),
        ({"identifier_list": {"id": "7", "uri": URI}}, "status.missing"),
        ({"status_list": {"uri": URI}}, "status.index"),
        *(
            ({"status_list": {"uri": URI, "idx": index}}, "status.index")
            for index in (-1, True, False, "7", 7.0, None, [7])
        ),
        *(
            ({"status_list": {"idx": 7} | uri}, "status.malformed")
            for uri in ({}, {"uri": None}, {"uri": ""}, {"uri": 7}, {"uri": [URI]})
        ),
    ],
)
def test_a_status_that_leads_nowhere_is_refused(status, code):
    """[CRED-ST-1]."""
    claims = {} if status is None else {"status": status}
    assert code_of(status_reference, claims) == code


def test_a_status_leads_to_a_list_and_an_index():
    """[CRED-ST-1]."""
    reference = StatusReference(uri=URI, index=0)
    assert status_reference({"status": reference.to_json()}) == reference


def test_a_kid_names_issuer_and_key():
    """[CRED-1]."""
    assert kid_parts({"kid": kid_of("city-kyc", "thumb")}) == ("city-kyc", "thumb")


@pytest.mark.parametrize("kid", [None, 7, "", "#", "city-kyc", "city-kyc#", "#thumb", ["a#b"]])
def test_a_kid_that_names_less_is_refused(kid):
    """[CRED-1]."""
    header = {} if kid is None else {"kid": kid}
    assert code_of(kid_parts, header) == "credential.key_unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"formatted": None},
        {"formatted": 7},
        {"formatted": "あ" * 401},
        {"postal_code": ["125"]},
        {"country": {}},
        {"region": None},
    ],
)
def test_an_address_of_another_shape_is_refused(change):
    assert code_of(Address.from_json, ADDRESS.to_json() | change) == "credential.address"
    assert code_of(Address.from_json, "東京都") == "credential.address"


@pytest.mark.parametrize(
    "claims", [{}, {"verified_claims": None}, {"verified_claims": []}, {"verified_claims": {}}]
)
def test_who_shows_nothing_has_no_person_claims(claims):
    assert person_claims(claims) == {}


def test_an_anchor_entry_hides_and_binds():
    """[CRED-AN-1]."""
    entry = anchor_entry(b"s" * 32, "a.b.c")
    assert len(entry) == 32
    assert len({entry, anchor_entry(b"t" * 32, "a.b.c"), anchor_entry(b"s" * 32, "a.b.d")}) == 3


def test_records_get_names_without_values():
    paths = [
        ("verified_claims", "claims", "name"),
        ("verified_claims", "claims", "address", "region"),
        ("verified_claims", "claims", "address"),
        ("verified_claims", "verification", "time"),
        ("other",),
    ]
    assert disclosed_names(paths) == ("name", "address")
