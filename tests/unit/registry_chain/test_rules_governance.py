"""Proposals and ballots [REG-GOV-1] to [REG-GOV-12]."""

from dataclasses import replace

import pytest

from registry_chain.genesis import Params
from registry_chain.records import BallotRecord, ParamsRecord
from registry_chain.rules.electorate import reaches
from registry_chain.transactions import (
    Class,
    Propose,
    SetParams,
    SetRoles,
    SuspendIssuer,
    SuspendMember,
    UpdateMemberKeys,
    class_of,
    proposal_digest,
    proposal_id,
)
from registry_chain.transactions import fields as f
from registry_chain.transactions.fields import bare_jwk
from ssi.errors import Malformed
from tests.support.council import Council, expulsion, newcomer
from tests.support.refusals import refused
from tests.support.registry import DAY, T0, accreditation, make_genesis, proposal, signer

WEEK = 7 * DAY
LONGER = SetParams(timelock=30 * DAY)


def test_three_voters_decide_together() -> None:
    """[REG-GOV-1], [REG-GOV-2], [REG-GOV-3]"""
    ledger = Council.of(3)
    name = ledger.propose("voter-1", accreditation())
    record = ledger.proposal(name)
    assert (record.state, record.grade, record.yes, record.no, record.voters) == (
        "open",
        "C",
        1,
        0,
        3,
    )
    assert BallotRecord.from_bytes(ledger.state[f"ballot/{name}/voter-1"]).yes
    assert "issuer/city-kyc" not in ledger.state
    ledger.vote("voter-2", name)
    assert ledger.proposal(name).state == "executed"
    assert "issuer/city-kyc" in ledger.state


def test_only_voters_propose_and_vote() -> None:
    """[REG-GOV-1]"""
    ledger = Council.of(3)
    with refused(ledger, "REG-GOV-1", "not_voter"):
        ledger.propose("city-kyc", accreditation())
    name = ledger.propose("voter-1", accreditation())
    with refused(ledger, "REG-GOV-1", "not_voter"):
        ledger.vote("watcher", name)
    with refused(ledger, "REG-ISS-1", "needs_decision"):
        ledger.do("voter-1", accreditation())


@pytest.mark.parametrize("days", [0, 91])
def test_a_proposal_has_its_time(days: int) -> None:
    """[REG-GOV-2]"""
    ledger = Council.of(3)
    with refused(ledger, "REG-GOV-2", "period"):
        ledger.propose("voter-1", accreditation(), expires_at=ledger.time + days * DAY)


def test_an_id_is_used_once() -> None:
    """[REG-GOV-2]"""
    ledger = Council.of(3)
    ledger.propose("voter-1", accreditation(), id="accredit")
    with refused(ledger, "REG-GOV-2", "proposal_exists"):
        ledger.propose("voter-2", accreditation(), id="accredit")
    body = replace(proposal(accreditation(), at=ledger.time), id=None)
    ledger.do("voter-1", body)
    own = proposal_id(body, chain_id="test-chain", proposer="voter-1")
    assert ledger.proposal(own).digest == proposal_digest(
        body, chain_id="test-chain", proposer="voter-1"
    )
    with refused(ledger, "REG-GOV-2", "proposal_exists"):
        ledger.do("voter-1", body)


@pytest.mark.parametrize(
    ("grade", "of", "least"),
    [
        (Class.A, 1, 1), (Class.A, 3, 3), (Class.A, 4, 3), (Class.A, 5, 4), (Class.A, 8, 6),
        (Class.B, 1, 1), (Class.B, 3, 3), (Class.B, 4, 3), (Class.B, 6, 5), (Class.B, 9, 7),
        (Class.C, 1, 1), (Class.C, 2, 2), (Class.C, 3, 2), (Class.C, 4, 3), (Class.C, 9, 5),
    ],
)  # fmt: skip
def test_the_majorities(grade: Class, of: int, least: int) -> None:
    """[REG-GOV-3]: at least 3/4, more than 2/3, more than 1/2."""
    needed = {Class.A: (3, 4), Class.B: (2, 3), Class.C: (1, 2)}[grade]
    assert next(count for count in range(of + 1) if reaches(count, of, needed, grade)) == least


def test_the_gravest_action_gives_the_class() -> None:
    """[REG-GOV-3]"""
    grades = [
        class_of(proposal(*bodies, at=T0).actions)
        for bodies in (
            (accreditation(),),
            (accreditation(), newcomer("new-one")),
            (accreditation(), newcomer("new-one"), LONGER),
        )
    ]
    assert grades == [Class.C, Class.B, Class.A]


def test_the_subject_has_no_vote_on_its_own_expulsion() -> None:
    """[REG-GOV-3]"""
    ledger = Council.of(4)
    name = ledger.propose("voter-1", expulsion("voter-4"))
    ledger.vote("voter-4", name, yes=False)
    ledger.vote("voter-2", name)
    assert ledger.proposal(name).state == "open"
    ledger.vote("voter-3", name)
    assert ledger.proposal(name).state == "executed"
    assert ledger.member("voter-4").state == "expelled"


