"""A real headless Chromium, driven over its DevTools protocol: what a page does, not what it says.

Only what the tests need: go to a page, look at it in some width, and hear every error.
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import websocket

PATIENCE = 20.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Browser:
    """One tab."""

    socket: websocket.WebSocket
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    complaints: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def call(self, method: str, **params: Any) -> Any:
        """Call the browser and wait for its answer; events are noted on the way."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._note(message)

    def _note(self, message: Any) -> None:
        method, params = message.get("method", ""), message.get("params", {})
        self.events.append(method)
        if method == "Log.entryAdded":
            entry = params["entry"]
            self.complaints.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.complaints.append(f"{method}: {params}")
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append(f"a dialog opened: {params}")

    def open(self, url: str, *, width: int = 1280, height: int = 900) -> None:
        """Go to a page in a window of this size and wait until it is loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait("Page.loadEventFired")

    def wait(self, event: str) -> None:
        """Wait for an event."""
        end = time.monotonic() + PATIENCE
        while event not in self.events:
            assert time.monotonic() < end, f"no {event}"
            self._note(json.loads(self.socket.recv()))

    def javascript(self, *, on: bool) -> None:
        """Let pages run scripts, or not."""
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        size = self.call("Page.getLayoutMetrics")
        return int(size["cssContentSize"]["width"] - size["cssLayoutViewport"]["clientWidth"])

    def count(self, selector: str) -> int:
        """How many elements a selector finds; works with scripts disabled."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        return len(self.call("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"])

    def text(self, selector: str = "body") -> str:
        """The markup of the first element a selector finds."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        return str(self.call("DOM.getOuterHTML", nodeId=node)["outerHTML"])

    def names(self) -> list[tuple[str, str]]:
        """Role and accessible name of everything in the accessibility tree."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            (str(node["role"]["value"]), str(node.get("name", {}).get("value", "")))
            for node in nodes
            if not node.get("ignored")
        ]

    def picture(self, path: Path) -> None:
        """Save what the whole page looks like."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


def chromium() -> str:
    """Where Chromium is; without one the test is skipped, which CI counts as an error."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no Chromium here: make browser")
    return found


@contextmanager
def browsing(home: Path) -> Iterator[Browser]:
    """Start Chromium with a fresh profile and one tab."""
    program = subprocess.Popen(
        [
            chromium(),
            "--headless=new",
            "--no-sandbox",  # containers run as root
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--remote-debugging-port=0",
            "--remote-allow-origins=*",
            f"--user-data-dir={home / 'profile'}",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        socket = websocket.create_connection(_tab(home / "profile"), timeout=PATIENCE)
        browser = Browser(socket)
        for domain in ("Page", "Runtime", "Log", "DOM", "Accessibility"):
            browser.call(f"{domain}.enable")
        yield browser
        socket.close()
    finally:
        program.terminate()
        program.wait(PATIENCE)


def _tab(profile: Path) -> str:
    end = time.monotonic() + PATIENCE
    told = profile / "DevToolsActivePort"
    while time.monotonic() < end:
        if told.exists() and (port := told.read_text().split("\n", 1)[0]).isdigit():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [one for one in json.load(answer) if one["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
        time.sleep(0.05)
    raise AssertionError("Chromium did not start")
