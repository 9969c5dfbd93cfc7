"""The EVM contract as the anchoring job uses it (extra ``evm``)."""

from dataclasses import dataclass, replace
from typing import Self

from registry_chain.anchoring.evm import verify_evm
from registry_chain.anchoring.evm_chain import EvmNode, read_secret
from registry_chain.anchoring.policy import EvmPolicy
from registry_chain.anchoring.proofs import AnchorProof, Method
from registry_chain.anchoring.settings import EvmPlace
from ssi.errors import InvalidProof, Malformed
from ssi.fetch import Fetch
from ssi.files import read_private

_MAX_KEY = 128
_NOTHING = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorContract:
    """The contract of a policy, reached through one node."""

    node: EvmNode
    policy: EvmPolicy

    @classmethod
    def open(cls, place: EvmPlace, policy: EvmPolicy, fetch: Fetch) -> Self:
        """Open it, with the account's key if a file names one.

        Raises:
            Malformed: As `ssi.files.read_private`; ``keystore.key``.
        """
        node = open_node(place, policy.chain_id, fetch)
        return cls(node=node, policy=policy)

    @property
    def name(self) -> str:
        """Our own name for the chain."""
        return self.policy.name

    def proof(self, epoch: str, height: int, block_hash: bytes) -> bytes | None:
        """The proof of a hash that is final; if the contract does not have it, put it in.

        Returns:
            The verified proof, or ``None`` when the hash was only put in now.

        Raises:
            InvalidProof: ``anchor.evm_conflict``: the contract keeps another hash of this height.
            Refused: ``anchor.evm_late``.
            Unavailable: ``anchor.not_final``, ``anchor.evm_rpc``.
        """
        contract = self.policy.contract
        found = self.node.kept(contract, height)
        if found == _NOTHING:
            self.node.anchor(contract, height, block_hash, epoch)
            return None
        if found != block_hash:
            raise InvalidProof("the contract keeps another hash", code="anchor.evm_conflict")
        final, raw = self.node.proof(contract, height, block_hash)
        anchor = AnchorProof(
            method=Method.EVM, epoch=epoch, height=height, block_hash=block_hash, proof=raw
        )
        verify_evm(anchor, replace(self.policy, final_blocks={final.number: final.hash}))
        return raw


def open_node(place: EvmPlace, chain_id: int, fetch: Fetch) -> EvmNode:
    """A node, with the account's key if a file names one.

    Raises:
        Malformed: As `ssi.files.read_private`; ``keystore.key``.
    """
    secret = None
    if place.key is not None:
        raw = read_private(place.key, most=_MAX_KEY)
        try:
            secret = read_secret(raw.decode("ascii"))
        except ValueError:
            raise Malformed("the file holds no EVM key", code="keystore.key") from None
    return EvmNode(place.url, chain_id, fetch, secret, place.confirmations)
