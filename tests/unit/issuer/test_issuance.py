"""OpenID4VCI as a wallet meets it, and as somebody worse than a wallet does."""

from __future__ import annotations

import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from issuer import audit, offers
from issuer.context import Issuer
from issuer.models import Application, Credential, Offer
from registry_chain.transactions import Attestable
from ssi.credential import anchor_entry
from ssi.encoding import b64url_decode, b64url_encode, parse_json_object
from ssi.errors import Unavailable
from ssi.keys import Alg, generate_signer
from ssi.merkle import leaf_hash, verify_inclusion
from ssi.oid4vci import (
    CredentialRequest,
    build_key_proof,
    parse_authorization_server_metadata,
    parse_issuer_metadata,
    parse_offer,
)
from ssi.sdjwt import parse_sdjwt, verify_issuer_jwt
from tests.support.chain import Chain, TestClock
from tests.support.issuer_world import FRAMEWORK, STATUS_SIZE, Wallet, keys, wallet
from tests.support.registry import ISSUER_URL, accreditation

DATA = {
    "family_name": "髙﨑",
    "given_name": "𠮷乃",
    "name_kana": "タカサキ ヨシノ",
    "birthdate": "2005-06-01",
    "postal_code": "1250042",
    "region": "東京都",
    "locality": "葛\U000e0100飾区",
    "street_address": "金町二丁目１０番地３　𠮷田荘２０３号室",
    "formatted": "東京都葛\U000e0100飾区金町二丁目１０番地３　𠮷田荘２０３号室",
    "licence_number": "302548291510",
    "licence_classes": ["futsu", "gentsuki"],
    "licence_conditions": ["at_only"],
    "licence_expiry": "2030-01-28",
}


def decided(issuer: Issuer, *, name: str = "a1", previous: str | None = None) -> offers.NewOffer:
    """An application two operators have agreed on, and its offer."""
    with issuer.db.transaction() as session:
        session.add(
            Application(
                id=name,
                secret_hash="",
                kind="new" if previous is None else "move",
                state="offered",
                data=json.dumps(DATA, ensure_ascii=False),
                warnings="[]",
                reason="",
                previous=previous,
                maker="ito",
                checker="sato",
                created_at=issuer.seconds(),
                decided_at=issuer.seconds(),
            )
        )
        session.flush()
        return offers.make_offer(session, issuer, name)


def code_of(issuer: Issuer, offer: offers.NewOffer) -> str:
    with issuer.db.transaction() as session:
        return session.get_one(Offer, offer.id).code


@pytest.fixture
def holder(issuer: Issuer) -> Wallet:
    """A wallet that has redeemed its offer."""
    made = wallet(issuer)
    offer = decided(issuer)
    answer = made.redeem(code_of(issuer, offer), offer.tx_code)
    made.token = str(answer.json["access_token"])
    return made


def error_of(answer: object) -> str:
    return str(answer.json["error"])  # type: ignore[attr-defined]


# --- what is offered ---


def test_the_metadata_are_what_the_kernel_reads(issuer: Issuer):
    http = wallet(issuer).http
    told = parse_issuer_metadata(
        http.get("/.well-known/openid-credential-issuer").data, issuer=ISSUER_URL
    )
    assert set(told.configurations) >= {"kyc", "driving-licence"}
    assert told.batch_size == 10
    server = parse_authorization_server_metadata(
        http.get("/.well-known/oauth-authorization-server").data, issuer=ISSUER_URL
    )
    assert server.token_endpoint == f"{ISSUER_URL}/token"
    assert server.pre_authorized_grant_anonymous_access


def test_an_offer_is_read_at_its_own_address_while_it_is_open(issuer: Issuer, clock: TestClock):
    http = wallet(issuer).http
    offer = decided(issuer)
    answer = http.get(f"/offers/{offer.id}")
    grant = parse_offer(answer.data).pre_authorized
    assert grant is not None
    assert grant.tx_code is not None
    assert grant.tx_code.length == len(offer.tx_code)
    assert offer.tx_code not in answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    assert http.get("/offers/another").status_code == 404
    clock.move(seconds=301)
    assert http.get(f"/offers/{offer.id}").status_code == 404


# --- token ---


def test_a_code_and_its_number_make_one_token(issuer: Issuer):
    made, offer = wallet(issuer), decided(issuer)
    code = code_of(issuer, offer)
    first = made.redeem(code, offer.tx_code)
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "no-store"
    assert first.json["token_type"] == "Bearer"
    again = made.redeem(code, offer.tx_code)
    assert (again.status_code, error_of(again)) == (400, "invalid_grant")


