"""axe-core, the accessibility checker of Deque, run inside a page by DevTools; `make peers`."""

from __future__ import annotations

import json

import pytest

from tests.support.browser import Browser
from tests.support.peers import PEERS

_AXE = PEERS / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """
axe.run(document, {resultTypes: ["violations"]}).then((found) => JSON.stringify(
  found.violations.flatMap((rule) => rule.nodes.map((node) => [
    rule.impact, rule.id, node.target.join(" "), node.html.slice(0, 120)]))))
"""
GRAVE = {"serious", "critical"}
# The page of a request waits for another device: without scripts it can only be drawn again, and
# nothing is typed in it that could be lost (WCAG 2.2 SC 2.2.1, essential).
ALLOWED = {"meta-refresh"}


def grave_violations(browser: Browser) -> list[list[str]]:
    """Return what axe-core finds serious or critical in the page that is open.

    DevTools brings the script in, so the page's own policy stays as strict as it is.
    """
    if not _AXE.exists():
        pytest.skip("no axe-core here: make peers")
    browser.call("Runtime.evaluate", expression=_AXE.read_text("utf-8"))
    told = browser.call("Runtime.evaluate", expression=_RUN, awaitPromise=True)
    found = json.loads(told["result"]["value"])
    return [one for one in found if one[0] in GRAVE and one[1] not in ALLOWED]
