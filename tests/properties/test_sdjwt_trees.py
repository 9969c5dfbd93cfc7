"""Properties of any credential there could be: each claim alone, each code point, each bit."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ssi.encoding import canonical_json
from ssi.errors import Rejected
from ssi.keys import Alg
from ssi.sdjwt import (
    NEVER_DISCLOSABLE,
    KeyBindingPolicy,
    Sd,
    issue,
    parse_sdjwt,
    present,
    select,
    verify_issuer_jwt,
    verify_key_binding,
)
from tests.support.credentials import ED_HOLDER, ES_HOLDER, dice, key
from tests.support.effort import examples

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ISSUER = key("issuer", Alg.EDDSA)
HARD_NAMES = ["髙﨑", "𠮷野家", "葛\U000e0100飾区", "はばパパ", "가각", "e\u0301", "\u200d", ""]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(HARD_NAMES)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda name: name not in {"_sd", "_sd_alg", "..."} | NEVER_DISCLOSABLE
)
LEAVES = TEXTS | st.booleans() | st.none() | st.integers(-(2**53) + 1, 2**53 - 1)


def marked(values):
    return values | values.map(Sd)


TREES = st.dictionaries(
    NAMES,
    marked(
        st.recursive(
            LEAVES,
            lambda inner: (
                st.lists(marked(inner), max_size=4)
                | st.dictionaries(NAMES, marked(inner), max_size=4)
            ),
            max_leaves=12,
        )
    ),
    max_size=5,
)


def plain(value):
    """The value as the issuer knows it, without marks."""
    if isinstance(value, Sd):
        return plain(value.value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def places(value, at=()):
    """Where every mark stands."""
    if isinstance(value, Sd):
        yield at
        value = value.value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from places(item, (*at, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*at, index))


def shown(value, chosen, at=()):
    """What must be visible when these places, their parents and all below them are chosen."""
    if isinstance(value, Sd):
        return shown(value.value, chosen, at)
    if isinstance(value, dict):
        return {
            name: shown(item, chosen, (*at, name))
            for name, item in value.items()
            if visible(item, chosen, (*at, name))
        }
    if isinstance(value, list):
        return [
            shown(item, chosen, (*at, index))
            for index, item in enumerate(value)
            if visible(item, chosen, (*at, index))
        ]
    return value


def visible(item, chosen, at):
    if not isinstance(item, Sd):
        return True
    return any(place[: len(at)] == at or at[: len(place)] == place for place in chosen)


def read(text):
    return verify_issuer_jwt(parse_sdjwt(text), ISSUER.public_key).claims


@given(TREES, st.integers(0, 3))
@example({"name": Sd("葛\U000e0100城 髙﨑 𠮷"), "x": [Sd("か\u3099")]}, 0)
def test_every_code_point_comes_back(tree, decoys):
    """[CRED-3], [CRED-SD-3]."""
    whole = issue(tree, ISSUER, random=dice(), decoys=decoys)
    assert canonical_json(read(whole)) == canonical_json(plain(tree))


@given(TREES, st.data())
def test_exactly_the_chosen_claims_are_shown(tree, data):
    """[CRED-SD-2], [CRED-SD-3]."""
    everything = sorted(places(tree), key=repr)
    chosen = data.draw(st.sets(st.sampled_from(everything))) if everything else set()
    whole = issue(tree, ISSUER, random=dice(), decoys=1)
    cut = select(whole, chosen)
    assert canonical_json(read(cut)) == canonical_json(shown(tree, chosen))
    hidden = set(whole.split("~")) - set(cut.split("~"))
    assert not any(part in cut for part in hidden)


PRESENTED = {
    holder.public_key.alg: present(
        select(
            issue(
                {
                    "cnf": {"jwk": holder.public_key.jwk},
                    "name": Sd("髙﨑 𠮷"),
                    "address": Sd({"region": Sd("東京都")}),
                    "hidden": Sd("never"),
                },
                ISSUER,
                random=dice(),
            ),
            [("name",), ("address", "region")],
        ),
        holder,
        audience="firm",
        nonce="nonce-of-this-request",
        now=NOW,
    )
    for holder in (ES_HOLDER, ED_HOLDER)
}


def verify(text):
    untrusted = parse_sdjwt(text)
    verified = verify_issuer_jwt(untrusted, ISSUER.public_key)
    verify_key_binding(
        untrusted,
        verified,
        audience="firm",
        nonce="nonce-of-this-request",
        now=NOW,
        policy=KeyBindingPolicy(),
    )


@pytest.mark.parametrize("alg", list(Alg))
def test_nothing_was_wrong_before(alg):
    verify(PRESENTED[alg])


@settings(max_examples=examples(400))
@given(st.sampled_from(list(Alg)), st.data(), st.integers(0, 7))
def test_no_bit_of_a_presentation_can_flip(alg, data, bit):
    text = PRESENTED[alg]
    raw = bytearray(text.encode("ascii"))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << bit
    with pytest.raises(Rejected):
        verify(raw.decode("latin-1"))


@settings(max_examples=examples(300))
@given(st.sampled_from(list(Alg)), st.data(), st.integers(0, 7))
def test_no_bit_inside_a_part_can_flip(alg, data, bit):
    """Flipped under the encoding, so that the text stays good base64url."""
    text = PRESENTED[alg]
    parts = text.replace("~", ".~.").split(".")
    at = data.draw(st.sampled_from([i for i, part in enumerate(parts) if part not in {"~", ""}]))
    raw = bytearray(base64.urlsafe_b64decode(parts[at] + "=" * (-len(parts[at]) % 4)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << bit
    parts[at] = base64.urlsafe_b64encode(bytes(raw)).decode("ascii").rstrip("=")
    with pytest.raises(Rejected):
        verify(".".join(parts).replace(".~.", "~"))
