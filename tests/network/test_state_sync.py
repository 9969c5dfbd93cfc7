"""A new node joins by a snapshot, without the blocks that made it [REG-NET-4]."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from registry_chain.cli_network import members_of, write_testnet
from registry_chain.config import CONFIG_NAME
from registry_chain.engines.cometbft.settings import (
    NetworkConfig,
    Places,
    SyncConfig,
    write_node_key,
    write_validator_key,
)
from registry_chain.engines.cometbft.testnet import make_validators, write_node
from registry_chain.genesis import Genesis
from registry_chain.light import header_hash, parse_light_block
from ssi.encoding import parse_json_object
from ssi.fetch import FetchPolicy, Request, http_fetch
from tests.support.network import Network, require_cometbft
from warifu.testnet import ports_for, program

pytestmark = [pytest.mark.slow, pytest.mark.cometbft]
require_cometbft()


def test_a_node_joins_by_a_snapshot(tmp_path: Path) -> None:
    """[REG-NET-4]"""
    folder = tmp_path / "net"
    ports = ports_for(5)
    members = write_testnet(folder, ports[:4], "test-net")
    for member in members:
        settings = member.home / CONFIG_NAME
        text = settings.read_text()
        settings.write_text(re.sub(r"snapshot_interval = \d+", "snapshot_interval = 5", text))
    net = Network(folder, members, Genesis.load(folder / "genesis.json"))
    net.programs = [program(member) for member in members]
    try:
        net.start()
        height = 0
        while height < 12:
            height = net.change(f"key-{height}").height
        net.wait_height(height + 1)
        fetch = http_fetch(FetchPolicy(allow_loopback_http=True))
        answer = fetch(Request(url=f"{members[0].url}/v1/light/2"))
        trusted = parse_light_block(parse_json_object(answer.body))
        joining = members_of(folder, ports)[4]
        joining.home.mkdir()
        places = Places(home=joining.home)
        (key,) = make_validators(1)
        write_validator_key(places, key)
        write_node_key(places, make_validators(1)[0])
        first = (members[0].home / CONFIG_NAME).read_text()
        own = re.search(r'p2p = "(.*)"', first)
        known = re.search(r"peers = \[(.*)\]", first)
        second = re.search(r'peers = \["([^"]*)"', (members[1].home / CONFIG_NAME).read_text())
        assert own
        assert known
        assert second
        peers = (*re.findall(r'"([^"]+)"', known[1]), second[1])
        config = NetworkConfig(
            p2p=f"127.0.0.1:{joining.p2p_port}",
            peers=peers,
            sync=SyncConfig(
                servers=tuple(f"http://127.0.0.1:{one.rpc_port}" for one in members[:2]),
                height=2,
                hash=header_hash(trusted.header).hex().upper(),
            ),
        )
        write_node(net.genesis, joining, config)
        net.members.append(joining)
        net.programs.append(program(joining))
        net.start(4)
        done = net.change("after-join", "member-2", 0, 1)
        net.wait_height(done.height + 1, 4)
        assert net.knows(4, "after-join", "member-2")
        assert net.status(4)["app_hash"] == net.status(0)["app_hash"]
        blocks = fetch(Request(url=f"{joining.url}/v1/blocks?from=1&limit=3"))
        assert blocks.body == b""  # it has no blocks from before
    finally:
        for one in net.programs:
            one.stop()
