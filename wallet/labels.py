"""Plain words for claims, credentials and states, in Japanese and English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ssi.encoding import JSON


class Words(NamedTuple):
    """One text in both languages."""

    ja: str
    en: str

    def text(self, lang: str) -> str:
        """Return the text for a reader of ``lang``."""
        return self.ja if lang == "ja" else self.en


CREDENTIALS: dict[str, Words] = {
    "urn:warifu:kyc:1": Words("本人確認済みの証明", "Verified identity"),
    "urn:warifu:driving-licence:1": Words("運転免許の証明", "Driving licence"),
    "urn:warifu:address:1": Words("住所の証明", "Verified address"),
    "urn:warifu:address-self:1": Words("ご自身が申告した住所", "Address declared by yourself"),
    "urn:warifu:delegation:1": Words("委任の証明", "Delegation"),
}

CLAIMS: dict[str, Words] = {
    "name": Words("氏名", "Name"),
    "name#ja-Kana-JP": Words("氏名（カナ）", "Name in kana"),
    "birthdate": Words("生年月日", "Date of birth"),
    "address": Words("住所", "Address"),
    "age_over_18": Words("18歳以上か", "18 or older"),
    "age_over_20": Words("20歳以上か", "20 or older"),
    "portrait_checked": Words("顔の照合の有無", "Face was compared"),
    "licence_number": Words("免許証の番号", "Licence number"),
    "licence_classes": Words("免許の種類", "Licence classes"),
    "licence_conditions": Words("免許の条件等", "Licence conditions"),
    "licence_expiry": Words("免許の有効期限", "Licence expiry"),
    "licence_colour": Words("免許証の色", "Licence colour"),
    "moved_on": Words("異動日", "Date of move"),
    "evidence": Words("確認した書類", "Evidence that was checked"),
    "assurance_process": Words("確認の方法", "How it was checked"),
    "time": Words("確認した日時", "When it was checked"),
    "formatted": Words("全文", "Whole address"),
    "country": Words("国", "Country"),
    "country_code": Words("国コード", "Country code"),
    "postal_code": Words("郵便番号", "Postal code"),
    "region": Words("都道府県", "Prefecture"),
    "locality": Words("市区町村", "City"),
    "street_address": Words("町名・番地・建物", "Street and building"),
}

# Claims whose values are code words, and what the words mean.
CODES: dict[str, dict[str, Words]] = {
    "licence_classes": {
        "ogata": Words("大型", "Large"),
        "chugata": Words("中型", "Medium"),
        "junchugata": Words("準中型", "Semi-medium"),
        "futsu": Words("普通", "Ordinary car"),
        "daitoku": Words("大型特殊", "Large special"),
        "daijini": Words("大型自動二輪", "Large motorcycle"),
        "fujini": Words("普通自動二輪", "Ordinary motorcycle"),
        "kotoku": Words("小型特殊", "Small special"),
        "gentsuki": Words("原付", "Moped"),
        "kenin": Words("牽引", "Towing"),
        "ogata2": Words("大型二種", "Large, class 2"),
        "chugata2": Words("中型二種", "Medium, class 2"),
        "futsu2": Words("普通二種", "Ordinary car, class 2"),
        "daitoku2": Words("大型特殊二種", "Large special, class 2"),
        "kenin2": Words("牽引二種", "Towing, class 2"),
    },
    "licence_conditions": {
        "at_only": Words("AT車に限る", "Automatic only"),
        "glasses": Words("眼鏡等", "Glasses"),
        "hearing_aid": Words("補聴器", "Hearing aid"),
        "chugata_8t": Words("中型車は8tに限る", "Medium up to 8 t"),
        "junchugata_5t": Words("準中型車は5tに限る", "Semi-medium up to 5 t"),
        "moped_only": Words("原付に限る", "Moped only"),
    },
}

STATUS: dict[str, Words] = {
    "credentials": Words("証明（発行ごと）", "credentials"),
    "unused": Words("未使用の写し", "unused copies"),
    "firms": Words("知らせた事業者", "firms"),
    "live_consents": Words("有効な同意", "consents in force"),
    "unsent": Words("未送信", "unsent"),
    "unanswered": Words("返事待ち", "awaiting an answer"),
}

OUTCOME: dict[str, Words] = {
    "ok": Words("[済] 完了", "[done]"),
    "accepted": Words("[済] 受け付けられました", "[done] accepted"),
    "accepted_pending": Words("[予] 後日反映", "[later] applies later"),
    "needs_attestation": Words("[証] 証明付きの住所が必要", "[proof] a verified address is needed"),
    "rejected": Words("[否] 断られました", "[no] refused"),
    "refused": Words("[否] 断られました", "[no] refused"),
    "declined": Words("[断] 何も渡していません", "[declined] nothing was shared"),
    "failed": Words("[否] できませんでした", "[no] failed"),
    "unknown": Words("[?] 届いたか不明", "[?] not known whether it arrived"),
}


def outcome_words(outcome: str, lang: str) -> str:
    """Return how something ended, in words; a word we do not know is shown as it is."""
    known = OUTCOME.get(outcome)
    return outcome if known is None else known.text(lang)


DID: dict[str, Words] = {
    "received": Words("受け取り", "received"),
    "shared": Words("共有", "shared"),
    "declined": Words("断った", "declined"),
    "failed": Words("失敗", "failed"),
    "consented": Words("同意", "consented"),
    "withdrew": Words("取り下げ", "withdrew"),
    "moved": Words("引っ越し登録", "move noted"),
    "undid": Words("取り消し", "undone"),
    "update_sent": Words("送信", "sent"),
    "update_answered": Words("返事", "answered"),
    "rights_asked": Words("請求", "rights asked"),
    "deleted": Words("削除", "deleted"),
}

CONSENT: dict[str, Words] = {
    "given": Words("有効", "in force"),
    "withdrawn": Words("取り下げ済み", "withdrawn"),
    "unconfirmed": Words("相手の確認待ち", "not confirmed by the firm"),
}

DELIVERY: dict[str, Words] = {
    "waiting": Words("[待] 取り消せます", "[wait] can still be undone"),
    "queued": Words("[送] 送信待ち", "[send] waiting to be sent"),
    "delivered": Words("[届] 届きました。返事待ち", "[there] delivered, no answer yet"),
    "accepted": Words("[済] 反映されました", "[done] the firm has it"),
    "accepted_pending": Words("[予] 受付済み。後日反映", "[later] accepted, applies later"),
    "needs_attestation": Words("[証] 証明付きの住所が必要", "[proof] a verified address is needed"),
    "rejected": Words("[否] 受け付けられませんでした", "[no] the firm refused it"),
    "unreachable": Words("[×] 届いていません", "[retry] not delivered yet"),
    "expired": Words("[切] 期限切れ", "[over] no answer in time"),
    "not_subscribed": Words("[自] ご自身で連絡", "[self] tell the firm yourself"),
    "current": Words("[済] 最新の住所です", "[done] has your present address"),
    "cancelled": Words("[消] 取り消しました", "[undone] taken back"),
}

NEXT_STEP: dict[str, Words] = {
    "waiting": Words(
        "時間になると、開いているウォレットが送ります",
        "The open wallet sends it when the time has come",
    ),
    "queued": Words("「送信と返事の受け取り」で送ります", "Send and fetch answers sends it"),
    "delivered": Words("返事を待っています", "Waiting for the answer"),
    "accepted": Words("何もする必要はありません", "Nothing to do"),
    "current": Words("何もする必要はありません", "Nothing to do"),
    "accepted_pending": Words("反映日まで旧住所です", "The old address stands until that day"),
    "needs_attestation": Words(
        "発行者で住所の証明を更新し、受け取ってください",
        "Renew your address at the issuer and accept the new credential",
    ),
    "rejected": Words("事業者に直接ご連絡ください", "Contact the firm yourself"),
    "unreachable": Words(
        "開いているウォレットが送り直します。すぐ送るには「送信と返事の受け取り」",
        "The open wallet sends it again; Send and fetch answers does so now",
    ),
    "expired": Words("事業者に直接ご連絡ください", "Contact the firm yourself"),
    "not_subscribed": Words("事業者に直接ご連絡ください", "Contact the firm yourself"),
    "cancelled": Words("何も送っていません", "Nothing was sent"),
}

# Why a message waits, beside `NEXT_STEP`, which goes by the state alone.
FIRM_IS_SUSPENDED = Words(
    "事業者は台帳で停止中です。再開したら送ります。お急ぎなら直接ご連絡ください",
    "The register has suspended the firm; it is sent when the firm is back",
)

# How a credential stands; {age} says when its issuer's list was read [WAL-STAT-3].
STANDING: dict[str, Words] = {
    "valid": Words("[有効] {age}確認", "[valid] checked {age}"),
    "unchecked": Words("[未確認] まだ台帳で確かめていません", "[unchecked] not yet looked up"),
    "suspended": Words("[停止] 発行者による・{age}確認", "[on hold] by its issuer, checked {age}"),
    "expired": Words("[期限切れ] 使えません", "[expired] cannot be used"),
    "revoked": Words("[失効] 発行者による・{age}確認", "[revoked] by its issuer, checked {age}"),
}

_AGES: tuple[tuple[int, Words], ...] = (
    (86400, Words("{n} 日前に", "{n} d ago")),
    (3600, Words("{n} 時間前に", "{n} h ago")),
    (60, Words("{n} 分前に", "{n} min ago")),
)


def age_text(seconds: int, lang: str) -> str:
    """Return how long ago something was, in its largest whole unit."""
    for unit, words in _AGES:
        if seconds >= unit:
            return words.text(lang).format(n=seconds // unit)
    return Words("たった今", "just now").text(lang)


def standing_text(standing: str, age: int | None, lang: str) -> str:
    """Return how a credential stands, in words, with the age of that knowledge in seconds."""
    told = Words("不明", "unknown").text(lang) if age is None else age_text(age, lang)
    return STANDING[standing].text(lang).format(age=told)


def claim_label(path: Sequence[str | int | None], lang: str) -> str:
    """Return plain words for a claim; an unknown one is shown by its own name."""
    named = [step for step in path if isinstance(step, str)]
    last = named[-1] if named else "?"
    words = CLAIMS.get(last) or CREDENTIALS.get(last)
    label = words.text(lang) if words else last
    parent = named[-2] if len(named) > 1 else ""
    if parent in CLAIMS and parent != last:
        return f"{CLAIMS[parent].text(lang)} > {label}"
    return label


def credential_label(vct: str, lang: str) -> str:
    """Return plain words for a credential type."""
    words = CREDENTIALS.get(vct)
    return words.text(lang) if words else vct


def item_text(path: Sequence[str | int | None], value: JSON, lang: str) -> str:
    """Return the value at a claim's path as a person reads it; the caller makes it safe to show.

    A code word that is not known is shown as it is.
    """
    names = [step for step in path if isinstance(step, str)]
    codes = CODES.get(names[-1], {}) if names else {}
    values = value if isinstance(value, list) else [value]
    if codes and all(isinstance(one, str) for one in values):
        words = [codes.get(str(one)) for one in values]
        told = [w.text(lang) if w else str(one) for w, one in zip(words, values, strict=True)]
        return Words("、", ", ").text(lang).join(told) or "-"
    return value_text(value, lang)


def value_text(value: JSON, lang: str) -> str:
    """Return a claim's value as a person reads it; the caller makes it safe to show."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return (Words("はい", "yes") if value else Words("いいえ", "no")).text(lang)
    match value:
        case dict() if isinstance(value.get("formatted"), str):
            postal = value.get("postal_code")
            mark = f"〒{postal} " if isinstance(postal, str) else ""
            return f"{mark}{value['formatted']}"
        case dict():
            return ", ".join(f"{name}: {value_text(item, lang)}" for name, item in value.items())
        case list():
            return ", ".join(value_text(item, lang) for item in value)
        case _:
            return str(value)
