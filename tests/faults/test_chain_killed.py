"""A node that is killed, or has no room, keeps what it acknowledged.

[REG-ENG-1], [REG-ENG-2], [REG-ENG-5].
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry_chain.audit import fetch_blocks, replay
from registry_chain.client import HeadMemory, RegistryClient, Submitter
from registry_chain.keyfile import write_key
from registry_chain.transactions import CommitNotices, NoticeItem
from ssi.errors import SSIError, Unavailable
from ssi.fetch import FetchPolicy, Request, http_fetch
from tests.support.registry import VALIDATOR, digest_of, make_genesis, operation, proposal, signer

FETCH = http_fetch(FetchPolicy(allow_loopback_http=True, max_bytes=8_000_000))
pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prepare(home: Path) -> str:
    """Write a node's home as its operator would."""
    port = free_port()
    write_key(home / "validator.key", VALIDATOR)
    (home / "genesis.json").write_bytes(make_genesis(time=int(time.time())).to_bytes())
    (home / "node.toml").write_text(
        'genesis = "genesis.json"\nkey = "validator.key"\ndb = "chain.db"\n'
        f'host = "127.0.0.1"\nport = {port}\n'
    )
    return f"http://127.0.0.1:{port}"


@contextmanager
def node(home: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real node process with its workers, killed as one group at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "warifu", "chain", "node", "--home", str(home)],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                if FETCH(Request(url=f"{url}/health")).status == 200:
                    break
            except SSIError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("after", [0.15, 0.4])
def test_nothing_acknowledged_is_lost(tmp_path: Path, after: float) -> None:
    url = prepare(tmp_path)
    from registry_chain.genesis import Genesis

    genesis = Genesis.load(tmp_path / "genesis.json")
    acknowledged: list[str] = []

    def client() -> RegistryClient:
        return RegistryClient([url], genesis, FETCH, HeadMemory.volatile())

    def write(lane: int) -> None:
        submitter = Submitter(client(), "yubin-box", signer("yubin-box"), lane)
        for count in range(10_000):
            name = digest_of(f"{lane}-{count}")
            item = NoticeItem(commitment=name, deadline=int(time.time()) + 86_400)
            try:
                submitter.submit(CommitNotices(items=(item,)), datetime.now(UTC))
            except SSIError:
                return
            acknowledged.append(name)

    with node(tmp_path, url) as process:
        Submitter(client(), "council", signer("council")).submit(
            proposal(operation(), at=int(time.time())), datetime.now(UTC)
        )
        writers = [threading.Thread(target=write, args=(lane,)) for lane in range(4)]
        for writer in writers:
            writer.start()
        end = time.monotonic() + 30
        while not acknowledged and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(after)
        kill(process)
        for writer in writers:
            writer.join()
    assert acknowledged
    with node(tmp_path, url):
        reader = client()
        for name in acknowledged:
            assert reader.notice(name, datetime.now(UTC)) is not None
        report = replay(fetch_blocks(url, FETCH), genesis)
        assert report.ok, report.first_difference
        item = NoticeItem(commitment=digest_of("after"), deadline=int(time.time()) + 86_400)
        submitter = Submitter(reader, "yubin-box", signer("yubin-box"), 9)
        submitter.submit(CommitNotices(items=(item,)), datetime.now(UTC))


def test_a_full_disk_loses_nothing_and_refuses_what_it_cannot_keep(tmp_path: Path) -> None:
    """[REG-ENG-1], [REG-MAP-10] with room again, the same transaction is taken."""
    url = prepare(tmp_path)
    from registry_chain.genesis import Genesis

    genesis = Genesis.load(tmp_path / "genesis.json")
    reader = RegistryClient([url], genesis, FETCH, HeadMemory.volatile())

    def commit(name: str) -> None:
        item = NoticeItem(commitment=digest_of(name), deadline=int(time.time()) + 86_400)
        submitter = Submitter(reader, "yubin-box", signer("yubin-box"))
        submitter.submit(CommitNotices(items=(item,)), datetime.now(UTC))

    with node(tmp_path, url) as process:
        Submitter(reader, "council", signer("council")).submit(
            proposal(operation(), at=int(time.time())), datetime.now(UTC)
        )
        commit("before")
        limits = [(pid, no_room(pid)) for pid in (process.pid, *children(process.pid))]
        for name in ("full", "fuller"):
            with pytest.raises(Unavailable) as caught:
                commit(name)
            assert caught.value.code == "chain.busy"
        assert reader.notice(digest_of("before"), datetime.now(UTC)) is not None
        assert reader.notice(digest_of("full"), datetime.now(UTC)) is None
        for pid, limit in limits:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)
        commit("full")
        kill(process)
    with node(tmp_path, url):
        for name in ("before", "full"):
            assert reader.notice(digest_of(name), datetime.now(UTC)) is not None
        report = replay(fetch_blocks(url, FETCH), genesis)
        assert report.ok, report.first_difference


def no_room(pid: int) -> tuple[int, int]:
    """Let a process write no file beyond 4 KiB; return the limits it had."""
    had = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, had[1]))
    return had


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_second_node_on_the_same_file_does_not_start(tmp_path: Path) -> None:
    url = prepare(tmp_path)
    with node(tmp_path, url):
        from registry_chain.config import NodeConfig, open_node

        with pytest.raises(Unavailable) as caught:
            open_node(NodeConfig.load(tmp_path / "node.toml"))
        assert caught.value.code == "chain.locked"
