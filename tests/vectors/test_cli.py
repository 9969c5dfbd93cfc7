"""``warifu vectors KIND PATH``: every file there is, and a wrong verdict is never silent."""

import json
import re
import subprocess
import sys

import pytest

from tests.support.vectors import vectors_dir
from warifu.__main__ import main
from warifu.vectors import RUNNERS

FILES = [
    ("jcs", "jcs_rfc8785", "."),
    ("jose", "jose_attacks", "cases.json"),
    ("merkle", "merkle_rfc6962", "testdata"),
    ("sd-jwt", "sd_jwt_attacks", "cases.json"),
    ("spoof", "unicode_spoof", "cases.json"),
    ("ssrf", "ssrf", "cases.json"),
    ("status-list", "status_list_attacks", "cases.json"),
    ("status-list", "token-status-list", "status_list_vectors.json"),
    ("terminal", "terminal_escapes", "cases.json"),
    ("wycheproof", "wycheproof", "."),
]
STRICT = {"jose", "sd-jwt", "status-list"}


def run(capsys, *arguments):
    status = main(["vectors", *map(str, arguments)])
    return status, capsys.readouterr().out.splitlines()


def test_every_kind_is_run_here():
    assert {kind for kind, _, _ in FILES} == set(RUNNERS)


@pytest.mark.parametrize(("kind", "folder", "name"), FILES)
def test_the_files_pass(capsys, kind, folder, name):
    strict = ["--strict-codes"] if kind in STRICT else []
    status, lines = run(capsys, kind, *strict, vectors_dir(folder) / name)
    assert status == 0, lines
    assert re.fullmatch(r"[1-9][0-9]* passed, 0 failed", lines[-1])
    assert not [line for line in lines if line.startswith("failed")]


FLIPPED = {"accept": "reject", "reject": "accept"}


@pytest.mark.parametrize(
    ("kind", "folder"),
    [
        ("sd-jwt", "sd_jwt_attacks"),
        ("jose", "jose_attacks"),
        ("status-list", "status_list_attacks"),
    ],
)
@pytest.mark.parametrize("verdict", FLIPPED)
def test_a_wrong_verdict_is_told(capsys, tmp_path, kind, folder, verdict):
    data = json.loads((vectors_dir(folder) / "cases.json").read_text("utf-8"))
    case = next(c for c in data["cases"] if c["expect"].partition(" ")[0] == verdict)
    case["expect"] = FLIPPED[verdict]
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(data), "utf-8")
    status, lines = run(capsys, kind, file)
    assert status == 1
    assert lines[0].startswith(f"failed: {case['id']}: expected {FLIPPED[verdict]}, got {verdict}")
    assert lines[-1] == f"{len(data['cases']) - 1} passed, 1 failed"


def test_other_claims_than_the_file_says_are_no_pass(capsys, tmp_path):
    data = json.loads((vectors_dir("sd_jwt_attacks") / "cases.json").read_text("utf-8"))
    case = next(c for c in data["cases"] if c.get("claims"))
    case["claims"] = dict.fromkeys(case["claims"], "somebody else")
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(data), "utf-8")
    status, lines = run(capsys, "sd-jwt", file)
    assert (status, lines[-1]) == (1, f"{len(data['cases']) - 1} passed, 1 failed")
    assert lines[0].startswith(f"failed: {case['id']}: expected accept, got crash")


def test_another_code_is_told_and_counts_when_asked(capsys, tmp_path):
    data = json.loads((vectors_dir("sd_jwt_attacks") / "cases.json").read_text("utf-8"))
    case = next(c for c in data["cases"] if c.get("error"))
    case["error"] = "sdjwt.something_else"
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(data), "utf-8")
    assert run(capsys, "sd-jwt", file)[0] == 0
    status, lines = run(capsys, "sd-jwt", "--strict-codes", file)
    assert status == 1
    assert "(expected sdjwt.something_else)" in lines[0]


def test_a_file_that_is_not_there_is_said(capsys, tmp_path):
    assert run(capsys, "jose", tmp_path / "none.json")[0] == 3


def test_it_is_a_program():
    file = vectors_dir("sd_jwt_attacks") / "cases.json"
    command = [sys.executable, "-m", "warifu", "vectors", "sd-jwt", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("passed, 0 failed\n")
