"""A real network for tests: several nodes, each its own process with its own CometBFT."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from registry_chain.audit import read_export
from registry_chain.cli_network import write_testnet
from registry_chain.client import Committed, HeadMemory, RegistryClient, Submitter
from registry_chain.engines.cometbft.binary import find_binary
from registry_chain.engines.cometbft.testnet import Member
from registry_chain.genesis import Genesis, GenesisMember, new_genesis
from registry_chain.keyfile import read_key
from registry_chain.records import MemberRecord, member_key
from registry_chain.transactions import Body, UpdateMemberKeys
from registry_chain.transactions.fields import bare_jwk
from ssi.encoding import JSONObject, sha256
from ssi.errors import Unavailable
from ssi.fetch import FetchPolicy, Request, http_fetch
from ssi.keys import Alg, SoftwareSigner
from tests.support.effort import patience
from tests.support.relays import Relay
from warifu.demo.processes import Program
from warifu.testnet import ports_for, program


def require_cometbft() -> None:
    """Skip with one clear line, or fail where nothing may be skipped."""
    try:
        find_binary()
    except Unavailable as error:
        if os.environ.get("WARIFU_NO_SKIP"):
            raise
        pytest.skip(f"{error} (make cometbft)", allow_module_level=True)


def insisted(submitter: Submitter, body: Body) -> Committed:
    """Submit until the fate is known: nodes that just started may be a block behind."""
    end = time.monotonic() + 60 * patience()
    while True:
        try:
            return submitter.submit(body, now())
        except Unavailable:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


@dataclass
class Network:
    """Nodes that run, how to ask them, and how to hurt them."""

    folder: Path
    members: list[Member]
    genesis: Genesis
    programs: list[Program] = field(default_factory=list)
    wires: dict[tuple[int, int], Relay] = field(default_factory=dict)

    def urls(self, *chosen: int) -> list[str]:
        return [self.members[n].url for n in chosen or range(len(self.members))]

    def client(self, *chosen: int) -> RegistryClient:
        fetch = http_fetch(FetchPolicy(allow_loopback_http=True))
        return RegistryClient(self.urls(*chosen), self.genesis, fetch, HeadMemory.volatile())

    def submitter(self, account: str = "member-1", *chosen: int, lane: int = 0) -> Submitter:
        key = read_key(self.folder / "keys" / f"{account}.key")
        return Submitter(self.client(*chosen), account, key, lane)

    def status(self, number: int) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.members[number].url}/v1/status", timeout=5) as answer:  # noqa: S310 - our own loopback address
            return dict(json.load(answer))

    def height(self, number: int) -> int:
        try:
            return int(self.status(number)["height"])
        except OSError:
            return 0

    def change(self, name: str, account: str = "member-1", *chosen: int) -> Committed:
        """Let a member add a key of this name to its own, and wait for the proof."""
        own = read_key(self.folder / "keys" / f"{account}.key")
        keys = (bare_jwk(own.public_key), key_of(name))
        body = UpdateMemberKeys(member=account, keys=keys)
        return insisted(self.submitter(account, *chosen), body)

    def knows(self, number: int, name: str, account: str = "member-1") -> bool:
        """Whether a node proves that the member has the key of this name."""
        found = self.client(number).read(member_key(account), now=now()).value
        return found is not None and key_of(name) in MemberRecord.from_json(found).keys

    def wait_height(self, height: int, *chosen: int, seconds: float = 60) -> None:
        """Wait until the chosen nodes are at least at a height."""
        end = time.monotonic() + seconds
        numbers = list(chosen or range(len(self.members)))
        while any(self.height(number) < height for number in numbers):
            assert time.monotonic() < end, [self.height(number) for number in numbers]
            time.sleep(0.1)

    def start(self, *chosen: int) -> None:
        picked = [self.programs[n] for n in chosen or range(len(self.programs))]
        for one in picked:
            one.start()
        for one in picked:
            one.wait_ready(120)

    # --- hurting ---

    def processes(self, number: int) -> list[int]:
        """The node's processes: the master, the worker with our application, CometBFT."""
        found = [self.programs[number].process.pid]  # type: ignore[union-attr]
        for pid in found:
            for thread in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(OSError):
                    found += [int(child) for child in thread.read_text("ascii").split()]
        return found

    def application(self, number: int) -> int:
        """The process that has the ledger."""
        return self.processes(number)[1]

    def cometbft(self, number: int) -> int:
        """The process that votes; waits while it is being restarted."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for pid in self.processes(number)[2:]:
                with suppress(OSError):
                    if b"cometbft" in Path(f"/proc/{pid}/exe").readlink().name.encode():
                        return pid
            time.sleep(0.1)
        raise AssertionError(f"node {number} runs no CometBFT")

    def signal(self, number: int, kind: signal.Signals) -> None:
        """Send a signal to every process of a node."""
        os.killpg(self.programs[number].process.pid, kind)  # type: ignore[union-attr]

    def sever(self, number: int) -> None:
        """Cut a node off from all other nodes."""
        for pair, wire in self.wires.items():
            if number in pair:
                wire.sever()

    def mend(self) -> None:
        """Mend all wires."""
        for wire in self.wires.values():
            wire.mend()

    def break_program(self, number: int, fault: str) -> None:
        """Let a node's next start be one of `tests.support.faulty_node`."""
        one = self.programs[number]
        one.module = "tests.support.faulty_node"
        one.arguments = (fault, "chain", "node", "--home", str(self.members[number].home))

    def mend_program(self, number: int) -> None:
        """Let a node's next start be an honest one."""
        self.programs[number] = program(self.members[number])

    def forget(self, number: int) -> None:
        """Take away all that a stopped node knows, but not how far it has signed."""
        home = self.members[number].home
        for path in home.glob("chain.db*"):
            path.unlink()
        data = home / "cometbft" / "data"
        for path in data.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "priv_validator_state.json":
                path.unlink()

    # --- judging ---

    def chain(self, number: int, start: int = 1) -> dict[int, JSONObject]:
        """Every block from a height on that a node has with its final signatures."""
        fetch = http_fetch(FetchPolicy(allow_loopback_http=True, max_bytes=2**25, timeout=60))
        found: dict[int, JSONObject] = {}
        while True:
            url = f"{self.members[number].url}/v1/blocks?from={start}&limit=100"
            page = list(read_export(fetch(Request(url=url)).body.splitlines()))
            if not page:
                return found
            found |= {int(str(block["height"])): block for block in page}
            start = max(found) + 1

    def tx(self, number: int, tx_id: str) -> dict[str, Any]:
        url = f"{self.members[number].url}/v1/tx/{tx_id}"
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own loopback
            return dict(json.load(answer))


