"""Check digits of document numbers. Pure.

A My Number is known here for one reason: to refuse it. No function returns, keeps or shows one.
"""

import unicodedata
from typing import Final

LICENCE_DIGITS: Final = 12
_LICENCE_WEIGHTS: Final = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_CHECK_PLACE: Final = 10
_KANJI: Final = {kanji: str(number) for number, kanji in enumerate("〇一二三四五六七八九")}
# What people put between groups of digits, beside spaces and dashes of every kind.
_SEPARATORS: Final = frozenset("ー−・･.．_")
_IGNORED: Final = frozenset({"Zs", "Zl", "Zp", "Pd", "Cc", "Cf", "Mn", "Cs"})


def is_licence_number(digits: str) -> bool:
    """Tell whether twelve digits pass the check of a driving licence number.

    A pass proves little (two remainders share a digit), a failure is worth a look.

    >>> is_licence_number("309012345620")
    True
    """
    total = sum(w * int(d) for w, d in zip(_LICENCE_WEIGHTS, digits[:10], strict=True))
    return int(digits[_CHECK_PLACE]) == (11 - total % 11) % 10


def is_my_number(digits: str) -> bool:
    """Tell whether twelve digits pass the check of a My Number."""
    total = 0
    for place, digit in enumerate(reversed(digits[:11]), start=1):
        total += int(digit) * (place + 1 if place <= 6 else place - 5)  # noqa: PLR2004 - the law's
    rest = total % 11
    return int(digits[11]) == (0 if rest <= 1 else 11 - rest)


def holds_my_number(text: str) -> bool:
    """Tell whether a text hides twelve digits that may be a My Number, however they are written."""
    run = ""
    for character in folded_digits(text) + "\n":
        if character.isascii() and character.isdigit():
            run += character
            continue
        windows = range(len(run) - LICENCE_DIGITS + 1)
        if any(is_my_number(run[start : start + LICENCE_DIGITS]) for start in windows):
            return True
        run = ""
    return False


def folded_digits(text: str) -> str:
    """Fold a text for detection only: every script's digits to ASCII, without separators."""
    kept: list[str] = []
    for character in unicodedata.normalize("NFKC", text):
        digit = unicodedata.decimal(character, None)
        if digit is not None:
            kept.append(str(digit))
        elif character in _KANJI:
            kept.append(_KANJI[character])
        elif character in _SEPARATORS or unicodedata.category(character) in _IGNORED:
            continue
        else:
            kept.append(character)
    return "".join(kept)
