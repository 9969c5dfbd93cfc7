"""Chains of a given size, and transactions for them."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from registry_chain import jmt
from registry_chain.engines import ledgerfile
from registry_chain.engines.blocks import (
    genesis_tip,
    make_block,
    next_time,
    one_validator,
    tip_of,
)
from registry_chain.genesis import Genesis, genesis_records
from registry_chain.records import COMMITTED, NoticeRecord, notice_key
from registry_chain.store import Store
from registry_chain.transactions import CommitNotices, NoticeItem, build_tx
from tests.support.registry import VALIDATOR, digest_of, operation, proposal, signer

OPERATOR = "yubin-box"
CHAIN = "test-chain"
VALIDITY = 900  # blocks; a little less than a transaction may live
Lanes = list[list[bytes]]


def talk(text: str) -> None:
    sys.stderr.write(text + "\n")


def filling(count: int, now: int) -> Iterator[tuple[str, bytes]]:
    """So many notices that stand on the chain already."""
    value = NoticeRecord(
        state=COMMITTED, height=1, time=now, deadline=now + 86_400, operator=OPERATOR
    ).to_bytes()
    for number in range(count):
        yield notice_key(digest_of(f"old notice {number}")), value


def found_chain(path: Path, genesis: Genesis, records: dict[str, bytes]) -> dict[str, float]:
    """Make the file of a chain whose second block left these records, as from a snapshot.

    Returns:
        What `Store.bulk_load` took for each record.
    """
    root, tip, blocks = jmt.root_of(records), genesis_tip(genesis), []
    founding = jmt.root_of(genesis_records(genesis))
    for state, app_hash in ((0, founding), (2, founding), (2, root)):
        light = make_block(
            tip,
            genesis=genesis,
            validators=one_validator(genesis, VALIDATOR),
            signer=VALIDATOR,
            time=next_time(tip, tip.time),
            txs=(),
            app_hash=app_hash,
        )
        tip = tip_of(light, ())
        blocks.append(ledgerfile.NewBlock(light=light, state=state))

    def write_blocks(db: sqlite3.Connection) -> None:
        ledgerfile.found(db, genesis.digest(), blocks[0])
        ledgerfile.write(db, blocks[1:])

    store = Store(path)
    begin = time.perf_counter()
    used = time.thread_time()
    store.bulk_load(2, sorted(records.items()), root=root, extra=write_blocks)
    wall, cpu = time.perf_counter() - begin, time.thread_time() - used
    store.close()
    each = 1e6 / len(records)
    figures = {"cpu_us": round(cpu * each, 1), "clock_us": round(wall * each, 1)}
    talk(f"loaded {len(records):,} records, each {figures}")
    return figures


def signed_notices(count: int, clients: int, used: dict[int, int], height: int) -> Lanes:
    """Transactions of one notice each, a lane of the account for each client."""
    key, deadline = signer(OPERATOR), int(time.time()) + 86_400
    lanes: Lanes = [[] for _ in range(clients)]
    for number in range(count):
        lane = number % clients
        used[lane] = used.get(lane, 0) + 1
        item = NoticeItem(commitment=digest_of(f"notice {lane} {used[lane]}"), deadline=deadline)
        token = build_tx(
            chain_id=CHAIN,
            account=OPERATOR,
            lane=lane,
            seq=used[lane],
            valid_until_height=height + VALIDITY,
            body=CommitNotices(items=(item,)),
            signer=key,
        )
        lanes[lane].append(token.encode())
    return lanes


def operator_registered() -> bytes:
    return build_tx(
        chain_id=CHAIN,
        account="council",
        lane=0,
        seq=1,
        valid_until_height=100,
        body=proposal(operation(), at=int(time.time())),
        signer=signer("council"),
    ).encode()
