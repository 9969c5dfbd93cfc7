"""The terms of a sharing."""

import pytest

from ssi.encoding import b64url_decode, parse_json_object
from ssi.errors import Malformed
from ssi.sharing_terms import LocalText, Retention, Terms, parse_terms

TERMS = Terms(
    firm="minpaku-kyoto",
    credential_ids=("kyc",),
    purpose_code="guest-register",
    purpose=LocalText(ja="宿泊者名簿の作成", en="Keeping the guest register"),
    legal_basis="旅館業法 第6条",
    retention=Retention(text=LocalText(ja="3年間", en="three years"), period="P3Y"),
    claims=(("verified_claims", "claims", "name"), ("licences", None)),
    address_updates=True,
)


def test_terms_travel_as_they_are():
    """[PRE-TERMS-1]."""
    assert parse_terms(parse_json_object(b64url_decode(TERMS.encode()))) == TERMS


def test_updates_may_be_left_unsaid():
    """[PRE-TERMS-1]."""
    wire = TERMS.to_json()
    del wire["updates"]
    assert parse_terms(wire).address_updates is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "urn:warifu:terms:2"),
        ("type", None),
        ("credential_ids", []),
        ("credential_ids", ["kyc", "kyc"]),
        ("purpose_code", "Guest Register"),
        ("purpose", {"ja": "x"}),
        ("purpose", {"ja": "x", "en": ""}),
        ("purpose", {"ja": "x", "en": "x" * 501}),
        ("purpose", {"ja": "x", "en": "x", "fr": "x"}),
        ("legal_basis", None),
        ("retention", {"ja": "x", "en": "x"}),
        ("retention", {"ja": "x", "en": "x", "period": "3Y"}),
        ("retention", {"ja": "x", "en": "x", "period": "P"}),
        ("retention", {"ja": "x", "en": "x", "period": "PT3H"}),
        ("retention", {"ja": "x", "en": "x", "period": "P3Y", "more": 1}),
        ("claims", "name"),
        ("claims", [[]]),
        ("claims", [["a", -1]]),
        ("updates", {}),
        ("updates", {"address": "yes"}),
        ("updates", {"address": True, "name": True}),
        ("firm", "Minpaku Kyoto"),
        ("unknown", 1),
    ],
)
def test_one_bad_or_unknown_member_refuses_the_terms(name, value):
    """[PRE-TERMS-1] [PRE-REQ-10]."""
    wire = TERMS.to_json()
    if value is None:
        del wire[name]
    else:
        wire[name] = value
    with pytest.raises(Malformed) as refused:
        parse_terms(wire)
    assert refused.value.code == "request.transaction_data"
