"""Every help page of every command: one language at a time, and examples that parse."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest

from warifu.__main__ import COMMANDS, main, overview, parser_of
from warifu.parsing import BETWEEN, Parser, pick

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
ENGLISH = re.compile(r"(?<![-\w])(the|a|and|of|is|are|show|options|usage|examples|arguments)\b")


def walk(parser: Parser) -> Iterator[Parser]:
    yield parser
    for below in commands_of(parser).values():
        yield from walk(below)


def commands_of(parser: Parser) -> dict[str, Parser]:
    found = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(found[0].choices) if found else {}


EVERY = [parser for command in COMMANDS for parser in walk(parser_of(command))]
pages = pytest.mark.parametrize("parser", EVERY, ids=[parser.prog for parser in EVERY])


def test_the_walk_meets_every_command() -> None:
    names = {parser.prog for parser in EVERY}
    assert {"warifu demo", "warifu wallet present", "warifu chain anchors verify"} <= names
    assert len(names) == len(EVERY) > 60


def told(parser: Parser) -> str:
    """Return a page without its examples, which are the same in every language."""
    return parser.format_help().split(f"\n{pick('examples / 例')}:\n")[0]


def texts_of(parser: Parser) -> list[str]:
    """Return what a page says of the command and of each of its arguments."""
    actions = [a for a in parser._actions if not isinstance(a, argparse._SubParsersAction)]
    texts = [parser.description, *(action.help for action in actions)]
    assert None not in texts, [action.dest for action in actions if action.help is None]
    return [text for text in texts if text is not None]


@pages
def test_a_page_is_in_one_language(parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARIFU_LANG", "en")
    assert not JAPANESE.search(told(parser))
    monkeypatch.setenv("WARIFU_LANG", "ja")
    page = told(parser)
    assert page.startswith("使い方: ")
    assert not ENGLISH.search(page), ENGLISH.findall(page)
    for text in texts_of(parser):
        assert JAPANESE.search(pick(text)), text


@pages
def test_every_text_is_declared_in_both_languages(parser: Parser) -> None:
    for text in texts_of(parser):
        english, *japanese = text.split(BETWEEN)
        assert english
        assert len(japanese) == 1, text
        assert not JAPANESE.search(english)


@pages
def test_every_command_has_an_example_that_parses(parser: Parser) -> None:
    assert parser.examples
    for example in parser.examples:
        program, name, *words = shlex.split(example)
        assert example.startswith(parser.prog)
        assert program == "warifu"
        top = parser_of(next(command for command in COMMANDS if command.name == name))
        top.parse_args(words)


def test_the_list_of_commands_is_in_one_language() -> None:
    assert not JAPANESE.search(overview("en"))
    assert not ENGLISH.search(overview("ja"))


@pytest.mark.parametrize(
    ("words", "japanese"),
    [
        (["wallet", "present"], "引数が足りません: link"),
        (["audit", "replay", "--genesis", "g"], "次のどれか一つが必要です: --node --export"),
        (["wallet", "sync", "--nosuch"], "知らない引数です: --nosuch"),
        (["demo", "--validators"], "--validators の値がありません"),
        (["demo", "--validators", "four"], "--validators の値が正しくありません: 'four'"),
        (["chain", "vote", "p", "maybe"], "ballot に 'maybe' は使えません（"),
        (["demo", "--keep=yes"], "--keep は値を取りません: 'yes'"),
        (
            ["evidence", "verify", "p", "--genesis", "g", "--genesis-digest", "d"],
            "一緒に使えません",
        ),
        (["chain", "vote", "--l", "x"], "--l では決まりません"),
    ],
)
def test_a_complaint_is_in_one_language(
    words: list[str],
    japanese: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for lang in ("ja", "en"):
        monkeypatch.setenv("WARIFU_LANG", lang)
        with pytest.raises(SystemExit):
            main(words)
        complaint = capsys.readouterr().err
        if lang == "ja":
            assert japanese in complaint
            assert not ENGLISH.search(complaint)
        else:
            assert not JAPANESE.search(complaint)
