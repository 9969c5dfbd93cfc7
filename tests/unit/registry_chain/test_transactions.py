"""The envelope and the shapes of bodies [REG-TX-1], [REG-TX-4], [REG-TX-8]."""

import pytest

from registry_chain.rules import RULES
from registry_chain.transactions import (
    TX_TYP,
    TX_TYPES,
    AnchorBatch,
    Name,
    SuspendMember,
    build_tx,
    parse_tx,
    tx_id_of,
)
from registry_chain.transactions import fields as f
from ssi.encoding import JSON, b64url_encode, canonical_json
from ssi.errors import Malformed, Rejected
from ssi.jose import sign_jws
from ssi.keys import Alg
from tests.support.registry import (
    accreditation,
    digest_of,
    encryption_jwk,
    operation,
    registration,
    signer,
)

BODY = SuspendMember(member="car-two", reason="unpaid")


def envelope(**changes: JSON) -> dict[str, JSON]:
    payload: dict[str, JSON] = {
        "account": "council",
        "body": {"member": "car-two", "reason": "unpaid"},
        "chain_id": "test-chain",
        "lane": 0,
        "seq": 1,
        "type": "member.suspend",
        "valid_until_height": 9,
    }
    return payload | changes


def signed(payload: bytes, **header: JSON) -> str:
    key = signer("council")
    return sign_jws(payload, key, typ=TX_TYP, header={"kid": key.public_key.thumbprint()} | header)


def test_a_transaction_reads_back_as_it_was_built() -> None:
    token = build_tx(
        chain_id="test-chain",
        account="council",
        lane=3,
        seq=7,
        valid_until_height=9,
        body=BODY,
        signer=signer("council"),
    )
    tx = parse_tx(token.encode())
    assert (tx.chain_id, tx.account, tx.lane, tx.seq, tx.valid_until_height) == (
        "test-chain",
        "council",
        3,
        7,
        9,
    )
    assert tx.body == BODY
    assert tx.type == "member.suspend"
    assert tx.tx_id == tx_id_of(token)


@pytest.mark.parametrize("body", [accreditation(), registration(), operation()])
def test_rich_bodies_survive_the_wire(body: object) -> None:
    kind = type(body)
    assert kind.from_json(f.plain(body)) == body  # type: ignore[attr-defined]


def test_another_spelling_of_the_signature_is_the_same_transaction() -> None:
    """[REG-TX-4]"""
    token = signed(canonical_json(envelope()))
    head, _, _ = token.rpartition(".")
    other = f"{head}.{b64url_encode(bytes(64))}"
    assert parse_tx(other).tx_id == parse_tx(token).tx_id


REFUSED_ENVELOPES: dict[str, tuple[bytes, str]] = {
    "not canonical: spaces": (b'{"a": 1}', "tx.not_canonical"),
    "not canonical: order": (b'{"seq":1,"account":"a"}', "tx.not_canonical"),
    "unknown member": (canonical_json(envelope(extra=1)), "tx.envelope"),
    "missing member": (
        canonical_json({k: v for k, v in envelope().items() if k != "seq"}),
        "tx.envelope",
    ),
    "unknown type": (canonical_json(envelope(type="member.crown")), "tx.type"),
    "lane 64": (canonical_json(envelope(lane=64)), "tx.lane"),
    "lane negative": (canonical_json(envelope(lane=-1)), "tx.envelope"),
    "sequence zero": (canonical_json(envelope(seq=0)), "tx.envelope"),
    "sequence true": (canonical_json(envelope(seq=True)), "tx.envelope"),
    "body is a list": (canonical_json(envelope(body=[])), "tx.envelope"),
    "unknown body member": (
        canonical_json(envelope(body={"member": "car-two", "reason": "x", "name": "y"})),
        "tx.body",
    ),
    "account is no id": (canonical_json(envelope(account="Council")), "tx.body"),
    "twice the same name": (b'{"seq":1,"seq":1}', "json.duplicate_key"),
    "a float": (b'{"seq":1.5}', "json.malformed"),
}


@pytest.mark.parametrize(
    ("payload", "code"), REFUSED_ENVELOPES.values(), ids=REFUSED_ENVELOPES.keys()
)
def test_a_bad_envelope_is_malformed(payload: bytes, code: str) -> None:
    """[REG-TX-1]"""
    with pytest.raises(Malformed) as caught:
        parse_tx(signed(payload))
    assert caught.value.code == code


def test_headers_are_exactly_three() -> None:
    """[REG-TX-1]"""
    with pytest.raises(Malformed):
        parse_tx(signed(canonical_json(envelope()), x5c=["AA"]))
    key = signer("council")
    with pytest.raises(Malformed):
        parse_tx(sign_jws(canonical_json(envelope()), key, typ=TX_TYP))
    with pytest.raises(Malformed):
        parse_tx(signed(canonical_json(envelope())).replace("registry", "registry") + "é")
    other = signer("council", Alg.ES256)
    es256 = sign_jws(
        canonical_json(envelope()),
        other,
        typ=TX_TYP,
        header={"kid": other.public_key.thumbprint()},
    )
    with pytest.raises(Malformed):
        parse_tx(es256)


def test_a_huge_transaction_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(Malformed) as caught:
        parse_tx("A" * 262_145)
    assert caught.value.code == "tx.too_big"


