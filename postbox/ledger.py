"""The mailbox's door to the chain: who a firm is, what is recorded, and submitting batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from registry_chain.records import ConsentRecord, VerifierRecord
from registry_chain.transactions import Body
from ssi.encoding import JSONObject
from ssi.errors import Untrusted
from ssi.keys import PublicKey, public_key_from_jwk


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Where the chain recorded a batch."""

    tx_id: str
    height: int


class Ledger(Protocol):
    """What the mailbox needs of the chain; every read is proven by a light block."""

    @property
    def chain_id(self) -> str:
        """The chain that signatures are made for."""
        ...

    def firm(self, verifier_id: str, now: datetime) -> VerifierRecord | None:
        """Read a firm's record.

        Raises:
            Unavailable: No proven answer could be had.
        """
        ...

    def consent(self, commitment: str, now: datetime) -> ConsentRecord | None:
        """Read a consent's record.

        Raises:
            Unavailable: No proven answer could be had.
        """
        ...

    def read(self, keys: Sequence[str], now: datetime) -> Mapping[str, JSONObject | None]:
        """Read many records under one light block.

        Raises:
            Unavailable: No proven answer could be had.
        """
        ...

    def submit(self, body: Body, now: datetime) -> Recorded:
        """Have a transaction committed, and check the proof that it was.

        Raises:
            Refused: A rule forbids it.
            Unavailable: It is not known whether it was committed.
        """
        ...


def active_firm(ledger: Ledger, verifier_id: str, now: datetime) -> VerifierRecord:
    """Return the record of a firm in good standing.

    Raises:
        Untrusted: ``mailbox.firm`` for an unknown or suspended firm.
        Unavailable: The chain could not be asked.
    """
    record = ledger.firm(verifier_id, now)
    if record is None or record.state != "active":
        raise Untrusted("the firm is not registered", code="mailbox.firm")
    return record


def receipt_keys(record: VerifierRecord) -> dict[str, PublicKey]:
    """Return a firm's registered receipt keys by kid."""
    keys: dict[str, PublicKey] = {}
    for jwk in record.profile.receipt_keys:
        kid = jwk.get("kid")
        if isinstance(kid, str):
            keys[kid] = public_key_from_jwk({n: v for n, v in jwk.items() if n != "kid"})
    return keys
