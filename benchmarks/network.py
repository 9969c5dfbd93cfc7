"""Four validators on this machine, beside CometBFT's own ``kvstore`` application, in one run.

The same load generator posts transactions of the same size to CometBFT's RPC of each node, as fast
as the mempools take them; the rate is that of the blocks, by their headers. The limit is what
CometBFT does with an application that only keeps its keys in memory: no signatures, no rules, no
map, no disk. Then clients of our own HTTP interface wait for their proofs under a small load, and
operators write as they do: many keys in each transaction. On a busy machine look at the ratio and
at the processor time. Needs CometBFT (``make cometbft``).

    python benchmarks/network.py [--seconds 15] [--clients 8]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import limits
from benchmarks.states import OPERATOR, talk
from registry_chain.cli_network import members_of
from registry_chain.engines.cometbft.binary import find_binary
from registry_chain.engines.cometbft.settings import (
    NetworkConfig,
    Places,
    write_settings,
)
from registry_chain.engines.cometbft.testnet import (
    Member,
    make_validators,
    write_network,
)
from registry_chain.genesis import Genesis, GenesisMember, new_genesis
from registry_chain.transactions import Body, CommitNotices, NoticeItem, build_tx
from registry_chain.transactions.fields import bare_jwk
from tests.support.registry import (
    ROLES,
    digest_of,
    member_name,
    operation,
    proposal,
    signer,
)
from warifu.demo.processes import Program
from warifu.testnet import ports_for, program

VALIDATORS = 4
CHAIN = "bench-net"
ITEMS = 256  # as many as one transaction takes
READY_A_SECOND = 40  # transactions signed beforehand for each lane
DAY = 86_400
Make = Callable[[int, int], bytes]


@dataclass
class Running:
    """A network that runs: where its RPC listens, and its processes' sessions."""

    rpc: list[int]
    sessions: list[int]


@dataclass
class Sent:
    """What the load generator did."""

    taken: int = 0
    full: int = 0
    refused: list[str] = field(default_factory=list)


# --- the load generator, the same for both ---


def ask(connection: http.client.HTTPConnection, method: str, **params: str) -> dict[str, Any]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    connection.request("POST", "/", body, {"Content-Type": "application/json"})
    return dict(json.loads(connection.getresponse().read()))


def pump(running: Running, make: Make, clients: int, seconds: float) -> Sent:
    """Post without end from some clients to each node."""
    sent, end, lock = Sent(), time.monotonic() + seconds, threading.Lock()

    def client(lane: int) -> None:
        port = running.rpc[lane % len(running.rpc)]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        count = 0
        while time.monotonic() < end:
            count += 1
            raw = b64encode(make(lane, count)).decode()
            told = _accepted(connection, raw, end)
            with lock:
                sent.taken += told == ""
                sent.full += told == "full"
                sent.refused += [told] if told not in ("", "full") else []
            if told:
                return

    with ThreadPoolExecutor(clients * len(running.rpc)) as pool:
        list(pool.map(client, range(clients * len(running.rpc))))
    return sent


def _accepted(connection: http.client.HTTPConnection, raw: str, end: float) -> str:
    """Nothing if the mempool took it, else why not."""
    while True:
        answer = ask(connection, "broadcast_tx_sync", tx=raw)
        result = answer.get("result")
        if result is not None:
            return "" if result["code"] == 0 else str(result["codespace"] or result["log"])
        if "mempool is full" not in str(answer.get("error")):
            return str(answer.get("error"))
        if time.monotonic() > end:
            return "full"
        time.sleep(0.02)


def in_blocks(running: Running, start: int) -> dict[str, float]:
    """Transactions in the blocks after ``start``, once no more wait, and their rate."""
    connection = http.client.HTTPConnection("127.0.0.1", running.rpc[0], timeout=60)
    while int(ask(connection, "num_unconfirmed_txs")["result"]["total"]):
        time.sleep(0.3)
    time.sleep(1.5)
    last, metas = height(running), []
    for first in range(start, last + 1, 20):
        most = min(first + 19, last)
        page = ask(connection, "blockchain", minHeight=str(first), maxHeight=str(most))
        metas += page["result"]["block_metas"]
    metas.sort(key=lambda meta: int(meta["header"]["height"]))
    busy = [meta for meta in metas if int(meta["num_txs"])]
    count = sum(int(meta["num_txs"]) for meta in busy)
    # From the first busy block to the last: what the first one held was given before.
    seconds = _time(busy[-1]) - _time(busy[0])
    return {
        "transactions": count,
        "blocks": len(busy),
        "tx_per_s": round((count - int(busy[0]["num_txs"])) / seconds, 1),
    }


