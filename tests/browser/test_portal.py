"""A resident, two operators and a firm's page in a real Chromium, by keyboard alone.

[POR-WEB-3] [TRUST-WEB-1]: no script anywhere, nothing wider than a phone, every control named,
nothing that axe-core finds serious or critical.
``WARIFU_PICTURES=DIR`` keeps what the pages look like.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.axe import grave_violations
from tests.support.browser import Browser, browsing
from warifu.demo import cast
from warifu.demo.network import Network, running
from warifu.demo.persona import licence_photo, resident

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.xdist_group("browser")]

WIDTHS = (360, 1280)
NAMED = {"link", "button", "textbox", "heading", "checkbox", "combobox", "Date", "image"}
TODAY = datetime.now().astimezone(cast.JST).date()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with running(tmp_path_factory.mktemp("portal") / "network") as started:
        yield started


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


def key(browser: Browser, name: str, code: int, text: str = "") -> None:
    for kind in ("keyDown", "keyUp"):
        browser.call(
            "Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code,
            **({"text": text} if text and kind == "keyDown" else {}),
        )  # fmt: skip


def value(browser: Browser, expression: str) -> object:
    return browser.call("Runtime.evaluate", expression=expression)["result"].get("value")


def tab_to(browser: Browser, wanted: str) -> None:
    """Press Tab until the element has the focus: whoever has no mouse gets there."""
    for _ in range(120):
        if value(browser, f"document.activeElement.matches({wanted!r})"):
            return
        key(browser, "Tab", 9)
    raise AssertionError(f"the keyboard does not reach {wanted}")


def fill(browser: Browser, name: str, text: str) -> None:
    tab_to(browser, f"#{name}")
    browser.call("Input.insertText", text=text)


def day(browser: Browser, name: str, iso: str) -> None:
    """Type a date as the browser's own field wants it: month, day, year."""
    tab_to(browser, f"#{name}")
    year, month, day_ = iso.split("-")
    for digit in month + day_ + year:
        key(browser, digit, ord(digit), digit)
    assert value(browser, f"document.getElementById({name!r}).value") == iso


def tick(browser: Browser, selector: str) -> None:
    tab_to(browser, selector)
    key(browser, " ", 32, " ")
    assert value(browser, f"document.querySelector({selector!r}).checked") is True


def press(browser: Browser, selector: str) -> None:
    """Press a button or follow a link with Enter and wait for the next page."""
    tab_to(browser, selector)
    browser.events.clear()
    key(browser, "Enter", 13, "\r")
    browser.wait("Page.loadEventFired")


def look(browser: Browser, name: str) -> None:
    """Every page: no complaint, no script, nothing sideways, every control named."""
    address = str(value(browser, "location.href"))
    for width in WIDTHS:
        browser.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=900, deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip
        assert browser.overflow() <= 0, (name, width, browser.overflow())
        if folder := os.environ.get("WARIFU_PICTURES"):
            browser.picture(Path(folder) / f"{name}-{width}.png")
    assert browser.complaints == [], (name, address)
    assert browser.count("script, [onclick], [onload], [onerror]") == 0, name
    assert browser.count("h1") == 1, name
    unnamed = [role for role, text in browser.names() if role in NAMED and not text.strip()]
    assert unnamed == [], name
    assert grave_violations(browser) == [], name


def open_page(browser: Browser, url: str, name: str) -> None:
    browser.complaints.clear()
    browser.open(url)
    look(browser, name)


