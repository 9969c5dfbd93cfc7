"""Blocks at chosen times, on a chain whose clock tests move by hand."""

from __future__ import annotations

from registry_chain.transactions import AttestBridge, build_tx
from tests.support.chain import Chain
from tests.support.registry import digest_of, signer


def tick(chain: Chain, seq: int) -> None:
    """A block at the clock's time."""
    token = build_tx(
        chain_id=chain.genesis.chain_id,
        account="watcher",
        lane=1,
        seq=seq,
        valid_until_height=chain.engine.status().height + 100,
        body=AttestBridge(
            epoch="2020-01-01",
            height=1,
            block_hash=digest_of("block"),
            method="evm",
            digest=digest_of(f"tick {seq}"),
        ),
        signer=signer("watcher"),
    )
    assert chain.engine.wait(chain.engine.submit(token.encode()), 10.0).code == 0
