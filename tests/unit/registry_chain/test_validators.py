"""Validators in the state, and what a block changes of them [REG-VAL-1] to [REG-VAL-3]."""

from dataclasses import replace
from pathlib import Path

import pytest

from registry_chain.application import Application
from registry_chain.genesis import address_of, genesis_records
from registry_chain.records import (
    OffenceRecord,
    ValidatorRecord,
    offence_key,
    validator_key,
)
from registry_chain.rules import Offence
from registry_chain.store import Store
from ssi.encoding import b64url_decode
from ssi.errors import Malformed
from tests.support.registry import T0, VALIDATOR, make_genesis

ADDRESS = address_of(VALIDATOR.public_key.raw)
OFFENCE = Offence(kind="duplicate_vote", address=ADDRESS, height=3, time=T0 + 3, power=1)


def founded(path: Path) -> tuple[Application, Store]:
    store = Store(path / "state.db")
    app = Application(store, "test-chain")
    app.init_genesis(make_genesis())
    app.commit()
    return app, store


def test_the_founding_validators_are_records() -> None:
    """[REG-VAL-1]"""
    record = ValidatorRecord.from_bytes(genesis_records(make_genesis())[validator_key(ADDRESS)])
    assert (record.state, record.power, record.voting_power) == ("active", 1, 1)
    assert b64url_decode(record.pub_key) == VALIDATOR.public_key.raw
    assert replace(record, state="retired").voting_power == 0


def test_a_key_twice_is_no_genesis() -> None:
    genesis = make_genesis()
    with pytest.raises(Malformed):
        genesis_records(replace(genesis, validators=genesis.validators * 2))


def test_an_offence_is_recorded_once(tmp_path: Path) -> None:
    """[REG-VAL-3]"""
    app, store = founded(tmp_path)
    before = app.info().app_hash
    assert app.finalize(5, T0 + 5, (), (OFFENCE, OFFENCE)).app_hash != before
    app.commit()
    first = store.get(offence_key(3, ADDRESS, "duplicate_vote"))
    assert first is not None
    record = OffenceRecord.from_bytes(first)
    assert (record.validator, record.at_height, record.height) == (ADDRESS, 3, 5)
    app.finalize(6, T0 + 6, (), (OFFENCE,))
    app.commit()
    assert store.get(offence_key(3, ADDRESS, "duplicate_vote")) == first
    store.close()


def test_a_block_tells_whose_power_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[REG-VAL-2]"""
    app, store = founded(tmp_path)
    record = ValidatorRecord.from_bytes(store.get(validator_key(ADDRESS)) or b"")
    assert app.finalize(5, T0 + 5, ()).validator_updates == ()
    for changed, told in (
        (replace(record, height=5), []),
        (replace(record, power=7), [7]),
        (replace(record, state="retired"), [0]),
    ):
        monkeypatch.setattr(
            "registry_chain.application.apply_offences",
            lambda *_, changed=changed: {validator_key(ADDRESS): changed.to_bytes()},
        )
        updates = app.finalize(5, T0 + 5, (), (OFFENCE,)).validator_updates
        assert [update.power for update in updates] == told
        assert all(update.public_key == VALIDATOR.public_key.raw for update in updates)
    store.close()
