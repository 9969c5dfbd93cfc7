"""The CometBFT program and its files [REG-NET-6], [REG-NET-7]."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest

from registry_chain.config import CONFIG_NAME, NodeConfig, check_files
from registry_chain.engines.cometbft import binary, signing
from registry_chain.engines.cometbft.ledger import Signed
from registry_chain.engines.cometbft.settings import (
    Places,
    read_signed,
    read_validator_key,
    write_settings,
)
from registry_chain.engines.cometbft.testnet import Member, make_validators, write_network
from registry_chain.genesis import Genesis, GenesisMember, new_genesis
from registry_chain.light import (
    NO_BLOCK,
    Timestamp,
    block_id,
    light_block_to_json,
    parse_genesis_validators,
    sign_block,
    validators_hash,
)
from registry_chain.light.header import Header
from registry_chain.transactions.fields import Name, bare_jwk
from ssi.encoding import canonical_json
from ssi.errors import Malformed, SSIError, Unavailable
from ssi.fetch import Response
from tests.support.registry import T0, signer


def program(path: Path, version: str, says: str = "0.0.0") -> Path:
    """What Go leaves in a program about its module, in a script that says another version."""
    line = f"mod\tgithub.com/cometbft/cometbft\t{version}\th1:x\n" if version else ""
    path.write_text(f"#!/bin/sh\necho {says}\nexit\n{line}")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("version", "says", "runs"),
    [
        ("v0.38.25", "0.38.25", True),
        ("v0.38.21", "0.38.21", True),
        ("v0.40.0", "0.39.0", True),
        ("v0.38.20", "0.38.20", False),
        ("v0.37.18", "0.37.18", False),
        ("v1.0.1", "1.0.1", False),
        ("v2.0.0", "2.0.0", False),
        ("v0.38.1", "0.38.25", False),
        ("", "0.38.25+9a3b", True),
        ("", "1.0.1", False),
        ("", "hello", False),
    ],
)
def test_the_version_is_what_it_was_built_from(
    tmp_path: Path, version: str, says: str, runs: bool
) -> None:
    """[REG-NET-7]"""
    path = program(tmp_path / "cometbft", version, says)
    if runs:
        found = binary.find_binary({binary.ENVIRONMENT: str(path)})
        assert found.text == (version or "v0.38.25")
        return
    with pytest.raises(Unavailable) as caught:
        binary.find_binary({binary.ENVIRONMENT: str(path)})
    assert caught.value.code == "cometbft.version"


def test_a_program_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        binary.find_binary({binary.ENVIRONMENT: str(tmp_path / "none")})
    assert caught.value.code == "cometbft.missing"


def network(folder: Path, count: int = 4) -> tuple[Genesis, list[Member]]:
    keys = make_validators(count)
    genesis = new_genesis(
        chain_id="test-net",
        genesis_time=T0,
        validators=[key.public_key for key in keys],
        names=["council"],
        members=[
            GenesisMember(
                id="council",
                name=Name(ja="会", en="Council"),
                account_keys=(bare_jwk(signer("council").public_key),),
                roles=("voter",),
            )
        ],
        loopback=True,
    )
    members = [
        Member(name=f"n{n}", home=folder / f"n{n}", port=n, p2p_port=100 + n, rpc_port=200 + n)
        for n in range(1, count + 1)
    ]
    write_network(genesis, members, keys)
    return genesis, members


def test_a_network_is_written_whole_and_private(tmp_path: Path) -> None:
    genesis, members = network(tmp_path)
    documents = set()
    for member in members:
        config = NodeConfig.load(member.home / CONFIG_NAME)
        assert config.network is not None
        assert len(config.network.peers) == len(config.network.nodes) == 3
        assert config.network.p2p == f"127.0.0.1:{member.p2p_port}"
        places = Places(home=member.home)
        for path in (places.validator_key, places.node_key, places.validator_state):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        document = json.loads(places.genesis.read_text())
        assert Genesis.from_json(document["app_state"]) == genesis
        documents.add(places.genesis.read_text())
        write_settings(places, config.network, moniker="test")
        table = tomllib.loads(places.settings.read_text())
        assert table["p2p"]["pex"] is False
        assert table["rpc"]["unsafe"] is False
        assert table["rpc"]["laddr"].startswith("unix://")
        assert table["consensus"]["create_empty_blocks"] is False
        assert table["tx_index"]["indexer"] == "null"
    assert len(documents) == 1
    with pytest.raises(FileExistsError):
        write_network(genesis, members, make_validators(4))


def test_a_long_path_still_gets_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20) / ("deeper" * 20)
    deep.mkdir(parents=True)
    socket = Places(home=deep).app_socket
    assert len(str(socket)) < 100
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    _, members = network(tmp_path)
    places = Places(home=members[0].home)
    assert read_validator_key(places).public_key.raw
    places.validator_key.chmod(0o644)
    with pytest.raises(Malformed) as caught:
        read_validator_key(places)
    assert caught.value.code == "keystore.mode"


@pytest.mark.parametrize("content", ["", "{}", '{"height": "x", "round": 0, "step": 0}', "[1]"])
def test_an_unreadable_signing_state_is_not_taken_for_none(tmp_path: Path, content: str) -> None:
    """[REG-NET-6]"""
    path = tmp_path / "state.json"
    path.write_text(content)
    with pytest.raises(Malformed) as caught:
        read_signed(path)
    assert caught.value.code == "chain.signer_state"


def test_a_signing_state_older_than_the_ledger_does_not_start() -> None:
    """[REG-NET-6]"""
    mark = Signed(9, 1, 2)
    for fine in (Signed(9, 1, 2), Signed(9, 1, 3), Signed(9, 2, 0), Signed(10, 0, 1)):
        signing.require_newest(fine, mark)
    signing.require_newest(Signed(0, 0, 0), None)
    for old in (Signed(9, 1, 1), Signed(9, 0, 3), Signed(8, 5, 3), Signed(0, 0, 0)):
        with pytest.raises(SSIError) as caught:
            signing.require_newest(old, mark)
        assert caught.value.code == "chain.old_backup"


def test_votes_that_others_have_seen_are_remembered_for_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[REG-NET-6]: a whole folder restored from a backup is found out by the other nodes."""
    genesis, members = network(tmp_path)
    places = Places(home=members[0].home)
    own = read_validator_key(places)
    other = read_validator_key(Places(home=members[1].home))
    validators = parse_genesis_validators(genesis.validators)
    voting = {one.address: one for one in validators.validators}
    signers = {
        address: (own if one.public_key == own.public_key.raw else other).sign
        for address, one in voting.items()
        if one.public_key in (own.public_key.raw, other.public_key.raw)
    }

    def light(height: int, *, ours: bool, chain: str = "test-net") -> bytes:
        header = Header(
            app_protocol=1, chain_id=chain, height=height, time=Timestamp(T0 + height),
            last_block_id=NO_BLOCK, last_commit_hash=b"", data_hash=b"",
            validators_hash=validators_hash(validators),
            next_validators_hash=validators_hash(validators), consensus_hash=b"\1" * 32,
            app_hash=b"\2" * 32, last_results_hash=b"", proposer_address=b"\3" * 20,
        )  # fmt: skip
        by = {
            a: s for a, s in signers.items() if ours or voting[a].public_key != own.public_key.raw
        }
        signed = sign_block(
            header, block_id(header, (), None), validators, signers=by, time=Timestamp(T0)
        )
        return canonical_json(light_block_to_json(signed))

    served: dict[str, bytes] = {}

    def fetch(request: object) -> Response:
        url = request.url  # type: ignore[attr-defined]
        body = served.get(url.rpartition("/")[2])
        return Response(status=200 if body else 404, headers={}, body=body or b"", url=url)

    monkeypatch.setattr(signing, "http_fetch", lambda _policy: fetch)

    def look() -> None:
        signing.require_unseen(
            own.public_key.raw, places, ["http://127.0.0.1:1"], genesis, loopback=True
        )

    look()  # nobody answers: nothing is known against us
    served |= {"1": light(1, ours=False), "2": light(2, ours=False)}
    look()  # the others went on while we were away
    served["3"] = light(3, ours=True, chain="test-other").replace(b"test-other", b"test-net")
    look()  # a vote that our key did not sign is not ours
    served["3"] = light(3, ours=True)
    with pytest.raises(SSIError) as caught:
        look()
    assert caught.value.code == "chain.old_backup"
    served |= {"2": b"junk"}
    look()  # a node that lies proves nothing


def test_a_node_is_checked_before_it_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, members = network(tmp_path)
    config = NodeConfig.load(members[0].home / CONFIG_NAME)
    monkeypatch.setenv(binary.ENVIRONMENT, str(tmp_path / "none"))
    with pytest.raises(Unavailable):
        check_files(config)
    monkeypatch.setenv(binary.ENVIRONMENT, str(program(tmp_path / "cometbft", "v0.38.25")))
    check_files(config)
    Places(home=members[0].home).validator_state.unlink()
    with pytest.raises(Malformed) as caught:
        check_files(config)
    assert caught.value.code == "chain.signer_state"
