"""What an application may hold: every field judged, nothing changed [POR-FORM-1]. Pure.

A field's text is kept to the code point, because it will be signed. A problem names the field and
a reason, never the text. A warning goes to the operators, who decide.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from issuer.numbers import (
    LICENCE_DIGITS,
    digits_of,
    holds_my_number,
    is_my_number,
    licence_check_ok,
)
from ssi.credential import age_on
from ssi.encoding import JSONObject
from ssi.errors import Rejected

Form = Mapping[str, Sequence[str]]

REGIONS: Final = tuple(  # noqa: SIM905 - a list literal of 47 lines reads worse
    "北海道 青森県 岩手県 宮城県 秋田県 山形県 福島県 茨城県 栃木県 群馬県 埼玉県 千葉県 東京都 "
    "神奈川県 新潟県 富山県 石川県 福井県 山梨県 長野県 岐阜県 静岡県 愛知県 三重県 滋賀県 京都府 "
    "大阪府 兵庫県 奈良県 和歌山県 鳥取県 島根県 岡山県 広島県 山口県 徳島県 香川県 愛媛県 高知県 "
    "福岡県 佐賀県 長崎県 熊本県 大分県 宮崎県 鹿児島県 沖縄県".split()
)
CLASSES: Final = tuple(  # noqa: SIM905 - likewise
    "ogata chugata junchugata futsu daitoku daijini fujini kotoku gentsuki kenin "
    "ogata2 chugata2 futsu2 daitoku2 kenin2".split()
)
CONDITIONS: Final = (
    "at_only", "glasses", "hearing_aid", "chugata_8t", "junchugata_5t", "moped_only",
)  # fmt: skip
LONGEST: Final = {
    "family_name": 60,
    "given_name": 60,
    "name_kana": 120,
    "locality": 100,
    "street_address": 200,
    "formatted": 400,
    "licence_condition_other": 60,
}
_EARLIEST = date(1900, 1, 1)
_DRIVING_AGE, _ADULT = 16, 18
_POSTAL_DIGITS = 7
_LONGEST_LICENCE = timedelta(days=6 * 366)
_MOVE_AHEAD = timedelta(days=14)
_FIRST_COMMISSION, _LAST_COMMISSION = 10, 97


class FormRejected(Rejected):
    """A form with problems: field name to reason. No value is in it."""

    default_code = "portal.form"

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(f"{len(problems)} fields have problems")
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A form without problems: what will be kept, and what the operators should look at."""

    data: JSONObject = field(repr=False)
    warnings: tuple[str, ...]


def check_application(form: Form, *, today: date) -> Checked:
    """Judge the form of a first application.

    Args:
        form: The fields, each with all its values.
        today: The date in Japan.

    Raises:
        FormRejected: with a reason for each bad field.
    """
    reading = _Reading(form)
    data: JSONObject = {
        "family_name": reading.text("family_name"),
        "given_name": reading.text("given_name"),
        "name_kana": reading.kana("name_kana"),
        **_address(reading),
        **_birthdate(reading, today),
        **_licence(reading, today),
    }
    reading.consent()
    return reading.checked(data)


def check_move(form: Form, *, before: JSONObject, today: date) -> Checked:
    """Judge the form of a new address; the rest is as it was checked before.

    Args:
        form: The fields.
        before: The data of the application that was issued.
        today: The date in Japan.

    Raises:
        FormRejected: with a reason for each bad field.
    """
    reading = _Reading(form)
    data = {**before, **_address(reading)}
    moved_on = reading.day("moved_on")
    if moved_on is not None:
        if not _EARLIEST <= moved_on <= today + _MOVE_AHEAD:
            reading.problem("moved_on", "date_range")
        elif moved_on > today:
            reading.warn("moved_on_ahead")
        data["moved_on"] = moved_on.isoformat()
    if all(data[name] == before.get(name) for name in ("formatted", "postal_code")):
        reading.warn("same_address")
    reading.consent()
    return reading.checked(data)


def _address(reading: "_Reading") -> JSONObject:
    parts: JSONObject = {
        "postal_code": reading.postal_code("postal_code"),
        "region": reading.choice("region", REGIONS),
        "locality": reading.text("locality"),
        "street_address": reading.text("street_address"),
        "formatted": reading.text("formatted"),
    }
    whole, region, locality = (str(parts[n]) for n in ("formatted", "region", "locality"))
    if not whole.startswith(region + locality):
        reading.warn("address_parts")
    return parts


def _birthdate(reading: "_Reading", today: date) -> JSONObject:
    born = reading.day("birthdate")
    if born is None:
        return {}
    if not _EARLIEST <= born <= today:
        reading.problem("birthdate", "date_range")
    elif age_on(born, today) < _DRIVING_AGE:
        reading.warn("below_driving_age")
    elif age_on(born, today) < _ADULT:
        reading.warn("minor")
    return {"birthdate": born.isoformat()}


