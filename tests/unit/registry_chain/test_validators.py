"""Validators in the state, and what a block changes of them [REG-VAL-1] to [REG-VAL-3]."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_chain.application import Application
from registry_chain.cli_network import Ports, write_testnet
from registry_chain.genesis import Genesis, address_of, genesis_records, validator_json
from registry_chain.records import (
    OffenceRecord,
    ValidatorRecord,
    offence_key,
    validator_key,
)
from registry_chain.rules import Offence
from registry_chain.store import Store
from ssi.encoding import JSON, JSONObject, b64url_decode
from ssi.errors import Malformed
from tests.support.registry import T0, VALIDATOR, make_genesis, signer

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
    assert (record.state, record.power, record.voting_power) == ("active", 10, 10)
    assert b64url_decode(record.pub_key) == VALIDATOR.public_key.raw
    assert replace(record, state="retired").voting_power == 0


def founding(owners: Sequence[str], powers: Sequence[int]) -> JSONObject:
    """A genesis whose validators are these members', with these powers."""
    keys = [signer(f"validator {number}").public_key for number in range(len(owners))]
    seats: list[JSON] = [
        validator_json(key, power=power, name=owner)
        for key, owner, power in zip(keys, owners, powers, strict=True)
    ]
    return make_genesis().to_json() | {"validators": seats}


FOUR = ("council", "city-kyc", "minpaku-one", "car-two")


@pytest.mark.parametrize(
    ("owners", "powers", "said"),
    [
        (FOUR[:2], (1, 1), "four"),
        (FOUR[:3], (1, 1, 1), "four"),
        (FOUR, (3, 3, 3, 4), ""),
        (FOUR, (2, 2, 2, 3), "a third"),
        (FOUR, (1, 1, 1, 3), "a third"),
        (FOUR, (1, 1, 1, 2**31), "a third"),
        (("council", "council", "city-kyc", "car-two"), (1, 1, 1, 1), "a third"),
        (("council", "council", "", "", "", "", ""), (1,) * 7, ""),
        (("council", "council", "council", "", "", "", ""), (1,) * 7, "a third"),
        (("nobody", "nobody", "nobody", "nobody"), (1, 1, 1, 1), ""),
        (("council",), (1,), ""),
        (("",), (2**31,), ""),
    ],
)
def test_a_chain_is_founded_with_one_validator_or_a_network_nobody_stops(
    owners: Sequence[str], powers: Sequence[int], said: str
) -> None:
    """[REG-GEN-2]"""
    if not said:
        assert len(Genesis.from_json(founding(owners, powers)).validators) == len(owners)
        return
    with pytest.raises(Malformed) as caught:
        Genesis.from_json(founding(owners, powers))
    assert caught.value.code == "chain.genesis"
    assert said in str(caught.value)
    assert "found a chain with one validator" in str(caught.value)


@given(
    seats=st.lists(
        st.tuples(st.sampled_from((*FOUR, "watcher", "yubin-box")), st.integers(1, 6)),
        min_size=2,
        max_size=8,
    )
)
def test_the_bound_of_the_founders_is_the_bound_of_every_change(
    seats: list[tuple[str, int]],
) -> None:
    """[REG-GEN-2], [REG-VAL-6]: counted here once more, by hand."""
    total = sum(power for _, power in seats)
    shares = [sum(power for owner, power in seats if owner == one) for one, _ in seats]
    safe = len(seats) >= 4 and max(shares) * 3 < total
    genesis = founding([owner for owner, _ in seats], [power for _, power in seats])
    if safe:
        Genesis.from_json(genesis)
    else:
        with pytest.raises(Malformed):
            Genesis.from_json(genesis)


@pytest.mark.parametrize("value", ["!" * 44, "A" * 43, "A" * 44 + "==", "A" * 42 + "=="])
def test_a_validator_key_is_32_bytes_in_base64(value: str) -> None:
    """[REG-GEN-1]"""
    genesis = founding(("council",), (1,))
    (seat,) = genesis["validators"]  # type: ignore[misc]
    seat["pub_key"]["value"] = value  # type: ignore[index, call-overload]
    with pytest.raises(Malformed) as caught:
        Genesis.from_json(genesis)
    assert caught.value.code == "chain.genesis"


def test_a_testnet_too_small_writes_nothing(tmp_path: Path) -> None:
    """[REG-GEN-2]"""
    ports = [Ports(http=n, p2p=100 + n, rpc=200 + n) for n in range(1, 4)]
    folder = tmp_path / "net"
    with pytest.raises(Malformed) as caught:
        write_testnet(folder, ports, "test-net")
    assert caught.value.code == "chain.genesis"
    assert not folder.exists()


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
