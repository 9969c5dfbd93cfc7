"""Members, issuers and their keys."""

from dataclasses import replace

import pytest

from registry_chain.records import IssuerRecord, KeyRecord, MemberRecord, signing_key_key
from registry_chain.transactions import (
    AdmitMember,
    RegisterKey,
    ReinstateIssuer,
    ReinstateMember,
    RevokeKey,
    SuspendIssuer,
    SuspendMember,
    UpdateMemberKeys,
    register_key,
    rotate_key,
)
from registry_chain.transactions.fields import bare_jwk
from ssi.encoding import canonical_json, parse_json_object
from ssi.errors import Malformed
from ssi.keys import Alg, SoftwareSigner
from tests.support.refusals import refused
from tests.support.registry import (
    CHAIN,
    DAY,
    T0,
    YEAR,
    Ledger,
    accreditation,
    member_name,
    settled,
    signer,
)

NEWCOMER = AdmitMember(
    member="skill-three",
    name=member_name("skill-three"),
    roles=("firm",),
    keys=(bare_jwk(signer("skill-three").public_key),),
)


def test_the_voters_admit_a_member() -> None:
    """[REG-MEM-1]"""
    ledger = Ledger()
    ledger.decide(NEWCOMER)
    record = MemberRecord.from_bytes(ledger.state["member/skill-three"])
    assert (record.state, record.roles, record.height) == ("active", ("firm",), 1)
    with refused(ledger, "REG-MEM-1", "member_exists"):
        ledger.decide(NEWCOMER)


def test_a_record_tells_its_state_and_last_change_and_never_goes_away() -> None:
    """[REG-REC-1]"""
    ledger = settled()
    before = dict(ledger.state)
    ledger.decide(SuspendIssuer(issuer="city-kyc", reason="x"))
    height, time = ledger.height - 1, ledger.time - 1
    assert before.keys() <= ledger.state.keys()
    for key, raw in ledger.state.items():
        record = parse_json_object(raw)
        assert raw == canonical_json(record), key
        if key.partition("/")[0] in {"member", "issuer", "verifier", "operator"}:
            assert record["v"] == 1
            assert {"state", "height", "time"} <= record.keys(), key
    ended = parse_json_object(ledger.state["issuer/city-kyc"])
    assert (ended["state"], ended["height"], ended["time"]) == ("suspended", height, time)


@pytest.mark.parametrize("account", ["city-kyc", "yubin-box", "watcher"])
def test_nobody_else_admits(account: str) -> None:
    """[REG-MEM-1]"""
    ledger = Ledger()
    with refused(ledger, "REG-MEM-1", "needs_decision"):
        ledger.do(account, NEWCOMER)


def test_a_member_has_keys_and_none_twice() -> None:
    """[REG-MEM-2]"""
    key = bare_jwk(signer("a").public_key)
    for keys in ([], [key, key], [key] * 9):
        with pytest.raises(Malformed):
            UpdateMemberKeys.from_json({"member": "car-two", "keys": list(keys)})


def test_keys_are_changed_by_their_member_or_the_voters() -> None:
    """[REG-MEM-3]"""
    ledger = Ledger()
    body = UpdateMemberKeys(member="car-two", keys=(bare_jwk(signer("lost").public_key),))
    with refused(ledger, "REG-MEM-3", "needs_decision"):
        ledger.do("city-kyc", body)
    ledger.decide(body)
    with refused(ledger, "REG-MEM-3", "member_unknown"):
        ledger.decide(replace(body, member="nobody"))


def test_suspension_of_a_member() -> None:
    """[REG-MEM-4]"""
    ledger = Ledger()
    with refused(ledger, "REG-GOV-11", "no_voter_left"):
        ledger.decide(SuspendMember(member="council", reason="x"))
    with refused(ledger, "REG-MEM-4", "needs_decision"):
        ledger.do("city-kyc", SuspendMember(member="car-two", reason="x"))
    with refused(ledger, "REG-MEM-4", "not_suspended"):
        ledger.decide(ReinstateMember(member="car-two"))
    ledger.decide(SuspendMember(member="car-two", reason="x"))
    with refused(ledger, "REG-MEM-4", "member_suspended"):
        ledger.decide(SuspendMember(member="car-two", reason="x"))
    ledger.decide(ReinstateMember(member="car-two"))
    assert MemberRecord.from_bytes(ledger.state["member/car-two"]).state == "active"


def test_an_issuer_is_accredited() -> None:
    """[REG-ISS-1]"""
    ledger = Ledger()
    with refused(ledger, "REG-ISS-1", "needs_decision"):
        ledger.do("city-kyc", accreditation())
    ledger.decide(accreditation())
    record = IssuerRecord.from_bytes(ledger.state["issuer/city-kyc"])
    assert record.state == "active"
    assert record.accredited_at(T0)
    assert not record.accredited_at(T0 - 2 * DAY)
    assert not record.accredited_at(T0 + 4 * YEAR)


