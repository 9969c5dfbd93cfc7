"""What every test shares: a skip is an error where the real component must be there."""

from __future__ import annotations

import os

import pytest

_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
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
