"""The chain of a network, seen from one of its nodes: the `Engine` of ``engines/base.py``.

CometBFT orders and signs; our application behind its socket judges and stores; here stands what a
node serves from both. A transaction's fate is told once the next block signs it [REG-NET-5].
"""

import logging
import sqlite3
import threading
import time as wall
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from registry_chain.admission import busy
from registry_chain.engines import ledgerfile as file
from registry_chain.engines.base import Answer, EngineStatus, Listed, TxOutcome
from registry_chain.engines.cometbft import ledger
from registry_chain.engines.cometbft.adapter import Adapter
from registry_chain.engines.cometbft.ledger import Signed
from registry_chain.engines.cometbft.rpc import RPC, Checked, SignedHeader, joined
from registry_chain.engines.cometbft.server import ABCIServer
from registry_chain.engines.cometbft.snapshots import Snapshots
from registry_chain.engines.cometbft.way import leading
from registry_chain.genesis import Genesis
from registry_chain.light import (
    UntrustedLightBlock,
    ValidatorSet,
    header_hash,
    light_block_to_json,
    parse_light_block,
    tx_inclusion_proof,
)
from registry_chain.store import Store
from ssi.encoding import JSONObject
from ssi.errors import Refused, Rejected, SSIError, Unavailable, row_of

MAX_EXPORT_BYTES: Final = 4_000_000
MAX_PATH: Final = 500
_SUBMITTED: Final = 20_000
_BATCH: Final = 200
_IDLE_SECONDS: Final = 1.0
_LOG = logging.getLogger("warifu.chain.engine")


