"""``warifu chain propose`` and its siblings, against a real node."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from registry_chain import cli
from registry_chain.config import NodeConfig, open_node
from registry_chain.keyfile import write_key
from ssi.errors import Malformed, Refused, Untrusted
from tests.support.registry import accreditation, signer

MEMBERS = ("ana=voter", "ben=voter", "cho=voter", "city-kyc=issuer", "watcher=auditor")


@dataclass
class Terminal:
    """Runs our commands as a person would."""

    home: Path
    url: str
    read: Callable[[], str]

    def __call__(self, *words: str) -> str:
        parser = argparse.ArgumentParser()
        cli.add_commands(parser.add_subparsers(dest="action"))
        place = ("--home", str(self.home), "--node", self.url)
        assert cli.run(parser.parse_args([words[0], *place, *words[1:]])) == 0
        return self.read()

    def value(self, *words: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(self(*words, "--json"))
        return found


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    home = tmp_path_factory.mktemp("chain") / "home"
    parser = argparse.ArgumentParser()
    cli.add_commands(parser.add_subparsers(dest="action"))
    words = ["init", "--home", str(home), "--chain-id", "my-chain", "--loopback"]
    for member in MEMBERS:
        words += ["--member", member]
    cli.run(parser.parse_args(words))
    app, stop = open_node(NodeConfig.load(home / "node.toml"))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield home, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
    stop()


@pytest.fixture
def run(node: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> Terminal:
    capsys.readouterr()
    return Terminal(*node, lambda: capsys.readouterr().out)


def test_three_members_decide(run: Terminal, tmp_path: Path) -> None:
    now = int(datetime.now(UTC).timestamp())
    body = accreditation(valid_from=now - 60, valid_until=now + 86_400)
    from registry_chain.transactions.fields import plain

    path = tmp_path / "issuer.json"
    path.write_text(json.dumps(plain(body)), "utf-8")
    reason = ("--reason", "City KYC passed its audit")
    said = run.value("accredit", "--as", "ana", "--body", str(path), *reason)
    assert (said["state"], said["class"], said["not_voted"]) == ("open", "C", ["ben", "cho"])
    name = str(said["proposal"])
    shown = run("proposal", name, "--lang", "en")
    assert "City KYC passed its audit (ana)" in shown
    assert "yes 1, no 0 of 3 voters (needs more than 1/2)" in shown
    assert "not yet voted: ben, cho" in shown
    assert str(said["digest"]) in shown
    assert "可決、実行済み" in run("vote", name, "yes", "--as", "ben", "--lang", "ja")
    assert name in run("proposals", "--lang", "en")


def test_many_actions_in_one_file(run: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "actions.json"
    actions = [
        {"type": "member.set-roles", "body": {"member": "watcher", "roles": ["auditor", "firm"]}},
        {"type": "member.suspend", "body": {"member": "city-kyc", "reason": "unpaid"}},
    ]
    path.write_text(json.dumps(actions))
    words = ("--as", "cho", "--reason", "as discussed", "--proposal-id", "two-things")
    assert run.value("propose", "--actions", str(path), *words)["class"] == "B"
    run("vote", "two-things", "yes", "--as", "ana")
    assert run.value("vote", "two-things", "yes", "--as", "ben")["state"] == "executed"
    path.write_text('{"type": "member.suspend"}')
    with pytest.raises(Malformed):
        run("propose", "--actions", str(path), *words)


def test_a_refusal_names_the_rule_and_who_could_lift_it(run: Terminal) -> None:
    """[REG-GOV-1], [REG-EMG-2]"""
    with pytest.raises(Refused) as caught:
        run("expel", "cho", "--as", "watcher", "--reason", "x", "--lang", "en")
    assert (caught.value.rule, caught.value.code) == ("REG-GOV-1", "chain.not_voter")
    assert str(caught.value) == (
        "[REG-GOV-1] a rule of the ledger refuses this; who can decide: ana, ben, cho"
    )
    assert run.value("suspend", "member/cho", "--as", "ana")["state"] == "called"
    with pytest.raises(Refused) as caught:
        run("suspend", "member/cho", "--as", "ana", "--lang", "ja")
    assert str(caught.value).endswith("決められる会員: ben, cho")
    assert "ends at" in run("suspend", "member/cho", "--as", "ben", "--lang", "en")
    run("lift", "member/cho", "--as", "ana", "--reason", "a mistake", "--proposal-id", "undo")
    assert "carried and done" in run("vote", "undo", "yes", "--as", "cho", "--lang", "en")


def test_a_ballot_on_another_digest_is_not_sent_in_vain(run: Terminal) -> None:
    """[REG-GOV-4]"""
    words = ("--as", "ana", "--reason", "longer", "--proposal-id", "params")
    assert run.value("params", "--timelock", "2592000", *words)["class"] == "A"
    with pytest.raises(Refused) as caught:
        run("vote", "params", "yes", "--as", "ben", "--digest", "A" * 43)
    assert caught.value.code == "chain.proposal_digest"
    with pytest.raises(Untrusted):
        run("vote", "nothing-like-it", "yes", "--as", "ben")
    run("vote", "params", "yes", "--as", "ben")
    said = run("vote", "params", "yes", "--as", "cho", "--lang", "en")
    assert "can be executed from" in said
    with pytest.raises(Refused) as caught:
        run("execute", "params", "--as", "cho")
    assert caught.value.code == "chain.timelock"


def test_disputes_pauses_upgrades_validators(run: Terminal, tmp_path: Path) -> None:
    assert "異議はありません" in run("disputes", "--lang", "ja")
    run("dispute-open", "member/watcher", "--id", "case-1", "--code", "wrong_name", "--as", "ana")
    assert "case-1" in run("disputes")
    open_for = ("--reason", "see the minutes")
    names = ("case-1", "ben")
    assert run.value("dispute-assign", *names, "--as", "ana", *open_for)["class"] == "C"
    assert (
        run.value("pause", "anchor", "key", "--hours", "2", "--as", "ana", *open_for)["class"]
        == "C"
    )
    words = ("upgrade", "2", "900", "A" * 43)
    assert run.value(*words, "--as", "ana", *open_for)["class"] == "A"
    key = tmp_path / "validator.key"
    write_key(key, signer("a new validator"))
    seat = tmp_path / "seat.json"
    seat.write_text(run("validator-seat", "--validator-key", str(key), "--as", "ben"))
    assert run.value("validator-add", "--body", str(seat), "--as", "ben", *open_for)["class"] == "B"
    with pytest.raises(Refused) as caught:
        run("dispute-resolve", "case-1", "upheld", "--finding", "It is so.", "--as", "ben")
    assert caught.value.code == "chain.not_arbiter"


def test_a_home_or_the_places_are_needed() -> None:
    parser = argparse.ArgumentParser()
    cli.add_commands(parser.add_subparsers(dest="action"))
    with pytest.raises(Malformed) as caught:
        cli.run(parser.parse_args(["proposals"]))
    assert caught.value.code == "config.missing"
