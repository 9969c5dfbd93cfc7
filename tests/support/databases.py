"""Which database a test runs on: SQLite, or a database of its own on a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres import Server

_servers: list[Server] = []
_urls: dict[Path, str] = {}


@contextmanager
def on(server: Server) -> Iterator[None]:
    """Run on this server until the block ends."""
    _servers.append(server)
    try:
        yield
    finally:
        _servers.pop()
        _urls.clear()


def database_url(file: Path) -> str:
    """Return the URL of the database a file stands for; the same one when asked again."""
    if not _servers:
        return f"sqlite:///{file}"
    if file not in _urls:
        _urls[file] = _servers[-1].database()
    return _urls[file]


def is_new(file: Path) -> bool:
    """Tell whether nobody asked for this database yet."""
    return file not in _urls if _servers else not file.exists()


def on_postgres() -> bool:
    """Tell whether this test runs on PostgreSQL."""
    return bool(_servers)