def test_of_two_voters_neither_expels_the_other() -> None:
    """[REG-GOV-3]"""
    ledger = Council.of(2)
    name = ledger.propose("voter-1", expulsion("voter-2"))
    assert ledger.proposal(name).state == "rejected"
    name = ledger.propose("voter-1", newcomer("third"))
    assert ledger.proposal(name).state == "open"


def test_what_cannot_be_carried_is_rejected_at_once() -> None:
    """[REG-GOV-7]"""
    ledger = Council.of(3)
    name = ledger.propose("voter-1", newcomer("new-one"))
    ledger.vote("voter-2", name, yes=False)
    record = ledger.proposal(name)
    assert (record.state, record.yes, record.no) == ("rejected", 1, 1)
    with refused(ledger, "REG-GOV-5", "proposal_closed"):
        ledger.vote("voter-3", name)


def test_all_actions_or_none() -> None:
    """[REG-GOV-8]: a later ballot that decides leaves the proposal failed, with the reason."""
    ledger = Council.of(3)
    name = ledger.propose("voter-1", accreditation(), SuspendIssuer(issuer="car-two", reason="x"))
    ledger.vote("voter-2", name)
    record = ledger.proposal(name)
    assert (record.state, record.rule, record.error, record.yes) == (
        "failed",
        "REG-ISS-4",
        "chain.issuer_unknown",
        2,
    )
    assert "issuer/city-kyc" not in ledger.state
    assert f"ballot/{name}/voter-2" in ledger.state


def test_later_actions_see_what_earlier_ones_did() -> None:
    """[REG-GOV-8]"""
    ledger = Council.of(1)
    ledger.propose("voter-1", accreditation(), SuspendIssuer(issuer="city-kyc", reason="x"))
    assert b'"state":"suspended"' in ledger.state["issuer/city-kyc"]


def test_a_sole_voters_bad_proposal_is_refused_itself() -> None:
    """[REG-GOV-8]"""
    ledger = Council.of(1)
    with refused(ledger, "REG-ISS-4", "issuer_unknown"):
        ledger.propose("voter-1", accreditation(), SuspendIssuer(issuer="car-two", reason="x"))


def test_a_constitution_waits_a_week() -> None:
    """[REG-GOV-9], [REG-GOV-12]"""
    ledger = Council.of(4)
    name = ledger.propose("voter-1", LONGER)
    with refused(ledger, "REG-GOV-9", "proposal_not_passed"):
        ledger.execute("voter-1", name)
    ledger.vote("voter-2", name)
    ledger.vote("voter-3", name)
    record = ledger.proposal(name)
    assert (record.state, record.executable_at) == ("passed", record.time + WEEK)
    ledger.time = record.time + WEEK - 1
    with refused(ledger, "REG-GOV-9", "timelock"):
        ledger.execute("voter-1", name)
    ledger.time = record.time + WEEK
    with refused(ledger, "REG-GOV-1", "not_voter"):
        ledger.execute("watcher", name)
    ledger.execute("voter-4", name)
    assert ledger.proposal(name).state == "executed"
    params = ParamsRecord.from_bytes(ledger.state["config/governance"])
    assert params.timelock == 30 * DAY
    with refused(ledger, "REG-GOV-9", "proposal_not_passed"):
        ledger.execute("voter-4", name)


def test_what_passed_is_not_kept_for_ever() -> None:
    """[REG-GOV-9]"""
    ledger = Council.of(1)
    name = ledger.propose("voter-1", LONGER)
    ledger.time += WEEK + 31 * DAY
    with refused(ledger, "REG-GOV-9", "proposal_expired"):
        ledger.execute("voter-1", name)


def test_the_voters_of_the_day_carry_it() -> None:
    """[REG-GOV-9]: those who said yes and left do not count any more."""
    ledger = Council.of(5)
    name = ledger.propose("voter-1", LONGER)
    for account in ("voter-2", "voter-3", "voter-4"):
        ledger.vote(account, name)
    assert ledger.proposal(name).state == "passed"
    gone = ledger.propose("voter-1", expulsion("voter-4"))
    for account in ("voter-2", "voter-3", "voter-5"):
        if ledger.proposal(gone).state == "open":
            ledger.vote(account, gone)
    again = ledger.propose("voter-1", expulsion("voter-3"))
    ledger.vote("voter-2", again)
    ledger.vote("voter-5", again)
    assert ledger.member("voter-3").state == "expelled"
    ledger.time += WEEK
    with refused(ledger, "REG-GOV-9", "not_carried"):
        ledger.execute("voter-1", name)


def test_only_a_demonstration_has_another_timelock() -> None:
    """[REG-GOV-10]"""
    with pytest.raises(Malformed):
        make_genesis(loopback=False, timelock=1)
    with pytest.raises(Malformed):
        make_genesis(timelock=WEEK + 1)
    assert Params.read({"loopback": True, "timelock": 60}).timelock == 60
    ledger = Council.of(1, timelock=0)
    ledger.propose("voter-1", LONGER)
    assert ParamsRecord.from_bytes(ledger.state["config/governance"]).timelock == 30 * DAY


