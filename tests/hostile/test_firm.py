"""A firm's site with the SDK's endpoints against bad input [TRUST-WEB-1] [TRUST-WEB-2]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from ssi.envelope import SET_MEDIA_TYPE
from tests.support.firm_world import Holder, World, make_world
from tests.support.hostile_bends import FORM, Good, Row, encode
from tests.support.hostile_http import (
    Program,
    attack,
    out_of_order,
    routes,
    serving,
    tables,
    wrong_methods,
)
from tests.support.moves import subscribe
from verifier_sdk.flask import COOKIE
from warifu.demo.cast import FIRMS
from warifu.demo.firms import Customers, build_site

ME = Holder()


def open_request(prefix: str) -> Callable[[World], Good]:
    """A request whose page a browser has open; it is remembered, to be shown the result."""

    def good(world: World) -> Good:
        asked = world.ask()
        world.verifier.bind_browser(asked.id, "secret")
        return Good(path=f"/kyc/{prefix}/{asked.id}", query={"lang": "ja"})

    return good


def fetching(prefix: str) -> Callable[[World], Good]:
    def good(world: World) -> Good:
        return Good(path=f"/kyc/{prefix}/{world.ask().id}", form={"wallet_nonce": "abc"})

    return good


def answering(world: World) -> Good:
    body = Holder().answer(world.verifier, world.ask().link)
    return Good(path="/kyc/response", body=body, type=FORM)


def answering_late(world: World) -> Good:
    """Another answer to a request that has one."""
    link = world.ask().link
    first, second = (ME.answer(world.verifier, link) for _ in range(2))
    world.verifier.verify(first)
    return Good(path="/kyc/response", body=second, type=FORM)


def returning(world: World) -> Good:
    """The browser that opened the page comes back from the wallet."""
    asked = world.ask()
    world.verifier.bind_browser(asked.id, "secret")
    form = Holder().answer(world.verifier, asked.link)
    back = urlsplit(str(world.verifier.answer(form).reply.redirect_uri))
    code = parse_qs(back.query)["response_code"][0]
    headers = {"Cookie": f"{COOKIE}=secret"}
    return Good(path=back.path, query={"response_code": code, "lang": "ja"}, headers=headers)


def moving(world: World) -> Good:
    mover = subscribe(world)
    return Good(
        path="/kyc/updates", body=mover.envelope(mover.moved()).encode(), type=SET_MEDIA_TYPE
    )


# A wallet's nonce is its own, of any form, and need not be there.
NONCE = frozenset({"wallet_nonce"})
ROWS = (
    Row(method="GET", rule="/kyc/r/<request_id>", good=open_request("r")),
    Row(method="POST", rule="/kyc/r/<request_id>", good=fetching("r"), optional=NONCE, free=NONCE),
    Row(method="GET", rule="/kyc/R/<request_id>", good=open_request("R")),
    Row(method="POST", rule="/kyc/R/<request_id>", good=fetching("R"), optional=NONCE, free=NONCE),
    Row(
        method="POST",
        rule="/kyc/response",
        good=answering,
        # The very same answer once more is a line that broke: it gets the same reply.
        again=200,
        early=(answering_late, "presentation.replayed"),
    ),
    Row(method="GET", rule="/kyc/p/<request_id>", good=open_request("p")),
    Row(method="GET", rule="/kyc/result/<request_id>", good=returning),
    Row(
        method="POST",
        rule="/kyc/updates",
        good=moving,
        taken=202,
        again=202,
    ),
    Row(method="GET", rule="/kyc/health", good=lambda _: Good(path="/kyc/health")),
    Row(method="GET", rule="/", good=lambda _: Good(path="/")),
    Row(
        method="POST",
        rule="/start",
        good=lambda _: Good(path="/start"),
        taken=303,
        again=303,
        lenient=True,
    ),
    Row(method="GET", rule="/customers", good=lambda _: Good(path="/customers")),
    Row(method="GET", rule="/health", good=lambda _: Good(path="/health")),
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder: Path = tmp_path_factory.mktemp("firm")
    world = make_world(folder)
    app = build_site(FIRMS[0], world.verifier, Customers(folder / "customers.db"))

    def state() -> str:
        # The firm counts refusals, without a word about whom; the page remembers its browser.
        return tables(folder / "firm.db", folder / "customers.db", without=("refusals",))

    with serving(Program(name="firm", app=app, world=world, state=state)) as served:
        yield served


def test_every_endpoint_has_a_row(program: Program):
    known = {str(row) for row in ROWS} | {"GET /static/<path:filename>"}
    assert routes(program.app) == known


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_refused_and_changes_nothing(program: Program, row: Row):
    assert attack(program, row) > 5


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_wrong_method_is_refused(program: Program, row: Row):
    wrong_methods(program, row.rule, row.good(program.world).path)


def test_one_answer_eight_times_at_once_is_one_customer(program: Program):
    told: list[object] = []
    program.world.verifier.on("presentation.verified")(told.append)
    sent = encode(answering(program.world), "POST")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: program.send(sent), range(8)))
    # One leads the browser on; who comes after it gets the receipt alone, or comes again.
    assert {answer.status for answer in answers} <= {200, 409, 503}
    taken = [answer.body for answer in answers if answer.status == 200]
    assert sum(b"redirect_uri" in body for body in taken) == 1
    assert len({body for body in taken if b"redirect_uri" not in body}) <= 1
    assert len(told) == 1


@pytest.mark.parametrize("row", [row for row in ROWS if row.early], ids=str)
def test_out_of_order(program: Program, row: Row):
    out_of_order(program, row)
