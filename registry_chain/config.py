"""A node's configuration: ``node.toml`` in its home folder."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from flask import Flask

from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.genesis import Genesis
from registry_chain.keyfile import read_key
from registry_chain.node import create_app
from ssi.encoding import Fields
from ssi.errors import Malformed

CONFIG_NAME = "node.toml"
_MAX_BYTES = 65_536
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Where a node's files are and where it listens."""

    genesis: Path
    key: Path
    db: Path
    host: str
    port: int

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read ``node.toml``; its paths are relative to its folder.

        Raises:
            Malformed: ``config.malformed``.
        """
        try:
            with path.open("rb") as file:
                raw = file.read(_MAX_BYTES)
        except OSError as error:
            raise Malformed("node.toml cannot be read", code="config.unreadable") from error
        try:
            table = tomllib.loads(raw.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            raise Malformed("node.toml is not TOML in UTF-8", code="config.malformed") from None
        reading = Fields(table, where=CONFIG_NAME, code="config.malformed")
        home = path.parent
        config = cls(
            genesis=home / reading.take_str("genesis"),
            key=home / reading.take_str("key"),
            db=home / reading.take_str("db"),
            host=reading.opt_str("host") or "127.0.0.1",
            port=reading.take_int("port", 0, _MAX_PORT),
        )
        reading.done()
        return config


def check_files(config: NodeConfig) -> None:
    """Read what a node needs, so that a mistake is told before anything is served.

    Raises:
        Malformed: ``config.unreadable``, ``chain.genesis``, ``keystore.*``.
    """
    try:
        Genesis.load(config.genesis)
        read_key(config.key)
    except OSError as error:
        raise Malformed("a file of the node cannot be read", code="config.unreadable") from error


def open_node(config: NodeConfig) -> tuple[Flask, Callable[[], None]]:
    """Start the engine and its application; call it in the process that serves, after any fork.

    Args:
        config: The node's configuration.

    Returns:
        The WSGI application, and what stops the engine after all in hand is durable.
    """
    engine = EmbeddedEngine(
        config.db, Genesis.load(config.genesis), read_key(config.key), lambda: datetime.now(UTC)
    )
    return create_app(engine), engine.close
