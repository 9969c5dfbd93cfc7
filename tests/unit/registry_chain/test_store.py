"""The store: staging, durability, old versions, readers, and who may write."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_chain import jmt
from registry_chain.light import verify_map_proof
from registry_chain.store import Store
from ssi.errors import Malformed, Rejected, SSIError, Unavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chain.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store(path)
    yield opened
    opened.close()


def put(store: Store, version: int, **changes: bytes) -> bytes:
    root = store.stage(version, dict(changes))
    store.commit()
    return root


def test_an_empty_store_proves_absence(store: Store) -> None:
    assert (store.version, store.root, store.empty) == (0, jmt.EMPTY, True)
    assert verify_map_proof(store.prove("a"), app_hash=jmt.EMPTY, key="a") is None


def test_every_version_stays_provable(store: Store) -> None:
    """[REG-MAP-3] against a plain dictionary, with blocks that change nothing in between."""
    rng = random.Random(7)
    model: dict[str, bytes] = {}
    history = []
    for version in range(40):
        size = rng.choice([0, 1, 3, 40])
        new = {f"k/{rng.randrange(200)}": rng.randbytes(8) for _ in range(size)}
        model |= new
        assert store.stage(version, new) == jmt.root_of(model)
        store.commit()
        history.append(dict(model))
    for version, state in enumerate(history):
        assert store.root_at(version) == jmt.root_of(state)
        for key in rng.sample([f"k/{number}" for number in range(220)], 25):
            proof = store.prove(key, version)
            found = verify_map_proof(proof, app_hash=store.root_at(version), key=key)
            assert found == state.get(key) == store.get(key, version)


def test_listings_are_in_order_and_continue(store: Store) -> None:
    put(store, 1, **{"a/1": b"1", "a/2": b"2", "b/1": b"3", "a0": b"4"})
    put(store, 2, **{"a/1": b"5", "a/3": b"6"})
    assert store.items("a/") == [("a/1", b"5"), ("a/2", b"2"), ("a/3", b"6")]
    assert store.items("a/", version=1) == [("a/1", b"1"), ("a/2", b"2")]
    assert store.items("a/", after="a/1", limit=1) == [("a/2", b"2")]
    assert store.items("a/", after="a/3") == store.items("c") == []
    assert [key for key, _ in store.items("", limit=2)] == ["a/1", "a/2"]


def test_a_key_that_changed_a_thousand_times_is_listed_once(store: Store) -> None:
    for version in range(1, 30):
        put(store, version, **{"lane/a": b"%d" % version, "lane/b": b"0"})
    assert store.items("lane/") == [("lane/a", b"29"), ("lane/b", b"0")]
    assert store.items("lane/", version=7) == [("lane/a", b"7"), ("lane/b", b"0")]
    assert store.items("") == store.items("lane/") != store.items("lane/a")


def test_a_whole_state_is_loaded_at_once(path: Path, store: Store) -> None:
    """[REG-MAP-7] and goes on like the one it was copied from."""
    for version in range(1, 9):
        put(store, version, **{f"k/{number}": b"%d" % version for number in range(40 * version)})
    copy = Store(path.with_name("copy.db"))
    copy.bulk_load(8, store.items("", limit=1000), root=store.root)
    assert (copy.version, copy.root, copy.items("")) == (8, store.root, store.items(""))
    for key in ("k/1", "k/319", "k/320"):
        assert copy.prove(key) == store.prove(key)
    assert put(copy, 9, **{"k/1": b"new"}) == put(store, 9, **{"k/1": b"new"})
    with pytest.raises(ValueError, match="empty store"):
        copy.bulk_load(10, [], root=jmt.EMPTY)
    copy.close()


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([("a", b"1"), ("b", b"3")], "proof.invalid"),
        ([("a", b"1")], "proof.invalid"),
        ([("b", b"2"), ("a", b"1")], "chain.key"),
        ([("a", b"1"), ("a", b"1"), ("b", b"2")], "chain.key"),
        ([("a", b"1"), ("b b", b"2")], "chain.key"),
    ],
)
def test_a_state_that_is_not_the_promised_one_leaves_nothing(
    store: Store, records: list[tuple[str, bytes]], code: str
) -> None:
    """[REG-MAP-7]"""
    with pytest.raises(Rejected) as caught:
        store.bulk_load(3, records, root=jmt.root_of({"a": b"1", "b": b"2"}))
    assert caught.value.code == code
    assert (store.empty, store.items("")) == (True, [])
    put(store, 1, a=b"1")


def test_pruning_keeps_what_it_keeps(store: Store) -> None:
    """[REG-MAP-8]"""
    rng = random.Random(3)
    model: dict[str, bytes] = {}
    history = {}
    for version in range(1, 31):
        model |= {f"k/{rng.randrange(90)}": rng.randbytes(8) for _ in range(12)}
        put(store, version, **model)
        history[version] = dict(model)
    assert store.prune(40) == 1
    assert store.prune(10) == 21
    for version in range(21, 31):
        for key in [f"k/{number}" for number in range(90)]:
            proof = store.prove(key, version)
            found = verify_map_proof(proof, app_hash=store.root_at(version), key=key)
            assert found == history[version].get(key)
    for look in (store.root_at, lambda version: store.prove("k/1", version)):
        with pytest.raises(Unavailable) as caught:
            look(20)
        assert caught.value.code == "chain.height"
    assert store.prune(1) == 30
    assert store.root == jmt.root_of(dict(store.items("", limit=1000))) == jmt.root_of(model)
    rows = store.read(lambda db: db.execute("SELECT COUNT(*) FROM record").fetchone())
    assert rows == (len(model),)
    with pytest.raises(ValueError, match="always kept"):
        store.prune(0)


def test_staging_shows_nothing_and_persists_nothing(store: Store, path: Path) -> None:
    """[REG-MAP-4]"""
    before = put(store, 1, a=b"1")
    staged = store.stage(2, {"a": b"2"})
    assert staged != before
    assert (store.get("a"), store.root, store.version) == (b"1", before, 1)
    store.abort()
    with pytest.raises(ValueError, match="staged"):
        store.commit()
    assert store.stage(2, {"a": b"2"}) == staged
    assert Store(path, readonly=True).get("a") == b"1"


def test_staging_again_replaces(store: Store) -> None:
    """[REG-MAP-4] An engine may judge a block twice, as after a round that failed."""
    store.stage(1, {"a": b"1"})
    second = store.stage(1, {"b": b"2"})
    store.commit()
    assert (store.get("a"), store.get("b"), store.root) == (None, b"2", second)


def test_the_engines_rows_share_the_fate_of_the_state(store: Store) -> None:
    """[REG-APP-1] [REG-MAP-4] Both are durable, or neither; then the block can be put again."""

    def failing(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE block (height INTEGER)")
        db.execute("INSERT INTO block VALUES (1)")
        raise sqlite3.OperationalError("disk full")

    root = store.stage(1, {"a": b"1"})
    with pytest.raises(Unavailable) as caught:
        store.commit(failing)
    assert caught.value.code == "chain.storage"
    assert (store.version, store.get("a"), store.empty) == (0, None, True)
    tables = store.read(lambda db: db.execute("SELECT name FROM sqlite_master").fetchall())
    assert ("block",) not in tables
    store.commit(lambda db: db.execute("CREATE TABLE block (height INTEGER)") and None)
    assert (store.version, store.root) == (1, root)


def test_versions_only_grow(store: Store) -> None:
    put(store, 0, a=b"0")
    assert not store.empty
    put(store, 5, a=b"1")
    for version in (5, 4, 0, -1):
        with pytest.raises(ValueError, match="version"):
            store.stage(version, {})
    with pytest.raises(Unavailable) as caught:
        store.prove("a", 6)
    assert caught.value.code == "chain.height"
    with pytest.raises(Malformed):
        store.prove("no key")


def test_a_second_writer_is_refused_until_the_first_is_gone(store: Store, path: Path) -> None:
    """[REG-MAP-5] also from another process"""
    program = f"from registry_chain.store import Store; Store({str(path)!r}).close()"
    command = [sys.executable, "-c", program]
    root = Path(__file__).parents[3]
    refused = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    with pytest.raises(Unavailable) as caught:
        Store(path)
    assert caught.value.code == "chain.locked"
    store.close()
    assert subprocess.run(command, cwd=root, check=False).returncode == 0


def test_a_reader_follows_the_writer_and_may_not_write(store: Store, path: Path) -> None:
    """[REG-MAP-5]"""
    put(store, 1, a=b"1")
    reader = Store(path, readonly=True)
    assert (reader.get("a"), reader.version) == (b"1", 1)
    root = put(store, 2, a=b"2", b=b"3")
    assert (reader.get("a"), reader.version, reader.root) == (b"2", 2, root)
    assert verify_map_proof(reader.prove("b"), app_hash=root, key="b") == b"3"
    with pytest.raises(ValueError, match="only reads"):
        reader.stage(3, {})
    reader.close()


def test_threads_may_read_while_one_writes(store: Store) -> None:
    put(store, 1, a=b"1")
    failures: list[BaseException] = []

    def look() -> None:
        try:
            for _ in range(150):
                version = store.version
                proof = store.prove("a", version)
                verify_map_proof(proof, app_hash=store.root_at(version), key="a")
        except BaseException as error:  # noqa: BLE001 - told to the main thread
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for version in range(2, 40):
        put(store, version, a=b"%d" % version)
    for thread in threads:
        thread.join()
    assert failures == []


def test_what_was_committed_is_there_after_a_new_start(path: Path) -> None:
    first = Store(path)
    root = put(first, 3, **{f"k{number}": b"v" for number in range(50)})
    first.close()
    again = Store(path)
    assert (again.version, again.root) == (3, root)
    assert again.stage(4, {"k1": b"w"}) != root
    again.close()


def test_a_small_cache_gives_the_same_roots(path: Path) -> None:
    """A page is known by version *and* path; by path alone an old one would be served."""
    store = Store(path, cached_pages=2)
    model = {}
    for version in range(1, 12):
        new = {f"k{number}": b"%d" % version for number in range(version, version + 30)}
        model |= new
        assert put(store, version, **new) == jmt.root_of(model)
    assert verify_map_proof(store.prove("k1", 1), app_hash=store.root_at(1), key="k1") == b"1"
    store.close()


@pytest.mark.parametrize("damage", ["UPDATE page SET data = zeroblob(68)", "DELETE FROM page"])
def test_a_damaged_page_is_found(path: Path, damage: str) -> None:
    """[REG-MAP-6] A page is checked against the hash above it before it is used."""
    store = Store(path)
    put(store, 1, a=b"1", b=b"2")
    store.close()
    with sqlite3.connect(path) as db:
        db.execute(damage)
    db.close()
    damaged = Store(path)
    for act in (lambda: damaged.prove("a"), lambda: damaged.stage(2, {"a": b"2"})):
        with pytest.raises(SSIError) as caught:
            act()
        assert caught.value.code == "chain.corrupt"
    damaged.close()


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(SSIError) as caught:
        Store(path)
    assert caught.value.code == "chain.corrupt"
    path.unlink()
    Store(path).close()


@pytest.mark.parametrize("form", [0, 1])
@pytest.mark.parametrize("readonly", [False, True])
def test_a_file_of_another_form_is_left_alone(path: Path, form: int, *, readonly: bool) -> None:
    """[REG-MAP-9] Also by the writer's right: it is given back."""
    store = Store(path)
    put(store, 1, a=b"1")
    store.close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {form}")
    db.close()
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            Store(path, readonly=readonly)
        assert caught.value.code == "chain.form"
    assert path.read_bytes() == before


def test_a_reader_of_nothing_says_so(path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        Store(path, readonly=True)
    assert caught.value.code == "chain.storage"


WRITER = """
import sys
from registry_chain.store import Store
store = Store(sys.argv[1])
while True:
    version = store.version + 1
    keys = [f"k/{number % 97}" for number in range(version, version + 9)]
    store.stage(version, dict.fromkeys(keys, b"%d" % version))
    store.commit(lambda db: db.execute("CREATE TABLE IF NOT EXISTS block (height INTEGER)")
                 and db.execute("INSERT INTO block VALUES (?)", (version,)) and None)
    print(version, flush=True)
"""


@pytest.mark.parametrize("count", [3, 20, 60])
def test_what_was_acknowledged_survives_a_killed_process(path: Path, count: int) -> None:
    """[REG-MAP-4] and the map is whole: its root is that of its records."""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(count)][-1]
        writer.kill()
    store = Store(path)
    assert store.version >= acknowledged
    assert store.root == jmt.root_of(dict(store.items("", limit=1000)))
    heights = store.read(lambda db: db.execute("SELECT height FROM block").fetchall())
    assert heights == [(height,) for height in range(1, store.version + 1)]
    store.close()
