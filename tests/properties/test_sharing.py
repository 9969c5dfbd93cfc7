"""One changed byte anywhere in what is signed or sealed is noticed. specs/sharing.md"""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ssi.encoding import b64url_decode, b64url_encode
from ssi.envelope import parse_set, unseal, verify_firm_set, verify_holder_set
from ssi.errors import Rejected
from ssi.sharing import build_consent, parse_consent, verify_consent
from ssi.updates import parse_message
from tests.support.effort import examples
from tests.support.relations import (
    FIRM,
    FIRM_KEYS,
    FIRM_SEAL,
    FIRM_SEAL_KID,
    NOW,
    Holder,
    answer_envelope,
    firm_set,
    jti,
    some_bytes,
)

YAMADA = Holder()
NOTICE = YAMADA.notice()
ANSWER = firm_set(answer_envelope(YAMADA, YAMADA.envelope(), box="return-1"))
CONSENT = build_consent(YAMADA.consent(), YAMADA.signer, salt=some_bytes(32))


def read_notice(token):
    received = verify_holder_set(parse_set(token), now=NOW)
    return parse_message(unseal(received, {FIRM_SEAL_KID: FIRM_SEAL}))


def read_answer(token):
    parsed = parse_set(token)
    received = verify_firm_set(parsed, verifier_id=FIRM, keys=FIRM_KEYS, now=NOW)
    return parse_message(unseal(received, {"back-1": YAMADA.seal_key}))


def read_consent(token):
    return verify_consent(
        parse_consent(token),
        verifier_id=FIRM,
        client_id=YAMADA.consent().client_id,
        terms_digest=jti("terms"),
        now=NOW,
    )


def noticed(read, token):
    try:
        read(token)
    except Rejected:
        return True
    return False


def flipped(token, segment, position, bit):
    """Change one bit of the decoded bytes of a segment."""
    parts = token.split(".")
    raw = bytearray(b64url_decode(parts[segment]))
    raw[position % len(raw)] ^= 1 << bit
    parts[segment] = b64url_encode(bytes(raw))
    return ".".join(parts)


@settings(max_examples=examples(150), deadline=None)
@given(
    which=st.sampled_from([(read_notice, NOTICE), (read_answer, ANSWER), (read_consent, CONSENT)]),
    segment=st.integers(0, 2),
    position=st.integers(0, 1 << 20),
    bit=st.integers(0, 7),
)
def test_one_flipped_bit_is_noticed(which, segment, position, bit):
    """[SHA-ENV-2] [SHA-ENV-3] [SHA-ENV-4] [SHA-CON-1]"""
    read, token = which
    read(token)
    assert noticed(read, flipped(token, segment, position, bit))


@settings(max_examples=examples(100), deadline=None)
@given(position=st.integers(0, len(NOTICE) - 1), char=st.characters(max_codepoint=0x7F))
def test_one_replaced_character_is_noticed(position, char):
    token = NOTICE[:position] + char + NOTICE[position + 1 :]
    assert token == NOTICE or noticed(read_notice, token)


@settings(max_examples=examples(80), deadline=None)
@given(segment=st.integers(0, 4), position=st.integers(0, 1 << 20), bit=st.integers(0, 7))
def test_one_flipped_bit_under_a_fresh_signature_is_noticed(segment, position, bit):
    """[SHA-ENV-5] The mailbox or the sender changed the sealed message and signed it anew."""
    envelope = YAMADA.envelope()
    parts = envelope.sealed.split(".")
    if not parts[segment]:
        parts[segment] = b64url_encode(bytes([1 << bit]))
        sealed = ".".join(parts)
    else:
        sealed = flipped(envelope.sealed, segment, position, bit)
    assert noticed(read_notice, YAMADA.set_of(replace(envelope, sealed=sealed)))


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_refused_and_nothing_else_happens(raw):
    token = raw.decode("latin-1")
    for read in (read_notice, read_answer, read_consent):
        assert noticed(read, token)
