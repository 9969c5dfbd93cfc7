"""Emergencies and pauses [REG-EMG-1] to [REG-EMG-8], [REG-PAU-1], [REG-PAU-2]."""

import pytest

from registry_chain.records import (
    ACTIVE,
    RETIRED,
    SUSPENDED,
    IssuerRecord,
    KeyRecord,
    signing_key_key,
)
from registry_chain.transactions import (
    AnchorBatch,
    EmergencySuspend,
    LiftSuspension,
    PauseFamilies,
    RatifySuspension,
    ReinstateIssuer,
    RevokeKey,
    SuspendIssuer,
    SuspendMember,
    UpdateVerifier,
    register_key,
    rotate_key,
)
from ssi.errors import Malformed
from ssi.keys import Alg
from tests.support.council import Council
from tests.support.refusals import refused
from tests.support.registry import CHAIN, DAY, T0, YEAR, digest_of, profile, signer

HOUR = 3600
ISSUER = "issuer/city-kyc"
BATCH = AnchorBatch(batch="batch-1", root=digest_of("r"), size=1)


def issuer(ledger: Council) -> IssuerRecord:
    return IssuerRecord.from_bytes(ledger.state[ISSUER])


def test_two_voters_stop_an_issuer_for_three_days() -> None:
    """[REG-EMG-1], [REG-EMG-2], [REG-EMG-4]"""
    ledger = Council.of(3).settle()
    ledger.call("voter-1", ISSUER)
    assert issuer(ledger).state == ACTIVE
    ledger.do("city-kyc", BATCH)
    ledger.call("voter-2", ISSUER)
    record = issuer(ledger)
    assert (record.state, record.suspended_by) == (SUSPENDED, f"emergency/{ISSUER}")
    assert record.suspended_until == record.time + 72 * HOUR
    with refused(ledger, "REG-ANC-1", "issuer_suspended"):
        ledger.do("city-kyc", BATCH)
    with refused(ledger, "REG-REC-4", "needs_decision"):
        ledger.do("city-kyc", ReinstateIssuer(issuer="city-kyc"))
    ledger.time = record.suspended_until
    ledger.do("city-kyc", AnchorBatch(batch="batch-2", root=digest_of("r"), size=1))


def test_a_reader_sees_the_lapse_by_the_time_of_the_block() -> None:
    """[REG-EMG-4], [REG-ISS-6]"""
    ledger = Council.of(3).settle()
    ledger.call("voter-1", ISSUER)
    ledger.call("voter-2", ISSUER)
    record = issuer(ledger)
    until = record.suspended_until
    assert until is not None
    assert record.settled(until - 1).state == SUSPENDED
    assert record.settled(until).state == ACTIVE
    assert [record.accredited_at(time) for time in (record.time - 1, record.time, until)] == [
        True,
        False,
        True,
    ]
    assert not record.settled(until).accredited_at(until - 1)  # what was, stays told


def test_the_subject_stops_itself_at_once() -> None:
    """[REG-EMG-1]"""
    ledger = Council.of(3).settle()
    ledger.call("city-kyc", ISSUER)
    assert issuer(ledger).suspended_by == "city-kyc"
    ledger.do("city-kyc", ReinstateIssuer(issuer="city-kyc"))
    with refused(ledger, "REG-EMG-1", "not_voter"):
        ledger.call("car-two", ISSUER)


def test_a_call_waits_a_day_for_a_second_voter() -> None:
    """[REG-EMG-2]"""
    ledger = Council.of(3).settle()
    ledger.call("voter-1", ISSUER)
    with refused(ledger, "REG-EMG-2", "second_voter"):
        ledger.call("voter-1", ISSUER)
    ledger.time += DAY
    ledger.call("voter-2", ISSUER)
    assert issuer(ledger).state == ACTIVE
    ledger.call("voter-3", ISSUER)
    assert issuer(ledger).state == SUSPENDED


def test_a_call_of_one_who_was_stopped_himself_does_not_count() -> None:
    """[REG-EMG-2], [REG-EMG-8]"""
    ledger = Council.of(4).settle()
    ledger.call("voter-4", ISSUER)
    ledger.call("voter-1", "member/voter-4")
    ledger.call("voter-2", "member/voter-4")
    ledger.call("voter-3", ISSUER)
    assert issuer(ledger).state == ACTIVE
    with refused(ledger, "REG-TX-5", "member_suspended"):
        ledger.call("voter-4", ISSUER)


