"""What this machine can do at all, measured in the same run as what is compared with it.

Other work on the machine makes every figure worse, so a limit is measured again in every round,
and a ratio is taken within its round. Processor time counts this process only, waiting not at all.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import nacl.bindings

MESSAGE = b"m" * 400  # about what the signature of a small transaction covers


def machine() -> dict[str, str | int | float]:
    """The facts a figure is worth nothing without."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "load_at_start": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def cpu_us(work: Callable[[], object], count: int) -> float:
    """Microseconds of processor time of this thread for each of ``count`` repetitions."""
    begin = time.thread_time()
    for _ in range(count):
        work()
    return (time.thread_time() - begin) * 1e6 / count


def verify_us() -> float:
    """One bare Ed25519 verification by libsodium, in microseconds of processor time."""
    public, secret = nacl.bindings.crypto_sign_seed_keypair(bytes(32))
    signed = nacl.bindings.crypto_sign(MESSAGE, secret)
    return cpu_us(lambda: nacl.bindings.crypto_sign_open(signed, public), 500)


def plain_table(path: Path, rows: Iterable[tuple[str, bytes]] = ()) -> sqlite3.Connection:
    """A table of keys and values as safe as the ledger's file: what a database would do."""
    db = sqlite3.connect(path, isolation_level=None)
    for setting in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "cache_size = -65536",
        "wal_autocheckpoint = 8000",
    ):
        db.execute(f"PRAGMA {setting}")
    db.execute("BEGIN")
    db.execute("CREATE TABLE IF NOT EXISTS record (id INTEGER PRIMARY KEY, key TEXT, value BLOB)")
    db.executemany("INSERT INTO record (key, value) VALUES (?, ?)", rows)
    db.execute("CREATE UNIQUE INDEX IF NOT EXISTS record_key ON record (key)")
    db.execute("COMMIT")
    return db


def commit_ms(folder: Path, count: int = 100) -> float:
    """A durable SQLite commit of one small row: median milliseconds by the clock."""
    db = plain_table(folder / f"limit-{time.monotonic_ns()}.db")
    times = []
    for number in range(count):
        begin = time.perf_counter()
        db.execute("INSERT INTO record (key, value) VALUES (?, ?)", (str(number), MESSAGE))
        times.append(1000 * (time.perf_counter() - begin))
    db.close()
    return median(times)


def peak_mb() -> int:
    """The most memory this process had, in MB."""
    import resource  # noqa: PLC0415 - POSIX only, as the node is

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Median, least and most."""
    return {
        "median": round(median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def latency(times: Sequence[float]) -> dict[str, float]:
    """Seconds as milliseconds: the middle one, and that which one in a hundred exceeds."""
    ms = [1000 * one for one in times]
    return {"p50_ms": round(median(ms), 2), "p99_ms": round(quantiles(ms, n=100)[98], 2)}
