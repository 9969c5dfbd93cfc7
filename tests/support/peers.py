"""The npm peer behind a pipe; `make peers` installs it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

PEERS = Path(__file__).parent.parent / "peers"


class PeerError(Exception):
    """The peer refused or failed; its own words."""


class SdJwtVcPeer:
    """npm @sd-jwt/sd-jwt-vc in a Node process; use as a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", "sdjwt.mjs"],
            cwd=PEERS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def ask(self, op: str, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"op": op, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"ok": False, "error": "the peer ended"}
        if not answer.pop("ok"):
            raise PeerError(answer["error"])
        return answer


def require_peer() -> None:
    """Skip with one clear line when Node or the peer is not installed."""
    if shutil.which("node") is None or not (PEERS / "node_modules" / "@sd-jwt").is_dir():
        pytest.skip("needs Node.js and `make peers`")