def test_only_a_member_with_the_role_is_accredited() -> None:
    """[REG-ISS-2]"""
    ledger = Ledger()
    with refused(ledger, "REG-ISS-2", "role_missing"):
        ledger.decide(accreditation("car-two"))
    with refused(ledger, "REG-ISS-2", "member_unknown"):
        ledger.decide(accreditation("nobody"))


@pytest.mark.parametrize(("start", "end"), [(T0, T0), (T0 + 5, T0 + 4), (T0 - 9, T0 - 1)])
def test_an_accreditation_has_time_left(start: int, end: int) -> None:
    """[REG-ISS-3]"""
    ledger = Ledger()
    with refused(ledger, "REG-ISS-3", "period"):
        ledger.decide(accreditation(valid_from=start, valid_until=end))


def test_a_renewal_keeps_the_first_day() -> None:
    """[REG-ISS-3]"""
    ledger = settled()
    ledger.decide(accreditation(valid_from=T0 + DAY, valid_until=T0 + 4 * YEAR))
    record = IssuerRecord.from_bytes(ledger.state["issuer/city-kyc"])
    assert (record.valid_from, record.valid_until) == (T0 - DAY, T0 + 4 * YEAR)
    ledger.decide(SuspendIssuer(issuer="city-kyc", reason="audit"))
    with refused(ledger, "REG-ISS-3", "issuer_suspended"):
        ledger.decide(accreditation())


def test_loopback_addresses_need_a_demonstration_chain() -> None:
    """[REG-REC-3]"""
    from tests.support.registry import make_genesis

    local = accreditation(url="http://127.0.0.1:8001")
    Ledger().decide(local)
    ledger = Ledger(genesis=make_genesis(loopback=False))
    with refused(ledger, "REG-REC-3", "loopback"):
        ledger.decide(local)


def test_suspension_of_an_issuer_and_its_end() -> None:
    """[REG-ISS-4], [REG-REC-4]"""
    ledger = settled()
    with refused(ledger, "REG-ISS-4", "needs_decision"):
        ledger.do("car-two", SuspendIssuer(issuer="city-kyc", reason="x"))
    with refused(ledger, "REG-REC-4", "not_suspended"):
        ledger.decide(ReinstateIssuer(issuer="city-kyc"))
    ledger.decide(SuspendIssuer(issuer="city-kyc", reason="audit"))
    record = IssuerRecord.from_bytes(ledger.state["issuer/city-kyc"])
    assert record.suspended_at == record.time
    assert record.accredited_at(record.time - 1)
    assert not record.accredited_at(record.time)
    with refused(ledger, "REG-ISS-4", "issuer_suspended"):
        ledger.do("city-kyc", SuspendIssuer(issuer="city-kyc", reason="x"))
    with refused(ledger, "REG-REC-4", "needs_decision"):
        ledger.do("city-kyc", ReinstateIssuer(issuer="city-kyc"))
    ledger.decide(ReinstateIssuer(issuer="city-kyc"))
    ledger.do("city-kyc", SuspendIssuer(issuer="city-kyc", reason="holiday"))
    ledger.do("city-kyc", ReinstateIssuer(issuer="city-kyc"))
    with refused(ledger, "REG-ISS-4", "issuer_unknown"):
        ledger.decide(SuspendIssuer(issuer="car-two", reason="x"))


def key_body(name: str = "signing", alg: Alg = Alg.ES256, **changes: object) -> RegisterKey:
    body = register_key(
        signer(name, alg),
        chain_id=CHAIN,
        issuer="city-kyc",
        use="credential",
        valid_from=T0,
        valid_until=T0 + YEAR,
    )
    return replace(body, **changes)  # type: ignore[arg-type]


def key_record(ledger: Ledger, key: SoftwareSigner) -> KeyRecord:
    path = signing_key_key("city-kyc", key.public_key.thumbprint())
    return KeyRecord.from_bytes(ledger.state[path])


@pytest.mark.parametrize("alg", [Alg.ES256, Alg.EDDSA])
def test_an_issuer_registers_a_key(alg: Alg) -> None:
    """[REG-KEY-1]"""
    ledger = settled()
    ledger.do("city-kyc", key_body(alg=alg))
    record = key_record(ledger, signer("signing", alg))
    assert record.good_at(T0 + DAY)
    assert not record.good_at(T0 - 1)
    assert not record.good_at(T0 + 2 * YEAR)
    with refused(ledger, "REG-KEY-3", "key_exists"):
        ledger.do("city-kyc", key_body(alg=alg))


