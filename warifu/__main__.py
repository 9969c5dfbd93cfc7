"""The ``warifu`` command: one door to every program of the house.

Each sub-command lives with its product; this file only knows where, so that
``warifu wallet`` does not pay for Flask, nor ``warifu issuer`` for Textual.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ssi.errors import SSIError
from warifu.lang import language


@dataclass(frozen=True, slots=True)
class Command:
    """Where a sub-command lives and what it is for, in one line each language."""

    name: str
    module: str
    help_en: str
    help_ja: str


COMMANDS = (
    Command("demo", "warifu.demo.cli", "play the whole journey on real processes",
            "全行程を実際のプロセスで実演します"),
    Command("doctor", "warifu.doctor", "say what is wrong and how to mend it",
            "不具合と直し方を示します"),
    Command("wallet", "wallet.cli", "the resident's wallet", "住民のウォレット"),
    Command("issuer", "warifu.programs", "the issuer's portal", "発行者のポータル"),
    Command("mailbox", "warifu.programs", "the electronic PO box", "電子私書箱"),
    Command("firm", "warifu.demo.firm_cli", "a sample sharing-economy firm",
            "シェアリング事業者の見本"),
    Command("chain", "warifu.programs", "the shared chain's node", "共有台帳のノード"),
    Command("audit", "registry_chain.cli_audit", "replay and check the chain",
            "台帳の再計算と検査"),
    Command("evidence", "verifier_sdk.evidence.cli", "evidence packs: make and verify",
            "証拠ファイルの作成と検証"),
    Command("vectors", "warifu.vectors.cli", "run test vectors through the product",
            "試験ベクトルを製品に通します"),
)  # fmt: skip

EXIT_OK, EXIT_ERROR, EXIT_BAD_INPUT = 0, 1, 3


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one sentence and exit code 3: argparse's own 2 is "declined"."""

    words: tuple[str, ...] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Remember the words, to say what is wrong with them."""
        self.words = tuple(args or ())
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the words and where to read on."""
        ja = language() == "ja"
        more = "使い方は" if ja else "Usage:"
        if any(word.startswith("-") and not word.startswith("--") for word in self.words):
            told = (
                "- で始まる値は -- の後に書きます"
                if ja
                else "A value that begins with - goes after --"
            )
            message = f"{message}. {told}"
        self.exit(EXIT_BAD_INPUT, f"{self.prog}: {message}. {more} {self.prog} --help\n")


def overview(lang: str) -> str:
    """Return the list of commands a person sees when no command is given."""
    lines = ["usage: warifu COMMAND [...]", ""]
    for command in COMMANDS:
        text = command.help_ja if lang == "ja" else command.help_en
        lines.append(f"  {command.name:<8} {text}")
    more = (
        "warifu COMMAND --help で使い方を示します。"
        if lang == "ja"
        else "warifu COMMAND --help says more of each."
    )
    return "\n".join([*lines, "", more])


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the words after ``warifu``; the process's own when absent.

    Returns:
        0 when it worked; 1 error, 2 declined, 3 bad input, 4 locked,
        5 not trusted, 6 network.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    lang = language()
    if not words or words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(overview(lang) + "\n")
        return EXIT_OK if words else EXIT_BAD_INPUT
    command = next((c for c in COMMANDS if c.name == words[0]), None)
    if command is None:
        told = "そのコマンドはありません" if lang == "ja" else "no such command"
        sys.stderr.write(f"warifu: {told}\n\n{overview(lang)}\n")
        return EXIT_BAD_INPUT
    module = importlib.import_module(command.module)
    parser = Parser(
        prog=f"warifu {command.name}",
        description=command.help_ja if lang == "ja" else command.help_en,
    )
    # A module that serves several commands names them: configure_chain, run_chain.
    configure = getattr(module, f"configure_{command.name}", None) or module.configure
    run = getattr(module, f"run_{command.name}", None) or module.run
    configure(parser)
    args = parser.parse_args(words[1:])
    try:
        return int(run(args))
    except SSIError as error:
        advice = error.diagnostics("ja" if lang == "ja" else "en")
        sys.stderr.write(f"{error.code}: {error}\n{advice}\n")
        return EXIT_ERROR
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return 130
    except BrokenPipeError:
        # The reader of our standard output went away (`| head`): not our error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
