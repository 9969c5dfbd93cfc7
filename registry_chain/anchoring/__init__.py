"""Anchoring outwards: others, outside the consortium, prove that a block existed by a time.

What is anchored is the hash of an epoch's light block. `verify_anchor` judges a kept proof without
any network; the job in ``job`` gets proofs and keeps them. Clauses: ``specs/anchoring.md``.
"""

from registry_chain.anchoring.policy import (
    AnchorPolicy,
    BitcoinPolicy,
    EvmPolicy,
    TimeAuthority,
)
from registry_chain.anchoring.proofs import (
    AnchorProof,
    Method,
    VerifiedAnchor,
    anchor_to_bytes,
    anchor_to_json,
    parse_anchor,
)
from registry_chain.anchoring.verify import AnchorReport, verify_anchor, verify_epoch

__all__ = [
    "AnchorPolicy",
    "AnchorProof",
    "AnchorReport",
    "BitcoinPolicy",
    "EvmPolicy",
    "Method",
    "TimeAuthority",
    "VerifiedAnchor",
    "anchor_to_bytes",
    "anchor_to_json",
    "parse_anchor",
    "verify_anchor",
    "verify_epoch",
]
