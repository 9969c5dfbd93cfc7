"""A copy of a node's ledger that can be put back [OPS-BAK-1] to [OPS-BAK-5].

A backup never holds a key that signs, nor how far it has signed: a validator that comes back from
an old copy could vote twice. What it holds is public; whoever restores it checks all of it.
"""

import hashlib
import json
import os
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

from registry_chain.config import CONFIG_NAME, NodeConfig
from registry_chain.engines import ledgerfile
from registry_chain.engines.cometbft.ledger import forget_signed_mark
from registry_chain.engines.cometbft.settings import (
    Places,
    write_node_key,
    write_validator_key,
)
from registry_chain.engines.startup import require_state
from registry_chain.genesis import Genesis
from registry_chain.keyfile import write_key
from registry_chain.light import parse_genesis_validators
from registry_chain.store import Store
from registry_chain.storefile import open_database, translated
from ssi.encoding import Fields, JsonLimits, JSONObject, parse_json_object
from ssi.errors import Malformed, SSIError
from ssi.keys import Alg, SoftwareSigner, generate_signer

MANIFEST: Final = "backup.json"
LEDGER: Final = "chain.db"
GENESIS: Final = "genesis.json"
VERSION: Final = 1
_COMETBFT: Final = "cometbft"
_SECRET: Final = frozenset(
    {"priv_validator_state.json", "priv_validator_key.json", "node_key.json"}
)
_DATABASES: Final = ("blockstore.db", "state.db", "evidence.db")
_MAX_MANIFEST: Final = 4_000_000
_MAX_FILES: Final = 50_000
_CHUNK: Final = 1 << 20
_REQUIRED: Final = frozenset({LEDGER, GENESIS, CONFIG_NAME})
_NAME: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backed:
    """What a backup holds: the chain as it was at a height."""

    chain_id: str
    genesis: str
    height: int
    app_hash: str
    files: int


def back_up(home: Path, target: Path) -> Backed:
    """Write a node's ledger into one new file.

    A chain on one machine may go on meanwhile; a node of a network must be stopped, because
    CometBFT's own files can only be copied at rest [OPS-BAK-1].

    Args:
        home: The node's folder.
        target: The file to make; it must not exist.

    Raises:
        Malformed: ``config.exists``, ``config.unreadable``, ``config.malformed``.
        Unavailable: ``chain.locked`` when the node runs, ``chain.storage``.
    """
    config = NodeConfig.load(home / CONFIG_NAME)
    if target.exists():
        raise Malformed("the backup's file is there already", code="config.exists")
    if not config.db.is_file():
        raise Malformed("there is no chain here", code="config.unreadable")
    genesis = Genesis.load(config.genesis)
    held = None if config.network is None else Store(config.db)
    try:
        with TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
            ledger = Path(folder) / LEDGER
            _copy_ledger(config.db, ledger)
            sources = {LEDGER: ledger, GENESIS: config.genesis, CONFIG_NAME: home / CONFIG_NAME}
            if config.network is not None:
                sources |= _cometbft_files(Places(home=home))
            backed = _judged(ledger, genesis, len(sources))
            packed = Path(folder) / "packed"
            _pack(packed, sources, backed)
            os.link(packed, target)  # whole or not at all, and never over another file
    finally:
        if held is not None:
            held.close()
    return backed


def restore(source: Path, home: Path, key: SoftwareSigner) -> Backed:
    """Put a backup back into a new folder, after checking all of it.

    Args:
        source: The backup.
        home: The folder to make.
        key: What the node signs with from now on: for a chain on one machine its own key, which
            was kept apart; for a node of a network a new one [OPS-BAK-4].

    Raises:
        Malformed: ``config.exists``, ``backup.malformed``, ``chain.genesis``.
        SSIError: ``backup.damaged``, ``chain.corrupt``.
    """
    if home.exists():
        raise Malformed("the folder is there already", code="config.exists")
    with TemporaryDirectory(dir=home.parent, prefix=".restore-") as made:
        folder = Path(made) / "home"
        folder.mkdir(mode=0o700)
        said = _unpack(source, folder)
        config = NodeConfig.load(folder / CONFIG_NAME)
        genesis = Genesis.load(folder / GENESIS)
        found = _judged(folder / LEDGER, genesis, said.files)
        places = {config.db.parent, config.genesis.parent, (config.key or config.db).parent}
        if found != said or places != {folder}:
            raise _damaged("what is in it is not what it says")
        if config.network is not None:
            write_validator_key(Places(home=folder), key)
            write_node_key(Places(home=folder), generate_signer(Alg.EDDSA, os.urandom))
        elif config.key is not None:
            _require_own(key, genesis)
            write_key(config.key, key)
        folder.rename(home)
    return found


