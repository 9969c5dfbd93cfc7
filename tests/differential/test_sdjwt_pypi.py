"""Both ways against the reference library: what we issue it verifies, and the reverse.

It takes more than we do (a leaf of the standard it leaves to its caller, see the attack set), so
the comparison is one-sided for what is refused: whatever we accept, it accepts.
"""

import json
from datetime import UTC, datetime

import pytest
from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from ssi.encoding import b64url_encode
from ssi.errors import Rejected
from ssi.jose import parse_jws
from ssi.keys import Alg, public_key_from_jwk
from ssi.sdjwt import (
    KeyBindingPolicy,
    Sd,
    issue,
    parse_sdjwt,
    present,
    select,
    verify_issuer_jwt,
    verify_key_binding,
)
from tests.support.credentials import ED_HOLDER, ES_HOLDER, ISSUER, dice, key
from tests.support.vectors import vectors_dir

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AUDIENCE, NONCE = "x509_hash:firm", "nonce-of-this-request"
ED_ISSUER = key("issuer", Alg.EDDSA)


def private(signer):
    return JWK(**signer.public_key.jwk, d=b64url_encode(signer.secret))


def public(signer):
    return JWK(**signer.public_key.jwk)


def claims(holder):
    return {
        "iss": "https://issuer.example",
        "vct": "urn:warifu:kyc:1",
        "iat": int(NOW.timestamp()) - 60,
        "exp": int(NOW.timestamp()) + 3600,
        "cnf": {"jwk": holder.public_key.jwk},
    }


PAIRS = [(ISSUER, ES_HOLDER), (ISSUER, ED_HOLDER), (ED_ISSUER, ES_HOLDER), (ED_ISSUER, ED_HOLDER)]


# Their verifier takes key bindings by ES256 only, whatever the holder's key.
@pytest.mark.parametrize(("issuer", "holder"), [pair for pair in PAIRS if pair[1] is ES_HOLDER])
def test_they_verify_what_we_issue_and_present(issuer, holder):
    payload = claims(holder) | {
        "name": Sd("髙橋 花子"),
        "address": Sd({"region": Sd("東京都"), "country": "JP"}),
        "classes": [Sd("futsu"), Sd("daijini"), "gentsuki"],
        "hidden": Sd("never shown"),
    }
    text = issue(payload, issuer, random=dice(), decoys=3)
    chosen = select(text, [("name",), ("address", "region"), ("classes", 1)])
    presented = present(chosen, holder, audience=AUDIENCE, nonce=NONCE, now=NOW)
    theirs = SDJWTVerifier(presented, lambda *_: public(issuer), AUDIENCE, NONCE)
    assert theirs.get_verified_payload() == claims(holder) | {
        "name": "髙橋 花子",
        "address": {"region": "東京都", "country": "JP"},
        "classes": ["daijini", "gentsuki"],
    }


@pytest.mark.parametrize(("issuer", "holder"), PAIRS)
def test_we_verify_what_they_issue_and_present(issuer, holder):
    payload = claims(holder) | {
        SDObj("name"): "髙橋 花子",
        SDObj("address"): {SDObj("region"): "東京都", "country": "JP"},
        "classes": [SDObj("futsu"), SDObj("daijini")],
        SDObj("hidden"): "never shown",
    }
    del payload["cnf"]
    made = SDJWTIssuer(
        payload,
        private(issuer),
        public(holder),
        sign_alg=issuer.public_key.alg.value,
        add_decoy_claims=True,
        extra_header_parameters={"typ": "dc+sd-jwt"},
    )
    theirs = SDJWTHolder(made.sd_jwt_issuance)
    theirs.create_presentation(
        {"name": True, "address": {"region": True}, "classes": [False, True]},
        NONCE,
        AUDIENCE,
        private(holder),
        sign_alg=holder.public_key.alg.value,
    )
    untrusted = parse_sdjwt(theirs.sd_jwt_presentation)
    verified = verify_issuer_jwt(untrusted, issuer.public_key)
    shown = {n: verified.claims[n] for n in verified.claims if n not in claims(holder)}
    assert shown == {
        "name": "髙橋 花子",
        "address": {"region": "東京都", "country": "JP"},
        "classes": ["daijini"],
    }
    verify_key_binding(
        untrusted,
        verified,
        audience=AUDIENCE,
        nonce=NONCE,
        now=issued_at(untrusted.kb),
        policy=KeyBindingPolicy(),
    )


def issued_at(kb):
    """Their clock is the real one."""
    return datetime.fromtimestamp(json.loads(parse_jws(kb).payload)["iat"], UTC)


def test_whatever_we_accept_of_the_attack_set_they_accept():
    data = json.loads((vectors_dir("sd_jwt_attacks") / "cases.json").read_text("utf-8"))
    issuer = public_of(data["issuer_jwk"])
    ours_only, both = [], 0
    for case in data["cases"]:
        text = case["presentation"]
        try:
            mine = verify_issuer_jwt(parse_sdjwt(text), ours(data["issuer_jwk"])).claims
        except Rejected:
            continue
        try:
            theirs = SDJWTVerifier(text, lambda *_: issuer).get_verified_payload()
        except Exception as error:  # noqa: BLE001 - a stranger's errors have no common root
            ours_only.append((case["id"], type(error).__name__))
            continue
        both += 1
        assert {n: v for n, v in theirs.items() if n != "_sd_alg"} == mine
    assert ours_only == []
    assert both >= 20


def ours(jwk):
    return public_key_from_jwk(jwk)


def public_of(jwk):
    return JWK(**{n: v for n, v in jwk.items() if n != "kid"})
