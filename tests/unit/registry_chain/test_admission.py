"""How much a block and a queue take in, by the work it makes [REG-APP-5], [REG-ENG-6]."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from registry_chain.admission import (
    MAX_BLOCK_WORK,
    MAX_WAITING_WORK,
    Waiting,
    is_within_block,
    next_block,
    parsed,
    work_of,
)
from registry_chain.engines.cometbft.engine import _refusal
from registry_chain.engines.cometbft.pb.tendermint.abci import types_pb2 as abci
from registry_chain.engines.cometbft.rpc import Checked
from registry_chain.transactions import Body, CommitNotices, NoticeItem, build_tx
from ssi.errors import Rejected, Unavailable
from tests.support.abci import Node, node
from tests.support.chain import open_engine
from tests.support.registry import CHAIN, T0, YEAR, digest_of, operation, proposal, signer
from tests.unit.registry_chain.test_abci import tx

PROPOSAL = abci.ResponseProcessProposal.ProposalStatus
CHECK = abci.CheckTxType


def signed(account: str, body: Body, lane: int = 0, seq: int = 1) -> bytes:
    return build_tx(
        chain_id=CHAIN,
        account=account,
        lane=lane,
        seq=seq,
        valid_until_height=500,
        body=body,
        signer=signer(account),
    ).encode()


def batch(lane: int, seq: int = 1, items: int = 256) -> bytes:
    """Notices of the operator, as many as one transaction takes."""
    names = [digest_of(f"notice {lane} {seq} {number}") for number in range(items)]
    body = CommitNotices(items=tuple(NoticeItem(commitment=n, deadline=T0 + YEAR) for n in names))
    return signed("yubin-box", body, lane, seq)


def registered() -> bytes:
    return signed("council", proposal(operation(), at=T0 + 60))


def test_a_unit_is_an_item_or_four_thousand_bytes() -> None:
    """[REG-APP-5]"""
    assert work_of(tx(1)) == 1
    assert work_of(batch(0, items=1)) == 1
    assert work_of(batch(0, items=40)) == 40
    assert work_of(batch(0)) == 256
    assert work_of(b"") == 1
    assert work_of(b"x" * 4095) == 1
    assert work_of(b"x" * 40_960) == 11


MANY = [tx(1), batch(0, items=3), b"junk", b"x" * 100_000, batch(1), b""]


@given(st.lists(st.sampled_from(MANY), max_size=120), st.integers(0, 2_000_000), st.integers(0, 10))
def test_a_block_keeps_both_bounds_and_each_accounts_order(
    txs: list[bytes], most: int, frame: int
) -> None:
    """[REG-APP-5]"""
    chosen = next_block(txs, max_bytes=most, frame=frame)
    taken = [txs[index] for index in chosen]

    def fits(part: list[bytes]) -> bool:
        assert is_within_block(part) == (sum(map(work_of, part)) <= MAX_BLOCK_WORK)
        return sum(len(one) + frame for one in part) <= most and is_within_block(part)

    assert fits(taken)
    assert len(set(chosen)) == len(chosen)
    if fits(txs):
        assert chosen == list(range(len(txs)))
    for account in ("council", "yubin-box", ""):
        own = [index for index, raw in enumerate(txs) if account_of(raw) == account]
        mine = [index for index in chosen if index in own]
        assert mine == own[: len(mine)]  # a beginning, in its order
        assert len(mine) == len(own) or not fits([*taken, txs[own[len(mine)]]])


def account_of(raw: bytes) -> str:
    try:
        return parsed(raw).account
    except Rejected:
        return ""


def test_who_has_little_to_write_does_not_wait_behind_a_flood() -> None:
    """[REG-APP-5]"""
    flood = [batch(lane) for lane in range(20)]
    chosen = next_block([*flood, tx(1), tx(2)], max_bytes=1_000_000)
    assert chosen[:3] == [0, 20, 21]
    assert chosen[3:] == [1, 2, 3, 4, 5, 6]


def test_a_proposal_with_too_much_work_is_neither_made_nor_accepted(tmp_path: Path) -> None:
    """[REG-APP-5]: bytes alone would let seventy full batches into one block."""
    with node(tmp_path) as app:
        connection = app.connect()
        app.init_chain(connection)
        app.block(connection, [registered()])
        app.block(connection)
        txs = [batch(lane) for lane in range(10)]
        asked = abci.RequestPrepareProposal(txs=txs, max_tx_bytes=2_000_000, height=3)
        chosen = connection.ask(prepare_proposal=asked).prepare_proposal.txs
        assert list(chosen) == txs[:7]
        for count, said in ((7, PROPOSAL.ACCEPT), (8, PROPOSAL.REJECT)):
            request = abci.RequestProcessProposal(txs=txs[:count], height=3)
            assert connection.ask(process_proposal=request).process_proposal.status == said
        # What two thirds decided all the same is judged.
        assert [one.code for one in app.block(connection, txs).tx_results] == [0] * 10


def checked(app: Node, raw: bytes, kind: int = CHECK.NEW) -> tuple[int, str]:
    answer = app.connect().ask(check_tx=abci.RequestCheckTx(tx=raw, type=kind)).check_tx
    return answer.code, answer.codespace


def test_a_node_of_a_network_takes_no_more_than_it_can_judge_again(tmp_path: Path) -> None:
    """[REG-ENG-6]: what waits already is judged after each block, however much it is."""
    with node(tmp_path) as app:
        connection = app.connect()
        app.init_chain(connection)
        app.block(connection, [registered()])
        half = MAX_WAITING_WORK // 2
        txs = [batch(lane) for lane in range(half // 256)]
        assert {checked(app, raw) for raw in txs} == {(0, "")}
        assert checked(app, batch(60)) == (30, "chain.busy")
        assert checked(app, batch(60, items=half % 256)) == (0, "")
        assert checked(app, batch(61, items=1)) == (30, "chain.busy")
        assert checked(app, tx(2)) == (0, "")  # another's
        app.block(connection, txs[:7])
        assert {checked(app, raw, CHECK.RECHECK) for raw in txs[7:]} == {(0, "")}
        assert checked(app, batch(61, items=1)) == (0, "")


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 256)), max_size=300))
def test_nobody_takes_all_the_room(asked: list[tuple[str, int]]) -> None:
    """[REG-ENG-6]"""
    waiting = Waiting()
    for account, work in asked:
        if waiting.has_room(account, work):
            waiting.add(account, work)
    assert waiting.total == sum(waiting.of.values()) <= MAX_WAITING_WORK
    assert max(waiting.of.values(), default=0) <= MAX_WAITING_WORK // 2
    assert waiting.has_room("another", 256)


def test_a_member_is_told_to_come_back() -> None:
    """[REG-ENG-6]: the node's own refusal, not that of CometBFT."""
    verdict = Checked(code=30, error="chain.busy", log="", rule="", known=False)
    error = _refusal(verdict)
    assert isinstance(error, Unavailable)
    assert (error.code, error.retry_after) == ("chain.busy", 1)


def test_the_embedded_engine_makes_several_blocks_of_a_flood(tmp_path: Path) -> None:
    """[REG-APP-5]: and all that it took is written."""
    engine = open_engine(tmp_path / "c.db")
    try:
        engine.wait(engine.submit(registered()), 10)
        lanes = list(range(MAX_WAITING_WORK // 512))
        random.Random(1).shuffle(lanes)
        waiting = [engine.submit(batch(lane)) for lane in lanes]
        heights = [engine.wait(one, 60).height for one in waiting]
        assert max(heights.count(height) for height in heights) <= MAX_BLOCK_WORK // 256
    finally:
        engine.close()
