"""Map proofs, inclusion proofs and bundles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry_chain.light import (
    BatchItem,
    MapProof,
    TxInclusionProof,
    TxItem,
    UntrustedLightBlock,
    build_bundle,
    data_hash,
    parse_bundle,
    tx_inclusion_proof,
    verify_bundle,
    verify_map_proof,
    verify_tx_inclusion,
)
from registry_chain.store import Store
from ssi.encoding import b64url_encode, canonical_json, sha256
from ssi.errors import InvalidProof, Malformed, Rejected, Stale
from ssi.merkle import inclusion_path, root_hash
from tests.support.light import GENESIS, genesis_trust, header, signed, validator_set

NOW = GENESIS + timedelta(hours=1)
BATCH = [sha256(bytes([number])) for number in range(5)]
ANCHOR = canonical_json({"root": b64url_encode(root_hash(BATCH)), "size": 5, "v": 1})
TXS = [b"tx-1", b"tx-2", b"tx-3"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("proofs") / "chain.db"
    opened = Store(path)
    records = {f"key/{number}": b"%d" % number for number in range(40)} | {"anchor/b": ANCHOR}
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
    assert verify_map_proof(proof, app_hash=store.root, key="key/1") == b"1"
    with pytest.raises(InvalidProof):
        verify_map_proof(proof, app_hash=store.root, key="key/2")


def test_a_value_cannot_be_hidden_or_replaced(store: Store) -> None:
    """[REG-PROOF-1] [REG-PROOF-2]"""
    proof, absent = store.prove("key/1"), store.prove("nobody")
    assert verify_map_proof(absent, app_hash=store.root, key="nobody") is None
    forged: list[tuple[str, MapProof]] = [
        ("key/1", replace(proof, key="key/2")),
        ("key/1", replace(proof, value=None)),
        ("key/1", replace(proof, value=b"2")),
        ("key/1", replace(proof, value=None, leaf=None)),
        ("key/1", replace(proof, siblings=proof.siblings[1:])),
        ("key/1", replace(absent, key="key/1")),
        ("nobody", replace(absent, value=b"1")),
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
    assert verified.records == {"key/1": b"1", "nobody": None, "anchor/b": ANCHOR}
    assert verified.transactions == {sha256(b"tx-2")}
    assert verified.entries == {("anchor/b", BATCH[2])}
    assert (verified.light_block.height, verified.light_block.validators) == (2, 4)


def test_one_false_item_spoils_a_bundle(store: Store) -> None:
    """[REG-PROOF-5]"""
    proof = store.prove("key/1")
    anchor = store.prove("anchor/b")
    wrong: list[list[Any]] = [
        [proof, replace(store.prove("key/2"), value=b"1")],
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


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"v": "1"},
        {"items": [{}]},
        {"items": [{"type": "tlog"}]},
        {"items": [{"type": "tx", "tx_hash": "AA", "proof": {}}]},
        {"items": [{"type": "map"}]},
        {"items": [{"type": "map"}] * 65},
        {"path": [1]},
        {"path": [{}] * 17},
        {"light_block": None},
        {"extra": 1},
    ],
)
def test_what_is_no_bundle(store: Store, changes: dict[str, Any]) -> None:
    """[REG-PROOF-3]"""
    good = build_bundle(light_block(store), [store.prove("key/1"), tx_item()])
    with pytest.raises(Malformed):
        parse_bundle(good | changes)
