"""Is this a name we may put before a person's eyes as the name of a firm? [WAL-NAME-1].

The rules follow UTS 39 "highly restrictive" with the Japanese reading of it:
Han, Hiragana, Katakana and Latin mix legally. Punctuation is what Japanese
commercial registration allows in a trade name (commercial registration rule,
article 50: ``& ' , - . ・``) and four marks common abroad. A name alone never
identifies anyone: the corporate number and the certificate always stand beside it.

Decisions the sources leave open:

- a name written like a web address with a scheme, a path or a user part is
  refused; a bare ``name.example`` is accepted with a warning, because trade
  names such as "Booking.com" exist, and the registered number stands beside it;
- fullwidth letters, ``㈱`` and every other character that NFKC would change
  are refused (a registration writes plain letters);
- look-alikes inside one legal script (``I`` for ``l``, 力 for カ) only warn.
"""

from __future__ import annotations

import itertools
import unicodedata
from dataclasses import dataclass

from ssi.errors import Rejected
from wallet.codepoints import (
    MAX_MARKS_PER_BASE,
    fault,
    is_han,
    is_ideographic_selector,
    is_mark,
    is_variation_selector,
    script,
)

MAX_NAME = 128

# UAX 31 table 5, "recommended scripts".
_RECOMMENDED = frozenset(
    """ARABIC ARMENIAN BENGALI BOPOMOFO CYRILLIC DEVANAGARI ETHIOPIC GEORGIAN GREEK GUJARATI
    GURMUKHI HAN HANGUL HEBREW HIRAGANA KANNADA KATAKANA KHMER LAO LATIN MALAYALAM MYANMAR ORIYA
    SINHALA TAMIL TELUGU THAANA THAI TIBETAN""".split()  # noqa: SIM905 - a table reads better than quotes
)
# UTS 39 section 5.2, highly restrictive: the only script sets that may mix.
_MIXES = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)
_PUNCTUATION = frozenset("&',-.・()!+")
_WEB_ADDRESS = frozenset("/\\@?#%")
# Letters of other scripts drawn like Latin ones (own table, after the idea of UTS 39 section 4).
_LATIN_LOOKALIKES = {
    "CYRILLIC": frozenset("аАеЕоОрРсСхХуУіІїЇјЈѕЅԁԀԛԚԝԜһҺӏӀВКМНТЗѵѴёЁҮүԌ"),
    "GREEK": frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳͿαγινορυχωϲό"),
    "ARMENIAN": frozenset("օոսհցզյաքլւԼՕՏՍՈ"),
    "HEBREW": frozenset("סוןטח"),
    "GEORGIAN": frozenset("იყხძႽႮ"),
}
_DOUBTFUL_JAPANESE = frozenset("力二口工卜八夕千一ロニエトハタチカ")
_HAN_LIKE_KANA = frozenset("力二口工卜八夕千一")
_TRUST_WORDS = (
    "verified",
    "official",
    "trusted",
    "certified",
    "認証済",
    "公式",
    "認定済",
    "確認済",
)
_COMPATIBILITY_LETTERS = frozenset("\u0e33\u0eb3")  # Thai and Lao AM: NFKC splits ordinary letters
_PLAIN_LATIN = (range(0x0041, 0x0250), range(0x1E00, 0x1F00))


@dataclass(frozen=True, slots=True, kw_only=True)
class NameVerdict:
    """A name that may be shown, and what a person should be told about it.

    Attributes:
        name: the name exactly as received.
        scripts: the scripts it is written in.
        warnings: stable words: ``lookalike``, ``web_address``, ``trust_word``.
    """

    name: str
    scripts: frozenset[str]
    warnings: tuple[str, ...] = ()


def check_name(text: str) -> NameVerdict:
    """Return the verdict on a firm's or an issuer's display name [WAL-NAME-2] [WAL-NAME-3].

    Args:
        text: the name as the other side wrote it.

    Raises:
        Rejected: ``name.rejected``; the fact names the rule, never the name.
    """
    if not text.strip():
        raise _refuse("it looks empty")
    if len(text) > MAX_NAME:
        raise _refuse("it is too long")
    _check_characters(text)
    _check_forms(text)
    scripts = frozenset(filter(None, map(script, text)))
    _check_scripts(text, scripts)
    return NameVerdict(name=text, scripts=scripts, warnings=_warnings(text, scripts))


def _refuse(why: str) -> Rejected:
    return Rejected(f"the name is refused: {why}", code="name.rejected")


