"""The embedded engine against bare SQLite: single-record transactions, same bytes, same run.

Talk goes to standard error; the figures are one line of JSON on standard output.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.transactions import CommitNotices, NoticeItem, build_tx
from tests.support.registry import (
    VALIDATOR,
    digest_of,
    make_genesis,
    operation,
    proposal,
    signer,
)


def talk(text: str) -> None:
    sys.stderr.write(text + "\n")


def signed(count: int, deadline: int, clients: int) -> list[list[bytes]]:
    """Transactions by lane, each of one notice."""
    key = signer("yubin-box")
    lanes: list[list[bytes]] = [[] for _ in range(clients)]
    for n in range(count):
        lane = lanes[n % clients]
        item = NoticeItem(commitment=digest_of(f"notice {n}"), deadline=deadline)
        token = build_tx(
            chain_id="test-chain",
            account="yubin-box",
            lane=n % clients,
            seq=len(lane) + 1,
            valid_until_height=1000,
            body=CommitNotices(items=(item,)),
            signer=key,
        )
        lane.append(token.encode())
    return lanes


def bare(folder: Path, lanes: list[list[bytes]]) -> list[float]:
    """Commit the same bytes one by one, as safely."""
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE tx (id INTEGER PRIMARY KEY, raw BLOB NOT NULL)")
    times = []
    for raw in (raw for lane in lanes for raw in lane):
        begin = time.perf_counter()
        db.execute("INSERT INTO tx (raw) VALUES (?)", (raw,))
        times.append(time.perf_counter() - begin)
    db.close()
    return times


def engine_run(engine: EmbeddedEngine, lanes: list[list[bytes]]) -> tuple[float, list[float]]:
    """Every lane is a client that waits for each acknowledgement before its next transaction."""

    def client(lane: list[bytes]) -> list[float]:
        times = []
        for raw in lane:
            begin = time.perf_counter()
            outcome = engine.wait(engine.submit(raw), 60)
            times.append(time.perf_counter() - begin)
            assert outcome.code == 0, outcome
        return times

    begin = time.perf_counter()
    with ThreadPoolExecutor(len(lanes)) as pool:
        times = [one for lane in pool.map(client, lanes) for one in lane]
    return time.perf_counter() - begin, times


def summary(times: list[float], total: float) -> dict[str, float]:
    ms = [1000 * one for one in times]
    return {
        "tx_per_s": round(len(times) / total, 1),
        "p50_ms": round(median(ms), 2),
        "p99_ms": round(quantiles(ms, n=100)[98], 2),
    }


def measured(name: str, job: Callable[[], dict[str, float]]) -> dict[str, float]:
    figures = job()
    talk(f"{name:<24} {figures}")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=4000)
    parser.add_argument("--clients", type=int, default=16, choices=range(1, 65))
    args = parser.parse_args()
    now = int(time.time())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        talk(f"signing {args.transactions} transactions")
        lanes = signed(args.transactions, now + 86_400, args.clients)
        genesis = make_genesis(time=now - 1)
        engine = EmbeddedEngine(folder / "c.db", genesis, VALIDATOR, lambda: datetime.now(UTC))
        begin_tx = build_tx(
            chain_id="test-chain",
            account="council",
            lane=0,
            seq=1,
            valid_until_height=100,
            body=proposal(operation(), at=now),
            signer=signer("council"),
        )
        engine.wait(engine.submit(begin_tx.encode()), 10)

        def plain() -> dict[str, float]:
            times = bare(folder, lanes)
            return summary(times, sum(times))

        def busy() -> dict[str, float]:
            total, times = engine_run(engine, lanes)
            return summary(times, total)

        figures = {
            "bare_sqlite": measured("bare SQLite, one by one", plain),
            "engine": measured(f"engine, {args.clients} clients", busy),
            "clients": args.clients,
            "transactions": args.transactions,
            "height": engine.status().height,
        }
        engine.close()
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
