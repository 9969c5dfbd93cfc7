"""From one validator to a network, up to the moment the network begins [REG-MIG-2], [REG-MIG-3]."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry_chain.audit import replay
from registry_chain.config import NodeConfig
from registry_chain.engines.cometbft import ledger
from registry_chain.engines.cometbft.adapter import Adapter
from registry_chain.engines.cometbft.migration import take_over, validator_seats
from registry_chain.engines.cometbft.pb.tendermint.abci import types_pb2 as abci
from registry_chain.engines.cometbft.snapshots import Snapshots
from registry_chain.engines.cometbft.testnet import make_validators
from registry_chain.light import parse_light_block, validators_hash
from registry_chain.store import Store
from registry_chain.transactions import UpdateMemberKeys
from registry_chain.transactions.fields import bare_jwk
from registry_chain.transactions.validators import Migrate, Seat
from ssi.encoding import canonical_json
from ssi.errors import Malformed, SSIError, Unavailable
from ssi.keys import SoftwareSigner
from tests.support.chain import TestClock
from tests.support.migration import CHAIN_ID, OWNERS, Moving, moving, reopened
from tests.support.registry import VALIDATOR, proposal, signer
from warifu.__main__ import main


@pytest.fixture
def chain(tmp_path: Path) -> Moving:
    return moving(tmp_path / "old.db", TestClock())


def keys() -> dict[str, SoftwareSigner]:
    return dict(zip(OWNERS, make_validators(4), strict=True))


def change(name: str) -> UpdateMemberKeys:
    own = bare_jwk(signer("council").public_key)
    return UpdateMemberKeys(member="council", keys=(own, bare_jwk(signer(name).public_key)))


def test_the_last_block_announces_the_network_and_nothing_follows(chain: Moving) -> None:
    """[REG-MIG-2]"""
    height = chain.move(keys())
    last = parse_light_block(chain.engine.light_block())
    assert last.height == height + 1
    assert last.header.validators_hash != last.header.next_validators_hash
    later = chain.tx(change("later"))
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            chain.engine.submit(later)
        assert caught.value.code == "chain.moved"
        assert chain.engine.status().height == last.height
        assert chain.engine.prove(("member/council",)) is not None
        chain.engine.close()
        chain.engine = reopened(chain.path, chain.genesis, chain.clock)
    report = replay(chain.engine.blocks(1, 200), chain.genesis)
    assert (report.ok, report.height) == (True, last.height)
    chain.engine.close()


def test_a_node_takes_over_what_was_handed_to_it(chain: Moving, tmp_path: Path) -> None:
    """[REG-MIG-3]"""
    chain.do(change("before"))
    new = keys()
    height = chain.move(new)
    root = bytes.fromhex(chain.engine.status().app_hash)
    last = parse_light_block(chain.engine.light_block())
    chain.engine.close()
    own = new["member-3"].public_key.raw
    taken = [take_over(chain.path, tmp_path / f"{n}.db", chain.genesis, own) for n in range(2)]
    assert taken[0] == taken[1]
    assert taken[0].first_height == height + 2
    assert taken[0].started > last.header.time.seconds
    store = Store(tmp_path / "0.db")
    assert validators_hash(validator_seats(store)) == last.header.next_validators_hash
    assert store.read(ledger.network_start) == height + 2
    snapshots = Snapshots(store, chain.genesis, path=tmp_path / "0.db", folder=tmp_path / "s")
    adapter = Adapter(store, chain.genesis, chain.clock, snapshots)

    def ask(**request: object) -> abci.Response:
        return adapter.handle(abci.Request(**request))

    assert ask(info=abci.RequestInfo()).info.last_block_height == 0
    begin = abci.RequestInitChain(
        chain_id=chain.genesis.chain_id,
        initial_height=height + 2,
        app_state_bytes=canonical_json(chain.genesis.to_json()),
    )
    assert ask(init_chain=begin).init_chain.app_hash == root
    assert ask(init_chain=begin).init_chain.app_hash == root  # killed before the first block
    wrong = abci.RequestInitChain()
    wrong.CopyFrom(begin)
    wrong.initial_height = height + 3
    with pytest.raises(SSIError):
        ask(init_chain=wrong)
    first = abci.RequestFinalizeBlock(height=height + 2, hash=b"\1" * 32)
    first.time.seconds = taken[0].started
    assert ask(finalize_block=first).finalize_block.app_hash == root
    ask(commit=abci.RequestCommit())
    assert ask(info=abci.RequestInfo()).info.last_block_height == height + 2
    store.close()


def test_what_was_not_handed_over_is_not_taken(chain: Moving, tmp_path: Path) -> None:
    """[REG-MIG-3]"""

    def refused(own: bytes) -> str:
        with pytest.raises(SSIError) as caught:
            take_over(chain.path, tmp_path / "new.db", chain.genesis, own)
        assert not (tmp_path / "new.db").exists()
        return caught.value.code

    new = keys()
    assert refused(new["member-1"].public_key.raw) == "chain.not_handed_over"
    chain.move(new)
    chain.engine.close()
    assert refused(VALIDATOR.public_key.raw) == "chain.not_handed_over"
    take_over(chain.path, tmp_path / "new.db", chain.genesis, new["member-1"].public_key.raw)
    with pytest.raises(Malformed):
        take_over(chain.path, tmp_path / "new.db", chain.genesis, new["member-1"].public_key.raw)


def test_the_commands_of_a_member_who_moves(
    chain: Moving, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[REG-MIG-3]: a key made by one command, taken over by another."""
    seats = []
    for owner in OWNERS:
        words = ["--home", str(tmp_path / owner), "--member", owner, "--chain-id", CHAIN_ID]
        assert main(["chain", "validator-key", *words]) == 0
        seats.append(json.loads(capsys.readouterr().out))
    body = Migrate(validators=tuple(Seat.from_json(one["seat"]) for one in seats))
    chain.do(proposal(body, at=int(chain.clock().timestamp())))
    chain.engine.close()
    genesis = tmp_path / "genesis.json"
    genesis.write_bytes(chain.genesis.to_bytes())
    documents = set()
    for owner in OWNERS:
        home = tmp_path / owner
        words = ["--home", str(home), "--ledger", str(chain.path), "--genesis", str(genesis)]
        peer = f"{seats[0]['node_id']}@127.0.0.1:1"
        told = main(["chain", "migrate", *words, "--p2p", "127.0.0.1:2", "--peer", peer])
        assert told == 0
        assert json.loads(capsys.readouterr().out)["validators"] == 4
        config = NodeConfig.load(home / "node.toml")
        assert config.network is not None
        assert config.network.first_height > 1
        documents.add((home / "cometbft/config/genesis.json").read_text())
    assert len(documents) == 1
