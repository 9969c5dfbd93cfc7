"""The numbered list: one answer that passes every step, and one that fails at each.

[TRUST-1] [TRUST-3] [TRUST-6] [TRUST-7] [TRUST-8] [TRUST-9]
"""

import os
from dataclasses import replace
from datetime import date, timedelta

import pytest

from registry_chain.records import REVOKED, SUSPENDED, issuer_key, signing_key_key, status_key
from registry_chain.transactions import Attestable
from ssi.errors import (
    BindingMismatch,
    ConsentDeclined,
    Expired,
    Malformed,
    Rejected,
    Replayed,
    Revoked,
    Stale,
    Unavailable,
    Untrusted,
)
from ssi.errors import Suspended as SuspendedCredential
from ssi.keys import Alg, generate_signer
from ssi.oid4vp import AuthorizationError, build_error_response, build_response
from ssi.sdjwt import Sd, present
from ssi.status_list import new_status_list
from ssi.x509 import to_x5c
from tests.support.firm_world import (
    FRAMEWORK,
    ISSUER,
    ISSUER_SIGNER,
    ISSUER_URL,
    LIST_URI,
    NAME,
    NOW,
    OTHER_ROOT,
    OTHER_SECRET,
    STATUS_SIGNER,
    Holder,
    kid,
    leaf,
    make_world,
    publish,
)
from verifier_sdk import profiles
from verifier_sdk.results import Step

ISSUER_RECORD = issuer_key(ISSUER)
KEY_RECORD = signing_key_key(ISSUER, ISSUER_SIGNER.public_key.thumbprint())
LIST_RECORD = status_key(ISSUER, "list-1")


def refused(world, form, code, kind=Rejected, step=None):
    """The answer is refused with this code at this step, and no claim is told to anybody."""
    told = []
    world.verifier.on("presentation.rejected")(told.append)
    world.verifier.on("presentation.verified")(lambda _: pytest.fail("a claim was told"))
    with pytest.raises(kind) as caught:
        world.verifier.verify(form)
    world.verifier._handlers._by_event.clear()
    assert caught.value.code == code
    assert NAME not in str(caught.value)
    if told:
        assert told[0].code == code
        assert NAME not in repr(told[0])
        if step is not None:
            assert told[0].check.step is step
    return caught.value


# --- all steps pass ---


def test_a_good_answer_passes_every_step_and_says_how_far_that_reaches(world, holder):
    request = world.ask()
    result = world.verifier.verify(holder.answer(world.verifier, request.link))
    assert result.claims.name == NAME
    assert result.claims.address.country == "JP"
    assert result.claims.birthdate is None
    assert [check.step for check in result.checks] == list(Step)
    assert all(check.passed for check in result.checks)
    assert (result.reference, result.request_id) == ("booking-42", request.id)
    assert (result.validators, result.height) == (1, world.ledger.height)
    assert result.status_age == timedelta(minutes=10)
    assert result.header_age == timedelta(seconds=20)
    assert result.issuers == (ISSUER,)
    assert result.trust_frameworks == (FRAMEWORK,)
    assert any("反社" in text for text in result.not_included("ja"))
    assert any("sanctions" in text for text in result.not_included())


def test_a_result_is_no_verdict_and_shows_no_claim(world, holder):
    result = world.verifier.verify(holder.answer(world.verifier, world.ask().link))
    with pytest.raises(TypeError):
        bool(result)
    assert NAME not in repr(result)
    assert "架空" not in repr(result.claims)


def test_only_what_was_asked_is_kept(world, holder):
    request = world.ask(profiles.AGE_OVER_20)
    paths = [("verified_claims", "claims", name) for name in ("age_over_20", "name", "birthdate")]
    result = world.verifier.verify(holder.answer(world.verifier, request.link, paths=paths))
    assert result.claims.names() == ("age_over_20",)


def test_a_licence_answers_with_number_classes_and_empty_conditions(world, holder):
    request = world.ask(profiles.CAR_DRIVER)
    result = world.verifier.verify(holder.answer(world.verifier, request.link))
    assert result.claims.licence_number == "012345678900"
    assert result.claims.licence_classes == ("chugata", "futsu")
    assert result.claims.licence_conditions == ()


@pytest.mark.parametrize("profile", profiles.BY_CODE.values(), ids=lambda p: p.code)
def test_every_profile_can_be_asked_and_answered_and_registered(world, holder, profile):
    result = world.verifier.verify(holder.answer(world.verifier, world.ask(profile).link))
    assert result.profile == profile.code
    assert set(result.claims.names()) == set(profile.claims)
    assert profile.purpose_record()["code"] == profile.code


