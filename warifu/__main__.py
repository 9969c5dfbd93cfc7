"""The ``warifu`` command: one door to every program of the house.

Each sub-command lives with its product; this file only knows where, so that
``warifu wallet`` does not pay for Flask, nor ``warifu issuer`` for Textual.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ssi.errors import SSIError
from warifu.lang import language
from warifu.parsing import BETWEEN, EXIT_BAD_INPUT, Parser


@dataclass(frozen=True, slots=True)
class Command:
    """Where a sub-command lives and what it is for, in one line each language.

    ``examples`` are lines a reader can copy; ``extra`` is the part of the distribution that brings
    what the command needs.
    """

    name: str
    module: str
    help_en: str
    help_ja: str
    examples: tuple[str, ...]
    extra: str = "all"


COMMANDS = (
    Command(
        name="demo",
        module="warifu.demo.cli",
        help_en="play the whole journey on real processes",
        help_ja="全行程を実際のプロセスで実演します",
        examples=("warifu demo", "warifu demo --keep --validators 4"),
    ),
    Command(
        name="doctor",
        module="warifu.doctor",
        help_en="say what is wrong and how to mend it",
        help_ja="不具合と直し方を示します",
        examples=("warifu doctor", "warifu doctor --network demo/network"),
    ),
    Command(
        name="wallet",
        module="wallet.cli",
        help_en="the resident's wallet",
        help_ja="住民のウォレット",
        examples=("warifu wallet", "warifu wallet credentials --json"),
        extra="wallet",
    ),
    Command(
        name="issuer",
        module="warifu.programs",
        help_en="the issuer's portal",
        help_ja="発行者のポータル",
        examples=("warifu issuer serve --config issuer/issuer.toml",),
        extra="issuer",
    ),
    Command(
        name="mailbox",
        module="warifu.programs",
        help_en="the electronic PO box",
        help_ja="電子私書箱",
        examples=("warifu mailbox serve --config box/mailbox.toml",),
        extra="mailbox",
    ),
    Command(
        name="firm",
        module="warifu.demo.firm_cli",
        help_en="a firm: set one up, serve a sample",
        help_ja="事業者の準備と見本",
        examples=("warifu firm serve --home demo/network/firms/musubi-minpaku",),
    ),
    Command(
        name="chain",
        module="warifu.programs",
        help_en="the shared chain's node",
        help_ja="共有台帳のノード",
        examples=(
            "warifu chain node --home node-1",
            "warifu chain status --node https://node1.example",
        ),
        extra="node",
    ),
    Command(
        name="audit",
        module="registry_chain.cli_audit",
        help_en="replay and check the chain",
        help_ja="台帳の再計算と検査",
        examples=("warifu audit replay --genesis genesis.json --node https://node1.example",),
    ),
    Command(
        name="evidence",
        module="verifier_sdk.evidence.cli",
        help_en="evidence packs: make and verify",
        help_ja="証拠ファイルの作成と検証",
        examples=("warifu evidence verify pack.zip --genesis genesis.json",),
    ),
    Command(
        name="vectors",
        module="warifu.vectors.cli",
        help_en="run test vectors through the product",
        help_ja="試験ベクトルを製品に通します",
        examples=("warifu vectors jose cases.json",),
    ),
)

EXIT_OK, EXIT_ERROR = 0, 1
OUR_PACKAGES = frozenset(
    {"ssi", "registry_chain", "wallet", "issuer", "postbox", "verifier_sdk", "warifu"}
)
# Packages that only a part of a command needs, and what brings them.
DISTRIBUTIONS = {"google": "protobuf"}
EXTRAS = {"rfc3161_client": "anchoring", "eth_account": "evm", "psycopg": "postgres"}


def overview(lang: str) -> str:
    """Return the list of commands a person sees when no command is given."""
    lines = [f"{'使い方' if lang == 'ja' else 'usage'}: warifu COMMAND [...]", ""]
    for command in COMMANDS:
        text = command.help_ja if lang == "ja" else command.help_en
        lines.append(f"  {command.name:<8} {text}")
    more = (
        "warifu COMMAND --help で使い方を示します。"
        if lang == "ja"
        else "warifu COMMAND --help says more of each."
    )
    return "\n".join([*lines, "", more])


def parser_of(command: Command) -> Parser:
    """Return the parser of a command with everything below it."""
    module = importlib.import_module(command.module)
    parser = Parser(
        prog=f"warifu {command.name}",
        description=f"{command.help_en}{BETWEEN}{command.help_ja}",
        epilog="\n".join(command.examples),
    )
    configure = getattr(module, f"configure_{command.name}", None) or module.configure
    configure(parser)
    return parser


def _runner_of(command: Command) -> Callable[[argparse.Namespace], int]:
    module = importlib.import_module(command.module)
    # A module that serves several commands names them: configure_chain, run_chain.
    run: Callable[[argparse.Namespace], int] = (
        getattr(module, f"run_{command.name}", None) or module.run
    )
    return run


def _not_installed(command: Command, package: str, lang: str) -> str:
    mend = f"pip install 'warifu[{EXTRAS.get(package, command.extra)}]'"
    package = DISTRIBUTIONS.get(package, package)
    if lang == "ja":
        return f"{package} がインストールされていません。{mend} で入ります。"
    return f"{package} is not installed. It comes with: {mend}"


def _run(command: Command, words: Sequence[str], lang: str) -> int:
    """Run a command; one whose packages are not installed says what brings them."""
    try:
        args = parser_of(command).parse_args(words)
        return int(_runner_of(command)(args))
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package in OUR_PACKAGES:
            raise
        sys.stderr.write(f"warifu {command.name}: {_not_installed(command, package, lang)}\n")
        return EXIT_ERROR


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
    try:
        return _run(command, words[1:], lang)
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
