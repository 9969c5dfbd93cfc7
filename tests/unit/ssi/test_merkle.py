"""Merkle trees; the probes of RFC 6962 run in tests/vectors."""

import pytest

from ssi.errors import InvalidProof
from ssi.merkle import (
    EMPTY_ROOT,
    check_subtree,
    consistency_path,
    inclusion_path,
    inclusion_paths,
    leaf_hash,
    node_hash,
    root_hash,
    verify_consistency,
    verify_inclusion,
    verify_subtree,
)

ENTRIES = [bytes([n]) for n in range(13)]


def test_the_root_is_the_definition():
    a, b, c = (leaf_hash(entry) for entry in ENTRIES[:3])
    assert root_hash([]) == EMPTY_ROOT
    assert root_hash(ENTRIES[:1]) == a
    assert root_hash(ENTRIES[:3]) == node_hash(node_hash(a, b), c)
    assert inclusion_path(ENTRIES[:3], 2) == [node_hash(a, b)]
    assert inclusion_paths([]) == []


@pytest.mark.parametrize("size", range(1, 14))
def test_every_path_we_make_verifies_and_no_other_index_does(size):
    entries = ENTRIES[:size]
    root = root_hash(entries)
    for index, path in enumerate(inclusion_paths(entries)):
        leaf = leaf_hash(entries[index])
        verify_inclusion(root=root, leaf_hash=leaf, index=index, size=size, path=path)
        for other in {*range(-1, size + 1)} - {index}:
            with pytest.raises(InvalidProof):
                verify_inclusion(root=root, leaf_hash=leaf, index=other, size=size, path=path)
        with pytest.raises(InvalidProof):
            verify_inclusion(root=root, leaf_hash=leaf, index=index, size=size, path=[*path, leaf])


@pytest.mark.parametrize("size", range(1, 14))
def test_every_prefix_is_consistent_and_no_other_is(size):
    root = root_hash(ENTRIES[:size])
    for old in range(1, size + 1):
        old_root, path = root_hash(ENTRIES[:old]), consistency_path(ENTRIES[:size], old)
        verify_consistency(old_root=old_root, old_size=old, root=root, size=size, path=path)
        with pytest.raises(InvalidProof):
            verify_consistency(
                old_root=leaf_hash(b"x"), old_size=old, root=root, size=size, path=path
            )
        if path:
            with pytest.raises(InvalidProof):
                verify_consistency(
                    old_root=old_root, old_size=old, root=root, size=size, path=path[:-1]
                )


def test_an_empty_tree_proves_nothing():
    for old in (0, -1, 4):
        with pytest.raises(ValueError, match="old size"):
            consistency_path(ENTRIES[:3], old)
    with pytest.raises(InvalidProof):
        verify_consistency(
            old_root=EMPTY_ROOT, old_size=0, root=root_hash(ENTRIES), size=13, path=[]
        )


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (2, 1), (1, 3), (2, 5)])
def test_a_range_without_a_node_is_refused(start, end):
    with pytest.raises(InvalidProof):
        check_subtree(start, end)


def test_hashes_of_another_size_are_refused():
    root = root_hash(ENTRIES[:2])
    with pytest.raises(InvalidProof):
        verify_inclusion(root=root, leaf_hash=b"x", index=0, size=1, path=[])
    with pytest.raises(InvalidProof):
        verify_inclusion(root=root, leaf_hash=leaf_hash(b"\0"), index=0, size=2, path=[b"short"])
    with pytest.raises(InvalidProof):
        verify_subtree(subtree_root=EMPTY_ROOT, start=2, end=2, root=root, size=1, path=[])
