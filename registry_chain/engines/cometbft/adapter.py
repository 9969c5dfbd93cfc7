"""ABCI 2.0 in front of the application: every question of CometBFT, answered.

``FinalizeBlock`` persists nothing and ``Commit`` does [REG-NET-2]; a block is judged again from the
committed state whenever CometBFT asks again; equal blocks give the roots that the embedded engine
gives [REG-NET-8]. Proposals are accepted even with transactions that rules refuse: a refused one
stands in the block with its code and changes nothing [REG-NET-3].
"""

import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from google.protobuf.message import Message

from registry_chain.admission import busy, is_within_block, next_block
from registry_chain.application import Application, Finalized, ValidatorUpdate
from registry_chain.blocktime import unix
from registry_chain.engines.cometbft import ledger
from registry_chain.engines.cometbft.ledger import DecidedBlock, Signed
from registry_chain.engines.cometbft.pb.tendermint.abci import types_pb2 as abci
from registry_chain.engines.cometbft.pb.tendermint.crypto.keys_pb2 import PublicKey
from registry_chain.engines.cometbft.pb.tendermint.crypto.proof_pb2 import ProofOp, ProofOps
from registry_chain.engines.cometbft.pb.tendermint.types.params_pb2 import (
    ConsensusParams,
    VersionParams,
)
from registry_chain.engines.cometbft.snapshots import Snapshots
from registry_chain.genesis import Genesis
from registry_chain.rules import Offence
from registry_chain.store import Store
from ssi.encoding import canonical_json
from ssi.errors import Refused, Rejected, SSIError, Unavailable, row_of

_FRAME: Final = 4  # protobuf writes a tag and a length before each, at most three bytes long
_SOFTWARE: Final = "warifu"
_KINDS: Final = {
    abci.MisbehaviorType.DUPLICATE_VOTE: "duplicate_vote",
    abci.MisbehaviorType.LIGHT_CLIENT_ATTACK: "light_client_attack",
}


