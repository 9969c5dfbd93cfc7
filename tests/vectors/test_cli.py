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


# --- files nobody has seen ---


@pytest.mark.parametrize("kind", sorted(RUNNERS))
@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 1),
        ("{", 1),
        ("[]", None),
        ("{}", None),
        ('{"cases": []}', None),
        ('{"cases": [{}]}', None),
        ('{"cases": [1, null, "x"]}', None),
        ('{"testGroups": [{"type": "EcdsaP1363Verify", "tests": [{"tcId": 1}]}]}', None),
        ("null", None),
        ("[[1]]", None),
    ],
)
def test_a_file_of_nothing_passes_nothing(capsys, tmp_path, kind, text, status):
    file = tmp_path / "input" / "a.data"
    file.parent.mkdir()
    file.write_text(text, "utf-8")
    got, lines = run(capsys, kind, file)
    assert got in ({status} if status else {0, 1, 3})
    assert lines[-1].startswith("0 passed, ")


@pytest.mark.parametrize("kind", sorted(RUNNERS))
def test_an_empty_folder_and_a_picture_pass_nothing(capsys, tmp_path, kind):
    assert run(capsys, kind, tmp_path)[0] in {1, 3}
    (tmp_path / "cases.json").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    status, lines = run(capsys, kind, tmp_path / "cases.json")
    assert (status, lines[-1]) == (1, "0 passed, 1 failed")


@pytest.mark.parametrize(("kind", "folder"), [(k, f) for k, f, name in FILES if "cases" in name])
def test_order_and_name_of_a_file_do_not_matter(capsys, tmp_path, kind, folder):
    source = vectors_dir(folder) / "cases.json"
    data = json.loads(source.read_text("utf-8"))
    for value in data.values():
        if isinstance(value, list):
            value.reverse()
    file = tmp_path / "turned round.vectors"
    file.write_text(json.dumps(data, indent=1), "utf-8")
    assert run(capsys, kind, file)[1][-1] == run(capsys, kind, source)[1][-1]


def test_what_comes_after_a_broken_case_is_not_counted(capsys, tmp_path):
    data = json.loads((vectors_dir("jose_attacks") / "cases.json").read_text("utf-8"))
    data["cases"].insert(2, {"id": "no verdict"})
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(data), "utf-8")
    status, lines = run(capsys, "jose", file)
    assert (status, lines[-1]) == (1, "2 passed, 1 failed")
    assert "the rest of the file was not run" in lines[0]


@pytest.mark.parametrize("verdict", ["maybe", "", "ACCEPT", "pass"])
def test_a_verdict_we_do_not_know_is_no_pass(capsys, tmp_path, verdict):
    for kind, folder in (("jose", "jose_attacks"), ("status-list", "status_list_attacks")):
        data = json.loads((vectors_dir(folder) / "cases.json").read_text("utf-8"))
        for case in data["cases"]:
            case["expect"] = verdict
        file = tmp_path / "cases.json"
        file.write_text(json.dumps(data), "utf-8")
        assert run(capsys, kind, file)[1][-1] == f"0 passed, {len(data['cases'])} failed"


def test_every_wrong_verdict_of_wycheproof_is_told_or_not_counted(capsys, tmp_path):
    turned = {"valid": "invalid", "invalid": "valid", "acceptable": "acceptable"}
    for source in sorted(vectors_dir("wycheproof").glob("*_test.json")):
        if source.name.startswith("json_web"):
            continue  # the product refuses other algorithms whatever the file says of them
        data = json.loads(source.read_text("utf-8"))
        lenient = 0
        for group in data["testGroups"]:
            for case in group["tests"]:
                lenient += case["result"] == "acceptable"
                case["result"] = turned[case["result"]]
        file = tmp_path / "turned.json"
        file.write_text(json.dumps(data), "utf-8")
        passed = int(run(capsys, "wycheproof", file)[1][-1].partition(" ")[0])
        assert passed <= lenient, source.name


def test_a_list_we_do_not_know_is_not_counted(capsys, tmp_path):
    file = tmp_path / "ssrf.json"
    file.write_text(json.dumps({"url_allow": ["https://a.example/"], "note": "x"}), "utf-8")
    _, lines = run(capsys, "ssrf", file)
    assert lines == ["unsupported: a list named url_allow: 1 cases not run", "0 passed, 0 failed"]
