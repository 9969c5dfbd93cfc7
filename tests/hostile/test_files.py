"""Every file that an operator gives a program, in every wrong state: a code, a sentence, no change.

The programs are started as their commands start them; only the serving itself is left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from issuer.config import Config
from issuer.db import Database as IssuerDatabase
from postbox.db import Database as MailboxDatabase
from registry_chain.anchoring.settings import AnchorSettings
from registry_chain.audit import fetch_blocks
from registry_chain.engines.cometbft.settings import (
    Places,
    read_signed,
    read_validator_key,
    write_validator_key,
)
from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.keyfile import write_key
from registry_chain.memory import HeadMemory
from registry_chain.trust_root import TrustRoot
from ssi.advice import ADVICE
from ssi.encoding import b64url_encode, canonical_json
from ssi.errors import SSIError
from ssi.fetch import FetchPolicy, http_fetch
from ssi.files import read_file
from tests.support.chain import running
from tests.support.firm_world import make_config
from tests.support.issuer_world import write_config
from tests.support.registry import VALIDATOR, make_genesis, signer
from verifier_sdk import Verifier, VerifierConfig
from verifier_sdk.evidence.container import MAX_PACK
from verifier_sdk.evidence.findings import Findings
from verifier_sdk.evidence.verify import verify_evidence
from verifier_sdk.store import Store
from wallet.config import WalletConfig
from warifu import programs
from warifu.__main__ import main

HUGE = 1 << 40
FROZEN = Path(__file__).parents[1] / "frozen" / "evidence-1"


def gone(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def huge(path: Path) -> None:
    """A terabyte that takes no room."""
    with path.open("r+b") as file:
        file.truncate(HUGE)


def holding(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: _write(path, change(path.read_bytes()))


def _write(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)


BENDS: dict[str, Callable[[Path], None]] = {
    "gone": gone,
    "a folder": folder,
    "a pipe": pipe,
    "a link to itself": loop,
    "huge": huge,
    "empty": holding(lambda _: b""),
    "cut": holding(lambda raw: raw[: len(raw) // 2]),
    "UTF-16": holding(lambda raw: raw.decode("latin-1").encode("utf-16")),
    "bytes": holding(lambda _: bytes(range(256)) * 4),
    "a list": holding(lambda _: b"[]"),
    "deep": holding(lambda _: b"a = " + b"[" * 5000),
    "NUL": holding(lambda raw: raw + b"\0"),
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A program's folder, the command that starts it, and the files it is given."""

    home: Path
    words: tuple[str, ...]
    files: tuple[str, ...]


def toml(config: Config) -> str:
    """A configuration as its file."""
    lines = []
    for item in fields(config):
        value = getattr(config, item.name)
        if isinstance(value, tuple):
            value = list(value)
        lines.append(
            f"{item.name} = {json.dumps(str(value) if isinstance(value, Path) else value)}"
        )
    return "\n".join(lines)


def node(home: Path) -> Place:
    (home / "genesis.json").write_bytes(make_genesis().to_bytes())
    write_key(home / "validator.key", VALIDATOR)
    text = 'genesis = "genesis.json"\nkey = "validator.key"\ndb = "chain.db"\nport = 0\n'
    (home / "node.toml").write_text(text)
    files = ("node.toml", "genesis.json", "validator.key")
    return Place(home=home, words=("chain", "node", "--home", str(home)), files=files)


def issuer(home: Path) -> Place:
    with running(home / "chain.db") as chain:
        config = write_config(home, chain)
    (home / "issuer.toml").write_text(toml(config), "utf-8")
    names = ("issuer.toml", "genesis.json", "account.key", "credential.key", "status.key")
    files = (*names, "credential.pem", "status.pem")
    words = ("issuer", "serve", "--config", str(home / "issuer.toml"))
    return Place(home=home, words=words, files=files)


def mailbox(home: Path) -> Place:
    (home / "genesis.json").write_bytes(make_genesis().to_bytes())
    (home / "operator.key").write_text(b64url_encode(signer("yubin-box").secret))
    (home / "secret").write_text(b64url_encode(b"s" * 32))
    (home / "mailbox.toml").write_text(
        'url = "https://box.example"\noperator_id = "yubin-box"\noperator_key = "operator.key"\n'
        'secret = "secret"\ngenesis = "genesis.json"\nnodes = ["https://node.example"]\n'
    )
    words = ("mailbox", "serve", "--config", str(home / "mailbox.toml"))
    files = ("mailbox.toml", "genesis.json", "operator.key", "secret")
    return Place(home=home, words=words, files=files)


