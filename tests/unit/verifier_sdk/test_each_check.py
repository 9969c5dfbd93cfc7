"""Checks whose loss no other test would notice: each case passes everything but one of them."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from registry_chain.records import REVOKED, signing_key_key, status_key
from ssi.credential import address_self_payload
from ssi.errors import (
    BindingMismatch,
    Malformed,
    PolicyNotMet,
    Rejected,
    Unavailable,
    Untrusted,
)
from ssi.keys import Alg, generate_signer
from ssi.relationship import relationship_id
from ssi.sdjwt import Sd, issue, present, select
from ssi.sharing import ConsentedPurpose
from ssi.status_list import new_status_list
from ssi.updates import Outcome, Receipt, RejectCode
from tests.support.firm_world import (
    ISSUER,
    ISSUER_SIGNER,
    LIST_URI,
    NEW_ADDRESS,
    NOW,
    STATUS_SIGNER,
    kid,
    publish,
)
from tests.support.moves import MOVED, Subscriber, subscribe, table
from verifier_sdk import profiles
from verifier_sdk.relationships import take_lease

STRANGER = generate_signer(Alg.EDDSA, os.urandom)


def code_of(world, form, kind=Rejected):
    with pytest.raises(kind) as caught:
        world.verifier.verify(form)
    return caught.value.code


@pytest.mark.parametrize("consent", [5, None, True, {"jws": "x"}, ["x"]])
def test_a_consent_is_a_token_or_not_there(world, holder, consent):
    form = holder.answer(world.verifier, world.ask().link, extra={"consent": consent})
    if consent is None:
        assert world.verifier.verify(form).consent is None
        return
    assert code_of(world, form, Malformed) == "consent.malformed"


def test_a_consent_to_another_purpose_is_none_to_ours(world, holder):
    link = world.ask(updates=True).link
    asked = holder.read(world.verifier, link)
    told = replace(purpose_of(asked), code="age_over_18")
    consent = holder.consent(asked, "minpaku-one", purposes=(told,))
    form = holder.answer(world.verifier, link, consent=consent)
    assert code_of(world, form, BindingMismatch) == "consent.binding"


def purpose_of(asked):
    terms = asked.request.transaction_data[0].content
    return ConsentedPurpose(
        code=terms.purpose_code,
        text_ja=terms.purpose.ja,
        text_en=terms.purpose.en,
        legal_ground=terms.legal_basis,
        claims=terms.claims,
        retention=terms.retention.period,
    )


def with_uri(holder, uri):
    def alter(payload):
        payload["status"]["status_list"]["uri"] = uri

    return holder.credential(alter=alter)


@pytest.mark.parametrize("name", ["", "..", "a%2Fb", "list 1", "list-1?x=1", "l" * 65, "失効"])
def test_a_status_list_has_a_plain_name(world, holder, name):
    credential = with_uri(holder, f"https://issuer.example/status-lists/{name}")
    form = holder.answer(world.verifier, world.ask().link, credential=credential)
    assert code_of(world, form, Malformed) == "status.malformed"


def test_a_list_of_the_same_name_elsewhere_is_another_list(world, holder):
    name = LIST_URI.rsplit("/", 1)[1]
    credential = with_uri(holder, f"https://elsewhere.example/{name}")
    form = holder.answer(world.verifier, world.ask().link, credential=credential)
    assert code_of(world, form, BindingMismatch) == "status.subject"


def test_a_credential_without_a_certificate_is_not_taken(world, holder):
    header = {"kid": kid(ISSUER_SIGNER)}
    credential = issue(holder.payload(), ISSUER_SIGNER, random=os.urandom, header=header)
    form = holder.answer(world.verifier, world.ask().link, credential=credential)
    assert code_of(world, form, Malformed) == "credential.chain"


# --- a new address on the holder's own word ---


@pytest.fixture
def mover(world):
    return subscribe(world)


def own_word(mover, *, did=None, bound=None, binder=None, paths=(("address",), ("moved_on",))):
    """An address signed by the relationship key, with another name or another holder key in it."""
    signer = mover.holder.pairwise
    payload = address_self_payload(
        NEW_ADDRESS,
        MOVED,
        did=did or mover.id,
        holder_jwk=(bound or signer).public_key.jwk,
        now=NOW,
    )
    token = issue(payload, signer, random=os.urandom, header={"kid": mover.id})
    return present(
        select(token, paths),
        binder or signer,
        audience=mover.client_id,
        nonce=mover.nonce,
        now=NOW,
    )


def answer(mover, presentation):
    message = mover.moved(presentation=presentation)
    stored = mover.world.verifier.receive_update(mover.envelope(message))
    facts = mover.read(stored.receipt).facts
    return facts.state, facts.code


def test_the_holders_own_word_is_taken(mover):
    assert answer(mover, own_word(mover)) == (Outcome.ACCEPTED, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"did": relationship_id(STRANGER.public_key)},
        {"did": "https://issuer.example"},
        {"bound": STRANGER, "binder": STRANGER},
        {"paths": (("moved_on",),)},
        {"paths": ()},
    ],
    ids=["another holder", "an issuer", "another key", "no address", "nothing"],
)
def test_but_only_about_herself_and_whole(world, mover, changes):
    assert answer(mover, own_word(mover, **changes)) == (Outcome.REJECTED, RejectCode.NOT_VERIFIED)
    assert world.verifier.history("booking-42") == ()


def test_a_profile_the_firm_made_is_found_by_its_request(world, holder):
    own = replace(profiles.AGE_OVER_18, code="club_door")
    request = world.ask(own)
    result = world.verifier.verify(holder.answer(world.verifier, request.link))
    assert (result.profile, result.claims.names()) == ("club_door", ("age_over_18",))


# --- the request ---


def test_an_answer_while_another_is_being_worked_on_goes_no_further_than_the_request(world, holder):
    request, told = world.ask(), []
    world.verifier.on("presentation.rejected")(told.append)
    form = holder.answer(world.verifier, request.link)
    assert world.verifier.store.claim(request.id, NOW)
    assert code_of(world, form, Unavailable) == "session.busy"
    assert told == []
    world.at = NOW + timedelta(seconds=21)  # whoever claimed it is dead
    assert world.verifier.verify(form).reference == "booking-42"


def test_an_answer_to_one_request_is_none_to_another(world, holder):
    form = holder.answer(world.verifier, world.ask().link)
    with pytest.raises(BindingMismatch) as caught:
        world.verifier.verify(form, request_id=world.ask().id)
    assert caught.value.code == "session.state"


# --- the status list ---

STATUS_KEY = signing_key_key(ISSUER, STATUS_SIGNER.public_key.thumbprint())
LATER = int((NOW + timedelta(hours=1)).timestamp())


def test_a_list_by_another_accredited_issuer_does_not_speak_for_this_one(world, holder):
    other = {"kid": kid(STATUS_SIGNER, "other-kyc")}
    publish(world.ledger, new_status_list(1024, bits=2), sequence=2, header=other)
    form = holder.answer(world.verifier, world.ask().link)
    assert code_of(world, form, Untrusted) == "status.issuer"


@pytest.mark.parametrize(
    "changes",
    [
        {"state": REVOKED},
        {"valid_from": LATER},
        {"use": "credential"},
        {"issuer": "other-kyc"},
        {"jwk": STRANGER.public_key.jwk},
    ],
    ids=["revoked", "not yet", "another use", "another issuer", "another key"],
)
def test_a_status_key_is_registered_good_and_its_own(world, holder, changes):
    world.ledger.change(STATUS_KEY, **changes)
    form = holder.answer(world.verifier, world.ask().link)
    assert code_of(world, form, Untrusted) == "status.key"


def test_a_list_we_keep_ends_when_it_says_so(world):
    lists = world.verifier._statuses
    record = world.ledger.records[status_key(ISSUER, "list-1")]
    assert lists.status_list(ISSUER, "list-1", record, now=NOW).list.get(7) == 0
    with pytest.raises(Unavailable) as caught:
        lists.status_list(ISSUER, "list-1", record, now=NOW + timedelta(days=2))
    assert caught.value.code == "status.expired"


# --- claims and conditions ---


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("address", "東京都"),
        ("address", {"region": 13}),
        ("birthdate", 19900401),
        ("birthdate", "1990-4-1"),
        ("birthdate", "1990-02-30"),
        ("name", ["山田"]),
    ],
)
def test_a_claim_of_another_form_is_not_taken(world, holder, name, value):
    def alter(payload):
        payload["verified_claims"]["claims"][name] = Sd(value)

    credential = holder.credential(alter=alter)
    form = holder.answer(world.verifier, world.ask(profiles.KOBUTSU).link, credential=credential)
    assert code_of(world, form, Malformed) == "credential.claims"


def test_a_licence_for_nothing_drives_nothing(world, holder):
    def alter(payload):
        payload["verified_claims"]["claims"]["licence_classes"] = Sd([])

    credential = holder.credential(profiles.LICENCE, alter=alter)
    form = holder.answer(world.verifier, world.ask(profiles.CAR_DRIVER).link, credential=credential)
    assert code_of(world, form, PolicyNotMet) == "policy.licence_class"


# --- messages ---


def receive(mover, message, kind):
    with pytest.raises(kind) as caught:
        mover.world.verifier.receive_update(mover.envelope(message))
    return caught.value.code


def test_a_holder_sends_no_receipts(mover):
    stored = mover.world.verifier.receive_update(mover.envelope(mover.moved()))
    receipt = mover.read(stored.receipt)
    sent_back = Receipt(facts=receipt.facts, statement=receipt.statement)
    assert receive(mover, sent_back, Rejected) == "update.kind"


def test_who_cannot_be_answered_is_not_worked_for(world, holder):
    link = world.ask(updates=True).link
    asked = holder.read(world.verifier, link)
    consent = holder.consent(asked, "minpaku-one", return_box=None)
    answered = world.verifier.answer(holder.answer(world.verifier, link, consent=consent))
    kept = answered.result.consent
    mover = Subscriber(
        world=world,
        holder=holder,
        record_id=kept.consent.record_id,
        commitment=kept.commitment,
        nonce=str(answered.reply.extra["update_nonce"]),
        client_id=world.verifier.client_id,
    )
    world.verifier.on("address.updated")(lambda _: pytest.fail("the firm was told"))
    assert receive(mover, mover.moved(), Rejected) == "update.no_return_box"


def test_one_message_of_a_holder_at_a_time(world, mover):
    world.verifier.on("address.updated")(lambda _: pytest.fail("the firm was told"))
    assert take_lease(world.verifier.store, mover.id, NOW)
    assert receive(mover, mover.moved(), Unavailable) == "update.busy"


def test_a_holder_who_was_answered_meanwhile_is_not_answered_twice(world, mover):
    """A lease that ran out while the firm's handler slept: the other process was first."""

    @world.verifier.on("address.updated")
    def slow(_update):
        with world.verifier.store.write() as db:
            db.execute("UPDATE relationships SET nonce = 'given by another process'")

    assert receive(mover, mover.moved(), Unavailable) == "update.busy"
    assert world.verifier.history("booking-42") == ()
    assert table(world, "inbox") == table(world, "outbox") == []
