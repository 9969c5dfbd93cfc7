"""Terminal escapes: hostile text through the one function by which the wallet shows text.

A case passes when the bytes that would reach a terminal hold no control, bidi or invisible
character (line feeds apart, where a field has lines), a name fits 64 cells, and what was taken out
can be seen. The file has no expected verdicts: every case must be shown safely.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ssi.errors import Malformed
from wallet.codepoints import fault, is_variation_selector
from wallet.display import NAME_CELLS, cells, show_name, show_text
from warifu.vectors.case import ACCEPT, CaseResult, judge

_MOST_BYTES = 4096


def run(path: Path) -> Iterator[CaseResult]:
    """Judge every case of the file, or of ``cases.json`` in a folder."""
    file = path / "cases.json" if path.is_dir() else path
    for case in json.loads(file.read_text("utf-8"))["cases"]:
        yield judge(str(case["id"]), ACCEPT, partial(_shown, case["input"]))


def _shown(text: str) -> None:
    name = show_name(text)
    if cells(name) > NAME_CELLS or len(name.encode()) > _MOST_BYTES:
        raise _unsafe("the name is wider than its place")
    _check_line(name)
    for line in show_text(text).split("\n"):
        _check_line(line)
    hidden = [char for char in text[: len(name)] if fault(char)]
    if hidden and "\\" not in name:
        raise _unsafe("what was taken out cannot be seen")


def _check_line(line: str) -> None:
    before = ""
    for char in line:
        if fault(char) or (is_variation_selector(char) and not before):
            raise _unsafe("a hidden or control character would reach the terminal")
        before = char
    for byte in line.encode("utf-8"):
        if byte < 0x20 or byte == 0x7F:  # noqa: PLR2004 - C0 and DEL
            raise _unsafe("a control byte would reach the terminal")


def _unsafe(fact: str) -> Malformed:
    return Malformed(fact, code="display.unsafe")
