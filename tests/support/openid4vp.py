"""A firm's OpenID4VP request, and its parts to bend in tests."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ssi.dcql import parse_query
from ssi.encoding import b64url_encode
from ssi.errors import (
    Rejected,
)
from ssi.jose import sign_jws
from ssi.keys import Alg, generate_agreement_key, generate_signer
from ssi.oid4vp import (
    REQUEST_TYPE,
    AuthorizationRequest,
    ClientId,
    Prefix,
    RequestPolicy,
    ResponseKey,
    ResponseMode,
    TransactionData,
    build_request_object,
    parse_plain_request,
    parse_request_object,
    verify_request_object,
)
from ssi.sharing_terms import LocalText, Retention, Terms
from ssi.x509 import create_ca, create_leaf, to_x5c, x509_hash

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SOON = NOW + timedelta(minutes=5)
DATES = {"not_before": NOW - DAY, "not_after": NOW + DAY}
CA_SECRET = generate_signer(Alg.ES256, os.urandom).secret
CA = create_ca("Root", secret=CA_SECRET, serial=1, **DATES)
KEY = generate_signer(Alg.ES256, os.urandom)
LEAF = create_leaf(
    "Firm",
    public_key=KEY.public_key,
    issuer=(CA, CA_SECRET),
    serial=2,
    dns_names=["firm.example.com"],
    **DATES,
)
OTHER_LEAF = create_leaf(
    "Firm", public_key=KEY.public_key, issuer=(CA, CA_SECRET), serial=3, **DATES
)
BY_HASH = ClientId(prefix=Prefix.X509_HASH, value=x509_hash(LEAF.public_bytes(Encoding.DER)))
BY_NAME = ClientId(prefix=Prefix.X509_SAN_DNS, value="firm.example.com")
URI = "https://firm.example.com/response"
NONCE = b64url_encode(bytes(range(16)))
SEALING = generate_agreement_key(os.urandom)
QUERY = parse_query(
    {
        "credentials": [
            {"id": "kyc", "format": "dc+sd-jwt", "meta": {"vct_values": ["urn:warifu:kyc:1"]}}
        ]
    }
)
TERMS = Terms(
    firm="minpaku-kyoto",
    credential_ids=("kyc",),
    purpose_code="guest-register",
    purpose=LocalText(ja="名簿", en="register"),
    legal_basis="law",
    retention=Retention(text=LocalText(ja="3年", en="3 years"), period="P3Y"),
    claims=(("name",),),
)
TRANSACTION = TransactionData(
    raw=TERMS.encode(), type="urn:warifu:terms:1", credential_ids=("kyc",), content=TERMS
)
REQUEST = AuthorizationRequest(
    client_id=BY_HASH,
    nonce=NONCE,
    response_uri=URI,
    response_mode=ResponseMode.DIRECT_POST_JWT,
    query=QUERY,
    state=NONCE,
    transaction_data=(TRANSACTION,),
    response_key=ResponseKey(jwk=SEALING.public_jwk("k1"), encs=("A128GCM", "A256GCM")),
)
POLICY = RequestPolicy(prefixes=frozenset(Prefix))
COMMON = {
    **REQUEST.to_json(),
    "aud": "https://self-issued.me/v2",
    "iat": int(NOW.timestamp()),
    "exp": int(SOON.timestamp()),
}


def built(request=REQUEST, **options):
    options = {"now": NOW, "expires_at": SOON, "chain": [LEAF], **options}
    return build_request_object(request, KEY, **options)


def signed(header=None, typ=REQUEST_TYPE, key=KEY, **changes):
    """A request object with members replaced, or removed by None."""
    claims = {name: value for name, value in {**COMMON, **changes}.items() if value is not None}
    header = {"x5c": to_x5c([LEAF])} if header is None else header
    return sign_jws(claims, key, typ=typ, header=header)


def verified(token, client_id=BY_HASH.text, wallet_nonce=None, now=NOW, policy=POLICY):
    return verify_request_object(
        parse_request_object(token),
        client_id=client_id,
        wallet_nonce=wallet_nonce,
        now=now,
        policy=policy,
    )


def refusal(token, error=Rejected, **options):
    with pytest.raises(error) as caught:
        verified(token, **options)
    return caught.value.code


def plain(**changes):
    claims = {**REQUEST.to_json(), "client_id": f"redirect_uri:{URI}", **changes}
    return {name: value for name, value in claims.items() if value is not None}


def verify_plain(parameters, client_id=f"redirect_uri:{URI}"):
    return verify_request_object(
        parse_plain_request(parameters),
        client_id=client_id,
        wallet_nonce=None,
        now=NOW,
        policy=POLICY,
    )
