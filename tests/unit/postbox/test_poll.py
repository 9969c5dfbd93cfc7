"""Handing envelopes out (RFC 8936), and opening boxes. specs/sharing.md §5."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from postbox.background import tidy
from postbox.boxes import grant_firm_box
from postbox.models import Box, Message, MessageState
from ssi.errors import Untrusted
from tests.support.postbox import URL, box_request, firm_proof
from tests.support.registry import registration, signer
from tests.support.relations import FIRM, FIRM_BOX, NOW, Holder, address_update, jti

YAMADA = Holder()


def fill(mailbox, count, *, box=FIRM_BOX):
    for n in range(count):
        assert mailbox.push(YAMADA.notice(f"m{n}", box=box)).status_code == 202
    return [jti(f"m{n}") for n in range(count)]


def test_mail_comes_in_the_order_it_arrived_and_again_until_acknowledged(mailbox):
    """[SHA-BOX-6]"""
    _, token = mailbox.firm_box()
    ids = fill(mailbox, 5)
    for _ in range(2):
        page = mailbox.poll(token, maxEvents=3).json
        assert list(page["sets"]) == ids[:3]
        assert page["moreAvailable"] is True
    page = mailbox.poll(token, maxEvents=10, ack=ids[:3]).json
    assert list(page["sets"]) == ids[3:]
    assert page["moreAvailable"] is False


def test_an_acknowledged_envelope_leaves_no_body_behind(mailbox):
    """[SHA-BOX-6]"""
    _, token = mailbox.firm_box()
    ids = fill(mailbox, 1)
    mailbox.poll(token, ack=ids)
    with mailbox.services.db.read() as session:
        row = session.scalars(select(Message)).one()
        assert (row.state, row.body) == (MessageState.ACKED, None)


def test_a_refused_envelope_is_not_offered_again(mailbox):
    """[SHA-BOX-6]"""
    _, token = mailbox.firm_box()
    ids = fill(mailbox, 2)
    errors = {ids[0]: {"err": "invalid_request", "description": "bad"}}
    assert list(mailbox.poll(token, setErrs=errors).json["sets"]) == [ids[1]]


def test_nobody_can_acknowledge_anothers_mail(mailbox):
    """[SHA-BOX-6]"""
    _, token = mailbox.firm_box()
    _, other = mailbox.return_box(YAMADA)
    ids = fill(mailbox, 1)
    mailbox.poll(other, ack=ids, setErrs={ids[0]: {"err": "invalid_key"}})
    assert list(mailbox.poll(token).json["sets"]) == ids


def test_max_events_zero_only_acknowledges(mailbox):
    _, token = mailbox.firm_box()
    ids = fill(mailbox, 2)
    page = mailbox.poll(token, maxEvents=0, ack=ids[:1]).json
    assert page == {"moreAvailable": True, "sets": {}}


def test_a_page_stays_below_what_a_careful_client_reads(mailbox):
    """[SHA-BOX-6]"""
    _, token = mailbox.firm_box()
    large = address_update(presentation="x" * 40000)
    for n in range(9):
        mailbox.push(YAMADA.set_of(YAMADA.envelope(large, name=f"large {n}")))
    answer = mailbox.poll(token)
    assert len(answer.data) < 1 << 20
    assert answer.json["moreAvailable"] is True
    seen = 0
    while sets := mailbox.poll(token).json["sets"]:
        seen += len(sets)
        mailbox.poll(token, maxEvents=0, ack=list(sets))
    assert seen == 9


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer short", "Bearer " + "A" * 43, "Basic abc", "Bearer é"],
)
def test_every_token_that_opens_nothing_gets_one_answer(mailbox, authorization):
    """[SHA-BOX-4]"""
    fill(mailbox, 1)
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = mailbox.client.post("/poll", json={}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json["err"] == "mailbox.token"


@pytest.mark.parametrize(
    "body",
    [{"ack": "x"}, {"ack": [1]}, {"maxEvents": -1}, {"setErrs": {"a": 1}}, {"maxEvents": "9"}],
)
def test_a_poll_of_another_form_is_refused(mailbox, body):
    _, token = mailbox.firm_box()
    assert mailbox.poll(token, **body).status_code == 400


def test_a_poll_may_wait_for_mail(mailbox):
    _, token = mailbox.firm_box()
    app = mailbox.client.application
    late = threading.Timer(
        0.3,
        lambda: app.test_client().post(
            "/push", data=YAMADA.notice(), content_type="application/secevent+jwt"
        ),
    )
    late.start()
    began = time.monotonic()
    page = mailbox.post("/poll", {}, token).json
    late.join()
    assert list(page["sets"]) == [jti("one")]
    assert time.monotonic() - began < 2


def test_unread_mail_expires_after_thirty_days_and_ids_go_later(mailbox):
    """[SHA-BOX-8]"""
    _, token = mailbox.firm_box()
    fill(mailbox, 1)
    mailbox.clock.move(days=30)
    assert mailbox.poll(token).json["sets"] == {}
    tidy(mailbox.services)
    with mailbox.services.db.read() as session:
        row = session.scalars(select(Message)).one()
        assert (row.state, row.body) == (MessageState.EXPIRED, None)
    mailbox.clock.move(days=93)
    tidy(mailbox.services)
    with mailbox.services.db.read() as session:
        assert session.scalars(select(Message)).first() is None


# --- boxes ---


def test_a_return_box_is_opened_with_a_proof_and_its_token_is_not_kept(mailbox):
    """[SHA-BOX-2] [SHA-BOX-9]"""
    box, token = mailbox.return_box(YAMADA)
    assert mailbox.poll(token).json["sets"] == {}
    with mailbox.services.db.read() as session:
        row = session.get(Box, box)
        assert token.encode() not in row.token_digest
        assert len(row.token_digest) == 32


def test_boxes_of_one_person_cannot_be_joined_by_their_ids(mailbox):
    """[SHA-BOX-2]"""
    boxes = {mailbox.return_box(Holder(f"yamada {n}"), name=str(n))[0] for n in range(5)}
    assert len(boxes) == 5
    assert len({box[:4] for box in boxes}) == 5


def test_the_same_key_gets_its_box_back_with_a_new_token(mailbox):
    """[SHA-BOX-2] A wallet restored from its words finds its mail."""
    box, old = mailbox.return_box(YAMADA, name="first")
    fill(mailbox, 1, box=box)
    again, new = mailbox.return_box(YAMADA, name="second")
    assert again == box
    assert mailbox.poll(old).status_code == 401
    assert len(mailbox.poll(new).json["sets"]) == 1


def test_a_proof_opens_once(mailbox):
    """[SHA-BOX-2]"""
    request = box_request(YAMADA.signer)
    assert mailbox.post("/boxes", request).status_code == 201
    answer = mailbox.post("/boxes", request)
    assert (answer.status_code, answer.json["err"]) == (409, "mailbox.proof")


@pytest.mark.parametrize(
    "request_body",
    [
        box_request(YAMADA.signer, url="https://other.example"),
        box_request(YAMADA.signer, now=NOW - timedelta(minutes=6)),
        box_request(YAMADA.signer, now=NOW + timedelta(minutes=6)),
        box_request(YAMADA.signer) | {"jwk": signer("mallory").public_key.to_jwk()},
        box_request(YAMADA.signer) | {"proof": "a.b.c"},
        {"jwk": YAMADA.signer.public_key.to_jwk(), "proof": firm_proof()},
        {"jwk": YAMADA.signer.public_key.to_jwk(), "proof": YAMADA.notice()},
        box_request(YAMADA.signer) | {"extra": 1},
        {},
    ],
)
def test_a_box_is_not_opened_without_a_good_proof(mailbox, request_body):
    """[SHA-BOX-2]"""
    answer = mailbox.post("/boxes", request_body)
    assert answer.status_code == 400
    with mailbox.services.db.read() as session:
        assert session.scalars(select(Box)).first() is None


def test_a_firm_opens_the_box_its_record_names(mailbox):
    """[SHA-BOX-2]"""
    assert mailbox.firm_box()[0] == FIRM_BOX


def test_a_firm_that_is_not_registered_here_gets_no_box(mailbox):
    """[SHA-BOX-2]"""
    bad = [
        firm_proof(key=signer("mallory")),
        firm_proof(firm="car-two"),
        firm_proof(now=NOW - timedelta(hours=1)),
    ]
    statuses = [mailbox.post("/boxes/firm", {"proof": proof}).status_code for proof in bad]
    assert statuses == [400, 403, 400]


def test_a_firm_cannot_take_another_firms_box(mailbox):
    """[SHA-BOX-2]"""
    mailbox.firm_box()
    stolen = mailbox.ledger.firm(FIRM, NOW).profile.mailbox
    mailbox.ledger.chain.decide(registration("car-two"))  # the chain refuses it with this box
    record = mailbox.ledger.firm("car-two", NOW)
    record = replace(record, profile=replace(record.profile, mailbox=stolen))
    with pytest.raises(Untrusted):
        grant_firm_box(mailbox.services, record, now=NOW)


@pytest.mark.parametrize(
    "push",
    [
        "http://firm.example/set",
        "https://127.0.0.1/set",
        "https://localhost/",
        "file:///etc/passwd",
    ],
)
def test_a_push_address_into_a_private_network_is_refused(mailbox, push):
    """[SHA-BOX-14]"""
    answer = mailbox.post("/boxes/firm", {"proof": firm_proof(push=push)})
    assert (answer.status_code, answer.json["err"]) == (403, "fetch.blocked")


def test_the_operator_can_give_a_firm_its_token(mailbox):
    record = mailbox.ledger.firm(FIRM, NOW)
    opened = grant_firm_box(mailbox.services, record, now=NOW)
    assert mailbox.poll(opened.token).status_code == 200
    assert opened.token not in repr(opened)


def test_a_closed_box_is_gone_with_its_mail(mailbox):
    box, token = mailbox.return_box(YAMADA)
    fill(mailbox, 2, box=box)
    headers = {"Authorization": f"Bearer {token}"}
    assert mailbox.client.delete("/boxes", headers=headers).status_code == 204
    assert mailbox.poll(token).status_code == 401
    with mailbox.services.db.read() as session:
        assert session.scalars(select(Message)).first() is None


def test_the_page_shows_counts_in_the_readers_language_and_nothing_else(mailbox):
    """[SHA-BOX-15]"""
    box, token = mailbox.return_box(YAMADA)
    for lang, title in (("ja", "電子私書箱"), ("en", "Electronic PO box")):
        answer = mailbox.client.get("/", headers={"Accept-Language": lang})
        page = answer.data.decode()
        assert title in page
        assert box not in page
        assert token not in page
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert mailbox.client.get("/health").json == {"status": "ok"}


def test_a_proof_for_another_mailbox_names_it():
    assert box_request(YAMADA.signer, url=URL) != box_request(
        YAMADA.signer, url="https://b.example"
    )
