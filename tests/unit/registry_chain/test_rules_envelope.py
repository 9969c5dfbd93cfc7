"""The envelope's rules [REG-TX-2] to [REG-TX-7]."""

import pytest

from registry_chain.transactions import SuspendMember, UpdateMemberKeys, build_tx
from registry_chain.transactions.fields import bare_jwk
from ssi.encoding import b64url_encode
from tests.support.refusals import refused
from tests.support.registry import T0, Ledger, proposal, signer

STOP = proposal(SuspendMember(member="car-two", reason="unpaid"), at=T0)


def test_a_transaction_counts_in_its_lane() -> None:
    """[REG-TX-6]"""
    ledger = Ledger()
    ledger.do("council", STOP)
    assert ledger.state["lane/council"] == b'{"seqs":[1],"v":1}'
    ledger.decide(SuspendMember(member="watcher", reason="x"), lane=63)
    assert ledger.state["lane/council"] == b'{"seqs":[1,%s1],"v":1}' % (b"0," * 62)


def test_the_same_bytes_are_refused_the_second_time() -> None:
    """[REG-TX-6]"""
    ledger = Ledger()
    token = ledger.tx("council", STOP)
    ledger.put(token)
    with refused(ledger, "REG-TX-6", "replayed"):
        ledger.put(token)


def test_a_gap_in_a_lane_is_refused() -> None:
    """[REG-TX-6]"""
    ledger = Ledger()
    with refused(ledger, "REG-TX-6", "sequence_gap"):
        ledger.do("council", STOP, seq=2)


def test_another_chain_is_refused() -> None:
    """[REG-TX-2]"""
    ledger = Ledger()
    with refused(ledger, "REG-TX-2", "wrong_chain"):
        ledger.do("council", STOP, chain_id="other-chain")


@pytest.mark.parametrize("height", [49, 1051])
def test_a_transaction_has_its_window_of_heights(height: int) -> None:
    """[REG-TX-3]"""
    ledger = Ledger(height=50)
    with refused(ledger, "REG-TX-3", "height_window"):
        ledger.do("council", STOP, valid_until_height=height)


@pytest.mark.parametrize("height", [50, 1050])
def test_both_ends_of_the_window_are_inside(height: int) -> None:
    """[REG-TX-3]"""
    Ledger(height=50).do("council", STOP, valid_until_height=height)


def test_an_unknown_account_is_refused() -> None:
    """[REG-TX-5]"""
    ledger = Ledger()
    with refused(ledger, "REG-TX-5", "member_unknown"):
        ledger.do("nobody", STOP)


def test_a_key_the_account_does_not_have_is_refused() -> None:
    """[REG-TX-5]"""
    ledger = Ledger()
    with refused(ledger, "REG-TX-5", "key_unknown"):
        ledger.do("council", STOP, signer=signer("watcher"))


def test_a_signature_of_another_key_is_refused() -> None:
    """[REG-TX-5]"""
    ledger = Ledger()
    good = ledger.tx("council", STOP)
    head, _, _ = good.rpartition(".")
    forged = f"{head}.{b64url_encode(signer('watcher').sign(head.encode()))}"
    with refused(ledger, "REG-TX-5", "signature"):
        ledger.put(forged)
    ledger.put(good)


def test_a_suspended_member_is_silent() -> None:
    """[REG-TX-5], [REG-MEM-4]"""
    ledger = Ledger()
    ledger.decide(SuspendMember(member="city-kyc", reason="x"))
    with refused(ledger, "REG-TX-5", "member_suspended"):
        ledger.do(
            "city-kyc",
            UpdateMemberKeys(member="city-kyc", keys=(bare_jwk(signer("n").public_key),)),
        )


def test_a_replaced_key_signs_nothing_any_more() -> None:
    """[REG-MEM-3]"""
    ledger = Ledger()
    new = signer("new key")
    ledger.do("city-kyc", UpdateMemberKeys(member="city-kyc", keys=(bare_jwk(new.public_key),)))
    body = UpdateMemberKeys(member="city-kyc", keys=(bare_jwk(signer("3rd").public_key),))
    with refused(ledger, "REG-TX-5", "key_unknown"):
        ledger.do("city-kyc", body)
    ledger.do("city-kyc", body, signer=new)


def test_a_transaction_for_an_equal_chain_id_needs_the_same_bytes() -> None:
    token = build_tx(
        chain_id="test-chain",
        account="council",
        lane=0,
        seq=1,
        valid_until_height=5,
        body=STOP,
        signer=signer("council"),
    )
    assert token == Ledger().tx("council", STOP, valid_until_height=5)
