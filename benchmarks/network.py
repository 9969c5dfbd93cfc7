"""How many transactions four validators on this machine take, each in its own process.

Every transaction is one record written by a member and signed by it; the rate counts those whose
block and the block that signs it are there. On a machine that does other things too, look at the
processor time, which counts every node's start as well. Needs CometBFT (make cometbft).

    python benchmarks/network.py --seconds 20 --lanes 8 --burst 20
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from registry_chain.cli_network import write_testnet
from registry_chain.engines.cometbft.testnet import Member
from registry_chain.genesis import Genesis
from registry_chain.keyfile import read_key
from registry_chain.transactions import UpdateMemberKeys, build_tx
from registry_chain.transactions.fields import bare_jwk
from ssi.keys import SoftwareSigner
from warifu.testnet import ports_for, program


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One client: a node, an account and a lane of its own."""

    member: Member
    key: SoftwareSigner
    account: str
    number: int


def client(lane: Lane, genesis: Genesis, burst: int, end: float) -> list[float]:
    """Send bursts of transactions; the last of each waits for its proof. Returns the waits."""
    body = UpdateMemberKeys(member=lane.account, keys=(bare_jwk(lane.key.public_key),))
    connection = http.client.HTTPConnection(urlsplit(lane.member.url).netloc, timeout=30)
    waits: list[float] = []
    seq = 0
    while time.monotonic() < end:
        for place in range(burst):
            seq += 1
            raw = build_tx(
                chain_id=genesis.chain_id, account=lane.account, lane=lane.number, seq=seq,
                valid_until_height=900, body=body, signer=lane.key,
            )  # fmt: skip
            begun = time.monotonic()
            _give(connection, raw, "?wait=commit" if place == burst - 1 else "")
        waits.append(time.monotonic() - begun)
    return waits


def _give(connection: http.client.HTTPConnection, raw: str, query: str) -> None:
    """Post a transaction until the node has taken it."""
    payload = json.dumps({"tx": raw})
    while True:
        connection.request("POST", f"/v1/tx{query}", payload, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if answer.status in (200, 202):
            assert told.get("code", 0) == 0, told
            return
        assert answer.status == 503, told


def processor_seconds(sessions: list[int]) -> dict[str, float]:
    """What all nodes have used so far, by program; each node is a session of its own."""
    tick = os.sysconf("SC_CLK_TCK")
    used = {"python": 0.0, "cometbft": 0.0}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        if int(fields[3]) in sessions:
            kind = "cometbft" if name == "cometbft" else "python"
            used[kind] += (int(fields[11]) + int(fields[12])) / tick
    return used


def _lanes(members: list[Member], folder: Path, count: int) -> list[Lane]:
    found = []
    for number, member in enumerate(members, 1):
        account = f"member-{number}"
        key = read_key(folder / "keys" / f"{account}.key")
        found += [Lane(member=member, key=key, account=account, number=n) for n in range(count)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--lanes", type=int, default=8, help="clients for each validator")
    parser.add_argument("--burst", type=int, default=20, help="sent before one waits")
    parser.add_argument("--validators", type=int, default=4)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name) / "net"
        members = write_testnet(folder, ports_for(args.validators), "bench-net")
        genesis = Genesis.load(folder / "genesis.json")
        programs = [program(member) for member in members]
        try:
            for one in programs:
                one.start()
            for one in programs:
                one.wait_ready(120)
            threading.stack_size(256 * 1024)
            begun = time.monotonic()
            end = begun + args.seconds
            with ThreadPoolExecutor(args.lanes * len(members)) as pool:
                jobs = [
                    pool.submit(client, lane, genesis, args.burst, end)
                    for lane in _lanes(members, folder, args.lanes)
                ]
                waits = [wait for job in jobs for wait in job.result()]
            took = time.monotonic() - begun
            spent = processor_seconds([one.process.pid for one in programs if one.process])
            print(
                json.dumps(
                    {
                        "validators": len(members),
                        "clients": len(jobs),
                        "transactions": len(waits) * args.burst,
                        "tx_per_second": round(len(waits) * args.burst / took, 1),
                        "processor_ms_per_transaction": {
                            name: round(seconds * 1000 / (len(waits) * args.burst), 2)
                            for name, seconds in spent.items()
                        },
                        "proof_p50_seconds": round(statistics.median(waits), 2),
                        "proof_p99_seconds": round(statistics.quantiles(waits, n=100)[98], 2),
                    }
                )
            )
        finally:
            for one in programs:
                one.stop()


if __name__ == "__main__":
    main()
