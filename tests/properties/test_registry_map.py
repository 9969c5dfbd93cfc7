"""Properties of what nodes show: a changed byte is always found, and never crashes the reader."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_chain import jmt
from registry_chain.light import (
    BatchItem,
    MapProof,
    TxInclusionProof,
    TxItem,
    UntrustedBundle,
    build_bundle,
    data_hash,
    light_block_to_json,
    parse_bundle,
    parse_light_block,
    tx_inclusion_proof,
    verify_bundle,
    verify_light_block,
    verify_map_proof,
)
from registry_chain.store import Store
from ssi.encoding import b64url_encode, canonical_json, parse_json, sha256
from ssi.errors import Rejected
from ssi.merkle import inclusion_path, root_hash
from tests.support.effort import examples
from tests.support.light import GENESIS, genesis_trust, header, signed

NOW = GENESIS + timedelta(hours=1)
KEYS = st.text("abcd/", min_size=1, max_size=6)


@cache
def proofs() -> tuple[bytes, dict[str, MapProof]]:
    with TemporaryDirectory() as folder:
        store = Store(f"{folder}/chain.db")
        store.stage(1, {f"key/{number}": b'{"n":%d}' % number for number in range(60)})
        store.commit()
        made = {key: store.prove(key) for key in ("key/1", "key/2", "nobody", "nowhere")}
        root = store.root
        store.close()
    return root, made


@cache
def light_block() -> bytes:
    block = signed(header(7, app_hash=proofs()[0]), by="abc", round_=1)
    return canonical_json(light_block_to_json(block))


def judged(text: bytes) -> None:
    block = parse_light_block(parse_json(text))
    verify_light_block(block, trusted=genesis_trust(), now=NOW)


def test_the_untouched_block_is_good() -> None:
    judged(light_block())


def test_every_flipped_byte_of_a_light_block_is_refused() -> None:
    """[REG-LIGHT-7] All bytes, one bit each; nothing but ``Rejected`` comes out."""
    good = light_block()
    for at in range(len(good)):
        changed = bytearray(good)
        changed[at] ^= 1 << at % 7
        with pytest.raises(Rejected):
            judged(bytes(changed))


def proven(text: bytes, root: bytes, key: str) -> bytes | None:
    return verify_map_proof(MapProof.parse(parse_json(text)), app_hash=root, key=key)


@pytest.mark.parametrize("key", ["key/1", "nobody", "nowhere"])
def test_every_flipped_byte_of_a_map_proof_is_refused(key: str) -> None:
    """[REG-PROOF-2]"""
    root, made = proofs()
    good = canonical_json(made[key].to_json())
    for at in range(len(good)):
        for bit in (0, 1, 5):
            changed = bytearray(good)
            changed[at] ^= 1 << bit
            with pytest.raises(Rejected):
                proven(bytes(changed), root, key)


@cache
def bundle() -> bytes:
    root, made = proofs()
    txs = [b"one", b"two", b"three"]
    head = signed(header(7, app_hash=root, data_hash=data_hash(txs)))
    item = TxItem(tx_hash=sha256(b"two"), proof=tx_inclusion_proof(txs, 1))
    return canonical_json(build_bundle(head, [made["key/2"], made["nobody"], item]))


@settings(max_examples=examples(300), deadline=None)
@given(at=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_a_changed_byte_of_a_bundle_is_refused(at: int, flip: int) -> None:
    """[REG-PROOF-5]"""
    changed = bytearray(bundle())
    changed[at % len(changed)] ^= flip
    with pytest.raises(Rejected):
        verify_bundle(parse_bundle(bytes(changed)), trusted=genesis_trust(), now=NOW)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def _places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    pairs: Any = value.items() if isinstance(value, dict) else ()
    for name, below in enumerate(value) if isinstance(value, list) else pairs:
        found += _places(below, (*way, name))
    return found


@settings(max_examples=examples(300), deadline=None)
@given(where=st.integers(0, 10**6), junk=JUNK, remove=st.booleans())
def test_junk_anywhere_in_a_bundle_is_refused(where: int, junk: Any, *, remove: bool) -> None:
    """[REG-PROOF-3]"""
    obj: Any = json.loads(bundle())
    places = _places(obj)
    *way, last = places[where % len(places)]
    at = obj
    for step in way:
        at = at[step]
    if remove:
        del at[last]
    elif at[last] == junk:
        return
    else:
        at[last] = junk
    try:
        parsed: UntrustedBundle = parse_bundle(obj)
        told = verify_bundle(parsed, trusted=genesis_trust(), now=NOW)
    except Rejected:
        return
    # Whole items may go, and a vote that is not needed for two thirds; no more is told than before.
    silent = way == ["light_block", "votes"] and junk is None
    assert last == "items" or way == ["items"] or silent
    assert told.records.items() <= {"key/2": b'{"n":2}', "nobody": None}.items()


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.dictionaries(KEYS, st.binary(max_size=4), max_size=8), max_size=6))
def test_the_store_is_a_dictionary_that_remembers(blocks: list[dict[str, bytes]]) -> None:
    """[REG-MAP-3]"""
    with TemporaryDirectory() as folder:
        store = Store(f"{folder}/chain.db", cached_pages=3)
        model: dict[str, bytes] = {}
        history = []
        for version, changes in enumerate(blocks):
            model |= changes
            assert store.stage(version, changes) == jmt.root_of(model)
            store.commit()
            history.append(dict(model))
        for version, state in enumerate(history):
            assert dict(store.items("", version)) == state
            assert list(dict(store.items("", version))) == sorted(state)
            for key in {*model, "a", "zz"}:
                proof = MapProof.parse(store.prove(key, version).to_json())
                root = store.root_at(version)
                assert verify_map_proof(proof, app_hash=root, key=key) == state.get(key)
        store.close()


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.binary(max_size=4), min_size=1, max_size=20), st.data())
def test_entries_of_a_batch(entries: list[bytes], data: st.DataObject) -> None:
    """[REG-PROOF-5]"""
    hashed = [sha256(entry) for entry in entries]
    index = data.draw(st.integers(0, len(hashed) - 1))
    record = canonical_json({"root": b64url_encode(root_hash(hashed)), "size": len(hashed)})
    with TemporaryDirectory() as folder:
        store = Store(f"{folder}/chain.db")
        store.stage(1, {"anchor/x": record})
        store.commit()
        path = tuple(inclusion_path(hashed, index))
        proof = TxInclusionProof(index=index, total=len(hashed), path=path)
        item = BatchItem(anchor="anchor/x", entry=hashed[index], proof=proof)
        head = signed(header(2, app_hash=store.root))
        made = build_bundle(head, [store.prove("anchor/x"), item])
        store.close()
    told = verify_bundle(parse_bundle(made), trusted=genesis_trust(), now=NOW)
    assert told.entries == {("anchor/x", hashed[index])}
