import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from issuer.checks import CLASSES, CONDITIONS
from ssi.errors import (
    ConsentDeclined,
    Malformed,
    NoMatchingCredential,
    PolicyNotMet,
    Refused,
    Stale,
    Unreachable,
    Untrusted,
    VaultError,
    WrongPassphrase,
)
from tests.support.wallet_cast import BOX, NEW_ADDRESS
from tests.support.wallet_world import PASSPHRASE
from wallet import cli, console
from wallet.advice import explain
from wallet.history import Did
from wallet.keyfile import CHEAPEST
from wallet.labels import CODES, CONSENT, DID, item_text
from wallet.relationships import GIVEN, UNCONFIRMED, WITHDRAWN
from wallet.vault import Vault

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def shell(world, tmp_path, monkeypatch, capsys):
    """Run a command over the simulated world and return code, parsed output and talk."""
    home = tmp_path / "wallet"
    Vault.create(home, PASSPHRASE, profile=CHEAPEST).close()
    monkeypatch.setattr(console.Console, "holder", lambda _self: world.holder(home))

    def run(*words):
        parser = argparse.ArgumentParser()
        cli.configure(parser)
        args = parser.parse_args([*words, "--home", str(home), "--lang", "en"])
        code = cli.run(args)
        out, err = capsys.readouterr()
        return code, json.loads(out) if args.json else out, err

    return run


def offered(shell, world):
    return shell("offer", world.issuer.offer(), "--tx-code", "123456", "--json")


def test_the_whole_journey_by_commands(shell, world, tmp_path):
    code, value, _ = offered(shell, world)
    assert (code, value["copies"]) == (0, 5)
    assert shell("credentials", "--json")[1][0]["unused"] == 5
    link = world.minpaku.ask("name", "address")
    code, plan, _ = shell("review", link, "--json")
    assert (code, plan["can_answer"], plan["firm"]["id"]) == (0, True, "minpaku-one")
    code, outcome, _ = shell("present", link, "--yes", "--updates", "--json")
    assert (code, outcome["state"]) == (0, "accepted")
    (consent,) = shell("consents", "--json")[1]
    assert consent["live"]
    path = tmp_path / "address.json"
    path.write_text(json.dumps(NEW_ADDRESS.to_json()))
    code, moved, _ = shell(
        "move", "--moved-on", "2026-01-01", "--address-file", str(path), "--json"
    )
    assert (code, moved["deliveries"][0]["state"]) == (0, "delivered")
    world.minpaku.read_mail()
    assert shell("sync", "--json")[1]["answers"][0]["state"] == "accepted"
    assert shell("address", "--json")[1][0]["current"]
    assert shell("withdraw", consent["record_id"], "--json")[1]["state"] == "withdrawn"
    kinds = [entry["kind"] for entry in shell("history", "--json")[1]]
    assert kinds[0] == "update_sent"
    assert shell("history", "--forget", "--json")[1][0]["kind"] == "deleted"


def test_data_goes_to_standard_output_and_talk_to_standard_error(shell, world):
    offered(shell, world)
    code, out, err = shell("present", world.minpaku.ask("name"), "--yes")
    assert code == 0
    assert out.startswith("Only the items shown were shared.")
    assert err == ""


def test_nobody_to_ask_means_nothing_is_shared(shell, world):
    offered(shell, world)
    code, _, err = shell("present", world.minpaku.ask("name"))
    assert code == cli.EXIT_INPUT
    assert "Nothing was shared." in err
    assert world.minpaku.presented == []


def test_an_unanswerable_request_is_untrusted_even_with_yes(shell, world):
    offered(shell, world)
    code, value, _ = shell("present", world.minpaku.ask("birthdate"), "--yes", "--json")
    assert code == cli.EXIT_UNTRUSTED
    assert value["problems"] == ["request.over_asking"]
    assert world.minpaku.presented == []


def test_credentials_are_told_with_their_state_and_deleted_when_the_person_is_sure(
    shell, world, monkeypatch
):  # [WAL-DEL-1]
    offered(shell, world)
    code, out, _ = shell("credentials")
    batch = out.split()[0]
    assert "[unchecked] not yet looked up, unused 5/5" in out
    (listed,) = shell("credentials", "--json")[1]
    assert (listed["batch"], listed["standing"], listed["checked_at"]) == (batch, "unchecked", None)
    assert shell("delete", "nonsense")[0] == cli.EXIT_INPUT
    assert shell("delete", batch)[0] == cli.EXIT_INPUT  # nobody to ask: nothing is deleted
    for answer, expected, left in (("no", cli.EXIT_DECLINED, 1), ("yes", cli.EXIT_OK, 0)):
        monkeypatch.setattr(console.Console, "ask", lambda _self, _prompt, said=answer: said)
        code, out, err = shell("delete", batch)
        assert code == expected
        assert "Verified identity" in err
        assert len(shell("credentials", "--json")[1]) == left
    assert out == "Deleted 5 copies.\n"
    offered(shell, world)
    (again,) = shell("credentials", "--json")[1]
    assert shell("delete", again["batch"], "--yes", "--json")[1]["deleted"] == 5


