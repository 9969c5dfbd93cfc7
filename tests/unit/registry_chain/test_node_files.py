"""A node's home: genesis, key file, configuration, commands."""

import argparse
import json
import stat
from pathlib import Path

import pytest

from registry_chain import cli, cli_audit, cli_join
from registry_chain.config import NodeConfig, check_files, open_node
from registry_chain.genesis import Genesis
from registry_chain.keyfile import read_key, write_key
from ssi.encoding import canonical_json
from ssi.errors import Malformed, Unavailable
from tests.support.registry import VALIDATOR, make_genesis, signer


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_commands(parser.add_subparsers(dest="action"))
    return parser.parse_args(words)


def init(home: Path, *more: str) -> int:
    members = ("--member", "council=voter:評議会:Council", "--member", "city-kyc=issuer,auditor")
    return cli.run(parsed("init", "--home", str(home), "--chain-id", "my-chain", *members, *more))


def test_a_new_home_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    assert init(home) == 0
    said = json.loads(capsys.readouterr().out)
    genesis = Genesis.load(home / "genesis.json")
    assert said["genesis"] == genesis.digest()
    assert genesis.members[0].name.ja == "評議会"
    assert genesis.members[1].roles == ("issuer", "auditor")
    config = NodeConfig.load(home / "node.toml")
    check_files(config)
    app, stop = open_node(config)
    assert app.test_client().get("/health").json == {"ok": True, "height": 1}
    lines = tmp_path / "export"
    lines.write_bytes(app.test_client().get("/v1/blocks").data)
    stop()
    parser = argparse.ArgumentParser()
    cli_audit.configure(parser)
    words = ["replay", "--genesis", str(home / "genesis.json"), "--export", str(lines)]
    assert cli_audit.run(parser.parse_args(words)) == 0
    lines.write_bytes(lines.read_bytes().replace(b'"height":1', b'"height":2', 1)[:-9])
    assert cli_audit.run(parser.parse_args(words)) == 1
    assert "height 1: json.malformed" in capsys.readouterr().out


