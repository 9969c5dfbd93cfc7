"""What an application may hold. Pure: text in, findings out [POR-CHECK-1].

A problem stops the form; a warning is for the operators' eyes. A finding names a field and a code,
never a value. The form that only folds for comparison lives in `folded`: what is stored stays as
it was received, to the code point.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

from issuer.document_numbers import (
    LICENCE_DIGITS,
    folded_digits,
    holds_my_number,
    is_licence_number,
    is_my_number,
)
from ssi.credential import age_on

LICENCE_AGE: Final = 16
OLDEST: Final = date(1900, 1, 1)
LONGEST_LICENCE: Final = timedelta(days=366 * 10)
AHEAD: Final = timedelta(days=90)

CLASSES: Final = (
    *("ogata", "chugata", "junchugata", "futsu", "daitoku", "daijini", "fujini", "kotoku"),
    *("gentsuki", "kenin", "ogata2", "chugata2", "futsu2", "daitoku2", "kenin2"),
)
CONDITIONS: Final = (
    *("at_only", "glasses", "hearing_aid", "chugata_8t", "junchugata_5t", "moped_only"),
)
_PREFECTURES: Final = (
    "北海道 青森県 岩手県 宮城県 秋田県 山形県 福島県 茨城県 栃木県 群馬県 埼玉県 千葉県 "
    "東京都 神奈川県 新潟県 富山県 石川県 福井県 山梨県 長野県 岐阜県 静岡県 愛知県 三重県 "
    "滋賀県 京都府 大阪府 兵庫県 奈良県 和歌山県 鳥取県 島根県 岡山県 広島県 山口県 徳島県 "
    "香川県 愛媛県 高知県 福岡県 佐賀県 長崎県 熊本県 大分県 宮崎県 鹿児島県 沖縄県"
)
PREFECTURES: Final = tuple(_PREFECTURES.split())
# The limits of ``ssi.credential.Address`` and then some room for the joined form of it.
ADDRESS_LIMITS: Final = {"postal_code": 16, "region": 8, "locality": 64, "street_address": 200}
PERSON_LIMITS: Final = {
    "family_name": 60,
    "given_name": 60,
    "name_kana": 120,
    "birthdate": 10,
    "licence_number": 24,
    "licence_expiry": 10,
}
_KANA: Final = re.compile(r"[\u30a1-\u30fa\u30fb\u30fc\u31f0-\u31ff \u3000]*")
_KANA_LETTER: Final = re.compile(r"[\u30a1-\u30fa\u31f0-\u31ff]")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_POSTAL: Final = re.compile(r"[0-9]{3}-?[0-9]{4}")
# Cc, Cs: no text. Cf: invisible, bidi controls among them. Zl, Zp: line ends of their own.
_REFUSED: Final = frozenset({"Cc", "Cs", "Cf", "Zl", "Zp"})
_REPLACEMENT: Final = "\ufffd"


class Finding(NamedTuple):
    """What is to say about a field, by a stable code."""

    field: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a form held. Texts are as received; an absent one is empty."""

    texts: Mapping[str, str] = field(repr=False)
    classes: tuple[str, ...] = field(repr=False, default=())
    conditions: tuple[str, ...] = field(repr=False, default=())
    number_is_licence: bool = False
    consent: bool = False
    file_name: str = field(repr=False, default="")

    def text(self, name: str) -> str:
        """Return a field's text."""
        return self.texts.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the checks found."""

    problems: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def check_application(answers: Answers, *, today: date) -> Findings:
    """Judge a first application [POR-CHECK-1].

    Args:
        answers: The form.
        today: The date in Japan.
    """
    problems = [
        *_texts(answers, PERSON_LIMITS | ADDRESS_LIMITS, numbers=frozenset({"licence_number"})),
        *_kana(answers),
        *_birthdate(answers, today),
        *_address(answers),
        *_licence_number(answers),
        *_choices("licence_classes", answers.classes, CLASSES),
        *_choices("licence_conditions", answers.conditions, CONDITIONS),
        *_expiry(answers, today),
        *_file_name("licence_photo", answers),
    ]
    if not answers.classes:
        problems.append(Finding("licence_classes", "required"))
    if not answers.consent:
        problems.append(Finding("consent", "required"))
    warnings = [*_unusual(answers, PERSON_LIMITS | ADDRESS_LIMITS), *_licence_warnings(answers)]
    if (until := _date(answers.text("licence_expiry"))) and until > today + LONGEST_LICENCE:
        warnings.append(Finding("licence_expiry", "far_away"))
    return _findings(problems, warnings)


def check_move(answers: Answers, *, today: date) -> Findings:
    """Judge the form that tells of a move [POR-CHECK-1].

    Args:
        answers: The form.
        today: The date in Japan.
    """
    limits = ADDRESS_LIMITS | {"moved_on": 10}
    problems = [
        *_texts(answers, limits),
        *_address(answers),
        *_file_name("evidence_photo", answers),
    ]
    if text := answers.text("moved_on"):
        moved = _date(text)
        if moved is None or moved < OLDEST:
            problems.append(Finding("moved_on", "not_a_date"))
        elif moved > today + AHEAD:
            problems.append(Finding("moved_on", "too_early"))
    return _findings(problems, list(_unusual(answers, limits)))


def folded_postal_code(text: str) -> str:
    """Return a postal code as seven ASCII digits; only this field is folded before it is stored.

    >>> folded_postal_code("１００－８９２６")
    '1008926'
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    for dash in "‐‑‒–—―−ー":
        plain = plain.replace(dash, "-")
    return plain.replace("-", "") if _POSTAL.fullmatch(plain) else ""


