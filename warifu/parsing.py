"""How ``warifu`` reads the words of a command line, and its help pages.

A help text is declared in both languages, "English / 日本語"; the reader sees one of them. An
epilog has examples, one a line, which a reader can copy.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NoReturn

from warifu.lang import language

EXIT_BAD_INPUT: Final = 3
BETWEEN: Final = " / "

# What argparse itself says, in Japanese.
_SENTENCES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), told)
    for pattern, told in (
        (r"the following arguments are required: (.+)", r"引数が足りません: \1"),
        (r"one of the arguments (.+) is required", r"次のどれか一つが必要です: \1"),
        (r"unrecognized arguments: (.+)", r"知らない引数です: \1"),
        (r"ambiguous option: (.+?) could match (.+)", r"\1 では決まりません: \2"),
        (r"argument (.+?): expected .+", r"\1 の値がありません"),
        (r"argument (.+?): ignored explicit argument (.+)", r"\1 は値を取りません: \2"),
        (r"argument (.+?): not allowed with argument (.+)", r"\1 と \2 は一緒に使えません"),
        (
            r"argument (.+?): invalid choice: (.+?) \(choose from (.+)\)",
            r"\1 に \2 は使えません（\3 のどれか）",
        ),
        (r"argument (.+?): invalid .+? value: (.+)", r"\1 の値が正しくありません: \2"),
    )
)


def pick(text: str) -> str:
    """Return the reader's half of a text in both languages; a text without halves is itself."""
    english, _, japanese = text.partition(BETWEEN)
    return japanese if japanese and language() == "ja" else english


class _Page(argparse.HelpFormatter):
    """A help page in one language."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        """Say how the command is written."""
        told = "使い方: " if prefix is None and language() == "ja" else prefix
        super().add_usage(usage, actions, groups, told)

    def add_text(self, text: str | None) -> None:
        """Add a paragraph."""
        super().add_text(text if text is None or text is argparse.SUPPRESS else pick(text))

    def start_section(self, heading: str | None) -> None:
        """Begin a list of arguments."""
        super().start_section(None if heading is None else pick(heading))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return None if action.help is None else pick(action.help)


if TYPE_CHECKING:
    _SubParsers = argparse._SubParsersAction["Parser"]  # noqa: SLF001 - argparse has no public name
else:
    _SubParsers = argparse._SubParsersAction  # noqa: SLF001 - as above


class _Commands(_SubParsers):
    """Sub-commands; what the list says of each opens its own page."""

    def add_parser(self, name: str, **options: Any) -> Parser:
        """Add a command."""
        options.setdefault("description", options.get("help"))
        return super().add_parser(name, **options)


class Parser(argparse.ArgumentParser):
    """A parser whose pages and complaints are in the reader's language.

    A complaint is one sentence and exit code 3: argparse's own 2 is "declined".

    Args:
        epilog: Examples, one a line.
        options: As `argparse.ArgumentParser`.
    """

    words: tuple[str, ...] = ()

    def __init__(self, *, epilog: str | None = None, **options: Any) -> None:
        add_help = options.pop("add_help", True)
        options.setdefault("formatter_class", _Page)
        super().__init__(add_help=False, **options)
        self.examples = tuple((epilog or "").splitlines())
        self.register("action", "parsers", _Commands)
        self._positionals.title = "arguments / 引数"
        self._optionals.title = "options / オプション"
        if add_help:
            self.add_argument("-h", "--help", action="help", help="show this page / この説明を表示")

    def add_subparsers(self, **options: Any) -> Any:
        """Make room for sub-commands."""
        options.setdefault("title", "commands / コマンド")
        options.setdefault("metavar", "COMMAND")
        return super().add_subparsers(**options)

    def format_help(self) -> str:
        """Return the page, with the examples at its end."""
        page = super().format_help()
        if not self.examples:
            return page
        lines = "".join(f"  {example}\n" for example in self.examples)
        return f"{page}\n{pick('examples / 例')}:\n{lines}"

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Remember the words, to say what is wrong with them."""
        self.words = tuple(args or ())
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the words and where to read on."""
        ja = language() == "ja"
        message = _japanese(message) if ja else message
        more = "使い方は" if ja else "Usage:"
        if any(word.startswith("-") and not word.startswith("--") for word in self.words):
            told = (
                "- で始まる値は -- の後に書きます"
                if ja
                else "A value that begins with - goes after --"
            )
            message = f"{message}. {told}"
        self.exit(EXIT_BAD_INPUT, f"{self.prog}: {message}. {more} {self.prog} --help\n")


def _japanese(message: str) -> str:
    for pattern, told in _SENTENCES:
        if pattern.fullmatch(message):
            return pattern.sub(told, message)
    return message
