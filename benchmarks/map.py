"""The map's cost: microseconds a key against bare SQLite rows, proof sizes, verification.

Every figure is processor time and stands beside a bare insert of the same rows (key and value,
indexed by key, the same pragmas, one transaction a block) in the same run, so that ratios survive
a slow machine.

    python benchmarks/map.py [--keys 1000 10000 100000] [--block 500]
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from registry_chain import jmt
from registry_chain.light import (
    verify_map_proof,
)
from registry_chain.store import Store
from ssi.encoding import sha256

UPDATES = 2000
PROOFS = 500


def micros(work: Callable[[], object], count: int) -> float:
    start = time.thread_time()
    work()
    return (time.thread_time() - start) * 1e6 / count


def records(start: int, count: int) -> dict[str, bytes]:
    return {
        f"consent/{sha256(b'%d' % number).hex()}": b'{"state":"active","n":%d,"pad":"%s"}'
        % (number, b"x" * 120)
        for number in range(start, start + count)
    }


def blocks(rows: dict[str, bytes], size: int) -> list[dict[str, bytes]]:
    items = list(rows.items())
    return [dict(items[at : at + size]) for at in range(0, len(items), size)]


def bare(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA cache_size = -65536")
    db.execute("PRAGMA wal_autocheckpoint = 8000")
    db.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, key TEXT, version INT, value BLOB)")
    db.execute("CREATE UNIQUE INDEX record_key ON record (key, version)")
    return db


def measure(folder: Path, keys: int, block: int) -> None:
    store, db = Store(folder / f"map-{keys}.db"), bare(folder / f"bare-{keys}.db")
    version = 0

    def put_map(parts: list[dict[str, bytes]]) -> None:
        for part in parts:
            store.stage(store.version + 1, part)
            store.commit()

    def put_bare(parts: list[dict[str, bytes]]) -> None:
        nonlocal version
        for part in parts:
            version += 1
            db.execute("BEGIN IMMEDIATE")
            db.executemany(
                "INSERT INTO record (key, version, value) VALUES (?, ?, ?)",
                [(key, version, value) for key, value in part.items()],
            )
            db.execute("COMMIT")

    filling = records(0, keys)
    load = blocks(filling, 5000)
    loaded = micros(lambda: put_map(load), keys)
    loaded_bare = micros(lambda: put_bare(load), keys)
    changed = {key: filling[key] + b" " for key in random.Random(1).sample(sorted(filling), 500)}
    update = blocks(changed | records(keys, UPDATES - 500), block)
    updated = micros(lambda: put_map(update), UPDATES)
    updated_bare = micros(lambda: put_bare(update), UPDATES)
    print(
        f"{keys:>8} keys | load {loaded:6.1f} us/key ({loaded / loaded_bare:4.1f}x bare)"
        f" | blocks of {block}: {updated:6.1f} us/key ({updated / updated_bare:4.1f}x bare"
        f" {updated_bare:5.1f})"
    )
    measure_proofs(store, filling)
    store.close()
    db.close()


def measure_proofs(store: Store, filling: dict[str, bytes]) -> None:
    asked = random.Random(2).sample(sorted(filling), min(PROOFS, len(filling)))
    asked += [f"nobody/{number}" for number in range(len(asked) // 2)]
    proofs = {}

    def prove() -> None:
        for key in asked:
            proofs[key] = store.prove(key)

    def verify() -> None:
        for key, proof in proofs.items():
            verify_map_proof(proof, app_hash=store.root, key=key)

    proving = micros(prove, len(asked))
    verifying = micros(verify, len(asked))
    hashing = micros(lambda: [jmt.inner_hash(b"l" * 32, b"r" * 32) for _ in range(10_000)], 10_000)
    depths = [len(proof.siblings) for proof in proofs.values()]
    print(
        f"         proofs | prove {proving:6.1f} us | verify {verifying:5.1f} us"
        f" ({verifying / hashing:4.1f} hashes) | siblings avg {statistics.mean(depths):4.1f}"
        f" max {max(depths)} = {32 * statistics.mean(depths) + 64:4.0f} B avg,"
        f" {32 * max(depths) + 64} B max"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--block", type=int, default=500)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for keys in chosen.keys:
            measure(Path(folder), keys, chosen.block)


if __name__ == "__main__":
    main()