def _time(meta: dict[str, Any]) -> float:
    text = str(meta["header"]["time"])
    return datetime.fromisoformat(text[:19] + "+00:00").timestamp() + float("0" + text[19:-1])


def height(running: Running, number: int = 0) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", running.rpc[number], timeout=60)
    return int(ask(connection, "status")["result"]["sync_info"]["latest_block_height"])


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
            kind = "cometbft" if name.startswith("cometbft") else "python"
            used[kind] += (int(fields[11]) + int(fields[12])) / tick
    return used


def throughput(running: Running, make: Make, clients: int, seconds: float) -> dict[str, Any]:
    start, before = height(running), processor_seconds(running.sessions)
    sent = pump(running, make, clients, seconds)
    if sent.refused:
        talk(f"refused: {sorted(set(sent.refused))}")
    found = in_blocks(running, start)
    after = processor_seconds(running.sessions)
    return {
        **found,
        "given": sent.taken,
        "refused": len(sent.refused),
        "processor_ms_per_transaction": {
            name: round(1000 * (after[name] - before[name]) / found["transactions"], 2)
            for name in after
        },
    }


# --- CometBFT's kvstore ---


@contextmanager
def kvstore(folder: Path) -> Iterator[Running]:
    """CometBFT's own application in its own process, with our settings of everything else."""
    binary, genesis = find_binary(), found_genesis()
    folder.mkdir()
    members = write_founded(folder, genesis)
    processes = []
    try:
        for member in members:
            places = Places(home=member.home)
            write_settings(places, config_of(member), moniker=member.name)
            text = places.settings.read_text("utf-8")
            own = f"unix://{places.app_socket}"
            places.settings.write_text(text.replace(json.dumps(own), '"kvstore"'), "utf-8")
            document = json.loads(places.genesis.read_text("utf-8"))
            document.pop("app_state")
            document["consensus_params"]["version"]["app"] = "1"  # the one kvstore tells
            places.genesis.write_text(json.dumps(document), "utf-8")
            with (member.home / "cometbft.log").open("wb") as log:
                command = [str(binary.path), "start", "--home", str(places.root)]
                processes.append(
                    subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
                )
        running = Running([one.rpc_port for one in members], [one.pid for one in processes])
        wait_for(lambda: min(height(running, number) for number in range(VALIDATORS)) >= 1)
        yield running
    finally:
        for one in processes:
            one.terminate()
        for one in processes:
            one.wait(20)


def kvstore_tx(size: int) -> Make:
    def make(lane: int, count: int) -> bytes:
        name = f"{lane}-{count}="
        return (name + "v" * (size - len(name))).encode()

    return make


# --- ours ---


def found_genesis() -> Genesis:
    """One voter, so that the operator who writes is registered by one transaction."""
    return new_genesis(
        chain_id=CHAIN,
        genesis_time=int(time.time()) - 1,
        validators=[key.public_key for key in KEYS],
        members=[
            GenesisMember(
                id=account,
                name=member_name(account),
                account_keys=(bare_jwk(signer(account).public_key),),
                roles=roles,
            )
            for account, roles in ROLES.items()
        ],
        loopback=True,
    )


KEYS = make_validators(VALIDATORS)


def write_founded(folder: Path, genesis: Genesis) -> list[Member]:
    members = members_of(folder, ports_for(VALIDATORS))
    write_network(genesis, members, KEYS)
    return members


def config_of(member: Member) -> NetworkConfig:
    """What the member's own file says of its peers."""
    import tomllib  # noqa: PLC0415

    table = tomllib.loads((member.home / "node.toml").read_text("utf-8"))["network"]
    return NetworkConfig(p2p=table["p2p"], peers=tuple(table["peers"]), rpc=table["rpc"])


@contextmanager
def ours(members: list[Member]) -> Iterator[Running]:
    programs = [program(member) for member in members]
    try:
        for one in programs:
            one.start()
        for one in programs:
            one.wait_ready(120)
        sessions = [one.process.pid for one in programs if one.process]
        yield Running([member.rpc_port for member in members], sessions)
    finally:
        with ThreadPoolExecutor(VALIDATORS) as pool:
            list(pool.map(Program.stop, programs))


