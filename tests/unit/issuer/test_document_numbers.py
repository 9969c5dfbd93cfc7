"""The number that must never be held, and the one that is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer.document_numbers import (
    folded_digits,
    holds_my_number,
    is_licence_number,
    is_my_number,
)

# Made up, with a right check digit: 1234 5678 901 -> 8.
NUMBER = "123456789018"


def check_digit(eleven: str) -> str:
    return next(last for last in "0123456789" if is_my_number(eleven + last))


def test_the_check_digit_follows_the_ordinance():
    assert is_my_number(NUMBER)
    assert [is_my_number(NUMBER[:11] + d) for d in "0123456789"].count(True) == 1


@pytest.mark.parametrize(
    "text",
    [
        NUMBER,
        "1234 5678 9018",
        "1234-5678-9018",
        "１２３４　５６７８　９０１８",
        "1234‐5678−9018",
        "1・2・3・4・5・6・7・8・9・0・1・8",
        "一二三四五六七八九〇一八",
        "١٢٣٤٥٦٧٨٩٠١٨",
        f"番号は{NUMBER}です",
        f"9{NUMBER}",
        "1234\u200b5678\u200b9018",
        "①②③④⑤⑥⑦⑧⑨0①⑧",
    ],
)
def test_however_it_is_written_it_is_found(text):
    assert holds_my_number(text)


@pytest.mark.parametrize(
    "text",
    ["", "金町二丁目１０番地３　𠮷田荘２０３号室", "123456789017", "12345678901", "髙﨑 𠮷乃"],
)
def test_other_text_is_left_alone(text):
    assert not holds_my_number(text)


@given(st.text(alphabet="0123456789", min_size=11, max_size=11), st.text(max_size=20))
def test_no_number_hides_in_text(eleven, around):
    number = eleven + check_digit(eleven)
    assert holds_my_number(f"{around}。{number}。{around}")


@given(st.text())
def test_any_text_gets_an_answer(text):
    assert holds_my_number(text) in {True, False}


def test_a_licence_number_has_its_own_check_digit():
    assert is_licence_number("309012345620")
    assert not is_licence_number("309012345630")
    assert folded_digits("３０９０-1234-5620") == "309012345620"
