"""What an accredited issuer may attest, type by type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_chain.records import IssuerRecord
from registry_chain.transactions import AccreditIssuer, Attestable, ReinstateIssuer, SuspendIssuer
from registry_chain.transactions.fields import plain_object
from ssi.encoding import JSON, JSONObject
from ssi.errors import Malformed
from tests.support.refusals import refused
from tests.support.registry import KYC, Ledger, accreditation, settled

ADDRESS = "urn:warifu:address:1"
AGE_ONLY = (Attestable(vct=KYC, names=("age_over_18", "age_over_20")),)


def stands(ledger: Ledger) -> IssuerRecord:
    return IssuerRecord.from_bytes(ledger.state["issuer/city-kyc"])


def test_the_voters_limit_what_an_issuer_attests() -> None:
    """[REG-ISS-7]"""
    ledger = Ledger()
    ledger.decide(accreditation(attests=AGE_ONLY))
    record = stands(ledger)
    assert record.attests == AGE_ONLY
    assert record.may_attest(KYC, ())
    assert record.may_attest(KYC, ("age_over_20", "age_over_18"))
    assert not record.may_attest(KYC, ("age_over_18", "name"))
    assert not record.may_attest(ADDRESS, ("age_over_18",))


def test_the_issuer_does_not_widen_it_and_a_renewal_may_narrow_it() -> None:
    """[REG-ISS-1], [REG-ISS-7]"""
    ledger = Ledger()
    ledger.decide(accreditation(attests=AGE_ONLY))
    with refused(ledger, "REG-ISS-1", "needs_decision"):
        ledger.do("city-kyc", accreditation())
    ledger.decide(SuspendIssuer(issuer="city-kyc", reason="audit"))
    assert stands(ledger).attests == AGE_ONLY
    ledger.decide(ReinstateIssuer(issuer="city-kyc"))
    assert stands(ledger).attests == AGE_ONLY
    narrower = (Attestable(vct=KYC, names=("age_over_18",)),)
    ledger.decide(accreditation(attests=narrower))
    assert stands(ledger).attests == narrower
    ledger.decide(accreditation())
    assert stands(ledger).may_attest(KYC, ("name", "whatever"))


def test_an_accreditation_without_limits_has_the_record_it_always_had() -> None:
    """[REG-ISS-7]: chains from before have the same roots."""
    record = stands(settled())
    assert record.attests is None
    assert "attests" not in record.to_json()
    assert IssuerRecord.from_bytes(record.to_bytes()) == record


KYC_NAMES: JSONObject = {"vct": KYC, "names": ["name"]}
BAD: list[JSON] = [
    [],
    {},
    "name",
    [KYC_NAMES, KYC_NAMES],
    [KYC_NAMES, {"vct": ADDRESS, "names": ["address"]}],
    [{"vct": ADDRESS, "names": ["address"]}],
    [{"vct": KYC}],
    [{"vct": KYC, "names": []}],
    [{"vct": KYC, "names": ["name", "name"]}],
    [{"vct": KYC, "names": [f"n{i}" for i in range(65)]}],
    [{"vct": KYC, "names": ["x" * 65]}],
    [{"vct": KYC, "names": [""]}],
    [{"vct": KYC, "names": ["na\u202eme"]}],
    [{"vct": KYC, "names": [1]}],
    [{"vct": KYC, "names": "name"}],
    [{"vct": KYC, "names": ["name"], "more": True}],
    [{"vct": "no type", "names": ["name"]}],
    ["name"],
]


@pytest.mark.parametrize("attests", BAD, ids=lambda value: str(value)[:40])
def test_limits_that_leave_a_type_open_or_name_another_are_refused(attests: JSON) -> None:
    """[REG-ISS-7], [REG-TX-8]"""
    body = plain_object(accreditation()) | {"attests": attests}
    with pytest.raises(Malformed) as caught:
        AccreditIssuer.from_json(body)
    assert caught.value.code in {"tx.body", "chain.record", "json.malformed"}


NAMES = st.lists(
    st.sampled_from(["name", "address", "birthdate", "age_over_18", "moved_on"]),
    unique=True,
    min_size=1,
)


@given(allowed=NAMES, shown=st.lists(st.sampled_from(["name", "address", "moved_on", "other"])))
def test_exactly_what_is_named_may_be_attested(allowed: list[str], shown: list[str]) -> None:
    """[REG-ISS-7]"""
    body = plain_object(accreditation()) | {"attests": [{"vct": KYC, "names": list(allowed)}]}
    ledger = Ledger()
    ledger.decide(AccreditIssuer.from_json(body))
    assert stands(ledger).may_attest(KYC, shown) == (set(shown) <= set(allowed))
