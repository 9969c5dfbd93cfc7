"""Strict JSON, strict base64url, canonical JSON, and the field reader."""

import time

import pytest

from ssi.encoding import (
    Fields,
    JsonLimits,
    b64url_decode,
    b64url_encode,
    canonical_json,
    parse_json,
    parse_json_object,
)
from ssi.errors import Malformed


def refused(data, **options):
    with pytest.raises(Malformed) as caught:
        parse_json(data, **options)
    return caught.value.code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a":1,"a":1}', "json.duplicate_key"),
        ('{"x":{"a":1,"\\u0061":2}}', "json.duplicate_key"),
        ("NaN", "json.malformed"),
        ("[Infinity]", "json.malformed"),
        ("-Infinity", "json.malformed"),
        ("1e999", "json.malformed"),
        ("1.5", "json.malformed"),
        ("9007199254740992", "json.malformed"),
        ("-9007199254740992", "json.malformed"),
        ("9" * 20000, "json.malformed"),
        ('"\\ud800"', "json.malformed"),
        ('{"\\udfff":1}', "json.malformed"),
        ("\ufeff{}", "json.malformed"),
        ("\ud800", "json.malformed"),
        (b"\xff\xfe{\x00}\x00", "json.malformed"),
        (b'"\xc0\xaf"', "json.malformed"),
        (b'"\xed\xa0\x81\xed\xb0\x80"', "json.malformed"),
        ("", "json.malformed"),
        ("{}{}", "json.malformed"),
        ('{"a":1,}', "json.malformed"),
        ('{"a":1}//x', "json.malformed"),
        ('"a\nb"', "json.malformed"),
    ],
)
def test_a_text_with_two_meanings_or_none_is_refused(text, code):
    assert refused(text) == code


def test_escaped_pairs_and_edge_integers_are_read():
    assert parse_json('"\\ud83d\\ude00"') == "😀"
    assert parse_json("9007199254740991") == 2**53 - 1
    assert parse_json("[-9007199254740991, 0, null, true]") == [-(2**53) + 1, 0, None, True]


def test_names_that_differ_only_in_normal_form_stay_distinct():
    assert len(parse_json_object('{"\u00e9":1,"e\u0301":2}')) == 2


def test_floats_are_read_only_when_the_format_has_them():
    assert parse_json("[1.5, 1e2, 333333333333333333333]", floats=True) == [
        1.5,
        100.0,
        3.3333333333333333e20,
    ]
    assert refused("1e999", floats=True) == "json.malformed"
    assert refused("NaN", floats=True) == "json.malformed"


def test_the_top_must_be_an_object_when_one_is_asked_for():
    with pytest.raises(Malformed):
        parse_json_object("[]")


def nested(depth):
    return "[" * depth + "]" * depth


def test_depth_is_bounded_exactly():
    assert parse_json(nested(32)) is not None
    assert refused(nested(33)) == "json.limits"
    mixed = '{"a":[' * 16 + "]}" * 16
    assert parse_json(mixed) is not None
    assert refused(f"[{mixed}]") == "json.limits"


def test_brackets_inside_strings_are_no_depth():
    text = '["' + "[{" * 200 + '\\"[[", "]]"]'
    assert parse_json(text)[1] == "]]"


def test_members_are_bounded_and_commas_in_strings_do_not_count():
    assert len(parse_json("[" + ",".join("1" * 2000) + "]")) == 2000
    assert refused("[" + ",".join("1" * 2001) + "]") == "json.limits"
    assert parse_json('["' + "," * 9000 + '"]')


def test_string_length_is_bounded_in_names_and_values():
    limits = JsonLimits(max_string=8)
    assert parse_json('{"12345678":"12345678"}', limits=limits)
    assert refused('{"a":"123456789"}', limits=limits) == "json.limits"
    assert refused('{"123456789":1}', limits=limits) == "json.limits"
    assert refused('["あいう"]', limits=limits) == "json.limits"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "{" + ",".join(f'"k{i}":1' for i in range(100_000)) + "}",
        "1" * 1_000_000,
        '"' + "x" * (64 << 20) + '"',
        "[" * 65_536,
        "[{" * 32_000,
        '"' + "\\" * 65_000,
    ],
    ids=["deep-array", "deep-object", "wide", "big-int", "long", "64k-open", "mixed", "backslash"],
)
def test_v_24_floods_are_refused_in_no_time(text):
    start = time.perf_counter()
    refused(text)
    assert time.perf_counter() - start < 0.05


