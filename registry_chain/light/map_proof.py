"""Proofs that a record has a value, or that there is no such record [REG-PROOF-1]."""

from dataclasses import dataclass, field
from typing import Final, Self

from registry_chain import jmt
from registry_chain.state import MAX_KEY, MAX_VALUE, is_key
from ssi.encoding import JSON, Fields, JSONObject, b64url_decode, b64url_encode
from ssi.errors import InvalidProof, Malformed

_CODE: Final = "proof.malformed"
_NULLABLE: Final = {"value", "leaf"}
_MAX_VALUE_TEXT: Final = (MAX_VALUE * 4 + 2) // 3
_HASH_TEXT: Final = 43


@dataclass(frozen=True, slots=True, kw_only=True)
class MapProof:
    """What a node says about a key. Untrusted until `verify_map_proof` gives its value."""

    key: str
    value: bytes | None = field(repr=False)
    leaf: jmt.Leaf | None
    siblings: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, obj: JSON) -> Self:
        """Read a proof that someone sent; what is left out is not absence [REG-PROOF-3].

        Raises:
            Malformed: ``proof.malformed`` or ``encoding.base64url``.
        """
        if not isinstance(obj, dict) or not obj.keys() >= _NULLABLE:
            raise Malformed("a proof is not an object with all its members", code=_CODE)
        said = obj.copy()
        for name in _NULLABLE:
            if said[name] is None:
                del said[name]
        fields = Fields(said, where="map proof", code=_CODE)
        key = fields.take_str("key", max_len=MAX_KEY)
        value = fields.opt_bytes("value", max_len=_MAX_VALUE_TEXT)
        leaf = fields.opt_fields("leaf")
        siblings = fields.take_strs("siblings", max_items=jmt.KEY_BITS, max_len=_HASH_TEXT)
        fields.done()
        if not is_key(key):
            raise Malformed("the key of a proof is none", code=_CODE)
        return cls(
            key=key,
            value=value,
            leaf=None if leaf is None else _leaf(leaf),
            siblings=tuple(_hash(text) for text in siblings),
        )

    def to_json(self) -> JSONObject:
        """Return the proof as its JSON value."""
        leaf: JSON = None
        if self.leaf is not None:
            leaf = {
                "key_hash": b64url_encode(self.leaf.key_hash),
                "value_hash": b64url_encode(self.leaf.value_hash),
            }
        return {
            "key": self.key,
            "value": None if self.value is None else b64url_encode(self.value),
            "leaf": leaf,
            "siblings": [b64url_encode(sibling) for sibling in self.siblings],
        }


def verify_map_proof(proof: MapProof, *, app_hash: bytes, key: str) -> bytes | None:
    """Return what the state with this root holds at ``key``.

    Args:
        proof: What a node said.
        app_hash: The root, from a verified light block.
        key: The key that was asked for.

    Returns:
        The value, or ``None`` when it is proven that there is no such record.

    Raises:
        InvalidProof: ``proof.invalid``.
    """
    wanted = jmt.key_hash(key)
    if proof.key != key:
        raise InvalidProof("the proof is about another key")
    own = proof.leaf is not None and proof.leaf.key_hash == wanted
    if own != (proof.value is not None):
        raise InvalidProof("the leaf and the value contradict each other")
    if proof.value is not None and proof.leaf != (wanted, jmt.value_hash(proof.value)):
        raise InvalidProof("the value is not the one in the leaf")
    jmt.verify_path(app_hash, wanted, proof.leaf, proof.siblings)
    return proof.value


def _leaf(fields: Fields) -> jmt.Leaf:
    leaf = jmt.Leaf(
        fields.take_bytes("key_hash", size=jmt.HASH_SIZE),
        fields.take_bytes("value_hash", size=jmt.HASH_SIZE),
    )
    fields.done()
    return leaf


def _hash(text: str) -> bytes:
    value = b64url_decode(text)
    if len(value) != jmt.HASH_SIZE:
        raise Malformed("a hash has the wrong size", code=_CODE)
    return value
