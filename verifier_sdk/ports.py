"""What the pure core needs from outside, as two narrow ports, and what travels through them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from registry_chain.records import StatusRecord
from ssi.dcql import Query
from ssi.encoding import JSONObject
from ssi.keys import AgreementKey
from ssi.status_list import VerifiedStatusList
from verifier_sdk.profiles import Profile
from verifier_sdk.results import LedgerPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Records proven under one light block; ``None`` for a record proven absent.

    ``bundle`` is the proof itself, to be kept as evidence; ``None`` where there is none.
    """

    records: Mapping[str, JSONObject | None] = field(repr=False)
    point: LedgerPoint
    bundle: JSONObject | None = field(default=None, repr=False)


class LedgerView(Protocol):
    """Proven records of the chain, all under one light block that is fresh enough."""

    def records(
        self, keys: Sequence[str], *, now: datetime, limit: timedelta | None = None
    ) -> Facts:
        """Prove the records under these keys.

        Args:
            keys: The records' names.
            now: The present.
            limit: How old the block may be, when that is less than for everything.

        Raises:
            Unavailable: No proof, or none that is fresh enough.
            Rejected: ``light.*`` or ``proof.*``.
        """


class StatusView(Protocol):
    """Status lists that the chain names."""

    def status_list(
        self, issuer: str, name: str, record: StatusRecord, *, now: datetime
    ) -> VerifiedStatusList:
        """Return the list whose digest the record holds, its signature verified.

        Raises:
            Unavailable: ``status.unavailable`` when nobody has it now.
            Rejected: ``status.*``.
        """


class RequestState(StrEnum):
    """The life of a request."""

    OPEN = "open"
    HELD = "held"  # verified; the browser that began it has to come back
    CLAIMED = "claimed"  # verified; the firm's handlers run
    VERIFIED = "verified"
    REJECTED = "rejected"
    DECLINED = "declined"
    EXPIRED = "expired"


_S = RequestState
REQUEST_TRANSITIONS: dict[RequestState, frozenset[RequestState]] = {
    _S.OPEN: frozenset({_S.HELD, _S.CLAIMED, _S.REJECTED, _S.DECLINED, _S.EXPIRED}),
    _S.HELD: frozenset({_S.CLAIMED, _S.REJECTED, _S.EXPIRED}),
    _S.CLAIMED: frozenset({_S.VERIFIED, _S.OPEN, _S.HELD}),  # back when a handler raised
    _S.VERIFIED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.DECLINED: frozenset(),
    _S.EXPIRED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """A request we made: what an answer is judged against."""

    id: str
    reference: str
    profile: Profile
    query: Query
    client_id: str
    verifier_id: str
    nonce: str = field(repr=False)
    state: str = field(repr=False)
    terms: str = field(repr=False)
    updates: bool
    created_at: datetime
    expires_at: datetime
    life: RequestState
    key: AgreementKey | None = field(repr=False)
    key_id: str
