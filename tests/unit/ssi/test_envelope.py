"""The envelope around a sealed message. specs/sharing.md §2."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ssi.encoding import b64url_decode, parse_json_object
from ssi.envelope import (
    SEALED_SIZES,
    SET_TYP,
    box_id,
    build_set,
    parse_set,
    unseal,
    verify_firm_set,
    verify_holder_set,
)
from ssi.errors import BindingMismatch, InvalidSignature, Malformed, NotYetValid, Rejected
from ssi.jose import sign_jws
from ssi.keys import AgreementKey
from ssi.updates import message_json, parse_message
from tests.support.registry import signer
from tests.support.relations import (
    FIRM,
    FIRM_KEYS,
    FIRM_SEAL,
    FIRM_SEAL_KID,
    NOW,
    Holder,
    address_update,
    answer_envelope,
    firm_set,
    jti,
    some_bytes,
)

YAMADA = Holder()
KEYS = {FIRM_SEAL_KID: FIRM_SEAL}


def received(token):
    return verify_holder_set(parse_set(token), now=NOW)


def ciphertext_size(token):
    return len(b64url_decode(parse_set(token).envelope.sealed.split(".")[3]))


def test_a_sealed_message_reaches_its_reader_as_it_was_written():
    """[SHA-ENV-1] [SHA-ENV-5]"""
    update = address_update()
    token = YAMADA.set_of(YAMADA.envelope(update))
    assert parse_message(unseal(received(token), KEYS)) == update


@pytest.mark.parametrize(
    ("length", "size"), [(1, 4096), (3000, 4096), (4000, 16384), (20000, 65536)]
)
def test_every_sealed_message_has_one_of_three_sizes(length, size):
    """[SHA-ENV-5]"""
    update = address_update(presentation="x" * length)
    assert ciphertext_size(YAMADA.set_of(YAMADA.envelope(update))) == size


def test_two_messages_of_one_size_are_of_equal_length_outside():
    """[SHA-ENV-5]"""
    short, long = (
        YAMADA.set_of(YAMADA.envelope(address_update(presentation="x" * n))) for n in (1, 2500)
    )
    assert len(short) == len(long)


def test_a_message_larger_than_the_largest_size_is_the_callers_mistake():
    with pytest.raises(ValueError, match="largest"):
        YAMADA.envelope(address_update(presentation="x" * 70000))


def test_an_unpadded_message_does_not_pass_even_the_outside():
    """[SHA-ENV-2]"""
    envelope = YAMADA.envelope()
    head, key, iv, ciphertext, tag = envelope.sealed.split(".")
    for cut in (ciphertext[4:], "AAAA" + ciphertext, ""):
        odd = replace(envelope, sealed=f"{head}.{key}.{iv}.{cut}.{tag}")
        with pytest.raises(Malformed) as caught:
            parse_set(YAMADA.set_of(odd))
        assert caught.value.code == "update.size"


def test_the_sender_is_the_relationship_and_nobody_else():
    """[SHA-ENV-3]"""
    envelope = YAMADA.envelope()
    mallory = signer("mallory")
    payload = b64url_decode(YAMADA.set_of(envelope).split(".")[1])
    forged = sign_jws(payload, mallory, typ=SET_TYP, header={"jwk": mallory.public_key.to_jwk()})
    with pytest.raises(BindingMismatch) as caught:
        received(forged)
    assert caught.value.code == "update.sender"
    stolen = sign_jws(
        payload, mallory, typ=SET_TYP, header={"jwk": YAMADA.signer.public_key.to_jwk()}
    )
    with pytest.raises(InvalidSignature):
        received(stolen)
    with pytest.raises(ValueError, match="issuer"):
        build_set(envelope, mallory)


def test_a_sealed_message_cannot_be_put_into_another_envelope():
    """[SHA-ENV-6]"""
    envelope = YAMADA.envelope()
    other = replace(envelope, address=replace(envelope.address, jti=jti("replayed")))
    with pytest.raises(BindingMismatch) as caught:
        unseal(received(YAMADA.set_of(other)), KEYS)
    assert caught.value.code == "update.rewrapped"


def test_the_commitment_is_to_the_message_inside():
    """[SHA-ENV-5]"""
    other = replace(YAMADA.envelope(), commitment=jti("something else"))
    with pytest.raises(BindingMismatch) as caught:
        unseal(received(YAMADA.set_of(other)), KEYS)
    assert caught.value.code == "update.commitment"


def test_a_notice_does_not_pass_for_an_answer():
    """[SHA-ENV-5]"""
    other = replace(YAMADA.envelope(), in_reply_to=jti("a notice"))
    with pytest.raises(BindingMismatch):
        unseal(received(YAMADA.set_of(other)), KEYS)


def test_a_message_to_a_retired_key_opens_while_that_key_is_kept():
    """[SHA-ENV-7]"""
    token = YAMADA.set_of(YAMADA.envelope())
    new = AgreementKey.from_secret(some_bytes(32, seed="new"))
    assert unseal(received(token), {"seal-2": new, **KEYS})
    with pytest.raises(Rejected) as caught:
        unseal(received(token), {"seal-2": new})
    assert caught.value.code == "update.key"
    with pytest.raises(InvalidSignature):
        unseal(received(token), {FIRM_SEAL_KID: new})


def test_a_firm_answers_with_a_registered_key():
    """[SHA-ENV-4]"""
    token = firm_set(answer_envelope(YAMADA, YAMADA.envelope(), box="return-1"))
    parsed = parse_set(token)
    assert parsed.verifier_id == FIRM
    seen = verify_firm_set(parsed, verifier_id=FIRM, keys=FIRM_KEYS, now=NOW)
    assert unseal(seen, {"back-1": YAMADA.seal_key})["kind"] == "receipt"
    for other in (
        {"verifier_id": "car-two", "keys": FIRM_KEYS},
        {"verifier_id": FIRM, "keys": {}},
    ):
        with pytest.raises(BindingMismatch):
            verify_firm_set(parsed, now=NOW, **other)
    with pytest.raises(InvalidSignature):
        verify_firm_set(
            parsed,
            verifier_id=FIRM,
            keys={"receipts-1": signer("mallory").public_key},
            now=NOW,
        )
    with pytest.raises(Malformed):
        verify_holder_set(parsed, now=NOW)


def test_a_holder_does_not_pass_for_a_firm():
    """[SHA-ENV-4]"""
    with pytest.raises(Rejected):
        verify_firm_set(parse_set(YAMADA.notice()), verifier_id=FIRM, keys=FIRM_KEYS, now=NOW)


def test_an_envelope_from_the_future_waits():
    with pytest.raises(NotYetValid):
        verify_holder_set(parse_set(YAMADA.notice()), now=NOW - timedelta(minutes=10))


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "https://box.example"},
        {"aud": "urn:warifu:box:../../etc"},
        {"aud": "urn:warifu:box:"},
        {"jti": "short"},
        {"jti": "a" * 65},
        {"txn": 7},
        {"exp": 1},
        {"sub": "yamada"},
        {"sub_id": {"format": "email", "id": "x"}},
        {"sub_id": {"format": "opaque", "id": "did:web:example.com"}},
        {"events": {}},
        {"events": {"urn:warifu:event:sealed:2": {}}},
    ],
)
def test_a_set_of_another_form_is_malformed(change):
    """[SHA-ENV-2]"""
    payload = parse_json_object(b64url_decode(YAMADA.notice().split(".")[1])) | change
    header = {"jwk": YAMADA.signer.public_key.to_jwk()}
    with pytest.raises(Malformed):
        parse_set(sign_jws(payload, YAMADA.signer, typ=SET_TYP, header=header))


@pytest.mark.parametrize("text", ["a", "A_b-9", "x" * 64])
def test_a_box_id_is_a_url_safe_name(text):
    assert box_id(text) == text


@pytest.mark.parametrize("text", ["", "x" * 65, "a/b", "a%2Fb", "..", "箱", "a b", "a\n"])
def test_anything_else_is_no_box_id(text):
    with pytest.raises(Malformed):
        box_id(text)


def test_the_repr_of_an_envelope_holds_nothing_sealed():
    token = YAMADA.notice()
    assert parse_set(token).envelope.sealed not in repr(received(token))


def test_the_largest_envelope_fits_the_wire():
    token = YAMADA.set_of(YAMADA.envelope(address_update(presentation="x" * 40000)))
    assert ciphertext_size(token) == SEALED_SIZES[-1]
    assert len(message_json(address_update(presentation="x" * 40000))["presentation"]) == 40000
