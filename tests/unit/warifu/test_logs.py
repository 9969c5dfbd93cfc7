"""The programs' log: one object a line, and nothing slips in."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from ssi.errors import Unreachable
from warifu.logs import JSONLines, start_logging

CANARY = "CANARY-東京都"


def failed(error: Exception) -> logging.LogRecord:
    try:
        raise error
    except type(error):
        return logging.getLogger("x").makeRecord(
            "warifu.x", logging.ERROR, "", 1, "it failed", (), sys.exc_info()
        )


def test_a_failure_tells_its_code_and_place_and_no_more():
    """[OPS-LOG-1] [OPS-LOG-2]"""
    line = json.loads(JSONLines().format(failed(ValueError(CANARY))))
    assert set(line) == {"time", "level", "from", "message", "error", "at"}
    assert (line["error"], line["level"]) == ("ValueError", "error")
    assert line["at"].startswith("test_logs.py:")
    assert CANARY not in json.dumps(line, ensure_ascii=False)
    ours = json.loads(JSONLines().format(failed(Unreachable(CANARY, code="chain.unreachable"))))
    assert ours["error"] == "chain.unreachable"
    assert CANARY not in str(ours)


def test_a_line_is_a_line_whatever_is_said():
    """[OPS-LOG-1]"""
    record = logging.makeLogRecord({"msg": 'two\nlines "\x1b[31m', "name": "x"})
    text = JSONLines().format(record)
    assert "\n" not in text
    assert "\x1b" not in text
    assert json.loads(text)["message"] == 'two\nlines "\x1b[31m'


@pytest.mark.parametrize(
    "environ", [{"WARIFU_LOG": "xml"}, {"WARIFU_LOG_LEVEL": "loud"}, {"WARIFU_LOG": ""}]
)
def test_an_unknown_setting_is_refused(environ: dict[str, str]):
    """[OPS-LOG-1]"""
    with pytest.raises(ValueError, match="WARIFU_LOG"):
        start_logging(environ)


def test_a_real_server_logs_through_it(tmp_path):
    """[OPS-LOG-1] [OPS-LOG-3]: gunicorn, its worker and our application, one form."""
    program = (
        "import logging, os, threading, urllib.request\n"
        "from warifu.serving import serve\n"
        "from warifu.demo.processes import free_port\n"
        "port = free_port()\n"
        "def app(environ, start):\n"
        "    logging.getLogger('warifu.test').warning('seen')\n"
        "    raise RuntimeError('CANARY')\n"
        "def ask():\n"
        "    try: urllib.request.urlopen(f'http://127.0.0.1:{port}/secret-path')\n"
        "    except Exception: pass\n"
        "    os.kill(os.getppid(), 15)\n"
        "def build():\n"
        "    threading.Timer(0.5, ask).start()\n"
        "    return app, lambda: None\n"
        "serve(build, host='127.0.0.1', port=port)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"warifu.test", "gunicorn.error"} <= {line["from"] for line in lines}
    assert "CANARY" not in done.stderr
    assert "secret-path" not in done.stderr
