"""What a stranger's presentation may cost us: size, depth and width are bounded."""

import json
import time
import tracemalloc

import pytest

from ssi.encoding import JsonLimits
from ssi.errors import Malformed
from ssi.sdjwt import SdJwtLimits, parse_sdjwt, select, verify_issuer_jwt
from ssi.sdjwt.wire import digest_of
from tests.support.credentials import ISSUER, b64, raw_jws

BIG = 50 * 1024 * 1024
BUDGET_SECONDS, BUDGET_BYTES = 0.05, 20 * 1024 * 1024


def token(payload=b"{}", header=None):
    return raw_jws(payload, ISSUER, header)


def deep(levels, opening="[", closing="]"):
    return opening * levels + closing * levels


def nested_objects(levels):
    return deep(levels, '{"a":', "}").replace(":}", ":1}", 1)


def in_disclosure(value):
    return b64(f'["salt","name",{value}]'.encode())


GOOD = token()
HEAD, BODY, SIGNATURE = GOOD.split(".")
MANY = [b64(f'["salt","claim{number}","v"]'.encode()) for number in range(400)]
HOSTILE = {
    "a header of 50 MB": "A" * BIG + f".{BODY}.{SIGNATURE}~",
    "a payload of 50 MB": f"{HEAD}." + "A" * BIG + f".{SIGNATURE}~",
    "a signature of 50 MB": f"{HEAD}.{BODY}." + "A" * BIG + "~",
    "a disclosure of 50 MB": f"{GOOD}~" + "A" * BIG + "~",
    "a key binding of 50 MB": f"{GOOD}~" + "A" * BIG,
    "50 million tildes": GOOD + "~" * BIG,
    "50 million dots": "." * BIG + "~",
    "50 MB of Japanese": "あ" * (BIG // 3),
    "400 disclosures": "~".join([GOOD, *MANY, ""]),
    "201 disclosures": "~".join([GOOD, *MANY[:201], ""]),
    "an array 10,000 deep": f"{GOOD}~{in_disclosure(deep(10_000))}~",
    "an object 10,000 deep": f"{GOOD}~{in_disclosure(nested_objects(8000))}~",
    "30,000 members": f"{GOOD}~{in_disclosure('[' + '1,' * 20_000 + '1]')}~",
    "a number of 20,000 digits": f"{GOOD}~{in_disclosure('9' * 20_000)}~",
    "a name of 17,000 letters": f"{GOOD}~{b64(json.dumps(['s', 'n' * 17_000, 1]).encode())}~",
}


@pytest.mark.parametrize("story", HOSTILE)
def test_a_hostile_text_is_refused_at_once(story):
    """[CRED-SD-1]."""
    text = HOSTILE[story]
    tracemalloc.start()
    try:
        with pytest.raises(Malformed) as caught:
            parse_sdjwt(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.code in {"limits.sdjwt", "sdjwt.disclosure_malformed"}
    assert peak < BUDGET_BYTES
    assert min(refusal(text) for _ in range(5)) < BUDGET_SECONDS


def refusal(text):
    started = time.process_time()
    with pytest.raises(Malformed):
        parse_sdjwt(text)
    return time.process_time() - started


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (deep(10_000).encode(), "credential.malformed"),
        (b'{"a":' + deep(10_000).encode() + b"}", "credential.malformed"),
        (b'{"a":[' + b"1," * 10_000 + b"1]}", "credential.malformed"),
        (b'{"a":"' + b"x" * 17_000 + b'"}', "credential.malformed"),
        (b'{"exp":' + b"9" * 20_000 + b"}", "credential.malformed"),
    ],
)
def test_what_the_issuer_signed_is_bounded_too(payload, code):
    """[CRED-SD-2]."""
    with pytest.raises(Malformed) as caught:
        verify_issuer_jwt(parse_sdjwt(token(payload) + "~"), ISSUER.public_key)
    assert caught.value.code == code


@pytest.mark.parametrize("levels", [990, 10_000, 100_000])
def test_no_depth_overflows_the_stack_whatever_the_limits(levels):
    limits = SdJwtLimits(max_bytes=1 << 22, json=JsonLimits(max_bytes=1 << 22, max_depth=1 << 20))
    text = f"{GOOD}~{in_disclosure(deep(levels))}~"
    with pytest.raises(Malformed) as caught:
        verify_issuer_jwt(parse_sdjwt(text, limits=limits), ISSUER.public_key)
    assert caught.value.code in {"sdjwt.disclosure_malformed", "sdjwt.disclosure_unreferenced"}


def nested(levels, wrap):
    """Disclosures each of which holds the digest of the one before, and the token that starts."""
    chain = [b64(b'["salt","leaf",1]')]
    for number in range(levels - 1):
        value = wrap({"_sd": [digest_of(chain[-1])]})
        chain.append(b64(json.dumps(["salt", f"level{number}", value]).encode()))
    payload = json.dumps({"_sd": [digest_of(chain[-1])]}).encode()
    return "~".join([token(payload), *chain, ""])


def wrapped_25_times(value):
    for _ in range(25):
        value = {"a": value}
    return value


def test_disclosures_may_nest_as_deep_as_a_text():
    """[CRED-SD-2]."""
    text = nested(32, lambda value: value)
    verified = verify_issuer_jwt(parse_sdjwt(text), ISSUER.public_key)
    assert len(verified.disclosed) == 32


@pytest.mark.parametrize("wrap", [lambda value: value, wrapped_25_times])
@pytest.mark.parametrize("levels", [33, 200])
def test_disclosures_nested_in_disclosures_are_bounded_as_one_tree(levels, wrap):
    """[CRED-SD-2] Otherwise an issuer could overflow a verifier's or a wallet's stack."""
    text = nested(levels, wrap)
    with pytest.raises(Malformed) as caught:
        verify_issuer_jwt(parse_sdjwt(text), ISSUER.public_key)
    assert caught.value.code == "limits.sdjwt"
    with pytest.raises(Malformed):
        select(text, [])
