"""Blocks of the embedded engine: header, commit and hashes are CometBFT's; one validator signs."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry_chain.application import Finalized
from registry_chain.genesis import Genesis
from registry_chain.light import (
    NO_BLOCK,
    BlockId,
    Commit,
    Header,
    Timestamp,
    UntrustedLightBlock,
    Validator,
    ValidatorSet,
    block_id,
    commit_hash,
    consensus_hash,
    data_hash,
    parse_genesis_validators,
    results_hash,
    sign_block,
    validators_hash,
)
from ssi.keys import Signer

MAX_BLOCK_BYTES = 2_000_000
NO_GAS_LIMIT = -1
_TICK = 1_000_000  # nanoseconds; the least step between two blocks
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """What the next block builds on."""

    height: int
    time: Timestamp
    block: BlockId
    commit: Commit | None
    codes: tuple[int, ...]


def genesis_tip(genesis: Genesis) -> Tip:
    """The tip before the first block."""
    time = Timestamp(genesis.genesis_time)
    return Tip(height=0, time=time, block=NO_BLOCK, commit=None, codes=())


def tip_of(block: UntrustedLightBlock, codes: Sequence[int]) -> Tip:
    """The tip that a block leaves."""
    return Tip(
        height=block.height,
        time=block.header.time,
        block=block.commit.block_id,
        commit=block.commit,
        codes=tuple(codes),
    )


def next_time(tip: Tip, now: Timestamp) -> Timestamp:
    """The next block's time: now, or just after the last if the clock went back [REG-ENG-3]."""
    nanos = tip.time.nanos + _TICK
    later = Timestamp(tip.time.seconds + nanos // _SECOND, nanos % _SECOND)
    return max(now, later)


def make_block(  # noqa: PLR0913 - what a block is made of
    tip: Tip,
    *,
    genesis: Genesis,
    validators: ValidatorSet,
    signer: Signer,
    time: Timestamp,
    txs: Sequence[bytes],
    app_hash: bytes,
    rules_version: int = 1,
    successors: ValidatorSet | None = None,
) -> UntrustedLightBlock:
    """Make and sign the block after ``tip``.

    Args:
        tip: The block before.
        genesis: The chain's genesis.
        validators: The one validator.
        signer: Its key.
        time: The block's time.
        txs: Its transactions.
        app_hash: The root of the state before it.
        rules_version: The version of the rules that holds at its height [REG-UPG-2].
        successors: Who signs the next block, if it is no longer this validator [REG-MIG-2].

    Returns:
        The signed light block.
    """
    address = validators.validators[0].address
    own_hash = validators_hash(validators)
    header = Header(
        app_protocol=rules_version,
        chain_id=genesis.chain_id,
        height=tip.height + 1,
        time=time,
        last_block_id=tip.block,
        last_commit_hash=commit_hash(tip.commit),
        data_hash=data_hash(list(txs)),
        validators_hash=own_hash,
        next_validators_hash=validators_hash(successors or validators),
        consensus_hash=consensus_hash(max_bytes=MAX_BLOCK_BYTES, max_gas=NO_GAS_LIMIT),
        app_hash=app_hash,
        last_results_hash=results_hash(tip.codes),
        proposer_address=address,
    )
    identity = block_id(header, txs, tip.commit)
    return sign_block(header, identity, validators, signers={address: signer.sign}, time=time)


def successors_of(judged: Finalized) -> ValidatorSet | None:
    """The validators to whom a block hands the chain over, if it does [REG-MIG-2]."""
    updates = judged.validator_updates
    named = [Validator(public_key=one.public_key, power=one.power) for one in updates if one.power]
    return ValidatorSet.of(named) if named else None


def hands_over(block: UntrustedLightBlock) -> bool:
    """Whether others sign the block after this one."""
    return block.header.next_validators_hash != block.header.validators_hash


def one_validator(genesis: Genesis, signer: Signer) -> ValidatorSet:
    """The genesis' validator set, which must be this key alone.

    Raises:
        ValueError: The embedded engine cannot serve this genesis with this key.
    """
    validators = parse_genesis_validators(genesis.validators)
    keys = [validator.public_key for validator in validators.validators]
    if keys != [signer.public_key.raw]:
        raise ValueError("the embedded engine needs the genesis' only validator key")
    return validators
