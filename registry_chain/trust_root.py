"""Where trust begins: the genesis that a person pinned, and a later block he vouches for too.

A *trust file* is what a program is shipped with or given by hand: the genesis, and perhaps a
checkpoint, which is a light block of that chain whose hash was compared with somebody who follows
the chain. A genesis alone is a trust file as well [REG-LIGHT-3].
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from registry_chain.genesis import Genesis, genesis_records
from registry_chain.jmt import root_of
from registry_chain.light import (
    Timestamp,
    TrustedState,
    TrustOptions,
    UntrustedLightBlock,
    header_hash,
    light_block_to_json,
    parse_genesis_validators,
    parse_light_block,
    validators_hash,
    verify_light_block,
)
from registry_chain.transport import LIMITS
from ssi.encoding import Fields, JSONObject, canonical_json, parse_json_object, sha256
from ssi.errors import Malformed, Untrusted
from ssi.files import read_file

VERSION: Final = 1
_CODE: Final = "trust.malformed"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoot:
    """What a program trusts before it has heard from anybody.

    Args:
        genesis: The chain's genesis.
        checkpoint: A later light block, compared by a person. It vouches for the trusting period
            from its own time; the genesis vouches until the program has remembered a block.
    """

    genesis: Genesis
    checkpoint: UntrustedLightBlock | None = None

    def state(self) -> TrustedState:
        """Return the state from which trust goes on."""
        if self.checkpoint is None:
            return trust_from_genesis(self.genesis)
        return TrustedState.remembered(self.checkpoint)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a trust file or a genesis file.

        Raises:
            Malformed: ``trust.malformed``, ``light.malformed``, ``json.*`` or as `Genesis.load`.
            Untrusted: ``trust.checkpoint``.
        """
        raw = read_file(path, most=LIMITS.max_bytes)
        obj = parse_json_object(raw, limits=LIMITS)
        if "genesis" not in obj:
            return cls(genesis=Genesis.load(path))
        return cls.parse(obj)

    @classmethod
    def parse(cls, obj: JSONObject) -> Self:
        """Read a trust file; as `load`."""
        fields = Fields(obj, where="trust file", code=_CODE)
        if fields.take_int("v") != VERSION:
            raise Malformed("the trust file is of another version", code=_CODE)
        genesis = Genesis.from_json(fields.take_object("genesis"))
        said = fields.opt_fields("checkpoint")
        fields.done()
        if said is None:
            return cls(genesis=genesis)
        height, digest = said.take_int("height", minimum=1), said.take_str("hash", max_len=64)
        block = parse_light_block(said.take_object("light_block"))
        said.done()
        if (block.height, header_hash(block.header).hex().upper()) != (height, digest):
            raise Untrusted("the checkpoint is not the block it names", code="trust.checkpoint")
        return cls(genesis=genesis, checkpoint=checked(block, genesis))

    def to_json(self) -> JSONObject:
        """Return the trust file."""
        file: JSONObject = {"v": VERSION, "genesis": self.genesis.to_json()}
        if self.checkpoint is not None:
            file["checkpoint"] = {
                "height": self.checkpoint.height,
                "hash": header_hash(self.checkpoint.header).hex().upper(),
                "light_block": light_block_to_json(self.checkpoint),
            }
        return file


def checked(block: UntrustedLightBlock, genesis: Genesis) -> UntrustedLightBlock:
    """Return a block that a person vouches for, once it is of this chain and signed by its own.

    Raises:
        Untrusted: ``trust.checkpoint``: it is of another chain; or as `verify_light_block`.
    """
    if block.header.chain_id != genesis.chain_id:
        raise Untrusted("the checkpoint is of another chain", code="trust.checkpoint")
    itself = TrustedState.remembered(block)
    moment = block.header.time.moment
    verify_light_block(block, trusted=itself, now=moment, options=TrustOptions(max_age=None))
    return block
