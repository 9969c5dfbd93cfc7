"""Attempts to take the chain over, each of which must be refused and change nothing but ballots.

Five voters; ``voter-1`` and ``voter-2`` are the attackers. Every attack says which clause stops it.
"""

from collections.abc import Callable

import pytest

from registry_chain.application import Application
from registry_chain.store import Store
from registry_chain.transactions import (
    PauseFamilies,
    RatifySuspension,
    SetParams,
    SetRoles,
    SuspendMember,
    Vote,
)
from ssi.errors import Refused
from tests.support.council import Council, expulsion, newcomer, voter
from tests.support.registry import DAY, accreditation, digest_of, make_genesis, proposal

Attack = Callable[[Council], None]


def minority_accredits(ledger: Council) -> None:
    name = ledger.propose("voter-1", accreditation())
    ledger.vote("voter-2", name)
    assert ledger.proposal(name).state == "open"


def votes_twice(ledger: Council) -> None:
    name = ledger.propose("voter-1", accreditation())
    ledger.vote("voter-1", name)


def changes_a_ballot(ledger: Council) -> None:
    name = ledger.propose("voter-3", accreditation())
    ledger.vote("voter-1", name, yes=False)
    ledger.vote("voter-1", name)


def replays_a_ballot(ledger: Council) -> None:
    name = ledger.propose("voter-3", accreditation())
    body = Vote(proposal=name, digest=ledger.proposal(name).digest, yes=True)
    token = ledger.tx("voter-1", body)
    ledger.put(token)
    ledger.put(token)


def swaps_what_was_read(ledger: Council) -> None:
    shown = ledger.propose("voter-3", newcomer("honest-one", "auditor"))
    hidden = ledger.propose("voter-1", newcomer("sock-puppet"))
    ledger.vote("voter-4", hidden, digest=ledger.proposal(shown).digest)


def votes_too_late(ledger: Council) -> None:
    name = ledger.propose("voter-1", accreditation())
    ledger.vote("voter-2", name)
    ledger.time += DAY
    ledger.vote("voter-3", name)


def votes_after_expulsion(ledger: Council) -> None:
    name = ledger.propose("voter-1", accreditation())
    gone = ledger.propose("voter-3", expulsion("voter-2"))
    for account in ("voter-4", "voter-5", "voter-1"):
        if ledger.proposal(gone).state == "open":
            ledger.vote(account, gone)
    assert ledger.member("voter-2").state == "expelled"
    ledger.vote("voter-2", name)


def names_the_others_to_exclude_them(ledger: Council) -> None:
    name = ledger.propose("voter-1", *(expulsion(voter(number)) for number in (3, 4, 5)))
    ledger.vote("voter-2", name)
    assert ledger.proposal(name).state == "open"


def names_them_in_a_graver_proposal(ledger: Council) -> None:
    actions = [SuspendMember(member=voter(number), reason="x") for number in (3, 4, 5)]
    name = ledger.propose("voter-1", SetParams(timelock=30 * DAY), *actions)
    ledger.vote("voter-2", name)
    assert ledger.proposal(name).state == "open"


def silences_the_others(ledger: Council) -> None:
    """Two voters stop the other three, and then try to be all that is left."""
    for number in (3, 4, 5):
        ledger.call("voter-1", f"member/{voter(number)}")
        ledger.call("voter-2", f"member/{voter(number)}")
        assert ledger.member(voter(number)).state == "suspended"
    name = ledger.propose("voter-1", newcomer("sock-puppet"))
    ledger.vote("voter-2", name)
    assert ledger.proposal(name).state == "open"
    ledger.vote("voter-3", name, yes=False)
    ledger.vote("voter-4", name, yes=False)
    assert ledger.proposal(name).state == "rejected"


def ratifies_its_own_suspensions(ledger: Council) -> None:
    ledger.call("voter-1", "member/voter-3")
    ledger.call("voter-2", "member/voter-3")
    name = ledger.propose("voter-1", RatifySuspension(target="member/voter-3"))
    ledger.vote("voter-2", name)
    assert ledger.proposal(name).state == "open"


def repeats_an_emergency(ledger: Council) -> None:
    ledger.call("voter-1", "member/voter-3")
    ledger.call("voter-2", "member/voter-3")
    ledger.time += 3 * DAY
    ledger.call("voter-1", "member/voter-3")


