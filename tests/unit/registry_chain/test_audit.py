"""Replay finds the first difference [REG-AUD-1]."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry_chain.audit import fetch_blocks, read_export, replay
from registry_chain.genesis import Genesis
from registry_chain.transactions import CommitNotices, NoticeItem
from ssi.encoding import b64url_encode, canonical_json
from ssi.errors import Malformed
from ssi.fetch import FetchPolicy, http_fetch
from tests.support.chain import running
from tests.support.registry import T0, YEAR, digest_of, make_genesis


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], Genesis]:
    with running(tmp_path_factory.mktemp("audit") / "c.db") as chain:
        chain.settle()
        item = NoticeItem(commitment=digest_of("n"), deadline=T0 + YEAR)
        chain.do("yubin-box", CommitNotices(items=(item,)))
        fetch = http_fetch(FetchPolicy(allow_loopback_http=True, max_bytes=8_000_000))
        return list(fetch_blocks(chain.url, fetch)), chain.genesis


def test_an_honest_chain_replays(exported: tuple[list[Any], Genesis]) -> None:
    blocks, genesis = exported
    report = replay(blocks, genesis)
    assert report.ok
    assert (report.height, report.roots_checked, report.txs, report.refused) == (9, 9, 4, 0)
    lines = b"".join(canonical_json(block) + b"\n" for block in blocks)
    assert replay(read_export(lines.splitlines()), genesis) == report


def _set(path: str, value: Any) -> Callable[[Any], None]:
    def change(block: Any) -> None:
        *way, last = path.split("/")
        for step in way:
            block = block[step]
        block[last] = value

    return change


def _drop_tx(block: Any) -> None:
    block["txs"], block["results"] = [], []


def _double_tx(block: Any) -> None:
    block["txs"], block["results"] = block["txs"] * 2, block["results"] * 2


HEADER = "light_block/signed_header/header"
CHANGES: dict[str, tuple[Callable[[Any], None], str]] = {
    "another root": (_set(f"{HEADER}/app_hash", "00" * 32), "light.header_hash"),
    "another time": (_set(f"{HEADER}/time", "2025-01-01T00:00:00Z"), "light."),
    "a transaction left out": (_drop_tx, "data_hash differs"),
    "a transaction twice": (_double_tx, "data_hash differs"),
    "another transaction": (_set("txs", [b64url_encode(b"x.y.z")]), "data_hash differs"),
    "another result": (
        _set("results", [{"tx_id": "", "code": 50, "rule": "", "error": ""}]),
        "results of the transactions differ",
    ),
    "another height": (_set(f"{HEADER}/height", "5"), "height"),
    "no block at all": (lambda block: block.clear(), "audit.block"),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_found_where_it_is(
    exported: tuple[list[Any], Genesis], change: Callable[[Any], None], said: str
) -> None:
    blocks, genesis = copy.deepcopy(exported)
    change(blocks[3])
    report = replay(blocks, genesis)
    assert not report.ok
    assert report.height == 3
    assert report.first_difference is not None
    assert report.first_difference.startswith("height 4: ")
    assert said in report.first_difference


def test_a_missing_block_is_found(exported: tuple[list[Any], Genesis]) -> None:
    blocks, genesis = exported
    assert not replay(blocks[1:], genesis).ok
    assert not replay([*blocks[:3], *blocks[4:]], genesis).ok
    assert not replay([*blocks[:3], blocks[2], *blocks[3:]], genesis).ok
    assert not replay([], genesis).ok


def test_another_genesis_does_not_replay(exported: tuple[list[Any], Genesis]) -> None:
    blocks, _ = exported
    report = replay(blocks, make_genesis(loopback=False))
    assert not report.ok
    assert report.height == 0


def test_rewritten_history_needs_the_validators_key(
    exported: tuple[list[Any], Genesis], tmp_path: Path
) -> None:
    """Another chain of the same members, however well made, is not signed by our validator."""
    blocks, genesis = exported
    from dataclasses import replace

    from registry_chain.genesis import validator_json
    from tests.support.registry import signer

    forged = replace(genesis, validators=(validator_json(signer("mallory").public_key),))
    assert not replay(blocks, forged).ok


@pytest.mark.parametrize("line", [b"{", b"[]", b"\xff", b'{"a":1,"a":2}'])
def test_an_export_that_is_none_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        list(read_export([line]))
