"""The light client: verify what any node says of the chain, knowing nothing but its genesis.

Pure functions over the standard library, PyNaCl and ``ssi``; no input or output, no clock. Clauses:
``specs/light.md``.
"""

from registry_chain.light.build import block_id, sign_block
from registry_chain.light.bundle import (
    MAX_PATH_BLOCKS,
    BatchItem,
    TxItem,
    UntrustedBundle,
    VerifiedBundle,
    build_bundle,
    compact_bundle,
    inflate_bundle,
    parse_bundle,
    verify_bundle,
)
from registry_chain.light.codec import Timestamp
from registry_chain.light.commit import Commit, CommitSig, Flag, commit_hash, vote_sign_bytes
from registry_chain.light.header import (
    NO_BLOCK,
    BlockId,
    Header,
    consensus_hash,
    data_hash,
    header_hash,
    results_hash,
)
from registry_chain.light.inclusion import (
    TxInclusionProof,
    tx_inclusion_proof,
    verify_tx_inclusion,
)
from registry_chain.light.light_block import (
    UntrustedLightBlock,
    light_block_to_json,
    parse_light_block,
)
from registry_chain.light.map_proof import MapProof, verify_map_proof
from registry_chain.light.multiproof import MultiProof, RecordProof, verify_multi_proof
from registry_chain.light.slim import expand_light_block, slim_light_block
from registry_chain.light.trust import (
    DEFAULT_OPTIONS,
    TrustedState,
    TrustOptions,
    VerifiedLightBlock,
    verify_light_block,
    verify_older,
)
from registry_chain.light.validators import (
    Validator,
    ValidatorSet,
    parse_genesis_validators,
    validators_hash,
)

__all__ = [
    "DEFAULT_OPTIONS",
    "MAX_PATH_BLOCKS",
    "NO_BLOCK",
    "BatchItem",
    "BlockId",
    "Commit",
    "CommitSig",
    "Flag",
    "Header",
    "MapProof",
    "MultiProof",
    "RecordProof",
    "Timestamp",
    "TrustOptions",
    "TrustedState",
    "TxInclusionProof",
    "TxItem",
    "UntrustedBundle",
    "UntrustedLightBlock",
    "Validator",
    "ValidatorSet",
    "VerifiedBundle",
    "VerifiedLightBlock",
    "block_id",
    "build_bundle",
    "commit_hash",
    "compact_bundle",
    "consensus_hash",
    "data_hash",
    "expand_light_block",
    "header_hash",
    "inflate_bundle",
    "light_block_to_json",
    "parse_bundle",
    "parse_genesis_validators",
    "parse_light_block",
    "results_hash",
    "sign_block",
    "slim_light_block",
    "tx_inclusion_proof",
    "validators_hash",
    "verify_bundle",
    "verify_light_block",
    "verify_map_proof",
    "verify_multi_proof",
    "verify_older",
    "verify_tx_inclusion",
    "vote_sign_bytes",
]