def calls_twice_alone(ledger: Council) -> None:
    ledger.call("voter-1", "member/voter-3")
    ledger.call("voter-1", "member/voter-3")


def brings_new_voters_to_an_old_proposal(ledger: Council) -> None:
    name = ledger.propose("voter-1", accreditation())
    ledger.vote("voter-2", name)
    ledger.carry(newcomer("sock-puppet"))
    ledger.vote("sock-puppet", name)


def lends_itself_the_vote(ledger: Council) -> None:
    ledger.do("car-two", SetRoles(member="car-two", roles=("voter",)))


def pauses_the_government(ledger: Council) -> None:
    name = ledger.propose(
        "voter-1", PauseFamilies(families=("gov",), until=ledger.time + DAY, reason="x")
    )
    ledger.vote("voter-3", name)
    ledger.vote("voter-4", name)
    record = ledger.proposal(name)
    assert (record.state, record.rule) == ("failed", "REG-PAU-1")


def votes_from_another_chain(ledger: Council) -> None:
    name = ledger.propose("voter-3", accreditation())
    body = Vote(proposal=name, digest=ledger.proposal(name).digest, yes=True)
    ledger.do("voter-1", body, chain_id="test-chain-2")


def invents_a_proposal(ledger: Council) -> None:
    ledger.do("voter-1", Vote(proposal="never-made", digest=digest_of("x"), yes=True))


ATTACKS: tuple[tuple[Attack, str, str], ...] = (
    (minority_accredits, "", ""),
    (votes_twice, "REG-GOV-5", "ballot_cast"),
    (changes_a_ballot, "REG-GOV-5", "ballot_cast"),
    (replays_a_ballot, "REG-TX-6", "replayed"),
    (swaps_what_was_read, "REG-GOV-4", "proposal_digest"),
    (votes_too_late, "REG-GOV-5", "proposal_expired"),
    (votes_after_expulsion, "REG-TX-5", "member_expelled"),
    (names_the_others_to_exclude_them, "", ""),
    (names_them_in_a_graver_proposal, "", ""),
    (silences_the_others, "", ""),
    (ratifies_its_own_suspensions, "", ""),
    (repeats_an_emergency, "REG-EMG-7", "emergency_repeated"),
    (calls_twice_alone, "REG-EMG-2", "second_voter"),
    (brings_new_voters_to_an_old_proposal, "REG-GOV-6", "not_voter_then"),
    (lends_itself_the_vote, "REG-MEM-6", "needs_decision"),
    (pauses_the_government, "", ""),
    (votes_from_another_chain, "REG-TX-2", "wrong_chain"),
    (invents_a_proposal, "REG-GOV-5", "proposal_unknown"),
)


@pytest.mark.parametrize(
    ("attack", "rule", "code"), ATTACKS, ids=[attack.__name__ for attack, _, _ in ATTACKS]
)
def test_a_takeover_is_refused(attack: Attack, rule: str, code: str) -> None:
    """[REG-GOV-3], [REG-GOV-4], [REG-GOV-5], [REG-GOV-6], [REG-EMG-7], [REG-EMG-8]"""
    ledger = Council.of(5)
    if rule:
        with pytest.raises(Refused) as caught:
            attack(ledger)
        assert (caught.value.rule, caught.value.code) == (rule, f"chain.{code}")
    else:
        attack(ledger)  # the attack itself says what it must not have reached
    assert "issuer/city-kyc" not in ledger.state
    assert "gov" not in {key.partition("/")[2] for key in ledger.state if "pause/" in key}


def test_two_conflicting_proposals_in_one_block(tmp_path: object) -> None:
    """[REG-GOV-8]: the first that is carried wins; the other fails whole."""
    from pathlib import Path

    ledger = Council.of(1)
    tokens = []
    for number in (1, 2):
        body = proposal(newcomer("same-id"), newcomer(f"other-{number}"), at=ledger.time)
        tokens.append(ledger.tx("voter-1", body, lane=number).encode())
    store = Store(Path(str(tmp_path)) / "s.db")
    app = Application(store, "test-chain")
    app.init_genesis(make_genesis(roles={"voter-1": ("voter",)}))
    app.commit()
    results = app.finalize(1, ledger.time, tokens).results
    app.commit()
    assert [result.error for result in results] == ["", "chain.member_exists"]
    assert store.get("member/other-1") is not None
    assert store.get("member/other-2") is None
    store.close()
