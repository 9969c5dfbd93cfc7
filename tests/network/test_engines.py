"""The same tests on both engines: one interface, one meaning (`engines.base.Engine`)."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from registry_chain.audit import replay
from registry_chain.cli_network import members_of
from registry_chain.config import CONFIG_NAME, NodeConfig, open_engine
from registry_chain.engines.base import Engine
from registry_chain.engines.cometbft.testnet import write_network
from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.genesis import Genesis, GenesisMember, new_genesis
from registry_chain.light import (
    TrustOptions,
    parse_light_block,
    verify_light_block,
    verify_map_proof,
    verify_tx_inclusion,
)
from registry_chain.light.inclusion import TxInclusionProof
from registry_chain.node import create_app
from registry_chain.transactions import Name, UpdateMemberKeys, build_tx
from registry_chain.transactions.fields import bare_jwk
from registry_chain.trust_root import trust_from_genesis
from ssi.encoding import sha256
from ssi.errors import Malformed, Refused, Unavailable
from tests.support.network import now, require_cometbft
from tests.support.registry import VALIDATOR, signer
from warifu.testnet import ports_for

pytestmark = [pytest.mark.slow, pytest.mark.cometbft]
require_cometbft()
ANY_AGE = TrustOptions(max_age=None)
PATIENCE = 30.0


@dataclass
class Opened:
    """An engine that can be closed and opened again."""

    genesis: Genesis
    open: Callable[[], tuple[Engine, Callable[[], None]]]
    engine: Engine
    stop: Callable[[], None]

    def again(self) -> None:
        self.stop()
        self.engine, self.stop = self.open()
        settle(self.engine)

    def tx(self, seq: int, name: str = "extra", lane: int = 0, account: str = "council") -> bytes:
        keys = (bare_jwk(signer(account).public_key), bare_jwk(signer(name).public_key))
        return build_tx(
            chain_id=self.genesis.chain_id,
            account=account,
            lane=lane,
            seq=seq,
            valid_until_height=400,
            body=UpdateMemberKeys(member=account, keys=keys),
            signer=signer(account),
        ).encode()

    def done(self, raw: bytes) -> int:
        outcome = self.engine.wait(self.submitted(raw), PATIENCE)
        assert outcome.code == 0
        return outcome.height

    def submitted(self, raw: bytes) -> str:
        """Submit, and again while an engine that was just started cannot take it yet."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.engine.submit(raw)
            except Unavailable:
                assert time.monotonic() < end
                time.sleep(0.1)


def founders() -> Genesis:
    members = [
        GenesisMember(
            id=account,
            name=Name(ja=account, en=account),
            account_keys=(bare_jwk(signer(account).public_key),),
            roles=("voter",),
        )
        for account in ("council", "city-kyc")
    ]
    return new_genesis(
        chain_id="both-chain",
        genesis_time=int(now().timestamp()) - 5,
        validators=[VALIDATOR.public_key],
        members=members,
        loopback=True,
    )


def settle(engine: Engine) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if engine.status().height >= 1:
                return
        except Unavailable:
            time.sleep(0.05)
    pytest.fail("no block")


