"""Consents that ended on the chain: learnt from there when no message ever came [TRUST-UPD-5]."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from registry_chain.records import WITHDRAWN, ConsentRecord, consent_key
from verifier_sdk.events import ConsentEnded, Handlers
from verifier_sdk.ports import LedgerView
from verifier_sdk.relationships import KeptConsent, end_consent
from verifier_sdk.store import Store, moment

CHECKED_EVERY: Final = timedelta(minutes=10)
_AT_ONCE: Final = 64  # as many as one read of the ledger takes
_CHECKED: Final = "consents_checked_at"


def notice_withdrawals(
    consents: Sequence[KeptConsent],
    *,
    ledger: LedgerView,
    store: Store,
    handlers: Handlers,
    now: datetime,
) -> tuple[str, ...]:
    """Look consents up on the chain and end those that were withdrawn there.

    A consent that the chain does not have stands: its holder signed it, and records it later.

    Args:
        consents: What to look up.
        ledger: Proven records.
        store: Where the end is noted.
        handlers: The firm's code, which is told ``consent.withdrawn`` once.
        now: The present.

    Returns:
        The record ids of those that ended.

    Raises:
        Unavailable: The ledger cannot be had, or a handler failed: nothing is known of the rest.
        Rejected: What the nodes say does not verify.
    """
    ended = []
    for batch in _batches(consents):
        names = {consent_key(consent.commitment): consent for consent in batch}
        facts = ledger.records(list(names), now=now)
        for name, consent in names.items():
            raw = facts.records.get(name)
            record = None if raw is None else ConsentRecord.from_json(raw)
            if record is None or record.state != WITHDRAWN:
                continue
            at = moment(record.withdrawn_at or record.time)
            told = ConsentEnded(
                reference=consent.reference,
                relationship=consent.relationship,
                record_id=consent.record_id,
                withdrawn_at=at,
            )
            handlers.tell("consent.withdrawn", told)
            end_consent(store, consent.record_id, at)
            ended.append(consent.record_id)
    return tuple(ended)


def is_due(store: Store, now: datetime) -> bool:
    """Whether no process of this firm has looked for a while; the one that asks goes."""
    last = store.setting(_CHECKED)
    if last is not None and now < moment(int(last)) + CHECKED_EVERY:
        return False
    store.set_setting(_CHECKED, str(int(now.timestamp())))
    return True


def _batches(consents: Sequence[KeptConsent]) -> Iterator[Sequence[KeptConsent]]:
    for at in range(0, len(consents), _AT_ONCE):
        yield consents[at : at + _AT_ONCE]
