"""Both ways against npm @sd-jwt/sd-jwt-vc: another language, another team, the same tokens."""

from datetime import UTC, datetime
from itertools import product

import pytest

from ssi.credential import kid_of
from ssi.encoding import b64url_encode
from ssi.keys import Alg
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
from ssi.status_list import INVALID, build_status_token, new_status_list
from tests.support.credentials import ED_HOLDER, ES_HOLDER, ISSUER, OTHER, dice, key
from tests.support.peers import PeerError, SdJwtVcPeer, require_peer

pytestmark = pytest.mark.node

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
AUDIENCE, NONCE = "x509_hash:firm", "nonce-of-this-request"
URI = "https://issuer.example/status-lists/main"
ISSUERS = (ISSUER, key("issuer", Alg.EDDSA))
HOLDERS = (ES_HOLDER, ED_HOLDER)
PAIRS = tuple(product(ISSUERS, HOLDERS))
NAME = "髙﨑 𠮷雄 葛\U000e0100"


@pytest.fixture(scope="module")
def peer():
    require_peer()
    with SdJwtVcPeer() as running:
        yield running


def private(signer):
    return signer.public_key.jwk | {"d": b64url_encode(signer.secret)}


def envelope(holder):
    return {
        "iss": "https://issuer.example",
        "vct": "urn:warifu:kyc:1",
        "iat": AT - 60,
        "exp": AT + 3600,
        "cnf": {"jwk": holder.public_key.jwk},
    }


SHOWN = {
    "name": NAME,
    "address": {"region": "東京都", "country": "JP"},
    "classes": ["daijini", "gentsuki"],
}


def ours(issuer, holder, **more):
    """Issued, cut down and presented by us."""
    payload = envelope(holder) | {
        "name": Sd(NAME),
        "address": Sd({"region": Sd("東京都"), "country": "JP"}),
        "classes": [Sd("futsu"), Sd("daijini"), "gentsuki"],
        "hidden": Sd("never shown"),
        **more,
    }
    header = {"kid": kid_of("city-kyc", issuer.public_key.thumbprint())}
    text = issue(payload, issuer, random=dice(), header=header, decoys=3)
    chosen = select(text, [("name",), ("address", "region"), ("classes", 1)])
    return present(chosen, holder, audience=AUDIENCE, nonce=NONCE, now=NOW)


def ask(peer, issuer, presentation, **changes):
    request = {"issuerPublic": issuer.public_key.jwk, "nonce": NONCE, "now": AT} | changes
    return peer.ask("verify", presentation=presentation, **request)


@pytest.mark.parametrize(("issuer", "holder"), PAIRS)
def test_they_verify_what_we_issue_and_present(peer, issuer, holder):
    seen = ask(peer, issuer, ours(issuer, holder))
    assert seen["claims"] == envelope(holder) | SHOWN
    assert (seen["kb"]["aud"], seen["kb"]["nonce"], seen["kb"]["iat"]) == (AUDIENCE, NONCE, AT)


@pytest.mark.parametrize(("issuer", "holder"), PAIRS)
def test_we_verify_what_they_issue_and_present(peer, issuer, holder):
    payload = envelope(holder) | {
        "name": NAME,
        "address": {"region": "東京都", "country": "JP"},
        "classes": ["futsu", "daijini", "gentsuki"],
        "hidden": "never shown",
    }
    frame = {
        "_sd": ["name", "address", "hidden"],
        "_sd_decoy": 2,
        "address": {"_sd": ["region"]},
        "classes": {"_sd": [0, 1]},
    }
    made = peer.ask("issue", payload=payload, frame=frame, issuer=private(issuer), header={})
    wanted = {"name": True, "address": {"region": True}, "classes": {"1": True}}
    theirs = peer.ask(
        "present",
        sdjwt=made["sdjwt"],
        frame=wanted,
        holder=private(holder),
        nonce=NONCE,
        aud=AUDIENCE,
        iat=AT,
    )
    untrusted = parse_sdjwt(theirs["presentation"])
    verified = verify_issuer_jwt(untrusted, issuer.public_key)
    assert verified.claims == envelope(holder) | SHOWN
    binding = verify_key_binding(
        untrusted,
        verified,
        audience=AUDIENCE,
        nonce=NONCE,
        now=NOW,
        policy=KeyBindingPolicy(),
    )
    assert binding.key == holder.public_key


@pytest.mark.parametrize("issuer", ISSUERS)
def test_they_read_our_status_lists(peer, issuer):
    status = {"status_list": {"idx": 9, "uri": URI}}
    text = ours(issuer, ES_HOLDER, status=status)
    good = new_status_list(1024).with_status(8, INVALID).with_status(10, INVALID)
    for statuses, accepted in ((good, True), (good.with_status(9, INVALID), False)):
        token = build_status_token(statuses, issuer, uri=URI, now=NOW, ttl=300)
        if accepted:
            assert ask(peer, issuer, text, statusToken=token)["claims"]["status"] == status
        else:
            with pytest.raises(PeerError, match=r"(?i)status"):
                ask(peer, issuer, text, statusToken=token)


def without_a_disclosure(text):
    first, _, *rest = text.split("~")
    return "~".join([first, *rest])


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize(
    ("spoil", "changes"),
    [
        (str, {"nonce": "another"}),
        (str, {"issuerPublic": OTHER.public_key.jwk}),
        (without_a_disclosure, {}),
        (str, {"now": AT + 3601}),  # at the very second of exp they still accept
    ],
)
def test_they_refuse_what_we_refuse(peer, holder, spoil, changes):
    with pytest.raises(PeerError):
        ask(peer, ISSUER, spoil(ours(ISSUER, holder)), **changes)
