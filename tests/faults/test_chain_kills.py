"""Thousands of kills: what a node acknowledged is there for ever [REG-ENG-1], [REG-ENG-2].

SIGKILL takes the process, not the machine: what SQLite gave to the system survives it. A power
cut is SQLite's own promise (``synchronous=FULL``), which no test here can break.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry_chain.audit import replay
from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.genesis import Genesis
from ssi.encoding import JSONObject
from tests.support.doomed import Ack, context, doomed_life, found, lost
from tests.support.effort import effort, figure
from tests.support.registry import VALIDATOR, make_genesis

pytestmark = pytest.mark.slow
KILLS = effort("WARIFU_KILLS", 200)


def test_no_kill_loses_what_was_acknowledged(tmp_path: Path) -> None:
    """[REG-ENG-1], [REG-ENG-2], [REG-ENG-5]"""
    path, genesis = tmp_path / "chain.db", make_genesis(time=int(time.time()) - 10)
    found(path, genesis)
    seed = random.SystemRandom().getrandbits(64)
    forks, chance, acks = context(), random.Random(seed), list[Ack]()
    early, begun = 0, time.monotonic()
    for number in range(KILLS):
        life = doomed_life(forks, path, genesis, number, chance)
        assert not life.refused, (seed, number, life.refused)
        early += not life.ready
        acks += life.acks
    seconds = time.monotonic() - begun
    missing = lost(path, genesis, acks)
    figure(
        f"{KILLS} kills ({early} while opening) in {seconds:.0f} s, seed {seed}:"
        f" {len(acks)} acknowledged, {len(missing)} lost"
    )
    assert acks
    assert not missing, (seed, missing[:3])
    report = replay(exported(path, genesis), genesis)
    assert report.ok, (seed, report.first_difference)
    assert report.txs >= len(acks)


def exported(path: Path, genesis: Genesis) -> Iterator[JSONObject]:
    """Every block, as an auditor is given them."""
    engine = EmbeddedEngine(path, genesis, VALIDATOR, lambda: datetime.now(UTC))
    try:
        height = 1
        while page := engine.blocks(height, 100):
            yield from page
            height += len(page)
    finally:
        engine.close()
