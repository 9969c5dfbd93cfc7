"""An embedded chain becomes a network, and those who followed it go on [REG-MIG-3]."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from registry_chain.audit import fetch_blocks, replay
from registry_chain.cli_network import members_of
from registry_chain.client import HeadMemory, RegistryClient, Submitter
from registry_chain.engines.cometbft.migration import take_over
from registry_chain.engines.cometbft.settings import Places
from registry_chain.engines.cometbft.testnet import make_validators, write_network
from registry_chain.records import MemberRecord, member_key
from ssi.encoding import parse_json_object
from ssi.fetch import FetchPolicy, Request, http_fetch
from ssi.merkle import EMPTY_ROOT
from tests.network.test_join import join, run_beside
from tests.support.chain import TestClock, served
from tests.support.migration import OWNERS, moving
from tests.support.network import Network, now, require_cometbft
from tests.support.registry import signer
from tests.unit.registry_chain.test_migration import change
from warifu.__main__ import main
from warifu.testnet import ports_for, program

pytestmark = [pytest.mark.slow, pytest.mark.cometbft]
require_cometbft()


def test_who_followed_the_embedded_chain_follows_the_network(tmp_path: Path) -> None:
    """[REG-MIG-3], [REG-NET-9]: pinned genesis, remembered head and old inclusions stay good."""
    fetch = http_fetch(FetchPolicy(allow_loopback_http=True, max_bytes=2**25, timeout=60))
    chain = moving(tmp_path / "old.db", TestClock(now()))
    memory = HeadMemory.volatile()
    raw = chain.tx(change("before"))
    with served(chain.engine) as url:
        chain.engine.wait(chain.engine.submit(raw), 5)
        client = RegistryClient([url], chain.genesis, fetch, memory)
        followed = client.head(now())
        assert followed.validators == 1
        keys = dict(zip(OWNERS, make_validators(4), strict=True))
        height = chain.move(keys)
        tx_id = chain.engine.submit(raw)
        inclusion = chain.engine.inclusion(tx_id)
    chain.engine.close()

    members = members_of(tmp_path / "net", ports_for(4))
    for member, key in zip(members, keys.values(), strict=True):
        member.home.mkdir(parents=True)
        taken = take_over(chain.path, member.home / "chain.db", chain.genesis, key.public_key.raw)
    write_network(
        chain.genesis, members, list(keys.values()), inheritance=taken, snapshot_interval=5
    )
    net = Network(tmp_path / "net", members, chain.genesis)
    net.programs = [program(member) for member in members]
    try:
        net.start()
        net.wait_height(height + 2)
        client = RegistryClient(net.urls(), chain.genesis, fetch, memory)
        head = client.head(now())
        assert (head.height >= height + 2, head.validators) == (True, 4)
        done = Submitter(client, "council", signer("council")).submit(change("after"), now())
        assert done.height > height + 1
        # The first block has the second after the hand-over and nothing in it; the next has votes'.
        first, second = (client.block_at(taken.first_height + n, now()) for n in (0, 1))
        assert first.time.timestamp() == taken.started
        assert first.data_hash == EMPTY_ROOT
        assert first.time < second.time < now()
        for fresh in (client, net.client()):  # one who followed, one who knows the genesis only
            found = fresh.read(member_key("council"), now=now())
            assert found.validators == 4
            assert MemberRecord.from_json(found.value or {}).height == done.height
        answer = fetch(Request(url=f"{net.members[0].url}/v1/tx/{tx_id}?proof=1"))
        told = parse_json_object(answer.body)
        assert told["light_block"] == (inclusion or {})["light_block"]
        report = replay(fetch_blocks(net.members[0].url, fetch), chain.genesis)
        assert (report.ok, report.first_difference) == (True, None)
        assert report.height > height + 1
        joined_by_a_snapshot(net, client, memory, tmp_path)
    finally:
        for one in net.programs:
            one.stop()


def joined_by_a_snapshot(
    net: Network, client: RegistryClient, memory: HeadMemory, folder: Path
) -> None:
    """[REG-NET-10]: how the network began is proven by the chain; the old ledger is not needed."""
    submitter, count = Submitter(client, "council", signer("council")), 0
    while count < 5 or client.head(now()).height % 5 < 3:
        count += 1
        submitter.submit(change(f"more-{count}"), now())
    genesis = folder / "genesis.json"
    genesis.write_bytes(net.genesis.to_bytes())
    home = folder / "joining"
    member, words = join(net, home, genesis)
    assert (
        main(["chain", *words]) != 0
    )  # every block from the first: nobody of the network has them
    assert not home.exists()
    rpc = f"http://127.0.0.1:{net.members[1].rpc_port}"
    assert main(["chain", *words, "--snapshot-from", rpc]) == 0
    own, theirs = (Places(home=one).genesis.read_text() for one in (home, net.members[0].home))
    assert json.loads(own) == json.loads(theirs)
    number = run_beside(net, member)
    done = submitter.submit(change("last"), now())
    net.wait_height(done.height + 1, number)
    # Its own blocks begin late, but it kept the way for those who know the genesis only.
    fetch = http_fetch(FetchPolicy(allow_loopback_http=True))
    following = RegistryClient(net.urls(number), net.genesis, fetch, memory)
    for reader in (following, net.client(number)):
        found = reader.read(member_key("council"), now=now())
        assert found.validators == 4
        assert MemberRecord.from_json(found.value or {}).height == done.height
    page = fetch(Request(url=f"{member.url}/record/member/council?lang=en")).body.decode()
    assert "✓ Proven" in re.sub(r"<[^>]*>|\s+", " ", page).replace("  ", " ")
    assert "NOT PROVEN" not in page
