"""The Jellyfish Merkle map: hashing, pages, updates and paths, without storage.

A binary Merkle tree over the bits of SHA-256(key) in which a subtree with one leaf *is* that leaf.
Hashes are those of the Rust crate ``jmt`` with SHA-256 [REG-MAP-2]. Four levels of the tree make
a *page* of sixteen slots; the map is a tree of pages, and a page is never changed, only replaced
by one of a newer version [REG-MAP-3].
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from ssi.errors import InvalidProof

EMPTY: Final = b"SPARSE_MERKLE_PLACEHOLDER_HASH__"
HASH_SIZE: Final = 32
KEY_BITS: Final = 256
_LEAF_TAG: Final = b"JMT::LeafNode"
_INNER_TAG: Final = b"JMT::IntrnalNode"  # spelled so in the crate
_SLOTS: Final = 16
_ROOT: Final = 1


class Leaf(NamedTuple):
    """A key and its value, both as hashes."""

    key_hash: bytes
    value_hash: bytes


# A slot as it is stored, told apart by its length: nothing, the two hashes of a leaf, or the
# version (8 bytes) and the hash of a page below. Bytes, because pages are copied and written a lot.
Slot: TypeAlias = bytes
_LEAF_SIZE: Final = 2 * HASH_SIZE
_CHILD_SIZE: Final = 8 + HASH_SIZE
_SIZES: Final = frozenset({0, _LEAF_SIZE, _CHILD_SIZE})

# Four levels of the map: sixteen slots and the nodes over them, as a heap whose root is 1. A node
# weighs what its subtree holds: an empty one 0, a leaf 1, a page below 2, because that has two
# leaves at least; one of weight 1 *is* its leaf. A page is a plain tuple of the weights, the hashes
# of nodes 1 to 31, and the slots: never changed, and of no concern to the garbage collector, which
# would else walk through all pages in memory.
Page: TypeAlias = tuple[bytes, ...]
_WEIGHTS: Final = 0
_FIRST_SLOT: Final = 2 * _SLOTS
NEW_PAGE: Final[Page] = (bytes(2 * _SLOTS), *[EMPTY] * (2 * _SLOTS - 1), *[b""] * _SLOTS)


def leaf_of(key: str, value: bytes) -> Slot:
    """Return the leaf of a record as it is stored."""
    return key_hash(key) + value_hash(value)


def key_hash(key: str) -> bytes:
    """Return the place of a key in the map."""
    return sha256(key.encode()).digest()


def value_hash(value: bytes) -> bytes:
    """Return the hash of a value as it goes into its leaf."""
    return sha256(value).digest()


def leaf_hash(leaf: Leaf) -> bytes:
    """Return the hash of a leaf."""
    return sha256(_LEAF_TAG + leaf.key_hash + leaf.value_hash).digest()


def inner_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with two subtrees, either of which may be empty."""
    return sha256(_INNER_TAG + left + right).digest()


