"""Proofs of several keys under one root, with what their ways have in common said once.

The ways to several keys meet; from there on they need no more hashes beside them, and where two of
them are each other's sibling they need none. One pass over all of them is also less to hash
[REG-PROOF-7].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from registry_chain import jmt
from registry_chain.light.map_proof import MapProof
from registry_chain.state import MAX_KEY, MAX_VALUE, is_key
from ssi.encoding import (
    JSON,
    Fields,
    JsonLimits,
    JSONObject,
    b64url_encode,
    canonical_json,
    canonical_parsed,
    parse_json_object,
)
from ssi.errors import InvalidProof, Malformed

_CODE: Final = "proof.malformed"
MAX_RECORDS: Final = 64
_LEAF_SIZE: Final = 2 * jmt.HASH_SIZE
_MAX_SIBLINGS_TEXT: Final = 400_000
_VALUE_LIMITS: Final = JsonLimits(
    max_bytes=MAX_VALUE, max_members=10_000, max_string=MAX_VALUE, max_depth=16
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordProof:
    """One key: its value, or the leaf (or empty place) at which the search for it ends."""

    key: str
    depth: int
    value: bytes | None = field(repr=False)
    leaf: jmt.Leaf | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiProof:
    """Several keys. Untrusted until `verify_multi_proof` gives their values."""

    records: tuple[RecordProof, ...]
    siblings: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, proofs: Sequence[MapProof]) -> Self:
        """Join proofs of single keys under one root.

        Raises:
            ValueError: They are not of one root, or a value is no record.
        """
        beside: dict[tuple[int, int], bytes] = {}
        for proof in proofs:
            bits = int.from_bytes(jmt.key_hash(proof.key), "big")
            for up, sibling in enumerate(proof.siblings):
                level = len(proof.siblings) - up
                beside[level, bits >> (jmt.KEY_BITS - level) ^ 1] = sibling
        records = tuple(
            RecordProof(
                key=proof.key, depth=len(proof.siblings), value=proof.value, leaf=proof.leaf
            )
            for proof in proofs
        )
        needed: list[bytes] = []

        def take(level: int, place: int) -> bytes:
            needed.append(beside[level, place])
            return needed[-1]

        try:
            if records:
                _root(records, take)
        except InvalidProof:
            raise ValueError("these proofs are not of one root") from None
        return cls(records=records, siblings=tuple(needed))

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Take ``records`` and ``siblings``; what is left out is not absence [REG-PROOF-3].

        Raises:
            Malformed: ``proof.malformed`` or ``encoding.base64url``.
        """
        listed = fields.take_objects("records", max_items=MAX_RECORDS)
        packed = fields.take_bytes("siblings", max_len=_MAX_SIBLINGS_TEXT)
        records = tuple(_record(obj) for obj in listed)
        if len(packed) % jmt.HASH_SIZE or len({one.key for one in records}) != len(records):
            raise Malformed("siblings are cut, or a key is there twice", code=_CODE)
        siblings = (packed[at : at + jmt.HASH_SIZE] for at in range(0, len(packed), jmt.HASH_SIZE))
        return cls(records=records, siblings=tuple(siblings))

    def to_json(self) -> JSONObject:
        """Return the two members that `parse` takes."""
        return {
            "records": [_record_json(one) for one in self.records],
            "siblings": b64url_encode(b"".join(self.siblings)),
        }


def verify_multi_proof(proof: MultiProof, *, app_hash: bytes) -> dict[str, bytes | None]:
    """Return what the state with this root holds at each key of the proof.

    Args:
        proof: What a node said.
        app_hash: The root, from a verified light block.

    Returns:
        The value under each key, or ``None`` where it is proven that there is no such record.

    Raises:
        InvalidProof: ``proof.invalid``; one false entry spoils all.
    """
    if not proof.records:
        if proof.siblings:
            raise InvalidProof("hashes are left over")
        return {}
    left = iter(proof.siblings)

    def take(_level: int, _place: int) -> bytes:
        sibling = next(left, None)
        if sibling is None or len(sibling) != jmt.HASH_SIZE:
            raise InvalidProof("the way is too short, or a hash has the wrong size")
        return sibling

    if _root(proof.records, take) != app_hash or next(left, None) is not None:
        raise InvalidProof("the ways do not lead to the root")
    return {one.key: one.value for one in proof.records}


