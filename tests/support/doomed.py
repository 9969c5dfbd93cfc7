"""A node's engine in a process that is there to be killed, thousands of times.

Each life is a fork of one process that has imported everything, so that a life costs a tenth of
a second; what runs in it is the engine as a node runs it, on the same file as the life before.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.genesis import Genesis
from registry_chain.light import (
    TxInclusionProof,
    parse_light_block,
    verify_light_block,
    verify_map_proof,
    verify_tx_inclusion,
)
from registry_chain.records import notice_key
from registry_chain.rules import lane_seq
from registry_chain.transactions import VALIDITY_WINDOW, CommitNotices, NoticeItem, build_tx
from registry_chain.trust_root import trust_from_genesis
from ssi.encoding import sha256
from ssi.errors import SSIError
from tests.support.registry import VALIDATOR, digest_of, operation, proposal, signer

OPERATOR = "yubin-box"
LANES = 4
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Ack:
    """A transaction that the engine said is committed."""

    tx_id: str
    commitment: str
    tx_hash: str


@dataclass
class Life:
    """What one life acknowledged, and how it ended."""

    ready: bool = False
    acks: list[Ack] = field(default_factory=list)
    refused: str = ""


class _Proven:
    """The engine's records as a view, for the rules' own readers."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        self._engine = engine

    def get(self, key: str) -> bytes | None:
        answer = self._engine.prove((key,))
        return None if answer is None else answer.proofs[0].value


def context() -> ForkServerContext:
    """Where lives are forked from."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["tests.support.doomed"])
    return found


def live(path: Path, genesis: bytes, life: int, out: Connection) -> None:
    """Open the ledger, write without end in several lanes, and tell each acknowledgement."""
    lock = threading.Lock()

    def tell(kind: str, *facts: str) -> None:
        with lock:
            out.send((kind, *facts))

    try:
        engine = EmbeddedEngine(path, Genesis.parse(genesis), VALIDATOR, lambda: datetime.now(UTC))
    except SSIError as error:
        tell("refused", error.code)
        return
    tell("ready")
    view, key = _Proven(engine), signer(OPERATOR)

    def write(lane: int) -> None:
        seq, count = lane_seq(view, OPERATOR, lane), 0
        while True:
            seq, count = seq + 1, count + 1
            name = digest_of(f"{life}/{lane}/{count}")
            item = NoticeItem(commitment=name, deadline=int(time.time()) + 86_400)
            raw = build_tx(
                chain_id=engine.genesis.chain_id,
                account=OPERATOR,
                lane=lane,
                seq=seq,
                valid_until_height=engine.status().height + VALIDITY_WINDOW // 2,
                body=CommitNotices(items=(item,)),
                signer=key,
            ).encode()
            done = engine.wait(engine.submit(raw), PATIENCE)
            tell("ack" if done.code == 0 else "refused", done.tx_id, name, sha256(raw).hex())

    threads = [threading.Thread(target=write, args=(lane,), daemon=True) for lane in range(LANES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(3)  # a writer failed: the parent sees that nobody killed us


def found(path: Path, genesis: Genesis) -> None:
    """Found the chain and register the operator that will write."""
    engine = EmbeddedEngine(path, genesis, VALIDATOR, lambda: datetime.now(UTC))
    raw = build_tx(
        chain_id=genesis.chain_id,
        account="council",
        lane=0,
        seq=1,
        valid_until_height=100,
        body=proposal(operation(OPERATOR), at=int(time.time())),
        signer=signer("council"),
    )
    assert engine.wait(engine.submit(raw.encode()), PATIENCE).code == 0
    engine.close()


def doomed_life(
    forks: ForkServerContext, path: Path, genesis: Genesis, number: int, chance: random.Random
) -> Life:
    """One life: started, killed at a moment of chance, and what it had acknowledged by then."""
    mine, theirs = forks.Pipe(duplex=False)
    process = forks.Process(target=live, args=(path, genesis.to_bytes(), number, theirs))
    process.start()
    theirs.close()
    life = Life()
    if chance.random() < 0.2:  # so early that it may still be opening the ledger
        _listen(mine, life, chance.uniform(0, 0.3))
    else:
        _listen(mine, life, PATIENCE, until_ready=True)
        _listen(mine, life, chance.uniform(0, 0.3))
    _kill(process)
    _listen(mine, life, PATIENCE)  # what it had told before it died
    mine.close()
    return life


def _kill(process: ForkServerProcess) -> None:
    assert process.is_alive(), f"the node ended by itself with {process.exitcode}"
    process.kill()
    process.join()


def _listen(pipe: Connection, life: Life, seconds: float, *, until_ready: bool = False) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not (until_ready and life.ready):
        if not wait([pipe], left):
            return
        try:
            kind, *facts = pipe.recv()
        except (EOFError, OSError):
            return
        match kind:
            case "ready":
                life.ready = True
            case "ack":
                life.acks.append(Ack(*facts))
            case _:
                life.refused = facts[0]


def lost(path: Path, genesis: Genesis, acks: list[Ack]) -> list[Ack]:
    """Which acknowledged transactions cannot be proven from the genesis, as a stranger would."""
    engine = EmbeddedEngine(path, genesis, VALIDATOR, lambda: datetime.now(UTC))
    try:
        return [ack for ack in acks if not _proven(engine, genesis, ack)]
    finally:
        engine.close()


def _proven(engine: EmbeddedEngine, genesis: Genesis, ack: Ack) -> bool:
    """Its record is in the newest signed state, and its bytes in the block it was told of."""
    trusted, now = trust_from_genesis(genesis), datetime.now(UTC)
    key = notice_key(ack.commitment)
    answer, shown = engine.prove((key,)), engine.inclusion(ack.tx_id)
    if answer is None or shown is None:
        return False
    head = verify_light_block(answer.light_block, trusted=trusted, now=now).block.header
    value = verify_map_proof(answer.proofs[0], app_hash=head.app_hash, key=key)
    block = parse_light_block(shown["light_block"])  # type: ignore[arg-type]
    held = verify_light_block(block, trusted=trusted, now=now).block.header
    proof = TxInclusionProof.parse(shown["inclusion"])
    verify_tx_inclusion(bytes.fromhex(ack.tx_hash), proof, held.data_hash)
    return value is not None