@pytest.fixture(params=["embedded", "cometbft"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    genesis = founders()
    if request.param == "embedded":

        def start() -> tuple[Engine, Callable[[], None]]:
            engine = EmbeddedEngine(
                tmp_path / "chain.db", genesis, VALIDATOR, now, gather=timedelta(milliseconds=1)
            )
            return engine, engine.close

    else:
        (member,) = members_of(tmp_path, ports_for(1))
        write_network(genesis, [member], [VALIDATOR])
        config = NodeConfig.load(member.home / CONFIG_NAME)

        def start() -> tuple[Engine, Callable[[], None]]:
            return open_engine(config)

    engine, stop = start()
    found = Opened(genesis, start, engine, stop)
    try:
        settle(engine)
        yield found
    finally:
        found.stop()


def test_a_block_is_followed_by_the_block_that_signs_its_root(opened: Opened) -> None:
    height = opened.done(opened.tx(1))
    engine = opened.engine
    assert engine.status().height > height
    trusted = trust_from_genesis(opened.genesis)
    for one in range(1, height + 2):
        block = parse_light_block(engine.light_block(one))
        trusted = verify_light_block(block, trusted=trusted, now=now(), options=ANY_AGE).trusted
    answer = engine.prove(("member/council", "member/nobody"), height)
    assert answer is not None
    root = answer.light_block.header.app_hash
    assert answer.light_block.height == height + 1
    assert verify_map_proof(answer.proofs[0], app_hash=root, key="member/council") is not None
    assert verify_map_proof(answer.proofs[1], app_hash=root, key="member/nobody") is None


def test_the_state_of_an_earlier_height_stays_provable(opened: Opened) -> None:
    first = opened.done(opened.tx(1, "one"))
    opened.done(opened.tx(2, "two"))
    before, after = (opened.engine.prove(("member/council",), at) for at in (first - 1, first))
    assert before is not None
    assert after is not None
    for answer in (before, after):
        root = answer.light_block.header.app_hash
        verify_map_proof(answer.proofs[0], app_hash=root, key="member/council")
    assert before.proofs[0].value != after.proofs[0].value
    assert opened.engine.prove(("member/council",), 9_999) is None


def test_what_is_refused_on_entry_leaves_no_trace(opened: Opened) -> None:
    height = opened.engine.status().height
    with pytest.raises(Refused) as caught:
        opened.engine.submit(opened.tx(2))
    assert (caught.value.code, caught.value.rule) == ("chain.sequence_gap", "REG-TX-6")
    with pytest.raises(Malformed):
        opened.engine.submit(b"junk")
    assert opened.engine.status().height <= height + 1


def test_lanes_can_be_filled_faster_than_blocks_are_made(opened: Opened) -> None:
    ids = [
        opened.engine.submit(opened.tx(n, lane=lane, account=account))
        for account in ("council", "city-kyc")
        for lane in range(3)
        for n in (1, 2)
    ]
    assert [opened.engine.wait(one, PATIENCE).code for one in ids] == [0] * 12


def test_the_same_transaction_again_tells_its_fate(opened: Opened) -> None:
    """[REG-TX-4]"""
    raw = opened.tx(1)
    first = opened.engine.wait(opened.engine.submit(raw), PATIENCE)
    assert opened.engine.wait(opened.engine.submit(raw), PATIENCE) == first
    opened.again()
    assert opened.engine.wait(opened.submitted(raw), PATIENCE) == first
    assert opened.engine.outcome(first.tx_id) == first


def test_a_transaction_is_proven_to_stand_in_its_block(opened: Opened) -> None:
    raw = opened.tx(1)
    tx_id = opened.engine.submit(raw)
    opened.engine.wait(tx_id, PATIENCE)
    told = opened.engine.inclusion(tx_id)
    assert told is not None
    block = parse_light_block(told["light_block"])
    proof = TxInclusionProof.parse(told["inclusion"])
    verify_tx_inclusion(sha256(raw), proof, block.header.data_hash)
    assert opened.engine.inclusion("00" * 32) is None


def test_an_unknown_transaction_is_not_waited_for(opened: Opened) -> None:
    with pytest.raises(Unavailable) as caught:
        opened.engine.wait("00" * 32, 0.01)
    assert caught.value.code == "chain.unknown_tx"


def test_a_replay_of_either_is_equal_after_a_restart(opened: Opened) -> None:
    """[REG-NET-8]"""
    opened.done(opened.tx(1, "one"))
    opened.again()
    height = opened.done(opened.tx(2, "two"))
    end = time.monotonic() + PATIENCE
    report = replay(opened.engine.blocks(1, 200), opened.genesis)
    while report.height < height and time.monotonic() < end:
        time.sleep(0.2)
        report = replay(opened.engine.blocks(1, 200), opened.genesis)
    assert (report.first_difference, report.txs) == (None, 2)


def test_the_pages_show_the_newest_block_and_every_one_before(opened: Opened) -> None:
    """[EXP-PROOF-1]: a network's newest block too, whose signatures may still change."""
    for seq in range(1, 4):
        last = opened.done(opened.tx(seq, f"page-{seq}"))
    site = create_app(opened.engine, now).test_client()
    newest = opened.engine.status().height
    assert newest == last + 1
    overview = site.get("/?lang=en").text
    assert "None yet" not in overview
    assert f'href="/block/{newest}?lang=en"' in overview
    assert overview.count('href="/tx/') >= 3
    seen, queue = {"/"}, ["/"]
    while queue:
        answer = site.get(queue.pop(), follow_redirects=True)
        assert answer.status_code == 200, answer.request.path
        assert "NOT PROVEN" not in answer.text, answer.request.path
        for path in re.findall(r'href="(/[^"#]*)"', answer.text):
            if path not in seen and not path.startswith("/live"):
                seen.add(html.unescape(path))
                queue.append(html.unescape(path))
    assert {f"/block/{height}?lang=en" for height in range(1, newest + 1)} <= seen
    assert opened.engine.block(newest + 1) is None


def test_records_are_listed_in_the_order_of_their_keys(opened: Opened) -> None:
    listed = [one.key for one in opened.engine.listing("member/", "", 10)]
    assert listed == ["member/city-kyc", "member/council"]
    assert opened.engine.height_of(b"\0" * 32) is None
    block = parse_light_block(opened.engine.light_block(1))
    assert opened.engine.trust_path(1)
    assert block.height == 1