def _copy_ledger(source: Path, target: Path) -> None:
    """Copy the ledger's file as it is at one moment, also while it is written."""
    with (
        translated(),
        closing(open_database(source, schema=None)) as db,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        db.backup(copy)
        forget_signed_mark(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def _cometbft_files(places: Places) -> dict[str, Path]:
    """CometBFT's files at rest, without what signs."""
    found: dict[str, Path] = {}
    for top in (places.root / "config", *(places.root / "data" / name for name in _DATABASES)):
        for path in sorted(top.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name not in _SECRET:
                found[f"{_COMETBFT}/{path.relative_to(places.root).as_posix()}"] = path
    return found


def _judged(ledger: Path, genesis: Genesis, files: int) -> Backed:
    """Check a ledger's file and say what it holds [OPS-BAK-3]."""
    store = Store(ledger)
    try:
        if store.read(ledgerfile.genesis_digest) != genesis.digest():
            raise Malformed("the ledger is of another genesis", code="chain.genesis")
        try:
            require_state(store)
        except TypeError as error:  # a column of another type than we write
            raise _damaged("the ledger's file is not of our making") from error
        return Backed(
            chain_id=genesis.chain_id,
            genesis=genesis.digest(),
            height=store.version,
            app_hash=store.root.hex(),
            files=files,
        )
    finally:
        store.close()
        ledger.with_name(f"{ledger.name}.lock").unlink(missing_ok=True)


def _pack(target: Path, sources: dict[str, Path], backed: Backed) -> None:
    digests = {name: _digest(path) for name, path in sources.items()}
    manifest: JSONObject = {
        "v": VERSION,
        "chain_id": backed.chain_id,
        "genesis": backed.genesis,
        "height": backed.height,
        "app_hash": backed.app_hash,
        "files": {**digests},
    }
    with target.open("xb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        os.chmod(target, 0o600)  # noqa: PTH101 - before anything is in it
        index = target.with_name(MANIFEST)
        index.write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", "utf-8")
        archive.add(index, MANIFEST)
        for name, path in sources.items():
            archive.add(path, name)
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(source: Path, folder: Path) -> Backed:
    """Take the files that the manifest names, each at its place and with its digest [OPS-BAK-3]."""
    try:
        with tarfile.open(source, mode="r:") as archive:
            members = iter(archive)
            said, digests = _manifest(_first(archive, next(members, None)))
            for member in members:
                content = archive.extractfile(member) if member.isreg() else None
                wanted = digests.pop(member.name, None)
                if content is None or wanted is None:
                    raise _damaged("it holds what it does not name")
                if _written(content, folder / member.name) != wanted:
                    raise _damaged("a file in it has changed")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Malformed("the backup cannot be read", code="backup.malformed") from error
    if digests:
        raise _damaged("a file that it names is missing")
    return said


def _first(archive: tarfile.TarFile, member: tarfile.TarInfo | None) -> bytes:
    content = None if member is None or not member.isreg() else archive.extractfile(member)
    if member is None or content is None or member.name != MANIFEST:
        raise Malformed("this is no backup of a node", code="backup.malformed")
    return content.read(_MAX_MANIFEST)


def _manifest(raw: bytes) -> tuple[Backed, dict[str, str]]:
    limits = JsonLimits(max_bytes=_MAX_MANIFEST, max_members=_MAX_FILES)
    parsed = parse_json_object(raw, limits=limits)
    reading = Fields(parsed, where=MANIFEST, code="backup.malformed")
    if reading.take_int("v") != VERSION:
        raise Malformed("the backup is of another version", code="backup.malformed")
    listed = reading.take_object("files")
    backed = Backed(
        chain_id=reading.take_str("chain_id"),
        genesis=reading.take_str("genesis"),
        height=reading.take_int("height"),
        app_hash=reading.take_str("app_hash"),
        files=len(listed),
    )
    reading.done()
    if not all(_is_name(name) for name in listed) or not listed.keys() >= _REQUIRED:
        raise Malformed("the backup names files no node has", code="backup.malformed")
    return backed, {name: str(digest) for name, digest in listed.items()}


def _is_name(name: str) -> bool:
    """Whether a backup may put a file there: one of ours, or below CometBFT's folder."""
    if name in _REQUIRED:
        return True
    first, *steps = name.split("/")
    plain = all(step and step not in (".", "..") and _NAME.issuperset(step) for step in steps)
    return first == _COMETBFT and bool(steps) and plain and steps[-1] not in _SECRET


def _written(content: IO[bytes], path: Path) -> str:
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as file:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _require_own(key: SoftwareSigner, genesis: Genesis) -> None:
    """A chain on one machine goes on with the key it was founded with, or not at all."""
    own = parse_genesis_validators(genesis.validators).validators[0].public_key
    if key.public_key.raw != own:
        raise Malformed("this is not the chain's own key", code="keystore.key")


def _damaged(fact: str) -> SSIError:
    return SSIError(fact, code="backup.damaged")
