"""The embedded engine [REG-ENG-1] to [REG-ENG-6], [REG-APP-1] to [REG-APP-4]."""

import shutil
import sqlite3
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.light import (
    TrustOptions,
    parse_light_block,
    verify_light_block,
    verify_map_proof,
)
from registry_chain.transactions import SuspendMember, build_tx
from registry_chain.trust_root import trust_from_genesis
from ssi.errors import Refused, SSIError, Unavailable
from tests.support.chain import START, TestClock, open_engine
from tests.support.registry import (
    T0,
    VALIDATOR,
    accreditation,
    make_genesis,
    proposal,
    signer,
)

ANY_AGE = TrustOptions(max_age=None)


def tx(seq: int, member: str = "car-two", lane: int = 0) -> bytes:
    return build_tx(
        chain_id="test-chain",
        account="council",
        lane=lane,
        seq=seq,
        valid_until_height=500,
        body=replace(
            proposal(SuspendMember(member=member, reason="x"), at=T0 + 60), id=f"stop-{lane}-{seq}"
        ),
        signer=signer("council"),
    ).encode()


def test_a_chain_begins_with_a_block_that_signs_the_founding_state(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "c.db")
    block = parse_light_block(engine.light_block())
    verified = verify_light_block(
        block, trusted=trust_from_genesis(engine.genesis), now=START, options=ANY_AGE
    )
    assert (verified.height, verified.validators) == (1, 1)
    engine.close()


def test_a_block_is_followed_by_the_block_that_signs_its_root(tmp_path: Path) -> None:
    """[REG-ENG-1], [REG-ENG-2]"""
    engine = open_engine(tmp_path / "c.db")
    outcome = engine.wait(engine.submit(tx(1)), 5)
    assert (outcome.code, outcome.height, outcome.index) == (0, 2, 0)
    assert engine.status().height == 3
    trusted = trust_from_genesis(engine.genesis)
    for height in (1, 2, 3):
        block = parse_light_block(engine.light_block(height))
        trusted = verify_light_block(block, trusted=trusted, now=START, options=ANY_AGE).trusted
    answer = engine.prove(("member/car-two", "member/nobody"))
    assert answer is not None
    root = answer.light_block.header.app_hash
    proofs = dict(zip(("member/car-two", "member/nobody"), answer.proofs, strict=True))
    value = verify_map_proof(proofs["member/car-two"], app_hash=root, key="member/car-two")
    assert value is not None
    assert b'"state":"suspended"' in value
    assert verify_map_proof(proofs["member/nobody"], app_hash=root, key="member/nobody") is None
    engine.close()


def test_a_block_is_found_by_its_hash(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "c.db")
    engine.wait(engine.submit(tx(1)), 5)
    for height in (1, 2, 3):
        block = parse_light_block(engine.light_block(height))
        assert engine.height_of(block.commit.block_id.hash) == height
    assert engine.height_of(b"\0" * 32) is None
    engine.close()


def test_the_state_of_an_earlier_height_stays_provable(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "c.db")
    engine.wait(engine.submit(tx(1)), 5)
    before, after = engine.prove(("member/car-two",), 1), engine.prove(("member/car-two",), 2)
    assert before is not None
    assert after is not None
    assert b'"state":"active"' in (before.proofs[0].value or b"")
    assert b'"state":"suspended"' in (after.proofs[0].value or b"")
    for answer in (before, after):
        verify_map_proof(
            answer.proofs[0], app_hash=answer.light_block.header.app_hash, key="member/car-two"
        )
    assert engine.prove(("member/car-two",), 99) is None
    engine.close()


def test_refused_on_entry_leaves_no_trace(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "c.db")
    with pytest.raises(Refused):
        engine.submit(tx(2))
    assert engine.status().height == 1
    engine.close()


def test_lanes_can_be_filled_faster_than_blocks_are_made(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "c.db")
    ids = [
        engine.submit(tx(n + 1, member))
        for n, member in enumerate(("car-two", "watcher", "city-kyc", "yubin-box"))
    ]
    assert [engine.wait(one, 5).code for one in ids] == [0, 0, 0, 0]
    engine.close()


def test_the_same_transaction_again_tells_its_fate(tmp_path: Path) -> None:
    """[REG-TX-4]"""
    engine = open_engine(tmp_path / "c.db")
    first = engine.wait(engine.submit(tx(1)), 5)
    height = engine.status().height
    assert engine.wait(engine.submit(tx(1)), 5) == first
    assert engine.status().height == height
    engine.close()
    engine = open_engine(tmp_path / "c.db")
    assert engine.wait(engine.submit(tx(1)), 5) == first
    engine.close()


