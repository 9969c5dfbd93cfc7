"""Status lists: what the token rules of the standard demand, and what a bomb may cost."""

import json
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta

import pytest

from ssi.encoding import b64url_encode, sha256
from ssi.errors import Rejected, Unavailable
from ssi.keys import Alg
from ssi.status_list import (
    INVALID,
    SUSPENDED,
    VALID,
    StatusList,
    build_status_token,
    decode_status_list,
    encode_status_list,
    new_status_list,
    parse_status_token,
    verify_status_token,
)
from tests.support.credentials import ISSUER, OTHER, key, raw_jws

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
URI = "https://issuer.example/status-lists/main"
LIST = new_status_list(64, bits=2).with_status(9, INVALID).with_status(10, SUSPENDED)
DAY = timedelta(days=1)


def token(signer=ISSUER, **changes):
    values = {"uri": URI, "now": NOW, "ttl": 300, "expires_at": NOW + DAY} | changes
    return build_status_token(values.pop("status_list", LIST), signer, **values)


def forged(header=None, *, signer=ISSUER, **changes):
    """A token with these claims, whatever they are."""
    claims = {"sub": URI, "iat": AT, "ttl": 300, "status_list": encode_status_list(LIST)} | changes
    kept = {name: value for name, value in claims.items() if value is not ...}
    header = {"typ": "statuslist+jwt"} | (header or {})
    return raw_jws(json.dumps(kept).encode(), signer, header)


def verified(text, *, now=NOW, uri=URI, signer=ISSUER):
    return verify_status_token(parse_status_token(text), signer.public_key, now=now, uri=uri)


def code_of(text, **options):
    with pytest.raises(Rejected) as caught:
        verified(text, **options)
    return caught.value.code


def test_a_list_says_who_is_revoked():
    seen = verified(token())
    assert [seen.list.get(index) for index in (8, 9, 10, 11)] == [VALID, INVALID, SUSPENDED, VALID]
    assert (seen.uri, seen.issued_at, seen.ttl) == (URI, NOW, 300)
    assert seen.expires_at == NOW + DAY
    assert seen.digest == sha256(token().encode())
    assert repr(seen).count("data") == 0


def test_bits_count_from_the_least_significant():
    assert [StatusList(1, b"\xb9").get(i) for i in range(8)] == [1, 0, 0, 1, 1, 1, 0, 1]
    assert [StatusList(2, b"\xc9").get(i) for i in range(4)] == [1, 2, 0, 3]


@pytest.mark.parametrize("alg", list(Alg))
def test_both_algorithms_sign_lists(alg):
    signer = key("status", alg)
    assert verified(token(signer), signer=signer).list == LIST


@pytest.mark.parametrize("index", [-1, 64, 2**70, True, False, None, "3", 1.0, [1]])
def test_what_is_no_index_of_the_list_is_refused(index):
    with pytest.raises(Rejected) as caught:
        LIST.get(index)
    assert caught.value.code == "status.index"


def test_one_bit_knows_no_suspension():
    with pytest.raises(ValueError, match="fit"):
        new_status_list(8).with_status(0, SUSPENDED)
    with pytest.raises(ValueError, match="bytes"):
        new_status_list(9)
    with pytest.raises(ValueError, match="bytes"):
        new_status_list(8, bits=3)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (forged({"typ": "JWT"}), "status.typ"),
        (forged({"typ": "statuslist+cwt"}), "status.typ"),
        (forged(signer=OTHER), "status.signature"),
        (forged({"alg": "none"}), "jose.algorithm"),
        (forged(sub="https://issuer.example/status-lists/other"), "status.subject"),
        (forged(sub=...), "status.malformed"),
        (forged(sub=7), "status.malformed"),
        (forged(iat=...), "status.malformed"),
        (forged(iat="now"), "status.malformed"),
        (forged(iat=True), "status.malformed"),
        (forged(iat=AT + 61), "status.not_yet_valid"),
        (forged(exp=AT), "status.expired"),
        (forged(exp=AT - 1), "status.expired"),
        (forged(exp="never"), "status.malformed"),
        (forged(exp=2**52), "status.malformed"),
        (forged(ttl=0), "status.malformed"),
        (forged(ttl=-1), "status.malformed"),
        (forged(ttl="60"), "status.malformed"),
        (forged(ttl=True), "status.malformed"),
        (forged(status_list=...), "status.malformed"),
        (forged(status_list="x"), "status.malformed"),
        (forged(status_list={"bits": 1}), "status.malformed"),
        (forged(status_list={"bits": 1, "lst": 5}), "status.malformed"),
        (forged(status_list={"bits": 1, "lst": "AAA="}), "encoding.base64url"),
    ],
)
def test_a_token_that_breaks_a_rule_is_refused(text, code):
    assert code_of(text) == code


