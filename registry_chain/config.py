"""A node's configuration: ``node.toml`` in its home folder."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from flask import Flask

from registry_chain.engines.base import Engine
from registry_chain.engines.cometbft.binary import find_binary
from registry_chain.engines.cometbft.engine import NetworkEngine
from registry_chain.engines.cometbft.rpc import RPC
from registry_chain.engines.cometbft.settings import (
    NetworkConfig,
    Places,
    SyncConfig,
    checked,
    read_signed,
    read_validator_key,
    write_settings,
)
from registry_chain.engines.cometbft.signing import read_mark, require_newest, require_unseen
from registry_chain.engines.cometbft.supervisor import Supervisor
from registry_chain.engines.cometbft.way import read_way
from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.genesis import Genesis
from registry_chain.keyfile import read_key
from registry_chain.node import create_app
from ssi.encoding import Fields, JSONObject
from ssi.errors import Malformed
from ssi.files import read_toml

CONFIG_NAME = "node.toml"
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Where a node's files are and where it listens.

    ``key`` is the embedded chain's validator key; a node of a ``network`` leaves keys to CometBFT.
    """

    genesis: Path
    key: Path | None
    db: Path
    host: str
    port: int
    network: NetworkConfig | None = None

    @property
    def home(self) -> Path:
        """The node's folder."""
        return self.db.parent

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read ``node.toml``; its paths are relative to its folder.

        Raises:
            Malformed: ``config.malformed``.
        """
        reading = Fields(read_toml(path), where=CONFIG_NAME, code="config.malformed")
        home = path.parent
        network = _network(reading.opt_object("network"))
        key = reading.opt_str("key") if network else reading.take_str("key")
        config = cls(
            genesis=home / reading.take_str("genesis"),
            key=None if key is None else home / key,
            db=home / reading.take_str("db"),
            host=reading.opt_str("host") or "127.0.0.1",
            port=reading.take_int("port", 0, _MAX_PORT),
            network=network,
        )
        reading.done()
        return config


def _network(table: JSONObject | None) -> NetworkConfig | None:
    if table is None:
        return None
    reading = Fields(table, where="network", code="config.malformed")
    sync = reading.opt_object("sync")
    config = NetworkConfig(
        p2p=reading.take_str("p2p"),
        peers=tuple(reading.take_strs("peers")) if reading.has("peers") else (),
        nodes=tuple(reading.take_strs("nodes")) if reading.has("nodes") else (),
        rpc=reading.opt_str("rpc", allow_empty=True) or "",
        first_height=reading.opt_int("first_height") or 1,
        started=reading.opt_int("started") or 0,
        sync=None if sync is None else _sync(sync),
        snapshot_interval=reading.opt_int("snapshot_interval") or 1000,
    )
    reading.done()
    return checked(config)


def _sync(table: JSONObject) -> SyncConfig:
    reading = Fields(table, where="network.sync", code="config.malformed")
    sync = SyncConfig(
        servers=tuple(reading.take_strs("servers")),
        height=reading.take_int("height", minimum=1),
        hash=reading.take_str("hash"),
    )
    reading.done()
    return sync


def check_files(config: NodeConfig) -> None:
    """Read what a node needs, so that a mistake is told before anything is served.

    Raises:
        Malformed: ``config.unreadable``, ``chain.genesis``, ``keystore.*``.
    """
    try:
        genesis = Genesis.load(config.genesis)
        if config.network is not None:
            check_pair(config, config.network, genesis)
        elif config.key is not None:
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
    engine, stop = open_engine(config)
    return create_app(engine), stop


def open_engine(config: NodeConfig) -> tuple[Engine, Callable[[], None]]:
    """Start the chain's engine, and return it with what stops it."""
    genesis = Genesis.load(config.genesis)
    if config.network is not None:
        return open_pair(config, config.network, genesis)
    if config.key is None:
        raise Malformed("node.toml names no key", code="config.malformed")
    engine = EmbeddedEngine(config.db, genesis, read_key(config.key), lambda: datetime.now(UTC))
    return engine, engine.close


def check_pair(config: NodeConfig, network: NetworkConfig, genesis: Genesis) -> None:
    """Check what a node of a network needs: CometBFT, keys, and that it may sign [REG-NET-6]."""
    places = Places(home=config.home)
    find_binary()
    signer = read_validator_key(places)
    if not places.genesis.exists():
        raise Malformed("the folder has no genesis for CometBFT", code="config.not_joined")
    read_way(config.home)
    mark = read_mark(config.db)
    require_newest(read_signed(places.validator_state), mark)
    require_unseen(
        signer.public_key.raw, places, network.nodes, genesis, loopback=genesis.params.loopback
    )


def open_pair(
    config: NodeConfig, network: NetworkConfig, genesis: Genesis
) -> tuple[NetworkEngine, Callable[[], None]]:
    """Start our application, and CometBFT beside it."""
    places = Places(home=config.home)
    binary = find_binary()
    write_settings(places, network, moniker=genesis.chain_id)
    engine = NetworkEngine(
        config.db,
        genesis,
        app_socket=places.app_socket,
        rpc=RPC(places.rpc_socket),
        clock=lambda: datetime.now(UTC),
        signed=lambda: read_signed(places.validator_state),
        snapshot_interval=network.snapshot_interval,
        way=read_way(config.home),
    )

    def before_start() -> None:
        require_newest(read_signed(places.validator_state), engine.signed_mark())
        engine.reset()
        places.rpc_socket.unlink(missing_ok=True)  # left by one that was killed

    supervisor = Supervisor(
        [str(binary.path), "start", "--home", str(places.root)],
        log=places.root / "cometbft.log",
        before_start=before_start,
    )
    supervisor.start()

    def stop() -> None:
        supervisor.stop()
        engine.close()

    return engine, stop
