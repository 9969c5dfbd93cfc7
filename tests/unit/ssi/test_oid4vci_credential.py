"""Asking for credentials, the answers, notifications and errors (OpenID4VCI 1.0 section 8)."""

import os

import pytest

from ssi.errors import (
    BindingMismatch,
    InvalidSignature,
    Malformed,
    Rejected,
    Unreachable,
    Untrusted,
)
from ssi.keys import generate_agreement_key
from ssi.oid4vci import (
    CredentialError,
    CredentialRequest,
    CredentialResponse,
    DeferredRequest,
    ErrorResponse,
    IssuedCredential,
    Notification,
    NotificationError,
    NotificationEvent,
    ResponseEncryption,
    TokenError,
    credential_error,
    open_credential_message,
    parse_credential_request,
    parse_credential_response,
    parse_deferred_request,
    parse_error_response,
    parse_notification,
    seal_credential_message,
)
from tests.support.openid4vci import ENCRYPTION_KEY, refusal, wire


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
