"""Every clause of the specification is enforced where it can be, and proven by a test.

A clause is defined in ``specs/*.md`` by its id in brackets, at the start of a list item or in bold:
``- **[XXX-YYY-1]** ...``. Whoever adds one writes the id beside the code that enforces it and into
the test that proves it. A range, ``[XXX-YYY-1] to [XXX-YYY-4]``, says where code belongs; it proves
nothing, so in a test only single ids count.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = (
    "ssi",
    "registry_chain",
    "verifier_sdk",
    "wallet",
    "issuer",
    "postbox",
    "warifu",
    "contracts",
)
_ID: Final = r"[A-Z]{2,}(?:-[A-Z0-9]+)*-\d+"
_DEFINED: Final = re.compile(rf"(?:^[*-] |\*\*)\[({_ID})\]", re.MULTILINE)
_CITED: Final = re.compile(rf"(?<![\w-])({_ID})(?![\w-])")
_RANGE: Final = re.compile(rf"\[({_ID})\] to \[({_ID})\]")
# Clauses that no line of code can hold, each with its reason. Nothing is exempt from being proven.
NOT_IN_CODE: Final[Mapping[str, str]] = {}
# Ids of other people's documents that look like ours, and an id that a test makes up.
FOREIGN: Final = frozenset({"SHA-256", "REG-1"})


@cache
def clauses() -> dict[str, str]:
    """Every clause with the file that defines it."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "specs").glob("*.md")):
        for clause in _DEFINED.findall(path.read_text("utf-8")):
            assert clause not in found, f"{clause} is defined twice: {found[clause]}, {path.name}"
            found[clause] = path.name
    return found


def cited(folders: Iterable[str], *, ranges: bool) -> dict[str, list[str]]:
    """Every id that stands in a Python file or page template, with the files."""
    found: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in {".py", ".html", ".mjs", ".sol"} or "node_modules" in path.parts:
                continue
            text = path.read_text("utf-8")
            ids = set(_CITED.findall(text if ranges else _RANGE.sub("", text)))
            for first, last in _RANGE.findall(text) if ranges else ():
                family, _, number = first.rpartition("-")
                numbers = range(int(number), int(last.rpartition("-")[2]) + 1)
                ids |= {f"{family}-{each}" for each in numbers}
            for clause in ids:
                found[clause].append(str(path.relative_to(ROOT)))
    return found


def told(missing: Iterable[str]) -> str:
    return ", ".join(f"{clause} ({clauses()[clause]})" for clause in sorted(missing))


def test_there_are_clauses_to_speak_of():
    assert len(clauses()) > 300
    assert {"registry.md", "portal.md", "wallet.md", "trust.md"} <= set(clauses().values())


def test_every_clause_is_proven_by_a_test():
    missing = clauses().keys() - cited(["tests"], ranges=False).keys()
    assert not missing, f"no test cites (a range does not count): {told(missing)}"


def test_every_clause_is_enforced_somewhere_in_the_code():
    missing = clauses().keys() - cited(PACKAGES, ranges=True).keys() - NOT_IN_CODE.keys()
    assert not missing, f"no code cites: {told(missing)}"
    stale = NOT_IN_CODE.keys() - (clauses().keys() - cited(PACKAGES, ranges=True).keys())
    assert not stale, f"no exception is needed any more for: {sorted(stale)}"


@pytest.mark.parametrize("folders", [PACKAGES, ("tests", "benchmarks", "docs")], ids=str)
def test_no_id_is_cited_that_no_specification_has(folders: tuple[str, ...]):
    families = {clause.partition("-")[0] for clause in clauses()}
    unknown = {
        clause: files
        for clause, files in cited(folders, ranges=True).items()
        if clause.partition("-")[0] in families and clause not in clauses().keys() | FOREIGN
    }
    assert not unknown, f"no file of specs/ defines: {unknown}"


def test_specifications_refer_only_to_clauses_that_exist():
    families = {clause.partition("-")[0] for clause in clauses()}
    for path in sorted((ROOT / "specs").rglob("*.md")):
        for clause in set(_CITED.findall(path.read_text("utf-8"))) - FOREIGN:
            known = clause in clauses() or clause.partition("-")[0] not in families
            assert known, f"{path.name} refers to {clause}, which nothing defines"
