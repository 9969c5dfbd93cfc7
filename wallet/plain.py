"""The wallet's objects as JSON for programs and as lines for people.

Everything a remote party wrote goes through ``wallet.display`` on its way to a line.
JSON escapes by itself and carries the exact code points.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ssi.encoding import JSON, JSONObject
from wallet.display import show_name, show_text
from wallet.labels import (
    CONSENT,
    DELIVERY,
    DID,
    Words,
    claim_label,
    credential_label,
    item_text,
    outcome_words,
    standing_text,
)
from wallet.moves import JST

if TYPE_CHECKING:
    from wallet.consents import ConsentPlan
    from wallet.copies import Stock
    from wallet.history import HistoryEntry
    from wallet.issuance import Received
    from wallet.moves import FirmAddress, MoveEvent
    from wallet.outbox import Item
    from wallet.presenting import Outcome
    from wallet.relationships import StoredConsent
    from wallet.store import Names

PROBLEMS: dict[str, Words] = {
    "request.not_registered": Words(
        "【警告】この相手は台帳に登録されていません。共有できません。",
        "WARNING: this party is NOT on the register. Sharing is not possible.",
    ),
    "request.no_terms": Words(
        "【警告】利用目的と保存期間が示されていません。共有できません。",
        "WARNING: no purpose and retention are stated. Sharing is not possible.",
    ),
    "request.terms_mismatch": Words(
        "【警告】示された条件が台帳の登録内容と違います。共有できません。",
        "WARNING: the terms differ from the registered ones. Sharing is not possible.",
    ),
    "request.over_asking": Words(
        "【警告】登録された目的に不要な項目を求めています。共有できません。",
        "WARNING: more is asked than the purpose allows. Sharing is not possible.",
    ),
    "query.not_satisfied": Words(
        "求められた証明がこのウォレットにありません。",
        "This wallet does not hold what is asked for.",
    ),
    "credential.used_up": Words(
        "一度きりの証明を使い切りました。発行者から新しい証明を受け取ってください。",
        "Every one-time copy is used up. Get new ones from the issuer.",
    ),
    "credential.suspended": Words(
        "発行者がこの証明を一時停止しているため、共有できません。",
        "The issuer has put this credential on hold. It cannot be shared.",
    ),
    "credential.expired": Words(
        "証明の期限が切れています。発行者から新しい証明を受け取ってください。",
        "The credential is over its date. Get a new one from the issuer.",
    ),
    "credential.revoked": Words(
        "発行者がこの証明を失効させました。共有できません。発行者に理由を尋ねてください。",
        "The issuer has revoked this credential. It cannot be shared. Ask the issuer why.",
    ),
    "request.encryption": Words(
        "【警告】答えが暗号化されません。共有できません。",
        "WARNING: the answer would not be encrypted. Sharing is not possible.",
    ),
}

NAME_WARNINGS: dict[str, Words] = {
    "lookalike": Words("名称に紛らわしい文字があります", "the name holds look-alike letters"),
    "web_address": Words("名称がサイトのアドレスに似ています", "the name looks like a web address"),
    "trust_word": Words(
        "「公式」「認証」などの語は名称の一部で、保証ではありません",
        "words such as official are part of the name, not a guarantee",
    ),
}


def names_json(names: Names) -> JSONObject:
    """Return a name in both languages."""
    return {"ja": names.ja, "en": names.en}


def time_text(at: datetime) -> str:
    """Return a time as ISO 8601 in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def japan_date(iso: str, lang: str) -> str:
    """Return a date for a reader: 2026年11月23日, or the ISO form."""
    if lang != "ja":
        return iso
    year, month, day = iso.split("-")
    return f"{int(year)}年{int(month)}月{int(day)}日"


# --- plans ------------------------------------------------------------------


def plan_json(plan: ConsentPlan, lang: str) -> JSONObject:
    """Return a plan for a program; the holder's values are in it."""
    firm, terms = plan.firm, plan.terms
    return {
        "registered": firm is not None,
        "client_id": plan.request.client_id.text,
        "firm": None
        if firm is None
        else {
            "id": firm.id,
            "names": names_json(firm.names),
            "corporate_number": firm.corporate_number,
            "contact": firm.contact,
            "country": firm.country,
            "name_warnings": list[JSON](firm.name_warnings),
        },
        "terms": None if terms is None else terms.to_json(),
        "items": [
            {
                "query_id": item.query_id,
                "vct": item.vct,
                "path": list(item.path),
                "label": claim_label(item.path, lang),
                "value": item.value,
            }
            for item in plan.items
        ],
        "over_asked": [list(path) for path in plan.over_asked],
        "missing": [list(path) for path in plan.missing],
        "problems": [problem.value for problem in plan.problems],
        "can_answer": plan.can_answer,
        "offers_updates": plan.offers_updates,
        "expires_at": None if plan.expires_at is None else time_text(plan.expires_at),
        "until": None if plan.until is None else time_text(plan.until),
    }


