"""Random blocks give equal roots everywhere: on both engines, on every machine [REG-NET-8].

The embedded engine makes the blocks; four processes of the network's application, with different
hash seeds, locales and time zones, execute them over their sockets. Theirs also hold transactions
that the rules refuse, which change nothing [REG-APP-2].
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.light import parse_light_block
from registry_chain.store import Store
from registry_chain.transactions import AnchorBatch
from ssi.encoding import JSONObject, b64url_decode
from ssi.errors import Refused
from tests.support.chain import START, open_engine
from tests.support.effort import effort, figure
from tests.support.registry import digest_of
from tests.support.traffic import Traffic, spoiled

pytestmark = pytest.mark.slow
BLOCKS = effort("WARIFU_BLOCKS", 2000)
ENVIRONMENTS: tuple[tuple[dict[str, str], bool], ...] = (
    ({"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"}, False),
    ({"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo"}, True),
    ({"PYTHONHASHSEED": "4294967295", "LC_ALL": "ja_JP.UTF-8", "TZ": "America/St_Johns"}, False),
    ({"PYTHONHASHSEED": "random", "LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Apia"}, False),
)


@dataclass
class SteppedClock:
    """Time passes at every look, so that block times differ."""

    at: datetime

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=400)
        return self.at


@dataclass
class Made:
    """What the embedded engine made, and what no block may take: at no time, whatever the state."""

    blocks: list[JSONObject]
    refused: list[bytes]


def make_blocks(path: Path, source: random.Random) -> Made:
    engine = open_engine(path, SteppedClock(START))  # type: ignore[arg-type]
    reading = Store(path, readonly=True)
    traffic, refused = Traffic(source), list[bytes]()
    good: list[bytes] = []
    try:
        for body in traffic.settling():
            taken(engine, traffic.signed(reading, engine.status().height, "council", body))
        while engine.status().height < BLOCKS:
            waiting = []
            for _ in range(source.randint(1, 4)):
                raw = traffic.next(reading, engine.status().height)
                with contextlib.suppress(Refused):
                    waiting.append(engine.submit(raw))
                    good.append(raw)
            for tx_id in waiting:
                assert engine.wait(tx_id, 60).code == 0
            refused += hopeless(traffic, reading, good)
        return Made(pages(engine), refused)
    finally:
        reading.close()
        engine.close()


def hopeless(traffic: Traffic, view: Store, good: list[bytes]) -> list[bytes]:
    """One that its member had no right to, and a spoiled one."""
    source = traffic.source
    body = AnchorBatch(batch=f"x{source.randrange(10**9)}", root=digest_of("x"), size=1)
    broken = [spoiled(source, good[-1], tuple(good[-9:]))] if good else []
    return [traffic.signed(view, source.randrange(BLOCKS), "watcher", body), *broken]


def pages(engine: EmbeddedEngine) -> list[JSONObject]:
    found: list[JSONObject] = []
    while page := engine.blocks(len(found) + 1, 200):
        found += page
    return found


def taken(engine: EmbeddedEngine, raw: bytes) -> None:
    assert engine.wait(engine.submit(raw), 60).code == 0


def test_random_blocks_give_equal_roots_everywhere(tmp_path: Path) -> None:
    """[REG-NET-8], [REG-NET-4], [REG-APP-2]"""
    seed = random.SystemRandom().getrandbits(64)
    source = random.Random(seed)
    begun = time.monotonic()
    made = make_blocks(tmp_path / "embedded.db", source)
    lines, expected, old = [], [], list[bytes]()
    for block in made.blocks:
        header = parse_light_block(block["light_block"]).header  # type: ignore[arg-type]
        txs = [b64url_decode(str(tx)) for tx in block["txs"]]  # type: ignore[union-attr]
        if txs and source.random() < 0.5:
            txs.append(source.choice(made.refused))
            txs += [source.choice(old)] if old else []  # replayed
        old += txs
        lines.append(json.dumps([header.height, header.time.seconds, [tx.hex() for tx in txs]]))
        expected.append(header.app_hash.hex())
    (tmp_path / "blocks").write_text("\n".join(lines), "ascii")
    told = replicas(tmp_path, restore_at=len(lines) // 2)
    assert told[0] == told[1] == told[2] == told[3], seed
    roots = [line.split()[0] for line in told[0]]
    # A header signs the root of the block before it.
    assert roots[:-1] == expected[1:], (seed, first_difference(roots, expected[1:]))
    changed = len(set(roots))
    refused = sum(code != "0" for line in told[0] for code in codes(line))
    figure(
        f"{len(lines)} random blocks, seed {seed}: {changed} different roots, equal on the embedded"
        f" engine and 4 processes; {refused} refused transactions in them;"
        f" {time.monotonic() - begun:.0f} s"
    )
    assert len(lines) >= BLOCKS
    assert changed > BLOCKS // 3
    assert refused


def replicas(folder: Path, restore_at: int) -> list[list[str]]:
    """The roots of each process."""
    running = []
    for number, (variables, restores) in enumerate(ENVIRONMENTS):
        home = folder / f"r{number}"
        home.mkdir()
        command = [sys.executable, "-m", "tests.support.replica", str(home), str(folder / "blocks")]
        command += [str(restore_at)] if restores else []
        running.append(
            subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables}
            )
        )
    told = [process.communicate(timeout=3000)[0].splitlines() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    return told


def codes(line: str) -> list[str]:
    inside = line.partition("[")[2].rstrip("]")
    return inside.split(", ") if inside else []


def first_difference(one: list[str], other: list[str]) -> int | None:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
