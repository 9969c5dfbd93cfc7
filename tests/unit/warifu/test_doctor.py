"""The doctor: something is broken in every way we could think of, and it says what and how to mend.

Each finding is in Japanese and English; nothing secret is printed.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pytest

from tests.support.chain import Chain, running
from tests.support.registry import make_genesis
from warifu import doctor, doctor_network
from warifu.__main__ import main
from warifu.demo.network import build
from warifu.doctor import Finding, Level


def bad(findings: Iterator[Finding] | list[Finding]) -> dict[str, Finding]:
    return {one.topic: one for one in findings if one.level is Level.BAD}


def says(finding: Finding, *words: str) -> None:
    """It says what and how in both languages."""
    for lang in ("en", "ja"):
        lines = finding.lines(lang)
        assert len(lines) == 2, lines
        assert "->" in lines[1]
    assert finding.ja != finding.en
    for word in words:
        assert word in " ".join(finding.lines("en")), finding


# --- an installation ---


@pytest.mark.parametrize("name", ["cryptography", "pynacl", "urllib3"])
def test_a_missing_library_is_bad(monkeypatch, name):
    real = metadata.version

    def version(wanted):
        if wanted == name:
            raise metadata.PackageNotFoundError(name)
        return real(wanted)

    monkeypatch.setattr(metadata, "version", version)
    found = bad(doctor.check_packages())
    assert list(found) == [name]
    assert "pip install" in found[name].mend_en


@pytest.mark.parametrize(
    ("name", "old"), [("cryptography", "42.0.1"), ("pillow", "9.5.0"), ("werkzeug", "2.0")]
)
def test_a_version_with_known_holes_is_bad(monkeypatch, name, old):
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda n: old if n == name else real(n))
    says(bad(doctor.check_packages())[name], old, "make setup")


def test_an_optional_part_that_is_missing_is_a_note(monkeypatch):
    real = metadata.version

    def version(wanted):
        if wanted == "textual":
            raise metadata.PackageNotFoundError(wanted)
        return real(wanted)

    monkeypatch.setattr(metadata, "version", version)
    assert bad(doctor.check_packages()) == {}
    notes = [one for one in doctor.check_packages() if one.level is Level.ADVICE]
    assert "warifu[wallet]" in notes[0].mend_en


def test_an_old_python_is_bad(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 12))
    says(bad(doctor.check_python())["Python"], "3.11")


def test_no_encrypting_database_is_a_note(monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda _name: None)
    (note,) = doctor.check_vault_engine()
    assert note.level is Level.ADVICE
    says(note, "wallet")


def test_a_full_disk_is_bad(monkeypatch):
    usage = namedtuple("usage", "total used free")(10**12, 10**12, 5 * 1024 * 1024)  # noqa: PYI024
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    says(bad(doctor.check_machine())["disk"], "5 MiB")


def test_a_narrow_terminal_and_another_encoding_are_notes(monkeypatch):
    class Latin:
        encoding = "latin-1"

    monkeypatch.setattr(sys, "stdout", Latin())
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((30, 20)))
    notes = [one for one in doctor.check_machine() if one.level is Level.ADVICE]
    assert len(notes) == 2
    for note in notes:
        says(note)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o666])
def test_a_secret_others_can_read_is_bad(tmp_path, mode):
    key = tmp_path / "a.key"
    key.write_text("x")
    key.chmod(mode)
    says(Finding(**{**_fields(next(doctor.check_private_file(key))), "ja": "ja"}), "chmod 600")


def _fields(finding: Finding) -> dict[str, object]:
    return {name: getattr(finding, name) for name in Finding.__slots__}


@pytest.mark.parametrize("version", ["0.34.24", "0.38.12", "1.0.1"])
def test_an_old_or_abandoned_cometbft_is_bad(monkeypatch, tmp_path, version):
    program = tmp_path / "cometbft"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    monkeypatch.setenv("WARIFU_COMETBFT", str(program))
    says(bad(doctor.check_cometbft())["CometBFT"], "make cometbft")


def test_a_cometbft_that_is_not_there_is_a_note(monkeypatch, tmp_path):
    monkeypatch.setenv("WARIFU_COMETBFT", str(tmp_path / "none"))
    (note,) = doctor.check_cometbft()
    assert note.level is Level.ADVICE
    says(note, "one validator")


# --- a network ---


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory) -> Path:
    """A network's folder as `warifu demo` lays it out; nothing runs."""
    home = tmp_path_factory.mktemp("laid") / "network"
    network = build(home)
    (home / "network.json").write_text(json.dumps(network.describe()))
    return home


@pytest.fixture
def home(laid_out, tmp_path) -> Path:
    copy = tmp_path / "network"
    shutil.copytree(laid_out, copy)
    described = json.loads((copy / "network.json").read_text())
    described["genesis"] = str(copy / "chain" / "genesis.json")
    (copy / "network.json").write_text(json.dumps(described))
    return copy


def files_of(home: Path) -> dict[str, Finding]:
    from warifu.doctor_files import check_files

    return bad(check_files(home))


def test_a_folder_in_order_has_no_finding(home):
    assert files_of(home) == {}


