"""A node that does one thing wrong: ``python -m tests.support.faulty_node FAULT chain node ...``.

The product has no such switch; this program changes its own copy of the node before it runs it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from registry_chain import config
from registry_chain.engines.cometbft import adapter as adapters
from registry_chain.engines.cometbft import snapshots
from registry_chain.engines.cometbft.adapter import Adapter
from warifu.__main__ import main

DONE = "fault.done"
STEPS = (
    "before-finalize",
    "after-finalize",
    "before-commit",
    "inside-commit",
    "after-commit",
)


def die_at(step: str, home: Path) -> None:
    """End this process at a step of the first block with transactions, once for ever."""
    finalize, commit, write = Adapter._finalize_block, Adapter._commit, adapters._write
    block: list[bytes] = []

    def die(moment: str) -> None:
        if block and moment == step and not (home / DONE).exists():
            (home / DONE).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def finalized(self: Adapter, request: Any) -> Any:
        block[:] = request.txs
        die("before-finalize")
        answer = finalize(self, request)
        die("after-finalize")
        return answer

    def committed(self: Adapter, request: Any) -> Any:
        die("before-commit")
        answer = commit(self, request)
        die("after-commit")
        return answer

    def written(*args: Any) -> None:
        write(*args)
        die("inside-commit")

    adapters._ANSWERS["finalize_block"] = finalized
    adapters._ANSWERS["commit"] = committed
    adapters._write = written


def lie_about_root() -> None:
    """Tell CometBFT another root than the state's."""
    honest = Adapter._finalize_block

    def lying(self: Adapter, request: Any) -> Any:
        answer = honest(self, request)
        answer.app_hash = bytes(byte ^ 0xFF for byte in answer.app_hash)
        return answer

    adapters._ANSWERS["finalize_block"] = lying


def lie_in_chunks() -> None:
    """Serve snapshots whose bytes are not the announced ones."""
    honest = snapshots.Snapshots.chunk

    def lying(self: snapshots.Snapshots, height: int, form: int, index: int) -> bytes:
        chunk = honest(self, height, form, index)
        sys.stderr.write(f"served a poisoned chunk {index} of {height}\n")
        return chunk[:-1] + bytes([chunk[-1] ^ 1]) if chunk else chunk

    snapshots.Snapshots.chunk = lying  # type: ignore[method-assign]


def shift_clock(seconds: int) -> None:
    """Let the application believe in another time."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=seconds)

    config.datetime = Shifted  # type: ignore[attr-defined]


def arm(fault: str, home: Path) -> None:
    """Do the one thing wrong; ``small-chunks`` is no fault but lets snapshots have many."""
    for part in fault.split("+"):
        name, _, detail = part.partition(":")
        faults: dict[str, Callable[[], None]] = {
            "die": lambda detail=detail: die_at(detail, home),
            "lie-root": lie_about_root,
            "lie-chunks": lie_in_chunks,
            "clock": lambda detail=detail: shift_clock(int(detail)),
            "small-chunks": lambda: setattr(snapshots, "CHUNK", 300),
        }
        faults[name]()


if __name__ == "__main__":
    arguments = sys.argv[2:]
    arm(sys.argv[1], Path(arguments[arguments.index("--home") + 1]))
    sys.exit(main(arguments))
