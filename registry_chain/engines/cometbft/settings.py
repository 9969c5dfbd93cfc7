"""CometBFT's own files, written from ours: its settings, its genesis, its keys.

The operator edits ``node.toml``; what stands here is written anew at every start, so that the two
never disagree. Keys and CometBFT's genesis are written once and never overwritten.
"""

import json
import os
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry_chain.admission import BYTES_A_UNIT, MAX_WAITING_WORK
from registry_chain.engines.blocks import MAX_BLOCK_BYTES, NO_GAS_LIMIT
from registry_chain.engines.cometbft.ledger import Signed
from registry_chain.engines.cometbft.server import private_socket
from registry_chain.genesis import Genesis, address_of
from registry_chain.light import Timestamp
from ssi.encoding import JSONObject, parse_json_object
from ssi.errors import Malformed, Rejected
from ssi.files import read_file, read_private
from ssi.keys import Alg, SoftwareSigner

FOLDER: Final = "cometbft"
HEARTBEAT_SECONDS: Final = 30
_PRIVATE: Final = 0o600
_HOST_PORT: Final = r"[^\s@\"/]+:[0-9]{1,5}"
_LISTENS: Final = re.compile(_HOST_PORT)
_PEER: Final = re.compile(rf"[0-9a-f]{{40}}@{_HOST_PORT}")
_MOST: Final = 4096
_PRIVATE_TYPE: Final = "tendermint/PrivKeyEd25519"
_PUBLIC_TYPE: Final = "tendermint/PubKeyEd25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """What a node of a network needs beside an embedded one.

    Args:
        p2p: Where CometBFT listens for other nodes, as ``host:port``.
        peers: The other nodes, as ``id@host:port``.
        nodes: The other nodes' HTTP addresses, asked before signing whether we signed more than
            we remember.
        rpc: Where CometBFT's RPC listens beside its Unix socket, as ``host:port``; for nodes that
            join by a snapshot. Empty for nowhere.
        first_height: Of the network's first block; above 1 after a migration.
        started: The network's beginning, in Unix seconds; 0 for the genesis' own.
        sync: Join by a snapshot, verified from this trusted height and hash.
        snapshot_interval: At every height that this divides a snapshot is made.
    """

    p2p: str
    peers: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    rpc: str = ""
    first_height: int = 1
    started: int = 0
    sync: "SyncConfig | None" = None
    snapshot_interval: int = 1000


def checked(config: NetworkConfig) -> NetworkConfig:
    """Return a node's settings if CometBFT can read their addresses, which it would die of.

    Raises:
        Malformed: ``config.malformed``.
    """
    if not _LISTENS.fullmatch(config.p2p) or (config.rpc and not _LISTENS.fullmatch(config.rpc)):
        raise Malformed("where a node listens is HOST:PORT", code="config.malformed")
    if not all(_PEER.fullmatch(peer) for peer in config.peers):
        raise Malformed("a peer is ID@HOST:PORT", code="config.malformed")
    return config


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncConfig:
    """Whom to ask for a snapshot's light blocks, and from which block trust begins."""

    servers: tuple[str, ...]
    height: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the files of a node's CometBFT are."""

    home: Path

    @property
    def root(self) -> Path:
        """CometBFT's own home."""
        return self.home / FOLDER

    @property
    def validator_key(self) -> Path:
        """The key that signs blocks."""
        return self.root / "config" / "priv_validator_key.json"

    @property
    def validator_state(self) -> Path:
        """How far it has signed."""
        return self.root / "data" / "priv_validator_state.json"

    @property
    def node_key(self) -> Path:
        """The key by which other nodes know this one."""
        return self.root / "config" / "node_key.json"

    @property
    def genesis(self) -> Path:
        """CometBFT's genesis."""
        return self.root / "config" / "genesis.json"

    @property
    def settings(self) -> Path:
        """CometBFT's settings."""
        return self.root / "config" / "config.toml"

    @property
    def app_socket(self) -> Path:
        """Where our application listens."""
        return private_socket(self.home, "app.sock")

    @property
    def rpc_socket(self) -> Path:
        """Where CometBFT's RPC listens."""
        return private_socket(self.home, "rpc.sock")


def write_settings(places: Places, config: NetworkConfig, *, moniker: str) -> None:
    """Write ``config.toml``."""
    places.settings.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    (places.root / "data").mkdir(mode=0o700, exist_ok=True)
    places.settings.write_text(_settings(places, config, moniker), "utf-8")


