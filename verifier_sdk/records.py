"""The records a firm must be able to show: what it received, from whom, until when it is kept.

APPI arts. 29 and 30 (個人情報保護法 29・30条) ask them for provision by a third party; a wallet
presentation is given by the person herself. The record is made anyway and says which it is. It
holds the names of the claims, never their values.
"""

import re
from datetime import date, timedelta

from ssi.encoding import JSON, JSONObject
from verifier_sdk.policy import today_in_japan
from verifier_sdk.ports import SentRequest
from verifier_sdk.results import VerifiedPresentation
from verifier_sdk.store import Store, load

RETENTION_OF_RECORDS = "P3Y"
_PERIOD = re.compile(r"P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,4})D)?", re.ASCII)
_MONTHS = 12
_LAST_SAFE_DAY = 28


def add_period(day: date, period: str) -> date:
    """Add an ISO 8601 period of years, months, weeks and days to a date.

    >>> add_period(date(2024, 2, 29), "P1Y").isoformat()
    '2025-03-01'

    Raises:
        ValueError: It is no such period.
    """
    found = _PERIOD.fullmatch(period)
    if found is None or not any(found.groups()):
        raise ValueError("the period is not of years, months, weeks and days")
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    whole = day.year * _MONTHS + day.month - 1 + years * _MONTHS + months
    first = date(whole // _MONTHS, whole % _MONTHS + 1, 1)
    moved = first + timedelta(days=day.day - 1)
    # A day that month does not have counts as the first of the next: never too short.
    if day.day > _LAST_SAFE_DAY and moved.month != first.month:
        moved = moved.replace(day=1)
    return moved + timedelta(weeks=weeks, days=days)


def receipt_record(result: VerifiedPresentation, request: SentRequest, firm: str) -> JSONObject:
    """Write the record of one receipt (art. 30), with the day until which it is kept.

    Args:
        result: The verified presentation.
        request: The request it answers.
        firm: Our id on the ledger.
    """
    today = today_in_japan(result.verified_at)
    retention = request.profile.retention
    consent = result.consent
    items: list[JSON] = list(result.claims.names())
    issuers: list[JSON] = list(result.issuers)
    return {
        "record_type": "appi_30_receiver",
        "basis": "person_provided",
        "recorded_at": result.verified_at.isoformat(timespec="seconds"),
        "retain_until": max(
            add_period(today, retention.period), add_period(today, RETENTION_OF_RECORDS)
        ).isoformat(),
        "firm": firm,
        "counterparty": {"ja": "本人（ウォレット提示）", "en": "the person, by wallet"},
        "consent": {
            "obtained": True,
            "receipt_id": None if consent is None else consent.consent.record_id,
        },
        "issuers": issuers,
        "person": {"identified_by": request.reference, "relationship": result.relationship},
        "data_items": items,
        "purpose_code": request.profile.code,
        "legal_basis": request.profile.legal_basis,
        "retention": retention.to_json(),
        "request_id": result.request_id,
        "ledger": {
            "height": result.height,
            "validators": result.ledger.validators,
            "signed": result.ledger.signed,
            "stapled": result.ledger.stapled,
        },
    }


def kept_records(store: Store, reference: str | None) -> tuple[JSONObject, ...]:
    """Return the records of one customer, or of all, the oldest first."""
    rows = store.rows(
        "SELECT record FROM records WHERE ?1 IS NULL OR reference = ?1 ORDER BY number",
        (reference,),
    )
    return tuple(load(row[0]) for row in rows)
