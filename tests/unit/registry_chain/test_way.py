"""The way to a snapshot that a node keeps in its folder [REG-NET-10]."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_chain.engines.cometbft.way import MAX_ANSWER, NAME, leading, read_way, write_way
from registry_chain.light import light_block_to_json
from ssi.encoding import JSONObject, canonical_json
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
    "line", [b"{}", b"[]", b"\n", b"x" * 1_000_001], ids=["object", "list", "empty", "long"]
)
def test_every_line_is_a_light_block(tmp_path: Path, line: bytes) -> None:
    write_way(tmp_path, walked().blocks)
    with (tmp_path / NAME).open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(Malformed):
        read_way(tmp_path)


def test_a_long_way_of_many_validators_is_kept_whole_and_told_in_parts(tmp_path: Path) -> None:
    """Two megabytes of light blocks: more than one answer, or one JSON text, may hold."""
    made = walked(1500)
    write_way(tmp_path, made.blocks)
    assert (tmp_path / NAME).stat().st_size > 2 * MAX_ANSWER
    way = read_way(tmp_path)
    assert list(way) == [block.height for block in made.blocks]
    told, parts = list[JSONObject](), 0
    while len(told) < len(way):
        part = leading(list(way.values())[len(told) :])
        assert 0 < sum(len(canonical_json(one)) for one in part) <= MAX_ANSWER
        told += part
        parts += 1
    assert (told, parts > 1) == (list(way.values()), True)
