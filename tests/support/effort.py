"""How many examples a property is tried with: a sample by default, all in the long gates."""

import os
import sys
from pathlib import Path


def examples(number: int) -> int:
    """Return the number in the long gates (``WARIFU_LONG``), a quarter of it otherwise."""
    return number if os.environ.get("WARIFU_LONG") else max(10, number // 4)


def effort(name: str, number: int) -> int:
    """Return how often a long gate tries: ``number``, or what the environment says by this name.

    The full numbers of the chain's promises take up to an hour; CI runs a part of them, and a
    release all (``WARIFU_KILLS=2000 WARIFU_MUTATIONS=1000000 make slow``).
    """
    return int(os.environ.get(name) or number)


def patience() -> float:
    """By how much a busy machine may stretch a promised time (``WARIFU_PATIENCE``)."""
    return float(os.environ.get("WARIFU_PATIENCE") or 4)


def figure(text: str) -> None:
    """Tell a measured figure: on standard output, and in the file named by ``WARIFU_FIGURES``."""
    sys.stdout.write(text + "\n")
    file = os.environ.get("WARIFU_FIGURES")
    if file:
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(text + "\n")
