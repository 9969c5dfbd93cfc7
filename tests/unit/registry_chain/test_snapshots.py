"""Snapshots: equal bytes on every node, and nothing taken that is not the chain's [REG-NET-4]."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_chain.engines.cometbft import snapshots as module
from registry_chain.engines.cometbft.pb.tendermint.abci import types_pb2 as abci
from registry_chain.engines.cometbft.snapshot_format import UntrustedSnapshot, _head
from registry_chain.light.codec import uvarint
from ssi.encoding import b64url_encode, sha256
from ssi.errors import Rejected
from tests.support.abci import Connection, Node, node
from tests.support.registry import make_genesis
from tests.unit.registry_chain.test_abci import tx

OFFER = abci.ResponseOfferSnapshot.Result
APPLY = abci.ResponseApplySnapshotChunk.Result


def grown(app: Node, connection: Connection) -> None:
    app.init_chain(connection)
    app.block(connection, [tx(1)])
    app.block(connection)
    app.block(connection, [tx(2, "watcher")])


def given_away(app: Node) -> tuple[abci.Snapshot, list[bytes]]:
    connection = app.connect()
    listed = connection.ask(list_snapshots=abci.RequestListSnapshots()).list_snapshots.snapshots
    newest = listed[-1]
    chunks = []
    for index in range(newest.chunks):
        asked = abci.RequestLoadSnapshotChunk(
            height=newest.height, format=newest.format, chunk=index
        )
        chunks.append(connection.ask(load_snapshot_chunk=asked).load_snapshot_chunk.chunk)
    return newest, chunks


def offer(app: Node, snapshot: abci.Snapshot, root: bytes) -> int:
    request = abci.RequestOfferSnapshot(snapshot=snapshot, app_hash=root)
    return app.connect().ask(offer_snapshot=request).offer_snapshot.result


def apply(app: Node, index: int, chunk: bytes) -> abci.ResponseApplySnapshotChunk:
    request = abci.RequestApplySnapshotChunk(index=index, chunk=chunk, sender="peer-1")
    return app.connect().ask(apply_snapshot_chunk=request).apply_snapshot_chunk


def from_a_grown_one(folder: Path) -> tuple[abci.Snapshot, list[bytes], bytes]:
    with node(folder / "one") as app:
        grown(app, app.connect())
        app.snapshots.make(3)
        return *given_away(app), app.store.root


def take_all(app: Node, chunks: list[bytes]) -> None:
    for index, chunk in enumerate(chunks):
        assert apply(app, index, chunk).result == APPLY.ACCEPT


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 700)


@pytest.mark.usefixtures("small_chunks")
def test_every_node_makes_the_same_bytes_and_another_takes_them(tmp_path: Path) -> None:
    """[REG-NET-4]"""
    made = []
    for name in ("one", "two"):
        with node(tmp_path / name) as app:
            grown(app, app.connect())
            app.snapshots.make(3)
            made.append(given_away(app))
            root, records = app.store.root, app.store.items("", limit=1000)
    assert made[0] == made[1]
    snapshot, chunks = made[0]
    assert snapshot.chunks == len(chunks) > 2
    assert {len(chunk) for chunk in chunks[:-1]} == {700}
    with node(tmp_path / "joining") as app:
        assert offer(app, snapshot, root) == OFFER.ACCEPT
        take_all(app, chunks)
        assert app.store.root == root
        assert app.store.items("", limit=1000) == records
        info = app.connect().ask(info=abci.RequestInfo()).info
        assert (info.last_block_height, info.last_block_app_hash) == (3, root)
        app.height = 3
        app.block(app.connect(), [tx(3, "city-kyc")])
        assert offer(app, snapshot, root) == OFFER.REJECT
    with node(tmp_path / "one") as app:
        app.height = 3
        app.block(app.connect(), [tx(3, "city-kyc")])
        after = app.store.root
    with node(tmp_path / "joining") as app:
        assert app.store.root == after


@pytest.mark.usefixtures("small_chunks")
def test_a_poisoned_chunk_is_fetched_again_from_another(tmp_path: Path) -> None:
    """[REG-NET-4]"""
    snapshot, chunks, root = from_a_grown_one(tmp_path)
    with node(tmp_path / "joining") as app:
        assert offer(app, snapshot, root) == OFFER.ACCEPT
        answer = apply(app, 0, chunks[0][:-1] + b"!")
        assert answer.result == APPLY.RETRY
        assert list(answer.refetch_chunks) == [0]
        assert list(answer.reject_senders) == ["peer-1"]
        take_all(app, chunks)
        assert app.store.root == root


@pytest.mark.usefixtures("small_chunks")
def test_a_node_that_stopped_while_it_joined_begins_again(tmp_path: Path) -> None:
    """[REG-NET-4]"""
    snapshot, chunks, root = from_a_grown_one(tmp_path)
    with node(tmp_path / "joining") as app:
        assert offer(app, snapshot, root) == OFFER.ACCEPT
        assert apply(app, 0, chunks[0]).result == APPLY.ACCEPT
    with node(tmp_path / "joining") as app:
        assert app.store.empty
        assert apply(app, 1, chunks[1]).result == APPLY.RETRY_SNAPSHOT
        assert offer(app, snapshot, root) == OFFER.ACCEPT
        take_all(app, chunks)
        assert app.store.root == root


def test_a_snapshot_whose_root_is_not_the_chains_leaves_nothing(tmp_path: Path) -> None:
    """[REG-NET-4]"""
    snapshot, chunks, root = from_a_grown_one(tmp_path)
    with node(tmp_path / "joining") as app:
        assert offer(app, snapshot, b"\0" * 32) == OFFER.ACCEPT
        assert apply(app, 0, chunks[0]).result == APPLY.REJECT_SNAPSHOT
        assert app.store.empty
        assert apply(app, 0, chunks[0]).result == APPLY.RETRY_SNAPSHOT
        assert offer(app, snapshot, root) == OFFER.ACCEPT
        assert apply(app, 0, chunks[0]).result == APPLY.ACCEPT
        assert app.store.root == root


def test_offers_that_cannot_be_checked_are_refused(tmp_path: Path) -> None:
    with node(tmp_path / "one") as app:
        good = {"height": 3, "format": 1, "chunks": 1, "hash": b"\1" * 32, "metadata": b"\1" * 32}
        assert offer(app, abci.Snapshot(**good), b"") == OFFER.REJECT
        assert offer(app, abci.Snapshot(**{**good, "format": 2}), b"") == OFFER.REJECT_FORMAT
        assert (
            offer(app, abci.Snapshot(**{**good, "chunks": 0, "metadata": b""}), b"") == OFFER.REJECT
        )
        asked = abci.RequestLoadSnapshotChunk(height=9, format=1, chunk=4)
        assert app.connect().ask(load_snapshot_chunk=asked).load_snapshot_chunk.chunk == b""


@pytest.mark.usefixtures("small_chunks")
def test_a_chunk_that_is_too_long_is_refused(tmp_path: Path) -> None:
    """[REG-NET-4] or few announced chunks could fill the disk."""
    with node(tmp_path / "joining") as app:
        chunk = b"x" * 701
        digests = sha256(chunk) * 2
        huge = abci.Snapshot(height=3, format=1, chunks=2, hash=sha256(digests), metadata=digests)
        assert offer(app, huge, b"\1" * 32) == OFFER.ACCEPT
        assert apply(app, 0, chunk).result == APPLY.REJECT_SNAPSHOT
        assert not (tmp_path / "joining" / "snapshots" / "incoming").exists()


def test_without_a_place_to_write_no_offer_is_taken(tmp_path: Path) -> None:
    """[REG-NET-4] the application goes on; its operator reads why in the log."""
    snapshot, _chunks, root = from_a_grown_one(tmp_path)
    with node(tmp_path / "joining") as app:
        (tmp_path / "joining" / "snapshots").write_text("in the way")
        assert offer(app, snapshot, root) == OFFER.ABORT
        assert app.store.empty


def test_a_token_that_no_record_names_is_refused() -> None:
    """[REG-NET-4] records are bound by the root, tokens only by records."""
    genesis, token = make_genesis(), b"token"
    head = _head(genesis, 3)
    entry = b"t" + uvarint(43) + b64url_encode(sha256(token)).encode() + uvarint(5) + token
    given_ = UntrustedSnapshot([uvarint(len(head)) + head + entry], genesis, 3)
    assert list(given_.records()) == []
    with pytest.raises(Rejected) as caught:
        list(given_.tokens())
    assert caught.value.code == "chain.snapshot"


def test_two_who_make_one_at_the_same_time_do_not_disturb_each_other(
    tmp_path: Path, small_chunks: None
) -> None:
    with node(tmp_path, interval=3) as app:
        grown(app, app.connect())
        with ThreadPoolExecutor(4) as pool:
            making = [pool.submit(app.snapshots.make, 3) for _ in range(12)]
            for one in making:
                one.result(timeout=30)
        snapshot, chunks = given_away(app)
        assert [sha256(chunk) for chunk in chunks] == [
            snapshot.metadata[at : at + 32] for at in range(0, len(snapshot.metadata), 32)
        ]
        assert not list(tmp_path.rglob("*.part"))


def test_only_the_newest_two_are_kept(tmp_path: Path) -> None:
    with node(tmp_path / "one") as app:
        connection = app.connect()
        app.init_chain(connection)
        for _ in range(4):
            app.block(connection)
            app.snapshots.make(app.height)
        listed = connection.ask(list_snapshots=abci.RequestListSnapshots()).list_snapshots
        assert [one.height for one in listed.snapshots] == [3, 4]


@given(st.binary(max_size=400), st.integers(0, 2000), st.booleans())
@settings(max_examples=150)
def test_bytes_of_a_stranger_are_a_snapshot_or_malformed(
    junk: bytes, place: int, headed: bool
) -> None:
    """[REG-NET-4]"""
    genesis = make_genesis()
    head = _head(genesis, 3)
    data = uvarint(len(head)) + head + junk if headed else junk
    data = data[: place or None]
    try:
        given_ = UntrustedSnapshot((data[at : at + 7] for at in range(0, len(data), 7)), genesis, 3)
        records, tokens = dict(given_.records()), dict(given_.tokens())
    except Rejected as error:
        assert error.code == "chain.snapshot"  # noqa: PT017 - either is right
    else:
        assert list(records) == sorted(records)
        assert all(token.isascii() for token in tokens.values())
