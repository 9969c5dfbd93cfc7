"""Classes of code points that decide what may reach a screen.

Unicode's own data (``unicodedata``) carries categories but no scripts and no
"default ignorable" property, so the few ranges that matter are written here,
once, and both the display function and the name check read them.
"""

from __future__ import annotations

import unicodedata

MAX_MARKS_PER_BASE = 4  # Devanagari and Tibetan need three or four; "zalgo" needs hundreds

# Invisible or empty-looking characters that are not in category Cf.
_LOOKS_EMPTY = frozenset(
    [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x180B, 0x180C, 0x180D, 0x180F]
)
# Unicode 15 and later ideographs (planes 2 and 3) are legal names before this
# interpreter's tables know them.
_IDEOGRAPH_PLANES = range(0x20000, 0x3FFFE)
_NONCHARACTERS = range(0xFDD0, 0xFDF0)
_LAST_OF_PLANE = 0xFFFE
_LATIN_1, _BASIC_PLANE = 0xFF, 0xFFFF
_VARIATION_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def is_variation_selector(char: str) -> bool:
    """Return True for VS1-VS256."""
    return any(ord(char) in block for block in _VARIATION_SELECTORS)


def is_ideographic_selector(char: str) -> bool:
    """Return True for VS17-VS256, the selectors of ideographic variation sequences."""
    return ord(char) in _VARIATION_SELECTORS[1]


def is_han(char: str) -> bool:
    """Return True for CJK ideographs, among them those newer than our tables."""
    if is_noncharacter(char):
        return False
    if ord(char) in _IDEOGRAPH_PLANES:
        return True
    return unicodedata.name(char, "").startswith(
        ("CJK ", "IDEOGRAPHIC ITERATION", "IDEOGRAPHIC CLO")
    )


def is_noncharacter(char: str) -> bool:
    """Return True for the 66 code points that are never characters."""
    code = ord(char)
    return code & 0xFFFE == _LAST_OF_PLANE or code in _NONCHARACTERS


def is_mark(char: str) -> bool:
    """Return True for combining marks (Mn, Mc, Me)."""
    return unicodedata.category(char).startswith("M")


def fault(char: str) -> str:
    """Return why a single character must not be shown as it is, or ``""``.

    Variation selectors and marks depend on what stands before them: callers
    look at the neighbour themselves.
    """
    category = unicodedata.category(char)
    code = ord(char)
    if category == "Cs":
        return "surrogate"
    if is_noncharacter(char):
        return "noncharacter"
    if category == "Cn" and code not in _IDEOGRAPH_PLANES:
        return "unassigned"
    if code in _LOOKS_EMPTY:
        return "looks empty"
    return {
        "Cc": "control",
        "Cf": "format or bidi control",
        "Co": "private use",
        "Zl": "line separator",
        "Zp": "paragraph separator",
    }.get(category, "odd space" if category == "Zs" and char not in " \u3000" else "")


def escaped(char: str) -> str:
    r"""Return the visible literal that stands for a hidden character, such as ``\x1b``."""
    code = ord(char)
    if code <= _LATIN_1:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _BASIC_PLANE else f"\\U{code:08x}"


def script(char: str) -> str:
    """Return the script a letter belongs to, ``""`` for common and inherited characters.

    Derived from the character's name: the first word of a letter's name is its
    script in every script UTS 39 recommends.
    """
    if is_han(char):
        return "HAN"
    if unicodedata.category(char)[0] not in "LMN":
        return ""
    name = unicodedata.name(char, "")
    word = name.split(" ", 1)[0]
    if word in {"COMBINING", "MODIFIER", "DIGIT", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "VARIATION"}:
        return ""
    if word == "MICRO":
        return "GREEK"
    if word in {"FEMININE", "MASCULINE"}:
        return "LATIN"
    return word
