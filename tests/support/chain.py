"""A real chain for tests: engine, HTTP server in a thread, verifying client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from registry_chain.client import HeadMemory, RegistryClient, Submitter
from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.explorer import Clock, utc_now
from registry_chain.genesis import Genesis
from registry_chain.node import create_app
from registry_chain.transactions import Body
from ssi.fetch import FetchPolicy, http_fetch
from tests.support.registry import (
    CHAIN,
    T0,
    VALIDATOR,
    accreditation,
    make_genesis,
    operation,
    proposal,
    registration,
    signer,
)

START = datetime.fromtimestamp(T0 + 60, UTC)


class TestClock:
    """A clock that tests move by hand."""

    __test__ = False

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@dataclass
class Chain:
    """A running chain."""

    engine: EmbeddedEngine
    genesis: Genesis
    url: str
    clock: TestClock

    def client(self, memory: HeadMemory | None = None, *urls: str) -> RegistryClient:
        fetch = http_fetch(FetchPolicy(allow_loopback_http=True))
        return RegistryClient(
            urls or [self.url], self.genesis, fetch, memory or HeadMemory.volatile()
        )

    def do(self, account: str, body: Body, lane: int = 0) -> object:
        submitter = Submitter(self.client(), account, signer(account), lane)
        return submitter.submit(body, self.clock())

    def decide(self, *bodies: Body, lane: int = 0) -> object:
        """Propose as the council, whose one vote carries it at once."""
        return self.do("council", proposal(*bodies, at=int(self.clock().timestamp())), lane)

    def settle(self) -> None:
        """Accredit an issuer, register a firm and an operator."""
        self.decide(accreditation())
        self.decide(registration())
        self.decide(operation())


def open_engine(
    path: Path, clock: TestClock | None = None, *, chain_id: str = CHAIN, **more: object
) -> EmbeddedEngine:
    return EmbeddedEngine(
        path,
        make_genesis(chain_id=chain_id),
        VALIDATOR,
        clock or TestClock(),
        gather=timedelta(milliseconds=1),
        **more,  # type: ignore[arg-type]
    )


@contextmanager
def running(path: Path, *, chain_id: str = CHAIN, **more: object) -> Iterator[Chain]:
    clock = TestClock()
    engine = open_engine(path, clock, chain_id=chain_id, **more)
    try:
        with served(engine, clock) as url:
            yield Chain(engine, engine.genesis, url, clock)
    finally:
        engine.close()


@contextmanager
def served(engine: EmbeddedEngine, clock: Clock = utc_now) -> Iterator[str]:
    """The engine's node over HTTP, in a thread."""
    app = create_app(engine, clock)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