def plan_lines(plan: ConsentPlan, lang: str) -> list[str]:
    """Return a plan for a person, the warnings first."""
    lines = [PROBLEMS[problem.value].text(lang) for problem in plan.problems]
    lines += _firm_lines(plan, lang)
    if plan.terms is not None:
        purpose = plan.terms.purpose.ja if lang == "ja" else plan.terms.purpose.en
        retention = plan.terms.retention.text
        kept = retention.ja if lang == "ja" else retention.en
        lines.append(f"{Words('目的', 'Purpose').text(lang)}: {show_name(purpose, limit=200)}")
        lines.append(
            f"{Words('根拠', 'Legal ground').text(lang)}: "
            f"{show_name(plan.terms.legal_basis, limit=200)}"
        )
        lines.append(f"{Words('保存期間', 'Kept for').text(lang)}: {show_name(kept, limit=200)}")
    for item in plan.items:
        value = show_text(item_text(item.path, item.value, lang))
        lines.append(f"  - {show_name(claim_label(item.path, lang))}: {value}")
    for path in plan.over_asked:
        words = Words("目的外の要求", "asked beyond the purpose").text(lang)
        lines.append(f"  ! {show_name(claim_label(path, lang))} ({words})")
    for path in plan.missing:
        words = Words("ウォレットにありません", "not in this wallet").text(lang)
        lines.append(f"  ? {show_name(claim_label(path, lang))} ({words})")
    if plan.offers_updates:
        lines.append(
            Words(
                "住所が変わったときの通知も求めています（任意）。",
                "The firm also asks to hear of later moves (your choice).",
            ).text(lang)
        )
    return lines


def _firm_lines(plan: ConsentPlan, lang: str) -> list[str]:
    if plan.firm is None:
        return [f"client_id: {show_name(plan.request.client_id.text)}"]
    firm = plan.firm
    lines = [
        f"{Words('相手', 'Firm').text(lang)}: {show_name(firm.names.in_language(lang))}",
        f"{Words('法人番号', 'Corporate number').text(lang)}: {show_name(firm.corporate_number)}",
        f"{Words('窓口', 'Contact').text(lang)}: {show_name(firm.contact)}",
    ]
    lines += [f"  * {NAME_WARNINGS[word].text(lang)}" for word in firm.name_warnings]
    return lines


# --- everything else --------------------------------------------------------


def received_json(received: Received) -> JSONObject:
    """Return what was stored."""
    return {
        "issuer": received.issuer.id,
        "names": names_json(received.issuer.names),
        "vcts": list[JSON](received.vcts),
        "copies": received.copies,
        "batch": received.batch,
    }


def stock_json(batches: Sequence[Stock]) -> list[JSON]:
    """Return the credentials, without any value in them."""
    return [
        {
            "batch": item.batch,
            "vct": item.vct,
            "issuer": item.issuer_id,
            "names": names_json(item.issuer_names),
            "copies": item.copies,
            "unused": item.unused,
            "low": item.low,
            "standing": item.standing.value,
            "checked_at": None
            if item.checked_at is None
            else time_text(datetime.fromtimestamp(item.checked_at, UTC)),
            "issued_at": time_text(datetime.fromtimestamp(item.issued_at, UTC)),
            "expires_at": time_text(datetime.fromtimestamp(item.expires_at, UTC)),
        }
        for item in batches
    ]


def stock_lines(batches: Sequence[Stock], now: datetime, lang: str) -> list[str]:
    """Return the credentials for a person; the batch is the name that ``delete`` takes."""
    lines: list[str] = []
    for item in batches:
        issuer = show_name(item.issuer_names.in_language(lang))
        lines.append(f"{item.batch}  {credential_label(item.vct, lang)}  {issuer}")
        lines.append(f"    {stock_state(item, now, lang)}")
    return lines


