"""Consents, withdrawals, notices and answers."""

from dataclasses import replace

import pytest

from registry_chain.records import AckRecord, ConsentRecord, NoticeRecord
from registry_chain.transactions import (
    AckItem,
    CommitAcks,
    CommitNotices,
    ConsentItem,
    NoticeItem,
    RecordConsents,
    WithdrawalItem,
    WithdrawConsents,
    build_consent_item,
    build_withdrawal_item,
)
from registry_chain.transactions import fields as f
from ssi.errors import Malformed
from tests.support.refusals import refused
from tests.support.registry import CHAIN, T0, YEAR, digest_of, settled, signer

HOLDER = signer("a resident, for one firm")


def consent(name: str = "c1", until: int = T0 + YEAR, chain: str = CHAIN) -> ConsentItem:
    return build_consent_item(HOLDER, chain_id=chain, commitment=digest_of(name), until=until)


def withdrawal(name: str = "c1", chain: str = CHAIN) -> WithdrawalItem:
    return build_withdrawal_item(HOLDER, chain_id=chain, commitment=digest_of(name))


def given(*items: ConsentItem) -> RecordConsents:
    return RecordConsents(items=items)


def taken_back(*items: WithdrawalItem) -> WithdrawConsents:
    return WithdrawConsents(items=items)


def test_a_consent_is_recorded_without_telling_whose() -> None:
    """[REG-CON-1], [REG-TX-9]"""
    ledger = settled()
    ledger.do("yubin-box", given(consent("c1"), consent("c2")))
    record = ConsentRecord.from_bytes(ledger.state[f"consent/{digest_of('c1')}"])
    assert record.state == "given"
    assert record.key == HOLDER.public_key.thumbprint()
    assert record.until == T0 + YEAR
    assert record.to_json().keys() == {
        *("v", "state", "height", "time", "key", "jwk", "until", "operator", "withdrawn_at")
    }


def test_only_an_operator_writes_consents() -> None:
    """[REG-CON-1]"""
    ledger = settled()
    for body in (given(consent()), taken_back(withdrawal())):
        with refused(ledger, "REG-CON-1", "not_operator"):
            ledger.do("car-two", body)


def test_an_operator_cannot_invent_a_consent() -> None:
    """[REG-CON-2]"""
    ledger = settled()
    forged = (
        replace(consent(), until=T0 + YEAR + 1),
        replace(consent(), commitment=digest_of("other")),
        replace(consent(), jwk=signer("operator's own").public_key.jwk),
        consent(chain="other-chain"),
    )
    for item in forged:
        with refused(ledger, "REG-CON-2", "consent_signature"):
            ledger.do("yubin-box", given(consent("good"), item))


@pytest.mark.parametrize("until", [T0, T0 + 11 * YEAR])
def test_a_consent_has_an_end(until: int) -> None:
    """[REG-CON-3]"""
    ledger = settled()
    with refused(ledger, "REG-CON-3", "period"):
        ledger.do("yubin-box", given(consent(until=until)))


def test_repeating_a_consent_changes_nothing() -> None:
    """[REG-CON-3]"""
    ledger = settled()
    ledger.do("yubin-box", given(consent()))
    assert list(ledger.do("yubin-box", given(consent()))) == ["lane/yubin-box"]
    other = build_consent_item(
        signer("thief"), chain_id=CHAIN, commitment=digest_of("c1"), until=T0 + YEAR
    )
    with refused(ledger, "REG-CON-3", "consent_taken"):
        ledger.do("yubin-box", given(other))


def test_a_withdrawal_is_final() -> None:
    """[REG-CON-4], [REG-CON-5]"""
    ledger = settled()
    ledger.do("yubin-box", given(consent()))
    ledger.do("yubin-box", taken_back(withdrawal()))
    path = f"consent/{digest_of('c1')}"
    record = ConsentRecord.from_bytes(ledger.state[path])
    assert (record.state, record.withdrawn_at) == ("withdrawn", record.time)
    ledger.do("yubin-box", taken_back(withdrawal()))
    ledger.do("yubin-box", given(consent()))
    assert ConsentRecord.from_bytes(ledger.state[path]) == record


