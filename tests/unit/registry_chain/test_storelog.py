"""The ledger's log is folded into its file beside the writer, and does not grow for ever."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from registry_chain.storefile import open_database
from registry_chain.storelog import FOLD_AFTER, LONG, LogFolder

PAGE = 4096
BATCH = FOLD_AFTER // 4
SCHEMA = "CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, data BLOB);"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chain.db"


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(path, schema=SCHEMA)) as opened:
        yield opened


def commit(db: sqlite3.Connection, rows: int = BATCH) -> None:
    """A block of rows of a page each."""
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO row (data) VALUES (?)", [(bytes(PAGE),)] * rows)
    db.execute("COMMIT")


def log_pages(path: Path) -> int:
    return path.with_name("chain.db-wal").stat().st_size // PAGE


def written(folder: LogFolder, db: sqlite3.Connection, blocks: int) -> None:
    for _ in range(blocks):
        commit(db)
        folder.after_commit(db)
        folder.close()  # a test waits for the thread; the writer never does


def test_the_log_begins_anew(path: Path, db: sqlite3.Connection) -> None:
    """[REG-MAP-10]"""
    folder = LogFolder(path)
    written(folder, db, 2 * LONG // BATCH)
    assert log_pages(path) < LONG
    assert path.stat().st_size > LONG * PAGE
    assert db.execute("SELECT count(*) FROM row").fetchone() == (2 * LONG // BATCH * BATCH,)


def test_a_reader_of_an_old_state_only_delays_it(path: Path, db: sqlite3.Connection) -> None:
    """[REG-MAP-10] nor is what he sees changed."""
    folder = LogFolder(path)
    written(folder, db, 1)
    with closing(open_database(path, schema=None)) as reader:
        reader.execute("BEGIN")
        seen = reader.execute("SELECT count(*) FROM row").fetchone()
        written(folder, db, LONG // BATCH)
        assert log_pages(path) > LONG
        assert reader.execute("SELECT count(*) FROM row").fetchone() == seen
    before = log_pages(path)
    written(folder, db, LONG // BATCH)
    assert log_pages(path) < before + LONG // 2  # soon used anew from its beginning


def test_without_a_thread_nothing_is_folded_and_nothing_fails(
    path: Path, db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block is durable by then: its writer must not fail."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    folder = LogFolder(path)
    commit(db, 2 * FOLD_AFTER)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        folder.after_commit(db)
    folder.close()
    before = path.stat().st_size
    written(folder, db, 8)
    assert path.stat().st_size > before


def test_what_cannot_be_folded_is_no_failure(path: Path, db: sqlite3.Connection) -> None:
    """A file that went away under the writer is told by the next commit, not by this."""
    folder = LogFolder(path.with_name("elsewhere.db"))
    commit(db, 2 * FOLD_AFTER)
    folder.after_commit(db)
    folder.close()
    assert not path.with_name("elsewhere.db").exists()
