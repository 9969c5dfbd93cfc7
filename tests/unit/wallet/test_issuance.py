import os
from dataclasses import replace
from datetime import timedelta

import pytest

from registry_chain.transactions import Attestable
from ssi.encoding import canonical_json, parse_json_object
from ssi.errors import Rejected, Unavailable
from ssi.keys import Alg, generate_signer
from ssi.oid4vci import CredentialConfiguration
from ssi.sdjwt import Sd
from tests.support.wallet_cast import BOX, FIRM, ISSUER, KYC, NODE, Authority


def keys_in(holder):
    return holder._ctx.vault.read("SELECT count(*) FROM keys")[0][0]


def test_credentials_are_verified_and_stored_each_under_its_own_key(supplied, world):  # [WAL-ISS-6]
    (batch,) = supplied.credentials()
    assert (batch.copies, batch.unused) == (5, 5)
    assert keys_in(supplied) == 5
    assert world.issuer.notices == ["credential_accepted"]
    assert [entry.kind.value for entry in supplied.history()] == ["received"]


def test_a_new_key_is_in_the_vault_before_anyone_hears_of_it(holder, world):
    """[WAL-ISS-5] A crash right after the request loses no key the issuer signed for."""
    kept, handle = [], world.issuer.handle

    def watching(request):
        if request.url.endswith("/credential"):
            kept.append(keys_in(holder))
        return handle(request)

    world.issuer.handle = watching
    holder.accept_offer(world.issuer.offer(), "123456")
    assert kept == [5]


def test_a_list_of_issuers_is_a_hint_and_no_more(holder, world, monkeypatch):
    """[WAL-TRUST-2] A node adds an issuer of its own to the list; no proof follows."""
    forged = {"key": "issuer/evil", "value": {"url": "http://127.0.0.1:9999", "state": "active"}}
    told, fetch = [], holder._ctx.fetch

    def lying(request):
        answer = fetch(request)
        if "/v1/list?" not in request.url:
            return answer
        listed = parse_json_object(answer.body)
        told.append(request.url)
        return replace(answer, body=canonical_json(listed | {"items": [forged]}))

    monkeypatch.setattr(holder, "_ctx", replace(holder._ctx, fetch=lying))
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(credential_issuer="http://127.0.0.1:9999"), "123456")
    assert told
    assert caught.value.code in {"issuance.issuer_not_accredited", "chain.issuer_unknown"}
    assert world.issuer.seen == []


def test_an_issuer_nobody_accredited_gets_no_code(holder, world):  # [WAL-ISS-2]
    link = world.issuer.offer(credential_issuer="http://127.0.0.1:9999")
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(link, "123456")
    assert caught.value.code == "issuance.issuer_not_accredited"
    assert world.issuer.seen == []
    assert not any(request.url.startswith("http://127.0.0.1:9999") for request in world.sent)


@pytest.mark.parametrize("code", [None, "", "12345", "12345a", "1" * 100, "１２３４５６"])
def test_a_code_of_another_form_is_not_sent(holder, world, code):  # [WAL-ISS-4]
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), code)
    assert caught.value.code.startswith("issuance.tx_code")
    assert "/token" not in world.issuer.seen


def test_a_wrong_code_is_told_as_such(holder, world):
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), "999999")
    assert caught.value.code == "issuance.tx_code"
    assert keys_in(holder) == 0


@pytest.mark.parametrize("name", ["credential_endpoint", "nonce_endpoint", "notification_endpoint"])
@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:8666/x", f"{ISSUER}.evil.example/x", f"{ISSUER[:-1]}/x"]
)
def test_an_endpoint_elsewhere_gets_nothing(holder, world, name, where):  # [WAL-ISS-3]
    world.issuer.metadata = replace(world.issuer.metadata, **{name: where})
    with pytest.raises(Rejected):
        holder.accept_offer(world.issuer.offer(), "123456")
    assert "/token" not in world.issuer.seen


def test_a_token_endpoint_elsewhere_gets_no_code(holder, world):
    world.issuer.server = replace(world.issuer.server, token_endpoint="http://127.0.0.1:8666/token")
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), "123456")
    assert caught.value.code == "issuance.endpoint_foreign"


def test_another_authorization_server_gets_no_code(holder, world):
    world.issuer.metadata = replace(
        world.issuer.metadata, authorization_servers=("http://127.0.0.1:8666",)
    )
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), "123456")
    assert caught.value.code == "issuance.server_not_accredited"


def test_a_type_the_issuer_is_not_accredited_for_is_refused(holder, world):
    kyc = world.issuer.metadata.configurations["kyc"]
    odd = replace(kyc, vct="urn:warifu:driving-licence:1")
    world.issuer.metadata = replace(world.issuer.metadata, configurations={"kyc": odd})
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), "123456")
    assert caught.value.code == "issuance.type_not_accredited"


def test_a_claim_the_issuer_may_not_attest_refuses_all(own_world, tmp_path):
    """[WAL-ISS-6], [REG-ISS-7]"""
    own_world.accredit(attests=(Attestable(vct=KYC, names=("name", "address", "age_over_18")),))
    with own_world.holder(tmp_path / "wallet") as holder:
        with pytest.raises(Rejected) as caught:
            holder.accept_offer(own_world.issuer.offer(), "123456")
        assert caught.value.code == "issuance.claims_not_accredited"
        assert holder.credentials() == ()
        assert keys_in(holder) == 0


