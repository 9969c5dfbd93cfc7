"""The people of the demo and what they do: each through the program a person would use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from warifu.demo.browser import Browser, Page, Upload
from warifu.demo.network import CommandError
from warifu.demo.persona import Address, Persona, licence_photo


@dataclass(slots=True)
class Applicant:
    """The resident in front of a browser."""

    portal: str
    persona: Persona = field(repr=False)
    browser: Browser = field(default_factory=Browser, repr=False)
    case: str = ""

    def apply(self) -> str:
        """Fill in the application form, photo included; returns the case's address."""
        person = self.persona
        page = self.browser.get(f"{self.portal}/apply")
        page = self.browser.submit(
            page,
            "apply",
            {
                "family_name": person.family_name,
                "given_name": person.given_name,
                "name_kana": person.kana,
                "birthdate": person.birthdate.isoformat(),
                **_address_fields(person.address),
                "licence_number": person.licence_number,
                "licence_classes": list(person.licence_classes),
                "licence_conditions": list(person.licence_conditions),
                "licence_expiry": person.licence_expiry.isoformat(),
                "number_is_licence": "yes",
                "consent": "yes",
            },
            {"licence_photo": Upload("menkyo.png", "image/png", licence_photo(1))},
        )
        self.case = _must_reach(page, "/applications/")
        return self.case

    def move(self, moved_on: date) -> str:
        """Apply for credentials with the new address; returns the new case's address."""
        page = self.browser.get(f"{self.case}/move")
        page = self.browser.submit(
            page,
            "move",
            {**_address_fields(self.persona.new_address), "moved_on": moved_on.isoformat()},
            {"evidence_photo": Upload("tennyu.png", "image/png", licence_photo(2))},
        )
        self.case = _must_reach(page, "/applications/")
        return self.case

    def offer_link(self) -> str:
        """Return the offer on the status page."""
        page = self.browser.get(self.case)
        return page.element("offer-link").attributes["href"]


def _address_fields(address: Address) -> dict[str, str]:
    return {
        "postal_code": address.postal_code,
        "region": address.region,
        "locality": address.locality,
        "street_address": address.street_address,
    }


def _must_reach(page: Page, part: str) -> str:
    if page.status != 200 or part not in page.url or page.url.endswith("/move"):  # noqa: PLR2004
        raise CommandError(f"the portal answered {page.status} at another page")
    return page.url


@dataclass(slots=True)
class Officer:
    """An operator of the issuer."""

    portal: str
    name: str
    password: str = field(repr=False)
    browser: Browser = field(default_factory=Browser, repr=False)

    def log_in(self) -> None:
        """Sign in."""
        page = self.browser.get(f"{self.portal}/operator/login")
        page = self.browser.submit(page, "login", {"name": self.name, "password": self.password})
        if "/login" in page.url:
            raise CommandError("the operator could not sign in")

    def act(self, case: str, what: str, **fields: str) -> Page:
        """Press one of a case's buttons: approve, issue, reject, revoke."""
        identifier = case.rstrip("/").rsplit("/", 1)[-1]
        page = self.browser.get(f"{self.portal}/operator/cases/{identifier}")
        return self.browser.submit(page, what, fields)

    def issue(self, case: str) -> str:
        """Issue; returns the number that is told to the resident on another channel."""
        return self.act(case, "issue").element("tx-code").text.strip()


@dataclass(frozen=True, slots=True)
class Told:
    """What a wallet command answered."""

    code: int
    value: Any = field(repr=False)

    @property
    def error(self) -> str:
        """The error's stable code, empty when there is none."""
        error = self.value.get("error") if isinstance(self.value, dict) else None
        return str(error["code"]) if isinstance(error, dict) else ""


@dataclass(frozen=True, slots=True)
class Wallet:
    """The resident's wallet, by its own commands, each its own process."""

    home: Path
    passphrase_file: Path

    def run(self, *words: str, stdin: str | None = None) -> Told:
        """Run ``warifu wallet ... --json`` and read its answer; never raises for an exit code."""
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "warifu", "wallet", "--json", "--home", str(self.home), *words],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=_environment(self.passphrase_file),
            check=False,
        )
        lines = done.stdout.strip().splitlines()
        try:
            value = json.loads(lines[-1]) if lines else None
        except ValueError:
            value = None
        if value is None:
            raise CommandError(f"wallet {words[0]}: exit {done.returncode}: {done.stderr[-600:]}")
        return Told(done.returncode, value)

    def must(self, *words: str, stdin: str | None = None) -> Any:
        """Run a command that has to work and return its answer."""
        told = self.run(*words, stdin=stdin)
        if told.code:
            raise CommandError(f"wallet {words[0]}: {told.error or told.code}")
        return told.value


def _environment(passphrase_file: Path) -> dict[str, str]:
    return {**os.environ, "WARIFU_PASSPHRASE_FILE": str(passphrase_file)}


@dataclass(slots=True)
class Shop:
    """A firm's web site as a visitor sees it."""

    url: str

    def ask(self, browser: Browser) -> str:
        """Start an identity check; returns the wallet link on the page."""
        page = browser.submit(browser.get(f"{self.url}/"), "start")
        return page.element("wallet-link").attributes["href"]

    def customers(self, browser: Browser) -> Page:
        """The firm's own customer list."""
        return browser.get(f"{self.url}/customers")
