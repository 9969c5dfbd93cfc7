"""The chain's node: every endpoint against bad input [REG-NODE-1] [REG-NODE-2]."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from registry_chain.node import create_app
from registry_chain.transactions import CommitNotices, NoticeItem, build_tx
from tests.support.chain import Chain, running
from tests.support.hostile_bends import Good, Row
from tests.support.hostile_http import Program, attack, race, routes, serving, wrong_methods
from tests.support.registry import T0, YEAR, digest_of, signer


def tx(seq: int) -> str:
    item = NoticeItem(commitment=digest_of(f"notice {seq}"), deadline=T0 + YEAR)
    return build_tx(
        chain_id="test-chain",
        account="yubin-box",
        lane=17,
        seq=seq,
        valid_until_height=900,
        body=CommitNotices(items=(item,)),
        signer=signer("yubin-box"),
    )


def next_tx(chain: Chain) -> str:
    """An honest transaction, next in its lane; none waits before it."""
    while chain.engine.status().waiting:
        time.sleep(0.01)
    return tx(chain.client().next_seq("yubin-box", 17, chain.clock()))


def sending(chain: Chain) -> Good:
    return Good(path="/v1/tx", json={"tx": next_tx(chain)})


def asking(_: Chain) -> Good:
    return Good(path="/v1/records", json={"keys": ["issuer/city-kyc", "member/nobody"]})


def get(path: str, **query: str) -> Any:
    return lambda _: Good(path=path, query=query)


def known_tx(path: str) -> Any:
    def good(chain: Chain) -> Good:
        tx_id = chain.engine.submit(next_tx(chain).encode())
        chain.engine.wait(tx_id, 5)
        return Good(path=path.format(tx_id), query={"proof": "1"})

    return good


ROWS = (
    Row(method="POST", rule="/v1/tx", good=sending, taken=202, again=202, winners=8),
    Row(method="GET", rule="/v1/tx/<tx_id>", good=known_tx("/v1/tx/{}")),
    Row(
        method="GET",
        rule="/v1/record",
        good=get("/v1/record", key="issuer/city-kyc", proof="1", height="3"),
        echoes=True,
    ),
    Row(method="POST", rule="/v1/records", good=asking),
    Row(method="GET", rule="/v1/list", good=get("/v1/list", prefix="issuer/", after="", limit="3")),
    Row(
        method="GET",
        rule="/v1/status-list/<digest>",
        good=get("/v1/status-list/none"),
        taken=404,
        again=404,
    ),
    Row(method="GET", rule="/v1/light/<height>", good=get("/v1/light/1")),
    Row(method="GET", rule="/v1/trust-path", good=get("/v1/trust-path", **{"from": "1"})),
    Row(method="GET", rule="/v1/genesis", good=get("/v1/genesis")),
    Row(method="GET", rule="/v1/status", good=get("/v1/status")),
    Row(method="GET", rule="/v1/blocks", good=get("/v1/blocks", limit="2", **{"from": "1"})),
    *(Row(method="GET", rule=path, good=get(path)) for path in ("/health", "/ready", "/metrics")),
    Row(method="GET", rule="/static/<path:filename>", good=get("/static/explorer.css")),
    # --- the explorer's pages; a page's link to the other language keeps what was asked ---
    *(
        Row(method="GET", rule=path, good=get(path, lang="ja", **query), echoes=True)
        for path, query in (
            ("/", {}),
            ("/live", {"every": "15"}),
            ("/blocks", {"from": "3"}),
            ("/txs", {"from": "3"}),
            ("/validators", {}),
            ("/records", {}),
            ("/bundle.json", {"key": "issuer/city-kyc"}),
            ("/search", {"q": "no such thing"}),
        )
    ),
    *(
        Row(
            method="GET",
            rule=rule,
            good=get(path, lang="en", **query),
            echoes=True,
            answers_any=True,
        )
        for rule, path, query in (
            ("/block/<height>", "/block/2", {}),
            ("/block/<height>/light.json", "/block/2/light.json", {}),
            ("/records/<family>", "/records/member", {"under": "", "after": "member/council"}),
            ("/record/<path:key>", "/record/issuer/city-kyc", {"height": "5"}),
        )
    ),
    Row(method="GET", rule="/tx/<tx_id>", good=known_tx("/tx/{}"), echoes=True),
    Row(method="GET", rule="/tx/<tx_id>/bundle.json", good=known_tx("/tx/{}/bundle.json")),
    Row(method="GET", rule="/tx/<tx_id>/tx.jws", good=known_tx("/tx/{}/tx.jws")),
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running(tmp_path_factory.mktemp("node") / "c.db") as chain:
        chain.settle()

        def state() -> str:
            # Empty blocks may come by themselves; they change neither root nor queue.
            now = chain.engine.status()
            return f"{now.app_hash} {now.waiting}"

        app = create_app(chain.engine, chain.clock)
        with serving(Program(name="node", app=app, world=chain, state=state)) as served:
            yield served


def test_every_endpoint_has_a_row(program: Program):
    assert routes(program.app) == {str(row) for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_refused_and_changes_nothing(program: Program, row: Row):
    assert attack(program, row) > 10


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_wrong_method_is_refused(program: Program, row: Row):
    wrong_methods(program, row.rule, row.good(program.world).path)


@pytest.mark.parametrize("row", [row for row in ROWS if row.winners], ids=str)
def test_eight_at_once(program: Program, row: Row):
    race(program, row)