def test_only_accredited_issuers_have_keys() -> None:
    """[REG-KEY-1], [REG-ISS-5]"""
    ledger = settled()
    with refused(ledger, "REG-KEY-1", "issuer_unknown"):
        ledger.do("car-two", key_body())
    ledger.decide(SuspendIssuer(issuer="city-kyc", reason="x"))
    with refused(ledger, "REG-KEY-1", "issuer_suspended"):
        ledger.do("city-kyc", key_body())
    ledger.decide(ReinstateIssuer(issuer="city-kyc"))
    ledger.time = T0 + 3 * YEAR + 1
    with refused(ledger, "REG-KEY-1", "issuer_not_accredited"):
        ledger.do("city-kyc", key_body())


def test_a_key_that_is_not_held_is_refused() -> None:
    """[REG-KEY-2]"""
    ledger = settled()
    elsewhere = register_key(
        signer("signing", Alg.ES256),
        chain_id="other-chain",
        issuer="city-kyc",
        use="credential",
        valid_from=T0,
        valid_until=T0 + YEAR,
    )
    for proof in (elsewhere.proof, key_body("another").proof):
        with refused(ledger, "REG-KEY-2", "key_proof"):
            ledger.do("city-kyc", key_body(proof=proof))


@pytest.mark.parametrize(
    ("start", "end"), [(T0, T0), (T0 - 9, T0 - 1), (T0, T0 + 6 * YEAR), (T0 + 9, T0 + 8)]
)
def test_a_key_has_a_reasonable_life(start: int, end: int) -> None:
    """[REG-KEY-3]"""
    ledger = settled()
    with refused(ledger, "REG-KEY-3", "period"):
        ledger.do("city-kyc", key_body(valid_from=start, valid_until=end))


def test_the_announced_key_follows() -> None:
    """[REG-KEY-4]"""
    ledger = settled()
    old, new = signer("signing", Alg.ES256), signer("next", Alg.ES256)
    ledger.do("city-kyc", key_body(next_digest=new.public_key.thumbprint()))

    def successor(key: SoftwareSigner, old_print: str = old.public_key.thumbprint()) -> object:
        return rotate_key(
            key,
            chain_id=CHAIN,
            issuer="city-kyc",
            thumbprint=old_print,
            valid_until=T0 + 2 * YEAR,
        )

    with refused(ledger, "REG-KEY-4", "key_not_announced"):
        ledger.do("city-kyc", successor(signer("stolen", Alg.ES256)))  # type: ignore[arg-type]
    with refused(ledger, "REG-KEY-4", "key_unknown"):
        ledger.do("city-kyc", successor(new, new.public_key.thumbprint()))  # type: ignore[arg-type]
    ledger.do("city-kyc", successor(new))  # type: ignore[arg-type]
    before, after = key_record(ledger, old), key_record(ledger, new)
    assert (before.state, after.state, after.use) == ("retired", "active", "credential")
    assert before.valid_until == after.valid_from
    assert before.good_at(before.valid_until)
    with refused(ledger, "REG-KEY-4", "key_not_active"):
        ledger.do("city-kyc", successor(signer("third", Alg.ES256)))  # type: ignore[arg-type]


def test_a_compromise_only_moves_earlier() -> None:
    """[REG-KEY-5], [REG-KEY-6]"""
    ledger = settled()
    key = signer("signing", Alg.ES256)
    ledger.do("city-kyc", key_body())
    body = RevokeKey(
        issuer="city-kyc", thumbprint=key.public_key.thumbprint(), compromised_since=None
    )
    with refused(ledger, "REG-KEY-5", "needs_decision"):
        ledger.do("car-two", body)
    with refused(ledger, "REG-KEY-5", "period"):
        ledger.do("city-kyc", replace(body, compromised_since=ledger.time + 1))
    with refused(ledger, "REG-KEY-5", "key_unknown"):
        ledger.decide(replace(body, issuer="car-two"))
    ledger.do("city-kyc", body)
    with refused(ledger, "REG-KEY-5", "key_revoked"):
        ledger.do("city-kyc", body)
    ledger.decide(replace(body, compromised_since=T0 + 50))
    with refused(ledger, "REG-KEY-5", "key_revoked"):
        ledger.do("city-kyc", replace(body, compromised_since=T0 + 51))
    ledger.do("city-kyc", replace(body, compromised_since=T0 + 10))
    record = key_record(ledger, key)
    assert (record.state, record.compromised_since) == ("revoked", T0 + 10)
    assert not record.good_at(T0 + 5)


def test_a_suspended_issuer_can_still_revoke() -> None:
    """[REG-KEY-5]"""
    ledger = settled()
    key = signer("signing", Alg.ES256)
    ledger.do("city-kyc", key_body())
    ledger.decide(SuspendIssuer(issuer="city-kyc", reason="x"))
    ledger.do(
        "city-kyc",
        RevokeKey(issuer="city-kyc", thumbprint=key.public_key.thumbprint(), compromised_since=T0),
    )
