"""The codec against light blocks that real CometBFT chains signed.

Files: src/tests/fixtures of freedomofpress/cometbft-ts (a chain of three validators at height 18720
and a local network of four). They are not kept here.
"""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from registry_chain.light import (
    Timestamp,
    TrustedState,
    TrustOptions,
    header_hash,
    light_block_to_json,
    parse_light_block,
    validators_hash,
    verify_light_block,
)
from tests.support.vectors import vectors_dir

OPTIONS = TrustOptions(max_age=None)
BLOCKS = {"header-merkle-webcat-02": 18720, "webcat": 18720, "12": 12}


def _load(name: str) -> dict[str, Any]:
    folder = vectors_dir("cometbft")
    if name != "12":
        loaded: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
        return loaded
    commit = json.loads((folder / "commit-12.json").read_text())
    validators = json.loads((folder / "validators-12.json").read_text())["validators"]
    return {"signed_header": commit["signed_header"], "validator_set": {"validators": validators}}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_real_light_block_verifies(name: str) -> None:
    """[REG-LIGHT-1] [REG-LIGHT-2]"""
    block = parse_light_block(_load(name))
    assert header_hash(block.header) == block.commit.block_id.hash
    assert validators_hash(block.validators) == block.header.validators_hash
    trusted = TrustedState(
        chain_id=block.header.chain_id,
        height=1,
        time=Timestamp(block.header.time.seconds - 60),
        header_hash=b"",
        next_validators_hash=b"",
        validators=block.validators,
    )
    now = block.header.time.moment + timedelta(minutes=1)
    verified = verify_light_block(block, trusted=trusted, now=now, options=OPTIONS)
    assert verified.height == BLOCKS[name]
    assert verified.signed == verified.validators == len(block.validators.validators)
    assert parse_light_block(light_block_to_json(block)) == block


@pytest.mark.parametrize("name", BLOCKS)
def test_a_real_header_keeps_its_exact_time(name: str) -> None:
    loaded = _load(name)
    block = parse_light_block(loaded)
    shown = loaded["signed_header"]["header"]
    assert block.header.to_json() == shown
    later = Timestamp(block.header.time.seconds, block.header.time.nanos + 1)
    assert header_hash(replace(block.header, time=later)) != header_hash(block.header)
