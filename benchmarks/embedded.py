"""The embedded engine beside what a database could do, with a million keys, in one run.

In every round the same number of single-record transactions goes, with the same bytes, to
  the limit      a bare signature check for each, nothing else,
  the database   a signature check and a row in a plain SQLite table of as many keys, committed
                 in groups as large as the engine's blocks,
  the engine     parsing, signature, rules, map, blocks, both commits: every client waits for each
                 acknowledgement before it sends its next transaction.
The node's HTTP interface is asked in the same way at the end.

Talk goes to standard error; the figures are one JSON object on standard output.

    python benchmarks/embedded.py [--keys 1000000] [--rounds 5] [--transactions 4000] [--clients 32]
"""

from __future__ import annotations

import argparse
import gc
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import limits
from benchmarks.states import (
    CHAIN,
    OPERATOR,
    Lanes,
    filling,
    found_chain,
    operator_registered,
    signed_notices,
    talk,
)
from registry_chain.cli import NODE_TOML
from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.genesis import genesis_records
from registry_chain.keyfile import write_key
from registry_chain.transactions import parse_tx
from tests.support.registry import VALIDATOR, make_genesis, signer

HTTP_CLIENTS = 16  # as many as the node has threads


@dataclass(frozen=True, slots=True)
class Figures:
    """One contender in one round."""

    per_second: float
    cpu_us: float
    times: list[float]


def run_limit(lanes: Lanes) -> Figures:
    """Nothing but the signatures."""
    key = signer(OPERATOR).public_key
    parsed = [parse_tx(raw).jws for lane in lanes for raw in lane]

    def work() -> list[float]:
        for jws in parsed:
            key.verify(jws.signing_input, jws.signature)
        return []

    return timed(work, len(parsed))


def run_database(path: Path, group: int, lanes: Lanes) -> Figures:
    """A signature check and a row each, ``group`` rows a commit."""
    key = signer(OPERATOR).public_key
    db = limits.plain_table(path)
    parsed = [parse_tx(raw) for lane in lanes for raw in lane]

    def work() -> list[float]:
        times = []
        for at in range(0, len(parsed), group):
            begin = time.perf_counter()
            batch = parsed[at : at + group]
            rows = []
            for tx in batch:
                key.verify(tx.jws.signing_input, tx.jws.signature)
                rows.append((tx.tx_id, tx.jws.payload))
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO record (key, value) VALUES (?, ?)", rows)
            db.execute("COMMIT")
            times += [time.perf_counter() - begin] * len(batch)
        return times

    figures = timed(work, len(parsed))
    db.close()
    return figures


def run_engine(engine: EmbeddedEngine, lanes: Lanes) -> Figures:
    """Every lane is a client that waits for each acknowledgement."""

    def one(raw: bytes) -> None:
        outcome = engine.wait(engine.submit(raw), 60)
        if outcome.code != 0:
            raise RuntimeError(outcome)

    return concurrent([lambda raw=raw: one(raw) for raw in lane] for lane in lanes)


def concurrent(clients: Any) -> Figures:
    """Run the calls of each client in a thread of its own."""
    calls = [list(client) for client in clients]

    def client(mine: list[Callable[[], None]]) -> list[float]:
        times = []
        for call in mine:
            begin = time.perf_counter()
            call()
            times.append(time.perf_counter() - begin)
        return times

    def work() -> list[float]:
        with ThreadPoolExecutor(len(calls)) as pool:
            return [one for times in pool.map(client, calls) for one in times]

    return timed(work, sum(map(len, calls)))


def timed(work: Callable[[], list[float]], count: int) -> Figures:
    begin, used = time.perf_counter(), time.process_time()
    times = work()
    wall, cpu = time.perf_counter() - begin, time.process_time() - used
    return Figures(count / wall, cpu * 1e6 / count, times)


