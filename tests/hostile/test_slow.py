"""A client that begins a request and says no more holds no thread for long (catalogue D-02)."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.issuer_world import free_port
from warifu.serving import SILENCE_SECONDS

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
from flask import Flask, request
from warifu.serving import serve

def build():
    app = Flask("slow")
    app.add_url_rule("/", "ok", lambda: "ok")
    app.add_url_rule("/read", "read", lambda: request.get_data() or "ok", methods=["POST"])
    return app, lambda: None

serve(build, host="127.0.0.1", port=int(sys.argv[1]))
"""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    number = free_port()
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with (tmp_path / "log").open("wb") as log:
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(number)], stderr=log, env=environ
        )
        try:
            until = time.monotonic() + 30
            while not answers(number, 1) and time.monotonic() < until:
                time.sleep(0.05)
            yield number
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait(20)
    assert "Traceback" not in (tmp_path / "log").read_text()


def answers(port: int, patience: float) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na=",
    ],
    ids=["half a header", "half a body"],
)
def test_half_requests_let_others_through(port: int, begun: bytes):
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    for each in silent:
        each.sendall(begun)
    time.sleep(0.2)
    assert answers(port, SILENCE_SECONDS + 20)
    for each in silent:
        each.close()
