"""A real EVM chain on this machine: npm @foundry-rs/anvil as a process.

`make peers` installs it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PEERS = Path(__file__).parent.parent / "peers"
CHAIN_ID = 31337


def require_anvil() -> Path:
    """The program, or a skip that says what is missing."""
    found = sorted(PEERS.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"))
    if not found:
        pytest.skip("needs `make peers`")
    return found[0]


@contextmanager
def anvil(*words: str) -> Iterator[str]:
    """Run a chain on a free port and give its address."""
    process = subprocess.Popen(
        [require_anvil(), "--host", "127.0.0.1", "--port", "0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"Listening on (127\.0\.0\.1:\d+)", line):
                yield f"http://{found[1]}"
                return
        raise AssertionError("anvil did not start")
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