def apply(browser: Browser, portal: str, photo: Path) -> str:
    person = resident(TODAY)
    open_page(browser, f"{portal}/apply", "apply")
    press(browser, "#apply button[type=submit]")
    browser.complaints = [one for one in browser.complaints if "422" not in one]
    look(browser, "apply-problems")
    assert browser.count("[role=alert] a") > 5, "each problem leads to its field"
    texts = {
        "family_name": person.family_name, "given_name": person.given_name,
        "name_kana": person.kana,
    }  # fmt: skip
    for name, text in texts.items():
        fill(browser, name, text)
    day(browser, "birthdate", person.birthdate.isoformat())
    fill(browser, "postal_code", person.address.postal_code)
    fill(browser, "region", "")
    for char in ("ArrowDown",) * _row_of(browser, person.address.region):
        key(browser, char, 40)
    fill(browser, "locality", person.address.locality)
    fill(browser, "street_address", person.address.street_address)
    fill(browser, "licence_number", person.licence_number)
    tick(browser, "#number_is_licence")
    for kind in person.licence_classes:
        tick(browser, f"[name=licence_classes][value={kind}]")
    day(browser, "licence_expiry", person.licence_expiry.isoformat())
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    chooser = browser.call("DOM.querySelector", nodeId=root, selector="#licence_photo")["nodeId"]
    browser.call("DOM.setFileInputFiles", nodeId=chooser, files=[str(photo)])
    tick(browser, "#consent")
    press(browser, "#apply button[type=submit]")
    assert "/applications/" in str(value(browser, "location.href")), browser.text("main")
    look(browser, "status-submitted")
    return str(value(browser, "location.href"))


def _row_of(browser: Browser, region: str) -> int:
    found = value(
        browser,
        f"[...document.querySelectorAll('#region option')].findIndex(o => o.text === {region!r})",
    )
    assert isinstance(found, int)
    assert found > 0
    return found


def sign_in(browser: Browser, network: Network, name: str) -> None:
    browser.call("Network.clearBrowserCookies")
    open_page(browser, f"{network.url('issuer')}/operator/login", "login")
    fill(browser, "name", name)
    fill(browser, "password", network.passwords[name])
    press(browser, "#login button[type=submit]")
    assert "/login" not in str(value(browser, "location.href"))
    look(browser, "queue")


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_from_application_to_offer_by_keyboard_alone(
    network: Network, browser: Browser, tmp_path: Path, lang: str
) -> None:
    portal = network.url("issuer")
    photo = tmp_path / "menkyo.png"
    photo.write_bytes(licence_photo(1))
    browser.call("Network.clearBrowserCookies")
    open_page(browser, f"{portal}/?lang={lang}", "welcome")
    assert value(browser, "document.documentElement.lang") == lang
    case = apply(browser, portal, photo)
    mine = browser.call("Network.getCookies", urls=[portal])["cookies"]
    number = case.rsplit("/", 1)[1]
    for name, button in (("ito.maker", "approve"), ("sato.checker", "issue")):
        sign_in(browser, network, name)
        open_page(browser, f"{portal}/operator/cases/{number}?lang={lang}", f"case-{button}")
        assert browser.count("img.document") == 1
        press(browser, f"#{button} button")
        look(browser, f"after-{button}")
    assert str(value(browser, "document.getElementById('tx-code').textContent.trim()")).isdigit()
    browser.call("Network.clearBrowserCookies")
    for cookie in mine:
        browser.call("Network.setCookie", url=portal, name=cookie["name"], value=cookie["value"])
    open_page(browser, f"{case}?lang={lang}", "status-offered")
    link = value(browser, "document.getElementById('offer-link').href")
    assert str(link).startswith("openid-credential-offer://")
    assert browser.count("svg") >= 1, "and the same as a QR code"


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_page_of_a_firm_works_without_scripts(
    network: Network, browser: Browser, lang: str
) -> None:
    shop = network.url(cast.FIRMS[0].id)
    browser.call("Network.clearBrowserCookies")
    open_page(browser, shop, "shop")
    press(browser, "form button")
    where = str(value(browser, "location.href"))
    assert "/kyc/p/" in where
    open_page(browser, f"{where.split('?', 1)[0]}?lang={lang}", "request")
    link = value(browser, "document.getElementById('wallet-link').href")
    assert str(link).startswith("openid4vp://")
    assert browser.count("svg") == 1
    tab_to(browser, "#wallet-link")
    browser.javascript(on=False)
    try:
        browser.open(where, width=360)
        assert "wallet-link" in browser.text("main")
    finally:
        browser.javascript(on=True)
    open_page(browser, f"{shop}/customers", "customers")
