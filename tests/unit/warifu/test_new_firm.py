"""A firm sets itself up from nothing: the folder, the register's yes, a request."""

import json
import stat

import pytest

from registry_chain.records import VerifierRecord, verifier_key
from registry_chain.transactions import Action
from tests.support.registry import Ledger, make_genesis, proposal
from verifier_sdk import Verifier, VerifierConfig, profiles
from warifu.__main__ import EXIT_ERROR, EXIT_OK, main


@pytest.fixture
def words(tmp_path):
    genesis = tmp_path / "genesis.json"
    genesis.write_bytes(make_genesis().to_bytes())
    return {
        "--id": "shop-one",
        "--corporate-number": "7000012050002",
        "--contact": "privacy@shop.example",
        "--url": "https://shop.example/kyc",
        "--profile": "car_driver",
        "--genesis": str(genesis),
        "--node": "https://node.example",
        "--mailbox": "https://box.example",
    }


def init(folder, words):
    named = ["--name", "店一号", "Shop One"]
    return main(["firm", "init", str(folder), *named, *(w for pair in words.items() for w in pair)])


def test_a_new_firm_is_carried_into_the_register_and_can_ask(tmp_path, words, capsys):
    folder = tmp_path / "firm"
    assert init(folder, words) == EXIT_OK
    told = json.loads(capsys.readouterr().out)
    ledger = Ledger()
    asked = json.loads((tmp_path / "firm" / "register.json").read_text())
    assert told["register"] == str(folder / "register.json")
    actions = tuple(map(Action.from_json, asked))
    ledger.do("council", proposal(at=ledger.time, actions=actions))
    record = VerifierRecord.from_bytes(ledger.state[verifier_key("shop-one")])
    config = VerifierConfig.load(told["settings"])
    verifier = Verifier.open(config)
    request = verifier.request(profiles.CAR_DRIVER, reference="booking-42", updates=True)
    assert request.page_url.startswith("https://shop.example/kyc/p/")
    assert verifier.client_id.removeprefix("x509_hash:") in record.profile.client_hashes
    assert record.profile.purposes[0].code == "car_driver"
    assert set(config.encryption_keys) == {key["kid"] for key in record.profile.encryption_keys}


def test_keys_are_for_the_owner_alone(tmp_path, words):
    init(tmp_path / "firm", words)
    assert stat.S_IMODE((tmp_path / "firm").stat().st_mode) == 0o700
    for name in ("account.key", "firm.key", "receipts.key", "seal-1.key"):
        assert stat.S_IMODE((tmp_path / "firm" / name).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"--corporate-number": "123"}, "tx.body"),
        ({"--id": "Shop One"}, "tx.body"),
        ({"--url": "http://shop.example/kyc"}, "config.malformed"),
        ({"--mailbox": "ftp://box.example"}, "tx.body"),
    ],
)
def test_what_the_register_or_the_sdk_would_not_take_is_told_and_nothing_written(
    tmp_path, words, change, code, capsys
):
    assert init(tmp_path / "firm", words | change) == EXIT_ERROR
    assert capsys.readouterr().err.startswith(code)
    assert [path.name for path in tmp_path.iterdir()] == ["genesis.json"]


def test_a_folder_that_is_there_is_left_alone(tmp_path, words, capsys):
    (tmp_path / "firm").mkdir()
    assert init(tmp_path / "firm", words) == EXIT_ERROR
    assert "config.exists" in capsys.readouterr().err
    assert list((tmp_path / "firm").iterdir()) == []
