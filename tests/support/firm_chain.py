"""The issuer and the firm of `firm_world` on a running chain of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from registry_chain.transactions import build_tx, register_key
from registry_chain.transactions.statuses import publish_status
from ssi.status_list import build_status_token, new_status_list
from tests.support.chain import Chain, running
from tests.support.firm_world import (
    ISSUER,
    ISSUER_SIGNER,
    LIST_URI,
    NOW,
    ROOT,
    STATUS_SIGNER,
    YEAR,
    World,
    der,
    kid,
    make_config,
)
from tests.support.registry import CHAIN, accreditation, proposal, signer
from verifier_sdk import Verifier


def seconds(at: datetime) -> int:
    return int(at.timestamp())


@contextmanager
def issuing_chain(path: Path, *, now: datetime = NOW, types: tuple[str, ...]) -> Iterator[Chain]:
    """Found a chain with an accredited issuer, its keys and its status list."""
    with running(path) as chain:
        chain.clock.now = now - timedelta(seconds=30)
        lasts = {
            "valid_from": seconds(now - timedelta(days=90)),
            "valid_until": seconds(now + YEAR),
        }
        accredited = accreditation(ca=(der(ROOT),), credential_types=types, **lasts)
        first = build_tx(
            chain_id=CHAIN,
            account="council",
            lane=0,
            seq=1,
            valid_until_height=100,
            body=proposal(accredited, at=seconds(chain.clock.now)),
            signer=signer("council"),
        )
        # a block of now, not of last year
        chain.engine.wait(chain.engine.submit(first.encode()), 10)
        for issuers_key, use in ((ISSUER_SIGNER, "credential"), (STATUS_SIGNER, "status")):
            body = register_key(issuers_key, chain_id=CHAIN, issuer=ISSUER, use=use, **lasts)
            chain.do(ISSUER, body)
        publish(chain, 1, now=now)
        yield chain


def firm_on(chain: Chain, home: Path, *, now: datetime = NOW, **changes: object) -> World:
    """Return a firm that reads this chain; it need not be in its register."""
    config = make_config(home, loopback=True, nodes=(chain.url,), **changes)
    config.genesis.write_bytes(chain.genesis.to_bytes())
    found: World
    verifier = Verifier(config, clock=lambda: found.at)
    found = World(ledger=chain.client(), verifier=verifier, at=now)  # type: ignore[arg-type]
    return found


def publish(chain: Chain, sequence: int, *, now: datetime = NOW, **changed: int) -> None:
    """Publish an edition of the issuer's status list; ``i7=1`` sets entry 7."""
    statuses = new_status_list(1024, bits=2)
    for index, value in changed.items():
        statuses = statuses.with_status(int(index[1:]), value)
    token = build_status_token(
        statuses,
        STATUS_SIGNER,
        uri=LIST_URI,
        now=now - timedelta(seconds=40 - sequence),
        ttl=3600,
        expires_at=now + timedelta(days=30),
        header={"kid": kid(STATUS_SIGNER)},
    )
    known = None if sequence == 1 else chain.client().status_record(ISSUER, "list-1", chain.clock())
    previous = None if known is None else chain.client().status_token(known)
    chain.do(ISSUER, publish_status("list-1", sequence, token, previous))
