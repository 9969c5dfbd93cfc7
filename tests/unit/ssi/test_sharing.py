"""Consent: given, countersigned, withdrawn; rights asked for. specs/sharing.md §1."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ssi.commitment import consent_message, withdrawal_message
from ssi.encoding import b64url_decode, parse_json_object
from ssi.errors import BindingMismatch, InvalidSignature, Malformed, NotYetValid, Rejected
from ssi.jose import sign_jws
from ssi.keys import Alg
from ssi.rights import (
    RightsKind,
    RightsRequest,
    build_rights_request,
    build_withdrawal,
    verify_rights_request,
    verify_withdrawal,
)
from ssi.sharing import (
    CONSENT_TYP,
    build_consent,
    build_countersignature,
    consent_commitment,
    parse_consent,
    verify_consent,
    verify_consent_opening,
    verify_countersignature,
)
from tests.support.registry import signer
from tests.support.relations import (
    FIRM,
    FIRM_KEYS,
    FIRM_KID,
    FIRM_SIGNER,
    NOW,
    RECORD,
    Holder,
    event_id,
    jti,
    some_bytes,
)

SALT = some_bytes(32)
YAMADA = Holder()


def given(**changes):
    return build_consent(YAMADA.consent(**changes), YAMADA.signer, salt=SALT)


def verified(token=None, *, now=NOW, **changes):
    expected = {
        "verifier_id": FIRM,
        "client_id": YAMADA.consent().client_id,
        "terms_digest": jti("terms"),
    }
    return verify_consent(parse_consent(token or given()), now=now, **(expected | changes))


def test_what_was_agreed_comes_back_as_it_was_signed():
    """[SHA-CON-1] [SHA-CON-2]"""
    result = verified()
    assert result.consent == YAMADA.consent()
    assert result.relationship == YAMADA.relationship


def test_a_consent_without_a_return_box_is_a_consent():
    assert verified(given(return_box=None)).consent.return_box is None


@pytest.mark.parametrize(
    "other", [{"verifier_id": "car-two"}, {"client_id": "x509_hash:x"}, {"terms_digest": "x"}]
)
def test_a_consent_to_other_terms_is_not_ours(other):
    """[SHA-CON-3]"""
    with pytest.raises(BindingMismatch) as caught:
        verified(**other)
    assert caught.value.code == "consent.binding"


def test_a_consent_from_the_future_is_not_valid_yet():
    """[SHA-CON-3]"""
    with pytest.raises(NotYetValid):
        verified(now=NOW - timedelta(minutes=6))


def test_an_old_consent_does_not_answer_a_new_request():
    """[SHA-CON-3]"""
    with pytest.raises(BindingMismatch):
        verified(now=NOW + timedelta(minutes=31))


def test_a_consent_signed_by_another_key_than_it_names_is_refused():
    payload = b64url_decode(given().split(".")[1])
    jwk = YAMADA.signer.public_key.to_jwk()
    forged = sign_jws(payload, signer("mallory"), typ=CONSENT_TYP, header={"jwk": jwk})
    with pytest.raises(InvalidSignature):
        verified(forged)


def test_a_relationship_key_is_ed25519():
    """[SHA-CON-2]"""
    with pytest.raises(ValueError, match="Ed25519"):
        build_consent(YAMADA.consent(), signer("p256", Alg.ES256), salt=SALT)
    other = signer("p256", Alg.ES256)
    payload = b64url_decode(given().split(".")[1])
    token = sign_jws(payload, other, typ=CONSENT_TYP, header={"jwk": other.public_key.to_jwk()})
    with pytest.raises(Malformed) as caught:
        parse_consent(token)
    assert caught.value.code == "consent.key"


def test_the_commitment_opens_only_with_the_salt_and_the_very_terms():
    """[SHA-CON-5]"""
    verify_consent_opening(verified(), SALT)
    with pytest.raises(BindingMismatch):
        verify_consent_opening(verified(), some_bytes(32, seed="other"))
    other = replace(YAMADA.consent(), until=NOW + timedelta(days=2))
    assert consent_commitment(other, SALT) != verified().commitment


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": "warifu.consent/2"},
        {"jurisdiction": "US"},
        {"language": "fr"},
        {"record_id": "not-a-uuid"},
        {"purposes": []},
        {"purposes": [{"purpose_code": "x"}]},
        {"until": 0},
        {"event": {"type": "consent_withdrawn", "time": 1}},
        {"commitment": "short"},
        {"surprise": True},
        {"update_subscription": {"address": "yes"}},
    ],
)
def test_a_receipt_of_another_form_is_malformed(change):
    """[SHA-CON-1]"""
    payload = parse_json_object(b64url_decode(given().split(".")[1])) | change
    header = {"jwk": YAMADA.signer.public_key.to_jwk()}
    with pytest.raises(Malformed):
        parse_consent(sign_jws(payload, YAMADA.signer, typ=CONSENT_TYP, header=header))


def test_the_repr_of_a_consent_holds_no_token():
    assert given() not in repr(verified())
    assert given() not in repr(parse_consent(given()))


# --- countersignature ---


def countersigned():
    return build_countersignature(
        verified(), FIRM_SIGNER, kid=FIRM_KID, update_nonce="first", now=NOW
    )


def check_countersignature(token, **changes):
    expected = {"consent_token": given(), "verifier_id": FIRM, "record_id": RECORD}
    return verify_countersignature(token, keys=FIRM_KEYS, **(expected | changes))


def test_the_firm_countersigns_and_gives_the_first_nonce():
    """[SHA-CON-4]"""
    assert check_countersignature(countersigned()).update_nonce == "first"


@pytest.mark.parametrize(
    "other",
    [
        {"consent_token": "another"},
        {"record_id": event_id(9)},
        {"verifier_id": "car-two"},
        {"keys": {}},
        {"keys": {FIRM_KID: signer("mallory").public_key}},
    ],
)
def test_a_countersignature_about_something_else_is_refused(other):
    """[SHA-CON-4]"""
    expected = {
        "consent_token": given(),
        "verifier_id": FIRM,
        "record_id": RECORD,
        "keys": FIRM_KEYS,
    }
    with pytest.raises(Rejected):
        verify_countersignature(countersigned(), **(expected | other))


# --- withdrawal and rights ---


def withdrawal_checked(token, **changes):
    expected = {
        "key": YAMADA.signer.public_key,
        "record_id": RECORD,
        "commitment": verified().commitment,
        "now": NOW,
    }
    return verify_withdrawal(token, **(expected | changes))


def test_only_the_relationship_key_withdraws_its_own_consent():
    """[SHA-CON-7]"""
    commitment = verified().commitment
    token = build_withdrawal(RECORD, commitment, YAMADA.signer, now=NOW)
    assert withdrawal_checked(token).withdrawn_at == NOW
    for other in ({"record_id": event_id(2)}, {"commitment": jti("other")}):
        with pytest.raises(BindingMismatch):
            withdrawal_checked(token, **other)
    forged = build_withdrawal(RECORD, commitment, signer("mallory"), now=NOW)
    with pytest.raises(BindingMismatch):
        withdrawal_checked(forged)
    with pytest.raises(NotYetValid):
        withdrawal_checked(token, now=NOW - timedelta(hours=1))


@pytest.mark.parametrize("kind", RightsKind)
def test_a_rights_request_says_which_right_and_is_signed(kind):
    """[SHA-CON-8]"""
    request = RightsRequest(request_id=event_id(), record_id=RECORD, kind=kind, requested_at=NOW)
    token = build_rights_request(request, YAMADA.signer)
    key = YAMADA.signer.public_key
    assert verify_rights_request(token, key=key, record_id=RECORD, now=NOW) == request
    with pytest.raises(BindingMismatch):
        verify_rights_request(token, key=key, record_id=event_id(7), now=NOW)
    with pytest.raises(BindingMismatch):
        verify_rights_request(token, key=signer("mallory").public_key, record_id=RECORD, now=NOW)


def test_a_withdrawal_is_not_a_rights_request():
    token = build_withdrawal(RECORD, verified().commitment, YAMADA.signer, now=NOW)
    with pytest.raises(BindingMismatch):
        verify_rights_request(token, key=YAMADA.signer.public_key, record_id=RECORD, now=NOW)


def test_what_is_signed_for_the_chain_names_the_chain():
    """[SHA-CON-6] [SHA-CON-7]"""
    assert consent_message("c1", "x", 5) == b"warifu/consent/1\0c1\0x\x005"
    assert withdrawal_message("c1", "x") == b"warifu/withdraw/1\0c1\0x"
