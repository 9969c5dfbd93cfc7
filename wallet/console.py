"""One run of one command: what it was given, and how it talks to the person or the program."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from ssi.encoding import JSON
from ssi.errors import VaultError
from wallet import cli, passphrase
from wallet.config import WalletConfig
from wallet.holder import Holder
from wallet.labels import Words

MOST_INPUT = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """One run of one command."""

    args: argparse.Namespace
    home: Path
    lang: str

    def say(self, *lines: str) -> None:
        """Tell the person something."""
        sys.stderr.write("".join(f"{line}\n" for line in lines))

    def out(self, value: JSON, lines: list[str]) -> None:
        """Give the result: JSON for a program, lines for a person."""
        if self.args.json:
            cli.emit(value)
        else:
            sys.stdout.write("".join(f"{line}\n" for line in lines))

    def words(self, ja: str, en: str) -> str:
        """Return one of two texts."""
        return Words(ja, en).text(self.lang)

    def ask(self, prompt: str) -> str:
        """Ask the person one line.

        Raises:
            VaultError: ``input.no_terminal`` when nobody is there to ask.
        """
        if not sys.stdin.isatty():
            raise VaultError("there is no terminal to ask on", code="input.no_terminal")
        sys.stderr.write(prompt)
        sys.stderr.flush()
        return sys.stdin.readline().rstrip("\n")

    def holder(self) -> Holder:
        """Open the wallet."""
        config = WalletConfig.load(self.home)
        words = passphrase.read(self.args.passphrase_fd, self.lang)
        return Holder.open(config, words)

    def link(self) -> str:
        """Return the link, from the argument or from standard input."""
        if self.args.link != "-":
            return str(self.args.link)
        return sys.stdin.read(MOST_INPUT).strip()
