"""Serve one WSGI program on one address, with workers that may die at any moment.

The application is built in the worker, after the fork: no database handle,
thread or lock is ever shared between processes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

WSGI = Callable[..., Any]
Stop = Callable[[], None]
Build = Callable[[], tuple[WSGI, Stop]]

REQUEST_SECONDS = 60
MAX_REQUEST_LINE = 8190


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

    def load(self) -> WSGI:
        app, self._stop = self._build()
        return app

    def _on_worker_exit(self, _server: object, _worker: object) -> None:
        if self._stop is not None:
            self._stop()
            self._stop = None


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
            "errorlog": "-",
            "loglevel": "warning",
            "control_socket_disable": True,
        },
    ).run()