# --- (1) parse ---


def test_1_garbage_is_not_an_answer(world):
    refused(world, b"vp_token=%7B%7D&state=x", "presentation.not_encrypted", BindingMismatch)
    refused(world, b"response=a.b.c", "jwe.malformed", Malformed)


def test_1_an_answer_sealed_to_a_strangers_key(world, holder):
    asked = holder.read(world.verifier, world.ask().link)
    other = replace(asked.request.response_key, jwk={**asked.request.response_key.jwk, "kid": "x"})
    tokens = holder.presentation(asked, holder.credential())
    form = build_response(replace(asked.request, response_key=other), tokens, random=os.urandom)
    refused(world, form, "presentation.unknown_key", Malformed)


def test_1_a_presentation_without_key_binding(world, holder):
    asked = holder.read(world.verifier, world.ask().link)
    form = build_response(
        asked.request, {"minpaku_guest": [holder.credential()]}, random=os.urandom
    )
    refused(world, form, "kb.missing")


def test_1_the_holder_declines_and_nothing_is_left_to_answer(world, holder):
    request = world.ask()
    asked = holder.read(world.verifier, request.link)
    late = holder.answer(world.verifier, request.link)
    form = build_error_response(asked.request.state, AuthorizationError.ACCESS_DENIED)
    with pytest.raises(ConsentDeclined):
        world.verifier.verify(form)
    assert world.verifier.state(request.id).state.value == "declined"
    refused(world, late, "presentation.replayed", Replayed)


# --- (2) the request ---


def test_2_an_answer_to_another_session(world, holder):
    first, second = world.ask(), world.ask()
    asked, other = (holder.read(world.verifier, one.link) for one in (first, second))
    mixed = replace(asked.request, state=other.request.state)
    tokens = holder.presentation(asked, holder.credential())
    form = build_response(mixed, tokens, random=os.urandom)
    refused(world, form, "session.state", BindingMismatch, Step.REQUEST)
    assert world.verifier.state(first.id).state.value == "open"


def test_2_an_answer_after_five_minutes(world, holder):
    form = holder.answer(world.verifier, world.ask().link)
    world.at = NOW + timedelta(minutes=5)
    refused(world, form, "session.expired", Expired, Step.REQUEST)


def test_2_a_second_answer_to_the_same_request(world, holder):
    request = world.ask()
    form, again = (holder.answer(world.verifier, request.link) for _ in range(2))
    world.verifier.verify(form)
    refused(world, form, "presentation.replayed", Replayed)
    refused(world, again, "presentation.replayed", Replayed)


def test_2_a_rejected_answer_uses_the_request_up(world, holder):
    request = world.ask()
    bad = holder.answer(world.verifier, request.link, nonce="x" * 32)
    good = holder.answer(world.verifier, request.link)
    refused(world, bad, "kb.nonce", step=Step.KEY_BINDING)
    refused(world, good, "presentation.replayed", Replayed)


# --- (3) the issuer ---


@pytest.mark.parametrize(
    ("key", "changes", "code"),
    [
        (ISSUER_RECORD, {"state": SUSPENDED}, "credential.issuer"),
        (ISSUER_RECORD, {"valid_until": int(NOW.timestamp()) - 1}, "credential.issuer"),
        (ISSUER_RECORD, {"url": "https://else.example"}, "credential.issuer"),
        (ISSUER_RECORD, {"credential_types": (profiles.LICENCE,)}, "credential.issuer"),
        (ISSUER_RECORD, {"valid_from": int(NOW.timestamp()) - 60}, "credential.issuer"),
        (KEY_RECORD, {"state": REVOKED}, "credential.key_revoked"),
        (KEY_RECORD, {"compromised_since": 1}, "credential.key_revoked"),
        (KEY_RECORD, {"use": "status"}, "credential.key_unknown"),
        (KEY_RECORD, {"valid_from": int(NOW.timestamp()) - 60}, "credential.key_unknown"),
        (KEY_RECORD, {"jwk": STATUS_SIGNER.public_key.jwk}, "credential.key_unknown"),
    ],
)
def test_3_what_the_ledger_says_of_issuer_and_key_counts(world, holder, key, changes, code):
    """[REG-ISS-6]"""
    form = holder.answer(world.verifier, world.ask().link)
    world.ledger.change(key, **changes)
    refused(world, form, code, Untrusted, Step.ISSUER)


