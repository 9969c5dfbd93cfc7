"""An embedded chain whose members decide to become a network, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.genesis import Genesis, GenesisMember, new_genesis
from registry_chain.transactions import Body, Name, build_tx
from registry_chain.transactions.fields import bare_jwk
from registry_chain.transactions.validators import Migrate, seat_for
from ssi.keys import SoftwareSigner
from tests.support.chain import TestClock
from tests.support.registry import VALIDATOR, proposal, signer

CHAIN_ID = "moving-chain"
OWNERS = ("member-1", "member-2", "member-3", "member-4")


@dataclass
class Moving:
    """The embedded chain before, during and after its members' decision."""

    path: Path
    genesis: Genesis
    clock: TestClock
    engine: EmbeddedEngine
    seq: int = 0

    def tx(self, body: Body) -> bytes:
        self.seq += 1
        return build_tx(
            chain_id=CHAIN_ID,
            account="council",
            lane=0,
            seq=self.seq,
            valid_until_height=self.engine.status().height + 500,
            body=body,
            signer=signer("council"),
        ).encode()

    def do(self, body: Body) -> int:
        outcome = self.engine.wait(self.engine.submit(self.tx(body)), 5)
        assert outcome.code == 0, outcome
        return outcome.height

    def move(self, keys: dict[str, SoftwareSigner]) -> int:
        """Carry the migration to a network of these keys."""
        seats = tuple(seat_for(key, chain_id=CHAIN_ID, member=owner) for owner, key in keys.items())
        at = int(self.clock().timestamp())
        return self.do(proposal(Migrate(validators=seats), at=at))


def founded(start: datetime) -> Genesis:
    """A genesis with one voter, who decides alone, and four future validators."""
    members = [
        GenesisMember(
            id=name,
            name=Name(ja=name, en=name),
            account_keys=(bare_jwk(signer(name).public_key),),
            roles=("voter",) if name == "council" else ("auditor",),
        )
        for name in ("council", *OWNERS)
    ]
    return new_genesis(
        chain_id=CHAIN_ID,
        genesis_time=int(start.timestamp()),
        validators=[VALIDATOR.public_key],
        members=members,
        loopback=True,
        timelock=0,
    )


def moving(path: Path, clock: TestClock) -> Moving:
    """Found an embedded chain that is to become a network."""
    genesis = founded(clock() - timedelta(days=1))
    return Moving(path, genesis, clock, reopened(path, genesis, clock))


def reopened(path: Path, genesis: Genesis, clock: TestClock) -> EmbeddedEngine:
    return EmbeddedEngine(path, genesis, VALIDATOR, clock, gather=timedelta(milliseconds=1))
