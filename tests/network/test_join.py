"""A member's machine is lost: another takes its place, by the commands of `docs/chain.md`."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from registry_chain.cli_network import members_of, write_testnet
from registry_chain.engines.cometbft.settings import Places, read_validator_key
from registry_chain.engines.cometbft.testnet import Member
from registry_chain.genesis import address_of
from registry_chain.light import Flag
from ssi.encoding import JSONObject, parse_json_object
from tests.support.effort import patience
from tests.support.network import Network, network, now, require_cometbft
from warifu.__main__ import main
from warifu.testnet import ports_for, program

pytestmark = [pytest.mark.slow, pytest.mark.cometbft]
require_cometbft()


def said(capsys: pytest.CaptureFixture[str], *words: str) -> JSONObject:
    """What a command prints as JSON."""
    capsys.readouterr()
    assert main(["chain", *words]) == 0, capsys.readouterr().err
    return parse_json_object(capsys.readouterr().out)


def peers(net: Network, *chosen: int) -> list[str]:
    """Where nodes listen for nodes, as their members' own files say."""
    files = [(one.home / "node.toml").read_text("utf-8") for one in net.members]
    ids = {found for text in files for found in re.findall(r'"([0-9a-f]{40}@[^"]+)"', text)}
    ports = {f":{net.members[number].p2p_port}" for number in chosen}
    return [one for one in sorted(ids) if one[one.rindex(":") :] in ports]


def join(net: Network, home: Path, genesis: Path, *more: str) -> tuple[Member, list[str]]:
    """The words that make a node's folder, and where it will be."""
    member = replace(members_of(net.folder, ports_for(1))[0], name=home.name, home=home)
    words = ["join", "--home", str(home), "--genesis", str(genesis)]
    words += ["--p2p", f"127.0.0.1:{member.p2p_port}", "--port", str(member.port), *more]
    for number in (0, 1):
        words += ["--node", net.members[number].url]
    for peer in peers(net, 0, 1, 2):
        words += ["--peer", peer]
    return member, words


def run_beside(net: Network, member: Member) -> int:
    net.members.append(member)
    net.programs.append(program(member))
    net.start(len(net.members) - 1)
    return len(net.members) - 1


def test_a_new_machine_takes_a_lost_ones_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[REG-NET-10], [REG-VAL-8]: joined with new keys, and signing from then on."""
    with network(tmp_path / "n") as net:
        net.change("before")
        lost = read_validator_key(Places(home=net.members[3].home)).public_key.raw
        net.programs[3].kill()
        home, genesis = tmp_path / "new", net.folder / "genesis.json"
        made = said(
            capsys, "validator-key", "--home", str(home), "--member", "member-4",
            "--chain-id", "test-net",
        )  # fmt: skip
        seat = tmp_path / "seat.json"
        seat.write_text(json.dumps(made), "ascii")
        replacing = [
            "chain", "validator-replace", address_of(lost), "--body", str(seat), "--as", "member-4",
            "--key", str(net.folder / "keys" / "member-4.key"), "--genesis", str(genesis),
            "--node", net.members[0].url, "--loopback",
        ]  # fmt: skip
        assert main(replacing) == 0
        # Before the folder is made it is not started, and nothing is signed with its keys.
        (home / "node.toml").write_text(
            'genesis = "genesis.json"\ndb = "chain.db"\nport = 1\n[network]\np2p = "127.0.0.1:1"\n'
        )
        (home / "genesis.json").write_bytes(genesis.read_bytes())
        assert main(["chain", "node", "--home", str(home)]) != 0
        assert "config.not_joined" in capsys.readouterr().err
        (home / "node.toml").unlink()
        member, words = join(net, home, genesis)
        told = said(capsys, *words)
        assert told["node_id"] == made["node_id"]
        assert told["genesis"] == net.genesis.digest()
        assert main(["chain", *words]) != 0
        assert "config.exists" in capsys.readouterr().err
        number = run_beside(net, member)
        done = net.change("after", "member-2", 0)
        net.wait_height(done.height + 1, number)
        assert net.knows(number, "after", "member-2")
        whole, own = net.chain(0), net.chain(number)
        assert own[1]["txs"] == whole[1]["txs"]  # from the first block on
        own_address = read_validator_key(Places(home=home)).public_key.raw
        signed_by(net, address_of(own_address))


def signed_by(net: Network, address: str) -> None:
    """Wait until a validator's vote stands in a block."""
    end = time.monotonic() + 60 * patience()
    while time.monotonic() < end:
        block = net.client(0).head(now()).block
        votes = {
            one.address.hex().upper() for one in block.commit.signatures if one.flag is Flag.COMMIT
        }
        if address in votes:
            return
        net.change(f"again-{block.height}", "member-2", 0)
    raise AssertionError("it never signs")


def test_a_network_is_joined_by_its_newest_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[REG-NET-10], [REG-NET-4]: the block to trust is proven from the genesis."""
    with network(tmp_path / "n", snapshot_interval=5) as net:
        height = 0
        while height < 13:  # the light client wants two headers behind the snapshot
            height = net.change(f"key-{height}").height
        rpc = [f"http://127.0.0.1:{net.members[number].rpc_port}" for number in (0, 1)]
        more = [word for one in rpc for word in ("--snapshot-from", one)]
        member, words = join(net, tmp_path / "new", net.folder / "genesis.json", *more)
        assert said(capsys, *words)["snapshot"] is True
        number = run_beside(net, member)
        done = net.change("after", "member-2", 0)
        net.wait_height(done.height + 1, number)
        assert net.knows(number, "after", "member-2")
        assert net.chain(number) == {}  # it has not the first block: it did not replay the chain


def test_a_node_that_lies_of_the_chain_is_not_joined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[REG-NET-10]: another chain's genesis proves nothing of this one, and nothing is written."""
    with network(tmp_path / "n") as net:
        write_testnet(tmp_path / "other", ports_for(4), "test-net")
        _, words = join(net, tmp_path / "new", tmp_path / "other" / "genesis.json")
        assert main(["chain", *words]) != 0
        assert "light." in capsys.readouterr().err
        assert not (tmp_path / "new").exists()
