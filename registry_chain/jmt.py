"""The Jellyfish Merkle map: hashing, pages, updates and paths, without storage.

A binary Merkle tree over the bits of SHA-256(key) in which a subtree with one leaf *is* that leaf.
Hashes are those of the Rust crate ``jmt`` with SHA-256 [REG-MAP-2]. Four levels of the tree make
a *page* of sixteen slots; the map is a tree of pages, and a page is never changed, only replaced
by one of a newer version [REG-MAP-3].
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


class Child(NamedTuple):
    """A page below, named by the version that wrote it and bound by its hash."""

    version: int
    hash: bytes


Slot: TypeAlias = Leaf | Child | None
LoadPage: TypeAlias = "Callable[[Child, str], Page]"
Pages: TypeAlias = "dict[str, Page]"


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


class Page:
    """Four levels of the map: sixteen slots, and the hashes over them as a heap with root 1.

    A heap entry of ``bytes`` is an inner node or a child page; a `Leaf` is a subtree with that leaf
    alone; ``None`` is an empty subtree. A page given to a cache must not be changed any more.
    """

    __slots__ = ("_hashes", "_heap", "slots")

    def __init__(self, slots: Sequence[Slot] = ()) -> None:
        self.slots: list[Slot] = list(slots) or [None] * _SLOTS
        self._heap: list[bytes | Leaf | None] = [None] * (2 * _SLOTS)
        self._hashes: list[bytes] = [EMPTY] * (2 * _SLOTS)
        if slots:
            self.rehash({index for index, slot in enumerate(slots) if slot is not None})

    def copy(self) -> "Page":
        """Return a page that may be changed while this one stays; nothing is hashed again."""
        page = Page()
        page.slots[:] = self.slots
        page._heap[:] = self._heap
        page._hashes[:] = self._hashes
        return page

    @property
    def hash(self) -> bytes:
        """The hash of all that is below."""
        return self._hashes[_ROOT]

    def rehash(self, touched: set[int]) -> None:
        """Bring the hashes over changed slots up to date."""
        heap, hashes = self._heap, self._hashes
        for index in touched:
            slot = self.slots[index]
            heap[_SLOTS + index] = slot.hash if isinstance(slot, Child) else slot
            hashes[_SLOTS + index] = _slot_hash(slot)
        level = {(_SLOTS + index) >> 1 for index in touched}
        while level and level != {0}:
            for node in level:
                left, right = heap[2 * node], heap[2 * node + 1]
                if (left is None and not isinstance(right, bytes)) or (
                    right is None and not isinstance(left, bytes)
                ):
                    single = 2 * node + (left is None)
                    heap[node], hashes[node] = heap[single], hashes[single]
                else:
                    hashes[node] = inner_hash(hashes[2 * node], hashes[2 * node + 1])
                    heap[node] = hashes[node]
            level = {node >> 1 for node in level}

    def path(self, slot: int) -> tuple[Leaf | Child | None, list[bytes]]:
        """Return what a search through ``slot`` ends at, and the siblings from there upwards."""
        node = _SLOTS + slot
        while node != _ROOT and not isinstance(self._heap[node >> 1], bytes):
            node >>= 1
        child = self.slots[slot]
        found = self._heap[node]
        end = child if isinstance(child, Child) else found if isinstance(found, Leaf) else None
        siblings = []
        while node != _ROOT:
            siblings.append(self._hashes[node ^ 1])
            node >>= 1
        return end, siblings

    def encode(self) -> bytes:
        """Return the stored form: which slots are leaves, which children, then each in order."""
        leaves = children = 0
        parts = []
        for index, slot in enumerate(self.slots):
            if isinstance(slot, Leaf):
                leaves |= 1 << index
                parts.append(slot.key_hash + slot.value_hash)
            elif slot is not None:
                children |= 1 << index
                parts.append(slot.version.to_bytes(8, "big") + slot.hash)
        return leaves.to_bytes(2, "big") + children.to_bytes(2, "big") + b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> "Page":
        """Read the stored form.

        Raises:
            ValueError: The bytes are no page; the store calls it corruption.
        """
        leaves, children = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        slots: list[Slot] = []
        at = 4
        for index in range(_SLOTS):
            if leaves >> index & 1:
                slots.append(Leaf(data[at : at + 32], data[at + 32 : at + 64]))
                at += 64
            elif children >> index & 1:
                slots.append(
                    Child(int.from_bytes(data[at : at + 8], "big"), data[at + 8 : at + 40])
                )
                at += 40
            else:
                slots.append(None)
        if at != len(data) or leaves & children:
            raise ValueError("not a page")
        return cls(slots)


def _slot_hash(slot: Slot) -> bytes:
    if slot is None:
        return EMPTY
    return slot.hash if isinstance(slot, Child) else leaf_hash(slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What new leaves make of the map: its root, the pages to write and those replaced."""

    root: Child | None
    pages: Pages
    stale: tuple[tuple[int, str], ...]

    @property
    def root_hash(self) -> bytes:
        """The hash of the whole map."""
        return EMPTY if self.root is None else self.root.hash