class Adapter:
    """Answers CometBFT for one application. One lock: the state machine does one thing at a time.

    Args:
        store: The state; this object's application is its only writer.
        genesis: The genesis the operator gave.
        clock: Tells the time at which transactions are judged on entry.
        snapshots: Makes and takes snapshots of the state.
        signed: How far our validator has signed, if it is one.
        on_block: Called after a block is durable.
    """

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        store: Store,
        genesis: Genesis,
        clock: Callable[[], datetime],
        snapshots: Snapshots,
        *,
        signed: Callable[[], Signed | None] = lambda: None,
        on_block: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._genesis = genesis
        self._clock = clock
        self._signed = signed
        self._on_block = on_block
        self._lock = threading.RLock()
        self._app = Application(store, genesis.chain_id)
        self._judged: tuple[DecidedBlock, Finalized] | None = None
        self._entry_time = unix(clock())
        self._snapshots = snapshots

    def reset(self) -> None:
        """Forget all that is not durable: CometBFT starts anew and tells it again."""
        with self._lock:
            self._app = Application(self._store, self._genesis.chain_id)
            self._store.abort()
            self._judged = None

    def read_tx(self, raw: bytes) -> str:
        """Return the id of a transaction whose form is good.

        Raises:
            Malformed: It is no transaction.
        """
        return self._app.read_tx(raw).tx_id

    def handle(self, request: abci.Request) -> abci.Response:
        """Answer one request; what it raises makes CometBFT stop."""
        kind = request.WhichOneof("value") or ""
        response = abci.Response()
        getattr(response, kind).CopyFrom(_ANSWERS[kind](self, getattr(request, kind)))
        return response

    # --- info ---

    def _echo(self, request: abci.RequestEcho) -> abci.ResponseEcho:
        return abci.ResponseEcho(message=request.message)

    def _info(self, _request: abci.RequestInfo) -> abci.ResponseInfo:
        with self._lock:
            start = self._store.read(ledger.network_start)
            info = self._app.info()
        height = info.height if start is not None and info.height >= start else 0
        return abci.ResponseInfo(
            data=_SOFTWARE,
            version=f"rules {self._genesis.rules_version}",
            app_version=self._app.rules_version(info.height + 1),
            last_block_height=height,
            last_block_app_hash=info.app_hash if height else b"",
        )

    def _query(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        """A record with its proof, for operators; our own API serves everybody else."""
        if request.path != "/record":
            return abci.ResponseQuery(code=1, codespace="chain.query", log="ask for /record")
        key = request.data[:200].decode("ascii", "replace")
        try:
            found = self._store.prove(key, request.height or None)
        except (Rejected, Unavailable) as error:
            return abci.ResponseQuery(code=row_of(error).abci, codespace=error.code, log=str(error))
        proof = ProofOp(type="warifu:jmt", key=request.data, data=canonical_json(found.to_json()))
        return abci.ResponseQuery(
            key=request.data,
            value=found.value or b"",
            height=request.height or self._store.version,
            proof_ops=ProofOps(ops=[proof]) if request.prove else None,
        )

    # --- founding ---

    def _init_chain(self, request: abci.RequestInitChain) -> abci.ResponseInitChain:
        """Found the state, or take up the state of an embedded chain that handed over."""
        given = Genesis.parse(request.app_state_bytes)
        if given.digest() != self._genesis.digest() or request.chain_id != self._genesis.chain_id:
            raise SSIError("CometBFT was given another genesis", code="chain.genesis_differs")
        with self._lock:
            start = self._store.read(ledger.network_start)
            if self._store.empty:
                self._app.init_genesis(self._genesis)
                first = request.initial_height
                self._app.commit(lambda db: ledger.begin(db, self._genesis.digest(), first))
            elif start != request.initial_height or self._store.version >= start:
                raise SSIError(
                    "the ledger is already another chain's", code="chain.genesis_differs"
                )
            return abci.ResponseInitChain(app_hash=self._store.root)

    # --- the mempool ---

    def _check_tx(self, request: abci.RequestCheckTx) -> abci.ResponseCheckTx:
        """Judge a transaction after those that wait already."""
        try:
            # Parsed and its signature verified outside the lock, while blocks are judged.
            tx = self._app.read_tx(request.tx)
            with self._lock:
                new = request.type == abci.CheckTxType.NEW
                if new and not self._app.has_room(tx, request.tx):
                    return _refused(busy())
                height = self._store.version + 1
                self._app.check_tx(request.tx, height=height, time=self._entry_time, tx=tx)
        except (Rejected, Refused) as error:
            return _refused(error)
        return abci.ResponseCheckTx()

    # --- consensus ---

    def _prepare_proposal(
        self, request: abci.RequestPrepareProposal
    ) -> abci.ResponsePrepareProposal:
        txs = [] if self._is_first(request.height) else request.txs
        chosen = next_block(txs, max_bytes=request.max_tx_bytes, frame=_FRAME)
        return abci.ResponsePrepareProposal(txs=[txs[index] for index in chosen])

    def _process_proposal(
        self, request: abci.RequestProcessProposal
    ) -> abci.ResponseProcessProposal:
        """Accept nearly all: a bug that refused honest blocks would halt the chain [REG-NET-3]."""
        statuses = abci.ResponseProcessProposal.ProposalStatus
        first = self._is_first(request.height)
        good = not request.txs if first else is_within_block(request.txs)
        return abci.ResponseProcessProposal(status=statuses.ACCEPT if good else statuses.REJECT)

    def _is_first(self, height: int) -> bool:
        """Whether a block's time is its network's beginning, not that of votes [REG-NET-9]."""
        return height == self._store.read(ledger.network_start)

    def _extend_vote(self, _request: abci.RequestExtendVote) -> abci.ResponseExtendVote:
        return abci.ResponseExtendVote()

    def _verify_vote_extension(
        self, request: abci.RequestVerifyVoteExtension
    ) -> abci.ResponseVerifyVoteExtension:
        """We extend no votes, so only an empty extension is true."""
        statuses = abci.ResponseVerifyVoteExtension.VerifyStatus
        status = statuses.REJECT if request.vote_extension else statuses.ACCEPT
        return abci.ResponseVerifyVoteExtension(status=status)

    def _finalize_block(self, request: abci.RequestFinalizeBlock) -> abci.ResponseFinalizeBlock:
        txs = tuple(request.txs)
        offences = tuple(_offence(one) for one in request.misbehavior)
        with self._lock:
            judged = self._app.finalize(request.height, request.time.seconds, txs, offences)
            block = DecidedBlock(
                height=request.height,
                hash=request.hash,
                txs=txs,
                results=judged.results,
                tokens=judged.tokens,
                offences=offences,
            )
            self._judged = (block, judged)
        return abci.ResponseFinalizeBlock(
            tx_results=[
                abci.ExecTxResult(code=one.code, codespace=one.error, log=one.log)
                for one in judged.results
            ],
            validator_updates=[_update(one) for one in judged.validator_updates],
            consensus_param_updates=self._new_version(request.height),
            app_hash=judged.app_hash,
        )

    def _new_version(self, height: int) -> ConsensusParams | None:
        """What the next header says of the rules, when a plan changes it [REG-UPG-2].

        No plan or cancelling of this very block can matter for the next one [REG-UPG-1].
        """
        following = self._app.rules_version(height + 1)
        if following == self._app.rules_version(height):
            return None
        return ConsensusParams(version=VersionParams(app=following))

    def _commit(self, _request: abci.RequestCommit) -> abci.ResponseCommit:
        with self._lock:
            if self._judged is None:
                raise SSIError("there is no block to commit", code="chain.engine")
            block, _ = self._judged
            signed = self._signed()
            self._app.commit(lambda db: _write(db, block, signed))
            self._judged = None
            self._entry_time = unix(self._clock())
        self._on_block()
        self._snapshots.after_block(block.height)
        return abci.ResponseCommit()

    # --- state sync ---

    def _list_snapshots(self, _request: abci.RequestListSnapshots) -> abci.ResponseListSnapshots:
        return self._snapshots.listed()

    def _load_chunk(self, request: abci.RequestLoadSnapshotChunk) -> abci.ResponseLoadSnapshotChunk:
        chunk = self._snapshots.chunk(request.height, request.format, request.chunk)
        return abci.ResponseLoadSnapshotChunk(chunk=chunk)

    def _offer_snapshot(self, request: abci.RequestOfferSnapshot) -> abci.ResponseOfferSnapshot:
        with self._lock:
            return self._snapshots.offered(request)

    def _apply_chunk(
        self, request: abci.RequestApplySnapshotChunk
    ) -> abci.ResponseApplySnapshotChunk:
        with self._lock:
            answer = self._snapshots.applied(request)
            self._app = Application(self._store, self._genesis.chain_id)
            return answer


def _write(db: sqlite3.Connection, block: DecidedBlock, signed: Signed | None) -> None:
    ledger.write_block(db, block)
    if signed is not None:
        ledger.raise_signed_mark(db, signed)


def _refused(error: SSIError) -> abci.ResponseCheckTx:
    rule = error.rule.encode() if isinstance(error, Refused) else b""
    return abci.ResponseCheckTx(
        code=row_of(error).abci, codespace=error.code, log=str(error), data=rule
    )


def _offence(given: abci.Misbehavior) -> Offence:
    return Offence(
        kind=_KINDS.get(given.type, "unknown"),
        address=given.validator.address.hex().upper(),
        height=given.height,
        time=given.time.seconds,
        power=given.validator.power,
    )


def _update(update: ValidatorUpdate) -> abci.ValidatorUpdate:
    return abci.ValidatorUpdate(pub_key=PublicKey(ed25519=update.public_key), power=update.power)


_ANSWERS: Final[dict[str, Callable[..., Message]]] = {
    "echo": Adapter._echo,  # noqa: SLF001 - the table of this class
    "info": Adapter._info,  # noqa: SLF001
    "query": Adapter._query,  # noqa: SLF001
    "init_chain": Adapter._init_chain,  # noqa: SLF001
    "check_tx": Adapter._check_tx,  # noqa: SLF001
    "prepare_proposal": Adapter._prepare_proposal,  # noqa: SLF001
    "process_proposal": Adapter._process_proposal,  # noqa: SLF001
    "extend_vote": Adapter._extend_vote,  # noqa: SLF001
    "verify_vote_extension": Adapter._verify_vote_extension,  # noqa: SLF001
    "finalize_block": Adapter._finalize_block,  # noqa: SLF001
    "commit": Adapter._commit,  # noqa: SLF001
    "list_snapshots": Adapter._list_snapshots,  # noqa: SLF001
    "load_snapshot_chunk": Adapter._load_chunk,  # noqa: SLF001
    "offer_snapshot": Adapter._offer_snapshot,  # noqa: SLF001
    "apply_snapshot_chunk": Adapter._apply_chunk,  # noqa: SLF001
}