def test_a_stopped_voter_keeps_its_ballot_until_class_b_takes_it() -> None:
    """[REG-EMG-8]"""
    ledger = Council.of(4).settle()
    ledger.call("voter-1", "member/voter-4")
    ledger.call("voter-2", "member/voter-4")
    ledger.carry(RatifySuspension(target="member/voter-4"))
    assert ledger.member("voter-4").suspended_until is None
    name = ledger.propose("voter-4", SuspendIssuer(issuer="city-kyc", reason="x"))
    assert ledger.proposal(name).voters == 4
    ledger.carry(SuspendMember(member="voter-4", reason="x"))
    with refused(ledger, "REG-TX-5", "member_suspended"):
        ledger.propose("voter-4", SuspendIssuer(issuer="city-kyc", reason="x"))


@pytest.mark.parametrize("target", ["issuer/nobody", "verifier/nobody", "member/nobody"])
def test_what_is_not_there_is_not_stopped(target: str) -> None:
    """[REG-EMG-3]"""
    ledger = Council.of(3)
    with refused(ledger, "REG-EMG-3", "target_unknown"):
        ledger.call("voter-1", target)


def test_what_is_stopped_is_not_stopped_again() -> None:
    """[REG-EMG-3]"""
    ledger = Council.of(3).settle()
    ledger.do("city-kyc", SuspendIssuer(issuer="city-kyc", reason="holiday"))
    with refused(ledger, "REG-EMG-3", "not_active"):
        ledger.call("voter-1", ISSUER)


@pytest.mark.parametrize(
    "target",
    ["issuer", "issuer/", "lane/x-y", "key/city-kyc", "key/city-kyc/short", "family/", "member/A"],
)
def test_odd_targets(target: str) -> None:
    """[REG-EMG-1]"""
    with pytest.raises(Malformed):
        EmergencySuspend.from_json({"target": target, "reason": "x"})


def test_a_suspension_is_ratified() -> None:
    """[REG-EMG-5]"""
    ledger = Council.of(3).settle()
    with refused(ledger, "REG-EMG-5", "needs_decision"):
        ledger.do("voter-1", RatifySuspension(target=ISSUER))
    ledger.call("voter-1", ISSUER)
    ledger.call("voter-2", ISSUER)
    ledger.carry(RatifySuspension(target=ISSUER))
    ledger.time += YEAR
    assert issuer(ledger).settled(ledger.time).state == SUSPENDED
    ledger.carry(LiftSuspension(target=ISSUER))
    assert issuer(ledger).state == ACTIVE


def test_what_lapsed_is_not_ratified() -> None:
    """[REG-EMG-5]"""
    ledger = Council.of(3).settle()
    ledger.call("voter-1", ISSUER)
    ledger.call("voter-2", ISSUER)
    ledger.time += 72 * HOUR
    record = ledger.proposal(ledger.carry(RatifySuspension(target=ISSUER)))
    assert (record.state, record.error) == ("failed", "chain.no_emergency")


def test_a_suspension_is_lifted() -> None:
    """[REG-EMG-6]"""
    ledger = Council.of(3).settle()
    record = ledger.proposal(ledger.carry(LiftSuspension(target=ISSUER)))
    assert (record.state, record.rule) == ("failed", "REG-EMG-6")
    ledger.call("voter-1", ISSUER)
    ledger.call("voter-2", ISSUER)
    ledger.carry(LiftSuspension(target=ISSUER))
    assert issuer(ledger).state == ACTIVE
    with refused(ledger, "REG-EMG-7", "emergency_repeated"):
        ledger.call("voter-1", ISSUER)


def test_what_was_not_ratified_rests() -> None:
    """[REG-EMG-7]: for a month only a decision stops it again."""
    ledger = Council.of(3).settle()
    ledger.call("voter-1", ISSUER)
    ledger.call("voter-2", ISSUER)
    ledger.time += 72 * HOUR + 29 * DAY
    with refused(ledger, "REG-EMG-7", "emergency_repeated"):
        ledger.call("voter-3", ISSUER)
    ledger.carry(SuspendIssuer(issuer="city-kyc", reason="x"))
    ledger.carry(ReinstateIssuer(issuer="city-kyc"))
    ledger.time += DAY
    ledger.call("voter-3", ISSUER)