def _findings(problems: list[Finding], warnings: list[Finding]) -> Findings:
    """Keep the first problem of each field: one thing to mend at a time; suspicion goes first."""
    first: dict[str, Finding] = {}
    for found in sorted(problems, key=lambda item: item.code != "looks_like_my_number"):
        first.setdefault(found.field, found)
    ordered = {item.field: first[item.field] for item in problems}
    return Findings(problems=tuple(ordered.values()), warnings=tuple(warnings))


def _texts(
    answers: Answers, limits: Mapping[str, int], numbers: frozenset[str] = frozenset()
) -> Iterator[Finding]:
    for name, limit in limits.items():
        text = answers.text(name)
        if not text.strip():
            yield Finding(name, "required")
        if len(text) > limit:
            yield Finding(name, "too_long")
        if any(unicodedata.category(c) in _REFUSED or c == _REPLACEMENT for c in text):
            yield Finding(name, "character")
        if name not in numbers and holds_my_number(text):
            yield Finding(name, "looks_like_my_number")


def _kana(answers: Answers) -> Iterator[Finding]:
    kana = answers.text("name_kana")
    if kana and (not _KANA.fullmatch(kana) or not _KANA_LETTER.search(kana)):
        yield Finding("name_kana", "not_kana")


def _birthdate(answers: Answers, today: date) -> Iterator[Finding]:
    text = answers.text("birthdate")
    born = _date(text)
    if not text:
        return
    if born is None or born < OLDEST:
        yield Finding("birthdate", "not_a_date")
    elif born > today:
        yield Finding("birthdate", "future")
    elif age_on(born, today) < LICENCE_AGE:
        yield Finding("birthdate", "too_young")


def _address(answers: Answers) -> Iterator[Finding]:
    if answers.text("postal_code") and not folded_postal_code(answers.text("postal_code")):
        yield Finding("postal_code", "postal_code")
    if answers.text("region") and answers.text("region") not in PREFECTURES:
        yield Finding("region", "unknown_choice")


def _licence_number(answers: Answers) -> Iterator[Finding]:
    """A licence number may pass the My Number's check by chance: one in ten does [POR-CHECK-3]."""
    text = answers.text("licence_number")
    digits = folded_digits(text)
    whole = len(digits) == LICENCE_DIGITS and digits.isdecimal()
    if whole and is_my_number(digits):
        if not is_licence_number(digits):
            yield Finding("licence_number", "looks_like_my_number")
        elif not answers.number_is_licence:
            yield Finding("licence_number", "confirm_number")
    elif not whole and holds_my_number(text):
        yield Finding("licence_number", "looks_like_my_number")
    if text and not re.fullmatch(r"[0-9]{12}", text):
        yield Finding("licence_number", "licence_number")


def _licence_warnings(answers: Answers) -> Iterator[Finding]:
    number = answers.text("licence_number")
    if re.fullmatch(r"[0-9]{12}", number) and not is_licence_number(number):
        yield Finding("licence_number", "licence_check_digit")


def _choices(name: str, chosen: tuple[str, ...], known: tuple[str, ...]) -> Iterator[Finding]:
    if len(set(chosen)) != len(chosen) or not set(chosen) <= set(known):
        yield Finding(name, "unknown_choice")


def _expiry(answers: Answers, today: date) -> Iterator[Finding]:
    text = answers.text("licence_expiry")
    until = _date(text)
    if not text:
        return
    if until is None:
        yield Finding("licence_expiry", "not_a_date")
    elif until <= today:
        yield Finding("licence_expiry", "expired")


def _file_name(name: str, answers: Answers) -> Iterator[Finding]:
    if holds_my_number(answers.file_name):
        yield Finding(name, "looks_like_my_number")


def _unusual(answers: Answers, names: Mapping[str, int]) -> Iterator[Finding]:
    for name in names:
        text = answers.text(name)
        if any(unicodedata.category(c) in {"Co", "Cn"} for c in text):
            yield Finding(name, "private_character")
        if text != text.strip():
            yield Finding(name, "edge_space")


def _date(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
