"""Merkle trees as in RFC 6962 §2.1, with the verification of RFC 9162 §2.1.

Entries are bytes; `root_hash` and the path functions hash them as leaves themselves. A verifier
holds only a leaf hash, a path and a root.
"""

from collections.abc import Sequence

from ssi.encoding import sha256
from ssi.errors import InvalidProof

EMPTY_ROOT = sha256(b"")
_HASH_SIZE = 32


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of one entry as a leaf."""
    return sha256(b"\x00" + entry)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right)


def root_hash(entries: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of a list of entries."""
    return _levels(entries)[-1][0] if entries else EMPTY_ROOT


def inclusion_path(entries: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path of the entry at ``index``, from the leaf upwards.

    Raises:
        IndexError: There is no such entry.
    """
    return inclusion_paths(entries)[index]


def inclusion_paths(entries: Sequence[bytes]) -> list[list[bytes]]:
    """Return the audit paths of all entries at the cost of one tree."""
    if not entries:
        return []
    levels = _levels(entries)
    return [_path(levels, index) for index in range(len(entries))]


def consistency_path(entries: Sequence[bytes], old_size: int) -> list[bytes]:
    """Return the proof that the first ``old_size`` entries are a prefix (RFC 6962 §2.1.2).

    Raises:
        ValueError: ``old_size`` is no size of an earlier tree.
    """
    if not 0 < old_size <= len(entries):
        raise ValueError("the old size is not between 1 and the size")
    return _subproof(old_size, list(entries), whole=True)


def _subproof(old_size: int, entries: list[bytes], *, whole: bool) -> list[bytes]:
    if old_size == len(entries):
        return [] if whole else [root_hash(entries)]
    split = 1 << ((len(entries) - 1).bit_length() - 1)
    left, right = entries[:split], entries[split:]
    if old_size <= split:
        return [*_subproof(old_size, left, whole=whole), root_hash(right)]
    return [*_subproof(old_size - split, right, whole=False), root_hash(left)]


def _levels(entries: Sequence[bytes]) -> list[list[bytes]]:
    """Hash level by level; a node without a sibling moves up unchanged."""
    levels = [[leaf_hash(entry) for entry in entries]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        above = [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
        levels.append(above + below[len(above) * 2 :])
    return levels


def _path(levels: list[list[bytes]], index: int) -> list[bytes]:
    path = []
    for level in levels[:-1]:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        index >>= 1
    return path


def verify_inclusion(
    *, root: bytes, leaf_hash: bytes, index: int, size: int, path: Sequence[bytes]
) -> None:
    """Check that a leaf is in a tree (RFC 9162 §2.1.3.2).

    Args:
        root: The trusted root of the tree.
        leaf_hash: The hash of the leaf.
        index: Its position.
        size: The number of leaves.
        path: The audit path, from the leaf upwards.

    Raises:
        InvalidProof: ``proof.invalid``.
    """
    if not 0 <= index < size:
        raise InvalidProof("the index is outside the tree")
    _check_sizes(leaf_hash, *path)
    position, last = index, size - 1
    reached = leaf_hash
    for sibling in path:
        if last == 0:
            raise InvalidProof("the path is too long")
        if position & 1 or position == last:
            reached = node_hash(sibling, reached)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            reached = node_hash(reached, sibling)
        position, last = position >> 1, last >> 1
    if last != 0 or reached != root:
        raise InvalidProof("the path does not lead to the root")


def verify_consistency(
    *, old_root: bytes, old_size: int, root: bytes, size: int, path: Sequence[bytes]
) -> None:
    """Check that a tree is an extension of an older one (RFC 9162 §2.1.4.2).

    Args:
        old_root: The root of the older tree.
        old_size: Its size, at least one.
        root: The root of the newer tree.
        size: Its size.
        path: The consistency path.

    Raises:
        InvalidProof: ``proof.invalid``.
    """
    if old_size < 1:
        raise InvalidProof("an empty tree is a prefix of every tree and proves nothing")
    verify_subtree(subtree_root=old_root, start=0, end=old_size, root=root, size=size, path=path)


def verify_subtree(  # noqa: PLR0913 - the six values of the statement
    *, subtree_root: bytes, start: int, end: int, root: bytes, size: int, path: Sequence[bytes]
) -> None:
    """Check that leaves ``start`` to ``end`` of a tree hash to ``subtree_root``.

    With ``start`` 0 this is the consistency of two trees.

    Args:
        subtree_root: The root over the leaves ``[start, end)``.
        start: The first leaf; a multiple of the smallest power of two that holds the range.
        end: One past the last leaf.
        root: The root of the whole tree.
        size: The size of the whole tree.
        path: The proof.

    Raises:
        InvalidProof: ``proof.invalid``.
    """
    check_subtree(start, end)
    if end > size:
        raise InvalidProof("the range is outside the tree")
    if start == end:
        if path or subtree_root != EMPTY_ROOT:
            raise InvalidProof("the range is empty")
        return
    _check_sizes(*path)
    first, second, last = start, end - 1, size - 1
    while first != second and (second == last or second & 1):
        first, second, last = first >> 1, second >> 1, last >> 1
    rest = list(path)
    if first != second and not rest:
        raise InvalidProof("the path is too short")
    seed = subtree_root if first == second else rest.pop(0)
    if _climb(seed, rest, first, second, last) != (subtree_root, root):
        raise InvalidProof("the path does not lead to both roots")


def _climb(
    seed: bytes, path: list[bytes], first: int, second: int, last: int
) -> tuple[bytes, bytes]:
    """Rebuild the roots of the range and of the whole tree from one proof."""
    old = new = seed
    for sibling in path:
        if last == 0:
            raise InvalidProof("the path is too long")
        if second & 1 or second == last:
            if first < second:
                old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while second and not second & 1:
                first, second, last = first >> 1, second >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        first, second, last = first >> 1, second >> 1, last >> 1
    if last != 0:
        raise InvalidProof("the path is too short")
    return old, new


def check_subtree(start: int, end: int) -> None:
    """Check that ``[start, end)`` is a range a Merkle tree can have a node for.

    Raises:
        InvalidProof: ``proof.invalid``.
    """
    width = 1 << max(end - start - 1, 0).bit_length()
    if not 0 <= start <= end or start % width:
        raise InvalidProof("the range is no subtree")


def _check_sizes(*hashes: bytes) -> None:
    """Refuse hashes of another size: two of them must never read as another two."""
    if any(len(value) != _HASH_SIZE for value in hashes):
        raise InvalidProof("a hash has the wrong size")
