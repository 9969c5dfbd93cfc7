"""Submitting as a member: build, sign, submit, and never lose or double a transaction."""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from registry_chain.transactions import VALIDITY_WINDOW, Body, build_tx
from ssi.errors import Refused, Unavailable
from ssi.keys import Signer

ATTEMPTS = 3
VALID_FOR = VALIDITY_WINDOW // 2
_MOVED_ON = frozenset({"chain.replayed", "chain.sequence_gap", "chain.height_window"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """Where a transaction stands in the chain, proven by its inclusion path."""

    tx_id: str
    height: int
    index: int


class Chain(Protocol):
    """What the submitter needs of a client."""

    @property
    def chain_id(self) -> str:
        """The chain's id."""
        ...

    def next_seq(self, account: str, lane: int, now: datetime) -> int:
        """The number the lane's next transaction must have."""
        ...

    def height(self, now: datetime) -> int:
        """The newest verified height."""
        ...

    def submit(self, raw_tx: str, *, now: datetime) -> Committed:
        """Submit and verify inclusion."""
        ...


@dataclass(frozen=True, slots=True)
class _Pending:
    body: Body
    token: str


class Submitter:
    """One account's door to the chain in one lane; safe to share between threads.

    When the fate of a transaction is unknown, the same bytes are submitted again, also when the
    caller asks for the same body once more: the chain counts it once [REG-CLI-5]. Two processes
    must use different lanes.
    """

    def __init__(self, client: Chain, account: str, signer: Signer, lane: int = 0) -> None:
        self._client = client
        self._account = account
        self._signer = signer
        self._lane = lane
        self._seq: int | None = None
        self._pending: _Pending | None = None
        self._lock = threading.Lock()

    def submit(self, body: Body, now: datetime) -> Committed:
        """Have ``body`` committed.

        Args:
            body: What is asked for.
            now: The present.

        Returns:
            Where it stands, after its inclusion was verified.

        Raises:
            Refused: A rule forbids it.
            Unavailable: Its fate is unknown; ask again with the same body.
        """
        with self._lock:
            refusal: Refused | None = None
            for _ in range(ATTEMPTS):
                try:
                    return self._attempt(body, now)
                except Refused as error:
                    self._pending = self._seq = None
                    if error.code not in _MOVED_ON:
                        raise
                    refusal = error
            raise Unavailable(
                "the account's lane is busy", code="chain.lane_busy", retry_after=1
            ) from refusal

    def _attempt(self, body: Body, now: datetime) -> Committed:
        self._settle(body, now)
        if self._pending is None:
            self._pending = _Pending(body, self._signed(body, now))
        return self._send(self._pending.token, now)

    def _settle(self, body: Body, now: datetime) -> None:
        """First learn what became of an earlier, different transaction in this lane."""
        if self._pending is None or self._pending.body == body:
            return
        try:
            self._send(self._pending.token, now)
        except Refused:
            self._pending = self._seq = None

    def _send(self, token: str, now: datetime) -> Committed:
        for left in reversed(range(ATTEMPTS)):
            try:
                done = self._client.submit(token, now=now)
            except Unavailable:
                if not left:
                    raise
                continue
            self._pending = None
            self._seq = None if self._seq is None else self._seq + 1
            return done
        raise Unavailable("no attempt was made")

    def _signed(self, body: Body, now: datetime) -> str:
        if self._seq is None:
            self._seq = self._client.next_seq(self._account, self._lane, now)
        return build_tx(
            chain_id=self._client.chain_id,
            account=self._account,
            lane=self._lane,
            seq=self._seq,
            valid_until_height=self._client.height(now) + VALID_FOR,
            body=body,
            signer=self._signer,
        )
