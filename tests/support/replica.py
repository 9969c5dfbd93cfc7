"""One application process: executes given blocks over the ABCI socket and writes down its roots.

    python -m tests.support.replica FOLDER BLOCKS [RESTORE_AT]

BLOCKS holds a block a line: height, seconds, transactions in hex. At RESTORE_AT the state is
given away as a snapshot, taken by an empty application, and that one goes on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp

from registry_chain.engines.cometbft.pb.tendermint.abci import types_pb2 as abci
from tests.support.abci import Node, node

OFFERED = abci.ResponseOfferSnapshot.ACCEPT
APPLIED = abci.ResponseApplySnapshotChunk.ACCEPT


def execute(app: Node, blocks: list[tuple[int, int, list[bytes]]]) -> Iterator[str]:
    """Execute blocks and tell each root with the codes of its transactions."""
    connection = app.connect()
    if blocks[0][0] == 1:
        app.init_chain(connection)
    for height, seconds, txs in blocks:
        request = abci.RequestFinalizeBlock(
            txs=txs, height=height, hash=b"%032d" % height, time=Timestamp(seconds=seconds)
        )
        judged = connection.ask(finalize_block=request).finalize_block
        connection.ask(commit=abci.RequestCommit())
        yield f"{judged.app_hash.hex()} {[one.code for one in judged.tx_results]}"


def give_away(app: Node, height: int) -> tuple[abci.Snapshot, list[bytes], bytes]:
    """Make a snapshot and read it as a peer would."""
    app.snapshots.make(height)
    connection = app.connect()
    listed = connection.ask(list_snapshots=abci.RequestListSnapshots()).list_snapshots
    snapshot = listed.snapshots[-1]
    chunks = []
    for index in range(snapshot.chunks):
        asked = abci.RequestLoadSnapshotChunk(height=height, format=snapshot.format, chunk=index)
        chunks.append(connection.ask(load_snapshot_chunk=asked).load_snapshot_chunk.chunk)
    return snapshot, chunks, app.store.root


def take(app: Node, snapshot: abci.Snapshot, chunks: list[bytes], root: bytes) -> None:
    """Fill an empty application from a snapshot."""
    connection = app.connect()
    offer = abci.RequestOfferSnapshot(snapshot=snapshot, app_hash=root)
    assert connection.ask(offer_snapshot=offer).offer_snapshot.result == OFFERED
    for index, chunk in enumerate(chunks):
        part = abci.RequestApplySnapshotChunk(index=index, chunk=chunk, sender="peer")
        answer = connection.ask(apply_snapshot_chunk=part).apply_snapshot_chunk
        assert answer.result == APPLIED


def main(folder: Path, blocks: Path, restore_at: int | None) -> None:
    read = [json.loads(line) for line in blocks.read_text("ascii").splitlines()]
    given = [(one[0], one[1], [bytes.fromhex(tx) for tx in one[2]]) for one in read]
    parts = [list(part) for _, part in groupby(given, lambda one: one[0] > (restore_at or 0))]
    snapshot = None
    for number, part in enumerate(parts):
        with node(folder / str(number)) as app:
            if snapshot is not None:
                take(app, *snapshot)
            for told in execute(app, part):
                sys.stdout.write(told + "\n")
            if number + 1 < len(parts):
                snapshot = give_away(app, part[-1][0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
