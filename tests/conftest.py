"""What every test shares: a skip is an error where the real component must be there."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support import databases, postgres
from tests.support.postgres import Server

# How long an example takes says something about the machine, not about the property. CI says the
# same of the same commit twice; everybody else tries other examples each time.
settings.register_profile(
    "warifu",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("WARIFU_NO_SKIP")),
)
settings.load_profile("warifu")

_skipped: list[str] = []


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server for this process of tests."""
    with postgres.running() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kind of database a test runs on, each in turn."""
    if request.param == "sqlite":
        yield "sqlite"
        return
    with databases.on(request.getfixturevalue("postgres_server")):
        yield "postgres"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A whole file that skips itself is no less missing."""
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if not os.environ.get("WARIFU_NO_SKIP") or not _skipped:
        return
    if hasattr(session.config, "workerinput"):
        return
    names = ", ".join(sorted(set(_skipped))[:5])
    session.exitstatus = pytest.ExitCode.TESTS_FAILED
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"WARIFU_NO_SKIP: {len(_skipped)} skipped: {names}", red=True)
