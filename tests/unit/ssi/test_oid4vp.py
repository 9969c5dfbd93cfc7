"""OpenID4VP: links, request objects by prefix, answers."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ssi.dcql import parse_query
from ssi.did import did_key
from ssi.encoding import b64url_encode, canonical_json
from ssi.errors import (
    BindingMismatch,
    ConsentDeclined,
    Expired,
    InvalidSignature,
    Malformed,
    NoMatchingCredential,
    NotYetValid,
    PolicyNotMet,
    Rejected,
    Untrusted,
    VaultError,
)
from ssi.forms import build_form
from ssi.jose import sign_jws
from ssi.jwe import encrypt_jwe
from ssi.keys import AgreementKey, Alg, generate_agreement_key, generate_signer
from ssi.oid4vp import (
    REQUEST_TYPE,
    AuthorizationError,
    AuthorizationRequest,
    ClientId,
    Prefix,
    RequestFetch,
    RequestLink,
    RequestPolicy,
    RequestUriMethod,
    ResponseError,
    ResponseKey,
    ResponseMode,
    ResponseReply,
    TransactionData,
    authenticate_request,
    authorization_error,
    build_error_response,
    build_request_object,
    build_response,
    parse_client_id,
    parse_plain_request,
    parse_request_fetch,
    parse_request_link,
    parse_request_object,
    parse_response,
    parse_response_reply,
    read_authenticated,
    response_key_id,
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


def test_a_request_object_arrives_as_it_was_made():
    """[PRE-REQ-2] [PRE-REQ-4]."""
    result = verified(built(replace(REQUEST, wallet_nonce="wn")), wallet_nonce="wn")
    assert result.request == replace(
        REQUEST, wallet_nonce="wn", vp_formats=result.request.vp_formats
    )
    assert result.client_id == BY_HASH
    assert result.chain == (LEAF,)
    assert result.signed
    assert result.request.transaction_data[0].content == TERMS


def test_x509_san_dns_needs_the_name_in_the_certificate_and_in_the_response_uri():
    """[PRE-REQ-4] [PRE-REQ-9]."""
    request = replace(REQUEST, client_id=BY_NAME)
    assert verified(built(request), client_id=BY_NAME.text).client_id == BY_NAME
    elsewhere = built(replace(request, response_uri="https://other.example.com/r"))
    assert refusal(elsewhere, BindingMismatch, client_id=BY_NAME.text) == "request.response_uri"
    other = ClientId(prefix=Prefix.X509_SAN_DNS, value="other.example.com")
    unnamed = built(replace(request, client_id=other))
    assert refusal(unnamed, BindingMismatch, client_id=other.text) == "request.client_id"
    nameless = built(request, chain=[OTHER_LEAF])
    assert refusal(nameless, BindingMismatch, client_id=BY_NAME.text) == "request.client_id"


def test_x509_hash_needs_this_very_certificate():
    """[PRE-REQ-4]."""
    assert refusal(built(chain=[OTHER_LEAF]), BindingMismatch) == "request.client_id"


def test_the_signature_must_be_by_the_leaf_key():
    """[PRE-REQ-4]."""
    thief = generate_signer(Alg.ES256, os.urandom)
    assert refusal(signed(key=thief), InvalidSignature) == "jose.signature"


def test_a_did_signs_with_its_own_key():
    """[PRE-REQ-4]."""
    signer = generate_signer(Alg.EDDSA, os.urandom)
    did = did_key(signer.public_key)
    who = ClientId(prefix=Prefix.DECENTRALIZED_IDENTIFIER, value=did)
    request = replace(REQUEST, client_id=who)
    times = {"now": NOW, "expires_at": SOON}
    kid = f"{did}#{did.removeprefix('did:key:')}"
    token = build_request_object(request, signer, kid=kid, **times)
    assert verified(token, client_id=who.text).client_id == who
    thief = generate_signer(Alg.EDDSA, os.urandom)
    theirs = did_key(thief.public_key)
    token = build_request_object(
        request, thief, kid=f"{theirs}#{theirs.removeprefix('did:key:')}", **times
    )
    assert refusal(token, BindingMismatch, client_id=who.text) == "request.client_id"
    token = build_request_object(request, thief, kid=kid, **times)
    assert refusal(token, InvalidSignature, client_id=who.text) == "jose.signature"
    token = build_request_object(request, signer, kid=did, **times)
    assert refusal(token, BindingMismatch, client_id=who.text) == "request.client_id"


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


def test_redirect_uri_is_unsigned_and_answers_go_to_it():
    """[PRE-REQ-4] [PRE-REQ-9]."""
    for response_uri in (URI, None):
        result = verify_plain(plain(response_uri=response_uri))
        assert result.request.response_uri == URI
        assert not result.signed
    with pytest.raises(Malformed) as caught:
        verify_plain(plain(response_uri="https://firm.example.com/other"))
    assert caught.value.code == "request.response_uri"


def test_redirect_uri_cannot_be_signed_and_the_others_must_be():
    """[PRE-REQ-4]."""
    token = signed(client_id=f"redirect_uri:{URI}")
    assert refusal(token, PolicyNotMet, client_id=f"redirect_uri:{URI}") == "request.signature"
    with pytest.raises(PolicyNotMet) as caught:
        verify_plain(plain(client_id=BY_HASH.text), client_id=BY_HASH.text)
    assert caught.value.code == "request.signature"


@pytest.mark.parametrize(
    "client_id",
    [
        "firm",
        "origin:https://firm.example.com",
        "openid_federation:https://firm.example.com",
        "verifier_attestation:firm",
        "x509_san_uri:https://firm.example.com",
        "did:key:z6Mk",
        "https://firm.example.com",
    ],
)
def test_unknown_prefixes_are_refused(client_id):
    """[PRE-REQ-3]."""
    with pytest.raises(Untrusted) as caught:
        parse_client_id(client_id)
    assert caught.value.code == "request.client_id_prefix"
    assert refusal(signed(client_id=client_id), client_id=client_id) == "request.client_id_prefix"


@pytest.mark.parametrize("client_id", ["", "x509_hash:", "x509_hash:é", "x509_hash:a\n"])
def test_bad_client_identifiers_are_refused(client_id):
    """[PRE-REQ-3]."""
    with pytest.raises(Malformed):
        parse_client_id(client_id)


def test_the_prefixes_are_the_wallets_choice():
    """[PRE-REQ-4] V-20."""
    request = replace(REQUEST, client_id=BY_NAME)
    code = refusal(built(request), Untrusted, client_id=BY_NAME.text, policy=RequestPolicy())
    assert code == "request.client_id_prefix"


def test_the_link_and_the_object_name_one_client():
    """[PRE-REQ-4]."""
    assert refusal(built(), BindingMismatch, client_id=BY_NAME.text) == "request.client_id"
    assert verified(built(), client_id=None).client_id == BY_HASH


@pytest.mark.parametrize("echoed", [None, "other"])
def test_our_nonce_must_come_back(echoed):
    """[PRE-REQ-4]."""
    token = built(replace(REQUEST, wallet_nonce=echoed))
    assert refusal(token, BindingMismatch, wallet_nonce="mine") == "request.wallet_nonce"


@pytest.mark.parametrize(
    ("now", "error", "code"),
    [
        (SOON + timedelta(seconds=60), Expired, "request.expired"),
        (NOW - timedelta(seconds=61), NotYetValid, "request.not_yet_valid"),
    ],
)
def test_a_request_has_its_time(now, error, code):
    """[PRE-REQ-12]."""
    verified(built(), now=SOON + timedelta(seconds=59))
    assert refusal(built(), error, now=now) == code


def test_the_audience_is_ours():
    """[PRE-REQ-12]."""
    assert refusal(signed(aud="https://wallet.example"), BindingMismatch) == "request.audience"
    assert refusal(signed(aud=None), Malformed) == "request.malformed"


def test_the_issuer_claim_is_ignored():
    """[PRE-REQ-12]."""
    verified(signed(iss="somebody", unknown=[1]))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "oauth-authz-req+JWT"])
def test_the_type_is_exact(typ):
    """[PRE-REQ-2]."""
    assert refusal(signed(typ=typ), BindingMismatch) == "jose.typ"


def test_headers_that_bring_keys_are_refused():
    """[PRE-REQ-2] V-04."""
    header = {"x5c": to_x5c([LEAF]), "jwk": KEY.public_key.jwk}
    assert refusal(signed(header=header)) == "jose.header_not_allowed"
    assert refusal(signed(header={})) == "request.certificate"


BAD_CONTENT = [
    ("response_type", None, "request.malformed"),
    ("response_type", "code", "request.malformed"),
    ("response_type", "vp_token id_token", "request.malformed"),
    ("response_mode", "fragment", "request.malformed"),
    ("response_mode", "dc_api.jwt", "request.malformed"),
    ("dcql_query", None, "request.malformed"),
    ("dcql_query", {"credentials": []}, "query.malformed"),
    ("scope", "kyc", "request.malformed"),
    ("presentation_definition", {}, "request.malformed"),
    ("presentation_definition_uri", URI, "request.malformed"),
    ("redirect_uri", URI, "request.malformed"),
    ("nonce", None, "request.malformed"),
    ("nonce", "short", "request.malformed"),
    ("nonce", "a b" * 10, "request.malformed"),
    ("nonce", "a" * 513, "request.malformed"),
    ("nonce", "é" * 30, "request.malformed"),
    ("state", "a b", "request.malformed"),
    ("state", "", "request.malformed"),
    ("response_uri", None, "request.malformed"),
    ("response_uri", "http://firm.example.com/r", "request.response_uri"),
    ("response_uri", "https://user@firm.example.com/r", "request.response_uri"),
    ("response_uri", "https://169.254.169.254/", "request.response_uri"),
    ("response_uri", "file:///etc/passwd", "request.response_uri"),
    ("response_uri", "https://firm.example.com\\@evil.example.com/", "request.response_uri"),
    ("client_metadata", None, "request.encryption"),
    ("client_metadata", {"jwks": {"keys": []}}, "request.encryption"),
    ("client_metadata", {"vp_formats_supported": {"mso_mdoc": {}}}, "request.encryption"),
    ("transaction_data", [], "request.transaction_data"),
    ("transaction_data", [1], "request.transaction_data"),
    ("transaction_data", ["e30"], "request.transaction_data"),
    ("transaction_data", ["!!"], "request.transaction_data"),
]


@pytest.mark.parametrize(("name", "value", "code"), BAD_CONTENT)
def test_bad_content_is_refused(name, value, code):
    """[PRE-REQ-5] [PRE-REQ-6] [PRE-REQ-7] [PRE-REQ-8] [PRE-REQ-9] [PRE-REQ-10] [PRE-REQ-11]."""
    assert refusal(signed(**{name: value})) == code


def sealed_to(**changes):
    jwk = {**SEALING.public_jwk("k1"), **changes}
    return {"jwks": {"keys": [{k: v for k, v in jwk.items() if v is not None}]}}


@pytest.mark.parametrize(
    "metadata",
    [
        sealed_to(kid=None),
        sealed_to(alg=None),
        sealed_to(alg="RSA-OAEP"),
        sealed_to(crv="P-384"),
        sealed_to(use="sig"),
        {**sealed_to(), "encrypted_response_enc_values_supported": ["A128CBC-HS256"]},
    ],
)
def test_a_sealed_answer_needs_a_key_we_can_use(metadata):
    """[PRE-REQ-11]."""
    assert refusal(signed(client_metadata=metadata)) == "request.encryption"


def test_the_default_content_encryption_is_a128gcm():
    """[PRE-REQ-11]."""
    key = verified(signed(client_metadata=sealed_to())).request.response_key
    assert key is not None
    assert key.encs == ("A128GCM",)


def test_formats_we_do_not_hold_are_told_so():
    metadata = {**sealed_to(), "vp_formats_supported": {"mso_mdoc": {}}}
    code = refusal(signed(client_metadata=metadata), PolicyNotMet)
    assert code == "request.formats"


@pytest.mark.parametrize(
    "content",
    [
        {"type": "urn:example:payment", "credential_ids": ["kyc"]},
        {**TERMS.to_json(), "amount": 5},
        {**TERMS.to_json(), "credential_ids": ["other"]},
        {**TERMS.to_json(), "credential_ids": []},
    ],
)
def test_transaction_data_is_known_and_exact_or_refused(content):
    """[PRE-REQ-10] W-05."""
    raw = b64url_encode(canonical_json(content))
    code = refusal(signed(transaction_data=[TERMS.encode(), raw]))
    assert code == "request.transaction_data"


def test_state_is_needed_without_holder_binding():
    """[PRE-REQ-8]."""
    query = QUERY.to_json()
    query["credentials"][0]["require_cryptographic_holder_binding"] = False
    verified(signed(dcql_query=query))
    assert refusal(signed(dcql_query=query, state=None)) == "request.malformed"
    assert refusal(signed(dcql_query=query, state="short")) == "request.malformed"


def test_a_sender_can_be_told_where_a_bad_request_failed():
    """[PRE-RESP-5]."""
    token = signed(transaction_data=["e30"])
    authentic = authenticate_request(
        parse_request_object(token),
        client_id=BY_HASH.text,
        wallet_nonce=None,
        now=NOW,
        policy=POLICY,
    )
    with pytest.raises(Malformed) as caught:
        read_authenticated(authentic, policy=POLICY)
    assert authorization_error(caught.value) is AuthorizationError.INVALID_TRANSACTION_DATA
    target = authentic.error_target()
    assert (target.response_uri, target.state) == (URI, NONCE)


@pytest.mark.parametrize(
    "options",
    [{"chain": []}, {"kid": "did:key:z#z"}, {"chain": [], "kid": "did:key:z#z"}],
)
def test_a_writer_cannot_sign_with_the_wrong_header(options):
    """[PRE-REQ-2]."""
    with pytest.raises(ValueError, match="header"):
        built(**options)


def test_a_writer_cannot_sign_for_a_redirect_uri():
    """[PRE-REQ-4]."""
    who = ClientId(prefix=Prefix.REDIRECT_URI, value=URI)
    with pytest.raises(ValueError, match="cannot be signed"):
        built(replace(REQUEST, client_id=who), chain=[])


def test_what_counts_is_the_client_that_was_signed():
    """[PRE-REQ-4]."""
    untrusted = replace(parse_request_object(built()), client_id=BY_NAME.text)
    with pytest.raises(BindingMismatch):
        verify_request_object(
            untrusted, client_id=BY_NAME.text, wallet_nonce=None, now=NOW, policy=POLICY
        )


@pytest.mark.parametrize("change", [{"nonce": "a" * 21}, {"state": "a" * 21}])
def test_a_writer_needs_128_bits(change):
    """[PRE-REQ-2]."""
    with pytest.raises(ValueError, match="128 bits"):
        built(replace(REQUEST, **change))


LINK = RequestLink(
    client_id=BY_HASH.text,
    request_uri="https://firm.example.com/r/1",
    method=RequestUriMethod.POST,
)


@pytest.mark.parametrize("base", ["openid4vp://", "haip-vp://", "https://wallet.example.com/open"])
def test_a_link_by_reference_reads_back(base):
    """[PRE-REQ-1]."""
    assert parse_request_link(LINK.to_link(base)) == LINK


@pytest.mark.parametrize(
    "text",
    [
        "HTTPS://FIRM.EXAMPLE.COM/R/ABCDEFGHIJ234567",
        "https://firm.example.com/R/ABCDEFGHIJ234567",
    ],
)
def test_a_short_link_is_an_address_to_post_to(text):
    """[PRE-REQ-1]."""
    assert parse_request_link(text) == RequestLink(
        client_id=None,
        request_uri="https://firm.example.com/R/ABCDEFGHIJ234567",
        method=RequestUriMethod.POST,
    )


def test_only_the_reference_is_taken_from_a_link_by_reference():
    """[PRE-REQ-1]."""
    extra = urlencode(
        {"nonce": "x", "response_uri": "https://evil.example.com/", "dcql_query": "{"}
    )
    assert parse_request_link(f"{LINK.to_link()}&{extra}") == LINK


def test_a_plain_link_carries_its_parameters():
    """[PRE-REQ-1]."""
    values = {
        name: value if isinstance(value, str) else canonical_json(value).decode()
        for name, value in plain().items()
    }
    link = parse_request_link(f"openid4vp://?{urlencode(values)}")
    assert link.parameters == plain()
    assert verify_plain(link.parameters).request.nonce == NONCE


def test_a_link_may_carry_the_object():
    """[PRE-REQ-1]."""
    values = urlencode({"client_id": BY_HASH.text, "request": built()})
    link = parse_request_link(f"openid4vp://?{values}")
    assert verified(link.request_object, client_id=link.client_id).client_id == BY_HASH


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "request.link"),
        ("hello", "request.link"),
        ("openid-credential-offer://?credential_offer=%7B%7D", "request.link"),
        ("openid4vp://?request_uri=https%3A%2F%2Ffirm.example.com", "request.link"),
        ("openid4vp://?client_id=a&client_id=b", "request.link"),
        ("openid4vp://?client_id=a&request_uri=http%3A%2F%2Ffirm.example.com", "request.link"),
        ("openid4vp://?client_id=a&request_uri=https%3A%2F%2F10.0.0.1%2F", "request.link"),
        ("openid4vp://?client_id=a&request_uri=file%3A%2F%2F%2Fetc", "request.link"),
        ("openid4vp://?client_id=a&request_uri_method=post", "request.link"),
        (f"{LINK.to_link()}&request=x", "request.link"),
        (f"{LINK.to_link()}#x", "request.link"),
        (LINK.to_link().replace("=post", "=POST"), "request.uri_method"),
        (LINK.to_link().replace("=post", "=put"), "request.uri_method"),
        ("https://10.0.0.1/R/ABCDEFGHIJ234567", "request.link"),
        ("openid4vp://?client_id=" + "a" * 20000, "request.link"),
        ("openid4vp://[?client_id=a", "request.link"),
        (LINK.to_link(f"openid4vp://{'a' * 20000}"), "request.link"),
        ("openid4vp://?client_id=a&dcql_query=%7B", "json.malformed"),
    ],
)
def test_bad_links_are_refused(text, code):
    """[PRE-REQ-1] W-06 W-07."""
    with pytest.raises(Malformed) as caught:
        parse_request_link(text)
    assert caught.value.code == code


@pytest.mark.parametrize("missing", ["client_id", "request_uri"])
def test_only_a_reference_is_written_as_a_link(missing):
    """[PRE-REQ-1]."""
    with pytest.raises(ValueError, match="by reference"):
        replace(LINK, **{missing: None}).to_link()


def test_what_a_wallet_posts_for_a_request_reads_back():
    """[PRE-REQ-13]."""
    fetch = RequestFetch(wallet_nonce=NONCE, wallet_metadata={"vp_formats_supported": {}})
    assert parse_request_fetch(fetch.to_form()) == fetch
    assert parse_request_fetch(b"") == RequestFetch()
    for form in (b"wallet_nonce=a%20b", b"wallet_metadata=%5B%5D", b"a=1&a=2", b"\xff"):
        with pytest.raises(Malformed):
            parse_request_fetch(form)


ANSWER = {"kyc": ["e30.e30.AA~"]}


def test_a_sealed_answer_opens_with_the_key_of_the_request():
    """[PRE-RESP-2] [PRE-RESP-3]."""
    extra = {"consent": "x.y.z", "registry_proof": {"height": 5}}
    form = build_response(REQUEST, ANSWER, random=os.urandom, extra=extra)
    assert list(parse_qs(form.decode())) == ["response"]
    assert response_key_id(form) == "k1"
    answer = parse_response(form, find_key={"k1": SEALING}.get)
    assert answer.vp_token == {"kyc": ("e30.e30.AA~",)}
    assert (answer.state, answer.kid, answer.extra) == (NONCE, "k1", extra)
    with pytest.raises(Malformed) as caught:
        parse_response(form, find_key={}.get)
    assert caught.value.code == "presentation.unknown_key"
    with pytest.raises(InvalidSignature) as refused:
        parse_response(form, find_key={"k1": generate_agreement_key(os.urandom)}.get)
    assert refused.value.code == "jwe.decrypt"


def test_a_sealed_answer_names_its_key():
    """[PRE-RESP-3]."""
    nameless = encrypt_jwe(b"{}", SEALING.public_jwk(), enc="A128GCM", random=os.urandom)
    for read in (response_key_id, lambda form: parse_response(form, find_key=lambda _: SEALING)):
        with pytest.raises(Malformed) as caught:
            read(build_form({"response": nameless}))
        assert caught.value.code == "presentation.unknown_key"


OPEN = replace(REQUEST, response_mode=ResponseMode.DIRECT_POST, response_key=None)


def test_an_open_answer_is_a_form_of_texts():
    """[PRE-RESP-1]."""
    form = build_response(OPEN, ANSWER, random=os.urandom, extra={"n": {"a": 1}, "s": "t"})
    assert response_key_id(form) is None
    answer = parse_response(form, find_key=None)
    assert answer.vp_token == {"kyc": ("e30.e30.AA~",)}
    assert (answer.state, answer.kid) == (NONCE, None)
    assert answer.extra == {"n": '{"a":1}', "s": "t"}


def test_the_request_and_not_the_answer_decides_whether_it_is_sealed():
    """[PRE-RESP-3] V-20."""
    with pytest.raises(BindingMismatch) as caught:
        parse_response(build_response(OPEN, ANSWER, random=os.urandom), find_key={}.get)
    assert caught.value.code == "presentation.not_encrypted"
    with pytest.raises(BindingMismatch):
        parse_response(build_response(REQUEST, ANSWER, random=os.urandom), find_key=None)


@pytest.mark.parametrize(
    "vp_token",
    ["[]", "{}", '"x"', '{"kyc":"x"}', '{"kyc":[]}', '{"kyc":[1]}', '{"kyc":[{}]}', '{"kyc":[""]}'],
)
def test_a_vp_token_holds_arrays_of_strings(vp_token):
    """[PRE-RESP-4]."""
    with pytest.raises(Malformed) as caught:
        parse_response(build_form({"vp_token": vp_token}), find_key=None)
    assert caught.value.code == "presentation.malformed"


@pytest.mark.parametrize(
    "form", [b"", b"state=x", b"response=x&vp_token=%7B%7D", b"error=%00", b"a=1&a=2", b"\xff=1"]
)
def test_bad_forms_are_refused(form):
    """[PRE-RESP-3]."""
    with pytest.raises(Malformed):
        parse_response(form, find_key=None)


def test_a_refusal_is_a_code_and_a_state():
    """[PRE-RESP-3] [PRE-RESP-5]."""
    form = build_error_response("s1", AuthorizationError.ACCESS_DENIED)
    assert form == b"error=access_denied&state=s1"
    for find_key in (None, {}.get):
        assert parse_response(form, find_key=find_key) == ResponseError(
            error="access_denied", state="s1"
        )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConsentDeclined(), "access_denied"),
        (NoMatchingCredential(), "access_denied"),
        (PolicyNotMet(code="query.not_satisfied"), "access_denied"),
        (Malformed(code="request.transaction_data"), "invalid_transaction_data"),
        (Malformed(code="request.uri_method"), "invalid_request_uri_method"),
        (PolicyNotMet(code="request.formats"), "vp_formats_not_supported"),
        (Malformed(code="query.malformed"), "invalid_request"),
        (Untrusted(code="request.client_id_prefix"), "invalid_request"),
        (VaultError(), "wallet_unavailable"),
    ],
)
def test_errors_become_codes_and_nothing_else(error, code):
    """[PRE-RESP-5] W-11."""
    assert authorization_error(error).value == code


def test_an_answer_needs_presentations_and_its_own_names():
    with pytest.raises(ValueError, match="presentation"):
        build_response(OPEN, {"kyc": []}, random=os.urandom)
    with pytest.raises(ValueError, match="names"):
        build_response(OPEN, ANSWER, random=os.urandom, extra={"state": "x"})
    with pytest.raises(ValueError, match="key"):
        build_response(replace(REQUEST, response_key=None), ANSWER, random=os.urandom)


def test_a_reply_may_send_the_holder_on():
    """[PRE-RESP-6]."""
    url = "https://firm.example.com/result/1#response_code=abc"
    reply = ResponseReply(redirect_uri=url, extra={"update_nonce": "n"})
    assert parse_response_reply(canonical_json(reply.to_json())) == reply
    assert parse_response_reply(b"{}") == ResponseReply()
    for bad in ("javascript:alert(1)", "http://firm.example.com/", "https://a.example.com/#\x1b"):
        with pytest.raises(Malformed):
            parse_response_reply(canonical_json({"redirect_uri": bad}))


def test_agreement_keys_and_answers_do_not_show_in_reprs():
    assert "e30.e30" not in repr(
        parse_response(build_response(OPEN, ANSWER, random=os.urandom), find_key=None)
    )
    assert repr(AgreementKey.from_secret(b"\x01" * 32)) == "AgreementKey()"