def test_time_goes_forward_when_the_clock_goes_back(tmp_path: Path) -> None:
    """[REG-ENG-3]"""
    clock = TestClock()
    engine = open_engine(tmp_path / "c.db", clock)
    engine.wait(engine.submit(tx(1)), 5)
    clock.move(hours=-5)
    engine.wait(engine.submit(tx(2, "watcher")), 5)
    engine.close()
    clock.move(days=-400)
    engine = open_engine(tmp_path / "c.db", clock)
    engine.wait(engine.submit(tx(3, "city-kyc")), 5)
    times = [
        parse_light_block(engine.light_block(height)).header.time
        for height in range(1, engine.status().height + 1)
    ]
    assert times == sorted(times)
    assert len(dict.fromkeys(times)) == len(times) == 7
    engine.close()


def test_an_idle_chain_shows_that_it_is_alive(tmp_path: Path) -> None:
    """[REG-ENG-4]"""
    engine = open_engine(tmp_path / "c.db", heartbeat=timedelta(milliseconds=20))
    deadline = time.monotonic() + 5
    while engine.status().height < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    root = engine.status().app_hash
    assert engine.status().height >= 4
    engine.wait(engine.submit(tx(1)), 5)
    assert engine.status().app_hash != root
    answer = engine.prove(("member/car-two",))
    assert answer is not None
    verify_map_proof(
        answer.proofs[0], app_hash=answer.light_block.header.app_hash, key="member/car-two"
    )
    engine.close()
    engine = open_engine(tmp_path / "c.db")
    engine.close()


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    """[REG-ENG-5]"""
    engine = open_engine(tmp_path / "c.db")
    with pytest.raises(Unavailable) as caught:
        open_engine(tmp_path / "c.db")
    assert caught.value.code == "chain.locked"
    engine.close()


def test_another_key_or_genesis_is_refused(tmp_path: Path) -> None:
    open_engine(tmp_path / "c.db").close()
    with pytest.raises(ValueError, match="validator"):
        EmbeddedEngine(tmp_path / "c.db", make_genesis(), signer("other"), TestClock())
    with pytest.raises(ValueError, match="genesis"):
        EmbeddedEngine(tmp_path / "c.db", make_genesis(loopback=False), VALIDATOR, TestClock())