def test_fifty_wallets_with_one_code_get_one_token(issuer: Issuer):
    # I-01
    offer = decided(issuer)
    code = code_of(issuer, offer)
    made = wallet(issuer).http.application

    def redeem(_: int) -> int:
        return Wallet(made.test_client(), issuer).redeem(code, offer.tx_code).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = Counter(pool.map(redeem, range(50)))
    assert answers == {200: 1, 400: 49}


def test_five_wrong_numbers_kill_the_code(issuer: Issuer):
    # I-02
    made, offer = wallet(issuer), decided(issuer)
    code = code_of(issuer, offer)
    wrong = "000000" if offer.tx_code != "000000" else "111111"
    for _ in range(5):
        assert error_of(made.redeem(code, wrong)) == "invalid_grant"
    # Another worker, the right number: too late.
    late = wallet(issuer).redeem(code, offer.tx_code)
    assert (late.status_code, error_of(late)) == (400, "invalid_grant")


def test_wrong_numbers_in_parallel_get_no_sixth_try(issuer: Issuer):
    offer = decided(issuer)
    code = code_of(issuer, offer)
    app = wallet(issuer).http.application
    wrong = [f"{n:06d}" for n in range(40) if f"{n:06d}" != offer.tx_code]

    def redeem(number: str) -> int:
        return Wallet(app.test_client(), issuer).redeem(code, number).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(redeem, wrong)) == {400}
    with issuer.db.transaction() as session:
        kept = session.get_one(Offer, offer.id)
        assert (kept.tries, kept.state) == (5, offers.DEAD)


def test_a_code_ends_after_five_minutes(issuer: Issuer, clock: TestClock):
    # I-03
    made, offer = wallet(issuer), decided(issuer)
    code = code_of(issuer, offer)
    clock.move(seconds=301)
    assert error_of(made.redeem(code, offer.tx_code)) == "invalid_grant"


def test_a_newer_offer_ends_the_older_one(issuer: Issuer):
    made, old = wallet(issuer), decided(issuer)
    code = code_of(issuer, old)
    with issuer.db.transaction() as session:
        new = offers.make_offer(session, issuer, "a1")
    assert error_of(made.redeem(code, old.tx_code)) == "invalid_grant"
    assert made.redeem(code_of(issuer, new), new.tx_code).status_code == 200


FORM = "application/x-www-form-urlencoded"
GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (b"", FORM, "invalid_request"),
        (b"\xff\xfe", FORM, "invalid_request"),
        (b"grant_type=password&username=a", FORM, "unsupported_grant_type"),
        (f"grant_type={GRANT}".encode(), FORM, "invalid_request"),
        (f"grant_type={GRANT}&pre-authorized_code=x".encode(), FORM, "invalid_request"),
        (
            f"grant_type={GRANT}&pre-authorized_code=x&pre-authorized_code=y&tx_code=1".encode(),
            FORM,
            "invalid_request",
        ),
        (f"grant_type={GRANT}&pre-authorized_code=x&tx_code=1".encode(), FORM, "invalid_grant"),
        (
            f"grant_type={GRANT}&pre-authorized_code=x&tx_code=1".encode(),
            "text/plain",
            "invalid_request",
        ),
        (b'{"grant_type":"x"}', "application/json", "invalid_request"),
        (b"grant_type=authorization_code&code=x", FORM, "unsupported_grant_type"),
        (
            f"grant_type={GRANT}&pre-authorized_code=%FF&tx_code=%00".encode(),
            FORM,
            "invalid_request",
        ),
    ],
)
def test_a_bad_token_request_gets_its_code(issuer: Issuer, body: bytes, kind: str, error: str):
    answer = wallet(issuer).http.post("/token", data=body, content_type=kind)
    assert (answer.status_code, error_of(answer)) == (400, error)
    assert answer.headers["Cache-Control"] == "no-store"


def test_only_post_is_answered(issuer: Issuer):
    http = wallet(issuer).http
    for path in ("/token", "/nonce", "/credential", "/notification"):
        assert {http.get(path).status_code, http.put(path).status_code} == {405}


@pytest.mark.parametrize("path", ["/token", "/nonce", "/credential", "/notification"])
def test_a_giant_body_is_refused_before_it_is_read(issuer: Issuer, path: str):
    """[POR-WEB-1]"""
    answer = wallet(issuer).http.post(path, data=b"a" * 3_000_000, content_type="application/json")
    assert answer.status_code in {401, 413}
    if path in {"/token", "/nonce"}:
        assert answer.status_code == 413