def test_3_an_issuer_or_key_that_is_not_on_the_ledger(world, holder):
    form = holder.answer(world.verifier, world.ask().link)
    del world.ledger.records[KEY_RECORD]
    refused(world, form, "credential.key_unknown", Untrusted, Step.ISSUER)
    stranger = holder.credential(header={"kid": kid(ISSUER_SIGNER, "nobody")})
    form = holder.answer(world.verifier, world.ask().link, credential=stranger)
    refused(world, form, "credential.issuer", Untrusted, Step.ISSUER)


@pytest.mark.parametrize("bad", ["a/b#c", "x#../y", "#t", "issuer", "city-kyc#" + "a" * 70])
def test_3_a_key_name_that_would_leave_its_place(world, holder, bad):
    form = holder.answer(
        world.verifier, world.ask().link, credential=holder.credential(header={"kid": bad})
    )
    refused(world, form, "credential.key_unknown", Malformed, Step.PARSE)


def test_3_a_certificate_by_another_authority_or_for_another_key(world, holder):
    foreign = leaf(ISSUER_SIGNER, OTHER_ROOT, OTHER_SECRET)
    for header in (
        {"x5c": list(to_x5c([foreign]))},
        {"x5c": list(to_x5c([leaf(STATUS_SIGNER)]))},
    ):
        form = holder.answer(
            world.verifier, world.ask().link, credential=holder.credential(header=header)
        )
        refused(world, form, "credential.chain", Untrusted, Step.ISSUER)


def test_3_a_ledger_that_is_too_old_gives_no_verdict_and_the_request_stays_open(world, holder):
    request = world.ask()
    form = holder.answer(world.verifier, request.link)
    world.ledger.time = NOW - timedelta(minutes=10, seconds=1)
    refused(world, form, "light.stale", Stale)
    world.ledger.time = NOW
    assert world.verifier.verify(form).claims.name == NAME


def test_3_no_node_answers_and_the_wallets_stapled_proof_does(world, holder):
    keys = [ISSUER_RECORD, KEY_RECORD, LIST_RECORD]
    world.verifier.verify(holder.answer(world.verifier, world.ask().link))  # the list is kept
    stapled = {"registry_proof": world.ledger.stapled(keys)}
    forms = [
        holder.answer(world.verifier, world.ask().link, extra=extra)
        for extra in ({}, {"registry_proof": world.ledger.stapled(keys[:2])}, stapled)
    ]
    world.ledger.online = False
    refused(world, forms[0], "fetch.failed", Unavailable)
    refused(world, forms[1], "fetch.failed", Unavailable)
    assert world.verifier.verify(forms[2]).claims.name == NAME


def test_3_a_stapled_proof_is_no_remedy_for_nodes_that_stand_still(world, holder):
    bundle = world.ledger.stapled([ISSUER_RECORD, KEY_RECORD, LIST_RECORD])
    extra = {"registry_proof": bundle}
    form = holder.answer(world.verifier, world.ask().link, extra=extra)
    world.ledger.time = NOW - timedelta(hours=1)
    refused(world, form, "light.stale", Stale)


@pytest.mark.parametrize(
    ("age", "taken"), [(timedelta(hours=24), True), (timedelta(hours=25), False)]
)
def test_3_a_stapled_proof_of_yesterday_is_the_oldest(world, holder, age, taken):
    bundle = world.ledger.stapled([ISSUER_RECORD, KEY_RECORD, LIST_RECORD])
    world.verifier.verify(holder.answer(world.verifier, world.ask().link))  # the list is kept
    extra = {"registry_proof": bundle}
    form = holder.answer(world.verifier, world.ask().link, extra=extra)
    world.ledger.online, world.ledger.time = False, NOW - age
    if taken:
        assert world.verifier.verify(form).header_age == age
    else:
        refused(world, form, "light.stale", Stale)


# --- (4) signature and disclosures ---


def test_4_another_key_signed(world, holder):
    thief = generate_signer(Alg.ES256, os.urandom)
    forged = holder.credential(
        signer=thief,
        header={"kid": kid(ISSUER_SIGNER), "x5c": list(to_x5c([leaf(ISSUER_SIGNER)]))},
    )
    form = holder.answer(world.verifier, world.ask().link, credential=forged)
    refused(world, form, "credential.signature", step=Step.SIGNATURE)


def test_4_a_disclosure_of_another_credential(world, holder):
    other = Holder(birthdate=date(1955, 1, 1)).credential()
    smuggled = holder.credential() + other.split("~")[1] + "~"
    asked = holder.read(world.verifier, world.ask().link)
    cut = holder.presentation(asked, holder.credential())["minpaku_guest"][0]
    parts = cut.split("~")
    token = "~".join([*parts[:-1], smuggled.split("~")[-2], parts[-1]])
    form = build_response(asked.request, {"minpaku_guest": [token]}, random=os.urandom)
    refused(world, form, "sdjwt.disclosure_unreferenced", step=Step.SIGNATURE)


