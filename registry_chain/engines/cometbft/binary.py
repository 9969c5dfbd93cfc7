"""The CometBFT program: where it is, and whether it is one we run [REG-NET-7].

The version is read from the module data that Go writes into every program, not from what the
program says: v0.40.0 calls itself 0.39.0 when it was installed by ``go install``.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ssi.errors import Unavailable

PINNED: Final = "v0.38.25"
FLOOR: Final = (0, 38, 21)  # below it CSA-2026-001 lets a minority shift the chain's time
LINES: Final = ((0, 38), (0, 39), (0, 40))  # v1 and v2 are abandoned and never got the fix
ENVIRONMENT: Final = "WARIFU_COMETBFT"
_MODULE: Final = re.compile(rb"mod\tgithub\.com/cometbft/cometbft\tv(\d+)\.(\d+)\.(\d+)[\t\n]")
_TOLD: Final = re.compile(rb"v?(\d+)\.(\d+)\.(\d+)(?:\+[0-9a-f]+)?")
_READ: Final = 4 * 1024 * 1024
_OVERLAP: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """A CometBFT program of a version that we run."""

    path: Path
    version: tuple[int, int, int]

    @property
    def text(self) -> str:
        """The version as people write it."""
        return "v" + ".".join(str(part) for part in self.version)


def find_binary(environment: dict[str, str] | None = None) -> Binary:
    """Find CometBFT: the one named by ``WARIFU_COMETBFT``, ours in ``.tools/bin``, or on the path.

    Raises:
        Unavailable: ``cometbft.missing``, ``cometbft.version``.
    """
    given = dict(os.environ) if environment is None else environment
    named = given.get(ENVIRONMENT)
    if named:
        return check_binary(Path(named))
    places = [
        Path.cwd() / ".tools" / "bin" / "cometbft",
        Path(__file__).resolve().parents[3] / ".tools" / "bin" / "cometbft",
    ]
    on_path = shutil.which("cometbft", path=given.get("PATH"))
    places += [Path(on_path)] if on_path else []
    for place in places:
        if place.is_file():
            return check_binary(place)
    raise Unavailable("CometBFT is not installed", code="cometbft.missing")


def check_binary(path: Path) -> Binary:
    """Return the program if it is one we run.

    Raises:
        Unavailable: ``cometbft.missing``, ``cometbft.version``.
    """
    if not path.is_file() or not os.access(path, os.X_OK):
        raise Unavailable("CometBFT is not where it was said to be", code="cometbft.missing")
    version = built_from(path) or told_by(path)
    if version is None or version[:2] not in LINES or version < FLOOR:
        raise Unavailable("this CometBFT is not of a version we run", code="cometbft.version")
    return Binary(path=path, version=version)


def told_by(path: Path) -> tuple[int, int, int] | None:
    """What the program says of itself: for the project's own releases, built from no module."""
    try:
        done = subprocess.run(  # noqa: S603 - the program the operator chose to run
            [str(path), "version"], capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _TOLD.fullmatch(done.stdout[:100].strip())
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def built_from(path: Path) -> tuple[int, int, int] | None:
    """The module version that Go built a program from; ``None`` when it says none."""
    with path.open("rb") as file:
        rest = b""
        while block := file.read(_READ):
            match = _MODULE.search(rest + block)
            if match:
                return int(match[1]), int(match[2]), int(match[3])
            rest = block[-_OVERLAP:]
    return None