def test_an_issuer_within_its_limits_is_received_from(own_world, tmp_path):  # [REG-ISS-7]
    every = (
        "name",
        "name#ja-Kana-JP",
        "birthdate",
        "address",
        "age_over_18",
        "age_over_20",
        "portrait_checked",
    )
    own_world.accredit(attests=(Attestable(vct=KYC, names=every),))
    with own_world.holder(tmp_path / "wallet") as holder:
        assert holder.accept_offer(own_world.issuer.offer(), "123456").copies == 5


def test_an_unknown_configuration_is_refused(holder, world):
    odd = {"kyc": CredentialConfiguration(format="mso_mdoc")}
    world.issuer.metadata = replace(world.issuer.metadata, configurations=odd)
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), "123456")
    assert caught.value.code == "issuance.configuration"


def _other_key(_number, payload):
    other = generate_signer(Alg.ES256, os.urandom).public_key.jwk
    return payload | {"cnf": {"jwk": other}}


def _one_index(_number, payload):
    return payload | {"status": {"status_list": {"idx": 7, "uri": f"{ISSUER}/status-lists/main"}}}


def _foreign_status(_number, payload):
    return payload | {"status": {"status_list": {"idx": 7, "uri": "https://evil.example/s"}}}


def _my_number(_number, payload):
    claims = payload["verified_claims"]["claims"] | {"individual_number": Sd("x")}
    return payload | {"verified_claims": payload["verified_claims"] | {"claims": claims}}


def _framework(_number, payload):
    verification = payload["verified_claims"]["verification"] | {"trust_framework": "other"}
    return payload | {
        "verified_claims": payload["verified_claims"] | {"verification": verification}
    }


BENDS = [
    (_other_key, "issuance.binding"),
    (_one_index, "issuance.not_distinct"),
    (_foreign_status, "issuance.status"),
    (_my_number, "issuance.forbidden_claim"),
    (_framework, "issuance.trust_framework"),
    (lambda _n, p: p | {"vct": "urn:warifu:address:1"}, "issuance.vct"),
    (lambda _n, p: p | {"iss": "https://other.example"}, "issuance.issuer"),
    (lambda _n, p: p | {"exp": 1}, "credential.expired"),
    (lambda n, p: p if n else p | {"iat": 4_000_000_000}, "credential.not_yet_valid"),
]


@pytest.mark.parametrize(("bend", "code"), BENDS, ids=[code for _, code in BENDS])
def test_one_bad_credential_refuses_the_whole_answer(holder, world, bend, code):
    """[WAL-ISS-6] [WAL-ONCE-2]"""
    world.issuer.bend = bend
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), "123456")
    assert caught.value.code == code
    assert holder.credentials() == ()
    assert keys_in(holder) == 0
    assert world.issuer.notices[-1:] in ([], ["credential_failure"])


def test_more_credentials_than_keys_are_refused(holder, world):
    world.issuer.bend_response = lambda issued: [*issued, issued[0]]
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), "123456")
    assert caught.value.code == "issuance.too_many"


def test_the_same_credential_twice_is_refused(holder, world):
    """[WAL-ONCE-2]"""
    world.issuer.bend_response = lambda issued: [issued[0], issued[0]]
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), "123456")
    assert caught.value.code == "issuance.not_distinct"


@pytest.mark.parametrize(
    "change", [{"index": 1}, {"size": 6}, {"batch_id": "batch-9999"}, {"path": []}]
)
def test_a_credential_outside_the_anchored_batch_is_refused(holder, world, change):  # [WAL-ISS-7]
    def bend(issued):
        first = issued[0]
        return [replace(first, extra={"anchor": first.extra["anchor"] | change}), *issued[1:]]

    world.issuer.bend_response = bend
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), "123456")
    assert caught.value.code == "issuance.anchor"
    assert holder.credentials() == ()


def test_fewer_credentials_than_keys_leave_no_key_behind(holder, world):
    world.issuer.bend_response = lambda issued: issued[:2]
    assert holder.accept_offer(world.issuer.offer(), "123456").copies == 2
    assert keys_in(holder) == 2


def test_a_certificate_of_another_authority_is_refused(holder, world):
    honest = world.issuer.pki
    stranger = Authority.make("Stranger")
    world.issuer.pki = replace(honest, leaf=stranger.leaf)
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), "123456")
    assert caught.value.code == "issuance.certificate"


def test_an_unregistered_key_is_refused(holder, world):
    world.issuer.pki = Authority.make("Stranger")
    with pytest.raises(Rejected) as caught:
        holder.accept_offer(world.issuer.offer(), "123456")
    assert caught.value.code == "chain.key_unknown"


@pytest.mark.parametrize("down", [ISSUER, NODE])
def test_what_does_not_answer_stores_nothing(holder, world, down):
    world.down.add(down)
    with pytest.raises((Unavailable, Rejected)):
        holder.accept_offer(world.issuer.offer(), "123456")
    assert holder.credentials() == ()


def test_a_ledger_too_old_is_no_ground_for_trust(own_world, tmp_path):
    """[WAL-TRUST-1]"""
    own_world.clock.ahead = timedelta(hours=1)
    with own_world.holder(tmp_path / "w") as holder, pytest.raises(Unavailable):
        holder.accept_offer(own_world.issuer.offer(), "123456")
    assert "/token" not in own_world.issuer.seen


@pytest.mark.parametrize(
    "link",
    [
        "",
        "x",
        "openid4vp://?a=b",
        "openid-credential-offer://?credential_offer=%7B%7D",
        "a" * 10_000,
        "openid-credential-offer://?credential_offer_uri=file:///etc/passwd",
    ],
)
def test_what_is_no_offer_is_refused_without_a_request(holder, world, link):
    with pytest.raises(Rejected):
        holder.accept_offer(link, "123456")
    assert not any(request.url.startswith((ISSUER, FIRM, BOX)) for request in world.sent[20:])
