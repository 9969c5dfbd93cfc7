"""A real network for tests: several nodes, each its own process with its own CometBFT."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from registry_chain.cli_network import write_testnet
from registry_chain.client import Committed, HeadMemory, RegistryClient, Submitter
from registry_chain.engines.cometbft.binary import find_binary
from registry_chain.engines.cometbft.testnet import Member
from registry_chain.genesis import Genesis
from registry_chain.keyfile import read_key
from registry_chain.records import MemberRecord, member_key
from registry_chain.transactions import UpdateMemberKeys
from registry_chain.transactions.fields import bare_jwk
from ssi.encoding import JSONObject, sha256
from ssi.errors import Unavailable
from ssi.fetch import FetchPolicy, http_fetch
from ssi.keys import Alg, SoftwareSigner
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


@dataclass
class Network:
    """Nodes that run, and how to ask them."""

    folder: Path
    members: list[Member]
    genesis: Genesis
    programs: list[Program] = field(default_factory=list)

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
        return self.submitter(account, *chosen).submit(body, now())

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


def key_of(name: str) -> JSONObject:
    """The same key for the same name."""
    return bare_jwk(SoftwareSigner.from_secret(Alg.EDDSA, sha256(name.encode())).public_key)


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def network(folder: Path, count: int = 4) -> Iterator[Network]:
    """Found and run a network; stop it whatever happens."""
    members = write_testnet(folder, ports_for(count), "test-net")
    net = Network(folder, members, Genesis.load(folder / "genesis.json"))
    net.programs = [program(member) for member in members]
    try:
        net.start()
        yield net
    finally:
        for one in net.programs:
            one.stop()
