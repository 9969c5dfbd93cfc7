"""Blocks and transactions newest first, for lists; the pages of one of them prove it anew."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from registry_chain.engines.base import Engine
from registry_chain.explorer.proving import Prover
from registry_chain.light import VerifiedLightBlock, data_hash, parse_light_block
from registry_chain.transactions import UntrustedTx, parse_tx, tx_id_of
from ssi.encoding import Fields, JSONObject, b64url_decode, parse_json_object
from ssi.errors import InvalidProof, Rejected, SSIError

PAGE: Final = 20
SCANNED: Final = 200
_KEPT: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TxLine:
    """One transaction in a list."""

    tx_id: str
    height: int
    time: datetime
    type: str
    account: str
    code: int
    error: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLine:
    """One block in a list; ``failure`` is the code of what does not verify in it."""

    height: int
    hash: str
    time: datetime
    validators: int
    signed: int
    txs: tuple[TxLine, ...]
    failure: str | None = None


class History:
    """What the lists show. Blocks never change, so what was read once is kept.

    Args:
        engine: The chain.
        prover: Verifies each block before it is listed.
    """

    def __init__(self, engine: Engine, prover: Prover) -> None:
        self._engine = engine
        self._prover = prover
        self._lock = threading.Lock()
        self._lines: OrderedDict[int, BlockLine] = OrderedDict()

    def blocks(self, newest: int, count: int) -> list[BlockLine]:
        """Up to ``count`` blocks from ``newest`` downwards."""
        return list(self._downwards(newest, count))

    def transactions(self, newest: int, count: int) -> tuple[list[TxLine], int]:
        """Transactions from a height downwards, and the height to go on from; 0 at the end.

        At most ``SCANNED`` blocks are looked through, for most of a quiet chain's are empty.
        """
        found: list[TxLine] = []
        for line in self._downwards(newest, SCANNED):
            found.extend(reversed(line.txs))
            if len(found) >= count:
                return found, line.height - 1
        return found, max(newest - SCANNED, 0)

    def _downwards(self, newest: int, count: int) -> Iterator[BlockLine]:
        for height in range(newest, max(newest - count, 0), -1):
            with self._lock:
                line = self._lines.get(height)
            if line is None:
                # Of the newest more signatures may become known.
                line = self._read(height, keep=height < newest)
            if line is None:
                return
            yield line

    def _read(self, height: int, *, keep: bool) -> BlockLine | None:
        block = self._engine.block(height)
        if block is None:
            return None
        line = self._line(block)
        if keep and line.failure is None:
            with self._lock:
                self._lines[height] = line
                while len(self._lines) > _KEPT:
                    self._lines.popitem(last=False)
        return line

    def _line(self, told: JSONObject) -> BlockLine:
        light = parse_light_block(told.get("light_block"))
        txs = _raw_txs(told)
        results = Fields(told, where="block", code="chain.answer").take_objects(
            "results", max_items=100_000
        )
        block: VerifiedLightBlock | None = None
        failure = None
        try:
            block = self._prover.verify(light)
            if data_hash(txs) != block.data_hash:
                raise InvalidProof("the transactions are not those of the header")
        except SSIError as error:
            failure = error.code
        return BlockLine(
            height=light.height,
            hash=light.commit.block_id.hash.hex(),
            time=light.header.time.moment,
            validators=len(light.validators.validators),
            signed=0 if block is None else block.signed,
            txs=tuple(
                _tx_line(raw, result, light.height, light.header.time.moment)
                for raw, result in zip(txs, results, strict=True)
            ),
            failure=failure,
        )


def _raw_txs(told: JSONObject) -> tuple[bytes, ...]:
    reading = Fields(told, where="block", code="chain.answer")
    listed = reading.take_strs("txs", max_items=100_000, max_len=400_000)
    return tuple(b64url_decode(text) for text in listed)


def _tx_line(raw: bytes, result: JSONObject, height: int, time: datetime) -> TxLine:
    told = Fields(result, where="result", code="chain.answer")
    tx = read_tx(raw)
    return TxLine(
        tx_id=tx_id_of(raw.decode("ascii", "replace")),
        height=height,
        time=time,
        type="" if tx is None else tx.type,
        account="" if tx is None else tx.account,
        code=told.take_int("code"),
        error=told.opt_str("error", allow_empty=True) or "",
        rule=told.opt_str("rule", allow_empty=True) or "",
    )


def read_tx(raw: bytes) -> UntrustedTx | None:
    """The transaction in some bytes; ``None`` when there is none, which a block may hold."""
    try:
        return parse_tx(raw)
    except Rejected:
        return None


def body_of(tx: UntrustedTx) -> JSONObject:
    """The body of a transaction as it was signed."""
    body = parse_json_object(tx.jws.payload, limits=tx.jws.limits).get("body")
    return body if isinstance(body, dict) else {}
