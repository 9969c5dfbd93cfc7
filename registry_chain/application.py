"""The state machine without an engine: check, finalize, commit, query.

The embedded engine and CometBFT drive the same object: ``finalize`` judges a block and stages its
changes, ``commit`` makes them durable together with whatever the engine stores beside them.
Clauses: ``specs/registry.md`` [REG-APP-1] to [REG-APP-4].
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from registry_chain.admission import Waiting, parsed, work_of
from registry_chain.genesis import Genesis, genesis_records
from registry_chain.light import MapProof
from registry_chain.records import ValidatorRecord
from registry_chain.rules import (
    BlockContext,
    Offence,
    apply_offences,
    apply_tx,
    block_context,
    rules_version,
    verify_early,
)
from registry_chain.state import Changes, Overlay, View
from registry_chain.store import Store
from registry_chain.transactions import PublishStatus, UntrustedTx
from ssi.encoding import b64url_decode, b64url_encode, sha256
from ssi.errors import Refused, Rejected, SSIError, row_of

CODE_OK = 0
MAX_KEPT = 20_000

Extra = Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TxResult:
    """What became of one transaction of a block. Only ``code`` is part of the block's hashes."""

    tx_id: str
    code: int
    rule: str = ""
    error: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorUpdate:
    """A validator's new power, from two blocks later on; 0 takes it out [REG-VAL-2]."""

    public_key: bytes
    power: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalized:
    """A judged block: one result per transaction, the new root, the tokens to serve."""

    results: tuple[TxResult, ...]
    app_hash: bytes
    tokens: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    validator_updates: tuple[ValidatorUpdate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppInfo:
    """The last committed height and its root."""

    height: int
    app_hash: bytes


@dataclass(slots=True)
class _Ahead:
    """What `Application.check_tx` accepted since the last block, all for this block if exact."""

    block: BlockContext | None = None
    txs: list[bytes] = field(default_factory=list)
    read: list[UntrustedTx] = field(default_factory=list)
    exact: bool = True
    waiting: Waiting = field(default_factory=Waiting)


class _Committed:
    """The committed state, with what was read lately kept in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, bytes | None] = {}
        self.peek = _Peek(store, self._kept)

    def get(self, key: str) -> bytes | None:
        try:
            return self._kept[key]
        except KeyError:
            value = self._kept[key] = self._store.get(key)
            return value

    def advance(self, changes: Changes) -> None:
        """Follow a commit; start anew before growing too big."""
        if len(self._kept) > MAX_KEPT:
            self._kept.clear()
        self._kept.update(changes)


class _Peek:
    """The committed state for other threads: never writes what the writer keeps.

    A value read just before a commit and kept just after it would be wrong for ever.
    """

    def __init__(self, store: Store, kept: dict[str, bytes | None]) -> None:
        self._store = store
        self._kept = kept

    def get(self, key: str) -> bytes | None:
        return self._kept.get(key) or self._store.get(key)


class Application:
    """The registry as a deterministic state machine over a store. Not thread-safe.

    Args:
        store: Where the state lives; this object is its only writer.
        chain_id: The chain's id.
    """

    def __init__(self, store: Store, chain_id: str) -> None:
        self._store = store
        self._chain_id = chain_id
        self._committed = _Committed(store)
        self._staged: Changes = {}
        self._pending = Overlay(self._committed)
        self._ahead = _Ahead()

    def info(self) -> AppInfo:
        """What an engine needs to know to go on."""
        return AppInfo(height=self._store.version, app_hash=self._store.root)

    def rules_version(self, height: int) -> int:
        """The version of the rules at a height at most two above the committed one [REG-UPG-2]."""
        return rules_version(self._committed, height)

    def supported_rules(self, height: int) -> int:
        """The same, if this program has them.

        Raises:
            Unavailable: ``chain.upgrade_needed`` [REG-UPG-4].
        """
        return self._block(height, 0).rules_version

    def has_room(self, tx: UntrustedTx, raw: bytes) -> bool:
        """Whether it may wait beside what `check_tx` accepted since the last block [REG-ENG-6]."""
        return self._ahead.waiting.has_room(tx.account, work_of(raw))

    def init_genesis(self, genesis: Genesis) -> bytes:
        """Stage the founding state and return its root; ``commit`` makes it durable."""
        self._staged = genesis_records(genesis)
        return self._store.stage(0, self._staged)

    def read_tx(self, raw: bytes) -> UntrustedTx:
        """Parse a transaction and verify its signature ahead; the one method for any thread.

        Raises:
            Malformed: It is no transaction.
        """
        tx = parsed(raw)
        verify_early(self._committed.peek, tx)
        return tx

    def check_tx(self, raw: bytes, *, height: int, time: int, tx: UntrustedTx | None = None) -> str:
        """Judge a transaction on entry, after those already waiting.

        Args:
            raw: The transaction.
            height: The height of the next block.
            time: The time the next block would have, in Unix seconds.
            tx: The same transaction from `read_tx`, if it was read already.

        Returns:
            Its id.

        Raises:
            Malformed: It is no transaction.
            Refused: A rule forbids it.
            Unavailable: ``chain.upgrade_needed``: this program stops before that height.
        """
        tx = tx or parsed(raw)
        ahead, block = self._ahead, self._ahead.block
        if block is None or (height, time) != (block.height, block.time):
            block = ahead.block = self._block(height, time)
            ahead.exact = not ahead.txs
        self._pending.update(apply_tx(self._pending, tx, block))
        ahead.txs.append(raw)
        ahead.read.append(tx)
        ahead.waiting.add(tx.account, work_of(raw))
        return tx.tx_id

    def _block(self, height: int, time: int) -> BlockContext:
        """The block after the committed state; no plan in it can matter for it [REG-UPG-1].

        Raises:
            Unavailable: ``chain.upgrade_needed``.
        """
        return block_context(self._committed, height=height, time=time, chain_id=self._chain_id)

    def finalize(
        self, height: int, time: int, txs: Sequence[bytes], misbehaviour: Sequence[Offence] = ()
    ) -> Finalized:
        """Judge a block and stage its changes; nothing is durable before ``commit``.

        A transaction that is refused changes nothing and does not spoil the block [REG-APP-2].

        Args:
            height: The block's height.
            time: The block's time in Unix seconds.
            txs: The transactions in their order.
            misbehaviour: What the engine proved against validators; applied first [REG-VAL-3].

        Returns:
            The results, the root after the block, and whose power changes [REG-VAL-2].

        Raises:
            Unavailable: ``chain.upgrade_needed``: the rules of this height are unknown here.
        """
        ahead = self._ahead
        block = self._block(height, time)
        if ahead.exact and ahead.block == block and not misbehaviour and list(txs) == ahead.txs:
            # Rules are pure: judged on entry for this very block, the outcome is known.
            overlay, accepted = self._pending, ahead.read
            results = [TxResult(tx_id=tx.tx_id, code=CODE_OK) for tx in accepted]
        else:
            overlay, results, accepted = self._judged(block, txs, misbehaviour)
        self._staged = overlay.changes()
        root = self._store.stage(height, self._staged)
        return Finalized(
            results=tuple(results),
            app_hash=root,
            tokens=_tokens(accepted),
            validator_updates=_validator_updates(self._committed, self._staged),
        )

    def _judged(
        self, block: BlockContext, txs: Sequence[bytes], misbehaviour: Sequence[Offence]
    ) -> tuple[Overlay, list[TxResult], list[UntrustedTx]]:
        """Judge every transaction of a block in its order."""
        overlay = Overlay(self._committed)
        overlay.update(apply_offences(overlay, misbehaviour, block))
        results: list[TxResult] = []
        accepted: list[UntrustedTx] = []
        for raw in txs:
            try:
                tx = parsed(raw)
                overlay.update(apply_tx(overlay, tx, block))
            except (Rejected, Refused) as error:
                results.append(_failure(raw, error))
                continue
            results.append(TxResult(tx_id=tx.tx_id, code=CODE_OK))
            accepted.append(tx)
        return overlay, results, accepted

    def commit(self, extra: Extra | None = None) -> None:
        """Make the staged block durable, with ``extra`` in the same database transaction."""
        self._store.commit(extra)
        self._committed.advance(self._staged)
        self.forget_pending()

    def abort(self) -> None:
        """Drop the staged block."""
        self._store.abort()
        self.forget_pending()

    def forget_pending(self) -> None:
        """Judge the next entries against the committed state alone."""
        self._pending = Overlay(self._committed)
        self._ahead = _Ahead()

    def query(self, key: str, *, height: int | None = None) -> MapProof:
        """The value at ``key``, or its absence, with the proof to the root at ``height``."""
        return self._store.prove(key, height)


def failed_id(raw: bytes) -> str:
    """The id of bytes that may be no transaction at all."""
    return sha256(raw.rpartition(b".")[0] or raw).hex()


def _failure(raw: bytes, error: SSIError) -> TxResult:
    return TxResult(
        tx_id=failed_id(raw),
        code=row_of(error).abci,
        rule=error.rule if isinstance(error, Refused) else "REG-TX-1",
        error=error.code,
        log=str(error),
    )


def _validator_updates(before: View, changes: Changes) -> tuple[ValidatorUpdate, ...]:
    """Whose power a block changed, in the order of their addresses [REG-VAL-2]."""
    updates: list[ValidatorUpdate] = []
    for key in sorted(changes):
        if not key.startswith(f"{ValidatorRecord.PREFIX}/"):
            continue
        record = ValidatorRecord.from_bytes(changes[key])
        old = before.get(key)
        power = 0 if old is None else ValidatorRecord.from_bytes(old).voting_power
        if record.voting_power != power:
            public_key = b64url_decode(record.pub_key)
            updates.append(ValidatorUpdate(public_key=public_key, power=record.voting_power))
    return tuple(updates)


def _tokens(accepted: Sequence[UntrustedTx]) -> tuple[tuple[str, str], ...]:
    """The status list tokens that came in, under their digests [REG-STA-6]."""
    bodies = [tx.body for tx in accepted]
    return tuple(
        (b64url_encode(sha256(body.token.encode())), body.token)
        for body in bodies
        if isinstance(body, PublishStatus)
    )
