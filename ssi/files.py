"""Reading the files an operator gives a program: bounded, whole, and only what is a file.

The second and last door of the kernel to the outside, beside `ssi.fetch` (ADR 0008). A folder, a
pipe, a device, a file of terabytes or of another encoding is a mistake with a code, never a hang.
"""

import os
import stat
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, BinaryIO, Final, TypeVar, get_args, get_origin, get_type_hints

from ssi.base64url import b64url_decode
from ssi.errors import Malformed

MAX_SETTINGS: Final = 65_536
MAX_KEY: Final = 65_536
SECRET_BYTES: Final = 32
_SQLITE: Final = "sqlite:///"

Settings = TypeVar("Settings")


def read_file(path: Path, *, most: int = MAX_KEY) -> bytes:
    """Read a regular file of at most ``most`` bytes.

    Args:
        path: The file; a link is followed.
        most: The most bytes it may have.

    Raises:
        Malformed: ``config.unreadable`` when it is not there, no file or not ours to read;
            ``config.too_large``. The fact names the file and nothing in it.
    """
    return _read(path, most)


def _read(path: Path, most: int, *, private: bool = False) -> bytes:
    try:
        with _open(path) as file:
            # The open file is judged, not its name, which may by now be another's.
            mode = os.fstat(file.fileno()).st_mode
            if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise Malformed("others can read the key file", code="keystore.mode")
            raw = file.read(most + 1)
    except OSError as error:
        raise Malformed(f"{path.name} cannot be read", code="config.unreadable") from error
    if len(raw) > most:
        raise Malformed(f"{path.name} is too large", code="config.too_large")
    return raw


def read_private(path: Path, *, most: int = MAX_KEY) -> bytes:
    """Read a file with a key in it, which nobody but its owner may read.

    Raises:
        Malformed: As `read_file`; ``keystore.mode`` when others may read it.
    """
    return _read(path, most, private=True)


def read_secret(path: Path) -> bytes:
    """Read a secret of 32 bytes, which stands in its file in base64url.

    Raises:
        Malformed: As `read_file`; ``config.key`` when it holds something else.
    """
    raw = read_file(path)
    try:
        secret = b64url_decode(raw.decode("ascii").strip())
    except (Malformed, UnicodeDecodeError):
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise Malformed("a key file holds no 32 bytes in base64url", code="config.key")
    return secret


def read_input(path: Path, *, most: int) -> bytes:
    """Read a file that a person names on a command line; ``-`` is standard input.

    Raises:
        Malformed: As `read_file`.
    """
    if str(path) != "-":
        return read_file(path, most=most)
    raw = sys.stdin.buffer.read(most + 1)
    if len(raw) > most:
        raise Malformed("the input is too large", code="config.too_large")
    return raw


def read_lines(path: Path, *, most: int) -> Iterator[bytes]:
    """Read a file line by line, however long it is; each line of at most ``most`` bytes.

    Raises:
        Malformed: As `read_file`; ``config.too_large`` for a line without an end.
    """
    try:
        with _open(path) as file:
            while line := file.readline(most + 1):
                if len(line) > most:
                    raise Malformed(f"{path.name} has too long a line", code="config.too_large")
                yield line
    except OSError as error:
        raise Malformed(f"{path.name} cannot be read", code="config.unreadable") from error


def _open(path: Path) -> BinaryIO:
    # Without O_NONBLOCK the opening of a pipe would wait for somebody to write into it.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Malformed(f"{path.name} is not a file", code="config.unreadable")
    return os.fdopen(handle, "rb")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a settings file.

    Raises:
        Malformed: As `read_file`; ``config.malformed`` when it is not TOML in UTF-8.
    """
    try:
        return tomllib.loads(read_file(path, most=MAX_SETTINGS).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed(f"{path.name} is not TOML in UTF-8", code="config.malformed") from None


def load_settings(kind: type[Settings], path: Path, **defaults: Any) -> Settings:
    """Read a settings file into the dataclass that declares the settings.

    A declared path is relative to the file, and so is the path of a relative SQLite URL.

    Args:
        kind: The dataclass.
        path: The file.
        defaults: As they would stand in the file.

    Raises:
        ValueError: A setting is unknown, missing, of the wrong type or senseless.
        Malformed: As `read_toml`.
    """
    given = defaults | read_toml(path)
    hints = get_type_hints(kind)
    if unknown := sorted(given.keys() - hints.keys()):
        raise ValueError(f"unknown settings: {', '.join(unknown)}")
    for name, value in given.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} is of the wrong type")
        given[name] = _placed(value, hints[name], path.parent)
    try:
        return kind(**given)
    except TypeError as error:
        raise ValueError("a required setting is missing") from error


def _fits(value: object, hint: Any) -> bool:
    if isinstance(hint, UnionType):
        return any(_fits(value, each) for each in get_args(hint) if each is not type(None))
    if get_origin(hint) is tuple:
        return isinstance(value, list) and all(_fits(each, get_args(hint)[0]) for each in value)
    wanted = str if hint is Path else hint
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def _placed(value: Any, hint: Any, folder: Path) -> Any:
    if hint is Path:
        return folder / value
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str) and value.startswith(_SQLITE) and value[len(_SQLITE) :][:1] != "/":
        return _SQLITE + str(folder / value.removeprefix(_SQLITE))
    return value
