"""Hostile status lists: bombs, odd widths, wrong containers, cut and lengthened streams."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ssi.status_list import decode_status_list
from warifu.vectors.case import ACCEPT, CaseResult, judge


class _OtherStatus(Exception):
    """Accepted, but an entry has another status than the file says: never a pass."""


def run(path: Path) -> Iterator[CaseResult]:
    """Judge every list of the file."""
    data = json.loads(path.read_text("utf-8"))
    cases = data["cases"] if isinstance(data, dict) and "cases" in data else data
    for number, case in enumerate(cases):
        expected, _, code = str(case.get("expect", ACCEPT)).partition(" ")
        yield judge(
            str(case.get("id", f"{path.stem}#{number}")),
            expected,
            partial(_read, case),
            code=code or None,
        )


def _read(case: dict[str, Any]) -> None:
    """Unpack the list and read the entries the case names, the first one always."""
    member = case.get("status_list") or {"bits": case["bits"], "lst": case["lst"]}
    status_list = decode_status_list(member)
    status_list.get(case.get("index", case.get("idx", 0)))
    if len(status_list) != case.get("entries", len(status_list)):
        raise _OtherStatus("size")
    for index, status in (case.get("statuses") or case.get("expected") or {}).items():
        if status_list.get(int(index)) != status:
            raise _OtherStatus(index)
