"""Firms, mailbox operators, schemas, anchors."""

from dataclasses import replace

import pytest

from registry_chain.records import (
    BoxRecord,
    ClientRecord,
    SchemaRecord,
    VerifierRecord,
    box_key,
)
from registry_chain.transactions import (
    AnchorBatch,
    Name,
    PublishSchema,
    ReinstateVerifier,
    SuspendVerifier,
    UpdateVerifier,
    VerifierProfile,
)
from registry_chain.transactions import fields as f
from ssi.errors import Malformed
from tests.support.refusals import refused
from tests.support.registry import (
    KYC,
    Ledger,
    accreditation,
    digest_of,
    operation,
    profile,
    purpose,
    registration,
    settled,
)


def test_a_firm_is_registered_with_its_certificate() -> None:
    """[REG-VER-1]"""
    ledger = Ledger()
    with refused(ledger, "REG-VER-1", "needs_decision"):
        ledger.do("minpaku-one", registration())
    ledger.decide(registration())
    record = VerifierRecord.from_bytes(ledger.state["verifier/minpaku-one"])
    assert record.profile == profile()
    assert record.purpose("minpaku_guest") == purpose()
    assert record.purpose("marketing") is None
    x509_hash = record.profile.client_hashes[0]
    client = ClientRecord.from_bytes(ledger.state[f"client/{x509_hash}"])
    assert client.verifier == "minpaku-one"


def test_only_a_firm_is_registered_and_once() -> None:
    """[REG-VER-2]"""
    ledger = settled()
    with refused(ledger, "REG-VER-2", "role_missing"):
        ledger.decide(registration("city-kyc"))
    with refused(ledger, "REG-VER-2", "verifier_exists"):
        ledger.decide(registration())


def update(**changes: object) -> UpdateVerifier:
    return UpdateVerifier(verifier="minpaku-one", profile=replace(profile(), **changes))  # type: ignore[arg-type]


NARROWER: dict[str, dict[str, object]] = {
    "fewer claims": {"purposes": (purpose(claims=purpose().claims[:1]),)},
    "another contact": {"contact": "new@firm.example"},
    "no mailbox": {"mailbox": None},
    "another certificate": {"client_hashes": (digest_of("renewed"),)},
    "another receipt key": {
        "receipt_keys": ({**profile().receipt_keys[0], "kid": "receipts-2"},),
    },
}
WIDER: dict[str, tuple[dict[str, object], str]] = {
    "another claim": (
        {"purposes": (purpose(claims=(*purpose().claims, ("verified_claims", "claims", "x"))),)},
        "purpose_widened",
    ),
    "another type": ({"purposes": (purpose(vcts=(KYC, "urn:other")),)}, "purpose_widened"),
    "another purpose": ({"purposes": (purpose(), purpose(code="ads"))}, "purpose_widened"),
    "other words": ({"purposes": (purpose(en="Anything"),)}, "purpose_widened"),
    "longer retention": (
        {"purposes": (purpose(retention=replace(purpose().retention, period="P9Y")),)},
        "purpose_widened",
    ),
    "another name": ({"name": Name(ja="銀行", en="The Bank")}, "identity_change"),
    "a mark": ({"trust_mark": "certified"}, "identity_change"),
}


@pytest.mark.parametrize("changes", NARROWER.values(), ids=NARROWER.keys())
def test_a_firm_may_narrow_its_entry(changes: dict[str, object]) -> None:
    """[REG-VER-3], [REG-VER-4]"""
    settled().do("minpaku-one", update(**changes))


@pytest.mark.parametrize(("changes", "code"), WIDER.values(), ids=WIDER.keys())
def test_a_firm_may_not_widen_its_entry_but_the_voters_may(
    changes: dict[str, object], code: str
) -> None:
    """[REG-VER-4]"""
    ledger = settled()
    with refused(ledger, "REG-VER-4", code):
        ledger.do("minpaku-one", update(**changes))
    ledger.decide(update(**changes))