def test_what_could_not_be_reached_is_told(shell, world):
    offered(shell, world)
    shell("present", world.minpaku.ask("name"), "--yes", "--updates")
    world.down |= {BOX}
    code, _, err = shell("sync")
    assert code == cli.EXIT_NETWORK
    assert "city-kyc: its status list could not be read" in err  # none was published
    assert "minpaku-one: not reached" in err


def test_declining_is_done_with_code_zero(shell, world):
    offered(shell, world)
    assert shell("decline", world.minpaku.ask("name"), "--json")[0] == 0
    assert world.minpaku.refusals == ["access_denied"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConsentDeclined("x"), 2),
        (Malformed("x", code="request.link"), 3),
        (VaultError("x", code="input.address"), 3),
        (PolicyNotMet("x", code="issuance.tx_code_form"), 3),
        (VaultError("x", code="keystore.locked"), 4),
        (WrongPassphrase("x"), 4),
        (Untrusted("x", code="issuance.issuer_not_accredited"), 5),
        (Malformed("x", code="jose.malformed"), 5),
        (Unreachable("x"), 6),
        (Stale("x"), 6),
        (NoMatchingCredential("x"), 1),
        (Refused("x", rule="REG-1"), 1),
    ],
)
def test_exit_codes(error, code):
    assert cli.exit_code(error) == code
    for lang in ("ja", "en"):
        told = explain(error, lang)
        assert told.happened
        assert told.next_step
        assert told.code == error.code


def run_program(*words, home, **env):
    return subprocess.run(
        [sys.executable, "-m", "warifu", "wallet", *words, "--home", str(home)],
        cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_init_and_status_as_a_program(tmp_path):
    home, words = tmp_path / "w", tmp_path / "words"
    assert run_program("status", "--json", home=home).returncode == 4
    words.write_text(f"{PASSPHRASE}\n")
    words.chmod(0o644)
    named = {"WARIFU_PASSPHRASE_FILE": str(words)}
    made = (
        "init",
        "--genesis",
        "g.json",
        "--node",
        "http://127.0.0.1:1",
        "--mailbox",
        "http://127.0.0.1:2",
    )
    assert run_program(*made, home=home, **named).returncode == 3
    words.chmod(0o600)
    (home / "wallet.toml").unlink()
    assert run_program(*made, home=home, **named).returncode == 0
    locked = run_program("status", "--json", home=home)
    assert (locked.returncode, json.loads(locked.stdout)) == (4, {"state": "locked"})
    assert PASSPHRASE not in locked.stdout + locked.stderr


def test_the_command_line_is_quick_to_load():
    program = (
        "import sys, wallet.cli\n"
        "heavy = ('textual', 'rich', 'sqlcipher3', 'urllib3')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_what_a_person_reads_has_words_and_no_codes(shell, world):
    offered(shell, world)
    shell("present", world.minpaku.ask("name"), "--yes", "--updates")
    assert "[in force]" in shell("consents")[1]
    history = shell("history")[1]
    assert "consented  minpaku-one  [done]" in history
    assert "shared  minpaku-one  [done] accepted" in history


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_code_words_of_a_licence_are_told_in_words(lang):
    path = ("verified_claims", "claims", "licence_classes")
    told = item_text(path, ["futsu", "gentsuki", "new"], lang)
    assert told == ("普通、原付、new" if lang == "ja" else "Ordinary car, Moped, new")
    assert item_text(("name",), "futsu", lang) == "futsu"
    assert set(CODES["licence_classes"]) == set(CLASSES)
    assert set(CODES["licence_conditions"]) == set(CONDITIONS)


def test_every_history_line_and_consent_has_words():
    assert set(DID) == {kind.value for kind in Did}
    assert set(CONSENT) == {GIVEN, UNCONFIRMED, WITHDRAWN}


def test_texts_exist_in_both_languages_and_differ():
    from wallet.advice import _ADVICE
    from wallet.labels import CLAIMS, CREDENTIALS, DELIVERY, FIRM_IS_SUSPENDED, NEXT_STEP
    from wallet.plain import NAME_WARNINGS, PROBLEMS
    from wallet.tui.words import WORDS

    tables = (CLAIMS, CREDENTIALS, DELIVERY, NEXT_STEP, NAME_WARNINGS, PROBLEMS, WORDS)
    pairs = [FIRM_IS_SUSPENDED, *(words for table in tables for words in table.values())]
    pairs += [words for both in _ADVICE.values() for words in both]
    for words in pairs:
        assert words.ja
        assert words.en
        assert words.ja != words.en
        assert words.en.isascii()
    assert DELIVERY.keys() == NEXT_STEP.keys()
