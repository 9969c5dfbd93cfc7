"""Application and CometBFT as a pair: started together, restarted together, stopped together.

The application lives in this process, beside the HTTP interface, because one process must own the
ledger's file; CometBFT is its child. When CometBFT dies, the application forgets all that is not
durable before the next start, which is what a restart of it would do. When this process dies,
CometBFT loses its socket and stops by itself.
"""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ssi.errors import SSIError

FIRST_WAIT: Final = 0.3
LONGEST_WAIT: Final = 10.0
_STEADY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 5.0
_MAX_LOG: Final = 10_000_000
_LOG = logging.getLogger("warifu.chain.supervisor")


class Supervisor:
    """Keeps CometBFT running until told to stop.

    Args:
        command: The program and its arguments.
        log: Where its output goes; begun anew at a start when it has grown big.
        before_start: Called before every start. What it raises ends the supervision: it is why
            this node must not sign.
    """

    def __init__(self, command: list[str], *, log: Path, before_start: Callable[[], None]) -> None:
        self._command = command
        self._log = log
        self._before_start = before_start
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """CometBFT's process, while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def stop(self) -> None:
        """End CometBFT politely, by force if it does not."""
        self._stopping.set()
        process = self._process
        if process is not None:
            _end(process)
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS * 2)

    def _run(self) -> None:
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                self._before_start()
                self._process = self._started()
            except SSIError as error:
                _LOG.error("CometBFT must not be started: %s: %s", error.code, error)
                return
            except OSError as error:
                _LOG.error("CometBFT cannot be started: %s", error)
            else:
                code = self._process.wait()
                if self._stopping.is_set():
                    return
                _LOG.warning("CometBFT ended with %d; see %s", code, self._log)
            if time.monotonic() - begun > _STEADY_SECONDS:
                wait = FIRST_WAIT
            self._stopping.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def _started(self) -> subprocess.Popen[bytes]:
        with contextlib.suppress(OSError):
            if self._log.stat().st_size > _MAX_LOG:
                self._log.replace(self._log.with_suffix(".old"))
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - checked by binary.py
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            )
        if self._stopping.is_set():
            _end(process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
