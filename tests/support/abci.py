"""CometBFT's side of the ABCI socket, for tests: asks as it does, over a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp

from registry_chain.engines.cometbft.adapter import Adapter
from registry_chain.engines.cometbft.ledger import Signed
from registry_chain.engines.cometbft.pb.tendermint.abci import types_pb2 as abci
from registry_chain.engines.cometbft.server import ABCIServer
from registry_chain.engines.cometbft.snapshots import Snapshots
from registry_chain.engines.cometbft.wire import Frames
from registry_chain.genesis import Genesis
from registry_chain.light.codec import uvarint
from registry_chain.store import Store
from ssi.encoding import canonical_json, sha256
from tests.support.chain import TestClock
from tests.support.registry import T0, make_genesis


class Connection:
    """One of the four connections."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self._frames = Frames()
        self._ready: list[abci.Response] = []

    def send(self, *requests: abci.Request) -> None:
        parts = [request.SerializeToString() for request in requests]
        self.socket.sendall(b"".join(uvarint(len(part)) + part for part in parts))

    def receive(self) -> abci.Response | None:
        """The next response; ``None`` when the other side has closed."""
        while not self._ready:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._frames.add(data)
            self._ready += [abci.Response.FromString(one) for one in self._frames]
        return self._ready.pop(0)

    def ask(self, **request: object) -> abci.Response:
        self.send(abci.Request(**request))
        answer = self.receive()
        assert answer is not None
        return answer


@dataclass
class Node:
    """An application behind its socket, driven block by block."""

    store: Store
    adapter: Adapter
    path: Path
    genesis: Genesis
    snapshots: Snapshots
    height: int = 0
    roots: list[bytes] = field(default_factory=list)

    def connect(self) -> Connection:
        return Connection(self.path)

    def init_chain(self, connection: Connection, height: int = 1) -> bytes:
        request = abci.RequestInitChain(
            chain_id=self.genesis.chain_id,
            initial_height=height,
            app_state_bytes=canonical_json(self.genesis.to_json()),
        )
        answer = connection.ask(init_chain=request)
        self.height = height - 1
        return answer.init_chain.app_hash

    def finalize(
        self, connection: Connection, txs: Sequence[bytes] = (), **more: object
    ) -> abci.ResponseFinalizeBlock:
        height = self.height + 1
        request = abci.RequestFinalizeBlock(
            txs=txs,
            height=height,
            hash=sha256(b"block %d" % height),
            time=Timestamp(seconds=T0 + height),
            **more,
        )
        return connection.ask(finalize_block=request).finalize_block

    def block(
        self, connection: Connection, txs: Sequence[bytes] = (), **more: object
    ) -> abci.ResponseFinalizeBlock:
        judged = self.finalize(connection, txs, **more)
        assert connection.ask(commit=abci.RequestCommit()).WhichOneof("value") == "commit"
        self.height += 1
        self.roots.append(judged.app_hash)
        return judged


@contextmanager
def node(
    folder: Path,
    *,
    interval: int = 1000,
    signed: Signed | None = None,
    genesis: Genesis | None = None,
) -> Iterator[Node]:
    """A ledger with an application on a socket."""
    folder.mkdir(exist_ok=True)
    genesis = genesis or make_genesis()
    path = folder / "chain.db"
    store = Store(path)
    snapshots = Snapshots(store, genesis, path=path, folder=folder / "snapshots", interval=interval)
    adapter = Adapter(store, genesis, TestClock(), snapshots, signed=lambda: signed)
    server = ABCIServer(folder / "app.sock", adapter.handle)
    try:
        yield Node(store, adapter, folder / "app.sock", genesis, snapshots)
    finally:
        server.close()
        store.close()
