"""``warifu chain testnet`` and ``migrate``: the folders of a network of validators."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from registry_chain.engines.cometbft.migration import take_over
from registry_chain.engines.cometbft.settings import (
    NetworkConfig,
    Places,
    checked,
    read_validator_key,
    write_node_key,
    write_validator_key,
)
from registry_chain.engines.cometbft.testnet import (
    Member,
    make_validators,
    write_network,
    write_node,
)
from registry_chain.genesis import Genesis, GenesisMember, new_genesis
from registry_chain.keyfile import write_key
from registry_chain.transactions.fields import Name, bare_jwk, plain_object
from registry_chain.transactions.validators import DEFAULT_POWER, seat_for
from ssi.encoding import JSONObject
from ssi.errors import Malformed
from ssi.keys import Alg, generate_signer

MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Three free ports for each validator: HTTP, other nodes, CometBFT's RPC."""

    http: int
    p2p: int
    rpc: int


def add_commands(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``testnet``, ``validator-key`` and ``migrate``."""
    testnet = actions.add_parser(
        "testnet",
        help="a network of validators on this machine / 一台で複数の検証者を動かします",
        epilog="warifu chain testnet --validators 4 --dir testnet",
    )
    testnet.add_argument(
        "--validators", type=int, default=4, metavar="N", help="how many / 検証者の数"
    )
    testnet.add_argument(
        "--dir", type=Path, required=True, help="a new folder for all of them / 新しいフォルダー"
    )
    testnet.add_argument(
        "--chain-id", default="warifu-testnet", help="the chain's name / 台帳の名前"
    )
    testnet.add_argument(
        "--only-write",
        action="store_true",
        help="write the folders, run nothing / フォルダーを作るだけで動かしません",
    )
    key = actions.add_parser(
        "validator-key",
        help="make a node's keys and its seat / ノードの鍵と席を作ります",
        epilog="warifu chain validator-key --home node-2 --member city-bank --chain-id town-chain",
    )
    key.add_argument(
        "--home", type=Path, required=True, help="the node's new folder / ノードの新しいフォルダー"
    )
    key.add_argument(
        "--member", required=True, metavar="ID", help="whose validator it is / 検証者の持ち主"
    )
    key.add_argument("--chain-id", required=True, help="the chain's name / 台帳の名前")
    key.add_argument("--power", type=int, default=DEFAULT_POWER, help="its voting power / 票の重み")
    migrate = actions.add_parser(
        "migrate",
        help="take over an embedded chain as a node of its network / 一台の台帳を引き継ぎます",
        epilog="warifu chain migrate --home node-2 --ledger node-1/chain.db"
        " --genesis node-1/genesis.json --p2p 192.0.2.2:26656 --node https://node1.example",
    )
    migrate.add_argument(
        "--home",
        type=Path,
        required=True,
        help="made by validator-key / validator-key で作ったフォルダー",
    )
    migrate.add_argument(
        "--ledger", type=Path, required=True, help="the old chain.db, stopped / 停止した chain.db"
    )
    migrate.add_argument(
        "--genesis", type=Path, required=True, help="the chain's genesis file / 台帳の創世ファイル"
    )
    migrate.add_argument(
        "--p2p", required=True, metavar="HOST:PORT", help="for other nodes / ほかのノード向け"
    )
    migrate.add_argument(
        "--port", type=int, default=26680, help="for everybody, over HTTP / HTTP の公開ポート"
    )
    migrate.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="ID@HOST:PORT",
        help="another node (repeatable) / ほかのノード（繰り返せます）",
    )
    migrate.add_argument(
        "--node",
        action="append",
        default=[],
        metavar="URL",
        help="a peer's HTTP address (repeatable) / ほかのノードの URL（繰り返せます）",
    )


def run(args: argparse.Namespace) -> int:
    """Do ``validator-key`` or ``migrate``, and print one line of JSON."""
    told = _validator_key(args) if args.action == "validator-key" else _migrate(args)
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _validator_key(args: argparse.Namespace) -> JSONObject:
    """Keys stay in the folder; what is printed goes into the proposal and to the other members."""
    places = Places(home=args.home)
    (signer,) = make_validators(1)
    seat = seat_for(signer, chain_id=args.chain_id, member=args.member, power=args.power)
    args.home.mkdir(parents=True, mode=0o700, exist_ok=True)
    write_validator_key(places, signer)
    node = write_node_key(places, generate_signer(Alg.EDDSA, os.urandom))
    return {"seat": plain_object(seat), "node_id": node}


def _migrate(args: argparse.Namespace) -> JSONObject:
    config = checked(NetworkConfig(p2p=args.p2p, peers=tuple(args.peer), nodes=tuple(args.node)))
    genesis = Genesis.load(args.genesis)
    own = read_validator_key(Places(home=args.home)).public_key.raw
    inheritance = take_over(args.ledger, args.home / "chain.db", genesis, own)
    config = replace(config, first_height=inheritance.first_height, started=inheritance.started)
    write_node(genesis, Member.alone(args.home, args.port), config, inheritance)
    return {
        "home": str(args.home),
        "first_height": inheritance.first_height,
        "validators": len(inheritance.validators),
    }


def members_of(folder: Path, ports: Sequence[Ports], host: str = "127.0.0.1") -> list[Member]:
    """The validators of a network under one folder."""
    return [
        Member(
            name=f"node-{number}",
            home=folder / f"node-{number}",
            port=given.http,
            p2p_port=given.p2p,
            rpc_port=given.rpc,
            host=host,
        )
        for number, given in enumerate(ports, 1)
    ]


def write_testnet(folder: Path, ports: Sequence[Ports], chain_id: str) -> list[Member]:
    """Found a chain of as many members as there are ports; each runs one validator.

    Raises:
        Malformed: ``config.exists`` when the folder holds something already; ``chain.genesis`` when
            so few validators make no network. Nothing is written then.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Malformed("this folder holds a chain already", code="config.exists")
    if not 1 <= len(ports) <= MOST:
        raise Malformed("a testnet has 1 to 50 validators", code="config.malformed")
    signers = {
        f"member-{number}": generate_signer(Alg.EDDSA, os.urandom)
        for number in range(1, len(ports) + 1)
    }
    founders = [
        GenesisMember(
            id=account,
            name=Name.from_json({"ja": f"会員{number}", "en": f"Member {number}"}),
            account_keys=(bare_jwk(signer.public_key),),
            roles=("voter",),
        )
        for number, (account, signer) in enumerate(signers.items(), 1)
    ]
    validators = make_validators(len(ports))
    genesis = new_genesis(
        chain_id=chain_id,
        genesis_time=int(time.time()),
        validators=[one.public_key for one in validators],
        names=[founder.id for founder in founders],
        members=founders,
        loopback=True,
    )
    keys = folder / "keys"
    keys.mkdir(parents=True, mode=0o700)
    for account, signer in signers.items():
        write_key(keys / f"{account}.key", signer)
    members = members_of(folder, ports)
    write_network(genesis, members, validators)
    (folder / "genesis.json").write_bytes(genesis.to_bytes())
    return members
