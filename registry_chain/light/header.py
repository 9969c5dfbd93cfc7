"""The block header of CometBFT and its hash: a Merkle tree over fourteen encoded fields.

What is hashed here is what validators sign; a changed bit anywhere is another block [REG-LIGHT-1].
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from registry_chain.light import codec
from registry_chain.light.codec import Timestamp, pb_bytes, pb_int, pb_message, to_hex
from ssi.encoding import JSON, Fields, JSONObject, sha256
from ssi.merkle import EMPTY_ROOT, root_hash

BLOCK_PROTOCOL: Final = 11
MAX_CHAIN_ID: Final = 50
ADDRESS_SIZE: Final = 20
HASH_SIZE: Final = 32
_MAX_PARTS: Final = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockId:
    """A block by its header's hash and the hash of the parts it was sent in."""

    hash: bytes
    parts_total: int
    parts_hash: bytes

    def encode(self) -> bytes:
        """Encode ``BlockID``, the same bytes as ``CanonicalBlockID``."""
        parts = pb_int(1, self.parts_total) + pb_bytes(2, self.parts_hash)
        return pb_bytes(1, self.hash) + pb_message(2, parts)

    @property
    def is_zero(self) -> bool:
        """Whether this is the block before the first."""
        return not (self.hash or self.parts_total or self.parts_hash)

    @classmethod
    def parse(cls, obj: JSON) -> Self:
        """Read CometBFT's JSON."""
        fields = codec.reader(obj, "block_id")
        parts = fields.take_fields("parts")
        block_id = cls(
            hash=codec.take_hex(fields, "hash", 0, HASH_SIZE),
            parts_total=parts.take_int("total", 0, _MAX_PARTS),
            parts_hash=codec.take_hex(parts, "hash", 0, HASH_SIZE),
        )
        parts.done()
        fields.done()
        if not block_id.is_zero and not (block_id.hash and block_id.parts_hash):
            raise codec.malformed("a block id is half empty")
        return block_id

    def to_json(self) -> JSONObject:
        """Return CometBFT's JSON."""
        parts: JSONObject = {"total": self.parts_total, "hash": to_hex(self.parts_hash)}
        return {"hash": to_hex(self.hash), "parts": parts}


