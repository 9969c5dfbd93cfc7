"""A node's ledger is copied, lost and put back; a bad copy is refused and nothing is made."""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry_chain import cli
from registry_chain.backup import MANIFEST, back_up, restore
from registry_chain.config import NodeConfig, check_files, open_node
from registry_chain.keyfile import read_key
from registry_chain.store import Store
from ssi.errors import Malformed, SSIError, Unavailable
from tests.support.chain import open_engine
from tests.support.registry import VALIDATOR, make_genesis, signer

KEY = "chain.key"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A node's folder with a founded chain."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "genesis.json").write_bytes(make_genesis().to_bytes())
    (folder / "node.toml").write_text(
        'genesis = "genesis.json"\nkey = "chain.key"\ndb = "chain.db"\nport = 1\n'
    )
    open_engine(folder / "chain.db").close()
    return folder


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_commands(parser.add_subparsers(dest="action"))
    return parser.parse_args(words)


def repacked(source: Path, target: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """A backup with other contents."""
    with tarfile.open(source) as archive:
        held = {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]
    change(held)
    with tarfile.open(target, "w") as archive:
        for name, content in held.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return target


def named(held: dict[str, bytes], **more: Any) -> None:
    manifest = json.loads(held[MANIFEST]) | more
    held[MANIFEST] = json.dumps(manifest).encode()


def test_a_lost_node_comes_back(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """[OPS-BAK-1] [OPS-BAK-3]: while the node runs; the copy goes on where it was."""
    engine = open_engine(home / "chain.db")
    assert cli.run(parsed("backup", "--home", str(home), "--out", str(tmp_path / "b.tar"))) == 0
    said = json.loads(capsys.readouterr().out)
    height, app_hash = engine.status().height, engine.status().app_hash
    engine.close()
    shutil.rmtree(home)

    found = restore(tmp_path / "b.tar", home, VALIDATOR)

    assert found.app_hash == said["app_hash"] == app_hash
    config = NodeConfig.load(home / "node.toml")
    check_files(config)
    app, stop = open_node(config)
    assert app.test_client().get("/v1/status").json["height"] >= height
    stop()


def test_a_backup_has_no_key(home: Path, tmp_path: Path):
    """[OPS-BAK-2]"""
    (home / KEY).write_text("secret")
    (home / "priv_validator_key.json").write_text("secret")
    back_up(home, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as archive:
        assert archive.getnames() == [MANIFEST, "chain.db", "genesis.json", "node.toml"]
    assert b"secret" not in (tmp_path / "b.tar").read_bytes()
    assert (tmp_path / "b.tar").stat().st_mode & 0o077 == 0


def test_nothing_is_overwritten(home: Path, tmp_path: Path):
    """[OPS-BAK-5]"""
    target = tmp_path / "b.tar"
    back_up(home, target)
    before = target.read_bytes()
    for act in (lambda: back_up(home, target), lambda: restore(target, home, VALIDATOR)):
        with pytest.raises(Malformed) as refused:
            act()
        assert refused.value.code == "config.exists"
    assert target.read_bytes() == before


def test_only_the_chains_own_key_goes_on(home: Path, tmp_path: Path):
    """[OPS-BAK-4]"""
    back_up(home, tmp_path / "b.tar")
    with pytest.raises(Malformed) as refused:
        restore(tmp_path / "b.tar", tmp_path / "new", signer("somebody"))
    assert refused.value.code == "keystore.key"
    assert not (tmp_path / "new").exists()
    restore(tmp_path / "b.tar", tmp_path / "new", VALIDATOR)
    assert read_key(tmp_path / "new" / KEY).secret == VALIDATOR.secret


def test_a_networks_node_is_copied_at_rest(home: Path, tmp_path: Path):
    """[OPS-BAK-1]"""
    with (home / "node.toml").open("a") as settings:
        settings.write('\n[network]\np2p = "127.0.0.1:1"\n')
    store = Store(home / "chain.db")
    with pytest.raises(Unavailable) as refused:
        back_up(home, tmp_path / "b.tar")
    assert refused.value.code == "chain.locked"
    store.close()
    back_up(home, tmp_path / "b.tar")


def flipped(held: dict[str, bytes]) -> None:
    held["chain.db"] = held["chain.db"][:-9] + b"x" + held["chain.db"][-8:]


def another_state(held: dict[str, bytes]) -> None:
    named(held, app_hash="00" * 32)


def outside(held: dict[str, bytes]) -> None:
    files = json.loads(held[MANIFEST])["files"]
    named(held, files=files | {"cometbft/../../evil": "00"})
    held["cometbft/../../evil"] = b""


def a_key(held: dict[str, bytes]) -> None:
    files = json.loads(held[MANIFEST])["files"]
    named(held, files=files | {"cometbft/data/priv_validator_state.json": "00"})


BAD = {
    "a changed byte": (flipped, "backup.damaged"),
    "a file nobody named": (lambda held: held.update(more=b""), "backup.damaged"),
    "a missing file": (lambda held: held.pop("genesis.json"), "backup.damaged"),
    "another state than it says": (another_state, "backup.damaged"),
    "a place outside": (outside, "backup.malformed"),
    "a validator's memory": (a_key, "backup.malformed"),
    "another version": (lambda held: named(held, v=2), "backup.malformed"),
    "no manifest": (lambda held: held.pop(MANIFEST), "backup.malformed"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_backup_makes_nothing(home: Path, tmp_path: Path, what: str):
    """[OPS-BAK-3]"""
    change, code = BAD[what]
    back_up(home, tmp_path / "b.tar")
    bad = repacked(tmp_path / "b.tar", tmp_path / "bad.tar", change)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SSIError) as refused:
        restore(bad, tmp_path / "new", VALIDATOR)
    assert refused.value.code == code
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("raw", [b"", b"no tar", b"\x1f\x8b" + b"\0" * 600])
def test_what_is_no_backup_is_refused(tmp_path: Path, raw: bytes):
    """[OPS-BAK-3]"""
    (tmp_path / "b.tar").write_bytes(raw)
    with pytest.raises(Malformed) as refused:
        restore(tmp_path / "b.tar", tmp_path / "new", VALIDATOR)
    assert refused.value.code == "backup.malformed"


@pytest.mark.parametrize(("kind", "code"), [("BLOB", "chain.corrupt"), ("TEXT", "backup.damaged")])
def test_records_that_were_changed_in_the_copy_are_found(
    home: Path, tmp_path: Path, kind: str, code: str
):
    """[OPS-BAK-3]: a digest is made by who made the file; the root was signed by validators."""
    import hashlib
    import sqlite3

    back_up(home, tmp_path / "b.tar")

    def forged(held: dict[str, bytes]) -> None:
        path = tmp_path / "forged.db"
        path.write_bytes(held["chain.db"])
        with sqlite3.connect(path) as db:
            changed = db.execute(
                "UPDATE record SET value = CAST(replace(value, 'active', 'ACTIVE') AS kind)"
                " WHERE key LIKE 'mem%'".replace("kind", kind)
            )
            assert changed.rowcount > 0
        db.close()
        held["chain.db"] = path.read_bytes()
        path.unlink()
        files = json.loads(held[MANIFEST])["files"]
        named(held, files=files | {"chain.db": hashlib.sha256(held["chain.db"]).hexdigest()})

    bad = repacked(tmp_path / "b.tar", tmp_path / "bad.tar", forged)
    with pytest.raises(SSIError) as refused:
        restore(bad, tmp_path / "new", VALIDATOR)
    assert refused.value.code == code