def test_4_another_trust_framework(world, holder):
    def alter(payload):
        payload["verified_claims"]["verification"]["trust_framework"] = "https://else.example"

    form = holder.answer(
        world.verifier, world.ask().link, credential=holder.credential(alter=alter)
    )
    refused(world, form, "credential.trust_framework", Untrusted, Step.SIGNATURE)


def test_4_an_issuer_attests_only_what_it_is_accredited_for(world, holder):
    """[REG-ISS-7], [TRUST-3]"""
    ages = tuple(
        Attestable(vct=vct, names=("age_over_18",)) for vct in (profiles.KYC, profiles.LICENCE)
    )
    world.ledger.change(
        ISSUER_RECORD, attests=ages, credential_types=(profiles.KYC, profiles.LICENCE)
    )
    form = holder.answer(world.verifier, world.ask().link)
    refused(world, form, "credential.claims_not_accredited", Untrusted, Step.SIGNATURE)
    # The same credential, showing what its issuer may attest and hiding the rest.
    form = holder.answer(world.verifier, world.ask(profiles.AGE_OVER_18).link)
    assert world.verifier.verify(form).claims.age_over_18 is True


def test_4_issuer_and_type_cannot_hide_in_disclosures(world, holder):
    def alter(payload):
        payload["iss"] = Sd(payload["iss"])

    asked = holder.read(world.verifier, world.ask().link)
    token = present(
        holder.credential(alter=alter),
        holder.key,
        audience=asked.client_id.text,
        nonce=asked.request.nonce,
        now=NOW,
        transaction_data=[entry.raw for entry in asked.request.transaction_data],
    )
    form = build_response(asked.request, {"minpaku_guest": [token]}, random=os.urandom)
    refused(world, form, "credential.malformed", Malformed, Step.ISSUER)


# --- (5) times ---


def test_5_an_expired_credential(world, holder):
    old = holder.credential(expires_at=NOW - timedelta(days=1))
    form = holder.answer(world.verifier, world.ask().link, credential=old)
    refused(world, form, "credential.expired", Expired, Step.TIMES)


def test_5_a_credential_from_tomorrow(world, holder):
    young = holder.credential(issued_at=NOW + timedelta(days=1))
    form = holder.answer(world.verifier, world.ask().link, credential=young)
    refused(world, form, "credential.not_yet_valid", step=Step.TIMES)


# --- (6) key binding ---


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nonce": "n" * 32}, "kb.nonce"),
        ({"audience": "x509_hash:someone-else"}, "kb.audience"),
        ({"now": NOW - timedelta(seconds=301)}, "kb.iat"),
        ({"now": NOW + timedelta(seconds=61)}, "kb.iat"),
        ({"transaction_data": ["b3RoZXI"]}, "kb.transaction_data"),
        ({"transaction_data": []}, "kb.transaction_data"),
        ({"signer": generate_signer(Alg.ES256, os.urandom)}, "kb.signature"),
    ],
)
def test_6_the_holder_signed_our_nonce_our_name_our_terms_now(world, holder, changes, code):
    form = holder.answer(world.verifier, world.ask().link, **changes)
    refused(world, form, code, step=Step.KEY_BINDING)


def test_6_one_wrong_nonce_among_two_rejects_everything(world, holder):
    asked = holder.read(world.verifier, world.ask().link)
    good = holder.presentation(asked, holder.credential())["minpaku_guest"]
    bad = holder.presentation(asked, holder.credential(), nonce="n" * 32)["minpaku_guest"]
    form = build_response(asked.request, {"minpaku_guest": good + bad}, random=os.urandom)
    refused(world, form, "kb.nonce", step=Step.KEY_BINDING)


def test_6_a_consent_for_another_firm(world, holder):
    request = world.ask(updates=True)
    asked = holder.read(world.verifier, request.link)
    form = holder.answer(world.verifier, request.link, consent=holder.consent(asked, "car-two"))
    refused(world, form, "consent.binding", BindingMismatch, Step.KEY_BINDING)


# --- (7) status ---


@pytest.mark.parametrize(
    ("value", "code", "kind"),
    [
        (1, "credential.revoked", Revoked),
        (2, "credential.suspended", SuspendedCredential),
        (3, "status.value", Rejected),
    ],
)
def test_7_the_status_counts(world, holder, value, code, kind):
    form = holder.answer(world.verifier, world.ask().link)
    publish(world.ledger, new_status_list(1024, bits=2).with_status(7, value), sequence=2)
    refused(world, form, code, kind, Step.STATUS)


