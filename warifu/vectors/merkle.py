"""RFC 6962 probes: inclusion, consistency and subtree proofs, good and damaged."""

import json
from base64 import b64decode
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ssi.merkle import check_subtree, verify_consistency, verify_inclusion, verify_subtree
from warifu.vectors.case import ACCEPT, REJECT, CaseResult, judge, unsupported


def run(path: Path) -> Iterator[CaseResult]:
    """Judge one probe file, or every probe below a folder."""
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    for file in files:
        loaded = json.loads(file.read_text("utf-8"))
        name = str(file.relative_to(path)) if path.is_dir() else file.name
        probes = loaded if isinstance(loaded, list) else [loaded]
        for number, probe in enumerate(probes):
            case_id = name if len(probes) == 1 else f"{name}#{number}"
            yield _judge(case_id, probe)


def _judge(case_id: str, probe: dict[str, Any]) -> CaseResult:
    expected = REJECT if probe["wantErr"] else ACCEPT
    for members, check in _KINDS:
        if members <= probe.keys():
            return judge(case_id, expected, partial(check, probe))
    return unsupported(case_id, expected, "a probe of an unknown kind")


def _inclusion(probe: dict[str, Any]) -> None:
    _include(probe, index=probe["leafIdx"], size=probe["treeSize"])


def _subtree_inclusion(probe: dict[str, Any]) -> None:
    start, end = probe["start"], probe["end"]
    check_subtree(start, end)
    _include(probe, index=probe["leafIdx"] - start, size=end - start)


def _include(probe: dict[str, Any], *, index: int, size: int) -> None:
    verify_inclusion(
        root=_bytes(probe["root"]),
        leaf_hash=_bytes(probe["leafHash"]),
        index=index,
        size=size,
        path=_path(probe),
    )


def _consistency(probe: dict[str, Any]) -> None:
    verify_consistency(
        old_root=_bytes(probe["root1"]),
        old_size=probe["size1"],
        root=_bytes(probe["root2"]),
        size=probe["size2"],
        path=_path(probe),
    )


def _subtree_consistency(probe: dict[str, Any]) -> None:
    verify_subtree(
        subtree_root=_bytes(probe["root1"]),
        start=probe["start"],
        end=probe["end"],
        root=_bytes(probe["root2"]),
        size=probe["size"],
        path=_path(probe),
    )


_KINDS = (
    ({"leafIdx", "treeSize"}, _inclusion),
    ({"size1", "size2"}, _consistency),
    ({"leafIdx", "start", "end"}, _subtree_inclusion),
    ({"start", "end", "size"}, _subtree_consistency),
)


def _bytes(text: str | None) -> bytes:
    return b64decode(text, validate=True) if text else b""


def _path(probe: dict[str, Any]) -> list[bytes]:
    return [_bytes(item) for item in probe["proof"] or []]
