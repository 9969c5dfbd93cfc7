"""Properties of the wallet that no single example can show."""

import itertools
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssi.credential import (
    CredentialType,
    Envelope,
    Proofing,
    StatusReference,
    claim_path,
    kyc_payload,
    licence_payload,
)
from ssi.credential import LicenceData as Licence
from ssi.dcql_query import ClaimQuery, CredentialQuery, Query
from ssi.keys import Alg, generate_agreement_key, generate_signer
from ssi.oid4vp import (
    AuthorizationRequest,
    ResponseKey,
    ResponseMode,
    TransactionData,
    parse_client_id,
)
from ssi.sdjwt import issue, parse_sdjwt, present, verify_issuer_jwt
from ssi.sharing_terms import TERMS_TYPE, LocalText, Retention, Terms
from tests.support.effort import examples
from tests.support.wallet_cast import FRAMEWORK, KYC, OLD_ADDRESS, PERSON, PURPOSE
from wallet.consents import Problem, holding, make_plan
from wallet.copies import Lack, pick_copies
from wallet.register import Firm
from wallet.store import Names, StoredCredential

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ISSUER_KEY = generate_signer(Alg.ES256, os.urandom)
HOLDER_KEY = generate_signer(Alg.ES256, os.urandom)
LICENCE = CredentialType.LICENCE.value
NAMES = {
    KYC: (
        "name",
        "name#ja-Kana-JP",
        "birthdate",
        "address",
        "age_over_18",
        "age_over_20",
        "portrait_checked",
    ),
    LICENCE: (
        "name",
        "birthdate",
        "address",
        "licence_number",
        "licence_classes",
        "licence_expiry",
    ),
}
EXTRA = (
    ("verified_claims", "verification", "evidence", None),
    ("verified_claims", "verification", "time"),
    ("verified_claims", "claims", "address", "region"),
    ("verified_claims", "claims", "licence_classes", None),
    ("verified_claims", "claims", "licence_classes", 1),
    ("verified_claims", "claims"),
    ("verified_claims",),
)


def stored(vct):
    envelope = Envelope(
        issuer_url="https://issuer.example",
        issued_at=NOW,
        expires_at=NOW + timedelta(days=100),
        holder_jwk=HOLDER_KEY.public_key.jwk,
        status=StatusReference(uri="https://issuer.example/status-lists/main", index=1),
    )
    proofing = Proofing(
        trust_framework=FRAMEWORK, organization="x", checked_on=NOW.date(), procedure="y"
    )
    if vct == KYC:
        payload = kyc_payload(PERSON, proofing, envelope, today=NOW.date())
    else:
        data = Licence(
            name=PERSON.name,
            birthdate=PERSON.birthdate,
            address=OLD_ADDRESS,
            number="012345678901",
            classes=("普通", "中型", "大型"),
            conditions=("眼鏡等",),
            expiry=(NOW + timedelta(days=900)).date(),
        )
        payload = licence_payload(data, proofing, envelope)
    token = issue(payload, ISSUER_KEY, random=os.urandom, header={"kid": "i#k"})
    return StoredCredential(
        id=f"id-{vct}",
        batch=vct,
        issuer_id="i",
        vct=vct,
        sdjwt=token,
        thumbprint="t",
        status_uri="u",
        status_index=1,
        issuer_jwk=ISSUER_KEY.public_key.jwk,
        authorities=(),
        issued_at=0,
        expires_at=2**40,
        anchor=None,
        received_at=0,
    )


HOLDINGS = [holding(stored(vct)) for vct in (KYC, LICENCE)]


def firm(paths):
    purpose = replace(PURPOSE, claims=paths, vcts=(KYC, LICENCE))
    return Firm(
        id="minpaku-one",
        client_id="x509_hash:a",
        names=Names(ja="民泊", en="Minpaku"),
        corporate_number="7000012050002",
        purposes=(purpose,),
        receipt_keys={},
        encryption_key=None,
        mailbox="",
        box="",
        country="JP",
        contact="c",
        trust_mark=None,
        name_warnings=(),
    )


def request(queries):
    paths = tuple(dict.fromkeys(claim.path for query in queries for claim in query.claims))
    terms = Terms(
        firm="minpaku-one",
        credential_ids=tuple(query.id for query in queries),
        purpose_code=PURPOSE.code,
        purpose=LocalText(ja=PURPOSE.ja, en=PURPOSE.en),
        legal_basis=PURPOSE.legal_basis,
        retention=Retention(text=LocalText(ja="3年", en="3 years"), period="P3Y"),
        claims=paths,
        address_updates=True,
    )
    entry = TransactionData(
        raw=terms.encode(), type=TERMS_TYPE, credential_ids=terms.credential_ids, content=terms
    )
    return AuthorizationRequest(
        client_id=parse_client_id("x509_hash:a"),
        nonce="n" * 24,
        response_uri="https://firm.example/r",
        response_mode=ResponseMode.DIRECT_POST_JWT,
        query=Query(credentials=tuple(queries)),
        transaction_data=(entry,),
        response_key=ResponseKey(jwk=generate_agreement_key(os.urandom).public_jwk(kid="k")),
    )


