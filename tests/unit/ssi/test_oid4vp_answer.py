"""Answers, refusals and replies (OpenID4VP 1.0 section 8)."""

import os
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from ssi.encoding import canonical_json
from ssi.errors import (
    BindingMismatch,
    ConsentDeclined,
    InvalidSignature,
    Malformed,
    NoMatchingCredential,
    PolicyNotMet,
    Untrusted,
    VaultError,
)
from ssi.forms import build_form
from ssi.jwe import encrypt_jwe
from ssi.keys import AgreementKey, generate_agreement_key
from ssi.oid4vp import (
    AuthorizationError,
    ResponseError,
    ResponseMode,
    ResponseReply,
    authorization_error,
    build_error_response,
    build_response,
    parse_response,
    parse_response_reply,
    response_key_id,
)
from tests.support.openid4vp import NONCE, REQUEST, SEALING

ANSWER = {"kyc": ["e30.e30.AA~"]}


def test_a_sealed_answer_opens_with_the_key_of_the_request():
    """[PRE-RESP-2] [PRE-RESP-3]."""
    extra = {"consent": "x.y.z", "registry_proof": {"height": 5}}
    form = build_response(REQUEST, ANSWER, random=os.urandom, extra=extra)
    assert list(parse_qs(form.decode())) == ["response"]
    assert response_key_id(form) == "k1"
    answer = parse_response(form, find_key={"k1": SEALING}.get)
    assert answer.vp_token == {"kyc": ("e30.e30.AA~",)}
    assert (answer.state, answer.kid, answer.extra) == (NONCE, "k1", extra)
    with pytest.raises(Malformed) as caught:
        parse_response(form, find_key={}.get)
    assert caught.value.code == "presentation.unknown_key"
    with pytest.raises(InvalidSignature) as refused:
        parse_response(form, find_key={"k1": generate_agreement_key(os.urandom)}.get)
    assert refused.value.code == "jwe.decrypt"


def test_a_sealed_answer_names_its_key():
    """[PRE-RESP-3]."""
    nameless = encrypt_jwe(b"{}", SEALING.public_jwk(), enc="A128GCM", random=os.urandom)
    for read in (response_key_id, lambda form: parse_response(form, find_key=lambda _: SEALING)):
        with pytest.raises(Malformed) as caught:
            read(build_form({"response": nameless}))
        assert caught.value.code == "presentation.unknown_key"


OPEN = replace(REQUEST, response_mode=ResponseMode.DIRECT_POST, response_key=None)


def test_an_open_answer_is_a_form_of_texts():
    """[PRE-RESP-1]."""
    form = build_response(OPEN, ANSWER, random=os.urandom, extra={"n": {"a": 1}, "s": "t"})
    assert response_key_id(form) is None
    answer = parse_response(form, find_key=None)
    assert answer.vp_token == {"kyc": ("e30.e30.AA~",)}
    assert (answer.state, answer.kid) == (NONCE, None)
    assert answer.extra == {"n": '{"a":1}', "s": "t"}


def test_the_request_and_not_the_answer_decides_whether_it_is_sealed():
    """[PRE-RESP-3] V-20."""
    with pytest.raises(BindingMismatch) as caught:
        parse_response(build_response(OPEN, ANSWER, random=os.urandom), find_key={}.get)
    assert caught.value.code == "presentation.not_encrypted"
    with pytest.raises(BindingMismatch):
        parse_response(build_response(REQUEST, ANSWER, random=os.urandom), find_key=None)


@pytest.mark.parametrize(
    "vp_token",
    ["[]", "{}", '"x"', '{"kyc":"x"}', '{"kyc":[]}', '{"kyc":[1]}', '{"kyc":[{}]}', '{"kyc":[""]}'],
)
def test_a_vp_token_holds_arrays_of_strings(vp_token):
    """[PRE-RESP-4]."""
    with pytest.raises(Malformed) as caught:
        parse_response(build_form({"vp_token": vp_token}), find_key=None)
    assert caught.value.code == "presentation.malformed"


@pytest.mark.parametrize(
    "form", [b"", b"state=x", b"response=x&vp_token=%7B%7D", b"error=%00", b"a=1&a=2", b"\xff=1"]
)
def test_bad_forms_are_refused(form):
    """[PRE-RESP-3]."""
    with pytest.raises(Malformed):
        parse_response(form, find_key=None)


def test_a_refusal_is_a_code_and_a_state():
    """[PRE-RESP-3] [PRE-RESP-5]."""
    form = build_error_response("s1", AuthorizationError.ACCESS_DENIED)
    assert form == b"error=access_denied&state=s1"
    for find_key in (None, {}.get):
        assert parse_response(form, find_key=find_key) == ResponseError(
            error="access_denied", state="s1"
        )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConsentDeclined(), "access_denied"),
        (NoMatchingCredential(), "access_denied"),
        (PolicyNotMet(code="query.not_satisfied"), "access_denied"),
        (Malformed(code="request.transaction_data"), "invalid_transaction_data"),
        (Malformed(code="request.uri_method"), "invalid_request_uri_method"),
        (PolicyNotMet(code="request.formats"), "vp_formats_not_supported"),
        (Malformed(code="query.malformed"), "invalid_request"),
        (Untrusted(code="request.client_id_prefix"), "invalid_request"),
        (VaultError(), "wallet_unavailable"),
    ],
)
def test_errors_become_codes_and_nothing_else(error, code):
    """[PRE-RESP-5] W-11."""
    assert authorization_error(error).value == code


def test_an_answer_needs_presentations_and_its_own_names():
    with pytest.raises(ValueError, match="presentation"):
        build_response(OPEN, {"kyc": []}, random=os.urandom)
    with pytest.raises(ValueError, match="names"):
        build_response(OPEN, ANSWER, random=os.urandom, extra={"state": "x"})
    with pytest.raises(ValueError, match="key"):
        build_response(replace(REQUEST, response_key=None), ANSWER, random=os.urandom)


def test_a_reply_may_send_the_holder_on():
    """[PRE-RESP-6]."""
    url = "https://firm.example.com/result/1#response_code=abc"
    reply = ResponseReply(redirect_uri=url, extra={"update_nonce": "n"})
    assert parse_response_reply(canonical_json(reply.to_json())) == reply
    assert parse_response_reply(b"{}") == ResponseReply()
    for bad in ("javascript:alert(1)", "http://firm.example.com/", "https://a.example.com/#\x1b"):
        with pytest.raises(Malformed):
            parse_response_reply(canonical_json({"redirect_uri": bad}))


def test_agreement_keys_and_answers_do_not_show_in_reprs():
    assert "e30.e30" not in repr(
        parse_response(build_response(OPEN, ANSWER, random=os.urandom), find_key=None)
    )
    assert repr(AgreementKey.from_secret(b"\x01" * 32)) == "AgreementKey()"
