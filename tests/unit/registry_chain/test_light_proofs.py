"""Map proofs, inclusion proofs and bundles."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry_chain.light import (
    BatchItem,
    MapProof,
    MultiProof,
    TxInclusionProof,
    TxItem,
    UntrustedLightBlock,
    build_bundle,
    compact_bundle,
    data_hash,
    expand_light_block,
    inflate_bundle,
    light_block_to_json,
    parse_bundle,
    slim_light_block,
    tx_inclusion_proof,
    verify_bundle,
    verify_map_proof,
    verify_multi_proof,
    verify_tx_inclusion,
)
from registry_chain.light.dictionary import DICTIONARY
from registry_chain.store import Store
from ssi.encoding import b64url_encode, canonical_json, sha256
from ssi.errors import InvalidProof, Malformed, Rejected, Stale
from ssi.merkle import inclusion_path, root_hash
from tests.support.light import GENESIS, genesis_trust, header, signed, validator_set

NOW = GENESIS + timedelta(hours=1)
BATCH = [sha256(bytes([number])) for number in range(5)]
ANCHOR = canonical_json({"root": b64url_encode(root_hash(BATCH)), "size": 5, "v": 1})
TXS = [b"tx-1", b"tx-2", b"tx-3"]


def value(number: int) -> bytes:
    return b'{"n":%d}' % number


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("proofs") / "chain.db"
    opened = Store(path)
    records = {f"key/{number}": value(number) for number in range(40)} | {"anchor/b": ANCHOR}
    opened.stage(1, records)
    opened.commit()
    yield opened
    opened.close()


def light_block(store: Store) -> UntrustedLightBlock:
    return signed(header(2, app_hash=store.root, data_hash=data_hash(TXS)))


def batch_item(index: int = 2) -> BatchItem:
    path = tuple(inclusion_path(BATCH, index))
    proof = TxInclusionProof(index=index, total=len(BATCH), path=path)
    return BatchItem(anchor="anchor/b", entry=BATCH[index], proof=proof)


def tx_item(index: int = 1) -> TxItem:
    return TxItem(tx_hash=sha256(TXS[index]), proof=tx_inclusion_proof(TXS, index))


def test_a_proof_is_for_the_key_that_was_asked_for(store: Store) -> None:
    """[REG-PROOF-1]"""
    proof = store.prove("key/1")
    assert verify_map_proof(proof, app_hash=store.root, key="key/1") == value(1)
    with pytest.raises(InvalidProof):
        verify_map_proof(proof, app_hash=store.root, key="key/2")


def test_a_value_cannot_be_hidden_or_replaced(store: Store) -> None:
    """[REG-PROOF-1] [REG-PROOF-2]"""
    proof, absent = store.prove("key/1"), store.prove("nobody")
    assert verify_map_proof(absent, app_hash=store.root, key="nobody") is None
    forged: list[tuple[str, MapProof]] = [
        ("key/1", replace(proof, key="key/2")),
        ("key/1", replace(proof, value=None)),
        ("key/1", replace(proof, value=value(2))),
        ("key/1", replace(proof, value=None, leaf=None)),
        ("key/1", replace(proof, siblings=proof.siblings[1:])),
        ("key/1", replace(absent, key="key/1")),
        ("nobody", replace(absent, value=value(1))),
        ("nobody", replace(absent, leaf=proof.leaf)),
        ("nobody", replace(proof, key="nobody")),
        ("nobody", replace(proof, key="nobody", value=None)),
    ]
    for key, wrong in forged:
        with pytest.raises(InvalidProof):
            verify_map_proof(wrong, app_hash=store.root, key=key)


def test_an_old_root_proves_the_old_value(store: Store) -> None:
    with pytest.raises(InvalidProof):
        verify_map_proof(store.prove("key/1"), app_hash=sha256(b"another root"), key="key/1")


@pytest.mark.parametrize(
    "changes",
    [
        {"key": ""},
        {"key": "x" * 129},
        {"key": "a b"},
        {"key": "\ud800"},
        {"value": 1},
        {"value": "AA=="},
        {"value": "A" * 90_000},
        {"leaf": []},
        {"leaf": {}},
        {"leaf": {"key_hash": "AA", "value_hash": "AA"}},
        {"siblings": None},
        {"siblings": ["AA"]},
        {"siblings": ["A" * 43] * 257},
        {"extra": 1},
        {"extra": None},
    ],
)
def test_what_is_no_map_proof(store: Store, changes: dict[str, Any]) -> None:
    """[REG-PROOF-3]"""
    with pytest.raises(Malformed):
        MapProof.parse(store.prove("key/1").to_json() | changes)


@pytest.mark.parametrize("name", ["key", "value", "leaf", "siblings"])
def test_a_proof_with_a_member_left_out(store: Store, name: str) -> None:
    """[REG-PROOF-3] Silence is not absence."""
    obj = store.prove("nobody").to_json()
    del obj[name]
    with pytest.raises(Malformed):
        MapProof.parse(obj)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_every_transaction_of_a_block_is_proven(size: int) -> None:
    """[REG-PROOF-4]"""
    txs = [b"tx%d" % number for number in range(size)]
    for index, tx in enumerate(txs):
        proof = TxInclusionProof.parse(tx_inclusion_proof(txs, index).to_json())
        verify_tx_inclusion(sha256(tx), proof, data_hash(txs))
        with pytest.raises(InvalidProof):
            verify_tx_inclusion(sha256(b"other"), proof, data_hash(txs))
        with pytest.raises(InvalidProof):
            verify_tx_inclusion(sha256(tx), replace(proof, index=size), data_hash(txs))


def test_a_bundle_proves_all_its_items_without_network(store: Store) -> None:
    """[REG-PROOF-5]"""
    items = [*map(store.prove, ("key/1", "nobody", "anchor/b")), tx_item(), batch_item()]
    bundle = parse_bundle(canonical_json(build_bundle(light_block(store), items)))
    verified = verify_bundle(bundle, trusted=genesis_trust(), now=NOW)
    assert verified.records == {"key/1": value(1), "nobody": None, "anchor/b": ANCHOR}
    assert verified.transactions == {sha256(b"tx-2")}
    assert verified.entries == {("anchor/b", BATCH[2])}
    assert (verified.light_block.height, verified.light_block.validators) == (2, 4)


def test_one_false_item_spoils_a_bundle(store: Store) -> None:
    """[REG-PROOF-5]"""
    proof = store.prove("key/1")
    anchor = store.prove("anchor/b")
    wrong: list[list[Any]] = [
        [proof, replace(store.prove("key/2"), value=value(1))],
        [replace(tx_item(), tx_hash=sha256(b"tx-9"))],
        [anchor, replace(batch_item(), entry=sha256(b"other"))],
        [batch_item()],
        [proof, replace(batch_item(), anchor="key/1")],
        [store.prove("nobody"), replace(batch_item(), anchor="nobody")],
    ]
    for items in wrong:
        bundle = parse_bundle(build_bundle(light_block(store), items))
        with pytest.raises(Rejected):
            verify_bundle(bundle, trusted=genesis_trust(), now=NOW)


def test_a_bundle_leads_its_reader_to_a_changed_validator_set(store: Store) -> None:
    """[REG-PROOF-5]"""
    middle = validator_set(a=1, b=1, c=1, w=1)
    step = signed(header(3), middle, "abcw")
    second = signed(header(5), validator_set(b=1, c=1, w=1, x=1), "bcwx")
    head = signed(header(9, app_hash=store.root), validator_set(c=1, w=1, x=1, y=1), "cwxy")
    items = [store.prove("key/1")]
    path = parse_bundle(build_bundle(head, items, path=[step, second]))
    assert verify_bundle(path, trusted=genesis_trust(), now=NOW).light_block.height == 9
    for short in ([], [second], [step]):
        bundle = parse_bundle(build_bundle(head, items, path=short))
        with pytest.raises(Rejected) as caught:
            verify_bundle(bundle, trusted=genesis_trust(), now=NOW)
        assert caught.value.code == "light.not_enough_trust"


def test_an_old_bundle_decides_nothing(store: Store) -> None:
    """[REG-LIGHT-6]"""
    bundle = parse_bundle(build_bundle(light_block(store), [store.prove("key/1")]))
    with pytest.raises(Stale):
        verify_bundle(bundle, trusted=genesis_trust(), now=GENESIS + timedelta(hours=25))


WRONG = [
    {"v": 1},
    {"v": "2"},
    {"items": [{}]},
    {"items": [{"type": "tlog"}]},
    {"items": [{"type": "tx", "tx_hash": "AA", "proof": {}}]},
    {"items": [{"type": "map"}] * 65},
    {"path": [1]},
    {"path": [{}] * 17},
    {"light_block": None},
    {"extra": 1},
    {"records": None},
    {"records": [{}]},
    {"records": [{"key": "a", "depth": 1}]},
    {"records": [{"key": "a", "depth": 1, "value": {}, "instead": ""}]},
    {"records": [{"key": "a", "depth": 1, "value": None}]},
    {"records": [{"key": "a", "depth": 1, "value": "AA"}]},
    {"records": [{"key": "a", "depth": 257, "value": {}}]},
    {"records": [{"key": "a", "depth": 1, "instead": "AA"}]},
    {"records": [{"key": "a b", "depth": 1, "value": {}}]},
    {"records": [{"key": "a", "depth": 1, "value": {}}] * 2},
    {"siblings": "AA"},
    {"siblings": ["A" * 43]},
]


@pytest.mark.parametrize("changes", WRONG)
def test_what_is_no_bundle(store: Store, changes: dict[str, Any]) -> None:
    """[REG-PROOF-3]"""
    good = build_bundle(light_block(store), [store.prove("key/1"), tx_item()])
    with pytest.raises(Malformed):
        parse_bundle(good | changes)


@pytest.mark.parametrize("name", ["v", "light_block", "records", "siblings"])
def test_a_bundle_with_a_member_left_out(store: Store, name: str) -> None:
    """[REG-PROOF-3]"""
    good = build_bundle(light_block(store), [store.prove("key/1"), tx_item()])
    del good[name]
    with pytest.raises(Malformed):
        parse_bundle(good)


# --- several keys at once ---


def test_what_ways_have_in_common_is_said_once(store: Store) -> None:
    """[REG-PROOF-7]"""
    keys = [f"key/{number}" for number in range(12)] + ["nobody", "nowhere"]
    proofs = [store.prove(key) for key in keys]
    joined = MultiProof.of(proofs)
    assert len(joined.siblings) < sum(len(proof.siblings) for proof in proofs) / 2
    told = verify_multi_proof(joined, app_hash=store.root)
    assert told == {proof.key: proof.value for proof in proofs}
    assert verify_multi_proof(MultiProof.of([]), app_hash=store.root) == {}


def test_joined_ways_are_not_forged(store: Store) -> None:
    """[REG-PROOF-7] Whatever is said otherwise of one key, the whole is refused."""
    good = MultiProof.of([store.prove(key) for key in ("key/1", "key/2", "nobody")])
    first, second, absent = good.records
    others = store.prove("key/3")
    forged = [
        replace(good, siblings=good.siblings[1:]),
        replace(good, siblings=(*good.siblings, good.siblings[0])),
        replace(good, siblings=good.siblings[::-1]),
        replace(good, siblings=(b"short", *good.siblings[1:])),
        replace(good, records=(first, second)),
        replace(good, records=(first, first, absent)),
        replace(good, records=(replace(first, value=value(9)), second, absent)),
        replace(good, records=(replace(first, key="key/3"), second, absent)),
        replace(good, records=(replace(first, depth=first.depth - 1), second, absent)),
        replace(good, records=(replace(first, depth=first.depth + 1), second, absent)),
        replace(good, records=(replace(first, depth=0), second, absent)),
        replace(good, records=(replace(first, value=None, leaf=None), second, absent)),
        replace(good, records=(replace(first, value=None), second, absent)),
        replace(good, records=(replace(first, value=None, leaf=others.leaf), second, absent)),
        replace(good, records=(first, second, replace(absent, value=value(1)))),
        replace(good, records=(first, second, replace(absent, leaf=others.leaf))),
        replace(good, records=()),
    ]
    for wrong in forged:
        with pytest.raises(InvalidProof):
            verify_multi_proof(wrong, app_hash=store.root)
    assert verify_multi_proof(good, app_hash=store.root)["nobody"] is None


def test_proofs_of_two_roots_are_not_joined(tmp_path: Path) -> None:
    opened = Store(tmp_path / "two.db")
    opened.stage(1, {"a": b"{}"})
    opened.commit()
    small = opened.prove("a")
    opened.stage(2, {f"k{number}": b"{}" for number in range(20)})
    opened.commit()
    with pytest.raises(ValueError, match="one root"):
        MultiProof.of([small, opened.prove("k1")])
    opened.close()


# --- as text ---


def test_a_bundle_travels_as_text(store: Store) -> None:
    """[REG-PROOF-8]"""
    bundle = build_bundle(light_block(store), [store.prove("key/1"), tx_item()])
    text = compact_bundle(bundle)
    assert inflate_bundle(text) == bundle
    assert len(text) < len(canonical_json(bundle))


def test_the_dictionary_is_the_one_of_the_specification() -> None:
    """[REG-PROOF-8] It never changes: old proofs are read by it."""
    specs = Path(__file__).parents[3] / "specs" / "light.md"
    assert f"`{sha256(DICTIONARY).hex()}`" in specs.read_text("utf-8")


def test_a_stream_without_dictionary_is_read(store: Store) -> None:
    """[REG-PROOF-8]"""
    bundle = build_bundle(light_block(store), [store.prove("key/1")])
    assert inflate_bundle(_packed(canonical_json(bundle))) == bundle


def _packed(data: bytes) -> str:
    return b64url_encode(zlib.compress(data))


def test_text_that_is_no_bundle(store: Store) -> None:
    """[REG-PROOF-8] Bombs, tails, other spellings."""
    bundle = build_bundle(light_block(store), [store.prove("key/1")])
    plain = canonical_json(bundle)
    good = zlib.compress(plain)
    for text in (
        "",
        "AA",
        "=" + b64url_encode(good),
        b64url_encode(good)[:-4],
        b64url_encode(good + b"x"),
        b64url_encode(good[:-4]),
        b64url_encode(plain),
        _packed(b""),
        _packed(b"[]"),
        _packed(plain + b" "),
        _packed(b" " + plain),
        _packed(b" " * 2_000_000),
        _packed(b'{"a":' * 100),
        "A" * 300_000,
    ):
        with pytest.raises(Malformed):
            inflate_bundle(text)


# --- the short form of a light block ---


@pytest.mark.parametrize(
    "block",
    [
        signed(header(1)),
        signed(header(7), by="abd", round_=3),
        signed(header(7, proposer_address=b"\x01" * 20), validator_set(a=7, x=2), "a"),
        signed(header(9, last_block_id=signed(header(8)).commit.block_id)),
        signed(header(9, data_hash=b"", last_results_hash=sha256(b"x"), app_protocol=0)),
    ],
)
def test_a_light_block_in_short_is_the_same(block: UntrustedLightBlock) -> None:
    """[REG-PROOF-6]"""
    slim = slim_light_block(block)
    assert expand_light_block(slim) == block
    assert len(canonical_json(slim)) < 0.6 * len(canonical_json(light_block_to_json(block)))


def test_a_block_has_one_short_spelling() -> None:
    """[REG-PROOF-6]"""
    block = signed(header(7), by="abc")
    slim: Any = slim_light_block(block)
    own = b64url_encode(block.header.validators_hash)
    empty = b64url_encode(sha256(b""))
    first = slim["votes"][0]
    wrong = [
        {"header": slim["header"] | {"next_validators_hash": own}},
        {"header": slim["header"] | {"data_hash": empty}},
        {"header": slim["header"] | {"proposer": b64url_encode(block.header.proposer_address)}},
        {"header": slim["header"] | {"proposer": 4}},
        {"header": slim["header"] | {"proposer": True}},
        {"header": slim["header"] | {"height": "07"}},
        {"header": slim["header"] | {"time": "2026-11-24T09:00:07.0Z"}},
        {"header": slim["header"] | {"last_block_id": ["", 0, ""]}},
        {"header": slim["header"] | {"extra": 1}},
        {"votes": slim["votes"][:3]},
        {"votes": [*slim["votes"], None]},
        {"votes": [[first[0], first[1], "commit"], *slim["votes"][1:]]},
        {"votes": [[first[0].replace("Z", ".0Z"), first[1]], *slim["votes"][1:]]},
        {"votes": ["x", *slim["votes"][1:]]},
        {"validators": []},
        {"validators": [*slim["validators"][:3], slim["validators"][0]]},
        {"validators": [[slim["validators"][0][0], "0"], *slim["validators"][1:]]},
        {"round": -1},
        {"parts": [0, slim["parts"][1]]},
        {"extra": 1},
    ]
    for changes in wrong:
        with pytest.raises(Malformed):
            expand_light_block(slim | changes)
