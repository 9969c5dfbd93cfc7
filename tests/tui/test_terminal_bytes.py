"""What a real terminal gets: the raw bytes written to a pseudo terminal."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import time
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

from tests.support.vectors import vectors_dir

ROOT = Path(__file__).resolve().parents[2]
# What Textual itself writes to draw: CSI sequences, its mode switches and keyboard protocol.
OWN = re.compile(
    rb"\x1b\]22;[a-z-]+\x07"  # the shape of the mouse pointer
    rb"|\x1b\]2;WalletApp(?:\x07|\x1b\\)"
    rb"|\x1b\[[0-9;?<>=:]*[ -/]*[@-~]"
    rb"|\x1bP\+q[0-9a-f]*\x1b\\"
    rb"|\x1b\][0-9;]*\x07"
    rb"|\x1b[()=>78]"
)


def run_in_terminal(program, keys=(), seconds=20.0, size=(24, 80)):
    """Run a program on a pseudo terminal until it ends and return every byte it wrote."""
    child, master = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.environ.update({"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "NO_COLOR": ""})
        os.execv(sys.executable, [sys.executable, "-c", program])  # noqa: S606 - our own program
    ioctl(master, TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    written = b""
    end = time.monotonic() + seconds
    waiting = list(keys)
    try:
        while time.monotonic() < end:
            ready, _, _ = select.select([master], [], [], 0.1)
            if ready:
                try:
                    chunk = os.read(master, 65536)
                except OSError:
                    break
                if not chunk:
                    break
                written += chunk
            elif waiting:
                os.write(master, waiting.pop(0))
    finally:
        os.close(master)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return written


CONSENT = """
import json, sys
from dataclasses import replace
from tests.support.hostile_plan import consent_app
consent_app(json.loads({cases!r})).run()
"""


def hostile_bytes(written):
    """Return the control bytes that are not Textual's own drawing."""
    left = OWN.sub(b"", written)
    text = left.decode("utf-8", "replace")
    return [
        char
        for char in text
        if (ord(char) < 0x20 and char not in "\r\n\b")
        or 0x7F <= ord(char) < 0xA0
        or char in "\u202e\u2066\u2028\u200f"
    ]


def test_no_hostile_byte_of_a_request_reaches_the_terminal():  # [WAL-SHOW-1]
    cases = json.loads((vectors_dir("terminal_escapes") / "cases.json").read_text())["cases"]
    texts = [case["input"][:4000] for case in cases]
    written = run_in_terminal(CONSENT.format(cases=json.dumps(texts)), seconds=240)
    assert b"DONE" in written
    titles = re.findall(rb"\x1b\]2;([^\x07\x1b]*)", written)
    assert set(titles) <= {b"WalletApp"}  # the program's own name, no remote text
    assert b"VERIFIED" in written
    assert not re.search(rb"\x1b\](52|0|8|9);", written)
    assert not re.search(rb"\x1b_G|\x1bX|\x1bP\+q544e", written)
    assert hostile_bytes(written) == []


CRASH = """
from tests.support.hostile_plan import crashing_app
crashing_app().run()
"""


def test_a_crash_shows_no_local_variable_and_no_traceback():  # [WAL-SHOW-6]
    written = run_in_terminal(CRASH, seconds=120)
    assert b"CANARY-PASSPHRASE" not in written
    assert b"Traceback" not in written
    assert b"Nothing of the screen was kept" in written