def query_of(number, vct, paths):
    claims = tuple(ClaimQuery(path=path) for path in paths)
    return CredentialQuery(
        id=f"q{number}", format="dc+sd-jwt", accepted_types=(vct,), claims=claims
    )


@st.composite
def queries(draw):
    made = []
    for number, vct in enumerate(
        draw(st.lists(st.sampled_from((KYC, LICENCE)), min_size=1, max_size=2))
    ):
        named = st.sampled_from(NAMES[vct]).map(claim_path)
        paths = draw(st.lists(st.one_of(named, st.sampled_from(EXTRA)), max_size=6, unique=True))
        made.append(query_of(number, vct, paths))
    return made


def disclosures(plan):
    """What the posted presentations disclose, read as a firm reads them."""
    found = []
    for answer in plan.answers:
        token = present(
            answer.sdjwt, HOLDER_KEY, audience="a", nonce="n" * 24, now=NOW, transaction_data=()
        )
        untrusted = parse_sdjwt(token)
        verified = verify_issuer_jwt(untrusted, ISSUER_KEY.public_key)
        found.append((answer.query_id, untrusted, verified))
    return found


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(queries())
def test_the_screen_shows_exactly_what_is_posted(asked):  # [WAL-SHOW-4]
    paths = tuple(claim.path for query in asked for claim in query.claims)
    plan = make_plan(
        request(asked),
        expires_at=None,
        firm=firm(paths),
        holdings=HOLDINGS,
        lacks={},
        now=NOW,
    )
    shown = {(item.query_id, item.path) for item in plan.items}
    posted = set()
    for query_id, untrusted, verified in disclosures(plan):
        assert len(verified.disclosed) == len(untrusted.disclosures)
        posted |= {(query_id, path) for path in verified.disclosed}
    assert shown <= posted
    # Whatever is posted is shown, by itself or inside a shown claim.
    for query_id, path in posted:
        assert any((query_id, path[:length]) in shown for length in range(1, len(path) + 1)), path
    for item in plan.items:
        if not any(isinstance(step, int) for step in item.path):
            (claims,) = [v.claims for q, _, v in disclosures(plan) if q == item.query_id]
            value = claims
            for step in item.path:
                value = value[step]
            assert item.value == value


def overlap(first, second):
    """Whether one path is the other or above it; null stands for every position."""
    return all(
        left == right
        or (left is None and isinstance(right, int))
        or (right is None and isinstance(left, int))
        for left, right in zip(first, second, strict=False)
    )


@settings(max_examples=examples(60), deadline=None)
@given(queries(), st.data())
def test_what_the_purpose_does_not_cover_is_never_answered(asked, data):  # [WAL-SHOW-5]
    paths = [claim.path for query in asked for claim in query.claims]
    if not paths:
        return
    left_out = data.draw(st.sampled_from(paths))
    allowed = tuple(path for path in paths if not overlap(path, left_out))
    plan = make_plan(
        request(asked),
        expires_at=None,
        firm=firm(allowed),
        holdings=HOLDINGS,
        lacks={},
        now=NOW,
    )
    assert Problem.OVER_ASKING in plan.problems
    assert left_out in plan.over_asked
    assert not plan.can_answer


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=14), st.integers(1, 5))
def test_no_copy_is_ever_shown_to_two_firms(visits, copies):  # [WAL-ONCE-1]
    stock = [replace(HOLDINGS[0].credential, id=f"c{number}") for number in range(copies)]
    for party in visits:
        picked, lacks = pick_copies(stock, party, now=1)
        if not picked:
            assert lacks == {KYC: Lack.USED_UP}
            assert all(copy.used_by not in {None, party} for copy in stock)
            continue
        (copy,) = picked
        assert copy.used_by in {None, party}
        stock = [replace(c, used_by=party, used_at=1) if c.id == copy.id else c for c in stock]


def test_a_later_visit_of_a_known_firm_spares_the_last_copy():
    first, last = (replace(HOLDINGS[0].credential, id=name) for name in "xy")
    seen = replace(first, used_by="a", used_at=1)
    assert pick_copies([seen, last], "a", now=1)[0] == (seen,)
    assert pick_copies([seen, last], "b", now=1)[0] == (last,)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_an_expired_copy_is_never_picked(order):
    made = [
        replace(HOLDINGS[0].credential, id=str(number), expires_at=end)
        for number, end in enumerate((1, 5, 100))
    ]
    (picked,), _ = pick_copies([made[place] for place in order], "a", now=50)
    assert picked.id == "2"
