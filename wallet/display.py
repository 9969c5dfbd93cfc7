r"""The one door by which a remote text reaches a screen, a pipe or a log [WAL-SHOW-1].

Names, purposes, error descriptions and addresses come from others. A terminal
obeys escape sequences inside them, reorders bidi controls and hides zero-width
characters, so nothing remote is printed but through ``show_name`` (one line, 64
cells) or ``show_text`` (several lines). What is taken out is shown as a visible
literal such as ``\\x1b``: a person sees that something was there.

Variation selectors after an ideograph stay: in a Japanese name they choose
the glyph that is the person's legal name.
"""

from __future__ import annotations

from collections.abc import Iterator

from wcwidth import wcwidth

from wallet.codepoints import (
    MAX_MARKS_PER_BASE,
    escaped,
    fault,
    is_han,
    is_ideographic_selector,
    is_mark,
    is_variation_selector,
)
from wallet.names import NameVerdict, check_name

__all__ = ["NameVerdict", "cells", "check_name", "clip", "show_name", "show_text"]

NAME_CELLS = 64
ELLIPSIS = "..."  # three ASCII dots: U+2026 is one or two cells depending on the terminal


def show_name(text: str, *, limit: int = NAME_CELLS) -> str:
    r"""Return a remote text as one safe line of at most ``limit`` cells [WAL-SHOW-2].

    Args:
        text: what the other side sent, untouched.
        limit: the width in terminal cells.

    Returns:
        A line with no control, bidi, zero-width, private-use or unassigned
        character; each of them appears as a literal such as ``\x1b``.
    """
    return clip(_inert(text), limit)


def show_text(text: str, *, limit: int = 512, lines: int = 12) -> str:
    """Return a remote text that may have several lines, every line made safe.

    Args:
        text: what the other side sent, untouched.
        limit: the width of each line in cells.
        lines: how many lines are shown at most.
    """
    shown = [clip(_inert(line), limit) for line in text.split("\n", lines)]
    if len(shown) > lines:
        shown[lines:] = [ELLIPSIS]
    return "\n".join(shown)


def cells(text: str) -> int:
    """Return the width of an already safe line in terminal cells."""
    return sum(max(wcwidth(char), 0) for char in text)


def clip(pieces: Iterator[str] | str, limit: int) -> str:
    """Return the pieces joined, cut between clusters so that they fit ``limit`` cells.

    Never cuts between a base and its marks or variation selector.
    """
    width = 0
    shown: list[str] = []
    widths: list[int] = []
    for piece in pieces:
        if shown and not _starts_cluster(piece):
            shown[-1] += piece
            continue
        wide = cells(piece)
        if width + wide > limit:
            return _with_ellipsis(shown, widths, limit)
        shown.append(piece)
        widths.append(wide)
        width += wide
    return "".join(shown)


def _with_ellipsis(shown: list[str], widths: list[int], limit: int) -> str:
    """Return the pieces shortened so that the dots fit too."""
    if limit < len(ELLIPSIS):
        return ELLIPSIS[:limit]
    while sum(widths) > limit - len(ELLIPSIS):
        shown.pop()
        widths.pop()
    return "".join(shown) + ELLIPSIS


def _starts_cluster(piece: str) -> bool:
    return not (is_mark(piece[0]) or is_variation_selector(piece[0]))


def _inert(text: str) -> Iterator[str]:
    """Yield each character of a text, or the literal that stands for it."""
    base = ""
    marks = 0
    for char in text:
        if is_variation_selector(char):
            kept = bool(base) and is_han(base) and (marks == 0) and is_ideographic_selector(char)
            marks += kept
            yield char if kept else escaped(char)
        elif fault(char):
            base, marks = "", 0
            yield escaped(char)
        elif is_mark(char):
            marks += 1
            yield char if base and marks <= MAX_MARKS_PER_BASE else escaped(char)
        else:
            base, marks = char, 0
            yield char