@pytest.mark.parametrize("junk", ["", ".", "..", "a.b.c", "…", "\x00", "e30.e30.AA", b"\xff\xfe"])
def test_junk_is_rejected(junk: str | bytes) -> None:
    with pytest.raises(Rejected):
        parse_tx(junk)


def test_every_type_has_one_class_and_one_rule() -> None:
    assert TX_TYPES.keys() == RULES.keys()
    assert all(name == kind.TYPE for name, kind in TX_TYPES.items())


@pytest.mark.parametrize("value", ["株式会社 髙﨑𠮷野", "葛󠄀城市", "ACME (Japan) K.K.", "café", "a"])
def test_names_are_kept_as_given(value: str) -> None:
    """[REG-TX-8]: also with ideographic variation selectors, and not normalised."""
    assert Name.from_json({"ja": value, "en": "x"}).ja == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        " a",
        "a ",
        "\u3000a",
        "a\nb",
        "a\x1b[31m",
        "a\u202eb",
        "a\u200bb",
        "a\u2066b",
        "\ufeffa",
        "a\u00adb",
        "a\U000e0041b",
        "a\uffffb",
        "a\U0001fffeb",
        "x" * 101,
        "a\x85b",
        "a\u2028b",
    ],
)
def test_names_with_something_hidden_are_refused(value: str) -> None:
    """[REG-TX-8]"""
    with pytest.raises(Malformed):
        f.text(value, "name")


@pytest.mark.parametrize(
    "value",
    [
        "http://example.com",
        "https://",
        "https://user@host/",
        "ftp://host",
        "javascript:alert(1)",
        "https://ho st",
        "https://例え.jp",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1:80x",
        "https://a" + "a" * 600,
        'https://host/"onload=',
        "https://host\\@evil",
    ],
)
def test_odd_urls_are_refused(value: str) -> None:
    """[REG-TX-8]"""
    with pytest.raises(Malformed):
        f.url(value, "url")


@pytest.mark.parametrize(
    "value",
    ["https://firm.example", "http://127.0.0.1:8001/x", "http://[::1]:9", "https://a/b?c=d"],
)
def test_plain_urls_are_taken(value: str) -> None:
    assert f.url(value, "url") == value


@pytest.mark.parametrize("value", ["7000012050002"])
def test_corporate_numbers_have_a_check_digit(value: str) -> None:
    """[REG-ISS-3]"""
    assert f.corporate_number(value, "n") == value
    for wrong in (
        "8000012050002",
        "700001205000",
        "70000120500021",
        "x000012050002",
        "７000012050002",
    ):
        with pytest.raises(Malformed):
            f.corporate_number(wrong, "n")


@pytest.mark.parametrize("value", ["P3Y", "P6M", "P1Y6M", "P30D"])
def test_periods(value: str) -> None:
    assert f.period(value, "p") == value


@pytest.mark.parametrize("value", ["", "P", "3Y", "P3", "PY", "P3Y3Y", "P1M1Y", "P1.5Y", "PT1H"])
def test_odd_periods(value: str) -> None:
    with pytest.raises(Malformed):
        f.period(value, "p")


@pytest.mark.parametrize("value", ["ab", "-abc", "abc-", "a_c", "ABC", "a" * 33, "ａｂｃ"])
def test_odd_ids(value: str) -> None:
    with pytest.raises(Malformed):
        f.slug(value, "id")


def test_digests_are_32_bytes_in_one_spelling() -> None:
    good = digest_of("x")
    assert f.digest(good, "d") == good
    for wrong in (good[:-1], good + "=", good[:-1] + "-", b64url_encode(bytes(31)), "é" * 43):
        with pytest.raises(Malformed):
            f.digest(wrong, "d")


SMALL_ORDER = (
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",  # the identity
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",  # order 4
    "7P___________________________________________38",  # order 2, and too long
)


@pytest.mark.parametrize("x", SMALL_ORDER)
def test_small_order_keys_are_never_registered(x: str) -> None:
    """[REG-TX-5]"""
    with pytest.raises(Malformed):
        f.signing_jwk({"kty": "OKP", "crv": "Ed25519", "x": x}, "keys", algs=(Alg.EDDSA,))


def test_keys_are_public_and_of_the_right_kind() -> None:
    private = {"kty": "OKP", "crv": "Ed25519", "x": digest_of("x"), "d": digest_of("d")}
    with pytest.raises(Malformed):
        f.signing_jwk(private, "keys", algs=(Alg.EDDSA,))
    es256 = signer("a", Alg.ES256).public_key.to_jwk()
    with pytest.raises(Malformed):
        f.signing_jwk(es256, "keys", algs=(Alg.EDDSA,))
    with pytest.raises(Malformed):
        f.encryption_jwk(encryption_jwk() | {"use": "sig"}, "keys")
    with pytest.raises(Malformed):
        f.encryption_jwk({**signer("a").public_key.jwk, "kid": "k"}, "keys")


def test_a_batch_has_a_root_and_a_size() -> None:
    body = {"batch": "batch-1", "root": digest_of("r"), "size": 3}
    assert AnchorBatch.from_json(body).size == 3
    for changes in ({"size": 0}, {"size": 2**21}, {"root": "x"}, {"batch": "B"}):
        with pytest.raises(Malformed):
            AnchorBatch.from_json(body | changes)
