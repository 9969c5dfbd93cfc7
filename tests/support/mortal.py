"""A wallet command in a process that dies at a chosen point.

Its points lie before and after each commit of the vault and each exchange with another party.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from ssi.fetch import Request, Response
from tests.support.countdown import countdown
from wallet import holder
from wallet.vault import Vault
from warifu.__main__ import main

PATIENCE = 120.0  # seconds


def context() -> ForkServerContext:
    """Where commands are forked from: everything is imported once."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["tests.support.mortal", "wallet.console"])
    return found


def killed_at(
    forks: ForkServerContext, home: Path, secret: Path, words: Sequence[str], point: int
) -> bool:
    """Run a wallet command that dies at a point; tell whether it came so far."""
    process = forks.Process(target=_live, args=(home, secret, list(words), point))
    process.start()
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        raise AssertionError(f"wallet {words[0]} hangs")
    return process.exitcode == -signal.SIGKILL


def _live(home: Path, secret: Path, words: list[str], point: int) -> None:
    os.setpgrp()  # it dies alone
    reach = countdown(point)
    commit, connect = Vault._run, holder.http_fetch

    def run(vault: Vault, statement: str, values: Sequence[object]) -> list[Any]:
        if statement != "COMMIT":
            return commit(vault, statement, values)
        reach()
        rows = commit(vault, statement, values)
        reach()
        return rows

    def http_fetch(*args: Any) -> Callable[[Request], Response]:
        fetch = connect(*args)

        def exchange(request: Request) -> Response:
            reach()
            answer = fetch(request)
            reach()
            return answer

        return exchange

    Vault._run, holder.http_fetch = run, http_fetch  # type: ignore[method-assign,assignment]
    os.environ["WARIFU_PASSPHRASE_FILE"] = str(secret)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = main(["wallet", "--json", "--home", str(home), *words])
    os._exit(code)