def _check_characters(text: str) -> None:
    """Refuse hidden characters, odd spaces, marks out of place and foreign punctuation."""
    before = ""
    marks = 0
    for char in text:
        if is_variation_selector(char):
            if not (before and is_han(before) and is_ideographic_selector(char)):
                raise _refuse("a variation selector")
        elif why := fault(char):
            raise _refuse(why)
        elif is_mark(char):
            marks += 1
            _check_mark(before, char, marks)
        else:
            marks = 0
            _check_symbol(char)
        before = char


def _check_mark(before: str, char: str, marks: int) -> None:
    """Refuse marks at the start, stacked, enclosing, striking through or hiding a dot."""
    if not before or before == " ":
        raise _refuse("it starts with a combining mark")
    overlay = "\u0334" <= char <= "\u0338"
    hidden_dot = char == "\u0307" and before in "ijlı"
    if marks > MAX_MARKS_PER_BASE or unicodedata.category(char) == "Me" or overlay or hidden_dot:
        raise _refuse("combining marks that hide a letter")


def _check_symbol(char: str) -> None:
    """Refuse every symbol that is not a letter, a digit or registrable punctuation."""
    category = unicodedata.category(char)
    if (
        category[0] == "L"
        or category == "Nd"
        or is_han(char)
        or char in _PUNCTUATION
        or char == " "
    ):
        return
    if char in _WEB_ADDRESS:
        raise _refuse("it looks like a web address")
    raise _refuse("a symbol that is no part of a registered name")


def _check_forms(text: str) -> None:
    """Refuse other forms than NFC and characters that NFKC would change."""
    if unicodedata.normalize("NFC", text) != text:
        raise _refuse("it is not in normal form C")
    plain = "".join(char for char in text if char not in _COMPATIBILITY_LETTERS)
    if unicodedata.normalize("NFKC", plain) != plain:
        raise _refuse("compatibility characters")
    if text != text.strip() or "  " in text:
        raise _refuse("odd spaces")
    if not any(unicodedata.category(char)[0] in "LN" or is_han(char) for char in text):
        raise _refuse("it looks empty")
    if "xn--" in text.casefold():
        raise _refuse("it looks like a web address")


def _check_scripts(text: str, scripts: frozenset[str]) -> None:
    """Refuse scripts that may not mix and names drawn to look Latin."""
    if not scripts <= _RECOMMENDED:
        raise _refuse("a script that is not in everyday use")
    if len(scripts) > 1 and not any(scripts <= mix for mix in _MIXES):
        raise _refuse("mixed scripts")
    letters = [char for char in text if unicodedata.category(char)[0] == "L"]
    if "LATIN" in scripts and any(
        script(char) == "LATIN" and not any(ord(char) in block for block in _PLAIN_LATIN)
        for char in letters
    ):
        raise _refuse("phonetic letters drawn like plain ones")
    for name, lookalikes in _LATIN_LOOKALIKES.items():
        if scripts == {name} and all(char in lookalikes for char in letters):
            raise _refuse("every letter is drawn like a Latin one")


def _warnings(text: str, scripts: frozenset[str]) -> tuple[str, ...]:
    """Return what a person should hear about a name that is accepted."""
    found: list[str] = []
    if _has_latin_lookalike(text) or _has_kana_lookalike(text, scripts):
        found.append("lookalike")
    if _looks_like_domain(text):
        found.append("web_address")
    folded = text.casefold()
    if any(word in folded for word in _TRUST_WORDS):
        found.append("trust_word")
    return tuple(found)


def _has_latin_lookalike(text: str) -> bool:
    """``PayPaI``, ``Amaz0n``, ``PayPa1``: a capital I or a digit inside a word."""
    for before, char in itertools.pairwise(text):
        if char == "I" and before.islower() and before.isascii():
            return True
        if char in "01" and before.isascii() and before.isalpha():
            return True
    return any(char in "ıȷĸ" for char in text)


def _has_kana_lookalike(text: str, scripts: frozenset[str]) -> bool:
    """力フェ with the ideograph for strength, or a lone katakana drawn like an ideograph."""
    if not {"HAN", "KATAKANA"} <= scripts:
        return False
    padded = f" {text} "
    for before, char, after in zip(padded, padded[1:], padded[2:], strict=False):
        if char not in _DOUBTFUL_JAPANESE:
            continue
        around = {script(before), script(after)} - {""}
        other = "KATAKANA" if char in _HAN_LIKE_KANA else "HAN"
        if around == {other}:
            return True
    return False


def _looks_like_domain(text: str) -> bool:
    """One word with dots between letters, as a host name is written."""
    labels = text.split(".")
    return len(labels) > 1 and " " not in text and all(label.isalnum() for label in labels)
