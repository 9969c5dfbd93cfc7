"""New versions of the rules [REG-UPG-1] to [REG-UPG-4] and disputes [REG-DIS-1] to [REG-DIS-5]."""

from dataclasses import replace
from pathlib import Path

import pytest

from registry_chain.audit import replay
from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.records import CorrectionRecord, DisputeRecord
from registry_chain.rules import RULES, rules_version
from registry_chain.rules.context import Rule
from registry_chain.transactions import (
    AssignArbiters,
    CancelUpgrade,
    OpenDispute,
    PlanUpgrade,
    ResolveDispute,
)
from ssi.errors import Malformed, Unavailable
from tests.support.chain import TestClock
from tests.support.council import Council
from tests.support.refusals import refused
from tests.support.registry import VALIDATOR, digest_of, make_genesis, proposal


def plan(height: int, version: int = 2) -> PlanUpgrade:
    return PlanUpgrade(height=height, rules_version=version, package=digest_of("warifu 2"))


def test_a_plan_holds_from_its_height_on() -> None:
    """[REG-UPG-1], [REG-UPG-2]"""
    ledger = Council.of(1, timelock=0)
    ledger.propose("voter-1", plan(ledger.height + 5))
    height = ledger.height + 4
    assert [rules_version(ledger, at) for at in (height - 1, height, height + 1)] == [1, 2, 2]


def test_plans_come_in_order_and_with_notice() -> None:
    """[REG-UPG-1]"""
    ledger = Council.of(1, timelock=0)
    with refused(ledger, "REG-UPG-1", "upgrade_height"):
        ledger.propose("voter-1", plan(ledger.height + 1))
    with refused(ledger, "REG-UPG-1", "upgrade_version"):
        ledger.propose("voter-1", plan(ledger.height + 9, version=3))
    ledger.propose("voter-1", plan(ledger.height + 9))
    with refused(ledger, "REG-UPG-1", "upgrade_planned"):
        ledger.propose("voter-1", plan(ledger.height + 19))
    with refused(ledger, "REG-UPG-1", "needs_decision"):
        ledger.do("voter-1", plan(ledger.height + 9))


def test_a_plan_is_cancelled_in_time() -> None:
    """[REG-UPG-3]"""
    ledger = Council.of(1, timelock=0)
    with refused(ledger, "REG-UPG-3", "upgrade_unknown"):
        ledger.propose("voter-1", CancelUpgrade(rules_version=2))
    ledger.propose("voter-1", plan(ledger.height + 3))
    ledger.propose("voter-1", CancelUpgrade(rules_version=2))
    assert rules_version(ledger, 1000) == 1
    ledger.propose("voter-1", plan(ledger.height + 2))
    with refused(ledger, "REG-UPG-3", "upgrade_height"):
        ledger.propose("voter-1", CancelUpgrade(rules_version=2))


def engine_with_plan(path: Path) -> tuple[EmbeddedEngine, TestClock, Council]:
    ledger = Council.of(1, timelock=0)
    clock = TestClock()
    engine = EmbeddedEngine(path, ledger.genesis, VALIDATOR, clock)
    token = ledger.tx("voter-1", proposal(plan(4), at=ledger.time), valid_until_height=90)
    outcome = engine.wait(engine.submit(token.encode()), 5)
    assert (outcome.code, outcome.height) == (0, 2)
    return engine, clock, ledger


def late(ledger: Council) -> bytes:
    body = proposal(AssignArbiters(dispute="none", arbiters=("watcher",)), at=ledger.time)
    return ledger.tx("voter-1", body, lane=1, valid_until_height=90).encode()


def test_a_program_without_the_version_stops_before_the_height(tmp_path: Path) -> None:
    """[REG-UPG-4]"""
    engine, _, ledger = engine_with_plan(tmp_path / "c.db")
    with pytest.raises(Unavailable) as caught:
        engine.submit(late(ledger))
    assert caught.value.code == "chain.upgrade_needed"
    assert engine.status().height == 3
    assert replay(engine.blocks(1, 100), ledger.genesis).ok
    engine.close()