# --- credential ---


def test_a_batch_is_signed_anchored_and_unlinkable(issuer: Issuer, chain: Chain, holder: Wallet):
    # I-09, [CRED-AN-1]
    signers = keys(10)
    answer = holder.ask("kyc", holder.proofs(signers))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    entries = answer.json["credentials"]
    key = issuer.credential_key.signer.public_key
    claims = [verify_issuer_jwt(parse_sdjwt(entry["credential"]), key).claims for entry in entries]
    first = claims[0]["verified_claims"]
    assert first["claims"]["name"] == "髙﨑 𠮷乃"
    assert first["claims"]["address"]["formatted"] == DATA["formatted"]
    assert first["verification"]["trust_framework"] == FRAMEWORK
    assert "302548291510" not in json.dumps(claims)
    assert [c["cnf"]["jwk"] for c in claims] == [s.public_key.jwk for s in signers]
    indices = [c["status"]["status_list"]["idx"] for c in claims]
    assert len(set(indices)) == 10
    assert all(0 <= index < STATUS_SIZE for index in indices)
    assert {c["iat"] % 86400 for c in claims} == {c["exp"] % 86400 for c in claims} == {0}
    salts = [
        d.salt if hasattr(d, "salt") else d.encoded
        for entry in entries
        for d in parse_sdjwt(entry["credential"]).disclosures
    ]
    assert len(set(salts)) == len(salts)
    for entry in entries:
        anchor = entry["anchor"]
        record = chain.client().anchor("city-kyc", anchor["batch_id"], chain.clock())
        assert record is not None
        jwt = entry["credential"].split("~", 1)[0]
        verify_inclusion(
            root=b64url_decode(record.root),
            leaf_hash=leaf_hash(anchor_entry(b64url_decode(anchor["salt"]), jwt)),
            index=anchor["index"],
            size=anchor["size"],
            path=[b64url_decode(step) for step in anchor["path"]],
        )


def test_the_licence_says_what_the_form_said(issuer: Issuer, holder: Wallet):
    answer = holder.ask("driving-licence", holder.proofs(keys(1)))
    token = answer.json["credentials"][0]["credential"]
    key = issuer.credential_key.signer.public_key
    told = verify_issuer_jwt(parse_sdjwt(token), key).claims["verified_claims"]["claims"]
    assert told["licence_number"] == DATA["licence_number"]
    assert told["licence_classes"] == DATA["licence_classes"]


def test_a_nonce_is_good_once(holder: Wallet):
    # I-04
    nonce = holder.nonce()
    assert holder.ask("kyc", holder.proofs(keys(1), nonce)).status_code == 200
    again = holder.ask("kyc", holder.proofs(keys(1), nonce))
    assert (again.status_code, error_of(again)) == (400, "invalid_nonce")


def test_a_nonce_ends(holder: Wallet, clock: TestClock):
    nonce = holder.nonce()
    clock.move(seconds=301)
    assert error_of(holder.ask("kyc", holder.proofs(keys(1), nonce))) in {
        "invalid_nonce", "invalid_token",
    }  # fmt: skip
    clock.move(seconds=-301)
    assert error_of(holder.ask("kyc", holder.proofs(keys(1), "forged"))) == "invalid_nonce"


def test_fifty_uses_of_one_nonce_make_one_batch(holder: Wallet):
    nonce = holder.nonce()
    app, issuer = holder.http.application, holder.issuer
    proofs = [holder.proofs(keys(1), nonce) for _ in range(50)]

    def ask(proof: tuple[str, ...]) -> str:
        answer = Wallet(app.test_client(), issuer, holder.token).ask("kyc", proof)
        return "ok" if answer.status_code == 200 else error_of(answer)

    with ThreadPoolExecutor(16) as pool:
        assert Counter(pool.map(ask, proofs)) == {"ok": 1, "invalid_nonce": 49}
    with issuer.db.transaction() as session:
        assert session.scalar(select(func.count(Credential.id))) == 1


def test_a_refused_request_takes_no_index(holder: Wallet):
    for proofs in (holder.proofs(keys(11)), holder.proofs(keys(1), "forged"), ()):
        assert holder.ask("kyc", proofs).status_code == 400
    with holder.issuer.db.transaction() as session:
        assert session.scalar(select(func.count(Credential.id))) == 0