NO_BLOCK: Final = BlockId(hash=b"", parts_total=0, parts_hash=b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The fourteen fields of a header, in the order in which they are hashed."""

    block_protocol: int = BLOCK_PROTOCOL
    app_protocol: int
    chain_id: str
    height: int
    time: Timestamp
    last_block_id: BlockId
    last_commit_hash: bytes
    data_hash: bytes
    validators_hash: bytes
    next_validators_hash: bytes
    consensus_hash: bytes
    app_hash: bytes
    last_results_hash: bytes
    evidence_hash: bytes = EMPTY_ROOT
    proposer_address: bytes

    @classmethod
    def parse(cls, obj: JSON) -> Self:
        """Read CometBFT's JSON.

        Raises:
            Malformed: ``light.malformed``.
        """
        fields = codec.reader(obj, "header")
        block, app = _versions(fields.take_fields("version"))
        header = cls(
            block_protocol=block,
            app_protocol=app,
            chain_id=fields.take_str("chain_id", max_len=MAX_CHAIN_ID),
            height=codec.take_int64(fields, "height"),
            time=codec.take_time(fields, "time"),
            last_block_id=BlockId.parse(fields.take_object("last_block_id")),
            last_commit_hash=codec.take_hex(fields, "last_commit_hash", 0, HASH_SIZE),
            data_hash=codec.take_hex(fields, "data_hash", 0, HASH_SIZE),
            validators_hash=codec.take_hex(fields, "validators_hash", HASH_SIZE),
            next_validators_hash=codec.take_hex(fields, "next_validators_hash", HASH_SIZE),
            consensus_hash=codec.take_hex(fields, "consensus_hash", HASH_SIZE),
            app_hash=codec.take_hex(fields, "app_hash"),
            last_results_hash=codec.take_hex(fields, "last_results_hash", 0, HASH_SIZE),
            evidence_hash=codec.take_hex(fields, "evidence_hash", 0, HASH_SIZE),
            proposer_address=codec.take_hex(fields, "proposer_address", ADDRESS_SIZE),
        )
        fields.done()
        if block != BLOCK_PROTOCOL or header.height < 1 or not header.chain_id.isascii():
            raise codec.malformed("the header is of another protocol, or has no height or chain")
        return header

    def to_json(self) -> JSONObject:
        """Return CometBFT's JSON."""
        version: JSONObject = {"block": str(self.block_protocol), "app": str(self.app_protocol)}
        return {
            "version": version,
            "chain_id": self.chain_id,
            "height": str(self.height),
            "time": self.time.to_json(),
            "last_block_id": self.last_block_id.to_json(),
            "last_commit_hash": to_hex(self.last_commit_hash),
            "data_hash": to_hex(self.data_hash),
            "validators_hash": to_hex(self.validators_hash),
            "next_validators_hash": to_hex(self.next_validators_hash),
            "consensus_hash": to_hex(self.consensus_hash),
            "app_hash": to_hex(self.app_hash),
            "last_results_hash": to_hex(self.last_results_hash),
            "evidence_hash": to_hex(self.evidence_hash),
            "proposer_address": to_hex(self.proposer_address),
        }

    def encode(self) -> bytes:
        """Encode the ``Header`` message, as it stands in a block."""
        messages = {1: self._version(), 4: self.time.encode(), 5: self.last_block_id.encode()}
        scalars = {2: pb_bytes(2, self.chain_id.encode()), 3: pb_int(3, self.height)}
        hashes = {number: pb_bytes(number, data) for number, data in enumerate(self._hashes(), 6)}
        fields = scalars | hashes | {n: pb_message(n, data) for n, data in messages.items()}
        return b"".join(fields[number] for number in sorted(fields))

    def leaves(self) -> list[bytes]:
        """Return the fourteen leaves: scalars as well-known types, empty ones as nothing."""
        return [
            self._version(),
            pb_bytes(1, self.chain_id.encode()),
            pb_int(1, self.height),
            self.time.encode(),
            self.last_block_id.encode(),
            *(pb_bytes(1, data) for data in self._hashes()),
        ]

    def _version(self) -> bytes:
        return pb_int(1, self.block_protocol) + pb_int(2, self.app_protocol)

    def _hashes(self) -> tuple[bytes, ...]:
        return (
            self.last_commit_hash,
            self.data_hash,
            self.validators_hash,
            self.next_validators_hash,
            self.consensus_hash,
            self.app_hash,
            self.last_results_hash,
            self.evidence_hash,
            self.proposer_address,
        )


def header_hash(header: Header) -> bytes:
    """Return the block's hash."""
    return root_hash(header.leaves())


def data_hash(txs: tuple[bytes, ...] | list[bytes]) -> bytes:
    """Return the root over a block's transactions; its leaves are their SHA-256."""
    return root_hash([sha256(tx) for tx in txs])


def results_hash(codes: tuple[int, ...] | list[int]) -> bytes:
    """Return the root over the results of a block's transactions, which have codes only."""
    return root_hash([pb_int(1, code) for code in codes])


@lru_cache(maxsize=8)  # the parameters are a chain's constants
def consensus_hash(*, max_bytes: int, max_gas: int) -> bytes:
    """Return the hash of the consensus parameters that CometBFT binds."""
    return sha256(pb_int(1, max_bytes) + pb_int(2, max_gas))


def _versions(fields: Fields) -> tuple[int, int]:
    block = codec.take_int64(fields, "block")
    app = codec.take_int64(fields, "app") if fields.has("app") else 0
    fields.done()
    return block, app
