"""The embedded engine: one process, one key, one SQLite file; CometBFT's light blocks.

One thread writes. It gathers what was submitted for a few milliseconds, judges it as block H, and
writes H, the empty block H+1 that signs the root of H, and the state in one database transaction
[REG-ENG-1]. Only then is anyone told [REG-ENG-2].
"""

import threading
import time as wall
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import datetime, timedelta
from pathlib import Path

from registry_chain.admission import MAX_BLOCK_WORK, busy, next_block
from registry_chain.application import Application, Finalized
from registry_chain.engines import ledgerfile as file
from registry_chain.engines.base import Answer, EngineStatus, Listed, TxOutcome
from registry_chain.engines.blocks import (
    MAX_BLOCK_BYTES,
    Tip,
    genesis_tip,
    hands_over,
    make_block,
    next_time,
    one_validator,
    successors_of,
    tip_of,
)
from registry_chain.engines.ledgerfile import NewBlock, StoredBlock
from registry_chain.engines.startup import require_sound
from registry_chain.genesis import Genesis
from registry_chain.light import (
    Timestamp,
    UntrustedLightBlock,
    ValidatorSet,
    tx_inclusion_proof,
)
from registry_chain.store import Store
from ssi.encoding import JSONObject
from ssi.errors import Refused, SSIError, Unavailable
from ssi.keys import Signer

Clock = Callable[[], datetime]

GATHER = timedelta(milliseconds=10)
GATHER_STEPS = 5
HEARTBEAT = timedelta(seconds=30)
MAX_EXPORT_BYTES = 4_000_000