@pytest.mark.parametrize("broken", [None, "{", "[]", '{"programs": 1}', '{"programs": {}}'])
def test_a_folder_that_is_no_network_is_said(tmp_path, broken):
    if broken is not None:
        (tmp_path / "network.json").write_text(broken)
    (finding,) = doctor_network.check_network(tmp_path)
    says(finding, "demo --keep")


def test_programs_that_are_dead_are_named_with_their_logs(home):
    found = bad(doctor_network.check_network(home))
    assert {"chain", "issuer", "mailbox", "hayase-pay"} <= set(found)
    says(found["issuer"], "not running", "issuer.log")
    assert "cannot be verified" in found["chain"].en or "not running" in found["chain"].en


def test_a_stranger_on_the_port_is_told_from_a_dead_program(home):
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        url = f"http://127.0.0.1:{stranger.getsockname()[1]}"
        threading.Thread(target=_hang_up, args=(stranger,), daemon=True).start()
        (finding,) = doctor_network._answers("issuer", url, home)
    says(finding, "another program", "ss -ltnp")


def _hang_up(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("issuer/issuer.toml", "port = [[["),
        ("issuer/issuer.toml", 'colour = "blue"\n'),
        ("mailbox/mailbox.toml", ""),
        ("chain/node.toml", "port = 99999999\n"),
    ],
)
def test_settings_that_cannot_be_read_are_named(home, name, text):
    (home / name).write_text(text)
    says(files_of(home)[name], "before")


def test_settings_that_are_gone_are_named(home):
    (home / "chain" / "node.toml").unlink()
    says(files_of(home)["chain/node.toml"])


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(150, 193)), b"A" * 44])
def test_a_damaged_key_is_named_and_not_shown(home, content):
    key = home / "issuer" / "credential.key"
    key = key if key.exists() else min(home.rglob("*.key"))
    key.write_bytes(content)
    finding = files_of(home)[f"{key.parent.name}/{key.name}"]
    says(finding, "put a copy back")
    if len(content) > 20:
        assert content.decode("latin-1") not in str(finding)


def test_a_key_others_can_read_is_named(home):
    key = min(home.rglob("*.key"))
    key.chmod(0o644)
    assert "chmod 600" in files_of(home)[key.name].mend_en


@pytest.mark.parametrize("damage", [b"not a database at all" * 50, None])
def test_a_damaged_database_is_named(home, damage):
    path = home / "firms" / "some-firm"
    path.mkdir(parents=True)
    shutil.copy(min(home.rglob("*.toml")), path / "verifier.toml")
    database = path / "customers.db"
    if damage is not None:
        database.write_bytes(damage)
    else:
        with closing(sqlite3.connect(database)) as made, made:
            made.execute("CREATE TABLE t (a TEXT)")
            made.executemany("INSERT INTO t VALUES (?)", [("x" * 500,) for _ in range(500)])
        raw = bytearray(database.read_bytes())
        raw[8192:16384] = os.urandom(8192)
        database.write_bytes(raw)
    says(files_of(home)["some-firm/customers.db"], "put a copy back")


def test_mail_that_waits_for_hours_is_told(home):
    folder = home / "firms" / "some-firm"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "verifier.db")) as made, made:
        made.execute("CREATE TABLE outbox (state TEXT, tries INTEGER, deadline INTEGER)")
        old = int(time.time()) + 30 * 86400 - 7200
        made.executemany("INSERT INTO outbox VALUES ('queued', 3, ?)", [(old,), (old + 5,)])
    finding = files_of(home)["some-firm/verifier.db"]
    says(finding, "2 messages")


# --- the chain ---


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> Iterator[Chain]:
    with running(tmp_path_factory.mktemp("chain") / "c.db") as made:
        made.settle()
        yield made


def seen(chain: Chain, genesis=None) -> dict[str, Finding]:
    return bad(doctor_network._chain(chain.url, genesis or chain.genesis))


def test_another_genesis_than_the_chains_is_bad(chain):
    chain.clock.now = max(chain.clock.now, datetime.now(UTC))
    other = make_genesis(chain_id="warifu-other")
    says(seen(chain, other)["chain"], "cannot be verified")


def test_a_chain_that_makes_no_blocks_is_stale(chain):
    finding = seen(chain)  # its newest block is of another year
    assert finding
    for one in finding.values():
        says(one)


def test_a_clock_that_is_wrong_is_told(chain, monkeypatch):
    class Ahead(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(hours=3)

    monkeypatch.setattr(doctor_network, "datetime", Ahead)
    found = seen(chain)
    assert found
    for one in found.values():
        says(one)


# --- the command ---


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_command_speaks_both_languages_and_counts(capsys, tmp_path, lang):
    assert main(["doctor", "--network", str(tmp_path), "--lang", lang]) == 1
    out = capsys.readouterr().out
    assert ("1 件の不具合" if lang == "ja" else "1 problem") in out


def test_the_command_gives_one_line_to_programs(capsys, tmp_path):
    assert main(["doctor", "--network", str(tmp_path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert next(row for row in told["findings"] if row["level"] == "bad")["mend"]
