"""Where the passphrase comes from: never from an argument, which others can see."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ssi.errors import VaultError
from wallet.labels import Words

FILE_VARIABLE = "WARIFU_PASSPHRASE_FILE"
_MOST = 4096
_PROMPT = Words("パスフレーズ: ", "Passphrase: ")
_AGAIN = Words("もう一度: ", "Again: ")


def has_source(descriptor: int | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a passphrase can be had without asking anyone."""
    return descriptor is not None or bool(environ.get(FILE_VARIABLE))


def read(
    descriptor: int | None,
    lang: str,
    *,
    environ: Mapping[str, str] = os.environ,
    twice: bool = False,
) -> str:
    """Return the passphrase from a descriptor, a private file, or the person.

    Args:
        descriptor: ``--passphrase-fd``.
        lang: the language of the prompt.
        environ: the process's environment.
        twice: ask two times, for a new passphrase.

    Raises:
        VaultError: ``input.passphrase``.
    """
    if descriptor is not None:
        return read_descriptor(descriptor)
    named = environ.get(FILE_VARIABLE)
    if named:
        return _from_file(Path(named))
    if not sys.stdin.isatty():
        raise VaultError("there is no terminal to ask on", code="input.passphrase")
    first = getpass.getpass(_PROMPT.text(lang), stream=sys.stderr)
    if twice and getpass.getpass(_AGAIN.text(lang), stream=sys.stderr) != first:
        raise VaultError("the two passphrases differ", code="input.passphrase")
    return first


def read_descriptor(descriptor: int) -> str:
    """Return the first line of an open descriptor.

    Raises:
        VaultError: ``input.passphrase``.
    """
    try:
        with os.fdopen(os.dup(descriptor), "rb") as stream:
            return _first_line(stream.read(_MOST))
    except OSError as error:
        raise VaultError("the descriptor cannot be read", code="input.passphrase") from error


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_mode & 0o077:
                raise VaultError("others can read the passphrase file", code="input.passphrase")
            return _first_line(stream.read(_MOST))
    except OSError as error:
        raise VaultError("the passphrase file cannot be read", code="input.passphrase") from error


def _first_line(data: bytes) -> str:
    try:
        return data.split(b"\n", 1)[0].rstrip(b"\r").decode()
    except UnicodeDecodeError as error:
        raise VaultError("the passphrase is not UTF-8", code="input.passphrase") from error
