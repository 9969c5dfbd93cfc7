"""Properties of SD-JWTs and status lists: exact disclosure, and no byte that does not matter."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ssi.errors import Rejected
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
from ssi.status_list import StatusList, decode_status_list, encode_status_list, new_status_list
from tests.support.credentials import ES_HOLDER, ISSUER, dice
from tests.support.effort import examples

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NAMES = [f"claim{number}" for number in range(6)]
TREE = {
    "iss": "https://issuer.example",
    "cnf": {"jwk": ES_HOLDER.public_key.jwk},
    **{name: Sd(f"値 of {name}") for name in NAMES},
    "address": Sd({"region": Sd("東京都"), "city": Sd("千代田区"), "country": "JP"}),
    "classes": [Sd("futsu"), Sd("daijini"), Sd("kenin")],
}
WHOLE = issue(TREE, ISSUER, random=dice(), decoys=2)
LEAVES = [
    *((name,) for name in NAMES),
    ("address", "region"),
    ("address", "city"),
    *(("classes", index) for index in range(3)),
]
PRESENTED = present(
    select(WHOLE, [("claim0",), ("address", "city"), ("classes", 1)]),
    ES_HOLDER,
    audience="firm",
    nonce="nonce-of-this-request",
    now=NOW,
)


def verify(text):
    untrusted = parse_sdjwt(text)
    verified = verify_issuer_jwt(untrusted, ISSUER.public_key)
    return verified, verify_key_binding(
        untrusted,
        verified,
        audience="firm",
        nonce="nonce-of-this-request",
        now=NOW,
        policy=KeyBindingPolicy(),
    )


@given(st.sets(st.sampled_from(LEAVES)))
def test_any_choice_of_claims_shows_exactly_that_choice(chosen):
    verified = verify_issuer_jwt(parse_sdjwt(select(WHOLE, chosen)), ISSUER.public_key)
    parents = {("address",)} if any(path[0] == "address" for path in chosen) else set()
    kept = sorted(index for name, *at in chosen for index in at if name == "classes")
    classes = {("classes", index) for index in kept}
    others = {path for path in chosen if path[0] != "classes"}
    assert set(verified.disclosed_paths) == others | classes | parents
    shown = verified.claims
    assert shown["classes"] == [["futsu", "daijini", "kenin"][index] for index in kept]
    assert {name for name in NAMES if name in shown} == {path[0] for path in others} & set(NAMES)
    assert shown.get("address", {"country": "JP"}).keys() - {"country"} == {
        path[1] for path in chosen if path[0] == "address"
    }


@settings(max_examples=examples(400))
@given(st.integers(0, len(PRESENTED) - 1), st.characters(max_codepoint=0x2FF))
@example(0, "~")
def test_no_character_of_a_presentation_can_be_another(position, character):
    if PRESENTED[position] == character:
        return
    changed = PRESENTED[:position] + character + PRESENTED[position + 1 :]
    with pytest.raises(Rejected):
        verify(changed)


@settings(max_examples=examples(200))
@given(st.integers(0, len(PRESENTED)), st.integers(0, len(PRESENTED)))
def test_no_part_of_a_presentation_can_be_missing(start, length):
    changed = PRESENTED[:start] + PRESENTED[start + length :]
    if changed != PRESENTED:
        with pytest.raises(Rejected):
            verify(changed)


@settings(max_examples=examples(300))
@given(st.text(st.sampled_from("ey.~JAZaz09-_ \0\n{}[]\"',:日"), max_size=80))
def test_any_text_is_refused_and_nothing_else_happens(text):
    with pytest.raises(Rejected):
        verify_issuer_jwt(parse_sdjwt(text), ISSUER.public_key)


@given(st.sampled_from([1, 2, 4, 8]), st.binary(min_size=1, max_size=200))
def test_a_status_list_is_read_back(bits, data):
    status_list = StatusList(bits, data)
    assert decode_status_list(encode_status_list(status_list)) == status_list
    whole = sum(status_list.get(i) << i * bits for i in range(len(status_list)))
    assert whole.to_bytes(len(data), "little") == data


@given(st.sampled_from([1, 2, 4, 8]), st.data())
def test_a_changed_entry_changes_no_other(bits, data):
    old = StatusList(bits, data.draw(st.binary(min_size=1, max_size=20)))
    index = data.draw(st.integers(0, len(old) - 1))
    status = data.draw(st.integers(0, (1 << bits) - 1))
    new = old.with_status(index, status)
    assert [new.get(i) for i in range(len(old))] == [
        status if i == index else old.get(i) for i in range(len(old))
    ]


@given(st.binary(max_size=60), st.integers(0, 9))
def test_any_packed_bytes_are_a_list_or_refused(data, bits):
    member = encode_status_list(new_status_list(64)) | {"bits": bits}
    member["lst"] = member["lst"][: len(data)] + "".join(chr(65 + byte % 26) for byte in data)
    try:
        decode_status_list(member)
    except Rejected:
        return
    assert bits in {1, 2, 4, 8}
