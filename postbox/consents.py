"""Consents and withdrawals on their way to the chain, sponsored by the operator [SHA-BOX-12].

The operator adds nothing: the relationship key signed every item for this very chain, and a rule
of the chain checks that again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from postbox import outbox
from postbox.messages import milliseconds
from postbox.models import ItemKind, ItemState
from postbox.services import Services
from registry_chain.transactions import (
    ConsentItem,
    WithdrawalItem,
    verify_consent_item,
    verify_withdrawal_item,
)
from ssi.encoding import JSON, JSONObject, parse_json_object
from ssi.errors import Malformed, PolicyNotMet, Rejected

MAX_ITEMS = 16
MAX_CONSENT = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a consent or its withdrawal has come."""

    state: str
    tx_id: str | None
    height: int | None
    rule: str | None

    def to_json(self) -> JSONObject:
        """Write the progress, without what is not known yet."""
        members = {"tx_id": self.tx_id, "height": self.height, "rule": self.rule}
        known: JSONObject = {name: value for name, value in members.items() if value is not None}
        return {"state": self.state, **known}


def queue_consents(services: Services, items: Sequence[JSON], *, now: datetime) -> None:
    """Check consents and queue them for the chain.

    Raises:
        Malformed: ``tx.body``, or ``mailbox.items`` for none or too many.
        InvalidSignature: ``consent.signature``.
        PolicyNotMet: ``consent.time`` when a consent has no time left, or too much.
    """
    _check_count(items)
    consents = [ConsentItem.from_json(item) for item in items]
    for item in consents:
        verify_consent_item(item, chain_id=services.ledger.chain_id)
        if not now.timestamp() < item.until <= (now + MAX_CONSENT).timestamp():
            raise PolicyNotMet("a consent has no time left, or too much", code="consent.time")
    with services.db.write() as session:
        for item in consents:
            outbox.enqueue(
                session,
                kind=ItemKind.CONSENT,
                commitment=item.commitment,
                body=item.to_json(),
                now_ms=milliseconds(now),
            )


def queue_withdrawals(services: Services, items: Sequence[JSON], *, now: datetime) -> None:
    """Check withdrawals against the key of each consent, and queue them.

    Raises:
        Malformed: ``tx.body`` or ``mailbox.items``.
        Rejected: ``consent.unknown`` when no such consent is recorded or queued here.
        InvalidSignature: ``consent.signature``.
        Unavailable: The chain could not be asked.
    """
    _check_count(items)
    withdrawals = [WithdrawalItem.from_json(item) for item in items]
    for item in withdrawals:
        jwk = _consent_key(services, item.commitment, now)
        verify_withdrawal_item(item, jwk=jwk, chain_id=services.ledger.chain_id)
    with services.db.write() as session:
        for item in withdrawals:
            outbox.enqueue(
                session,
                kind=ItemKind.WITHDRAWAL,
                commitment=item.commitment,
                body=item.to_json(),
                now_ms=milliseconds(now),
            )


def progress(services: Services, kind: ItemKind, commitment: str) -> Progress | None:
    """Return how far an item has come; ``None`` when we have never seen it."""
    with services.db.read() as session:
        item = outbox.find(session, kind, commitment)
        if item is None:
            return None
        return Progress(state=item.state, tx_id=item.tx_id, height=item.height, rule=item.rule)


def _consent_key(services: Services, commitment: str, now: datetime) -> JSONObject:
    with services.db.read() as session:
        item = outbox.find(session, ItemKind.CONSENT, commitment)
        queued = None if item is None or item.state == ItemState.REFUSED else item.body
    if queued is not None:
        return ConsentItem.from_json(parse_json_object(queued)).jwk
    record = services.ledger.consent(commitment, now)
    if record is None:
        raise Rejected("no such consent is recorded", code="consent.unknown")
    return record.jwk


def _check_count(items: Sequence[JSON]) -> None:
    if not 0 < len(items) <= MAX_ITEMS:
        raise Malformed("there are no items, or too many", code="mailbox.items")
