"""The units for systemd: real words of our command, and nothing systemd does not know."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from warifu.__main__ import COMMANDS

UNITS = sorted((Path(__file__).parents[2] / "deploy" / "systemd").glob("*.service"))
NAMES = {"warifu-chain@.service", "warifu-issuer.service", "warifu-mailbox.service"}


def test_each_program_that_serves_has_a_unit():
    assert {unit.name for unit in UNITS} == NAMES


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_of_ours_as_nobody_else(unit: Path):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit, "utf-8")
    service = dict(parser["Service"])
    program, command, *_ = service["ExecStart"].split()
    assert program == "/opt/warifu/bin/warifu"
    assert command in {one.name for one in COMMANDS}
    assert (service["User"], service["NoNewPrivileges"]) == ("warifu", "yes")
    assert service["UMask"] == "0077"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_reads_it(unit: Path, tmp_path: Path):
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("WARIFU_NO_SKIP"):
            pytest.fail("systemd-analyze is missing (Debian: systemd)")
        pytest.skip("systemd-analyze is not here (Debian: systemd)")
    text = unit.read_text("utf-8").replace("/opt/warifu/bin/warifu", "/bin/true")
    copy = tmp_path / unit.name.replace("@", "@node-1")
    copy.write_text(text.replace("%i", "node-1"), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert complaints == []
