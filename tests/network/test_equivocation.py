"""A validator key on two machines votes twice, is found out, and stands on record [REG-VAL-3]."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest

from registry_chain.audit import fetch_blocks, replay
from registry_chain.cli_network import members_of, write_testnet
from registry_chain.config import CONFIG_NAME
from registry_chain.engines.cometbft.settings import Places, read_validator_key, write_node_key
from registry_chain.engines.cometbft.testnet import Member, make_validators
from registry_chain.genesis import Genesis, address_of
from ssi.encoding import parse_json_object
from ssi.errors import SSIError
from ssi.fetch import FetchPolicy, Request, http_fetch
from tests.support.network import Network, require_cometbft
from warifu.testnet import ports_for, program

pytestmark = [pytest.mark.slow, pytest.mark.cometbft]
require_cometbft()


def make_twin(original: Member, twin: Member) -> None:
    """The same validator key in a second folder, with addresses of its own."""
    shutil.copytree(original.home, twin.home)
    places = Places(home=twin.home)
    places.node_key.unlink()
    write_node_key(places, make_validators(1)[0])
    text = (
        (twin.home / CONFIG_NAME)
        .read_text()
        .replace(f"port = {original.port}", f"port = {twin.port}")
    )
    for old, new in ((original.p2p_port, twin.p2p_port), (original.rpc_port, twin.rpc_port)):
        text = text.replace(f":{old}", f":{new}")
    (twin.home / CONFIG_NAME).write_text(text)


def test_who_votes_twice_is_recorded_and_the_chain_goes_on(tmp_path: Path) -> None:
    """[REG-VAL-3]"""
    folder = tmp_path / "net"
    ports = ports_for(5)
    members = write_testnet(folder, ports[:4], "test-net")
    twin = members_of(folder, ports)[4]
    make_twin(members[3], twin)
    for home in (members[3].home, twin.home):  # nobody to warn them
        settings = home / CONFIG_NAME
        settings.write_text(re.sub(r"nodes = \[.*\]", "nodes = []", settings.read_text()))
    net = Network(folder, members, Genesis.load(folder / "genesis.json"))
    net.programs = [program(member) for member in (*members, twin)]
    fetch = http_fetch(FetchPolicy(allow_loopback_http=True, max_bytes=2**25, timeout=60))
    try:
        net.start()
        for attempt in range(60):
            try:
                net.change(f"key-{attempt}", f"member-{attempt % 3 + 1}", attempt % 3)
            except SSIError:
                time.sleep(0.5)  # the twins' quarrel may cost a round
            answer = fetch(Request(url=f"{members[0].url}/v1/list?prefix=offence/"))
            found = parse_json_object(answer.body)["items"]
            if found:
                break
        assert isinstance(found, list)
        assert isinstance(found[0], dict)
        offence = found[0]["value"]
        assert isinstance(offence, dict)
        guilty = address_of(read_validator_key(Places(home=members[3].home)).public_key.raw)
        assert (offence["kind"], offence["validator"]) == ("duplicate_vote", guilty)
        done = net.change("after", "member-1", 0)
        net.wait_height(done.height + 2 if net.height(0) > done.height + 1 else done.height + 1, 0)
        net.wait_height(done.height + 1, 1, 2)
        report = replay(fetch_blocks(members[0].url, fetch), net.genesis)
        assert (report.ok, report.first_difference) == (True, None)
        assert report.height > int(str(offence["height"]))
    finally:
        for one in net.programs:
            one.stop()
