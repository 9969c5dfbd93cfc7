"""How the cost of a transaction grows with the keys: 10^3 to 10^6, or to 10^7 with --most 7.

For each size a chain is made that has so many keys; then the embedded engine takes batches of
single-record transactions, from parsing to the second block that signs the new root. A cost is all
processor time of the process, in bare Ed25519 verifications of the same moment, so that a slow
machine does not bend the curve. The plot is an SVG made here.

    python benchmarks/growth.py [--most 6] [--batch 64] [--batches 20]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import limits
from benchmarks.states import (
    filling,
    found_chain,
    operator_registered,
    signed_notices,
    talk,
)
from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.genesis import genesis_records
from registry_chain.light import MapProof, verify_map_proof
from registry_chain.records import notice_key
from registry_chain.store import Store
from ssi.encoding import sha256
from tests.support.registry import VALIDATOR, digest_of, make_genesis

RESULTS = Path(__file__).parent / "results"
PROOFS = 300
WARM = 5
GATHER = timedelta(seconds=2.5)  # a batch is one block, however slow the machine


def measure(folder: Path, exponent: int, batch: int, batches: int) -> dict[str, Any]:
    count, now = 10**exponent, int(time.time())
    path, genesis = folder / f"{exponent}.db", make_genesis(time=now - 1)
    load = found_chain(path, genesis, genesis_records(genesis) | dict(filling(count, now)))
    begin = time.perf_counter()
    engine = EmbeddedEngine(path, genesis, VALIDATOR, lambda: datetime.now(UTC), gather=GATHER)
    start = time.perf_counter() - begin
    costs, checks = transactions(engine, batch, batches)
    height = engine.status().height
    engine.close()
    row = {
        "keys": count,
        "tx_in_checks": limits.spread(costs),
        "tx_cpu_us": round(median(costs) * median(checks), 1),
        "check_us": limits.spread(checks, 1),
        "blocks": height // 2,
        "load": load,
        "start_s": round(start, 2),
        **proofs(path, count),
        "file_mb": round(path.stat().st_size / 1e6, 1),
        "memory_mb": limits.peak_mb(),
    }
    path.unlink()
    return row


def transactions(
    engine: EmbeddedEngine, batch: int, batches: int
) -> tuple[list[float], list[float]]:
    """The processor time of a transaction, in signature checks and what a check took."""
    engine.wait(engine.submit(operator_registered()), 60)
    lanes = signed_notices(batch * (batches + WARM), batch, {}, engine.status().height)
    costs, checks = [], []
    for number in range(batches + WARM):
        check = limits.verify_us()
        used = time.process_time()
        for tx_id in [engine.submit(lane[number]) for lane in lanes]:
            if engine.wait(tx_id, 60).code != 0:
                raise RuntimeError("a transaction was refused")
        if number >= WARM:
            costs.append((time.process_time() - used) * 1e6 / batch / check)
            checks.append(check)
    return costs, checks


def proofs(path: Path, count: int) -> dict[str, Any]:
    """Proving and verifying random keys, with a cold cache."""
    store = Store(path)
    wanted = [int.from_bytes(sha256(b"%d" % n)[:8]) % count for n in range(PROOFS)]
    keys = [notice_key(digest_of(f"old notice {number}")) for number in wanted]
    made: dict[str, MapProof] = {}
    prove = _each(lambda key: made.__setitem__(key, store.prove(key)), keys)
    root = store.root
    verify = _each(lambda key: verify_map_proof(made[key], app_hash=root, key=key), keys)
    store.close()
    depths = [len(proof.siblings) for proof in made.values()]
    return {
        "prove_cpu_us": round(prove, 1),
        "verify_cpu_us": round(verify, 1),
        "proof_bytes": {
            "mean": round(32 * fmean(depths) + 64),
            "max": 32 * max(depths) + 64,
        },
    }


def _each(work: Callable[[str], object], keys: list[str]) -> float:
    used = time.process_time()
    for key in keys:
        work(key)
    return (time.process_time() - used) * 1e6 / len(keys)


# --- the plot ---

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 64, 16, 44, 48


def plot(rows: list[dict[str, Any]]) -> str:
    """The cost over the keys, and the straight line that "grows like log n" is here."""
    xs = [math.log10(row["keys"]) for row in rows]
    ys = [row["tx_in_checks"]["median"] for row in rows]
    top = 1.25 * max(row["tx_in_checks"]["max"] for row in rows)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - xs[0]) / ((xs[-1] - xs[0]) or 1)
        return round(LEFT + across * wide, 1), round(HEIGHT - BOTTOM - min(y / top, 1) * high, 1)

    slope, start = _line(xs, ys)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"',
        ' font-family="sans-serif" font-size="12">',
        "<title>Cost of a transaction by number of keys</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 20, "A transaction, in bare Ed25519 verifications", weight="bold"),
    ]
    step = 10 ** math.floor(math.log10(top)) / 2
    for index in range(int(top / step) + 1):
        x, y = at(xs[0], index * step)
        parts.append(f'<path d="M{x} {y}h{wide}" stroke="#ddd"/>')
        parts.append(_text(x - 6, y + 4, f"{index * step:g}", anchor="end"))
    for x_value, row in zip(xs, rows, strict=True):
        x, _ = at(x_value, 0)
        parts.append(_text(x, HEIGHT - BOTTOM + 18, f"10^{x_value:g}", anchor="middle"))
        low = at(x_value, row["tx_in_checks"]["min"])[1]
        high_end = at(x_value, row["tx_in_checks"]["max"])[1]
        parts.append(f'<path d="M{x} {low}V{high_end}" stroke="#9bc" stroke-width="2"/>')
    ends = [at(x, start + slope * x) for x in (xs[0], xs[-1])]
    parts.append(
        f'<path d="M{ends[0][0]} {ends[0][1]}L{ends[1][0]} {ends[1][1]}" stroke="#c60"'
        ' stroke-dasharray="5 4" fill="none"/>'
    )
    points = [at(x, y) for x, y in zip(xs, ys, strict=True)]
    line = " ".join(f"{x},{y}" for x, y in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#036" stroke-width="2"/>')
    parts += [f'<circle cx="{x}" cy="{y}" r="4" fill="#036"/>' for x, y in points]
    parts.append(_text(LEFT + wide / 2, HEIGHT - 8, "keys in the state", anchor="middle"))
    parts.append(_text(WIDTH - RIGHT, 38, "bars: least to most; dashed: a + b log n", anchor="end"))
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" fill="#222">'
        f"{text}</text>"
    )


def _line(xs: list[float], ys: list[float]) -> tuple[float, float]:
    """Least squares."""
    mean_x, mean_y = fmean(xs), fmean(ys)
    over = sum((x - mean_x) ** 2 for x in xs) or 1
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / over
    return slope, mean_y - slope * mean_x


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--most", type=int, default=6, help="the power of ten to end at")
    parser.add_argument("--batch", type=int, default=64, choices=range(1, 65), metavar="1..64")
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="where the files go; a temporary one")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    facts = limits.machine()
    rows = []
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        for exponent in range(3, args.most + 1):
            rows.append(measure(Path(name), exponent, args.batch, args.batches))
            talk(f"10^{exponent}: {json.dumps(rows[-1])}")
    report = {"machine": facts, "batch": args.batch, "batches": args.batches, "rows": rows}
    args.out.mkdir(exist_ok=True)
    (args.out / "growth.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (args.out / "growth.svg").write_text(plot(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
