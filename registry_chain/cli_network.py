"""``warifu chain testnet`` and ``migrate``: the folders of a network of validators."""

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry_chain.engines.cometbft.testnet import Member, make_validators, write_network
from registry_chain.genesis import GenesisMember, new_genesis
from registry_chain.keyfile import write_key
from registry_chain.transactions.fields import Name, bare_jwk
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
    """Add ``testnet``."""
    testnet = actions.add_parser(
        "testnet", help="a network of validators on this machine / 一台で複数の検証者を動かします"
    )
    testnet.add_argument("--validators", type=int, default=4, metavar="N")
    testnet.add_argument("--dir", type=Path, required=True, help="a new folder for all of them")
    testnet.add_argument("--chain-id", default="warifu-testnet")
    testnet.add_argument("--only-write", action="store_true", help="write the folders, run nothing")


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
        Malformed: ``config.exists`` when the folder holds something already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Malformed("this folder holds a chain already", code="config.exists")
    if not 1 <= len(ports) <= MOST:
        raise Malformed("a testnet has 1 to 50 validators", code="config.malformed")
    keys = folder / "keys"
    keys.mkdir(parents=True, mode=0o700)
    founders = []
    for number in range(1, len(ports) + 1):
        signer = generate_signer(Alg.EDDSA, os.urandom)
        account = f"member-{number}"
        write_key(keys / f"{account}.key", signer)
        founders.append(
            GenesisMember(
                id=account,
                name=Name.from_json({"ja": f"会員{number}", "en": f"Member {number}"}),
                account_keys=(bare_jwk(signer.public_key),),
                roles=("voter",),
            )
        )
    validators = make_validators(len(ports))
    genesis = new_genesis(
        chain_id=chain_id,
        genesis_time=int(time.time()),
        validators=[one.public_key for one in validators],
        names=[founder.id for founder in founders],
        members=founders,
        loopback=True,
    )
    members = members_of(folder, ports)
    write_network(genesis, members, validators)
    (folder / "genesis.json").write_bytes(genesis.to_bytes())
    return members
