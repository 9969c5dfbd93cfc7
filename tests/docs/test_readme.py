"""What the front page says is true: links, commands, targets, and the example runs."""

from __future__ import annotations

import doctest
import importlib.util
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry_chain.cli_network import Ports
from warifu.__main__ import COMMANDS
from warifu.demo import cast
from warifu.demo.consortium import found_chain
from warifu.demo.network import Network, new_firm
from warifu.demo.processes import Program
from warifu.new_firm import set_up

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    "README.md",
    "README.ja.md",
    "docs/firm.md",
    "docs/evidence.md",
    "docs/anchoring.md",
    "docs/chain.md",
    "docs/evidence.md",
    "docs/governance.md",
    "docs/operations.md",
    "SECURITY.md",
    "specs/adr/README.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    text = (ROOT / page).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), target


@pytest.mark.parametrize("page", ["README.md", "README.ja.md"])
def test_every_target_and_command_exists(page):
    text = (ROOT / page).read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", text)) <= targets
    known = {command.name for command in COMMANDS}
    assert set(re.findall(r"`warifu ([a-z]+)", text)) <= known


def test_the_example_is_a_program(tmp_path, monkeypatch):
    firm = cast.FIRMS[1]
    now = datetime.now(UTC)
    found_chain(tmp_path / "chain", ports=[Ports(http=1, p2p=2, rpc=3)], members={}, now=now)
    network = Network(home=tmp_path)
    for name in ("chain", "mailbox", firm.id):
        network.programs[name] = Program(
            name=name, arguments=(), url="http://127.0.0.1:1", log=tmp_path / "log"
        )
    folder = tmp_path / firm.id
    set_up(folder, new_firm(network, firm), now=now)
    monkeypatch.setenv("WARIFU_VERIFIER_CONFIG", str(folder / "verifier.toml"))
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code is not None
    page = tmp_path / "shop.py"
    page.write_text(code[1], "utf-8")

    spec = importlib.util.spec_from_file_location("shop", page)
    assert spec is not None
    shop = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "shop", shop)
    spec.loader.exec_module(shop)

    shop.stop()
    answer = shop.app.test_client().post("/rent")
    assert answer.status_code == 302
    assert "/kyc/p/" in answer.headers["Location"]


MODULES = ["ssi.credential", "ssi.status_list", "warifu.demo.canary", "warifu.demo.persona",
           "warifu.doctor"]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_code_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
