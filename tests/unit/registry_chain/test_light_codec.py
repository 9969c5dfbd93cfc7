"""CometBFT's bytes and JSON: known answers, strict parsing."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from registry_chain.light import (
    NO_BLOCK,
    Timestamp,
    ValidatorSet,
    block_id,
    codec,
    commit_hash,
    data_hash,
    header_hash,
    light_block_to_json,
    parse_genesis_validators,
    parse_light_block,
    results_hash,
    vote_sign_bytes,
)
from ssi.encoding import Fields, JSONObject, sha256
from ssi.errors import Malformed
from ssi.merkle import EMPTY_ROOT, leaf_hash
from tests.support.light import FOUR, GENESIS, header, signed, validator, validator_set


@pytest.mark.parametrize(
    ("number", "encoded"), [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02")]
)
def test_varints(number: int, encoded: str) -> None:
    assert codec.uvarint(number).hex() == encoded


def test_fields_of_protocol_buffers() -> None:
    """[REG-LIGHT-1]"""
    assert codec.pb_int(1, 0) == codec.pb_fixed(2, 0) == codec.pb_bytes(3, b"") == b""
    assert codec.pb_int(1, -1).hex() == "08" + "ff" * 9 + "01"
    assert codec.pb_fixed(2, 5).hex() == "110500000000000000"
    assert codec.pb_message(5, b"").hex() == "2a00"
    assert NO_BLOCK.encode().hex() == "1200"


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("2026-03-08T03:00:52.980342151Z", 1772938852, 980342151),
        ("2025-11-26T21:34:07.1855Z", 1764192847, 185500000),
        ("0001-01-01T00:00:00Z", -62135596800, 0),
        ("9999-12-31T23:59:59.999999999Z", 253402300799, 999999999),
    ],
)
def test_times_are_exact(text: str, seconds: int, nanos: int) -> None:
    time = codec.take_time(Fields({"t": text}, where="test"), "t")
    assert (time, time.to_json()) == ((seconds, nanos), text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01 00:00:00Z",
        "２026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z\n",
    ],
)
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(Malformed):
        codec.take_time(Fields({"t": text}, where="test"), "t")


def test_moments_before_1970_and_with_microseconds() -> None:
    moment = datetime(1969, 12, 31, 23, 59, 59, 250_000, tzinfo=UTC)
    assert Timestamp.at(moment) == (-1, 250_000_000)
    assert Timestamp.at(moment).moment == moment
    with pytest.raises(ValueError, match="time zone"):
        Timestamp.at(moment.replace(tzinfo=None))


def test_empty_lists_hash_as_in_cometbft() -> None:
    """[REG-LIGHT-1]"""
    assert data_hash([]) == results_hash([]) == commit_hash(None) == EMPTY_ROOT
    assert data_hash([b"tx"]) == leaf_hash(sha256(b"tx"))
    assert results_hash([0]) == leaf_hash(b"")


def test_a_set_is_in_the_order_of_power_and_address() -> None:
    """[REG-LIGHT-1]"""
    made = validator_set(a=1, b=5, c=1)
    assert [one.power for one in made.validators] == [5, 1, 1]
    assert made.validators[1].address < made.validators[2].address
    listed = [one.to_json() for one in reversed(made.validators)]
    assert parse_genesis_validators(listed) == made


def test_round_zero_and_votes_for_nothing_are_left_out_of_the_signed_bytes() -> None:
    """[REG-LIGHT-1]"""
    block = signed(header(1))
    length, *rest = vote_sign_bytes("test-chain", block.commit, 0)
    vote = bytes(rest)
    assert length == len(vote)
    assert vote.startswith(bytes.fromhex("0802" + "11" + "0100000000000000" + "22"))
    assert vote.endswith(b"\x32\x0atest-chain")


def test_a_block_over_many_parts() -> None:
    one = block_id(header(1), [b"tx"], None)
    many = block_id(header(1), [b"x" * 200_000], None)
    assert (one.parts_total, many.parts_total) == (1, 4)
    assert one.hash == many.hash == header_hash(header(1))


def test_json_is_read_back() -> None:
    for block in (signed(header(1)), signed(header(70), by="abc", round_=2)):
        assert parse_light_block(light_block_to_json(block)) == block


SPOILERS: dict[str, tuple[str, Any]] = {
    "no object": ("", []),
    "no header": ("signed_header.header", None),
    "an unknown member": ("signed_header.header.extra", 1),
    "an unknown member of the vote": ("signed_header.commit.signatures.0.extra", 1),
    "a number for a height": ("signed_header.header.height", 1),
    "a height with a sign": ("signed_header.header.height", "+1"),
    "a height with a zero": ("signed_header.header.height", "01"),
    "a height of nothing": ("signed_header.header.height", "0"),
    "a height beyond 63 bits": ("signed_header.header.height", "9223372036854775808"),
    "another block protocol": ("signed_header.header.version.block", "12"),
    "a hash in lower case": ("signed_header.header.data_hash", "ab" * 32),
    "a hash too short": ("signed_header.header.validators_hash", "AB" * 31),
    "a hash left out": ("signed_header.header.validators_hash", ""),
    "a chain id with half a character": ("signed_header.header.chain_id", "\ud800"),
    "a long chain id": ("signed_header.header.chain_id", "x" * 51),
    "a negative round": ("signed_header.commit.round", -1),
    "a huge round": ("signed_header.commit.round", 2**31),
    "no votes": ("signed_header.commit.signatures", []),
    "an unknown flag": ("signed_header.commit.signatures.0.block_id_flag", 4),
    "an absent one who signed": ("signed_header.commit.signatures.0.block_id_flag", 1),
    "a short signature": ("signed_header.commit.signatures.0.signature", "AA=="),
    "no signature": ("signed_header.commit.signatures.0.signature", None),
    "half a block id": ("signed_header.commit.block_id.hash", ""),
    "too many parts": ("signed_header.commit.block_id.parts.total", 2**32),
    "no validators": ("validator_set.validators", []),
    "too many validators": ("validator_set.validators", [{}] * 201),
    "another key type": ("validator_set.validators.0.pub_key.type", "tendermint/PubKeySecp256k1"),
    "another address": ("validator_set.validators.0.address", "AB" * 20),
    "no power": ("validator_set.validators.0.voting_power", "0"),
    "too much power": ("validator_set.validators.0.voting_power", str(2**61)),
    "two powers": ("validator_set.validators.0.power", "1"),
}


def spoil(obj: JSONObject, path: str, value: Any) -> Any:
    if not path:
        return value
    *way, last = path.split(".")
    spoiled: Any = copy.deepcopy(obj)
    at = spoiled
    for step in way:
        at = at[int(step)] if step.isdecimal() else at[step]
    at[last] = value
    return spoiled


@pytest.mark.parametrize("why", SPOILERS)
def test_what_is_not_cometbfts_form(why: str) -> None:
    """[REG-LIGHT-7]"""
    spoiled = spoil(light_block_to_json(signed(header(1))), *SPOILERS[why])
    with pytest.raises(Malformed):
        parse_light_block(spoiled)


def test_a_key_listed_twice() -> None:
    """[REG-LIGHT-7]"""
    twice = ValidatorSet((validator("a"), validator("a", 2)))
    with pytest.raises(Malformed):
        ValidatorSet.parse(twice.to_json())


def test_members_that_nobody_signs_are_passed_over() -> None:
    """[REG-LIGHT-7] CometBFT and others show priorities, names and a proposer."""
    obj: Any = light_block_to_json(signed(header(1)))
    for one in obj["validator_set"]["validators"]:
        one |= {"proposer_priority": "-3", "name": None}
    obj["validator_set"] |= {"proposer": None, "total_voting_power": "4"}
    assert parse_light_block(obj).validators == FOUR


def test_the_time_of_a_header_is_in_its_hash_to_the_nanosecond() -> None:
    at = Timestamp.at(GENESIS)
    exact = header(1, time=at), header(1, time=Timestamp(at.seconds, 1))
    assert header_hash(exact[0]) != header_hash(exact[1])
