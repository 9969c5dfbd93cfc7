"""The explorer in a real Chromium [EXP-WEB-2], [EXP-WEB-7]: phone and desktop, without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_chain.explorer.families import FAMILIES
from registry_chain.transactions import Name, tx_id_of
from ssi.encoding import b64url_decode
from tests.support.axe import grave_violations
from tests.support.browser import Browser, browsing
from tests.support.chain import Chain, running
from tests.support.furnished import furnish
from tests.support.registry import accreditation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

HOSTILE = Name(
    ja="<script>document.title='x'</script>髙﨑" + "葛󠄀" * 20, en='"><img src=x onerror=x>'
)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running(tmp_path_factory.mktemp("chain") / "c.db") as running_chain:
        furnish(running_chain)
        running_chain.decide(accreditation(name=HOSTILE))
        yield running_chain


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


def pages(chain: Chain) -> list[str]:
    raw = b64url_decode(chain.engine.blocks(4, 1)[0]["txs"][0])  # type: ignore[index,arg-type]
    return [
        "/", "/live?every=60", "/blocks", "/block/4", "/txs", f"/tx/{tx_id_of(raw.decode())}",
        "/validators", "/records", "/record/issuer/city-kyc", "/record/verifier/minpaku-one",
        "/record/status/city-kyc/main", "/record/issuer/nobody", "/search?q=city-kyc",
        *(f"/records/{family.prefix}" for family in FAMILIES),
    ]  # fmt: skip


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_complains_or_scrolls_sideways(
    chain: Chain, browser: Browser, width: int, lang: str
) -> None:
    browser.complaints.clear()
    for path in pages(chain):
        sign = "&" if "?" in path else "?"
        browser.open(f"{chain.url}{path}{sign}lang={lang}", width=width)
        assert browser.overflow() <= 0, (path, browser.overflow())
        assert browser.complaints == [], path
        assert browser.count("script, [onclick], [onload], [onerror], [style]") == 0
        assert browser.count("h1") == 1
    browser.open(chain.url + "/record/issuer/city-kyc")
    assert browser.call("Runtime.evaluate", expression="document.title")["result"]["value"] != "x"


def test_a_reader_without_scripts_searches_and_goes_on(chain: Chain, browser: Browser) -> None:
    browser.javascript(on=False)
    try:
        browser.open(f"{chain.url}/?lang=en", width=360)
        root = browser.call("DOM.getDocument")["root"]["nodeId"]
        box = browser.call("DOM.querySelector", nodeId=root, selector="#q")["nodeId"]
        browser.call("DOM.focus", nodeId=box)
        browser.call("Input.insertText", text="city-kyc")
        browser.events.clear()
        for kind in ("keyDown", "keyUp"):
            browser.call(
                "Input.dispatchKeyEvent", type=kind, key="Enter", text="\r",
                windowsVirtualKeyCode=13,
            )  # fmt: skip
        browser.wait("Page.loadEventFired")
        assert "Search results" in browser.text("h1")
        assert browser.count("main .list > li") == 2
    finally:
        browser.javascript(on=True)


def test_what_a_screen_reader_gets(chain: Chain, browser: Browser) -> None:
    """[EXP-WEB-7]"""
    for path in pages(chain):
        sign = "&" if "?" in path else "?"
        browser.open(f"{chain.url}{path}{sign}lang=en", width=1280)
        names = browser.names()
        roles = {role for role, _ in names}
        assert {"main", "banner", "navigation", "search", "contentinfo"} <= roles, path
        unnamed = [role for role, name in names if role in _NAMED and not name.strip()]
        assert unnamed == [], path


_NAMED = {"link", "button", "searchbox", "textbox", "heading", "spinbutton", "navigation"}

_CONTRAST = """
(() => {
  const channel = (x) => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  const light = (c) => {
    const [r, g, b] = c.map((x) => channel(x / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const rgb = (text) => {
    const m = text.match(/[\\d.]+/g).map(Number);
    return m.length > 3 && m[3] === 0 ? null : m.slice(0, 3);
  };
  const paper = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c) return c;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    const a = light(rgb(getComputedStyle(e).color)), b = light(paper(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.add(e.tagName + "." + e.className + " " + ratio.toFixed(2));
  }
  return [...poor];
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough(chain: Chain, browser: Browser, scheme: str) -> None:
    """[EXP-WEB-7]: WCAG 2.2, 1.4.3 (4.5 : 1), in light and in dark."""
    browser.call(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )
    for path in ("/", "/record/issuer/city-kyc", "/block/4", "/live", "/record/issuer/nobody"):
        browser.open(chain.url + path)
        found = browser.call("Runtime.evaluate", expression=_CONTRAST, returnByValue=True)
        assert found["result"]["value"] == [], path


@pytest.mark.node
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(chain: Chain, browser: Browser, scheme: str) -> None:
    """[EXP-WEB-7]: by a checker that is not ours."""
    browser.call(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )
    for path in pages(chain):
        browser.open(chain.url + path)
        assert grave_violations(browser) == [], path


def test_a_picture_can_be_taken(chain: Chain, browser: Browser, tmp_path: Path) -> None:
    """The page is really drawn: a blank one would compress to almost nothing."""
    browser.open(chain.url + "/", width=360)
    browser.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000