def test_a_program_with_the_version_goes_on_and_says_so_in_the_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[REG-UPG-2]: the same chain, with rules of which version 2 differs in one thing."""

    def stricter(rule: Rule) -> Rule:
        def judge(view: object, account: str, body: object, block: object) -> dict[str, bytes]:
            assert getattr(block, "rules_version", 0) == 2
            return rule(view, account, body, block)  # type: ignore[arg-type]

        return judge

    second = {kind: stricter(rule) for kind, rule in RULES.items()}
    monkeypatch.setattr("registry_chain.rules.VERSIONS", {1: RULES, 2: second})
    engine, _, ledger = engine_with_plan(tmp_path / "c.db")
    good = proposal(plan(90, version=3), at=ledger.time)
    token = ledger.tx("voter-1", good, lane=3, valid_until_height=80)
    outcome = engine.wait(engine.submit(token.encode()), 5)
    assert (outcome.code, outcome.height) == (0, 4)
    versions = [
        block["light_block"]["signed_header"]["header"]["version"]["app"]  # type: ignore[index,call-overload]
        for block in engine.blocks(1, 10)
    ]
    assert versions == ["1", "1", "1", "2", "2"]
    assert replay(engine.blocks(1, 100), ledger.genesis).ok
    monkeypatch.undo()
    report = replay(engine.blocks(1, 100), ledger.genesis)
    assert not report.ok
    assert report.first_difference is not None
    assert "chain.upgrade_needed" in report.first_difference
    engine.close()


def test_a_genesis_starts_with_known_rules() -> None:
    """[REG-UPG-4], [REG-GEN-1]"""
    from registry_chain.genesis import Genesis

    with pytest.raises(Malformed):
        Genesis.from_json(make_genesis().to_json() | {"rules_version": 2})


# --- disputes ---

CASE = OpenDispute(dispute="case-1", record="verifier/minpaku-one", reason="wrong_number")


def disputed(ledger: Council) -> tuple[DisputeRecord, CorrectionRecord]:
    return (
        DisputeRecord.from_bytes(ledger.state["dispute/case-1"]),
        CorrectionRecord.from_bytes(ledger.state["correction/verifier/minpaku-one"]),
    )


def finding(outcome: str) -> ResolveDispute:
    return ResolveDispute(dispute="case-1", outcome=outcome, finding="The number is another's.")


def test_a_dispute_is_held_then_resolved_and_nothing_rewritten() -> None:
    """[REG-DIS-1], [REG-DIS-3], [REG-DIS-4], [REG-DIS-5]"""
    ledger = Council.of(3).settle()
    before = ledger.state["verifier/minpaku-one"]
    ledger.do("minpaku-one", CASE)
    record, beside = disputed(ledger)
    assert (record.state, beside.state, beside.dispute) == ("held", "held", "case-1")
    arbiters = ("car-two", "watcher", "voter-3")
    ledger.carry(AssignArbiters(dispute="case-1", arbiters=arbiters))
    ledger.do("car-two", finding("upheld"))
    ledger.do("watcher", finding("dismissed"))
    assert disputed(ledger)[1].state == "held"
    ledger.do("voter-3", finding("upheld"))
    record, beside = disputed(ledger)
    assert (record.state, beside.state) == ("upheld", "upheld")
    assert [one.outcome for one in record.findings] == ["upheld", "dismissed", "upheld"]
    assert ledger.state["verifier/minpaku-one"] == before
    with refused(ledger, "REG-DIS-4", "dispute_resolved"):
        ledger.do("watcher", finding("dismissed"))
    ledger.do("voter-1", replace(CASE, dispute="case-2"))


def test_who_may_open_a_dispute() -> None:
    """[REG-DIS-1], [REG-DIS-2]"""
    ledger = Council.of(3).settle()
    with refused(ledger, "REG-DIS-1", "not_affected"):
        ledger.do("car-two", CASE)
    for key in ("verifier/nobody", "config/chain", "lane/voter-1"):
        with refused(ledger, "REG-DIS-1", "record_unknown"):
            ledger.do("voter-1", replace(CASE, record=key))
    ledger.do("voter-1", CASE)
    with refused(ledger, "REG-DIS-2", "dispute_exists"):
        ledger.do("voter-1", replace(CASE, record="issuer/city-kyc"))
    with refused(ledger, "REG-DIS-2", "dispute_held"):
        ledger.do("minpaku-one", replace(CASE, dispute="case-2"))


def test_who_may_judge() -> None:
    """[REG-DIS-3]"""
    ledger = Council.of(3).settle()
    ledger.do("voter-1", CASE)
    with refused(ledger, "REG-DIS-3", "needs_decision"):
        ledger.do("voter-1", AssignArbiters(dispute="case-1", arbiters=("watcher",)))
    for arbiter in ("voter-1", "minpaku-one", "nobody"):
        body = AssignArbiters(dispute="case-1", arbiters=(arbiter,))
        record = ledger.proposal(ledger.carry(body))
        assert (record.state, record.rule) == ("failed", "REG-DIS-3")
    for names in ([], ["watcher", "car-two"], ["watcher", "watcher", "car-two"]):
        with pytest.raises(Malformed):
            AssignArbiters.from_json({"dispute": "case-1", "arbiters": list(names)})


def test_an_arbiter_speaks_once() -> None:
    """[REG-DIS-4]"""
    ledger = Council.of(3).settle()
    ledger.do("voter-1", CASE)
    with refused(ledger, "REG-DIS-4", "not_arbiter"):
        ledger.do("watcher", finding("upheld"))
    arbiters = ("watcher", "car-two", "voter-2")
    ledger.carry(AssignArbiters(dispute="case-1", arbiters=arbiters))
    ledger.do("watcher", finding("upheld"))
    with refused(ledger, "REG-DIS-4", "finding_given"):
        ledger.do("watcher", finding("upheld"))
    with refused(ledger, "REG-DIS-4", "dispute_unknown"):
        ledger.do("watcher", replace(finding("upheld"), dispute="case-9"))