class NetworkEngine:
    """One node of a chain that several members run. Its methods may be called from any thread.

    Args:
        path: The ledger's SQLite file.
        genesis: The chain's genesis.
        app_socket: Where CometBFT finds our application.
        rpc: CometBFT's RPC.
        clock: Tells the time.
        signed: How far our validator has signed.
        snapshot_interval: At every height that this divides a snapshot is made.
        way: Light blocks from before a snapshot, by their heights.

    Raises:
        Unavailable: ``chain.locked`` when another process has the file.
        ValueError: The file belongs to another genesis.
    """

    def __init__(  # noqa: PLR0913 - what a node is made of
        self,
        path: Path,
        genesis: Genesis,
        *,
        app_socket: Path,
        rpc: RPC,
        clock: Callable[[], datetime],
        signed: Callable[[], Signed | None] = lambda: None,
        snapshot_interval: int = 1000,
        way: Mapping[int, JSONObject] = MappingProxyType({}),
    ) -> None:
        self._genesis = genesis
        self._way = way
        self._rpc = rpc
        self._store = Store(path)
        self._changed = threading.Condition()
        self._tip: UntrustedLightBlock | None = None
        self._sets: dict[bytes, ValidatorSet] = {}
        self._submitted: OrderedDict[str, None] = OrderedDict()
        self._stopping = False
        self._news = threading.Event()
        try:
            self._require_own(genesis)
            snapshots = Snapshots(
                self._store,
                genesis,
                path=path,
                folder=path.parent / "snapshots",
                interval=snapshot_interval,
            )
            self._adapter = Adapter(
                self._store, genesis, clock, snapshots, signed=signed, on_block=self._wake
            )
            self._server = ABCIServer(app_socket, self._adapter.handle)
        except BaseException:
            self._store.close()
            raise
        self._follower = threading.Thread(target=self._follow, name="chain-follower", daemon=True)
        self._follower.start()

    @property
    def genesis(self) -> Genesis:
        """The genesis the chain started from."""
        return self._genesis

    def reset(self) -> None:
        """Forget what is not durable, before CometBFT starts."""
        self._adapter.reset()

    def signed_mark(self) -> Signed | None:
        """How far our validator had signed when the last block was written."""
        return self._store.read(ledger.signed_mark)

    # --- writing ---

    def submit(self, raw: bytes) -> str:
        """Give a transaction to the network and return its id.

        The same transaction again returns the same id: its fate is known or on the way [REG-TX-4].

        Raises:
            Rejected: It is no transaction.
            Refused: A rule forbids it.
            Unavailable: ``chain.busy`` when too many wait, ``chain.engine`` when CometBFT is down.
        """
        tx_id = self._adapter.read_tx(raw)
        verdict = self._rpc.broadcast(raw)
        if verdict.code and not self._succeeded(tx_id):
            raise _refusal(verdict)
        with self._changed:
            self._submitted[tx_id] = None
            if len(self._submitted) > _SUBMITTED:
                self._submitted.popitem(last=False)
        return tx_id

    def wait(self, tx_id: str, timeout: float) -> TxOutcome:
        """Wait until a transaction's block and the block that signs it are here [REG-NET-5].

        Raises:
            Unavailable: ``chain.pending`` when it takes longer, ``chain.unknown_tx`` when nobody
                submitted it here.
        """
        end = wall.monotonic() + timeout
        with self._changed:
            while True:
                known = self.outcome(tx_id)
                if known is not None:
                    self._submitted.pop(tx_id, None)
                    return known
                if self._stopping:
                    raise Unavailable("the chain has stopped", code="chain.stopped", retry_after=5)
                left = end - wall.monotonic()
                if tx_id not in self._submitted and not self._decided(tx_id):
                    raise Unavailable("no such transaction waits here", code="chain.unknown_tx")
                if left <= 0:
                    raise Unavailable(
                        "the transaction still waits", code="chain.pending", retry_after=1
                    )
                self._changed.wait(left)

    def close(self) -> None:
        """Stop serving; CometBFT is stopped before."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._news.set()
        self._server.close()
        self._follower.join(5)
        self._store.close()

    # --- reading ---

    def outcome(self, tx_id: str) -> TxOutcome | None:
        """What became of a transaction whose block is signed by the next."""
        known = self._store.read(lambda db: file.outcome_of(db, tx_id)) if self._founded() else None
        tip = self._newest()
        if known is None or tip is None or tip.height <= known.height:
            return None
        return known

    def inclusion(self, tx_id: str) -> JSONObject | None:
        """The transaction's inclusion proof with the light block of its height."""
        known = self.outcome(tx_id)
        light = None if known is None else self.light_block(known.height)
        if known is None or light is None:
            return None
        txs = self._store.read(lambda db: file.txs_at(db, known.height))
        return {"inclusion": tx_inclusion_proof(txs, known.index).to_json(), "light_block": light}

    def light_block(self, height: int | None = None) -> JSONObject | None:
        """The light block of a height, or the newest."""
        found = self._light(height)
        if found is None:
            return None if height is None else self._way.get(height)
        return light_block_to_json(found)

    def height_of(self, block_hash: bytes) -> int | None:
        """The height of the block whose header has this hash."""
        return self._store.read(lambda db: file.height_of(db, block_hash))

    def trust_path(self, start: int) -> list[JSONObject]:
        """Light blocks from ``start`` to the newest: both sides of each change of validators.

        Between two changes the same validators sign, so that one may be skipped to. From before a
        snapshot there are those that led to it.
        """
        newest = self._newest()
        if newest is None or newest.height < start:
            return []
        changes = self._store.read(lambda db: ledger.changes_after(db, start - 1))[:MAX_PATH]
        heights = {height for change in changes for height in (change, change + 1)} | set(self._way)
        wanted = sorted(height for height in heights if start <= height < newest.height)
        found = (self.light_block(height) for height in wanted)
        way = leading(one for one in found if one is not None)
        return [*way, light_block_to_json(newest)]

    def prove(self, keys: tuple[str, ...], height: int | None = None) -> Answer | None:
        """Proofs in the state after ``height``, under the block that signs it."""
        signing = self._light(None if height is None else height + 1)
        if signing is None:
            return None
        state = self._store.read(lambda db: ledger.state_at(db, signing.height - 1))
        proofs = tuple(self._store.prove(key, state) for key in keys)
        return Answer(light_block=signing, proofs=proofs)

    def token(self, digest: str) -> str | None:
        """The status list token with this digest."""
        if not self._founded():
            return None
        return self._store.read(lambda db: file.token_of(db, digest))

    def listing(self, prefix: str, after: str, limit: int) -> list[Listed]:
        """Records in order of their keys; a listing proves nothing."""
        found = self._store.items(prefix, after=after or None, limit=limit)
        return [Listed(key=key, value=value) for key, value in found]

    def block(self, height: int) -> JSONObject | None:
        """One block; the newest too, under the signatures that are known so far."""
        light = self.light_block(height)
        if light is None or not self._store.read(lambda db: ledger.has_block(db, height)):
            return None  # CometBFT may know the header of one from before this node joined
        return self._store.read(lambda db: file.block_under(db, height, light))

    def blocks(self, start: int, limit: int) -> list[JSONObject]:
        """Blocks as exported for replay: those whose signatures the next block has fixed."""
        if not self._founded():
            return []
        self._keep_lights()
        return self._store.read(
            lambda db: file.exported(db, max(start, 1), limit, MAX_EXPORT_BYTES)
        )

    def status(self) -> EngineStatus:
        """The node's own account of itself.

        Raises:
            Unavailable: ``chain.starting`` before the first block.
        """
        tip = self._newest()
        if tip is None or self._stopping:
            raise Unavailable("there is no block yet", code="chain.starting", retry_after=1)
        return EngineStatus(
            chain_id=self._genesis.chain_id,
            height=tip.height,
            time=tip.header.time.seconds,
            app_hash=tip.header.app_hash.hex(),
            validators=len(tip.validators.validators),
            waiting=len(self._submitted),
        )

    # --- following CometBFT ---

    def _wake(self) -> None:
        self._news.set()

    def _follow(self) -> None:
        """Fetch the newest light block after each block, and keep the final ones now and then."""
        kept = wall.monotonic()
        while not self._stopping:
            self._news.wait(_IDLE_SECONDS)
            self._news.clear()
            try:
                self._see_newest()
                if wall.monotonic() - kept > _IDLE_SECONDS:
                    self._keep_lights()
                    kept = wall.monotonic()
            except SSIError as error:
                if self._stopping:
                    return
                _LOG.debug("CometBFT does not tell its newest block: %s", error)

    def _see_newest(self) -> None:
        height = self._store.version
        if not self._founded() or height == 0:
            return
        tip = self._tip
        if tip is not None and tip.height >= height:
            return
        found = self._fetched(height)
        if found is None:
            return
        with self._changed:
            self._tip = joined(found, self._sets)
            self._changed.notify_all()

    def _keep_lights(self) -> None:
        """Store the light blocks whose commits are final."""
        while waiting := self._store.read(lambda db: ledger.unsigned_heights(db, _BATCH)):
            final: list[UntrustedLightBlock] = []
            for height, block_hash in waiting:
                found = self._fetched(height)
                if found is None or not found.final:
                    break
                if header_hash(found.header) != block_hash:
                    raise SSIError("CometBFT shows another block", code="chain.corrupt")
                final.append(joined(found, self._sets))
            if not final:
                return
            self._store.write(partial(_keep, blocks=final))
            if len(final) < len(waiting):
                return

    def _fetched(self, height: int) -> SignedHeader | None:
        try:
            return self._rpc.light_block(height, self._sets)
        except Rejected as error:
            raise Unavailable("CometBFT's answer cannot be read", code="chain.engine") from error

    def _newest(self) -> UntrustedLightBlock | None:
        tip = self._tip
        if tip is not None or not self._founded():
            return tip
        kept = self._store.read(ledger.newest_signed)
        return None if kept is None else kept.block

    def _light(self, height: int | None) -> UntrustedLightBlock | None:
        newest = self._newest()
        if newest is None or height is None or height == newest.height:
            return newest
        kept = self._store.read(lambda db: ledger.signed_at(db, height))
        if kept is not None:
            return parse_light_block(kept)
        if not 1 <= height < newest.height:
            return None
        found = self._fetched(height)
        return None if found is None else joined(found, self._sets)

    # --- small things ---

    def _founded(self) -> bool:
        return not self._store.empty

    def _decided(self, tx_id: str) -> bool:
        return (
            self._founded() and self._store.read(lambda db: file.outcome_of(db, tx_id)) is not None
        )

    def _succeeded(self, tx_id: str) -> bool:
        if not self._founded():
            return False
        known = self._store.read(lambda db: file.outcome_of(db, tx_id))
        return known is not None and known.code == 0

    def _require_own(self, genesis: Genesis) -> None:
        if self._founded() and self._store.read(file.genesis_digest) != genesis.digest():
            raise ValueError("the ledger was founded with another genesis")


def _keep(db: sqlite3.Connection, blocks: list[UntrustedLightBlock]) -> None:
    ledger.set_lights(db, [(block.height, ledger.light_text(block)) for block in blocks])
    for block in blocks:
        ledger.note_change(db, block)


def _refusal(verdict: Checked) -> SSIError:
    """The refusal that the application gave, as the error it was."""
    if verdict.code == row_of(Unavailable).abci:
        return busy()
    if verdict.code == row_of(Refused).abci:
        return Refused(verdict.log, code=verdict.error, rule=verdict.rule or "REG-TX-1")
    return Rejected(verdict.log, code=verdict.error or "tx.envelope")
