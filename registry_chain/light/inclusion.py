"""Proofs that a transaction stands in a block [REG-PROOF-4]."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from ssi.encoding import JSON, Fields, JSONObject, b64url_decode, b64url_encode, sha256
from ssi.errors import Malformed
from ssi.merkle import inclusion_path, leaf_hash, verify_inclusion

_CODE: Final = "proof.malformed"
_MAX_PATH: Final = 64
_HASH_TEXT: Final = 43


@dataclass(frozen=True, slots=True, kw_only=True)
class TxInclusionProof:
    """The place of a transaction among those of its block, and the path to their root."""

    index: int
    total: int
    path: tuple[bytes, ...]

    @classmethod
    def parse(cls, obj: JSON) -> Self:
        """Read a proof that someone sent.

        Raises:
            Malformed: ``proof.malformed`` or ``encoding.base64url``.
        """
        if not isinstance(obj, dict):
            raise Malformed("a proof is not an object", code=_CODE)
        fields = Fields(obj, where="inclusion proof", code=_CODE)
        proof = cls(
            index=fields.take_int("index"),
            total=fields.take_int("total", minimum=1),
            path=tuple(
                b64url_decode(text)
                for text in fields.take_strs("path", max_items=_MAX_PATH, max_len=_HASH_TEXT)
            ),
        )
        fields.done()
        return proof

    def to_json(self) -> JSONObject:
        """Return the proof as its JSON value."""
        path: list[JSON] = [b64url_encode(value) for value in self.path]
        return {"index": self.index, "total": self.total, "path": path}


def tx_inclusion_proof(txs: Sequence[bytes], index: int) -> TxInclusionProof:
    """Make the proof for the transaction at ``index`` of a block."""
    path = inclusion_path([sha256(tx) for tx in txs], index)
    return TxInclusionProof(index=index, total=len(txs), path=tuple(path))


def verify_tx_inclusion(tx_hash: bytes, proof: TxInclusionProof, data_hash: bytes) -> None:
    """Check that a transaction stands in the block with this ``data_hash``.

    Args:
        tx_hash: The SHA-256 of the transaction's bytes.
        proof: What a node said.
        data_hash: From a verified light block.

    Raises:
        InvalidProof: ``proof.invalid``.
    """
    verify_inclusion(
        root=data_hash,
        leaf_hash=leaf_hash(tx_hash),
        index=proof.index,
        size=proof.total,
        path=proof.path,
    )