def test_7_an_index_outside_the_list(world):
    form = Holder(index=5000).answer(world.verifier, world.ask().link)
    refused(world, form, "status.index", step=Step.STATUS)


def test_7_a_list_of_another_address_or_none(world, holder):
    elsewhere = holder.answer(world.verifier, world.ask().link)
    world.ledger.change(LIST_RECORD, uri="https://else.example/status-lists/list-1")
    refused(world, elsewhere, "status.subject", BindingMismatch, Step.STATUS)
    nowhere = holder.answer(world.verifier, world.ask().link)
    del world.ledger.records[LIST_RECORD]
    refused(world, nowhere, "status.unknown", Untrusted, Step.STATUS)


def test_7_a_list_that_nobody_serves_gives_no_verdict(world, holder):
    request = world.ask()
    form = holder.answer(world.verifier, request.link)
    kept = dict(world.ledger.tokens)
    world.ledger.tokens.clear()
    refused(world, form, "status.unavailable", Unavailable)
    world.ledger.tokens.update(kept)
    assert world.verifier.verify(form).claims.name == NAME


def test_7_a_list_signed_by_the_credential_key(world, holder):
    form = holder.answer(world.verifier, world.ask().link)
    publish(
        world.ledger,
        new_status_list(1024, bits=2),
        sequence=2,
        signer=ISSUER_SIGNER,
        header={"kid": kid(ISSUER_SIGNER)},
    )
    refused(world, form, "status.key", Untrusted, Step.STATUS)


def test_7_a_list_does_not_go_back_even_in_another_process(tmp_path, holder):
    world = make_world(tmp_path)
    publish(world.ledger, new_status_list(1024, bits=2), sequence=5)
    world.verifier.verify(holder.answer(world.verifier, world.ask().link))
    again = make_world(tmp_path)  # the same file, and a node that tells an older state
    form = holder.answer(again.verifier, again.ask().link)
    refused(again, form, "status.rollback", step=Step.STATUS)


def test_7_an_expired_list_gives_no_verdict(world, holder):
    world.verifier.verify(holder.answer(world.verifier, world.ask().link))
    publish(
        world.ledger,
        new_status_list(1024, bits=2),
        sequence=2,
        expires_at=NOW - timedelta(seconds=1),
    )
    form = holder.answer(world.verifier, world.ask().link)
    refused(world, form, "status.expired")


# --- (8) policy ---


def test_8_a_missing_claim(world, holder):
    paths = [("verified_claims", "claims", "name")]
    form = holder.answer(world.verifier, world.ask().link, paths=paths)
    refused(world, form, "query.not_satisfied", step=Step.POLICY)


def test_8_another_type_than_asked(world, holder):
    form = holder.answer(
        world.verifier,
        world.ask().link,
        credential=holder.credential(profiles.LICENCE),
        paths=[("verified_claims", "claims", "name")],
    )
    refused(world, form, "query.not_satisfied", step=Step.POLICY)


def test_8_too_young(world):
    young = Holder(birthdate=date(2010, 1, 1))
    for profile in (profiles.AGE_OVER_18, profiles.AGE_OVER_20, profiles.SKILL_WORKER):
        form = young.answer(world.verifier, world.ask(profile).link)
        refused(world, form, "policy.age", step=Step.POLICY)


def test_8_a_licence_that_ended_yesterday_in_japan(world):
    world.at = NOW
    late = Holder(licence_expiry=date(2026, 11, 23))
    form = late.answer(world.verifier, world.ask(profiles.CAR_DRIVER).link)
    refused(world, form, "policy.licence_expired", step=Step.POLICY)
    last_day = Holder(licence_expiry=date(2026, 11, 24))
    world.verifier.verify(last_day.answer(world.verifier, world.ask(profiles.CAR_DRIVER).link))


def test_8_a_claim_of_another_type(world, holder):
    def alter(payload):
        payload["verified_claims"]["claims"]["age_over_20"] = Sd("true")

    form = holder.answer(
        world.verifier,
        world.ask(profiles.AGE_OVER_20).link,
        credential=holder.credential(alter=alter),
    )
    refused(world, form, "credential.claims", Malformed, Step.POLICY)


def test_the_issuer_is_never_asked(world, holder):
    world.verifier.verify(holder.answer(world.verifier, world.ask().link))
    assert not any(ISSUER_URL in key or LIST_URI in key for key in world.ledger.asked)