def test_only_the_relationship_key_withdraws() -> None:
    """[REG-CON-4]"""
    ledger = settled()
    ledger.do("yubin-box", given(consent("c1"), consent("c2")))
    stolen = build_withdrawal_item(signer("thief"), chain_id=CHAIN, commitment=digest_of("c1"))
    moved = replace(withdrawal("c2"), commitment=digest_of("c1"))
    for item in (stolen, moved, withdrawal(chain="other-chain")):
        with refused(ledger, "REG-CON-4", "consent_signature"):
            ledger.do("yubin-box", taken_back(item))
    with refused(ledger, "REG-CON-4", "consent_unknown"):
        ledger.do("yubin-box", taken_back(withdrawal("c1"), withdrawal("never given")))


def test_a_batch_has_1_to_256_different_items() -> None:
    """[REG-CON-1]"""
    one = f.plain(consent())
    for items in ([], [one, one], [one] * 257):
        with pytest.raises(Malformed):
            RecordConsents.from_json({"items": list(items)})


def notice(name: str = "n1", deadline: int = T0 + YEAR) -> NoticeItem:
    return NoticeItem(commitment=digest_of(name), deadline=deadline)


def answer(name: str = "n1", ack: str = "a1") -> AckItem:
    return AckItem(notice=digest_of(name), ack=digest_of(ack))


def test_notices_and_answers() -> None:
    """[REG-NOT-1], [REG-NOT-2]"""
    ledger = settled()
    ledger.do("yubin-box", CommitNotices(items=(notice("n1"), notice("n2"))))
    record = NoticeRecord.from_bytes(ledger.state[f"notice/{digest_of('n1')}"])
    assert (record.deadline, record.operator) == (T0 + YEAR, "yubin-box")
    ledger.do("yubin-box", CommitAcks(items=(answer(),)))
    ack = AckRecord.from_bytes(ledger.state[f"ack/{digest_of('n1')}"])
    assert (ack.ack, ack.outcome_class) == (digest_of("a1"), "answered")


def test_only_an_operator_writes_notices() -> None:
    """[REG-NOT-1]"""
    ledger = settled()
    for body in (CommitNotices(items=(notice(),)), CommitAcks(items=(answer(),))):
        with refused(ledger, "REG-NOT-1", "not_operator"):
            ledger.do("minpaku-one", body)


def test_a_deadline_lies_ahead_and_stays() -> None:
    """[REG-NOT-2]"""
    ledger = settled()
    for deadline in (T0, T0 + 2 * YEAR):
        with refused(ledger, "REG-NOT-2", "period"):
            ledger.do("yubin-box", CommitNotices(items=(notice(deadline=deadline),)))
    ledger.do("yubin-box", CommitNotices(items=(notice(),)))
    ledger.do("yubin-box", CommitNotices(items=(notice(),)))
    with refused(ledger, "REG-NOT-2", "notice_taken"):
        ledger.do("yubin-box", CommitNotices(items=(notice(deadline=T0 + YEAR + 1),)))


def test_an_answer_needs_its_notice_and_stays() -> None:
    """[REG-NOT-3], [REG-NOT-4]"""
    ledger = settled()
    with refused(ledger, "REG-NOT-3", "notice_unknown"):
        ledger.do("yubin-box", CommitAcks(items=(answer(),)))
    ledger.do("yubin-box", CommitNotices(items=(notice(),)))
    ledger.do("yubin-box", CommitAcks(items=(answer(),)))
    ledger.do("yubin-box", CommitAcks(items=(answer(),)))
    with refused(ledger, "REG-NOT-4", "ack_taken"):
        ledger.do("yubin-box", CommitAcks(items=(answer(ack="a2"),)))
