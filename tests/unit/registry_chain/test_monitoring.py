"""What an operator's tools see of a node: alive, ready, figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from registry_chain.engines.base import EngineStatus
from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.monitoring import FRESH, check_ready
from registry_chain.node import create_app
from ssi.errors import Unavailable
from tests.support.chain import TestClock, open_engine

STATUS = EngineStatus(
    chain_id="test", height=7, time=1_000_000, app_hash="", validators=4, waiting=0
)
THEN = datetime.fromtimestamp(STATUS.time, UTC)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def engine(tmp_path: Path, clock: TestClock):
    made = open_engine(tmp_path / "chain.db", clock)
    yield made
    made.close()


def figures(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(f"|{value}" for _, value in sorted(sample.labels.items())): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_node_is_ready_while_its_newest_block_is_fresh():
    """[OPS-MON-2]"""
    ready = check_ready(STATUS, THEN + FRESH)
    assert (ready.height, ready.age) == (7, FRESH)
    assert check_ready(STATUS, THEN - timedelta(seconds=1)).age == timedelta()
    with pytest.raises(Unavailable) as refused:
        check_ready(STATUS, THEN + FRESH + timedelta(microseconds=1))
    assert refused.value.code == "chain.behind"
    assert check_ready(replace(STATUS, time=STATUS.time + 60), THEN + FRESH).height == 7


def test_an_old_node_is_alive_and_not_ready(engine: EmbeddedEngine, clock: TestClock):
    """[OPS-MON-1] [OPS-MON-2]"""
    http = create_app(engine, clock).test_client()
    assert http.get("/ready").json == {"ok": True, "height": 1, "age": 0}
    clock.move(minutes=2)
    assert http.get("/health").status_code == 200
    answer = http.get("/ready")
    assert (answer.status_code, answer.json["error"]) == (503, "chain.behind")
    assert set(answer.json["message"]) == {"ja", "en"}


def test_figures_are_those_of_the_chain_and_of_routes(engine: EmbeddedEngine, clock: TestClock):
    """[OPS-MON-3] [OPS-MON-4]"""
    http = create_app(engine, clock).test_client()
    for path in ("/v1/status", "/v1/light/1", "/v1/light/1", "/no/such/path", "/no/other"):
        http.get(path)
    clock.move(seconds=30)
    answer = http.get("/metrics")
    assert answer.content_type.startswith("text/plain; version=")
    found = figures(answer.text)
    assert found["warifu_chain_up"] == 1
    assert found["warifu_chain_height"] == engine.status().height
    assert found["warifu_chain_block_age_seconds"] >= 29
    assert found["warifu_http_requests_total|GET|/v1/light/<height>|200"] == 2
    assert found["warifu_http_requests_total|(none)|(none)|404"] == 2
    assert found["warifu_http_seconds_count|/v1/status"] == 1
    assert "no/such" not in answer.text


def test_a_stopped_engine_is_told_in_the_figures(engine: EmbeddedEngine, clock: TestClock):
    """[OPS-MON-1] [OPS-MON-3]"""
    http = create_app(engine, clock).test_client()
    engine.close()
    assert http.get("/health").status_code == 503
    assert figures(http.get("/metrics").text)["warifu_chain_up"] == 0
