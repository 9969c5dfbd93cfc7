"""Where the third-party vectors are: ``WARIFU_VECTORS``, or beside the repository."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "vectors"


def vectors_dir(name: str) -> Path:
    """Return the folder of one source, or skip the test with one clear line."""
    root = Path(os.environ.get("WARIFU_VECTORS", _BESIDE))
    folder = root / name
    if not folder.is_dir():
        pytest.skip(f"no vectors here: {name} (set WARIFU_VECTORS)", allow_module_level=True)
    return folder


def given(name: str) -> bool:
    """Tell whether a set of vectors is there at all."""
    return (Path(os.environ.get("WARIFU_VECTORS", _BESIDE)) / name).is_dir()
