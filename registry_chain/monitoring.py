"""What an operator's tools ask of a node: alive, ready, and its figures [OPS-MON-1] to [OPS-MON-4].

Alive (``/health``) says that the process answers; ready (``/ready``) that what it serves is fresh.
The figures are Prometheus's. None of them names a person, a record or an address.
"""

import time as wall
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from registry_chain.engines.base import Engine, EngineStatus
from ssi.encoding import canonical_json
from ssi.errors import Unavailable

FRESH: Final = timedelta(seconds=90)  # three heartbeats
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_NOWHERE: Final = "(none)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """A node that may serve: its newest block is fresh."""

    height: int
    age: timedelta


def check_ready(status: EngineStatus, now: datetime, fresh: timedelta = FRESH) -> Readiness:
    """Return the readiness of a node, or why it has none [OPS-MON-2].

    Args:
        status: The node's own account.
        now: The present.
        fresh: How old its newest block may be.

    Raises:
        Unavailable: ``chain.behind``.
    """
    age = now - datetime.fromtimestamp(status.time, UTC)
    if age > fresh:
        raise Unavailable("the newest block here is old", code="chain.behind", retry_after=5)
    return Readiness(height=status.height, age=max(age, timedelta()))


class _ChainFigures(Collector):
    """The chain's own figures, read when they are asked for."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Give each figure; of an engine that does not answer, only that it does not."""
        try:
            status = self._engine.status()
        except Unavailable:
            yield _gauge("up", "Whether the engine answers.", 0)
            return
        yield _gauge("up", "Whether the engine answers.", 1)
        age = self._clock().timestamp() - status.time
        yield _gauge("height", "The newest block's height.", status.height)
        yield _gauge("block_age_seconds", "The newest block's age.", max(age, 0))
        yield _gauge("validators", "How many validators there are.", status.validators)
        yield _gauge("waiting", "How many transactions wait here.", status.waiting)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"warifu_chain_{name}", text, value=value)


def add_monitoring(app: Flask, engine: Engine, clock: Callable[[], datetime]) -> None:
    """Add ``/health``, ``/ready`` and ``/metrics`` to a node's application."""
    registry = CollectorRegistry()
    registry.register(_ChainFigures(engine, clock))
    ProcessCollector(registry=registry)
    requests = Counter(
        "warifu_http_requests",
        "Requests by route, never by path.",
        ["method", "route", "status"],
        registry=registry,
    )
    seconds = Histogram(
        "warifu_http_seconds", "How long they took.", ["route"], buckets=_BUCKETS, registry=registry
    )

    @app.before_request
    def begin() -> None:
        g.begun = wall.perf_counter()

    @app.after_request
    def count(answer: Response) -> Response:
        # A label is made of the rule, so that a stranger's paths cannot fill the memory.
        route = request.url_rule.rule if request.url_rule is not None else _NOWHERE
        method = request.method if route != _NOWHERE else _NOWHERE
        requests.labels(method, route, str(answer.status_code)).inc()
        seconds.labels(route).observe(wall.perf_counter() - g.begun)
        return answer

    @app.get("/health")
    def health() -> Response:
        return _json({"ok": True, "height": engine.status().height})

    @app.get("/ready")
    def ready() -> Response:
        found = check_ready(engine.status(), clock())
        return _json({"ok": True, "height": found.height, "age": int(found.age.total_seconds())})

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _json(value: dict[str, bool | int]) -> Response:
    return Response(canonical_json({**value}), mimetype="application/json")