def test_bad_proofs_get_their_code(holder: Wallet, chain: Chain):
    # I-05, I-07
    one = keys(1)[0]
    nonce, now = holder.nonce(), chain.clock()

    def proof(issuer: str = ISSUER_URL, nonce: str | None = nonce, shift: int = 0) -> str:
        return build_key_proof(one, issuer=issuer, nonce=nonce, now=now + timedelta(seconds=shift))

    good = proof()
    head, body, signature = good.split(".")
    none = b64url_encode(json.dumps({"alg": "none", "typ": "openid4vci-proof+jwt"}).encode())
    cases = {
        "other issuer": (proof(issuer="https://evil.example"),),
        "old": (proof(shift=-400),),
        "ahead": (proof(shift=120),),
        "no nonce": (proof(nonce=None),),
        "signature": (f"{head}.{body}.{signature[::-1]}",),
        "alg none": (f"{none}.{body}.",),
        "one key twice": (good, good),
        "too many": holder.proofs(keys(11), nonce),
        "junk": ("a.b.c",),
    }
    for name, proofs in cases.items():
        answer = holder.ask("kyc", proofs)
        assert (name, answer.status_code, error_of(answer)) == (name, 400, "invalid_proof")
    mixed = (good, *holder.proofs(keys(1)))
    assert error_of(holder.ask("kyc", mixed)) == "invalid_nonce"
    # None of them spent the nonce.
    assert holder.ask("kyc", (good,)).status_code == 200


def test_an_eddsa_key_is_welcome(holder: Wallet):
    key = generate_signer(Alg.EDDSA, os.urandom)
    assert holder.ask("kyc", holder.proofs([key])).status_code == 200


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "invalid_credential_request"),
        ({"credential_configuration_id": "passport"}, "unknown_credential_configuration"),
        ({"credential_identifier": "kyc"}, "invalid_credential_request"),
        (
            {"credential_configuration_id": "kyc", "credential_identifier": "kyc"},
            "invalid_credential_request",
        ),
        ({"credential_configuration_id": "kyc", "proofs": {"jwt": []}}, "invalid_proof"),
        ({"credential_configuration_id": "kyc", "proofs": {"di_vp": [{}]}}, "invalid_proof"),
        ({"credential_configuration_id": "kyc", "proof": {"jwt": "x"}}, "invalid_proof"),
        (
            {
                "credential_configuration_id": "kyc",
                "credential_response_encryption": {"jwk": {}, "enc": "A128GCM"},
            },
            "invalid_encryption_parameters",
        ),
    ],
)
def test_a_bad_request_gets_its_code(holder: Wallet, body: dict[str, object], error: str):
    if "proofs" not in body and "proof" not in body and error.startswith("unknown"):
        body = {**body, "proofs": {"jwt": list(holder.proofs(keys(1)))}}
    answer = holder.ask_json(body)
    assert (answer.status_code, error_of(answer)) == (400, error)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"a":1,"a":2}', b"{}" + b" " * 10])
def test_bytes_that_are_no_request_are_refused(holder: Wallet, body: bytes):
    answer = holder.http.post(
        "/credential",
        data=body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {holder.token}"},
    )
    assert (answer.status_code, error_of(answer)) == (400, "invalid_credential_request")
    assert "Traceback" not in answer.text


def test_another_media_type_is_refused(holder: Wallet):
    body = CredentialRequest(configuration_id="kyc", proofs=holder.proofs(keys(1))).to_json()
    answer = holder.http.post(
        "/credential",
        data=json.dumps(body),
        content_type="text/plain",
        headers={"Authorization": f"Bearer {holder.token}"},
    )
    assert error_of(answer) == "invalid_credential_request"


def test_without_a_good_token_there_is_nothing(holder: Wallet, clock: TestClock):
    """[POR-OFFER-2]"""
    # I-06
    proofs = holder.proofs(keys(1))
    body = CredentialRequest(configuration_id="kyc", proofs=proofs).to_json()
    ways = (
        holder.http.post("/credential", json=body),
        holder.http.post(f"/credential?access_token={holder.token}", json=body),
        holder.http.post("/credential", json=body, headers={"Authorization": "Bearer x"}),
        holder.http.post("/credential", json=body, headers={"Authorization": holder.token}),
        holder.http.post("/credential", json={**body, "access_token": holder.token}),
    )
    for answer in ways:
        assert (answer.status_code, error_of(answer)) == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    clock.move(seconds=301)
    assert holder.ask("kyc", holder.proofs(keys(1))).status_code == 401


