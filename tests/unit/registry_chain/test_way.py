"""The way to a snapshot that a node keeps in its folder [REG-NET-10]."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from registry_chain.engines.cometbft.way import NAME, read_way, write_way
from registry_chain.light import light_block_to_json
from ssi.encoding import canonical_json
from ssi.errors import Malformed
from tests.hostile.test_files import BENDS
from tests.support.light import Chain as LightChain
from tests.support.light import validator_set


def walked(count: int = 3) -> LightChain:
    made = LightChain()
    for _ in range(count):
        made.grow(validator_set(a=1), validator_set(a=1))
    return made


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = walked()
    assert read_way(tmp_path) == {}  # a node that replayed the chain has none
    write_way(tmp_path, made.blocks)
    shown = {block.height: light_block_to_json(block) for block in made.blocks}
    assert read_way(tmp_path) == shown


@pytest.mark.parametrize("bend", BENDS)
def test_a_bent_file_is_refused_before_anything_starts(tmp_path: Path, bend: str) -> None:
    write_way(tmp_path, walked().blocks)
    BENDS[bend](tmp_path / NAME)
    if bend == "gone":
        assert read_way(tmp_path) == {}
        return
    with pytest.raises(Malformed):
        read_way(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told | {"more": 1},
        lambda told: {"light_blocks": {}},
        lambda told: {"light_blocks": [{}]},
        lambda told: {"light_blocks": told["light_blocks"] * 300},
    ],
    ids=["more", "no list", "no light block", "too many"],
)
def test_only_a_list_of_light_blocks_is_one(
    tmp_path: Path, change: Callable[[dict[str, list[object]]], object]
) -> None:
    shown: list[object] = [light_block_to_json(block) for block in walked().blocks]
    (tmp_path / NAME).write_bytes(canonical_json(change({"light_blocks": shown})))  # type: ignore[arg-type]
    with pytest.raises(Malformed):
        read_way(tmp_path)