def test_nobody_changes_another_firms_entry() -> None:
    """[REG-VER-3]"""
    ledger = settled()
    with refused(ledger, "REG-VER-3", "needs_decision"):
        ledger.do("car-two", update())
    with refused(ledger, "REG-VER-3", "verifier_unknown"):
        ledger.decide(replace(update(), verifier="car-two"))


def test_a_certificate_belongs_to_one_firm_for_ever() -> None:
    """[REG-VER-5]"""
    ledger = settled()
    first = profile().client_hashes
    ledger.do("minpaku-one", update(client_hashes=(digest_of("renewed"),)))
    assert ClientRecord.from_bytes(ledger.state[f"client/{first[0]}"]).state == "retired"
    with refused(ledger, "REG-VER-5", "client_taken"):
        ledger.decide(registration("car-two", client_hashes=first))
    ledger.do("minpaku-one", update(client_hashes=first))
    assert ClientRecord.from_bytes(ledger.state[f"client/{first[0]}"]).state == "active"


def test_a_box_belongs_to_one_firm_for_ever() -> None:
    """[REG-VER-7] Nor in another spelling of the mailbox's address."""
    ledger = settled()
    mine = profile().mailbox
    assert mine is not None
    name = box_key(mine.url, mine.box)
    assert BoxRecord.from_bytes(ledger.state[name]).verifier == "minpaku-one"
    for url in (mine.url, f"{mine.url}/"):
        with refused(ledger, "REG-VER-7", "box_taken"):
            ledger.decide(registration("car-two", mailbox=replace(mine, url=url)))
    ledger.do("minpaku-one", update(mailbox=replace(mine, box="another")))
    assert BoxRecord.from_bytes(ledger.state[name]).state == "retired"
    with refused(ledger, "REG-VER-7", "box_taken"):
        ledger.decide(registration("car-two", mailbox=mine))
    ledger.do("minpaku-one", update(mailbox=mine))
    assert BoxRecord.from_bytes(ledger.state[name]).state == "active"
    ledger.decide(registration("car-two", client_hashes=(digest_of("car"),)))


def test_suspension_of_a_firm_and_its_end() -> None:
    """[REG-VER-6], [REG-REC-4]"""
    ledger = settled()
    with refused(ledger, "REG-VER-6", "needs_decision"):
        ledger.do("car-two", SuspendVerifier(verifier="minpaku-one", reason="x"))
    ledger.decide(SuspendVerifier(verifier="minpaku-one", reason="complaints"))
    with refused(ledger, "REG-VER-6", "verifier_suspended"):
        ledger.decide(SuspendVerifier(verifier="minpaku-one", reason="x"))
    with refused(ledger, "REG-VER-3", "verifier_suspended"):
        ledger.do("minpaku-one", update())
    with refused(ledger, "REG-REC-4", "needs_decision"):
        ledger.do("minpaku-one", ReinstateVerifier(verifier="minpaku-one"))
    ledger.decide(ReinstateVerifier(verifier="minpaku-one"))
    ledger.do("minpaku-one", SuspendVerifier(verifier="minpaku-one", reason="holiday"))
    ledger.do("minpaku-one", ReinstateVerifier(verifier="minpaku-one"))


BROKEN_PROFILES: dict[str, dict[str, object]] = {
    "no purpose": {"purposes": []},
    "a purpose twice": {"purposes": [f.plain(purpose()), f.plain(purpose())]},
    "a wrong number": {"corporate_number": "8000012050002"},
    "another country": {"country": "US"},
    "an unknown member": {"owner": "somebody"},
    "a path that is no path": {"purposes": [f.plain(purpose()) | {"claims": [[True]]}]},  # type: ignore[operator]
    "an empty path": {"purposes": [f.plain(purpose()) | {"claims": [[]]}]},  # type: ignore[operator]
    "a name in disguise": {"name": {"ja": "a\u202eb", "en": "x"}},
    "no encryption key": {"encryption_keys": []},
    "a box that is a path": {"mailbox": {"url": "https://box.example", "box": "../etc"}},
}