@pytest.mark.parametrize(
    "text", ["A", "AB", "AAB", "AA==", "AA=", "A A", "AA\n", "A+/A", "AAAA=", "ÀA", "AA.A", "-_-_A"]
)
def test_base64url_has_one_spelling(text):
    with pytest.raises(Malformed) as caught:
        b64url_decode(text)
    assert caught.value.code == "encoding.base64url"


@pytest.mark.parametrize("data", [b"", b"f", b"fo", b"foo", b"foob", bytes(range(256))])
def test_base64url_round_trips(data):
    assert b64url_decode(b64url_encode(data)) == data


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (1e21, "1e+21"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (333333333.3333332, "333333333.3333332"),
        (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (1424953923781206.2, "1424953923781206.2"),
        (123456.0, "123456"),
        (100.0, "100"),
    ],
)
def test_numbers_are_written_as_ecmascript_does(value, text):
    assert canonical_json(value) == text.encode()


def test_names_are_ordered_by_utf_16():
    assert canonical_json({"\U0001f600": 1, "\uff5e": 2}) == '{"😀":1,"～":2}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800", {"a": -(2**53)}])
def test_what_has_no_canonical_form_is_our_callers_mistake(value):
    with pytest.raises(ValueError, match=r"finite|2\^53|surrogate"):
        canonical_json(value)
    with pytest.raises(TypeError):
        canonical_json((1, 2))


def fields(**members):
    return Fields(members, where="thing", code="thing.malformed")


@pytest.mark.parametrize(
    "read",
    [
        lambda: fields().take_str("a"),
        lambda: fields(a=1).take_str("a"),
        lambda: fields(a="").take_str("a"),
        lambda: fields(a="xx").take_str("a", max_len=1),
        lambda: fields(a=None).opt_str("a"),
        lambda: fields(a=True).take_int("a"),
        lambda: fields(a="1").take_int("a"),
        lambda: fields(a=-1).take_int("a"),
        lambda: fields(a=5).take_int("a", maximum=4),
        lambda: fields(a=1).take_bool("a"),
        lambda: fields(a=[]).take_object("a"),
        lambda: fields(a={}).take_list("a"),
        lambda: fields(a=[1]).take_strs("a"),
        lambda: fields(a=[""]).take_strs("a"),
        lambda: fields(a=[1]).take_objects("a"),
        lambda: fields(a=[1, 2]).take_list("a", max_items=1),
        lambda: fields(a="AAAA").take_bytes("a", size=2),
        lambda: fields(a={"b": 1}).take_fields("a").take_str("b"),
        lambda: fields(a=1).done(),
    ],
)
def test_a_member_of_the_wrong_kind_is_refused_with_the_callers_code(read):
    with pytest.raises(Malformed) as caught:
        read()
    assert caught.value.code == "thing.malformed"


def test_members_are_taken_once_and_the_rest_is_known():
    reader = fields(s="x", i=3, b=False, o={}, l=[1], t=["u"], r=1, d="AAAA", p=[{}])
    assert (reader.take_str("s"), reader.take_int("i"), reader.take_bool("b")) == ("x", 3, False)
    assert (reader.take_object("o"), reader.take_list("l")) == ({}, [1])
    assert (reader.take_strs("t"), reader.take_bytes("d", size=3)) == (("u",), b"\0\0\0")
    assert reader.take_objects("p") == ({},)
    for absent in (reader.opt_str, reader.opt_int, reader.opt_bool, reader.opt_object):
        assert absent("none") is None
    for absent in (reader.opt_list, reader.opt_strs, reader.opt_bytes, reader.opt_fields):
        assert absent("none") is None
    assert reader.has("r")
    assert reader.rest() == {"r": 1}
    assert reader.take_int("r") == 1
    reader.done()
