"""A contract on an EVM chain that keeps block hashes: judge a kept storage proof.

Offline, a proof reaches as far as a block that the reader calls final; getting one is in
``evm_chain``.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from registry_chain.anchoring.ethereum import mapping_slot, read_header, storage_value
from registry_chain.anchoring.policy import EvmPolicy
from registry_chain.anchoring.proofs import AnchorProof, Method, VerifiedAnchor
from ssi.encoding import (
    Fields,
    JsonLimits,
    JSONObject,
    b64url_decode,
    b64url_encode,
    canonical_json,
    parse_json_object,
)
from ssi.errors import BindingMismatch, InvalidProof, Malformed, Unavailable

HASHES_SLOT = 0
# Proposers choose the time within their slot; later than the block before, not ahead of the others.
ACCURACY = timedelta(minutes=1)
_MAX_NODE = 4096
_LIMITS = JsonLimits(max_bytes=32_768, max_depth=3, max_string=_MAX_NODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageProof:
    """A header, and the trie nodes from its state root to one slot of the contract."""

    header: bytes = field(repr=False)
    account: tuple[bytes, ...] = field(repr=False)
    storage: tuple[bytes, ...] = field(repr=False)

    def to_bytes(self) -> bytes:
        """The proof's canonical JSON."""
        told: JSONObject = {
            "header": b64url_encode(self.header),
            "account": [b64url_encode(node) for node in self.account],
            "storage": [b64url_encode(node) for node in self.storage],
        }
        return canonical_json(told)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a proof; only its canonical form is taken [ANC-FORM-3].

        Raises:
            Malformed: ``anchor.evm_form`` or ``json.*``.
        """
        reading = Fields(
            parse_json_object(raw, limits=_LIMITS), where="evm", code="anchor.evm_form"
        )
        proof = cls(
            header=reading.take_bytes("header"),
            account=tuple(b64url_decode(one) for one in reading.take_strs("account")),
            storage=tuple(b64url_decode(one) for one in reading.take_strs("storage")),
        )
        reading.done()
        if proof.to_bytes() != raw:
            raise Malformed("the proof is not in its one form", code="anchor.evm_form")
        return proof


def verify_evm(anchor: AnchorProof, policy: EvmPolicy) -> VerifiedAnchor:
    """Return what a storage proof proves [ANC-EVM-2].

    (1) its one form  (2) the header is one that the reader calls final
    (3) the account is the policy's contract, under the header's state root
    (4) at this height the contract keeps this hash

    Args:
        anchor: The kept proof.
        policy: Which contract counts, and which blocks are final.

    Raises:
        Rejected: ``anchor.evm_*``, ``anchor.imprint``.
        Unavailable: ``anchor.not_final``: the reader does not know the header's block as final.
    """
    proof = StorageProof.parse(anchor.proof)
    header = read_header(proof.header)
    final = policy.final_blocks.get(header.number)
    if final is None:
        raise Unavailable("the block is not known to be final", code="anchor.not_final")
    if final != header.hash:
        raise InvalidProof("another block is final at this number", code="anchor.evm_block")
    slot = mapping_slot(anchor.height, HASHES_SLOT)
    kept = storage_value(header, policy.contract, slot, proof.account, proof.storage)
    if kept != anchor.block_hash:
        raise BindingMismatch("the contract keeps another hash", code="anchor.imprint")
    return VerifiedAnchor(
        method=Method.EVM,
        authority=policy.name,
        block_hash=anchor.block_hash,
        time=header.time,
        accuracy=ACCURACY,
        shown={
            "chain": policy.chain_id,
            "contract": policy.contract.hex(),
            "block": header.number,
            "final_block": header.hash.hex(),
        },
    )