@pytest.mark.parametrize("changes", BROKEN_PROFILES.values(), ids=BROKEN_PROFILES.keys())
def test_a_broken_profile_is_malformed(changes: dict[str, object]) -> None:
    """[REG-TX-8]"""
    good = f.plain_object(profile())
    UpdateVerifier.from_json({"verifier": "minpaku-one", "profile": good})
    with pytest.raises(Malformed):
        UpdateVerifier.from_json({"verifier": "minpaku-one", "profile": good | changes})  # type: ignore[dict-item]


def test_claim_paths_keep_names_positions_and_wildcards() -> None:
    path = ("a", 0, None, "氏名")
    body = purpose(claims=(path,))
    assert type(body).from_json(f.plain(body)).claims == (path,)


def test_a_profile_is_read_back_from_its_record() -> None:
    record = VerifierRecord(
        state="active", height=3, time=4, verifier="minpaku-one", profile=profile()
    )
    assert VerifierRecord.from_bytes(record.to_bytes()) == record
    assert isinstance(record.profile, VerifierProfile)


def test_an_operator_is_registered_and_renewed() -> None:
    """[REG-OPR-1], [REG-OPR-2]"""
    ledger = settled()
    with refused(ledger, "REG-OPR-1", "needs_decision"):
        ledger.do("yubin-box", operation())
    with refused(ledger, "REG-OPR-2", "role_missing"):
        ledger.decide(operation("car-two"))
    ledger.decide(operation(url="https://new.box.example"))


def schema(**changes: object) -> PublishSchema:
    body = PublishSchema(
        name="kyc", version=1, vct=KYC, type_metadata={"vct": KYC}, json_schema={"type": "object"}
    )
    return replace(body, **changes)  # type: ignore[arg-type]


def test_schemas_are_published_once_and_in_order() -> None:
    """[REG-SCH-1], [REG-SCH-2]"""
    ledger = settled()
    with refused(ledger, "REG-SCH-1", "needs_decision"):
        ledger.do("city-kyc", schema())
    ledger.decide(schema())
    record = SchemaRecord.from_bytes(ledger.state["schema/kyc/1"])
    assert record.vct == KYC
    assert record.publisher in ledger.state  # the proposal that was carried
    with refused(ledger, "REG-SCH-2", "schema_exists"):
        ledger.decide(schema())
    with refused(ledger, "REG-SCH-2", "schema_gap"):
        ledger.decide(schema(version=3))
    ledger.decide(schema(version=2))


def test_all_versions_are_of_one_type() -> None:
    """[REG-SCH-3]"""
    ledger = settled()
    ledger.decide(schema())
    with refused(ledger, "REG-SCH-3", "schema_type"):
        ledger.decide(schema(version=2, vct="urn:other:1"))


def test_a_schema_has_bounds() -> None:
    """[REG-SCH-1], [REG-REC-2]"""
    for changes in ({"version": 0}, {"version": 10_000}, {"json_schema": {"x": "y" * 24_001}}):
        with pytest.raises(Malformed):
            PublishSchema.from_json(f.plain_object(schema()) | changes)


BATCH = AnchorBatch(batch="batch-1", root=digest_of("root"), size=10)


def test_a_batch_is_anchored_once() -> None:
    """[REG-ANC-1], [REG-ANC-2]"""
    ledger = settled()
    with refused(ledger, "REG-ANC-1", "issuer_unknown"):
        ledger.do("car-two", BATCH)
    ledger.do("city-kyc", BATCH)
    with refused(ledger, "REG-ANC-2", "anchor_exists"):
        ledger.do("city-kyc", replace(BATCH, root=digest_of("other")))


def test_another_issuer_has_its_own_batches() -> None:
    ledger = settled()
    ledger.do("city-kyc", BATCH)
    assert "anchor/city-kyc/batch-1" in ledger.state
    ledger.decide(accreditation(valid_until=accreditation().valid_until + 1))