def _licence(reading: "_Reading", today: date) -> JSONObject:
    expiry = reading.day("licence_expiry")
    if expiry is not None and expiry < today:
        reading.problem("licence_expiry", "licence_expired")
    elif expiry is not None and expiry > today + _LONGEST_LICENCE:
        reading.warn("licence_expiry_far")
    conditions = reading.choices("licence_conditions", CONDITIONS)
    other = reading.text("licence_condition_other", required=False)
    return {
        "licence_number": reading.licence_number("licence_number"),
        "licence_classes": list(reading.choices("licence_classes", CLASSES, least=1)),
        "licence_conditions": [*conditions, *([f"other:{other}"] if other else [])],
        "licence_expiry": "" if expiry is None else expiry.isoformat(),
    }


class _Reading:
    """One pass over a form; collects problems and warnings instead of stopping at the first."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._problems: dict[str, str] = {}
        self._warnings: list[str] = []

    def problem(self, name: str, reason: str) -> None:
        self._problems.setdefault(name, reason)

    def warn(self, reason: str) -> None:
        self._warnings.append(reason)

    def checked(self, data: JSONObject) -> Checked:
        if self._problems:
            raise FormRejected(self._problems)
        return Checked(data=data, warnings=tuple(self._warnings))

    def _one(self, name: str, *, required: bool = True) -> str:
        values = self._form.get(name, ())
        if len(values) > 1:
            self.problem(name, "repeated")
            return ""
        value = values[0] if values else ""
        if not value.strip() and required:
            self.problem(name, "missing")
        return value if value.strip() else ""

    def text(self, name: str, *, required: bool = True) -> str:
        """A line of text, kept as it is [POR-FORM-2]."""
        value = self._one(name, required=required)
        if len(value) > LONGEST[name]:
            self.problem(name, "too_long")
        elif value != value.strip():
            self.problem(name, "outer_space")
        elif not _is_printable(value):
            self.problem(name, "characters")
        elif holds_my_number(value):
            self.problem(name, "my_number")
        return value

    def kana(self, name: str) -> str:
        value = self.text(name)
        if any(not _is_katakana(char) for char in value):
            self.problem(name, "kana")
        return value

    def postal_code(self, name: str) -> str:
        value = digits_of(self._one(name).lstrip("〒")[:16])
        if name not in self._problems and not _is_number(value, _POSTAL_DIGITS):
            self.problem(name, "postal_code")
        return value

    def choice(self, name: str, known: Sequence[str]) -> str:
        value = self._one(name)
        if value and value not in known:
            self.problem(name, "choice")
        return value

    def choices(self, name: str, known: Sequence[str], *, least: int = 0) -> tuple[str, ...]:
        values = tuple(self._form.get(name, ()))
        if len(values) < least:
            self.problem(name, "missing")
        if len(set(values)) != len(values) or not set(values) <= set(known):
            self.problem(name, "choice")
        return tuple(item for item in known if item in values)

    def day(self, name: str) -> date | None:
        value = self._one(name)
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is None or day.isoformat() != value:
            self.problem(name, "date")
            return None
        return day

    def consent(self) -> None:
        if self._one("consent") not in {"yes", ""}:
            self.problem("consent", "missing")

    def licence_number(self, name: str) -> str:
        """Twelve digits; a My Number typed here by mistake is refused [POR-NUM-2]."""
        value = digits_of(self._one(name)[:40])
        if name in self._problems:
            return ""
        if not _is_number(value, LICENCE_DIGITS):
            self.problem(name, "my_number" if holds_my_number(value) else "licence_number")
            return ""
        checked, my_number = licence_check_ok(value), is_my_number(value)
        confirmed = self._form.get("licence_number_confirmed", ()) == ["yes"]
        if my_number and not checked:
            self.problem(name, "my_number")
        elif my_number and not confirmed:
            self.problem(name, "licence_number_unconfirmed")
        if not checked:
            self.warn("licence_check_digit")
        if not _FIRST_COMMISSION <= int(value[:2]) <= _LAST_COMMISSION and value[:2] != "00":
            self.warn("licence_commission")
        return value


def _is_number(value: str, length: int) -> bool:
    return len(value) == length and value.isascii() and value.isdecimal()


def _is_katakana(char: str) -> bool:
    return "ァ" <= char <= "ヺ" or char in "ー・ \u3000"


def _is_printable(value: str) -> bool:
    """No control, format, surrogate, unassigned or line-breaking character; selectors may stay."""
    return all(
        unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"} for char in value
    )