TAMPERED: dict[str, str] = {
    "a record": "UPDATE record SET value ="
    " CAST(replace(CAST(value AS TEXT), 'suspended', 'activated') AS BLOB)"
    " WHERE key = 'member/car-two' AND version = 2",
    "a record taken out": "DELETE FROM record WHERE key = 'member/watcher'",
    "a record put in": "INSERT INTO record (key, version, value)"
    " VALUES ('member/mallory', 2, x'7b7d')",
    "a page": "UPDATE page SET data = x'00' WHERE version = 2",
    "the root": "UPDATE root SET hash = zeroblob(32) WHERE version = 2",
    "the newest block taken out": "DELETE FROM block WHERE height = 3",
    "two blocks taken out": "DELETE FROM block WHERE height >= 2",
    "the newest block's time": "UPDATE block SET light = replace(light, 'Z', '1Z')"
    " WHERE height = 3",
    "an older block": "UPDATE block SET light = replace(light, 'Z', '1Z') WHERE height = 2",
    "a result": "UPDATE tx SET code = 50 WHERE height = 2",
    "all blocks": "DELETE FROM block",
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_damaged_file_is_refused(tmp_path: Path, change: str) -> None:
    """[REG-ENG-5]"""
    path = tmp_path / "c.db"
    engine = open_engine(path)
    engine.wait(engine.submit(tx(1)), 5)
    engine.close()
    with sqlite3.connect(path) as db:
        db.execute(change)
    db.close()
    with pytest.raises(SSIError) as caught:
        open_engine(path)
    assert caught.value.code in ("chain.corrupt", "chain.storage")


@pytest.mark.parametrize("what", ["a record", "a record put in", "a page", "the root"])
def test_of_a_big_chain_the_last_records_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """[REG-ENG-5] without reading all of it"""
    monkeypatch.setattr("registry_chain.engines.startup.RECOMPUTED", 4)
    path = tmp_path / "c.db"
    engine = open_engine(path)
    engine.wait(engine.submit(tx(1)), 5)
    engine.close()
    open_engine(path).close()
    with sqlite3.connect(path) as db:
        db.execute(TAMPERED[what])
    db.close()
    with pytest.raises(SSIError) as caught:
        open_engine(path)
    assert caught.value.code == "chain.corrupt"


def test_a_write_ahead_log_thrown_away_is_seen_or_harmless(tmp_path: Path) -> None:
    """[REG-ENG-5]: an older whole state may come back from a backup; half of one may not."""
    path = tmp_path / "c.db"
    engine = open_engine(path)
    engine.wait(engine.submit(tx(1)), 5)
    shutil.copy(path, tmp_path / "copy.db")
    engine.close()
    with suppress(SSIError):  # refused, or whole
        again = open_engine(tmp_path / "copy.db")
        assert again.status().height in (1, 3)
        again.close()


def test_a_full_queue_asks_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[REG-ENG-6]"""
    monkeypatch.setattr("registry_chain.admission.MAX_WAITING_WORK", 2)
    engine = EmbeddedEngine(
        tmp_path / "c.db", make_genesis(), VALIDATOR, TestClock(), gather=timedelta(seconds=1)
    )
    first = engine.submit(tx(1))
    with pytest.raises(Unavailable) as caught:
        engine.submit(tx(2, "watcher"))
    assert caught.value.code == "chain.busy"
    assert caught.value.retry_after == 1
    assert engine.wait(first, 5).code == 0
    engine.close()


def test_what_waits_is_written_before_the_end(tmp_path: Path) -> None:
    engine = EmbeddedEngine(
        tmp_path / "c.db", make_genesis(), VALIDATOR, TestClock(), gather=timedelta(seconds=1)
    )
    one = engine.submit(tx(1))
    engine.close()
    engine = open_engine(tmp_path / "c.db")
    known = engine.outcome(one)
    assert known is not None
    assert known.code == 0
    engine.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_failure_of_our_own_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[REG-ENG-2]: not acknowledged, and the node says that it has stopped."""
    engine = open_engine(tmp_path / "c.db")
    monkeypatch.setattr("registry_chain.engines.embedded.make_block", lambda *_, **__: 1 / 0)
    one = engine.submit(tx(1))
    with pytest.raises(Unavailable) as caught:
        engine.wait(one, 5)
    assert caught.value.code in ("chain.stopped", "chain.unknown_tx")
    for ask in (engine.status, lambda: engine.submit(tx(1))):
        with pytest.raises(Unavailable):
            ask()
    engine.close()
    monkeypatch.undo()
    engine = open_engine(tmp_path / "c.db")
    assert engine.wait(engine.submit(tx(1)), 5).code == 0
    engine.close()


def test_an_unknown_transaction_is_not_waited_for(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "c.db")
    with pytest.raises(Unavailable) as caught:
        engine.wait("00" * 32, 0.01)
    assert caught.value.code == "chain.unknown_tx"
    engine.close()


def test_a_refused_transaction_inside_a_block_changes_nothing(tmp_path: Path) -> None:
    """[REG-APP-2], [REG-TX-7]"""
    from registry_chain.application import Application
    from registry_chain.store import Store

    def root(*txs: bytes) -> tuple[bytes, list[int]]:
        store = Store(tmp_path / f"{len(txs)}-{txs[0][-9:].decode()}.db")
        app = Application(store, "test-chain")
        app.init_genesis(make_genesis())
        app.commit()
        judged = app.finalize(5, 1_764_000_100, txs)
        app.commit()
        assert app.info().app_hash == judged.app_hash
        assert app.info().height == 5
        store.close()
        return judged.app_hash, [result.code for result in judged.results]

    clean, _ = root(tx(1))
    spoilt, codes = root(tx(1), tx(1), b"\xff junk", tx(3, "watcher"), b"")
    assert codes == [0, 50, 11, 50, 11]
    assert spoilt == clean


def test_judged_on_entry_or_in_the_block_is_the_same(tmp_path: Path) -> None:
    """[REG-APP-3]: the short cut for a block of exactly what was checked changes nothing."""
    from registry_chain.application import Application
    from registry_chain.store import Store

    txs = [tx(1), tx(2, "watcher"), tx(1, "city-kyc", lane=3)]
    found = []
    for name, checked in (("a", 0), ("b", 3), ("c", 2)):
        store = Store(tmp_path / f"{name}.db")
        app = Application(store, "test-chain")
        app.init_genesis(make_genesis())
        app.commit()
        for raw in txs[:checked]:
            app.check_tx(raw, height=2, time=1_764_000_100)
        found.append(app.finalize(2, 1_764_000_100, txs))
        app.commit()
        store.close()
    assert found[0] == found[1] == found[2]


def test_accreditation_is_listed(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "c.db")
    raw = build_tx(
        chain_id="test-chain",
        account="council",
        lane=0,
        seq=1,
        valid_until_height=500,
        body=proposal(accreditation(), at=T0 + 60),
        signer=signer("council"),
    )
    engine.wait(engine.submit(raw.encode()), 5)
    assert [one.key for one in engine.listing("issuer/", "", 10)] == ["issuer/city-kyc"]
    assert [one.key for one in engine.listing("member/", "member/minpaku-one", 10)] == [
        "member/watcher",
        "member/yubin-box",
    ]
    engine.close()
