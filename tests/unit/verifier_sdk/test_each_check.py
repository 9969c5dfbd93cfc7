"""Checks whose loss no other test would notice: each case passes everything but one of them."""

import os
from dataclasses import replace

import pytest

from ssi.credential import address_self_payload
from ssi.errors import BindingMismatch, Malformed, Rejected
from ssi.keys import Alg, generate_signer
from ssi.relationship import relationship_id
from ssi.sdjwt import issue, present, select
from ssi.sharing import ConsentedPurpose
from ssi.updates import Outcome, RejectCode
from tests.support.firm_world import ISSUER_SIGNER, LIST_URI, NEW_ADDRESS, NOW, kid
from tests.support.moves import MOVED, subscribe
from verifier_sdk import profiles


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


STRANGER = generate_signer(Alg.EDDSA, os.urandom)


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
