"""A chain of light blocks signed by as many validators as a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from nacl.signing import SigningKey

from registry_chain.jmt import EMPTY
from registry_chain.light import (
    NO_BLOCK,
    Header,
    Timestamp,
    TrustedState,
    UntrustedLightBlock,
    Validator,
    ValidatorSet,
    block_id,
    commit_hash,
    consensus_hash,
    data_hash,
    results_hash,
    sign_block,
    validators_hash,
)
from ssi.encoding import sha256

CHAIN = "test-chain"
GENESIS = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def key(name: str) -> SigningKey:
    return SigningKey(sha256(name.encode()))


def validator(name: str, power: int = 1) -> Validator:
    return Validator(public_key=bytes(key(name).verify_key), power=power)


def validator_set(**powers: int) -> ValidatorSet:
    return ValidatorSet.of([validator(name, power) for name, power in powers.items()])


FOUR = validator_set(a=1, b=1, c=1, d=1)
ONE = validator_set(a=1)


def signers(names: Sequence[str]) -> dict[bytes, Any]:
    return {validator(name).address: partial(_sign, key(name)) for name in names}


def _sign(signing_key: SigningKey, message: bytes) -> bytes:
    return signing_key.sign(message).signature


def header(height: int, **changes: Any) -> Header:
    """A header whose validators are the four, unless the changes say otherwise."""
    parts: dict[str, Any] = {
        "app_protocol": 1,
        "chain_id": CHAIN,
        "height": height,
        "time": Timestamp.at(GENESIS + height * SECOND),
        "last_block_id": NO_BLOCK,
        "last_commit_hash": commit_hash(None),
        "data_hash": data_hash([]),
        "validators_hash": validators_hash(FOUR),
        "next_validators_hash": validators_hash(FOUR),
        "consensus_hash": consensus_hash(max_bytes=1_048_576, max_gas=-1),
        "app_hash": EMPTY,
        "last_results_hash": results_hash([]),
        "proposer_address": FOUR.validators[0].address,
    }
    return Header(**(parts | changes))


def signed(
    made: Header, validators: ValidatorSet = FOUR, by: Sequence[str] = "abcd", round_: int = 0
) -> UntrustedLightBlock:
    """A light block of a header whose validators are made to fit."""
    fitting = replace(made, validators_hash=validators_hash(validators))
    return sign_block(
        fitting,
        block_id(fitting, [], None),
        validators,
        signers=signers(by),
        time=made.time,
        round_=round_,
    )


def genesis_trust(validators: ValidatorSet = FOUR, **changes: Any) -> TrustedState:
    parts: dict[str, Any] = {
        "chain_id": CHAIN,
        "height": 0,
        "time": Timestamp.at(GENESIS),
        "header_hash": sha256(b"genesis"),
        "next_validators_hash": validators_hash(validators),
        "validators": validators,
        "next_app_hash": EMPTY,
        "pinned": True,
    }
    return TrustedState(**(parts | changes))


@dataclass
class Chain:
    """Blocks that follow one another; ``names`` sign them."""

    names: str = "abcd"
    blocks: list[UntrustedLightBlock] = field(default_factory=list)

    def grow(
        self, validators: ValidatorSet = FOUR, following: ValidatorSet | None = None, **changes: Any
    ) -> UntrustedLightBlock:
        """Add a block by ``validators`` that announces those of the next one."""
        height = len(self.blocks) + 1
        last = self.blocks[-1] if self.blocks else None
        made = header(
            height,
            validators_hash=validators_hash(validators),
            next_validators_hash=validators_hash(following or validators),
            **{
                "last_block_id": last.commit.block_id if last else NO_BLOCK,
                "last_commit_hash": commit_hash(last.commit if last else None),
                **changes,
            },
        )
        self.blocks.append(signed(made, validators, self.names))
        return self.blocks[-1]

    def hand_over(
        self, names: str, last: Timestamp | None = None, first: Timestamp | None = None
    ) -> UntrustedLightBlock:
        """End a chain of one, and add the first block of the network it announces [REG-LIGHT-9]."""
        network = validator_set(**dict.fromkeys(names, 1))
        self.grow(ONE, network, **({} if last is None else {"time": last}))
        self.names = names
        begun = {"last_block_id": NO_BLOCK, "last_commit_hash": commit_hash(None)}
        return self.grow(network, **begun, **({} if first is None else {"time": first}))