def test_a_withdrawn_or_rejected_application_gives_nothing(holder: Wallet):
    with holder.issuer.db.transaction() as session:
        session.execute(update(Application).values(state="rejected"))
    answer = holder.ask("kyc", holder.proofs(keys(1)))
    assert (answer.status_code, error_of(answer)) == (400, "credential_request_denied")


def test_a_silent_chain_means_try_again_and_no_index_twice(holder: Wallet, monkeypatch):
    # I-08: nothing leaves unanchored; what the failed try took is never given out again.
    proofs = holder.proofs(keys(2))
    ledger = type(holder.issuer.ledger)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "submit", _unavailable)
        answer = holder.ask("kyc", proofs)
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        assert "credentials" not in answer.json
    assert holder.ask("kyc", holder.proofs(keys(2))).status_code == 200
    with holder.issuer.db.transaction() as session:
        taken = session.scalars(select(Credential.status_index)).all()
    assert len(set(taken)) == len(taken) == 4


def _unavailable(*_: object) -> None:
    raise Unavailable("the chain is silent")


def test_a_batch_after_batch_ends_somewhere(holder: Wallet):
    codes = [holder.ask("kyc", holder.proofs(keys(1))).status_code for _ in range(20)]
    assert codes[0] == 200
    assert codes[-1] == 400


# --- notification ---


def test_a_notification_may_be_repeated(holder: Wallet):
    answer = holder.ask("kyc", holder.proofs(keys(1)))
    name = answer.json["notification_id"]
    for _ in range(2):
        said = holder.notify(name)
        assert (said.status_code, said.data) == (204, b"")
    with holder.issuer.db.transaction() as session:
        assert session.get_one(Application, "a1").state == "issued"
        assert audit.verify(session) >= 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"notification_id": "nobody", "event": "credential_accepted"}, "invalid_notification_id"),
        ({"notification_id": "x", "event": "credential_eaten"}, "invalid_notification_request"),
        ({"event": "credential_accepted"}, "invalid_notification_request"),
        ({"notification_id": 7, "event": "credential_accepted"}, "invalid_notification_request"),
    ],
)
def test_a_bad_notification_gets_its_code(holder: Wallet, body: dict[str, object], error: str):
    answer = holder.http.post(
        "/notification", json=body, headers={"Authorization": f"Bearer {holder.token}"}
    )
    assert (answer.status_code, error_of(answer)) == (400, error)


def test_another_token_cannot_report_on_a_batch(issuer: Issuer, holder: Wallet):
    """[POR-OFFER-2]"""
    name = holder.ask("kyc", holder.proofs(keys(1))).json["notification_id"]
    other = wallet(issuer)
    offer = decided(issuer, name="a2")
    other.token = str(other.redeem(code_of(issuer, offer), offer.tx_code).json["access_token"])
    answer = other.notify(name)
    assert (answer.status_code, error_of(answer)) == (400, "invalid_notification_id")
    with issuer.db.transaction() as session:
        assert session.get_one(Application, "a1").state == "offered"


def test_what_the_database_keeps_of_secrets_is_a_hash(holder: Wallet, tmp_path):
    """[POR-OFFER-2]"""
    nonce = holder.nonce()
    holder.issuer.db.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("issuer.db*"))
    assert holder.token.encode() not in kept
    assert nonce.encode() not in kept
    assert parse_json_object(b"{}") == {}


# --- what we may attest ---


def test_what_we_are_not_accredited_for_does_not_leave(
    issuer: Issuer, holder: Wallet, chain: Chain
):
    """[POR-ISS-3], [REG-ISS-7]"""
    known = issuer.ledger.accreditation(issuer.now())
    body = accreditation(
        url=known.url,
        ca=known.ca,
        credential_types=known.credential_types,
        valid_until=known.valid_until,
    )
    names = ("name", "name#ja-Kana-JP", "address", "age_over_18", "age_over_20", "portrait_checked")
    narrow = tuple(Attestable(vct=vct, names=names) for vct in known.credential_types)
    chain.decide(replace(body, attests=narrow), lane=3)
    try:
        answer = holder.ask("kyc", holder.proofs(keys(2)))
        assert answer.status_code == 400
        assert "credentials" not in answer.json
        full = tuple(Attestable(vct=one.vct, names=(*names, "birthdate")) for one in narrow)
        chain.decide(replace(body, attests=full), lane=3)
        answer = holder.ask("kyc", holder.proofs(keys(2)))
        assert len(answer.json["credentials"]) == 2
    finally:
        chain.decide(body, lane=3)
