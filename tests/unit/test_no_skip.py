"""Where nothing may be missing (``WARIFU_NO_SKIP``), an absent component is an error, no skip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # each starts a pytest of its own
ROOT = Path(__file__).resolve().parents[2]
SKIPS = {
    "a test": "import pytest\n\ndef test_it():\n    pytest.skip('not here')\n",
    "a file": "import pytest\npytest.skip('not here', allow_module_level=True)\n",
    "a fixture": "import pytest\n\n@pytest.fixture\ndef f():\n    pytest.skip('x')\n\n"
    "def test_it(f):\n    pass\n",
    "an import": "import pytest\npytest.importorskip('nothing_by_this_name')\n",
}


def outcome(folder: Path, text: str, *more: str, no_skip: bool) -> int:
    (folder / "test_one.py").write_text(text)
    (folder / "test_two.py").write_text("def test_good():\n    pass\n")
    environment = {name: value for name, value in os.environ.items() if name != "WARIFU_NO_SKIP"}
    if no_skip:
        environment["WARIFU_NO_SKIP"] = "1"
    words = ["-q", "-p", "tests.conftest", "-c", os.devnull, "--rootdir", str(folder), *more]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words, str(folder)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
    ).returncode


@pytest.mark.parametrize("what", SKIPS)
def test_a_skip_fails_where_nothing_may_be_missing(tmp_path: Path, what: str) -> None:
    assert outcome(tmp_path, SKIPS[what], no_skip=True) == pytest.ExitCode.TESTS_FAILED
    assert outcome(tmp_path, SKIPS[what], no_skip=False) == pytest.ExitCode.OK


def test_it_holds_in_several_processes_too(tmp_path: Path) -> None:
    for what in ("a test", "a file"):
        code = outcome(tmp_path, SKIPS[what], "-n", "2", no_skip=True)
        assert code == pytest.ExitCode.TESTS_FAILED
