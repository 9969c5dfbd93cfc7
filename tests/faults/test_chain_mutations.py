"""Replayed and malformed transactions: stable refusals, and the state does not move.

One in five is signed by its own member after it was bent, so that the rules behind the signature
are reached; such a one may be good, and then all that is asked is that nothing else happens.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from registry_chain.application import Application
from registry_chain.store import Store
from ssi.advice import ADVICE
from ssi.errors import Refused, Rejected
from tests.support.effort import effort, figure
from tests.support.registry import CHAIN, T0, make_genesis
from tests.support.traffic import Traffic, bent, spoiled

pytestmark = pytest.mark.slow
MUTATIONS = effort("WARIFU_MUTATIONS", 100_000)
BLOCK = 400


class Chain:
    """An application with a little history, and transactions that it would take next."""

    def __init__(self, path: Path, seed: int) -> None:
        self.store = Store(path)
        self.app = Application(self.store, CHAIN)
        self.app.init_genesis(make_genesis())
        self.app.commit()
        self.height, self.source = 0, random.Random(seed)
        self.traffic = Traffic(self.source)
        self.old: list[bytes] = []
        for body in self.traffic.settling():
            self.block(self.traffic.signed(self.store, self.height, "council", body))
        while len(self.old) < 60:
            self.block(self.traffic.next(self.store, self.height))
        self.good = self._takeable()

    def block(self, raw: bytes) -> None:
        """Commit a block of one transaction; keep the transaction if it was good."""
        self.height += 1
        judged = self.app.finalize(self.height, T0 + 60 + self.height, [raw])
        self.app.commit()
        if judged.results[0].code == 0:
            self.old.append(raw)

    def check(self, raw: bytes) -> str:
        """The code of the refusal, or nothing if it is taken."""
        try:
            self.app.check_tx(raw, height=self.height + 1, time=T0 + 61 + self.height)
        except (Rejected, Refused) as error:
            return error.code
        self.app.forget_pending()
        return ""

    def _takeable(self) -> tuple[bytes, ...]:
        found: list[bytes] = []
        while len(found) < 40:
            raw = self.traffic.next(self.store, self.height + 50)
            if not self.check(raw):
                found.append(raw)
        return tuple(found)


def known(code: str) -> bool:
    """Whether a code stands in the table of errors, itself or by its family."""
    return code in ADVICE or code.partition(".")[0] in ADVICE


def test_a_million_bent_transactions_move_nothing(tmp_path: Path) -> None:
    """[REG-TX-1], [REG-TX-4], [REG-APP-2]"""
    seed = random.SystemRandom().getrandbits(64)
    chain = Chain(tmp_path / "chain.db", seed)
    source, root = chain.source, chain.store.root
    told: Counter[str] = Counter()
    block: list[bytes] = []
    begun = time.monotonic()
    for number in range(MUTATIONS):
        good = source.choice(chain.good)
        match number % 10:
            case 0:
                raw, must_fail = source.choice(chain.old), True
            case 1 | 2:
                raw, must_fail = bent(source, good), False
            case _:
                raw, must_fail = spoiled(source, good, chain.good), True
        code = chain.check(raw)
        assert code or not must_fail, (seed, number, raw)
        assert not code or known(code), (seed, number, code)
        told[code or "taken: bent, but good"] += 1
        if code:
            block.append(raw)
        if len(block) == BLOCK:
            judged = chain.app.finalize(chain.height + 1, T0 + 61 + chain.height, block)
            assert all(one.code for one in judged.results), (seed, number)
            assert judged.app_hash == root == chain.store.root, (seed, number)
            chain.app.abort()
            block.clear()
    figure(
        f"{MUTATIONS} mutations in {time.monotonic() - begun:.0f} s, seed {seed}:"
        f" {len(told)} different ends; {dict(told.most_common(12))}"
    )
    assert len(told) > 15, told  # the deep rules were reached, not the parser alone
    assert not chain.check(chain.good[0])