def test_a_key_is_stopped_and_comes_back_as_it_was() -> None:
    """[REG-EMG-3], [REG-EMG-4], [REG-KEY-6]"""
    ledger = Council.of(3).settle()
    old, new = signer("signing", Alg.ES256), signer("next", Alg.ES256)
    ledger.do(
        "city-kyc",
        register_key(
            old,
            chain_id=CHAIN,
            issuer="city-kyc",
            use="credential",
            valid_from=T0,
            valid_until=T0 + YEAR,
        ),
    )
    ledger.do(
        "city-kyc",
        rotate_key(
            new,
            chain_id=CHAIN,
            issuer="city-kyc",
            thumbprint=old.public_key.thumbprint(),
            valid_until=T0 + YEAR,
        ),
    )
    for key, state in ((old, RETIRED), (new, ACTIVE)):
        target = signing_key_key("city-kyc", key.public_key.thumbprint())
        before = KeyRecord.from_bytes(ledger.state[target])
        ledger.call("city-kyc", target)
        stopped = KeyRecord.from_bytes(ledger.state[target])
        assert before.good_at(before.valid_until)
        assert not stopped.good_at(before.valid_until)
        assert stopped.settled(ledger.time + 72 * HOUR).state == state == before.state


def pause(ledger: Council, *families: str, hours: int = 24) -> PauseFamilies:
    return PauseFamilies(families=families, until=ledger.time + hours * HOUR, reason="incident")


def test_a_pause_ends_by_itself() -> None:
    """[REG-PAU-1], [REG-PAU-2]"""
    ledger = Council.of(3).settle()
    ledger.carry(pause(ledger, "anchor", "verifier"))
    with refused(ledger, "REG-PAU-2", "paused"):
        ledger.do("city-kyc", BATCH)
    with refused(ledger, "REG-PAU-2", "paused"):
        ledger.do("minpaku-one", UpdateVerifier(verifier="minpaku-one", profile=profile()))
    ledger.time += DAY
    ledger.do("city-kyc", BATCH)


def test_what_protects_goes_on_during_a_pause() -> None:
    """[REG-PAU-2]"""
    ledger = Council.of(3).settle()
    ledger.carry(pause(ledger, "issuer", "key"))
    with refused(ledger, "REG-KEY-5", "key_unknown"):  # asked, not paused
        ledger.do(
            "city-kyc",
            RevokeKey(issuer="city-kyc", thumbprint=digest_of("x"), compromised_since=None),
        )
    ledger.do("city-kyc", SuspendIssuer(issuer="city-kyc", reason="leak"))


def test_two_voters_pause_in_an_emergency() -> None:
    """[REG-PAU-1], [REG-EMG-1], [REG-EMG-7]"""
    ledger = Council.of(3).settle()
    ledger.call("voter-1", "family/anchor")
    ledger.call("voter-2", "family/anchor")
    with refused(ledger, "REG-PAU-2", "paused"):
        ledger.do("city-kyc", BATCH)
    with refused(ledger, "REG-PAU-1", "paused"):
        ledger.call("voter-1", "family/anchor")
    record = ledger.proposal(ledger.carry(RatifySuspension(target="family/anchor")))
    assert (record.state, record.error) == ("failed", "chain.not_ratifiable")
    ledger.carry(LiftSuspension(target="family/anchor"))
    ledger.do("city-kyc", BATCH)
    with refused(ledger, "REG-EMG-7", "emergency_repeated"):
        ledger.call("voter-1", "family/anchor")


@pytest.mark.parametrize("family", ["gov", "emergency", "status", "member", "dispute"])
def test_what_is_never_paused(family: str) -> None:
    """[REG-PAU-1], [REG-PAU-2]"""
    ledger = Council.of(3).settle()
    with refused(ledger, "REG-PAU-1", "not_pausable"):
        ledger.call("voter-1", f"family/{family}")
    record = ledger.proposal(ledger.carry(pause(ledger, family)))
    assert (record.state, record.rule) == ("failed", "REG-PAU-1")


def test_a_pause_is_short() -> None:
    """[REG-PAU-1]"""
    ledger = Council.of(1)
    for hours in (0, 73):
        with refused(ledger, "REG-PAU-1", "period"):
            ledger.propose("voter-1", pause(ledger, "anchor", hours=hours))
