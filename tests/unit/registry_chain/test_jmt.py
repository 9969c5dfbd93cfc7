"""The map's hashing and pages against a definition of a few lines."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from registry_chain import jmt
from registry_chain.jmt import EMPTY, Leaf, Page, Slot, decode_page, encode_page, page_hash
from ssi.encoding import sha256
from ssi.errors import InvalidProof


def naive_root(leaves: Mapping[bytes, bytes], depth: int = 0) -> bytes:
    """The definition: nothing, one leaf, or the two halves by the next bit."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return jmt.leaf_hash(Leaf(*next(iter(leaves.items()))))
    halves: tuple[dict[bytes, bytes], dict[bytes, bytes]] = ({}, {})
    for key, value in leaves.items():
        halves[key[depth // 8] >> (7 - depth % 8) & 1][key] = value
    return jmt.inner_hash(naive_root(halves[0], depth + 1), naive_root(halves[1], depth + 1))


class Memory:
    """Pages kept for ever, by version and path."""

    def __init__(self) -> None:
        self.pages: dict[tuple[int, str], Page] = {}
        self.root: Slot = b""
        self.version = 0

    def load(self, child: Slot, path: str) -> Page:
        page = decode_page(encode_page(self.pages[jmt.version_of(child), path]))
        assert page_hash(page) == jmt.hash_of(child)
        return page

    def put(self, leaves: Mapping[bytes, bytes]) -> Slot:
        self.version += 1
        listed = [key + value for key, value in leaves.items()]

        def save(path: str, page: Page) -> None:
            self.pages[self.version, path] = page

        self.root = jmt.update(self.root, listed, version=self.version, load=self.load, save=save)
        return self.root


def colliding(rng: random.Random, common_bits: int) -> bytes:
    """A key hash that shares its first bits with all others made so."""
    whole = int.from_bytes(sha256(b"prefix"), "big")
    free = 256 - common_bits
    return ((whole >> free << free) | rng.getrandbits(free)).to_bytes(32, "big")


@pytest.mark.parametrize("common_bits", [0, 1, 3, 4, 5, 63, 64, 200, 250])
def test_any_order_of_updates_gives_the_defined_root_and_paths(common_bits: int) -> None:
    """[REG-MAP-2] [REG-MAP-3] long shared prefixes included"""
    rng = random.Random(common_bits)
    memory, model = Memory(), dict[bytes, bytes]()
    history = []
    for _ in range(12):
        size = rng.choice([0, 1, 1, 2, 7, 30])
        new = {colliding(rng, common_bits): rng.randbytes(32) for _ in range(size)}
        if model:
            new |= {key: rng.randbytes(32) for key in rng.sample(sorted(model), min(3, len(model)))}
        model |= new
        root = memory.put(new)
        assert jmt.hash_of(root) == naive_root(model)
        history.append((root, dict(model)))
    for root, state in history:
        searched = [*rng.sample(sorted(state), min(9, len(state))), rng.randbytes(32)]
        searched += [colliding(rng, common_bits) for _ in range(4)]
        for wanted in searched:
            leaf, siblings = jmt.find(root, wanted, load=memory.load)
            found = leaf.value_hash if leaf and leaf.key_hash == wanted else None
            assert found == state.get(wanted)
            jmt.verify_path(jmt.hash_of(root), wanted, leaf, siblings)


def test_an_update_that_changes_nothing_writes_nothing() -> None:
    memory = Memory()
    leaves = {sha256(bytes([i])): sha256(b"v") for i in range(40)}
    before = memory.put(leaves)
    count = len(memory.pages)
    assert memory.put(leaves) == before
    assert memory.put({}) == before
    assert len(memory.pages) == count


def test_only_the_pages_on_the_way_are_replaced() -> None:
    """[REG-MAP-3]"""
    memory = Memory()
    memory.put({sha256(bytes([i, j])): sha256(b"v") for i in range(40) for j in range(40)})
    touched = sha256(bytes([1, 1])) + sha256(b"w")
    new: dict[str, Page] = {}
    jmt.update(memory.root, [touched], version=9, load=memory.load, save=new.__setitem__)
    paths = sorted(new)
    assert paths == [touched.hex()[: len(path)] for path in paths]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(15),
        bytes(16) + b"x",
        b"\x40" + bytes(15) + b"x" * 63,
        b"\x41" + bytes(15) + b"x" * 65,
        b"\x28" + bytes(15) + b"x" * 41,
    ],
)
def test_bytes_that_are_no_page(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a page"):
        decode_page(data)


def test_a_leaf_beside_the_way_proves_no_absence() -> None:
    """[REG-PROOF-2] an empty half of the tree must not be shown by a leaf of the other half."""
    low, high = Leaf(b"\x00" * 32, b"v" * 32), Leaf(b"\xff" * 32, b"v" * 32)
    root = jmt.inner_hash(jmt.leaf_hash(low), jmt.leaf_hash(high))
    jmt.verify_path(root, b"\x01" * 32, low, [jmt.leaf_hash(high)])
    with pytest.raises(InvalidProof):
        jmt.verify_path(root, b"\x81" * 32, low, [jmt.leaf_hash(high)])
    with pytest.raises(InvalidProof):
        jmt.verify_path(root, b"\x01" * 32, None, [jmt.leaf_hash(high)])


def test_a_leaf_in_a_place_that_is_not_its_own_proves_nothing() -> None:
    """[REG-PROOF-2] even under a root that was made so."""
    misplaced, other = Leaf(b"\xff" * 32, b"v" * 32), jmt.leaf_hash(Leaf(b"\x80" * 32, b"v" * 32))
    root = jmt.inner_hash(jmt.leaf_hash(misplaced), other)
    with pytest.raises(InvalidProof):
        jmt.verify_path(root, b"\x01" * 32, misplaced, [other])


@pytest.mark.parametrize("siblings", [[b"x" * 31], [b"x" * 33], [b""], [b"x" * 32] * 257])
def test_hashes_of_another_size_and_endless_paths(siblings: list[bytes]) -> None:
    """[REG-PROOF-2]"""
    with pytest.raises(InvalidProof):
        jmt.verify_path(EMPTY, b"k" * 32, None, siblings)