def _nodes_above(pairs: int) -> tuple[int, ...]:
    """Return the nodes over pairs of slots, given as bits, each after those below it."""
    nodes = {_SLOTS // 2 + pair for pair in range(_SLOTS // 2) if pairs >> pair & 1}
    for _ in range(3):
        nodes |= {node >> 1 for node in nodes}
    return tuple(sorted(nodes - {0}, reverse=True))


_ABOVE: Final = tuple(_nodes_above(pairs) for pairs in range(1 << _SLOTS // 2))


def child_of(version: int, page: Page) -> Slot:
    """Return what the slot above a page holds: the version that wrote it, and its hash."""
    return version.to_bytes(_CHILD_SIZE - HASH_SIZE) + page_hash(page)


def version_of(child: Slot) -> int:
    """Return the version that wrote a page below."""
    return int.from_bytes(child[:-HASH_SIZE])


def hash_of(child: Slot) -> bytes:
    """Return the hash of a page below; that of an empty map for an empty slot."""
    return child[-HASH_SIZE:] or EMPTY


def page_hash(page: Page) -> bytes:
    """Return the hash of all that is below a page."""
    return page[_ROOT]


def replaced(page: Page, slots: Mapping[int, Slot]) -> Page:
    """Return a page with other slots in it; only what is above them is hashed again."""
    new, weights = list(page), bytearray(page[_WEIGHTS])
    pairs = 0  # a bit for each pair of slots that changed
    for index, slot in slots.items():
        node = _SLOTS + index
        new[_FIRST_SLOT + index] = slot
        if len(slot) == _LEAF_SIZE:
            weights[node], new[node] = 1, sha256(_LEAF_TAG + slot).digest()
        else:
            weights[node], new[node] = 2, slot[8:]
        pairs |= 1 << (index >> 1)
    for node in _ABOVE[pairs]:
        left = 2 * node
        weight = weights[node] = weights[left] + weights[left + 1]
        if weight > 1:
            new[node] = sha256(_INNER_TAG + new[left] + new[left + 1]).digest()
        else:
            new[node] = new[left if weights[left] else left + 1]
    new[_WEIGHTS] = bytes(weights)
    return tuple(new)


def encode_page(page: Page) -> bytes:
    """Return the stored form: the lengths of the slots, then the slots."""
    slots = page[_FIRST_SLOT:]
    return bytes(map(len, slots)) + b"".join(slots)


def decode_page(data: bytes) -> Page:
    """Read the stored form.

    Raises:
        ValueError: The bytes are no page; the store calls it corruption.
    """
    slots, at = {}, _SLOTS
    for index, size in enumerate(data[:_SLOTS]):
        if size:
            slots[index] = data[at : at + size]
            at += size
    if at != len(data) or not _SIZES.issuperset(data[:_SLOTS]):
        raise ValueError("not a page")
    return replaced(NEW_PAGE, slots)


def _search(page: Page, index: int) -> tuple[Slot, list[bytes]]:
    """Return what a search through a slot ends at, and the siblings from there upwards."""
    node, weights = _SLOTS + index, page[_WEIGHTS]
    while node != _ROOT and weights[node >> 1] <= 1:
        node >>= 1
    end = node
    while end < _SLOTS:  # down again, to the one leaf there is
        end = 2 * end + (not weights[2 * end])
    siblings = []
    while node != _ROOT:
        siblings.append(page[node ^ 1])
        node >>= 1
    return page[_FIRST_SLOT - _SLOTS + end], siblings


LoadPage: TypeAlias = Callable[[Slot, str], Page]
SavePage: TypeAlias = Callable[[str, Page], object]


def update(
    root: Slot, leaves: Iterable[Slot], *, version: int, load: LoadPage, save: SavePage
) -> Slot:
    """Put leaves into the map.

    Args:
        root: The root page as it is, as in a slot; empty for an empty map.
        leaves: The new leaves as they are stored, no key twice.
        version: The version the new pages belong to; newer than any in the map.
        load: Reads a page of the map by the slot that names it and its path.
        save: Takes each new page with its path, those below before those above.

    Returns:
        The new root page. A leaf that is there already changes nothing.
    """

    def put(path: str, old: Slot, below: list[Slot]) -> Slot:
        """Put leaves into the page at ``path``; return its slot, empty if nothing changed."""
        page = load(old, path) if old else NEW_PAGE
        changed = {}
        for index, group in _by_slot(below, len(path)).items():
            slot = page[_FIRST_SLOT + index]
            if len(slot) == _CHILD_SIZE:
                new = put(path + _DIGITS[index], slot, group)
            else:
                new = _fill(slot, path + _DIGITS[index], group, put)
            if new and new != slot:
                changed[index] = new
        if not changed:
            return b""
        page = replaced(page, changed)
        save(path, page)
        return child_of(version, page)

    return put("", root, list(leaves)) or root


_Put: TypeAlias = Callable[[str, Slot, list[Slot]], Slot]
_DIGITS: Final = "0123456789abcdef"


def _fill(slot: Slot, path: str, group: list[Slot], put: _Put) -> Slot:
    """Return what an empty slot or that of a leaf holds with a group of leaves put into it."""
    if slot and all(leaf[:HASH_SIZE] != slot[:HASH_SIZE] for leaf in group):
        group.append(slot)
    return group[0] if len(group) == 1 else put(path, b"", group)


def _by_slot(leaves: list[Slot], depth: int) -> dict[int, list[Slot]]:
    """Sort leaves by the hexadecimal digit of their key hash at a depth."""
    byte, shift = depth >> 1, 0 if depth & 1 else 4
    if len(leaves) == 1:
        return {leaves[0][byte] >> shift & 0xF: leaves}
    groups: dict[int, list[Slot]] = {}
    for leaf in leaves:
        groups.setdefault(leaf[byte] >> shift & 0xF, []).append(leaf)
    return groups


def find(root: Slot, wanted: bytes, *, load: LoadPage) -> tuple[Leaf | None, list[bytes]]:
    """Search a key hash.

    Args:
        root: The root page of the version to search.
        wanted: The key hash.
        load: Reads a page.

    Returns:
        The leaf at which the search ends (that of another key, or none, proves absence) and the
        siblings from there up to the root.
    """
    digits = wanted.hex()
    page, path = root, ""
    upwards: list[list[bytes]] = []
    end: Slot = b""
    while page:
        end, siblings = _search(load(page, path), int(digits[len(path)], 16))
        upwards.append(siblings)
        page = end if len(end) == _CHILD_SIZE else b""
        path = digits[: len(upwards)]
    leaf = Leaf(end[:HASH_SIZE], end[HASH_SIZE:]) if end else None
    return leaf, [sibling for siblings in reversed(upwards) for sibling in siblings]


def root_of(records: Mapping[str, bytes]) -> bytes:
    """Return the root of a map that holds exactly these records."""
    return root_over(leaf_of(key, value) for key, value in records.items())


def root_over(leaves: Iterable[Slot]) -> bytes:
    """Return the root of a map that holds exactly these leaves, of which only the root is kept."""
    return hash_of(update(b"", leaves, version=0, load=no_page, save=lambda *_: None))


def no_page(page: Slot, path: str) -> Page:
    """Load nothing, for a map that is new."""
    raise LookupError(f"a new map has no page {version_of(page)}/{path}")


def verify_path(root: bytes, wanted: bytes, leaf: Leaf | None, siblings: Sequence[bytes]) -> None:
    """Check that the search for a key hash under a root ends at ``leaf`` [REG-PROOF-2].

    Args:
        root: The trusted root.
        wanted: The key hash searched.
        leaf: Where the search is said to end: the key's own leaf, another's, or an empty place.
        siblings: The hashes beside the way, from the end up to the root.

    Raises:
        InvalidProof: ``proof.invalid``.
    """
    depth = len(siblings)
    hashes = (*siblings, root, wanted, *(leaf or ()))
    if depth > KEY_BITS or any(len(value) != HASH_SIZE for value in hashes):
        raise InvalidProof("the path is too long, or a hash has the wrong size")
    bits = int.from_bytes(wanted, "big")
    if leaf is not None:
        apart = bits ^ int.from_bytes(leaf.key_hash, "big")
        if apart >> (KEY_BITS - depth):
            raise InvalidProof("the leaf is not on the way to the key")
    reached = EMPTY if leaf is None else leaf_hash(leaf)
    for level, sibling in enumerate(siblings, start=KEY_BITS - depth):
        right = bits >> level & 1
        reached = inner_hash(sibling, reached) if right else inner_hash(reached, sibling)
    if reached != root:
        raise InvalidProof("the path does not lead to the root")
