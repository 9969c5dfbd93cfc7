"""Misleading names: each case through the wallet's check of a party's display name.

The file's ``why`` is its verdict: a text with ACCEPT must pass without a warning, "warn only" must
pass with one, everything else must be refused. "show registrable domain only" is refused as well:
the wallet never shows a web address as a name; the registered number stands beside every name.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ssi.errors import Malformed
from wallet.display import check_name, show_name
from warifu.vectors.case import ACCEPT, REJECT, CaseResult, judge


def run(path: Path) -> Iterator[CaseResult]:
    """Judge every case of the file, or of ``cases.json`` in a folder."""
    file = path / "cases.json" if path.is_dir() else path
    for case in json.loads(file.read_text("utf-8"))["cases"]:
        why = str(case["why"])
        accepted = "ACCEPT" in why or "warn only" in why
        yield judge(
            str(case["id"]),
            ACCEPT if accepted else REJECT,
            partial(_judge, case["name"], warns="warn only" in why),
        )


def _judge(name: str, *, warns: bool) -> None:
    verdict = check_name(name)
    if warns and not verdict.warnings:
        raise Malformed("no warning was given", code="display.no_warning")
    if show_name(name) != name:
        raise Malformed("an accepted name is shown as another", code="display.changed")
