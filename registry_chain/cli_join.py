"""``warifu chain join``: the folder of a node that joins a network which runs already [REG-NET-10].

Nothing is believed that the genesis file does not prove: our light client asks the nodes how the
network began and from which block on its snapshots may be trusted, before CometBFT hears of them.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from registry_chain.client import HeadMemory, RegistryClient, TrustRoot
from registry_chain.engines.cometbft.migration import Inheritance, genesis_validators
from registry_chain.engines.cometbft.settings import (
    NetworkConfig,
    Places,
    SyncConfig,
    checked,
    read_node_id,
    write_node_key,
    write_validator_key,
)
from registry_chain.engines.cometbft.testnet import Member, make_validators, write_node
from registry_chain.engines.cometbft.way import write_way
from registry_chain.light import UntrustedLightBlock, VerifiedLightBlock, parse_light_block
from registry_chain.records import MIGRATION_KEY, MigrationRecord
from registry_chain.transport import LIMITS
from ssi.encoding import JSONObject, parse_json_object
from ssi.errors import Malformed
from ssi.fetch import FetchPolicy, http_fetch

FURTHEST: Final = (
    2_000  # how far behind the newest block a trusted one may be; snapshots are nearer
)


def add_commands(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``join``."""
    join = actions.add_parser(
        "join",
        help="make a node for a network that runs / 動いているネットワークのノードを作ります",
        epilog="warifu chain join --home node-5 --genesis genesis.json --node https://node1.example"
        " --p2p 0.0.0.0:26656 --peer a6c376ad7ec572b243b0912614c90effaeb3c7c0@192.0.2.2:26656",
    )
    join.add_argument(
        "--home",
        type=Path,
        required=True,
        help="a new folder, or one with keys by validator-key"
        " / 新しいフォルダーか、validator-key で作ったもの",
    )
    join.add_argument(
        "--genesis", type=Path, required=True, help="genesis or trust file / 創世か信頼ファイル"
    )
    join.add_argument(
        "--node",
        action="append",
        required=True,
        metavar="URL",
        help="a member's node (repeatable) / 会員のノードの URL（繰り返せます）",
    )
    join.add_argument(
        "--peer",
        action="append",
        required=True,
        metavar="ID@HOST:PORT",
        help="where it listens for nodes (repeatable) / ノード間のアドレス（繰り返せます）",
    )
    join.add_argument(
        "--p2p", required=True, metavar="HOST:PORT", help="for other nodes / ほかのノード向け"
    )
    join.add_argument(
        "--port", type=int, default=26680, help="for everybody, over HTTP / HTTP の公開ポート"
    )
    join.add_argument(
        "--snapshot-from",
        action="append",
        default=[],
        metavar="URL",
        help="a member's CometBFT RPC: fetch the state, not every block (repeatable)"
        " / 会員の CometBFT RPC。全ブロックでなく状態を取得（繰り返せます）",
    )


def run(args: argparse.Namespace) -> int:
    """Write the folder, and print one line of JSON."""
    if (args.home / "node.toml").exists():
        raise Malformed("this folder is a node's already", code="config.exists")
    config = checked(NetworkConfig(p2p=args.p2p, peers=tuple(args.peer), nodes=tuple(args.node)))
    root = TrustRoot.load(args.genesis)
    fetch = http_fetch(FetchPolicy(allow_loopback_http=root.genesis.params.loopback))
    memory = HeadMemory.volatile()
    client = RegistryClient(args.node, root, fetch, memory)
    now = datetime.now(UTC)
    head = client.head(now)
    inheritance = _inheritance(client, now)
    if inheritance is not None and not args.snapshot_from:
        raise Malformed(
            "a network that took over an older chain is joined by a snapshot",
            code="config.snapshot",
        )
    if inheritance is not None:
        config = replace(config, first_height=inheritance.first_height, started=inheritance.started)
    if args.snapshot_from:
        trusted = client.block_at(max(config.first_height, head.height - FURTHEST), now)
        config = replace(config, sync=_sync(tuple(args.snapshot_from), trusted))
    node_id = _keys(Places(home=args.home))
    if config.sync is not None:
        write_way(args.home, _walked(memory, root.genesis.chain_id))
    write_node(root.genesis, Member.alone(args.home, args.port), config, inheritance)
    told: JSONObject = {
        "home": str(args.home),
        "node_id": node_id,
        "genesis": root.genesis.digest(),
        "height": head.height,
        "hash": head.header_hash.hex().upper(),
        "validators": head.validators,
        "snapshot": config.sync is not None,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _inheritance(client: RegistryClient, now: datetime) -> Inheritance | None:
    """How a network began that took over an embedded chain; ``None`` when it was founded as one.

    The decision's block and the next are the old validator's [REG-MIG-2]; the one after begins the
    network, at the time of its genesis [REG-NET-9].
    """
    found = client.read(MIGRATION_KEY, now=now).value
    if found is None:
        return None
    first = client.block_at(MigrationRecord.from_json(found).height + 2, now).block
    return Inheritance(
        first_height=first.height,
        started=first.header.time.seconds,
        validators=genesis_validators(first.validators),
    )


def _sync(servers: tuple[str, ...], trusted: VerifiedLightBlock) -> SyncConfig:
    pair = servers if len(servers) > 1 else servers * 2  # CometBFT compares two
    digest = trusted.header_hash.hex().upper()
    return SyncConfig(servers=pair, height=trusted.height, hash=digest)


def _walked(memory: HeadMemory, chain: str) -> Iterator[UntrustedLightBlock]:
    """Every light block that was verified on the way, the oldest first."""
    height = 0
    while (shown := memory.above(chain, height)) is not None:
        block = parse_light_block(parse_json_object(shown, limits=LIMITS))
        height = block.height
        yield block


def _keys(places: Places) -> str:
    """Make what keys are missing; return the id by which other nodes know this one."""
    places.home.mkdir(parents=True, mode=0o700, exist_ok=True)
    if not places.validator_key.exists():
        write_validator_key(places, make_validators(1, os.urandom)[0])
    if places.node_key.exists():
        return read_node_id(places)
    return write_node_key(places, make_validators(1, os.urandom)[0])