def update(root: Child | None, leaves: Sequence[Leaf], *, version: int, load: LoadPage) -> Update:
    """Put leaves into the map.

    Args:
        root: The root page as it is, or ``None`` for an empty map.
        leaves: The new leaves, no key twice.
        version: The version the new pages belong to; newer than any in the map.
        load: Reads a page of the map by its name and path.

    Returns:
        The new root and the difference in pages. A leaf that is there already changes nothing.
    """
    pages: Pages = {}
    stale: list[tuple[int, str]] = []
    items = [(leaf.key_hash.hex(), leaf) for leaf in leaves]

    def put(path: str, old: Child | None, below: list[tuple[str, Leaf]]) -> Child | None:
        """Return the page at ``path`` with the leaves below it, or ``None`` if nothing changed."""
        page = Page() if old is None else load(old, path).copy()
        touched = set()
        for index, group in _by_slot(below, len(path)).items():
            slot = _fill(page.slots[index], f"{path}{index:x}", group, put)
            if slot is not None and slot != page.slots[index]:
                page.slots[index] = slot
                touched.add(index)
        if not touched:
            return None
        page.rehash(touched)
        pages[path] = page
        if old is not None:
            stale.append((old.version, path))
        return Child(version, page.hash)

    return Update(root=put("", root, items) or root, pages=pages, stale=tuple(stale))


_Put: TypeAlias = Callable[[str, Child | None, list[tuple[str, Leaf]]], Child | None]


def _fill(slot: Slot, path: str, group: list[tuple[str, Leaf]], put: _Put) -> Slot:
    """Return what a slot holds once a group of leaves has been put through it."""
    if isinstance(slot, Child):
        return put(path, slot, group)
    if isinstance(slot, Leaf) and all(leaf.key_hash != slot.key_hash for _, leaf in group):
        group = [*group, (slot.key_hash.hex(), slot)]
    return group[0][1] if len(group) == 1 else put(path, None, group)


def _by_slot(items: list[tuple[str, Leaf]], depth: int) -> dict[int, list[tuple[str, Leaf]]]:
    groups: dict[int, list[tuple[str, Leaf]]] = {}
    for item in items:
        groups.setdefault(int(item[0][depth], 16), []).append(item)
    return groups


def find(root: Child | None, wanted: bytes, *, load: LoadPage) -> tuple[Leaf | None, list[bytes]]:
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
    end: Leaf | Child | None = root
    upwards: list[list[bytes]] = []
    while isinstance(end, Child):
        depth = len(upwards)
        end, siblings = load(end, digits[:depth]).path(int(digits[depth], 16))
        upwards.append(siblings)
    return end, [sibling for siblings in reversed(upwards) for sibling in siblings]


def root_of(records: Mapping[str, bytes]) -> bytes:
    """Return the root of a map that holds exactly these records."""
    leaves = [Leaf(key_hash(key), value_hash(value)) for key, value in records.items()]
    return update(None, leaves, version=0, load=_no_page).root_hash


def _no_page(page: Child, path: str) -> Page:
    raise LookupError(f"a new map has no page {page.version}/{path}")


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
