"""A real PostgreSQL server in a temporary folder, run as somebody who is not root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

START_SECONDS = 60
USER = "warifu"
# Nobody pulls this server's plug: what it promises about disks is its own matter.
SETTINGS = ("listen_addresses=", "max_connections=60", "shared_buffers=32MB", "fsync=off")


def program(name: str) -> str:
    """Return a program of the server, or skip: `make postgres` installs it."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4])
    )
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        pytest.skip("no PostgreSQL here (make postgres)")
    return found


@dataclass
class Server:
    """A running server; every test gets a database of its own."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://{USER}@/{name}?host={self.folder}"

    def database(self) -> str:
        """Make an empty database; returns its URL."""
        name = f"t{next(self.numbers)}"
        self._run(f"CREATE DATABASE {name}")
        return self.url(name)

    def _run(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.folder), user=USER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)  # type: ignore[call-overload]


def _as_nobody_special() -> dict[str, int]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            who = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": who.pw_uid, "group": who.pw_gid}
    raise AssertionError("there is no user to run the server as")


@contextmanager
def running() -> Iterator[Server]:
    """Start a server; it ends with the block."""
    initdb, postgres = program("initdb"), program("postgres")
    who = _as_nobody_special()
    # Short: the name of a socket has a limit of about a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="wpg-") as made:
        folder = Path(made)
        if who:
            os.chown(folder, who["user"], who["group"])
        subprocess.run(
            [initdb, "-D", folder / "data", "-U", USER, "-E", "UTF8", "--no-locale", "-A", "trust"],
            check=True,
            capture_output=True,
            cwd=folder,
            **who,
        )
        words = [part for setting in SETTINGS for part in ("-c", setting)]
        process = subprocess.Popen(
            [postgres, "-D", folder / "data", "-k", folder, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **who,
        )
        try:
            _wait(folder, process)
            yield Server(folder)
        finally:
            process.send_signal(signal.SIGINT)  # does not wait for its clients
            process.wait(START_SECONDS)


def _wait(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, "the server ended"
        try:
            psycopg.connect(host=str(folder), user=USER, dbname="postgres").close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)
        else:
            return
