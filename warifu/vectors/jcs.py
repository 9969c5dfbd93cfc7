"""RFC 8785: each file of an ``input`` folder must become its namesake in ``output``."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ssi.encoding import JsonLimits, canonical_json, parse_json
from ssi.errors import Malformed
from warifu.vectors.case import ACCEPT, CaseResult, judge

_LIMITS = JsonLimits(max_bytes=1 << 24, max_depth=64, max_members=1 << 20, max_string=1 << 24)


def run(path: Path) -> Iterator[CaseResult]:
    """Judge one input file, an input folder, or the folder that holds it."""
    folder = path / "input" if (path / "input").is_dir() else path
    files = sorted(folder.glob("*.json")) if folder.is_dir() else [folder]
    for file in files:
        yield judge(file.name, ACCEPT, partial(_compare, file))


def _compare(file: Path) -> None:
    expected = (file.parent.parent / "output" / file.name).read_bytes()
    value = parse_json(file.read_bytes(), limits=_LIMITS, floats=True)
    if canonical_json(value) != expected:
        raise Malformed("the canonical text differs from the expected one", code="json.canonical")