def key_of(name: str) -> JSONObject:
    """The same key for the same name."""
    return bare_jwk(SoftwareSigner.from_secret(Alg.EDDSA, sha256(name.encode())).public_key)


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def network(
    folder: Path,
    count: int = 4,
    *,
    wired: bool = False,
    snapshot_interval: int = 1000,
    age: float = 0,
    more: Sequence[GenesisMember] = (),
) -> Iterator[Network]:
    """Found and run a network; stop it whatever happens.

    Args:
        folder: A new folder for all nodes.
        count: How many validators.
        wired: Let the nodes reach one another by wires that can be cut.
        snapshot_interval: At every height that this divides a snapshot is made.
        age: How many seconds ago the chain was founded, by its genesis.
        more: Members that run no validator.
    """
    founded = time.time() - age

    def new(*, members: list[GenesisMember], **fields: Any) -> Genesis:
        return new_genesis(members=[*members, *more], **fields)

    cli = "registry_chain.cli_network"
    with patch(f"{cli}.time.time", lambda: founded), patch(f"{cli}.new_genesis", new):
        members = write_testnet(folder, ports_for(count), "test-net")
    net = Network(folder, members, Genesis.load(folder / "genesis.json"))
    net.programs = [program(member) for member in members]
    for member in members:
        edit(member, "snapshot_interval = 1000", f"snapshot_interval = {snapshot_interval}")
    if wired:
        _wire(net)
    try:
        net.start()
        yield net
    finally:
        for one in net.programs:
            with suppress(ProcessLookupError, AttributeError):
                os.killpg(one.process.pid, signal.SIGCONT)  # type: ignore[union-attr]
        with ThreadPoolExecutor(len(net.programs)) as pool:
            list(pool.map(Program.stop, net.programs))
        for wire in net.wires.values():
            wire.close()


def edit(member: Member, old: str, new: str) -> None:
    """Change a node's settings as its operator would."""
    path = member.home / "node.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def _wire(net: Network) -> None:
    for near, member in enumerate(net.members):
        for far, other in enumerate(net.members):
            if near != far:
                wire = net.wires[near, far] = Relay(other.p2p_port)
                edit(member, f"@127.0.0.1:{other.p2p_port}", f"@127.0.0.1:{wire.port}")