def test_old_states_of_a_stopped_node_are_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[REG-MAP-8]; the blocks stay, so that anyone can still replay them."""
    home = tmp_path / "home"
    with pytest.raises(Malformed):
        cli.run(parsed("prune", "--home", str(home)))
    init(home)
    with pytest.raises(Malformed):
        cli.run(parsed("prune", "--home", str(home)))
    config = NodeConfig.load(home / "node.toml")
    app, stop = open_node(config)
    with pytest.raises(Unavailable) as caught:
        cli.run(parsed("prune", "--home", str(home)))
    assert caught.value.code == "chain.locked"
    stop()
    capsys.readouterr()
    assert cli.run(parsed("prune", "--home", str(home), "--keep", "1")) == 0
    assert json.loads(capsys.readouterr().out) == {"oldest_height": 0, "newest_height": 0}
    app, stop = open_node(config)
    assert len(app.test_client().get("/v1/blocks").data.splitlines()) == 1
    stop()


def test_a_chain_is_not_founded_twice(tmp_path: Path) -> None:
    init(tmp_path / "home")
    before = (tmp_path / "home" / "validator.key").read_bytes()
    with pytest.raises(Malformed) as caught:
        init(tmp_path / "home")
    assert caught.value.code == "config.exists"
    assert (tmp_path / "home" / "validator.key").read_bytes() == before


@pytest.mark.parametrize(
    "text", ["council", "council=king", "council=voter:one", "C=voter", "c=admin"]
)
def test_odd_members_are_refused(tmp_path: Path, text: str) -> None:
    words = ("init", "--home", str(tmp_path / "h"), "--chain-id", "my-chain", "--member", text)
    with pytest.raises(Malformed):
        cli.run(parsed(*words))


def test_a_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "v.key"
    write_key(path, VALIDATOR)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path).public_key == VALIDATOR.public_key
    with pytest.raises(FileExistsError):
        write_key(path, signer("other"))
    path.chmod(0o640)
    with pytest.raises(Malformed) as caught:
        read_key(path)
    assert caught.value.code == "keystore.mode"


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"\xff", b"[]", b'{"kty":"OKP","crv":"Ed25519","x":"","d":""}', b" " * 2000]
)
def test_a_broken_key_file(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "v.key"
    path.write_bytes(raw)
    path.chmod(0o600)
    with pytest.raises(Malformed):
        read_key(path)


def test_a_key_whose_halves_differ(tmp_path: Path) -> None:
    path = tmp_path / "v.key"
    write_key(path, VALIDATOR)
    other = signer("other").public_key.jwk
    path.write_bytes(canonical_json(json.loads(path.read_bytes()) | {"x": other["x"]}))
    with pytest.raises(Malformed):
        read_key(path)


CONFIGS: dict[str, bytes] = {
    "empty": b"",
    "no TOML": b"[[[",
    "not UTF-8": b'genesis = "\xff"',
    "unknown name": b'genesis="g"\nkey="k"\ndb="d"\nport=1\ndebug=true\n',
    "a port as text": b'genesis="g"\nkey="k"\ndb="d"\nport="1"\n',
    "a high port": b'genesis="g"\nkey="k"\ndb="d"\nport=70000\n',
}


@pytest.mark.parametrize("raw", CONFIGS.values(), ids=CONFIGS.keys())
def test_a_broken_configuration(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "node.toml"
    path.write_bytes(raw)
    with pytest.raises(Malformed):
        NodeConfig.load(path)


PEER = "a6c376ad7ec572b243b0912614c90effaeb3c7c0@node-1.example:26656"


@pytest.mark.parametrize(
    "network",
    [
        {"p2p": "26656"},
        {"p2p": ":26656"},
        {"p2p": "0.0.0.0:26656", "rpc": "on"},
        {"p2p": "0.0.0.0:26656", "peers": [PEER[1:]]},
        {"p2p": "0.0.0.0:26656", "peers": [PEER, PEER.partition("@")[2]]},
        {"p2p": "0.0.0.0:26656", "peers": [PEER + "/x"]},
        {"p2p": '0.0.0.0:1"\n', "peers": []},
    ],
)
def test_an_address_that_cometbft_would_die_of_is_told(
    tmp_path: Path, network: dict[str, str | list[str]]
) -> None:
    """Before a start, and before a folder is made."""
    path = tmp_path / "node.toml"
    table = "\n".join(f"{name} = {json.dumps(value)}" for name, value in network.items())
    path.write_text(f'genesis="g"\ndb="d"\nport=1\n[network]\n{table}\n')
    with pytest.raises(Malformed) as caught:
        NodeConfig.load(path)
    assert caught.value.code == "config.malformed"
    words = ["join", "--home", str(tmp_path / "new"), "--genesis", "g", "--node", "http://n"]
    words += ["--p2p", str(network["p2p"])]
    for peer in network.get("peers", ["a peer"]):
        words += ["--peer", peer]
    parser = argparse.ArgumentParser()
    cli_join.add_commands(parser.add_subparsers(dest="action"))
    with pytest.raises((Malformed, SystemExit)):
        cli_join.run(parser.parse_args(words))
    assert not (tmp_path / "new").exists()


def test_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(Malformed) as caught:
        NodeConfig.load(tmp_path / "node.toml")
    assert caught.value.code == "config.unreadable"
    (tmp_path / "node.toml").write_text('genesis="g"\nkey="k"\ndb="d"\nport=1\n')
    with pytest.raises(Malformed) as caught:
        check_files(NodeConfig.load(tmp_path / "node.toml"))
    assert caught.value.code == "config.unreadable"


def _without(name: str) -> dict[str, object]:
    return {key: value for key, value in make_genesis().to_json().items() if key != name}


GENESES: dict[str, object] = {
    "a list": [],
    "no members": make_genesis().to_json() | {"members": []},
    "no validators": make_genesis().to_json() | {"validators": []},
    "no voter": make_genesis().to_json()
    | {"members": [m for m in make_genesis().to_json()["members"] if m["id"] != "council"]},  # type: ignore[index,union-attr]
    "a member twice": make_genesis().to_json()
    | {"members": make_genesis().to_json()["members"] * 2},  # type: ignore[operator]
    "an unknown member": make_genesis().to_json() | {"owner": "x"},
    "another rules version": make_genesis().to_json() | {"rules_version": 2},
    "no chain id": _without("chain_id"),
    "a chain id with spaces": make_genesis().to_json() | {"chain_id": "a b"},
    "a validator without power": make_genesis().to_json()
    | {"validators": [make_genesis().validators[0] | {"power": "0"}]},
    "a validator with another key": make_genesis().to_json()
    | {"validators": [make_genesis().validators[0] | {"pub_key": {"type": "x", "value": "y"}}]},
}


@pytest.mark.parametrize("obj", GENESES.values(), ids=GENESES.keys())
def test_a_broken_genesis(obj: object) -> None:
    """[REG-GEN-1]"""
    with pytest.raises(Malformed):
        Genesis.from_json(obj)  # type: ignore[arg-type]


def test_a_genesis_reads_back(tmp_path: Path) -> None:
    """[REG-GEN-1]"""
    genesis = make_genesis()
    assert Genesis.parse(genesis.to_bytes()) == genesis
    (tmp_path / "g").write_bytes(b" " * 1_000_002)
    with pytest.raises(Malformed):
        Genesis.load(tmp_path / "g")