def test_a_voter_is_always_left() -> None:
    """[REG-GOV-11]"""
    ledger = Council.of(1)
    for body in (
        expulsion("voter-1"),
        SetRoles(member="voter-1", roles=("auditor",)),
        SuspendMember(member="voter-1", reason="x"),
    ):
        with refused(ledger, "REG-GOV-11", "no_voter_left"):
            ledger.propose("voter-1", body)


PARAMS = {
    "a lower majority": (SetParams(majority_a=(2, 3)), "majority"),
    "a lower majority of B": (SetParams(majority_b=(1, 2)), "majority"),
    "a lower majority of C": (SetParams(majority_c=(1, 3)), "majority"),
    "a short timelock": (SetParams(timelock=DAY), "period"),
    "a timelock of years": (SetParams(timelock=400 * DAY), "period"),
    "an emergency of a week": (SetParams(emergency=WEEK), "period"),
}


@pytest.mark.parametrize(("body", "code"), PARAMS.values(), ids=PARAMS.keys())
def test_no_vote_lowers_the_floor(body: SetParams, code: str) -> None:
    """[REG-GOV-12]"""
    ledger = Council.of(1, loopback=False)
    name = ledger.propose("voter-1", body)
    ledger.time += WEEK
    with refused(ledger, "REG-GOV-12", code):
        ledger.execute("voter-1", name)


def test_a_majority_may_rise() -> None:
    """[REG-GOV-12]"""
    ledger = Council.of(3, timelock=0)
    ledger.carry(SetParams(majority_c=(1, 1)))
    name = ledger.propose("voter-1", accreditation())
    ledger.vote("voter-2", name)
    assert ledger.proposal(name).state == "open"
    ledger.vote("voter-3", name)
    assert ledger.proposal(name).state == "executed"


def test_the_voters_restore_a_members_keys() -> None:
    """[REG-MEM-3], [REG-GOV-3]: the member has no vote on its own keys."""
    ledger = Council.of(4)
    keys = (bare_jwk(signer("found again").public_key),)
    name = ledger.propose("voter-1", UpdateMemberKeys(member="voter-4", keys=keys))
    ledger.vote("voter-2", name)
    ledger.vote("voter-3", name)
    assert ledger.member("voter-4").keys == keys


def test_roles_change_by_decision() -> None:
    """[REG-MEM-6]"""
    ledger = Council.of(3)
    ledger.carry(SetRoles(member="watcher", roles=("auditor", "voter")))
    assert ledger.member("watcher").voter_since == ledger.height - 1
    ledger.propose("watcher", accreditation())
    ledger.carry(SetRoles(member="watcher", roles=("auditor",)))
    with refused(ledger, "REG-GOV-1", "not_voter"):
        ledger.propose("watcher", accreditation())
    with refused(ledger, "REG-MEM-6", "needs_decision"):
        ledger.do("voter-1", SetRoles(member="car-two", roles=("voter",)))


def test_expulsion_is_final() -> None:
    """[REG-MEM-5], [REG-MEM-1]: the id is never given again, the entries end."""
    ledger = Council.of(3).settle()
    ledger.carry(expulsion("city-kyc"))
    assert b'"reason":"expelled"' in ledger.state["issuer/city-kyc"]
    with refused(ledger, "REG-TX-5", "member_expelled"):
        ledger.do("city-kyc", SuspendIssuer(issuer="city-kyc", reason="x"))
    for body, rule, code in (
        (newcomer("city-kyc"), "REG-MEM-1", "chain.member_exists"),
        (SetRoles(member="city-kyc", roles=("voter",)), "REG-MEM-6", "chain.member_expelled"),
        (accreditation(), "REG-ISS-2", "chain.role_missing"),
    ):
        record = ledger.proposal(ledger.carry(body))
        assert (record.state, record.rule, record.error) == ("failed", rule, code)
    with refused(ledger, "REG-MEM-5", "needs_decision"):
        ledger.do("voter-1", expulsion("car-two"))


ODD_PROPOSALS: dict[str, dict[str, object]] = {
    "no action": {"actions": []},
    "too many": {"actions": [f.plain(proposal(accreditation(), at=T0).actions[0])] * 33},
    "a ballot as action": {
        "actions": [{"type": "gov.vote", "body": {"proposal": "abc", "digest": "", "yes": True}}]
    },
    "what members do themselves": {
        "actions": [{"type": "anchor.batch", "body": {"batch": "abc", "root": "x", "size": 1}}]
    },
    "another member": {"urgent": True},
    "no reason": {"reason": ""},
}


@pytest.mark.parametrize("changes", ODD_PROPOSALS.values(), ids=ODD_PROPOSALS.keys())
def test_odd_proposals(changes: dict[str, object]) -> None:
    """[REG-TX-8]"""
    good = f.plain_object(proposal(accreditation(), at=T0))
    assert Propose.from_json(good)
    with pytest.raises(Malformed):
        Propose.from_json(good | changes)  # type: ignore[operator]
