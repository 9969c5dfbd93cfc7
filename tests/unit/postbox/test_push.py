"""Taking envelopes in. specs/sharing.md §5."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from werkzeug.test import EnvironBuilder, run_wsgi_app

from postbox.models import Base, LedgerItem, Message, MessageState
from ssi.encoding import b64url_decode
from ssi.envelope import SET_TYP
from ssi.jose import sign_jws
from tests.support.postbox import open_mailbox
from tests.support.registry import signer
from tests.support.relations import (
    FIRM_BOX,
    NOW,
    Holder,
    answer_envelope,
    firm_set,
    jti,
)

YAMADA = Holder()


def rows(mailbox, model=Message):
    with mailbox.services.db.read() as session:
        return session.scalar(select(func.count()).select_from(model))


def test_an_envelope_is_stored_before_it_is_acknowledged(mailbox):
    """[SHA-BOX-3] [SHA-BOX-10]"""
    token = YAMADA.notice()
    answer = mailbox.push(token)
    assert (answer.status_code, answer.data) == (202, b"")
    with mailbox.services.db.read() as session:
        stored = session.scalars(select(Message)).one()
        assert (stored.body, stored.state) == (token, MessageState.HELD)
        assert session.scalars(select(LedgerItem)).one().commitment == stored.commitment


def test_the_same_envelope_again_is_stored_once(mailbox):
    """[SHA-BOX-3]"""
    token = YAMADA.notice()
    assert [mailbox.push(token).status_code for _ in range(20)] == [202] * 20
    assert (rows(mailbox), rows(mailbox, LedgerItem)) == (1, 1)


def test_fifty_identical_pushes_at_once_are_stored_once(mailbox):
    """[SHA-BOX-3]"""
    token = YAMADA.notice()
    app = mailbox.client.application

    def push(_):
        return (
            app.test_client()
            .post("/push", data=token, content_type="application/secevent+jwt")
            .status_code
        )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(push, range(50)))
    assert answers == [202] * 50
    assert (rows(mailbox), rows(mailbox, LedgerItem)) == (1, 1)


def test_one_id_for_two_envelopes_is_refused(mailbox):
    """[SHA-BOX-3]"""
    mailbox.push(YAMADA.notice())
    other = replace(YAMADA.envelope(), txn=jti("other"))
    answer = mailbox.push(YAMADA.set_of(other))
    assert (answer.status_code, answer.json["err"]) == (400, "invalid_request")
    assert answer.json["description"] == "mailbox.jti"
    assert rows(mailbox) == 1


def test_an_acknowledged_envelope_pushed_again_is_not_delivered_again(mailbox):
    """[SHA-BOX-6]"""
    _, token = mailbox.firm_box()
    mailbox.push(YAMADA.notice())
    mailbox.poll(token, ack=[jti("one")])
    assert mailbox.push(YAMADA.notice()).status_code == 202
    assert mailbox.poll(token).json["sets"] == {}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/secevent+jwt", 400),
        (b"not a token", "application/secevent+jwt", 400),
        (b"a.b.c", "application/secevent+jwt", 400),
        ("é.b.c".encode(), "application/secevent+jwt", 400),
        (b"a.b.c", "application/jwt", 415),
        (b"a.b.c", "text/plain", 415),
        (b"a.b.c", "application/secevent+jwt; charset=utf-16", 415),
        (b"a.b.c", None, 415),
        (b"x" * (256 * 1024 + 1), "application/secevent+jwt", 413),
        (b"x" * (200 * 1024), "application/secevent+jwt", 400),
    ],
)
def test_what_is_no_envelope_is_refused_before_anything_is_stored(mailbox, body, kind, status):
    """[SHA-BOX-3]"""
    answer = mailbox.push(body, content_type=kind)
    assert answer.status_code == status
    assert answer.json["err"] == "invalid_request"
    assert rows(mailbox) == 0


def test_a_packed_body_is_not_unpacked(mailbox):
    answer = mailbox.push(YAMADA.notice(), headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_a_body_without_a_length_is_bounded_too(mailbox):
    """[SHA-BOX-3]"""
    builder = EnvironBuilder(
        "/push", method="POST", content_type="application/secevent+jwt", data=b"x" * 300_000
    )
    environ = builder.get_environ()
    del environ["CONTENT_LENGTH"]
    environ |= {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    _, status, _ = run_wsgi_app(mailbox.client.application, environ, buffered=True)
    assert status.startswith("413")


def test_a_forged_envelope_is_refused(mailbox):
    """[SHA-BOX-3]"""
    payload = b64url_decode(YAMADA.notice().split(".")[1])
    jwk = YAMADA.signer.public_key.to_jwk()
    forged = sign_jws(payload, signer("mallory"), typ=SET_TYP, header={"jwk": jwk})
    answer = mailbox.push(forged)
    assert (answer.status_code, answer.json["err"]) == (400, "authentication_failed")
    own = sign_jws(
        payload,
        signer("mallory"),
        typ=SET_TYP,
        header={"jwk": signer("mallory").public_key.to_jwk()},
    )
    assert mailbox.push(own).json["err"] == "invalid_issuer"
    assert rows(mailbox) == 0


@pytest.mark.parametrize("days", [-1, 0, 93])
def test_a_deadline_must_be_ahead_but_not_far(mailbox, days):
    """[SHA-BOX-3]"""
    odd = replace(YAMADA.envelope(), deadline=NOW + timedelta(days=days))
    answer = mailbox.push(YAMADA.set_of(odd))
    assert (answer.status_code, answer.json["description"]) == (400, "mailbox.deadline")


def test_a_firm_answers_into_the_return_box_and_the_answer_goes_to_the_chain(mailbox):
    """[SHA-BOX-3] [SHA-BOX-10]"""
    box, token = mailbox.return_box(YAMADA)
    envelope = YAMADA.envelope()
    mailbox.push(YAMADA.set_of(envelope))
    answer = firm_set(answer_envelope(YAMADA, envelope, box=box))
    assert mailbox.push(answer).status_code == 202
    assert list(mailbox.poll(token).json["sets"].values()) == [answer]
    with mailbox.services.db.read() as session:
        kinds = list(session.scalars(select(LedgerItem.kind).order_by(LedgerItem.id)))
    assert kinds == ["notice", "ack"]


def test_a_second_answer_is_delivered_but_recorded_once(mailbox):
    """[SHA-BOX-10] A firm that first says "pending" and later "accepted"."""
    box, token = mailbox.return_box(YAMADA)
    envelope = YAMADA.envelope()
    mailbox.push(YAMADA.set_of(envelope))
    for name in ("pending", "accepted"):
        mailbox.push(firm_set(answer_envelope(YAMADA, envelope, box=box, name=name)))
    assert len(mailbox.poll(token).json["sets"]) == 2
    assert rows(mailbox, LedgerItem) == 2


def test_an_answer_to_what_never_lay_in_the_firms_box_is_not_recorded(mailbox):
    """[SHA-BOX-10]"""
    envelope = YAMADA.envelope(box="elsewhere")
    mailbox.push(YAMADA.set_of(envelope))
    mailbox.push(firm_set(answer_envelope(YAMADA, envelope, box="return-1")))
    assert rows(mailbox, LedgerItem) == 1


def test_an_unknown_firm_cannot_write(mailbox):
    """[SHA-BOX-3]"""
    del mailbox.ledger.chain.state["verifier/minpaku-one"]
    answer = mailbox.push(firm_set(answer_envelope(YAMADA, YAMADA.envelope(), box="return-1")))
    assert (answer.status_code, answer.json["err"]) == (400, "invalid_issuer")


def test_when_the_chain_is_down_a_firm_is_asked_to_come_back_and_a_holder_is_served(mailbox):
    mailbox.ledger.down = True
    answer = mailbox.push(firm_set(answer_envelope(YAMADA, YAMADA.envelope(), box="return-1")))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert mailbox.push(YAMADA.notice()).status_code == 202


# --- what a stranger can learn ---


def test_a_push_to_a_box_that_is_not_there_looks_like_any_other(mailbox):
    """[SHA-BOX-4]"""
    known, _ = mailbox.return_box(YAMADA)
    answers = [
        mailbox.push(YAMADA.notice(f"to {box}", box=box)) for box in (known, "nowhere", FIRM_BOX)
    ]
    assert len({(a.status_code, a.data, str(a.headers)) for a in answers}) == 1


def test_mail_for_a_firm_that_opens_its_box_later_is_not_lost(mailbox):
    """[SHA-BOX-4]"""
    mailbox.push(YAMADA.notice())
    _, token = mailbox.firm_box()
    assert list(mailbox.poll(token).json["sets"]) == [jti("one")]


def test_a_full_box_and_an_eager_sender_get_the_same_words(tmp_path):
    """[SHA-BOX-4] [SHA-BOX-7]"""
    for setting in ({"box_messages": 2}, {"sender_per_hour": 2}):
        folder = tmp_path / next(iter(setting))
        folder.mkdir()
        full = open_mailbox(folder, **setting)
        answers = [full.push(YAMADA.notice(str(n))) for n in range(3)]
        assert [a.status_code for a in answers] == [202, 202, 429]
        assert answers[2].json["err"] == "mailbox.quota"
        assert int(answers[2].headers["Retry-After"]) > 0
        assert full.push(YAMADA.notice("0")).status_code == 202
        full.services.db.close()


def test_one_senders_flood_leaves_the_others_alone(tmp_path):
    """[SHA-BOX-7]"""
    small = open_mailbox(tmp_path, sender_per_hour=3)
    for n in range(5):
        small.push(YAMADA.notice(str(n)))
    assert small.push(Holder("sato").notice("hers")).status_code == 202
    small.clock.move(hours=1)
    assert small.push(YAMADA.notice("later")).status_code == 202
    small.services.db.close()


def test_a_box_has_room_again_after_its_reader_was_there(tmp_path):
    """[SHA-BOX-7]"""
    small = open_mailbox(tmp_path, box_messages=1)
    _, token = small.firm_box()
    small.push(YAMADA.notice("one"))
    assert small.push(YAMADA.notice("two")).status_code == 429
    small.poll(token, ack=[jti("one")])
    assert small.push(YAMADA.notice("two")).status_code == 202
    small.services.db.close()


def test_neither_the_log_nor_the_tables_name_anybody(mailbox, caplog):
    """[SHA-BOX-9]"""
    caplog.set_level(logging.DEBUG)
    box, token = mailbox.return_box(YAMADA)
    mailbox.push(YAMADA.notice(box=box), environ_overrides={"REMOTE_ADDR": "203.0.113.77"})
    mailbox.push(b"broken", environ_overrides={"REMOTE_ADDR": "203.0.113.77"})
    mailbox.poll("x" * 43)
    for secret in (box, token, "203.0.113.77", YAMADA.relationship):
        assert secret not in caplog.text
    with mailbox.services.db.read() as session:
        tables = [t for name, t in Base.metadata.tables.items() if name != "message"]
        dump = " ".join(str(row) for table in tables for row in session.execute(select(table)))
    for secret in (token, "203.0.113.77", YAMADA.relationship):
        assert secret not in dump