class EmbeddedEngine:
    """A chain of one validator. Its methods may be called from several threads.

    Args:
        path: The SQLite file; made from the genesis when it is absent.
        genesis: The chain's genesis.
        validator_signer: The key of the genesis' only validator.
        clock: Tells the time for block headers.
        gather: How long to gather transactions for one block.
        heartbeat: How often to make an empty block.

    Raises:
        Unavailable: ``chain.locked`` when another process has the file.
        SSIError: ``chain.corrupt`` when the file is not sound [REG-ENG-5].
        ValueError: The key or the genesis is not this chain's.
    """

    def __init__(  # noqa: PLR0913 - two timings that tests shorten
        self,
        path: Path,
        genesis: Genesis,
        validator_signer: Signer,
        clock: Clock,
        *,
        gather: timedelta = GATHER,
        heartbeat: timedelta = HEARTBEAT,
    ) -> None:
        self._genesis = genesis
        self._signer = validator_signer
        self._clock = clock
        self._gather = gather.total_seconds()
        self._heartbeat = heartbeat.total_seconds()
        self._validators = one_validator(genesis, validator_signer)
        self._store = Store(path)
        try:
            self._app = Application(self._store, genesis.chain_id)
            self._tip = self._start()
        except BaseException:
            self._store.close()
            raise
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._queue: list[tuple[str, bytes]] = []
        self._upcoming: Timestamp | None = None
        self._fates: dict[str, Future[TxOutcome]] = {}
        self._stopping = False
        newest = self._stored(None)
        self._moved = newest is not None and hands_over(newest.block)
        self._writer = threading.Thread(target=self._write, name="chain-writer", daemon=True)
        self._writer.start()

    @property
    def genesis(self) -> Genesis:
        """The genesis the chain started from."""
        return self._genesis

    # --- writing ---

    def submit(self, raw: bytes) -> str:
        """Queue a transaction [REG-ENG-6].

        The same transaction again returns the same id: its fate is known or on the way [REG-TX-4].

        Args:
            raw: The transaction's bytes.

        Returns:
            Its id.

        Raises:
            Rejected: It is no transaction.
            Refused: A rule forbids it.
            Unavailable: ``chain.busy`` when the queue is full, ``chain.stopped``.
        """
        tx = self._app.read_tx(raw)
        with self._work:
            if tx.tx_id in self._fates:
                return tx.tx_id
            if self._stopping:
                raise _stopped()
            if self._moved:
                if self._succeeded(tx.tx_id):
                    return tx.tx_id
                raise _moved()
            if not self._app.has_room(tx, raw):
                raise busy()
            height, time = self._next()
            try:
                self._app.check_tx(raw, height=height, time=time.seconds, tx=tx)
            except Refused:
                if self._succeeded(tx.tx_id):
                    return tx.tx_id
                raise
            self._queue.append((tx.tx_id, raw))
            self._fates[tx.tx_id] = Future()
            self._work.notify()
        return tx.tx_id

    def wait(self, tx_id: str, timeout: float) -> TxOutcome:
        """Wait until a transaction's block and its proof block are durable [REG-ENG-2].

        Raises:
            Unavailable: ``chain.pending`` when it takes longer, ``chain.unknown_tx`` when nobody
                submitted it, ``chain.storage`` when it could not be written.
        """
        fate = self._fates.get(tx_id)  # without the lock, which is held while a block is written
        if fate is None:
            known = self.outcome(tx_id)
            if known is None:
                raise Unavailable("no such transaction waits here", code="chain.unknown_tx")
            return known
        try:
            return fate.result(timeout)
        except FutureTimeout:
            raise Unavailable(
                "the transaction still waits", code="chain.pending", retry_after=1
            ) from None

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._work:
            self._stopping = True
            self._work.notify_all()
        self._writer.join()
        self._store.close()

    # --- reading ---

    def outcome(self, tx_id: str) -> TxOutcome | None:
        """What became of a transaction, if it is in a block."""
        return self._store.read(lambda db: file.outcome_of(db, tx_id))

    def inclusion(self, tx_id: str) -> JSONObject | None:
        """The transaction's inclusion proof with the light block of its height."""
        known = self.outcome(tx_id)
        if known is None:
            return None
        txs = self._store.read(lambda db: file.txs_at(db, known.height))
        block = self._stored(known.height)
        proof = tx_inclusion_proof(txs, known.index)
        return None if block is None else {"inclusion": proof.to_json(), "light_block": block.light}

    def light_block(self, height: int | None = None) -> JSONObject | None:
        """The light block of a height, or the newest."""
        block = self._stored(height)
        return None if block is None else block.light

    def height_of(self, block_hash: bytes) -> int | None:
        """The height of the block whose header has this hash."""
        return self._store.read(lambda db: file.height_of(db, block_hash))

    def trust_path(self, start: int) -> list[JSONObject]:
        """The newest light block: the one validator never changes."""
        newest = self._stored(None)
        return [] if newest is None or newest.height < start else [newest.light]

    def prove(self, keys: tuple[str, ...], height: int | None = None) -> Answer | None:
        """Proofs in the state after ``height``, under the block that signs it."""
        signing = self._stored(None if height is None else height + 1)
        if signing is None:
            return None
        before = self._stored(signing.height - 1)
        state = 0 if before is None else before.state
        proofs = tuple(self._store.prove(key, state) for key in keys)
        return Answer(light_block=signing.block, proofs=proofs)

    def token(self, digest: str) -> str | None:
        """The status list token with this digest."""
        return self._store.read(lambda db: file.token_of(db, digest))

    def listing(self, prefix: str, after: str, limit: int) -> list[Listed]:
        """Records in order of their keys; a listing proves nothing."""
        found = self._store.items(prefix, after=after or None, limit=limit)
        return [Listed(key=key, value=value) for key, value in found]

    def block(self, height: int) -> JSONObject | None:
        """One block; the newest too, under the signatures that are known so far."""
        light = self.light_block(height)
        if light is None:
            return None
        return self._store.read(lambda db: file.block_under(db, height, light))

    def blocks(self, start: int, limit: int) -> list[JSONObject]:
        """Blocks as exported for replay."""
        return self._store.read(
            lambda db: file.exported(db, max(start, 1), limit, MAX_EXPORT_BYTES)
        )

    def status(self) -> EngineStatus:
        """The node's own account of itself.

        Raises:
            Unavailable: ``chain.stopped`` when nothing is written any more.
        """
        with self._lock:
            if self._stopping:
                raise _stopped()
            tip, waiting = self._tip, len(self._queue)
        return EngineStatus(
            chain_id=self._genesis.chain_id,
            height=tip.height,
            time=tip.time.seconds,
            app_hash=self._store.root.hex(),
            validators=len(self._validators.validators),
            waiting=waiting,
        )

    # --- the writer ---

    def _start(self) -> Tip:
        """Found the chain, or take it up where it stands."""
        if self._store.empty:
            root = self._app.init_genesis(self._genesis)
            tip = genesis_tip(self._genesis)
            first = self._made(tip, next_time(tip, self._now()), (), root)
            founding = NewBlock(light=first, state=0)
            self._app.commit(lambda db: file.found(db, self._genesis.digest(), founding))
            return tip_of(first, ())
        return require_sound(self._store, self._genesis)

    def _write(self) -> None:
        """The thread's outermost frame: if our own code fails, nobody waits for ever."""
        try:
            self._run()
        finally:
            with self._lock:
                self._stopping = True
                for fate in self._fates.values():
                    fate.set_exception(_stopped())
                self._fates.clear()

    def _run(self) -> None:
        """Make blocks until told to stop and nothing waits, idle ones too [REG-ENG-4]."""
        beat = wall.monotonic() + self._heartbeat
        while True:
            with self._work:
                while not (self._queue or self._stopping) and wall.monotonic() < beat:
                    self._work.wait(beat - wall.monotonic())
                waiting, stopping = len(self._queue), self._stopping
            if not waiting and stopping:
                return
            if not stopping:
                self._gather_more(waiting)
            with self._work:
                self._make_blocks()
            beat = wall.monotonic() + self._heartbeat

    def _gather_more(self, waiting: int) -> None:
        """Wait while more keeps coming, but not for long."""
        end = wall.monotonic() + self._gather
        while 0 < waiting < MAX_BLOCK_WORK and wall.monotonic() < end:
            wall.sleep(self._gather / GATHER_STEPS)
            before, waiting = waiting, len(self._queue)
            if waiting == before:
                return

    def _make_blocks(self) -> None:
        """Write the next block and, if it changes the state, the block that signs it."""
        if self._moved:
            return  # others write now [REG-MIG-2]
        height, time = self._next()
        batch = self._batch()
        txs = tuple(raw for _, raw in batch)
        self._upcoming = None
        try:
            before = self._store.root
            judged = self._app.finalize(height, time.seconds, txs)
            block = self._made(self._tip, time, txs, before)
            codes = tuple(result.code for result in judged.results)
            tip = tip_of(block, codes)
            new = [_judged_block(block, judged, txs)]
            if txs:
                heirs = successors_of(judged)
                proof = self._made(tip, next_time(tip, self._now()), (), judged.app_hash, heirs)
                new.append(NewBlock(light=proof, state=height))
                tip = tip_of(proof, ())
            self._app.commit(lambda db: file.write(db, new))
        except SSIError as error:
            self._fail(batch, error)
            return
        self._tip = tip
        self._moved = hands_over(new[-1].light)
        self._recheck()
        self._tell(batch, judged, height)

    def _batch(self) -> list[tuple[str, bytes]]:
        waiting = self._queue
        chosen = next_block([raw for _, raw in waiting], max_bytes=MAX_BLOCK_BYTES // 2)
        left = set(range(len(waiting))).difference(chosen)
        self._queue = [waiting[index] for index in sorted(left)]
        return [waiting[index] for index in chosen]

    def _recheck(self) -> None:
        """Judge what still waits again, on the new state; what fails now is told so."""
        waiting, self._queue = self._queue, []
        height, time = self._next()
        for tx_id, raw in waiting:
            if self._moved:
                self._fates.pop(tx_id).set_exception(_moved())
                continue
            try:
                self._app.check_tx(raw, height=height, time=time.seconds)
            except SSIError as error:
                self._fates.pop(tx_id).set_exception(error)
                continue
            self._queue.append((tx_id, raw))

    def _tell(self, batch: list[tuple[str, bytes]], judged: Finalized, height: int) -> None:
        for index, ((tx_id, _), result) in enumerate(zip(batch, judged.results, strict=True)):
            self._fates.pop(tx_id).set_result(
                TxOutcome(
                    tx_id=tx_id,
                    height=height,
                    index=index,
                    code=result.code,
                    rule=result.rule,
                    error=result.error,
                    log=result.log,
                )
            )

    def _fail(self, batch: list[tuple[str, bytes]], error: SSIError) -> None:
        """The block could not be written: nothing happened, and nobody is told otherwise."""
        self._app.abort()
        self._recheck()
        for tx_id, _ in batch:
            self._fates.pop(tx_id).set_exception(error)

    def _next(self) -> tuple[int, Timestamp]:
        """Height and time of the next block; its first transaction fixes the time."""
        if not self._queue or self._upcoming is None:
            self._upcoming = next_time(self._tip, self._now())
        return self._tip.height + 1, self._upcoming

    def _now(self) -> Timestamp:
        return Timestamp.at(self._clock())

    def _made(
        self,
        tip: Tip,
        time: Timestamp,
        txs: tuple[bytes, ...],
        app_hash: bytes,
        successors: ValidatorSet | None = None,
    ) -> UntrustedLightBlock:
        return make_block(
            tip,
            genesis=self._genesis,
            validators=self._validators,
            signer=self._signer,
            time=time,
            txs=txs,
            app_hash=app_hash,
            rules_version=self._app.supported_rules(tip.height + 1),
            successors=successors,
        )

    def _succeeded(self, tx_id: str) -> bool:
        known = self.outcome(tx_id)
        return known is not None and known.code == 0

    def _stored(self, height: int | None) -> StoredBlock | None:
        return self._store.read(lambda db: file.block_at(db, height))


def _moved() -> Unavailable:
    return Unavailable("the chain is run by a network now", code="chain.moved")


def _stopped() -> Unavailable:
    return Unavailable("the chain has stopped", code="chain.stopped", retry_after=5)


def _judged_block(
    block: UntrustedLightBlock, judged: Finalized, txs: tuple[bytes, ...]
) -> NewBlock:
    return NewBlock(
        light=block, state=block.height, txs=txs, results=judged.results, tokens=judged.tokens
    )