def replay(home: Path) -> Place:
    with running(home / "chain.db") as chain:
        chain.settle()
        fetch = http_fetch(FetchPolicy(allow_loopback_http=True, max_bytes=8_000_000))
        lines = [canonical_json(block) + b"\n" for block in fetch_blocks(chain.url, fetch)]
        (home / "genesis.json").write_bytes(chain.genesis.to_bytes())
    (home / "blocks.jsonl").write_bytes(b"".join(lines))
    genesis, export = str(home / "genesis.json"), str(home / "blocks.jsonl")
    words = ("audit", "replay", "--genesis", genesis, "--export", export)
    return Place(home=home, words=words, files=("genesis.json", "blocks.jsonl"))


FIRM = ("firm.toml", "firm.key", "firm.pem", "seal.key", "receipts.key")
PLACES = {"node": node, "issuer": issuer, "mailbox": mailbox, "replay": replay}


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A program that gets as far as serving has been given good files."""
    told: list[str] = []
    monkeypatch.setattr(programs, "serve", lambda *_, **__: told.append("served"))
    return told


def digest(home: Path, names: Sequence[str], but: str) -> str:
    """Every given file but the bad one."""
    found = hashlib.sha256()
    for name in names:
        if name != but:
            found.update(name.encode() + (home / name).read_bytes())
    return found.hexdigest()


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return PLACES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("bend", BENDS)
def test_a_bad_file_is_told_by_name_and_changes_nothing(
    place: Place, bend: str, started: list[str], capsys: pytest.CaptureFixture[str]
):
    for name in place.files:
        path = place.home / name
        kept, mode = path.read_bytes(), path.stat().st_mode
        before = digest(place.home, place.files, name)
        BENDS[bend](path)
        try:
            code = main(place.words)
            told = capsys.readouterr()
        finally:
            _back(path, kept, mode)
        where = f"{name} {bend}: {code}: {told.err[:300]}{told.out[:300]}"
        assert digest(place.home, place.files, name) == before, where
        if code == 0:
            # What a file says may survive: a NUL behind a PEM certificate, an empty export.
            assert bend in {"NUL", "cut", "empty"}, where
            assert name.endswith((".pem", ".jsonl")), where
            continue
        assert "Traceback" not in told.err, where
        assert started == [], where
        if not told.out:  # else a report that says what differs
            spoken(told.err, where)


def spoken(text: str, where: str) -> None:
    match = re.match(r"([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+): \S.+\n\S.+", text)
    assert match is not None, where
    assert any(match[1].startswith(prefix) for prefix in ADVICE), where


def _back(path: Path, kept: bytes, mode: int) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(kept)
    path.chmod(mode)


def test_good_files_start_every_program(place: Place, started: list[str]):
    assert main(place.words) == 0
    assert started == ([] if place.words[0] == "audit" else ["served"])


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("name", FIRM)
def test_a_firms_files(tmp_path: Path, name: str, bend: str):
    make_config(tmp_path)
    (tmp_path / "genesis.json").write_bytes(make_genesis().to_bytes())
    Verifier.open(VerifierConfig.load(tmp_path / "firm.toml")).store.close()
    path = tmp_path / name
    before = digest(tmp_path, FIRM, name)
    BENDS[bend](path)
    if bend == "NUL" and name == "firm.pem":
        return
    with pytest.raises((SSIError, ValueError)) as caught:
        Verifier.open(VerifierConfig.load(tmp_path / "firm.toml"))
    assert not isinstance(caught.value, UnicodeError), "a fact that may quote the file"
    assert digest(tmp_path, FIRM, name) == before


# --- files that are read by themselves ---


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A file that some program keeps or is given, how it is made, and what reads it."""

    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    unharmed: frozenset[str] = frozenset()


def trust_file(home: Path) -> Path:
    path = home / "trust.json"
    path.write_bytes(canonical_json({"v": 1, "genesis": make_genesis().to_json()}))
    return path


def anchoring(home: Path) -> Path:
    for name in ("anchoring.toml", "east.pem", "west.pem"):
        shutil.copy(FROZEN / name, home / name)
    return home / "anchoring.toml"