def stock_state(item: Stock, now: datetime, lang: str) -> str:
    """Return how a batch stands [WAL-STAT-3] and, when it may be shown, what is left of it."""
    age = None if item.checked_at is None else max(0, int(now.timestamp()) - item.checked_at)
    state = standing_text(item.standing.value, age, lang)
    if not item.presentable:
        return state
    low = Words("［残りわずか］", " [few left]").text(lang) if item.low else ""
    unused = Words("未使用", "unused").text(lang)
    return f"{state}{Words('・', ', ').text(lang)}{unused} {item.unused}/{item.copies}{low}"


def outcome_json(outcome: Outcome) -> JSONObject:
    """Return how an answer ended."""
    return {
        "state": outcome.state.value,
        "firm": outcome.verifier_id,
        "names": names_json(outcome.names),
        "record_id": outcome.record_id,
        "redirect_uri": outcome.redirect_uri,
        "code": outcome.code,
    }


def consents_json(consents: Sequence[StoredConsent], now: datetime) -> list[JSON]:
    """Return the consents."""
    return [
        {
            "record_id": item.record_id,
            "firm": item.verifier_id,
            "names": names_json(item.names),
            "state": item.state,
            "live": item.live(now),
            "ledger": item.ledger,
            "purpose_code": item.purpose_code,
            "claims": [list(path) for path in item.paths],
            "updates": item.updates,
            "commitment": item.commitment,
            "given_at": time_text(item.given_at),
            "until": time_text(item.until),
            "withdrawn_at": None if item.withdrawn_at is None else time_text(item.withdrawn_at),
        }
        for item in consents
    ]


def consents_lines(consents: Sequence[StoredConsent], lang: str) -> list[str]:
    """Return the consents for a person."""
    return [
        f"{item.record_id}  {show_name(item.names.in_language(lang))}  "
        f"[{CONSENT[item.state].text(lang)}]  {show_name(item.purpose_code)}"
        for item in consents
    ]


def move_json(event: MoveEvent, deliveries: Sequence[Item], now: datetime) -> JSONObject:
    """Return a change of address and its messages."""
    return {
        "event_id": event.event_id,
        "moved_on": event.moved_on.isoformat(),
        "reason": event.reason.value,
        "state": event.state,
        "send_after": time_text(event.send_after),
        "can_undo": event.can_undo(now),
        "deliveries": deliveries_json(deliveries),
    }


def deliveries_json(deliveries: Sequence[Item]) -> list[JSON]:
    """Return messages to firms, without their content."""
    return [
        {
            "firm": item.verifier_id,
            "kind": item.kind.value,
            "state": item.state,
            "code": item.code,
            "assurance": item.assurance,
            "attempts": item.attempts,
            "not_before": time_text(item.not_before),
            "applied_on": None if item.applied_on is None else item.applied_on.isoformat(),
        }
        for item in deliveries
    ]


def firms_json(firms: Sequence[FirmAddress], lang: str) -> list[JSON]:
    """Return who has which address."""
    return [
        {
            "firm": item.party,
            "names": names_json(item.names),
            "address_version": item.version,
            "current": item.current,
            "state": item.state,
            "code": item.code,
            "applied_on": None if item.applied_on is None else item.applied_on.isoformat(),
            "since": time_text(item.since),
            "next": item.next_step(lang),
        }
        for item in firms
    ]


def firms_lines(firms: Sequence[FirmAddress], lang: str) -> list[str]:
    """Return who has which address, for a person."""
    lines: list[str] = []
    for item in firms:
        words = DELIVERY[item.state].text(lang)
        code = f" ({show_name(item.code)})" if item.code else ""
        lines.append(f"{show_name(item.names.in_language(lang))}: {words}{code}")
        lines.append(f"    -> {item.next_step(lang)}")
    return lines


def history_json(entries: Sequence[HistoryEntry]) -> list[JSON]:
    """Return the log."""
    return [
        {
            "at": time_text(item.at),
            "kind": item.kind.value,
            "firm": item.party,
            "names": names_json(item.names),
            "outcome": item.outcome,
            "code": item.code,
            "details": item.details,
        }
        for item in entries
    ]


def history_lines(entries: Sequence[HistoryEntry], lang: str) -> list[str]:
    """Return the log for a person."""
    return [
        f"{item.at.astimezone(JST):%Y-%m-%d %H:%M}  {DID[item.kind.value].text(lang)}  "
        f"{show_name(item.names.in_language(lang))}  {outcome_words(item.outcome, lang)}"
        f"{f' ({show_name(item.code)})' if item.code else ''}"
        for item in entries
    ]
