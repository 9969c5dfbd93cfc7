"""Build CometBFT with a clock an hour ahead, and one an hour behind, for ``test_faults.py``.

A Go program reads the time from the kernel without the C library, so no preloaded library can shift
it, and a time namespace does not cover the real-time clock. So one line of its source is changed
before it is built: that of ``Now`` in ``types/time/time.go``. ``make cometbft-shifted`` calls this.

    python tests/network/shifted.py VERSION FOLDER
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE = "github.com/cometbft/cometbft"
NOW = "return Canonical(time.Now())"
SHIFTS = {"ahead": "time.Hour", "behind": "-time.Hour"}


def source_of(version: str) -> Path:
    """The folder into which Go downloads the module."""
    command = ["go", "mod", "download", "-json", f"{MODULE}@{version}"]
    told = subprocess.run(command, check=True, capture_output=True)
    return Path(json.loads(told.stdout)["Dir"])


def build(version: str, shift: str, target: Path) -> None:
    """Build one whose clock is shifted by a Go expression, from a copy of its source."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "source"
        shutil.copytree(source_of(version), source, copy_function=shutil.copyfile)
        subprocess.run(["chmod", "-R", "u+w", str(source)], check=True)
        clock = source / "types" / "time" / "time.go"
        text = clock.read_text("utf-8")
        if text.count(NOW) != 1:
            raise SystemExit(f"CometBFT {version} reads its clock in another way")
        clock.write_text(text.replace(NOW, f"return Canonical(time.Now().Add({shift}))"), "utf-8")
        command = ["go", "build", "-trimpath", "-o", str(target), "./cmd/cometbft"]
        subprocess.run(command, check=True, cwd=source)


def main(version: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, shift in SHIFTS.items():
        target = folder.absolute() / f"cometbft-{name}"
        if not target.exists():
            build(version, shift, target)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
