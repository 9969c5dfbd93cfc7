"""Where trust begins: the genesis that a person pinned [REG-LIGHT-3]."""

from registry_chain.genesis import Genesis, genesis_records
from registry_chain.jmt import root_of
from registry_chain.light.codec import Timestamp
from registry_chain.light.trust import TrustedState
from registry_chain.light.validators import parse_genesis_validators, validators_hash
from ssi.encoding import canonical_json, sha256


def trust_from_genesis(genesis: Genesis) -> TrustedState:
    """Return the trusted state at height 0.

    Block 1 must be signed by these validators and carry the root of the founding state; later
    blocks need the trust level of these validators.

    Args:
        genesis: The genesis file, pinned by whoever runs this program.
    """
    validators = parse_genesis_validators(genesis.validators)
    return TrustedState(
        chain_id=genesis.chain_id,
        height=0,
        time=Timestamp(genesis.genesis_time),
        header_hash=sha256(canonical_json(genesis.to_json())),
        next_validators_hash=validators_hash(validators),
        validators=validators,
        next_app_hash=root_of(genesis_records(genesis)),
        pinned=True,
    )
