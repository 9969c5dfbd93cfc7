"""The mailbox: push, poll, boxes, consents against bad input [SHA-BOX-1]."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from ssi.envelope import SET_MEDIA_TYPE
from tests.support.hostile_bends import Good, Row, Sent
from tests.support.hostile_http import Program, attack, race, routes, serving, tables, wrong_methods
from tests.support.postbox import (
    Mailbox,
    box_request,
    consent_item,
    firm_proof,
    open_mailbox,
    withdrawal_item,
)
from tests.support.registry import signer
from tests.support.relations import Holder, jti

TURN = count(1)


def fresh() -> str:
    return f"hostile {next(TURN)}"


def pushing(_: Mailbox) -> Good:
    return Good(path="/push", body=Holder(fresh()).notice(fresh()).encode(), type=SET_MEDIA_TYPE)


def opened(mailbox: Mailbox) -> dict[str, str]:
    _, token = mailbox.return_box(Holder(fresh()), name=fresh())
    return {"Authorization": f"Bearer {token}"}


def polling(mailbox: Mailbox) -> Good:
    body = {"maxEvents": 10, "returnImmediately": True, "ack": [], "setErrs": {}}
    return Good(path="/poll", json=body, headers=opened(mailbox))


def opening(_: Mailbox) -> Good:
    return Good(path="/boxes", json=dict(box_request(signer(fresh()), name=fresh())))


def opening_as_firm(_: Mailbox) -> Good:
    return Good(path="/boxes/firm", json={"proof": firm_proof(name=fresh())})


def closing(mailbox: Mailbox) -> Good:
    return Good(path="/boxes", headers=opened(mailbox))


def consenting(_: Mailbox) -> Good:
    return Good(path="/consents", json={"items": [consent_item(fresh())]})


def withdrawing(mailbox: Mailbox) -> Good:
    who = fresh()
    assert mailbox.post("/consents", {"items": [consent_item(who)]}).status_code == 202
    return Good(path="/withdrawals", json={"items": [withdrawal_item(who)]})


def progress(of: str) -> Callable[[Mailbox], Good]:
    def good(mailbox: Mailbox) -> Good:
        who = fresh()
        mailbox.post("/consents", {"items": [consent_item(who)]})
        mailbox.post("/withdrawals", {"items": [withdrawal_item(who)]})
        return Good(path=f"/{of}/{jti(who)}")

    return good


# RFC 8936 §2.4: every member of a poll may be left out.
POLL = frozenset({"maxEvents", "returnImmediately", "ack", "setErrs"})
ROWS = (
    Row(method="POST", rule="/push", good=pushing, taken=202, again=202, winners=8),
    Row(
        method="POST",
        rule="/poll",
        good=polling,
        winners=8,
        optional=POLL,
        free=POLL - {"ack"},
    ),
    # A proof opens a box once.
    Row(method="POST", rule="/boxes", good=opening, taken=201, again=409, winners=1),
    Row(method="POST", rule="/boxes/firm", good=opening_as_firm, taken=201, again=409, winners=1),
    Row(method="DELETE", rule="/boxes", good=closing, taken=204, again=401),
    Row(method="POST", rule="/consents", good=consenting, taken=202, again=202, winners=8),
    Row(method="POST", rule="/withdrawals", good=withdrawing, taken=202, again=202, winners=8),
    Row(method="GET", rule="/consents/<commitment>", good=progress("consents")),
    Row(method="GET", rule="/withdrawals/<commitment>", good=progress("withdrawals")),
    Row(method="GET", rule="/", good=lambda _: Good(path="/")),
    Row(method="GET", rule="/health", good=lambda _: Good(path="/health")),
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder: Path = tmp_path_factory.mktemp("mailbox")
    mailbox = open_mailbox(folder, boxes_per_hour=10**6, consents_per_hour=10**6)

    def state() -> str:
        # The counters of requests are there to count refused ones too.
        return tables(folder / "mailbox.db", without=("counter",))

    made = Program(name="mailbox", app=mailbox.client.application, world=mailbox, state=state)
    with serving(made) as served:
        yield served
    mailbox.services.db.close()


def test_every_endpoint_has_a_row(program: Program):
    assert routes(program.app) == {str(row) for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_refused_and_changes_nothing(program: Program, row: Row):
    assert attack(program, row) > 5


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_wrong_method_is_refused(program: Program, row: Row):
    wrong_methods(program, row.rule, row.good(program.world).path)


@pytest.mark.parametrize("row", [row for row in ROWS if row.winners], ids=str)
def test_eight_at_once(program: Program, row: Row):
    race(program, row)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("maxEvents", value) for value in (True, -1, "1", [], {})),
        *(("setErrs", value) for value in (True, 1, "a", [], {"a": 1}, {"a": {"err": 1}})),
        *(("returnImmediately", value) for value in (0, 1, "true", [], {})),
    ],
)
def test_a_poll_of_another_form(program: Program, name: str, value: object):
    mailbox: Mailbox = program.world
    headers = opened(mailbox) | {"Content-Type": "application/json"}
    body = json.dumps({"returnImmediately": True} | {name: value}).encode()
    answer = program.send(Sent(method="POST", path="/poll", body=body, headers=headers))
    assert (answer.status, program.code(answer)) == (400, "mailbox.poll")
