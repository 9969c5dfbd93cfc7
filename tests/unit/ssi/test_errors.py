"""[ERR-1] [ERR-2] [ERR-3] [ERR-4]: the tree, the table and the advice agree."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ssi
from ssi.advice import ADVICE, chain, evidence, messages, programs
from ssi.errors import (
    ERRORS,
    Expired,
    Malformed,
    Misbehaviour,
    Refused,
    Rejected,
    SSIError,
    Unavailable,
    Unreachable,
    row_of,
)

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("ssi", "registry_chain", "verifier_sdk", "wallet", "issuer", "postbox", "warifu")


def tree(kind: type[SSIError]) -> Iterator[type[SSIError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__.startswith("ssi."):
            yield from tree(child)


def test_err_3_the_table_has_one_row_for_each_class_of_the_tree():
    for module in pkgutil.iter_modules(ssi.__path__):
        importlib.import_module(f"ssi.{module.name}")
    of_errors = {kind for kind in tree(SSIError) if kind.__module__ == "ssi.errors"}
    assert of_errors == {row.error for row in ERRORS}
    assert len(ERRORS) == len({row.error for row in ERRORS}) == len({row.abci for row in ERRORS})


def test_err_3_the_specification_holds_the_same_table():
    text = (ROOT / "specs" / "errors.md").read_text("utf-8")
    rows = re.findall(
        r"^\| (\w+) \| ([\w.]+) \| (\d+) \| (\w+) \| (\w+) \| (\d+) \|$", text, re.MULTILINE
    )
    ours = [
        (r.error.__name__, r.default_code, str(r.http), r.oauth, r.openid4vp, str(r.abci))
        for r in ERRORS
    ]
    assert rows == ours


def test_err_3_a_class_without_a_row_takes_the_nearest_above():
    class Narrow(Expired):
        pass

    assert row_of(Narrow("x")).error is Expired


def test_err_1_blame_is_in_the_class():
    assert not issubclass(Unavailable, Rejected)
    assert not issubclass(Misbehaviour, Rejected)
    assert Unreachable("x", retry_after=3).retry_after == 3
    assert Refused("x", rule="REG-1").rule == "REG-1"
    contradiction = Misbehaviour("x", first=b"1", second=b"2")
    assert (contradiction.first, contradiction.second) == (b"1", b"2")


def test_the_fact_is_the_text_and_the_code_stands_beside_it():
    error = Malformed("the text is not JSON", code="json.malformed")
    assert (str(error), error.code) == ("the text is not JSON", "json.malformed")
    assert Expired().code == "credential.expired"


def test_err_4_a_code_has_its_advice_in_one_place():
    assert len(ADVICE) == sum(len(area.ADVICE) for area in (messages, chain, evidence, programs))


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: row.error.__name__)
def test_err_4_every_default_code_has_advice_of_its_own(row):
    prefixes = [row.default_code, row.default_code.rpartition(".")[0]]
    assert any(prefix in ADVICE for prefix in prefixes)


def test_err_4_advice_falls_back_from_code_to_prefix_to_class():
    known = Malformed("x", code="jose.claims").diagnostics()
    assert known == ADVICE["jose.claims"].en
    assert Malformed("x", code="jose.something_new").diagnostics("ja") == ADVICE["jose"].ja
    assert Expired("x", code="unheard.of").diagnostics() == ADVICE["credential.expired"].en


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_err_4_advice_is_in_both_languages(code):
    advice = ADVICE[code]
    assert re.search(r"[ぁ-ん]", advice.ja)
    assert advice.en.isascii()
    assert advice.en.count(".") >= 2
    assert advice.ja.count("。") >= 2


def codes() -> dict[str, Path]:
    """Every code that the product's source gives to an error as it stands."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                value = node.value if isinstance(node, ast.keyword) and node.arg == "code" else None
                for each in (
                    (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
                ):
                    if isinstance(each, ast.Constant) and "." in str(each.value):
                        found[str(each.value)] = path
    return found


def test_err_4_every_code_of_the_product_has_advice_by_its_own_prefix():
    told, bare = codes(), []
    assert len(told) > 250
    for code, path in told.items():
        parts = code.split(".")
        prefixes = {".".join(parts[: length + 1]) for length in range(len(parts))}
        if not prefixes & ADVICE.keys():
            bare.append(f"{code} ({path.name})")
    assert not bare, f"ssi/advice has nothing for: {', '.join(bare)}"


def test_err_4_only_a_bad_record_is_called_one():
    """What is said of the whole family would mislead who meets a busy or a stopped node."""
    told = {code for code in codes() if code.startswith("chain.")} - ADVICE.keys()
    assert told == {"chain.key", "chain.record", "chain.snapshot"}


def test_err_3_codes_have_one_form():
    for code in codes():
        assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+", code), code


def test_err_2_a_parser_does_not_repeat_what_it_read():
    from ssi.encoding import Fields, parse_json

    secret = "SECRETVALUE"
    with pytest.raises(Malformed) as caught:
        parse_json(f'{{"a": "{secret}" "b"}}')
    assert secret not in repr(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(Malformed) as caught:
        Fields({secret: secret, "n": secret}, where="thing").take_int("n")
    assert secret not in str(caught.value)
    with pytest.raises(Malformed) as caught:
        Fields({secret: 1}, where="thing").done()
    assert secret not in str(caught.value)
