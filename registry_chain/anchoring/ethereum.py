"""Ethereum's proofs: a header, and what the state under it holds at one place of one account.

Hashing and RLP are the libraries' (extra ``evm``); walking the tries is here, because nobody keeps
a small verifier of them. Every node that is given must be used, so nothing unproven rides along.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import rlp
from eth_hash.auto import keccak

from ssi.errors import InvalidProof, Malformed

_STATE_ROOT, _NUMBER, _TIME = 3, 8, 11
_LEAST_FIELDS, _MOST_FIELDS = 15, 24
_STORAGE_ROOT, _ACCOUNT_FIELDS = 2, 4
_HASH: Final = 32
_BRANCH, _SHORT = 17, 2
_MAX_NODES = 64
_MAX_NUMBER_BYTES = 8

Node = Sequence["bytes | Node"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvmHeader:
    """What a header says; its hash binds all of it."""

    hash: bytes
    number: int
    time: datetime
    state_root: bytes


def read_header(raw: bytes) -> EvmHeader:
    """Read a header's RLP.

    Raises:
        Malformed: ``anchor.evm_form``.
    """
    fields = _decoded(raw)
    if not _LEAST_FIELDS <= len(fields) <= _MOST_FIELDS:
        raise _bad("is no header")
    state_root = _bytes(fields[_STATE_ROOT])
    if len(state_root) != _HASH:
        raise _bad("is no header")
    try:
        time = datetime.fromtimestamp(_number(fields[_TIME]), UTC)
    except (OverflowError, ValueError, OSError):
        raise _bad("has no time") from None
    return EvmHeader(
        hash=keccak(raw), number=_number(fields[_NUMBER]), time=time, state_root=state_root
    )


def storage_value(
    header: EvmHeader,
    contract: bytes,
    slot: bytes,
    account: Sequence[bytes],
    nodes: Sequence[bytes],
) -> bytes:
    """The 32 bytes at a contract's storage slot, proven under a header.

    Args:
        header: The header.
        contract: The contract's address.
        slot: The 32 bytes of the slot's key.
        account: The trie nodes from the state root to the account.
        nodes: The trie nodes from the account's storage root to the slot.

    Raises:
        InvalidProof: ``anchor.evm_proof``.
        Malformed: ``anchor.evm_form``.
    """
    record = _decoded(_walk(header.state_root, keccak(contract), account))
    if len(record) != _ACCOUNT_FIELDS:
        raise _bad("holds no account")
    value = _item(_walk(_bytes(record[_STORAGE_ROOT]), keccak(slot), nodes))
    if not 1 <= len(value) <= _HASH or value[0] == 0:
        raise _bad("holds no storage value")
    return value.rjust(_HASH, b"\0")


def mapping_slot(key: int, place: int) -> bytes:
    """The key of an entry of a mapping that stands at a place of a contract's storage."""
    return keccak(key.to_bytes(_HASH) + place.to_bytes(_HASH))


def _walk(root: bytes, path: bytes, nodes: Sequence[bytes]) -> bytes:
    """The value at a path of a trie; every node must be the one its parent names."""
    if not 1 <= len(nodes) <= _MAX_NODES:
        raise _bad("has too few or too many nodes")
    left = [nibble for byte in path for nibble in (byte >> 4, byte & 15)]
    expected = root
    for index, raw in enumerate(nodes):
        if keccak(raw) != expected:
            raise InvalidProof("a node is not the one named", code="anchor.evm_proof")
        found = _step(_decoded(raw), left)
        last = index == len(nodes) - 1
        if not left:
            if not last:
                raise InvalidProof("nodes are left over", code="anchor.evm_proof")
            return found
        expected = found
    raise InvalidProof("the proof ends early", code="anchor.evm_proof")


def _step(node: Node, left: list[int]) -> bytes:
    """Take one node's part off the path; a node embedded in its parent is walked as well."""
    if len(node) == _BRANCH:
        following = node[left.pop(0)]
    elif len(node) == _SHORT:
        part = _bytes(node[0])
        nibbles, leaf = _hex_prefix(part)
        if left[: len(nibbles)] != nibbles:
            raise InvalidProof("the proof leads elsewhere", code="anchor.evm_proof")
        del left[: len(nibbles)]
        if leaf != (not left):
            raise InvalidProof("the proof ends in the wrong place", code="anchor.evm_proof")
        following = node[1]
    else:
        raise _bad("has a node of no known kind")
    if isinstance(following, bytes):
        return following
    return _step(following, left)


def _hex_prefix(part: bytes) -> tuple[list[int], bool]:
    if not part or part[0] >> 4 > 3 or (not part[0] & 0x10 and part[0] & 0x0F):  # noqa: PLR2004 - two flag bits
        raise _bad("has a path in a wrong form")
    nibbles = [nibble for byte in part for nibble in (byte >> 4, byte & 15)]
    return nibbles[1 if part[0] & 0x10 else 2 :], bool(part[0] & 0x20)


def _decoded(raw: bytes) -> Node:
    try:
        found = rlp.decode(raw, strict=True)
    except (rlp.exceptions.RLPException, RecursionError):
        raise _bad("is not RLP") from None
    if isinstance(found, bytes):
        raise _bad("is not a list")
    return tuple(found)


def _item(raw: bytes) -> bytes:
    try:
        return _bytes(rlp.decode(raw, strict=True))
    except rlp.exceptions.RLPException:
        raise _bad("is not RLP") from None


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise _bad("has a list where bytes belong")
    return value


def _number(value: object) -> int:
    raw = _bytes(value)
    if len(raw) > _MAX_NUMBER_BYTES or raw[:1] == b"\0":
        raise _bad("has a number in a wrong form")
    return int.from_bytes(raw)


def _bad(what: str) -> Malformed:
    return Malformed(f"the Ethereum proof {what}", code="anchor.evm_form")