def _root(records: Sequence[RecordProof], take: Callable[[int, int], bytes]) -> bytes:
    """Climb from all ends at once, the deepest first, asking for each hash that is beside."""
    ends: dict[int, dict[int, bytes]] = {}
    for one in records:
        place, end = _end(one)
        at = ends.setdefault(one.depth, {})
        if at.setdefault(place, end) != end:
            raise InvalidProof("two searches end at one place with different leaves")
    reached: dict[int, bytes] = {}
    for level in range(max(ends), -1, -1):
        for place, end in ends.get(level, {}).items():
            if place in reached:
                raise InvalidProof("one search ends on the way of another")
            reached[place] = end
        if level:
            reached = _above(reached, level, take)
    return reached[0]


def _above(
    reached: dict[int, bytes], level: int, take: Callable[[int, int], bytes]
) -> dict[int, bytes]:
    """One level up, from the left to the right."""
    above: dict[int, bytes] = {}
    for place in sorted(reached):
        other = place ^ 1
        if other not in reached:
            beside = take(level, other)
        elif place & 1:
            continue
        else:
            beside = reached[other]
        pair = (beside, reached[place]) if place & 1 else (reached[place], beside)
        above[place >> 1] = jmt.inner_hash(*pair)
    return above


def _end(one: RecordProof) -> tuple[int, bytes]:
    """Where the search for a key ends, and the hash there [REG-PROOF-2]."""
    wanted = jmt.key_hash(one.key)
    bits = int.from_bytes(wanted, "big")
    leaf = one.leaf if one.value is None else jmt.Leaf(wanted, jmt.value_hash(one.value))
    if one.value is None and leaf is not None:
        apart = bits ^ int.from_bytes(leaf.key_hash, "big")
        if not apart or apart >> (jmt.KEY_BITS - one.depth):
            raise InvalidProof("the leaf is the key's own, or not on the way to it")
    place = bits >> (jmt.KEY_BITS - one.depth)
    return place, jmt.EMPTY if leaf is None else jmt.leaf_hash(leaf)


def _record(obj: JSONObject) -> RecordProof:
    fields = Fields(obj, where="record", code=_CODE)
    key = fields.take_str("key", max_len=MAX_KEY)
    depth = fields.take_int("depth", 0, jmt.KEY_BITS)
    value = fields.opt_object("value")
    leaf = None if value is not None else fields.take_bytes("instead", max_len=2 * _LEAF_SIZE)
    fields.done()
    if not is_key(key) or (leaf is not None and len(leaf) not in (0, _LEAF_SIZE)):
        raise Malformed("a record has no good key or leaf", code=_CODE)
    raw = None if value is None else canonical_parsed(value)
    if raw is not None and len(raw) > MAX_VALUE:
        raise Malformed("a record is too long", code=_CODE)
    return RecordProof(
        key=key,
        depth=depth,
        value=raw,
        leaf=jmt.Leaf(leaf[: jmt.HASH_SIZE], leaf[jmt.HASH_SIZE :]) if leaf else None,
    )


def _record_json(one: RecordProof) -> JSON:
    shown: JSONObject = {"key": one.key, "depth": one.depth}
    if one.value is None:
        leaf = b"" if one.leaf is None else one.leaf.key_hash + one.leaf.value_hash
        return shown | {"instead": b64url_encode(leaf)}
    value = parse_json_object(one.value, limits=_VALUE_LIMITS)
    if canonical_json(value) != one.value:
        raise ValueError("a value of the map is no record")
    return shown | {"value": value}