def authority(home: Path) -> Path:
    anchoring(home)
    return home / "east.pem"


def cometbft(home: Path) -> Places:
    places = Places(home=home)
    write_validator_key(places, VALIDATOR)
    places.validator_state.parent.mkdir(exist_ok=True)
    places.validator_state.write_text('{"height": "7", "round": 0, "step": 3}')
    return places


def wallet_settings(home: Path) -> Path:
    path = home / "wallet.toml"
    path.write_text(
        'genesis = "genesis.json"\nnodes = ["https://node.example"]\n'
        'mailbox = "https://box.example"\n'
    )
    return path


def pack(home: Path) -> Path:
    return Path(shutil.copy(FROZEN / "pack.zip", home / "pack.zip"))


def evidence(path: Path) -> object:
    return verify_evidence(read_file(path, most=MAX_PACK), genesis=None, findings=Findings())


READERS = {
    "trust file": Reader(make=trust_file, read=TrustRoot.load),
    "anchoring": Reader(make=anchoring, read=AnchorSettings.load, unharmed=frozenset({"cut"})),
    "time authority": Reader(
        make=authority,
        read=lambda path: AnchorSettings.load(path.parent / "anchoring.toml"),
        unharmed=frozenset({"NUL"}),
    ),
    "validator key": Reader(
        make=lambda home: cometbft(home).validator_key,
        read=lambda path: read_validator_key(Places(home=path.parents[2])),
    ),
    "signing state": Reader(make=lambda home: cometbft(home).validator_state, read=read_signed),
    "wallet settings": Reader(
        make=wallet_settings, read=lambda path: WalletConfig.load(path.parent)
    ),
    "evidence pack": Reader(make=pack, read=evidence, unharmed=frozenset({"UTF-16"})),
}


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("name", READERS)
def test_a_file_that_one_function_reads(tmp_path: Path, name: str, bend: str):
    reader = READERS[name]
    path = reader.make(tmp_path)
    reader.read(path)
    if bend in reader.unharmed:
        return
    BENDS[bend](path)
    with pytest.raises(SSIError) as caught:
        reader.read(path)
    assert any(caught.value.code.startswith(prefix) for prefix in ADVICE)


# --- databases: what a program keeps for itself ---


def firm_store(path: Path) -> None:
    Store(path, verifier_id="f", profiles=()).close()


def issuer_database(path: Path) -> None:
    database = IssuerDatabase(f"sqlite:///{path}")
    try:
        database.migrate()
    finally:
        database.close()


def mailbox_database(path: Path) -> None:
    database = MailboxDatabase(f"sqlite:///{path}")
    try:
        database.migrate()
    finally:
        database.close()


def chain_ledger(path: Path) -> None:
    EmbeddedEngine(path, make_genesis(), VALIDATOR, lambda: datetime.now(UTC)).close()


def heads(path: Path) -> None:
    memory = HeadMemory.open(path)
    memory.remember("c", 1, b"h" * 32, b"{}")
    memory.close()


DATABASES = {
    "firm": firm_store,
    "issuer": issuer_database,
    "mailbox": mailbox_database,
    "chain": chain_ledger,
    "heads": heads,
}


def unreadable(path: Path) -> None:
    """No database at all, in a file of the same size."""
    path.write_bytes(b"no database" + path.read_bytes()[11:])


def scrambled(path: Path) -> None:
    """A database whose tables are noise."""
    raw = path.read_bytes()
    path.write_bytes(raw[:100] + bytes(byte ^ 0x5A for byte in raw[100:]))


SPOILT = {name: BENDS[name] for name in ("a folder", "a pipe", "a link to itself", "bytes")} | {
    "no database": unreadable,
    "scrambled": scrambled,
}


@pytest.mark.parametrize("bend", SPOILT)
@pytest.mark.parametrize("name", DATABASES)
def test_a_damaged_database_is_told_and_left_as_it_is(tmp_path: Path, name: str, bend: str):
    path = tmp_path / "kept.db"
    DATABASES[name](path)
    SPOILT[bend](path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(SSIError) as caught:
        DATABASES[name](path)
    assert any(caught.value.code.startswith(prefix) for prefix in ADVICE)
    assert str(tmp_path) not in str(caught.value)
    if before is not None:
        assert path.read_bytes() == before