def test_the_reader_may_not_know_the_address_yet():
    assert (
        verified(forged(sub="https://other.example/x"), uri=None).uri == "https://other.example/x"
    )


@pytest.mark.parametrize(("ttl", "used"), [(1, 60), (59, 60), (300, 300), (10**12, 86400)])
def test_a_time_to_live_is_clamped(ttl, used):
    assert verified(forged(ttl=ttl)).ttl == used


def test_a_list_without_an_end_is_stale_after_a_day():
    endless = verified(forged(ttl=...))
    endless.check_fresh(now=NOW + DAY)
    with pytest.raises(Unavailable) as caught:
        endless.check_fresh(now=NOW + DAY + timedelta(seconds=1))
    assert caught.value.code == "status.stale"
    verified(token(expires_at=NOW + 3 * DAY)).check_fresh(now=NOW + 2 * DAY)


@pytest.mark.parametrize("bits", [0, 3, 16, -1, True, "1", None])
def test_a_width_the_standard_does_not_have_is_refused(bits):
    with pytest.raises(Rejected) as caught:
        decode_status_list(encode_status_list(LIST) | {"bits": bits})
    assert caught.value.code == "status.malformed"


def packed(data):
    return {"bits": 1, "lst": b64url_encode(data)}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        zlib.compress(b"\0" * 100)[:-1],
        zlib.compress(b"\0" * 100)[:-4] + b"\0\0\0\0",
        zlib.compress(b"\0" * 100) + b"\0",
        zlib.compress(b"\0" * 9) + zlib.compress(b"\0" * 9),
        zlib.compress(b"\0" * 100, wbits=31),
        zlib.compress(b"\0" * 100, wbits=-15),
    ],
)
def test_one_whole_zlib_stream_and_nothing_after_it(data):
    with pytest.raises(Rejected) as caught:
        decode_status_list(packed(data))
    assert caught.value.code == "status.malformed"


@pytest.mark.parametrize(
    "data",
    [
        zlib.compress(bytes(64 * 1024 * 1024), 9),
        zlib.compress(bytes(4 * 1024 * 1024 + 1), 9),
        b"x" * (256 * 1024 + 1),
        b"x" * (1024 * 1024),  # as large as a gibibyte of zeros, packed
    ],
)
def test_a_bomb_costs_little(data):
    bomb = packed(data)
    tracemalloc.start()
    with pytest.raises(Rejected) as caught:
        decode_status_list(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code == "status.too_large"
    assert peak < 20 * 1024 * 1024


@pytest.mark.parametrize("member", [None, "eNpj", [], 1])
def test_what_is_no_object_is_no_list(member):
    with pytest.raises(Rejected) as caught:
        decode_status_list(member)
    assert caught.value.code == "status.malformed"


def test_a_payload_that_is_no_claims_set_is_malformed():
    text = raw_jws(b"[]", ISSUER, {"typ": "statuslist+jwt"})
    assert code_of(text) == "status.malformed"


def test_the_packed_list_is_bounded_before_it_is_unpacked():
    """Noise does not shrink: 256 KiB of it are refused although they would unpack to less."""
    noise = b"".join(sha256(bytes([i % 256, i // 256])) for i in range(8300))
    with pytest.raises(Rejected) as caught:
        decode_status_list(packed(zlib.compress(noise)))
    assert caught.value.code == "status.too_large"


def test_the_largest_list_is_four_mebibytes():
    size = 4 * 1024 * 1024 * 8
    largest = new_status_list(size)
    assert len(decode_status_list(encode_status_list(largest))) == size
    with pytest.raises(Rejected) as caught:
        decode_status_list(encode_status_list(StatusList(1, largest.data + b"\0")))
    assert caught.value.code == "status.too_large"


def test_half_a_million_residents_fit_into_a_transaction():
    """A tenth of a percent revoked at random stays far below the 256 KiB of a transaction."""
    data = bytearray(2**19 // 8)
    for number in range(524):
        at = int.from_bytes(sha256(str(number).encode())[:4]) % 2**19
        data[at // 8] |= 1 << at % 8
    assert len(token(status_list=StatusList(1, bytes(data)))) < 16 * 1024
