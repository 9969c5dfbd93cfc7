"""The frozen chain replays under today's rules: history is never judged anew [REG-APP-3]."""

from pathlib import Path

from registry_chain.audit import read_export, replay
from registry_chain.genesis import Genesis

FROZEN = Path(__file__).parents[2] / "frozen" / "chain-1"


def test_the_frozen_chain_replays_to_the_same_head() -> None:
    """[REG-APP-3], [REG-AUD-1], [REG-UPG-1]: see tests/frozen/make_chain.py before changing it."""
    genesis = Genesis.load(FROZEN / "genesis.json")
    blocks = list(read_export((FROZEN / "blocks.jsonl").read_bytes().splitlines()))
    report = replay(blocks, genesis)
    assert report.ok, report.first_difference
    height, head = (FROZEN / "head.txt").read_text("ascii").split()
    assert (report.height, report.head, report.refused) == (int(height), head, 0)
    assert report.txs > 30