def over_http(home: Path, lanes: Lanes) -> dict[str, float]:
    """The same through a node of its own process, as ``warifu chain node`` runs it."""
    port = _free_port()
    text = NODE_TOML.format(chain=CHAIN, port=port)
    (home / "node.toml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "warifu", "chain", "node", "--home", str(home)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    begin = time.perf_counter()
    with subprocess.Popen(command, env=environment) as node:
        try:
            while not _answers(port):
                if node.poll() is not None or time.perf_counter() - begin > 120:
                    raise RuntimeError("the node did not start")
                time.sleep(0.02)
            started = time.perf_counter() - begin
            figures = concurrent(_posts(port, lane) for lane in lanes)
            memory = _memory_mb(node.pid)
        finally:
            node.terminate()
    return {
        "tx_per_s": round(figures.per_second, 1),
        **limits.latency(figures.times),
        "start_s": round(started, 2),
        "memory_mb": memory,
    }


def _posts(port: int, lane: list[bytes]) -> Iterator[Callable[[], None]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(raw: bytes) -> None:
        body = json.dumps({"tx": raw.decode()})
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/tx?wait=commit", body, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if answer.status != 200 or told["code"] != 0:
            raise RuntimeError(told)

    return (lambda raw=raw: post(raw) for raw in lane)


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False


def _memory_mb(pid: int) -> int:
    """The memory of a process and its children."""
    pids = [str(pid)]
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if children.exists():
        pids += children.read_text().split()
    total = 0
    for one in pids:
        status = Path(f"/proc/{one}/status")
        if status.exists():
            lines = status.read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return total // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--transactions", type=int, default=4000, help="in each round")
    parser.add_argument("--clients", type=int, default=32, choices=range(1, 65))
    parser.add_argument("--folder", type=Path, help="where the files go; a temporary one")
    args = parser.parse_args()
    facts = limits.machine()
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        figures = measured(Path(name), args)
    print(json.dumps({"machine": facts} | figures, indent=2))


def measured(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    now = int(time.time())
    genesis = make_genesis(time=now - 1)
    home = folder / "node"
    home.mkdir()
    path = home / "chain.db"
    talk(f"making a chain of {args.keys:,} keys")
    records = genesis_records(genesis) | dict(filling(args.keys, now))
    load = found_chain(path, genesis, records)
    limits.plain_table(folder / "plain.db", records.items()).close()
    del records
    size = path.stat().st_size
    begin = time.perf_counter()
    engine = EmbeddedEngine(path, genesis, VALIDATOR, lambda: datetime.now(UTC))
    start = time.perf_counter() - begin
    engine.wait(engine.submit(operator_registered()), 60)
    gc.freeze()  # as the node does when it has started
    used: dict[int, int] = {}
    rounds: list[dict[str, Figures]] = []
    commits, heights = [], []
    for number in range(args.rounds + 1):
        before = engine.status().height
        lanes = signed_notices(args.transactions, args.clients, used, before)
        figures = {
            "limit": run_limit(lanes),
            "database": run_database(folder / "plain.db", args.clients, lanes),
            "engine": run_engine(engine, lanes),
        }
        if number == 0:
            continue  # the first round warms
        commits.append(limits.commit_ms(folder))
        heights.append((engine.status().height - before) // 2)
        rounds.append(figures)
        talk(
            " | ".join(
                f"{name} {one.per_second:7.0f}/s {one.cpu_us:6.1f} us"
                for name, one in figures.items()
            )
        )
    engine.close()
    talk("the same over HTTP")
    (home / "genesis.json").write_bytes(genesis.to_bytes())
    write_key(home / "validator.key", VALIDATOR)
    rest = signed_notices(args.transactions, HTTP_CLIENTS, used, 2 * sum(heights))
    web = over_http(home, rest)
    return {
        "keys": args.keys,
        "clients": args.clients,
        "transactions_each_round": args.transactions,
        "transactions_in_a_block": round(args.transactions * args.rounds / sum(heights), 1),
        "file_mb": size // 1_000_000,
        "bulk_load": load,
        "start_s": round(start, 2),
        "commit_ms": limits.spread(commits),
        "memory_mb": limits.peak_mb(),
        "contenders": {name: summary(name, rounds) for name in ("limit", "database", "engine")},
        "http": {"clients": HTTP_CLIENTS} | web,
    }


def summary(name: str, rounds: list[dict[str, Figures]]) -> dict[str, Any]:
    mine = [figures[name] for figures in rounds]
    times = [one for figures in mine for one in figures.times]
    ratios = [figures[name].cpu_us / figures["limit"].cpu_us for figures in rounds]
    against = [figures[name].per_second / figures["database"].per_second for figures in rounds]
    return {
        "tx_per_s": limits.spread([one.per_second for one in mine], 0),
        "cpu_us_per_tx": limits.spread([one.cpu_us for one in mine], 1),
        "cpu_in_signature_checks": limits.spread(ratios),
        "rate_against_the_database": limits.spread(against),
        **(limits.latency(times) if times else {}),
    }


if __name__ == "__main__":
    main()
