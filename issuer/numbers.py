"""Numbers on documents: the driver's licence number, and the My Number we must never hold."""

import unicodedata
from typing import Final

LICENCE_DIGITS: Final = 12
_LICENCE_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_MY_NUMBER_WEIGHTS = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_ELEVEN, _TEN = 11, 10
_KANJI_DIGITS = {char: str(value) for value, char in enumerate("〇一二三四五六七八九")}
_JOINERS = frozenset(" -‐‑‒–—―−ー～~_./・,、:\u200b\u200c\u200d\u2060\ufeff")


def digits_of(text: str) -> str:
    """Return a number as ASCII digits: full-width ones folded, spaces and hyphens dropped."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(char for char in folded if char not in _JOINERS)


def licence_check_ok(number: str) -> bool:
    """Tell whether a licence number of 12 digits has the right check digit.

    >>> licence_check_ok("309012345620"), licence_check_ok("309012345630")
    (True, False)
    """
    total = sum(
        int(digit) * weight for digit, weight in zip(number[:10], _LICENCE_WEIGHTS, strict=True)
    )
    return int(number[10]) == (_ELEVEN - total % _ELEVEN) % _TEN


def is_my_number(number: str) -> bool:
    """Tell whether 12 digits have the check digit of a My Number."""
    total = sum(
        int(digit) * weight for digit, weight in zip(number[:11], _MY_NUMBER_WEIGHTS, strict=True)
    )
    rest = total % _ELEVEN
    return int(number[11]) == (0 if rest <= 1 else _ELEVEN - rest)


def holds_my_number(text: str) -> bool:
    """Tell whether a text holds twelve digits that could be a My Number [POR-NUM-1].

    Digits of any script and width count, also when spaces, hyphens or dots stand between them.
    """
    run = ""
    for char in [*unicodedata.normalize("NFKC", text), "\0"]:
        digit = _digit(char)
        if digit is not None:
            run += digit
        elif char in _JOINERS or unicodedata.category(char) in {"Mn", "Cf", "Zs"}:
            continue
        else:
            if _any_window(run):
                return True
            run = ""
    return False


def _digit(char: str) -> str | None:
    value = unicodedata.digit(char, None)
    return _KANJI_DIGITS.get(char) if value is None else str(value)


def _any_window(run: str) -> bool:
    last = len(run) - LICENCE_DIGITS
    return any(is_my_number(run[at : at + LICENCE_DIGITS]) for at in range(last + 1))
