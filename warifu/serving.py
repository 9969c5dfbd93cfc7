"""Serve one WSGI program on one address, with workers that may die at any moment.

The application is built in the worker, after the fork: no database handle,
thread or lock is ever shared between processes.
"""

from __future__ import annotations

import gc
import logging
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

from gunicorn.app.base import BaseApplication

from warifu.logs import ServerLogger, start_logging

WSGI = Callable[..., Any]
Stop = Callable[[], None]
Build = Callable[[], tuple[WSGI, Stop]]

REQUEST_SECONDS = 60
MAX_REQUEST_LINE = 8190
SILENCE_SECONDS = 3


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn, told everything by code: no configuration file, no environment."""

    def __init__(self, build: Build, settings: dict[str, Any]) -> None:
        self._build = build
        self._settings = settings
        self._stop: Stop | None = None
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)
        self.cfg.set("worker_exit", self._on_worker_exit)
        self.cfg.set("when_ready", _no_patience)

    def load(self) -> WSGI:
        app, self._stop = self._build()
        gc.freeze()  # what is loaded stays: no collection walks through it while a client waits

        def patient(environ: dict[str, Any], start: Any) -> Any:
            environ["wsgi.input"] = _Body(environ["wsgi.input"])
            return app(environ, start)

        return patient

    def _on_worker_exit(self, _server: object, _worker: object) -> None:
        if self._stop is not None:
            self._stop()
            self._stop = None


class _Body:
    """A request's body; a client that fell silent has ended it, which makes it a bad request."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._stream.read(size))
        except BlockingIOError:
            return b""

    def readline(self, size: int = -1) -> bytes:
        try:
            return bytes(self._stream.readline(size))
        except BlockingIOError:
            return b""

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


def _not_silence(record: logging.LogRecord) -> bool:
    """A client that says nothing is no news: whoever likes could fill the log with it."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, BlockingIOError)


def _no_patience(server: Any) -> None:
    """Let no connection hold a thread by saying nothing: accepted sockets inherit the limit.

    A reverse proxy that takes whole requests only belongs before a program on the open network.
    """
    logging.getLogger("gunicorn.error").addFilter(_not_silence)
    for listener in server.LISTENERS:
        seconds = struct.pack("ll", SILENCE_SECONDS, 0)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)


def serve(build: Build, *, host: str, port: int, workers: int = 1, threads: int = 8) -> None:
    """Serve until the process is told to stop (SIGTERM, SIGINT).

    Args:
        build: makes the application and what stops its background work;
            called once in every worker.
        host: address to listen on.
        port: port to listen on.
        workers: processes; 1 for a program that must be the only writer.
        threads: requests answered at once by each worker.
    """
    start_logging()
    _Server(
        build,
        {
            "bind": [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"],
            "workers": workers,
            "threads": threads,
            "worker_class": "gthread",
            "timeout": REQUEST_SECONDS,
            "graceful_timeout": 5,
            "keepalive": 15,
            "limit_request_line": MAX_REQUEST_LINE,
            "limit_request_fields": 64,
            # The access log would hold paths; a path may be a capability.
            "accesslog": None,
            "logger_class": ServerLogger,
            "control_socket_disable": True,
        },
    ).run()
