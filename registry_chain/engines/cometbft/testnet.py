"""The folders of a network: keys, genesis and settings for each validator."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from registry_chain.engines.cometbft.migration import Inheritance
from registry_chain.engines.cometbft.settings import (
    NetworkConfig,
    Places,
    genesis_document,
    write_genesis,
    write_node_key,
    write_validator_key,
)
from registry_chain.genesis import Genesis
from ssi.keys import Alg, SoftwareSigner, generate_signer


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One validator's folder and addresses on the network."""

    name: str
    home: Path
    port: int
    p2p_port: int
    rpc_port: int
    host: str = "127.0.0.1"

    @classmethod
    def alone(cls, home: Path, port: int) -> Self:
        """One whose other addresses stand in its own settings only."""
        return cls(name=home.name, home=home, port=port, p2p_port=0, rpc_port=0)

    @property
    def url(self) -> str:
        """Where its node answers."""
        return f"http://{self.host}:{self.port}"


def make_validators(
    count: int, random: Callable[[int], bytes] = os.urandom
) -> tuple[SoftwareSigner, ...]:
    """Make the keys of validators."""
    return tuple(generate_signer(Alg.EDDSA, random) for _ in range(count))


def write_network(
    genesis: Genesis,
    members: Sequence[Member],
    keys: Sequence[SoftwareSigner],
    *,
    inheritance: Inheritance | None = None,
    snapshot_interval: int = 1000,
) -> None:
    """Write each member's folder; nothing runs yet.

    Args:
        genesis: The chain's genesis.
        members: Whose folders.
        keys: Their validator keys, in the same order.
        inheritance: What an embedded chain handed over, if it did.
        snapshot_interval: How often to make snapshots.
    """
    ids = []
    for member, key in zip(members, keys, strict=True):
        member.home.mkdir(parents=True, mode=0o700, exist_ok=True)
        places = Places(home=member.home)
        write_validator_key(places, key)
        ids.append(write_node_key(places, generate_signer(Alg.EDDSA, os.urandom)))
    for member, own in zip(members, ids, strict=True):
        others = [(one, name) for one, name in zip(members, ids, strict=True) if name != own]
        config = NetworkConfig(
            p2p=f"{member.host}:{member.p2p_port}",
            rpc=f"127.0.0.1:{member.rpc_port}",
            peers=tuple(f"{name}@{one.host}:{one.p2p_port}" for one, name in others),
            nodes=tuple(one.url for one, _ in others),
            first_height=1 if inheritance is None else inheritance.first_height,
            started=0 if inheritance is None else inheritance.started,
            snapshot_interval=snapshot_interval,
        )
        write_node(genesis, member, config, inheritance)


def write_node(
    genesis: Genesis, member: Member, config: NetworkConfig, inheritance: Inheritance | None = None
) -> None:
    """Write one node's genesis and, last, its settings; its keys are there already.

    A folder without settings is none yet: who was interrupted makes it again.
    """
    (member.home / "genesis.json").write_bytes(genesis.to_bytes())
    seats = genesis.validators if inheritance is None else inheritance.validators
    document = genesis_document(genesis, config, list(seats))
    write_genesis(Places(home=member.home), document)
    (member.home / "node.toml").write_text(node_toml(genesis.chain_id, member, config), "utf-8")


def node_toml(chain_id: str, member: Member, config: NetworkConfig) -> str:
    """The node's settings as an operator edits them."""
    lines = [
        f"# {member.name}: a node of chain {chain_id}. Paths are relative to this folder.",
        'genesis = "genesis.json"',
        'db = "chain.db"',
        f"host = {_toml(member.host)}",
        f"port = {member.port}",
        "",
        "[network]",
        f"p2p = {_toml(config.p2p)}",
        f"rpc = {_toml(config.rpc)}",
        f"peers = {_toml(config.peers)}",
        f"nodes = {_toml(config.nodes)}",
        f"first_height = {config.first_height}",
        f"started = {config.started}",
        f"snapshot_interval = {config.snapshot_interval}",
    ]
    if config.sync is not None:
        lines += [
            "",
            "[network.sync]",
            f"servers = {_toml(config.sync.servers)}",
            f"height = {config.sync.height}",
            f"hash = {_toml(config.sync.hash)}",
        ]
    return "\n".join(lines) + "\n"


def _toml(value: str | tuple[str, ...]) -> str:
    """A string or a list of them; JSON's are TOML's."""
    return json.dumps(value, ensure_ascii=False)