class Writer:
    """Signs the transactions of each lane in their order."""

    def __init__(self) -> None:
        self.used: dict[int, int] = {}
        self.height = 0
        self.ready: dict[int, deque[bytes]] = {}

    def prepare(self, lanes: int, count: int) -> None:
        """Sign some for each lane before the clock runs: it is not the chain's work."""
        for lane in range(lanes):
            self.ready[lane] = deque(self.notices(lane, 1) for _ in range(count))

    def make(self, lane: int, _count: int) -> bytes:
        ready = self.ready.get(lane)
        return ready.popleft() if ready else self.notices(lane, 1)

    def batch(self, lane: int, _count: int) -> bytes:
        return self.notices(lane, ITEMS)

    def notices(self, lane: int, items: int) -> bytes:
        self.used[lane] = seq = self.used.get(lane, 0) + 1
        deadline = int(time.time()) + DAY
        body = CommitNotices(
            items=tuple(
                NoticeItem(commitment=digest_of(f"{lane}/{seq}/{one}"), deadline=deadline)
                for one in range(items)
            )
        )
        return signed(OPERATOR, body, lane, seq, self.height)


def signed(account: str, body: Body, lane: int, seq: int, height: int) -> bytes:
    return build_tx(
        chain_id=CHAIN,
        account=account,
        lane=lane,
        seq=seq,
        valid_until_height=height + 900,
        body=body,
        signer=signer(account),
    ).encode()


def post(url: str, raw: bytes) -> None:
    """Give a transaction to our own node and wait for its proof."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    query = ""
    while True:
        headers = {"Content-Type": "application/json"}
        body = json.dumps({"tx": raw.decode()})
        connection.request("POST", f"/v1/tx?wait=commit{query}", body, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if answer.status == 200:
            if told["code"]:
                raise RuntimeError(told)
            return
        if answer.status != 503:
            raise RuntimeError(told)


def proofs(members: list[Member], make: Make, lanes: range, seconds: float) -> dict[str, float]:
    """A client for each lane, who waits for the proof of one transaction before the next."""
    begun = time.monotonic()

    def client(lane: int) -> list[float]:
        waits = []
        while time.monotonic() < begun + seconds:
            raw, asked = make(lane, 0), time.perf_counter()
            post(members[lane % VALIDATORS].url, raw)
            waits.append(time.perf_counter() - asked)
        return waits

    with ThreadPoolExecutor(len(lanes)) as pool:
        waits = [one for found in pool.map(client, lanes) for one in found]
    rate = len(waits) / (time.monotonic() - begun)
    return {"clients": len(lanes), "tx_per_s": round(rate, 1), **limits.latency(waits)}


def status(member: Member) -> dict[str, Any]:
    connection = http.client.HTTPConnection(urlsplit(member.url).netloc, timeout=10)
    connection.request("GET", "/v1/status")
    return dict(json.loads(connection.getresponse().read()))


def wait_for(true: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, KeyError, http.client.HTTPException, ValueError):
            if true():
                return
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15, help="of load on each network")
    parser.add_argument("--clients", type=int, default=8, choices=range(1, 13), help="a validator")
    args = parser.parse_args()
    facts = limits.machine()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        figures = measured(Path(name), args)
    print(json.dumps({"machine": facts, "validators": VALIDATORS} | figures, indent=2))


def measured(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    genesis, writer = found_genesis(), Writer()
    members = write_founded(folder / "ours", genesis)
    size = len(writer.make(0, 0))
    writer.used.clear()
    with kvstore(folder / "kvstore") as running:
        talk("kvstore runs")
        limit = throughput(running, kvstore_tx(size), args.clients, args.seconds)
    talk(f"kvstore {limit['tx_per_s']}/s")
    found: dict[str, Any] = {}
    with ours(members) as running:
        talk("ours runs")
        post(members[0].url, signed("council", proposal(operation(), at=int(time.time())), 0, 1, 1))
        wait_for(lambda: min(status(member)["height"] for member in members) >= 2)
        writer.prepare(args.clients * VALIDATORS, int(args.seconds * READY_A_SECOND))
        own = throughput(running, writer.make, args.clients, args.seconds)
        talk(f"ours {own['tx_per_s']}/s")
        for lane, left in writer.ready.items():
            writer.used[lane] -= len(left)
        writer.ready.clear()
        writer.height = height(running)
        lanes = range(56, 56 + 2 * VALIDATORS)
        found["proof_available"] = proofs(members, writer.make, lanes, args.seconds)
        writer.height = height(running)
        batches = proofs(members, writer.batch, range(16), args.seconds)
        keys = round(batches["tx_per_s"] * ITEMS)
        found["in_batches"] = batches | {"items": ITEMS, "keys_per_s": keys}
        talk(f"ours {keys} keys/s in batches")
    return {
        "clients": args.clients * VALIDATORS,
        "transaction_bytes": size,
        "kvstore": limit,
        "ours": own,
        "ratio": round(own["tx_per_s"] / limit["tx_per_s"], 3),
        "ratio_in_keys": round(found["in_batches"]["keys_per_s"] / limit["tx_per_s"], 3),
        **found,
    }


if __name__ == "__main__":
    main()
