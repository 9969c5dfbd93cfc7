"""Run test vectors, ours or a stranger's, through the product's own code.

`RUNNERS` is the registry: a kind, and the module whose ``run(path)`` yields one `CaseResult` per
case. Runners are imported when asked for, so that a kind costs nothing to those who do not use it.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path

from warifu.vectors.case import CaseResult, Outcome

__all__ = ["RUNNERS", "CaseResult", "Outcome", "run_file"]

RUNNERS: dict[str, str] = {
    "jcs": "warifu.vectors.jcs",
    "jose": "warifu.vectors.jose",
    "merkle": "warifu.vectors.merkle",
    "sd-jwt": "warifu.vectors.sd_jwt",
    "spoof": "warifu.vectors.spoof",
    "ssrf": "warifu.vectors.ssrf",
    "status-list": "warifu.vectors.status_list",
    "terminal": "warifu.vectors.terminal",
    "wycheproof": "warifu.vectors.wycheproof",
}


def run_file(kind: str, path: Path) -> Iterator[CaseResult]:
    """Run every case of a file or folder.

    Args:
        kind: A key of `RUNNERS`.
        path: The file, or a folder of files where the kind takes one.

    Yields:
        The results, in the order of the file. What cannot be read as a case of this kind is a
        failure and ends the file: nothing after it was judged.

    Raises:
        KeyError: There is no such kind.
    """
    runner = importlib.import_module(RUNNERS[kind])
    number = 0
    try:
        for number, result in enumerate(runner.run(path), start=1):  # noqa: B007 - told below
            yield result
    except Exception as error:  # noqa: BLE001 - a stranger's file may be anything
        yield CaseResult(
            id=f"{path.name}, after {number} cases",
            expected=f"a case of the kind {kind}",
            got="crash",
            detail=f"{type(error).__name__}; the rest of the file was not run",
        )
