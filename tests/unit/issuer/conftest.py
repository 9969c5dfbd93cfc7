"""One chain for a module of tests; a fresh database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from issuer.config import Config
from issuer.context import Issuer
from tests.support.chain import Chain, TestClock, running
from tests.support.databases import database_url
from tests.support.issuer_world import opened, write_config


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running(tmp_path_factory.mktemp("chain") / "chain.db") as made:
        yield made


@pytest.fixture(scope="module")
def settings(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Config:
    return write_config(tmp_path_factory.mktemp("issuer"), chain)


@pytest.fixture
def config(settings: Config, tmp_path: Path, database: str) -> Config:
    return replace(
        settings,
        database=database_url(tmp_path / "issuer.db"),
        memory=tmp_path / f"memory-{database}.db",
    )


@pytest.fixture
def clock() -> TestClock:
    """The issuer's own clock; the chain's stands still."""
    return TestClock()


@pytest.fixture
def issuer(config: Config, clock: TestClock) -> Iterator[Issuer]:
    with opened(config, clock) as made:
        yield made
