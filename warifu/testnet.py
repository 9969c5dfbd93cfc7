"""``warifu chain testnet``: several validators on one machine, each its own process and folder."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from registry_chain.cli_network import Ports, write_testnet
from registry_chain.engines.cometbft.binary import find_binary
from registry_chain.engines.cometbft.testnet import Member
from warifu.demo.processes import Program, free_ports

PORTS_EACH = 3


def ports_for(count: int) -> list[Ports]:
    """Find free ports for a network."""
    found = free_ports(count * PORTS_EACH)
    return [
        Ports(http=found[at], p2p=found[at + 1], rpc=found[at + 2])
        for at in range(0, len(found), PORTS_EACH)
    ]


def program(member: Member) -> Program:
    """The process of one validator."""
    return Program(
        name=member.name,
        arguments=("chain", "node", "--home", str(member.home)),
        url=member.url,
        log=member.home / "node.log",
    )


def run(args: argparse.Namespace) -> int:
    """Write a network's folders and, unless told not to, run it until Ctrl-C."""
    folder: Path = args.dir
    if not args.only_write:
        find_binary()
    members = write_testnet(folder, ports_for(args.validators), args.chain_id)
    sys.stdout.write(
        json.dumps(
            {
                "genesis": str(folder / "genesis.json"),
                "chain_id": args.chain_id,
                "nodes": [member.url for member in members],
                "homes": [str(member.home) for member in members],
            }
        )
        + "\n"
    )
    sys.stdout.flush()
    if args.only_write:
        return 0
    programs = [program(member) for member in members]
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        for one in programs:
            one.start()
        for one in programs:
            one.wait_ready()
        sys.stderr.write("running; Ctrl-C ends it / 動いています。Ctrl-C で終わります\n")
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        with ThreadPoolExecutor(len(programs)) as pool:
            list(pool.map(Program.stop, programs))
    return 0


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