def _settings(places: Places, config: NetworkConfig, moniker: str) -> str:
    listen = [f"unix://{places.rpc_socket}"]
    if config.rpc:
        listen.append(f"tcp://{config.rpc}")
    sync = config.sync
    tables: dict[str, dict[str, str | int | bool]] = {
        "": {
            "proxy_app": f"unix://{places.app_socket}",
            "moniker": moniker,
            "log_level": "error",
            "abci": "socket",
        },
        "rpc": {"laddr": ",".join(listen), "unsafe": False},
        "p2p": {
            "laddr": f"tcp://{config.p2p}",
            "persistent_peers": ",".join(config.peers),
            "addr_book_strict": False,
            "allow_duplicate_ip": True,
            # The members know one another: no stranger is looked for, and none is told of.
            "pex": False,
        },
        # Never the first to be full: our own bound leaves room for everybody [REG-ENG-6].
        "mempool": {
            "size": MAX_WAITING_WORK,
            "cache_size": 2 * MAX_WAITING_WORK,
            "max_txs_bytes": 2 * MAX_WAITING_WORK * BYTES_A_UNIT,
            "max_tx_bytes": 300_000,
        },
        "statesync": {
            "enable": sync is not None,
            "rpc_servers": ",".join(sync.servers) if sync else "",
            "trust_height": sync.height if sync else 0,
            "trust_hash": sync.hash if sync else "",
            "trust_period": "1440h0m0s",
            "discovery_time": "5s",
        },
        "consensus": {
            "timeout_propose": "1s",
            "timeout_propose_delta": "250ms",
            "timeout_prevote": "500ms",
            "timeout_prevote_delta": "250ms",
            "timeout_precommit": "500ms",
            "timeout_precommit_delta": "250ms",
            "timeout_commit": "200ms",
            "create_empty_blocks": False,
            "create_empty_blocks_interval": f"{HEARTBEAT_SECONDS}s",
            "peer_gossip_sleep_duration": "20ms",
            # Off: it refuses every restart of a validator within that many blocks, and a whole
            # network that restarts for ever. We compare what we signed instead [REG-NET-6].
            "double_sign_check_height": 0,
        },
        # We keep our own index; CometBFT's would be a second one.
        "tx_index": {"indexer": "null"},
    }
    lines = ["# Written by warifu at every start; edit node.toml instead."]
    for name, table in tables.items():
        lines += [f"\n[{name}]"] if name else []
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def genesis_document(
    genesis: Genesis, config: NetworkConfig, validators: list[JSONObject]
) -> JSONObject:
    """CometBFT's genesis: ours as the application's state, and limits that headers bind."""
    time = Timestamp(config.started or genesis.genesis_time)
    return {
        "genesis_time": time.to_json(),
        "chain_id": genesis.chain_id,
        "initial_height": str(config.first_height),
        "consensus_params": {
            "block": {"max_bytes": str(MAX_BLOCK_BYTES), "max_gas": str(NO_GAS_LIMIT)},
            "evidence": {
                "max_age_num_blocks": "100000",
                "max_age_duration": "172800000000000",
                "max_bytes": "200000",
            },
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": str(genesis.rules_version)},
            "abci": {"vote_extensions_enable_height": "0"},
        },
        "validators": list(validators),
        "app_hash": "",
        "app_state": genesis.to_json(),
    }


def write_genesis(places: Places, document: JSONObject) -> None:
    """Write CometBFT's genesis if there is none yet."""
    if not places.genesis.exists():
        part = places.genesis.with_suffix(".part")
        part.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
        part.replace(places.genesis)


def write_validator_key(places: Places, signer: SoftwareSigner) -> None:
    """Write the key that signs blocks, and that it has signed nothing.

    Raises:
        FileExistsError: A key is there already; it is never overwritten.
    """
    raw = signer.public_key.raw
    private = b64encode(signer.secret + raw).decode()
    _write_new(
        places.validator_key,
        {
            "address": address_of(raw),
            "pub_key": {"type": _PUBLIC_TYPE, "value": b64encode(raw).decode()},
            "priv_key": {"type": _PRIVATE_TYPE, "value": private},
        },
    )
    _write_new(places.validator_state, {"height": "0", "round": 0, "step": 0})


def write_node_key(places: Places, signer: SoftwareSigner) -> str:
    """Write the key by which other nodes know this one; returns the id they use."""
    private = b64encode(signer.secret + signer.public_key.raw).decode()
    _write_new(places.node_key, {"priv_key": {"type": _PRIVATE_TYPE, "value": private}})
    return address_of(signer.public_key.raw).lower()


def _write_new(path: Path, content: JSONObject) -> None:
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_validator_key(places: Places) -> SoftwareSigner:
    """Read the key that signs blocks.

    Raises:
        Malformed: As `ssi.files.read_private`; ``keystore.key`` when it is no key.
    """
    return _read_key(places.validator_key)


def read_node_id(places: Places) -> str:
    """Read the id by which other nodes know this one; raises as `read_validator_key`."""
    return address_of(_read_key(places.node_key).public_key.raw).lower()


def _read_key(path: Path) -> SoftwareSigner:
    raw = read_private(path, most=_MOST)
    try:
        key = parse_json_object(raw)["priv_key"]
        secret = b64decode(str(key["value"] if isinstance(key, dict) else ""), validate=True)
        signer = SoftwareSigner.from_secret(Alg.EDDSA, secret[:32])
    except (Rejected, ValueError, KeyError):
        raise Malformed("the file holds no Ed25519 key", code="keystore.key") from None
    if signer.public_key.raw != secret[32:]:
        raise Malformed("the file holds no Ed25519 key", code="keystore.key")
    return signer


def read_signed(path: Path) -> Signed:
    """How far the validator has signed, as its own file says.

    Raises:
        Malformed: ``chain.signer_state`` when the file is missing or not CometBFT's.
    """
    try:
        state = parse_json_object(read_file(path, most=_MOST))
        return Signed(int(str(state["height"])), int(str(state["round"])), int(str(state["step"])))
    except (Rejected, ValueError, KeyError):
        raise Malformed(
            "how far the validator has signed cannot be read", code="chain.signer_state"
        ) from None
