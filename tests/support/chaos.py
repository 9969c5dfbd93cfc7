"""People who try again, and somebody who pulls plugs while they do.

A step of the story picks its victim by the seed: a server that gets SIGKILL and is started
again, or the wallet's own command. Everybody else behaves as a person would: waits, looks
where things stand, and does the step again.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from warifu.demo.actors import Applicant, Officer, Shop, Told, Wallet
from warifu.demo.browser import Browser, Page
from warifu.demo.narrator import Narrator
from warifu.demo.network import CommandError, Network
from warifu.demo.processes import Program
from warifu.demo.story import SKILL, Story

PATIENCE = 120.0
WALLET = "wallet"
_T = TypeVar("_T")


@dataclass
class Saboteur:
    """Kills one thing in each of the chosen steps, at a moment the seed decides."""

    network: Network
    seed: int
    kills: int = 3
    steps: int = 22
    done: list[tuple[str, str, float]] = field(default_factory=list)
    step_number: int = 0
    wallet_wait: float | None = None

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        names = [*self.network.programs, WALLET, WALLET]
        chosen = sorted(chance.sample(range(1, self.steps), self.kills))
        self.plan = {step: (chance.choice(names), chance.random() * 1.2) for step in chosen}
        # As many seeds as there are programs have each of them killed.
        self.plan[chosen[0]] = (names[self.seed % len(names)], self.plan[chosen[0]][1])
        self._thread: threading.Thread | None = None
        self.trouble: BaseException | None = None

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Run one step of the story, with its accident when it has one."""
        self.step_number += 1
        victim, after = self.plan.get(self.step_number, ("", 0.0))
        program = self.network.programs.get(victim)
        if victim == WALLET:
            self.wallet_wait = after
            self.done.append((text, WALLET, after))
        elif program is not None and program.running() and not self._meant_to_die(victim, text):
            self.done.append((text, victim, after))
            self._thread = threading.Thread(target=self._strike, args=(program, after))
            self._thread.start()
        try:
            yield
        finally:
            self.wallet_wait = None
            if self._thread is not None:
                self._thread.join()
                self._thread = None
            if self.trouble is not None:
                raise self.trouble

    @staticmethod
    def _meant_to_die(victim: str, text: str) -> bool:
        """The story itself stops and starts this firm; one accident at a time."""
        return victim == SKILL and ("SIGKILL" in text or "is back" in text)

    def _strike(self, program: Program, after: float) -> None:
        time.sleep(after)
        try:
            program.kill()
            program.start()
            program.wait_ready(PATIENCE)
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            self.trouble = error

    def wallet_dies_after(self) -> float | None:
        """Return when the next wallet command is to be killed; once per step."""
        after, self.wallet_wait = self.wallet_wait, None
        return after


@dataclass(slots=True)
class TroubledNarrator(Narrator):
    """Tells the story's steps to the saboteur as well."""

    saboteur: Saboteur = field(default=None)  # type: ignore[assignment]

    @contextmanager
    def step(self, ja: str, en: str) -> Iterator[None]:
        with self.saboteur.step(en), Narrator.step(self, ja, en):
            yield


def patiently(act: Callable[[], _T], done: Callable[[], _T | None] = lambda: None) -> _T:
    """Do something until it works, or until it turns out to have worked."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except (urllib.error.URLError, OSError, LookupError, CommandError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        try:
            found = done()
        except (urllib.error.URLError, OSError, LookupError):
            found = None
        if found is not None:
            return found


@dataclass(slots=True)
class PatientApplicant(Applicant):
    """Reloads pages; an application sent twice is two applications, and she follows the last."""

    def apply(self) -> str:
        return patiently(lambda: Applicant.apply(self))

    def move(self, moved_on: date) -> str:
        before = self.case

        def follower() -> str | None:
            """The first try arrived: the old case's page links to the new one."""
            page = self.browser.get(before)
            link = page.elements.get("follower")
            if link is None:
                return None
            self.case = self.portal + link.attributes["href"].removeprefix(self.portal)
            return self.case

        return patiently(lambda: Applicant.move(self, moved_on), follower)

    def offer_link(self) -> str:
        return patiently(lambda: Applicant.offer_link(self))


@dataclass(slots=True)
class PatientOfficer(Officer):
    """Signs in again when the page wants it; a button that is gone was pressed before."""

    def log_in(self) -> None:
        patiently(lambda: Officer.log_in(self))

    def act(self, case: str, what: str, **fields: str) -> Page:
        tries = 0

        def press() -> Page:
            nonlocal tries
            tries += 1
            page = Officer.act(self, case, what, **fields)
            if page.status >= 500:
                raise CommandError(f"the portal answered {page.status}")
            return page

        def pressed() -> Page | None:
            identifier = case.rstrip("/").rsplit("/", 1)[-1]
            page = self.browser.get(f"{self.portal}/operator/cases/{identifier}")
            gone = all(form.identifier != what for form in page.forms)
            return page if page.status == 200 and gone and what != "issue" else None

        return patiently(press, pressed)


@dataclass(slots=True)
class PatientShop(Shop):
    """A visitor who reloads."""

    def ask(self, browser: Browser) -> str:
        return patiently(lambda: Shop.ask(self, browser))

    def customers(self, browser: Browser) -> Page:
        return patiently(lambda: Shop.customers(self, browser))


NETWORK = 6  # the wallet's exit code for "not reached"


@dataclass(frozen=True, slots=True)
class MortalWallet(Wallet):
    """A wallet whose command may be killed, run again as a person would."""

    saboteur: Saboteur = field(kw_only=True)

    def run(self, *words: str, stdin: str | None = None) -> Told:
        after = self.saboteur.wallet_dies_after()
        killed = after is not None and self._killed(words, stdin, after)
        deadline = time.monotonic() + PATIENCE
        while True:
            told = Wallet.run(self, *words, stdin=stdin)
            if told.code != NETWORK or words[0] == "sync" or time.monotonic() > deadline:
                return self._known(told, words) if killed else told
            killed = True
            time.sleep(0.5)

    def _killed(self, words: tuple[str, ...], stdin: str | None, after: float) -> bool:
        process = subprocess.Popen(
            [sys.executable, "-m", "warifu", "wallet", "--json", "--home", str(self.home), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "WARIFU_PASSPHRASE_FILE": str(self.passphrase_file)},
            start_new_session=True,
        )
        if process.stdin is not None:
            process.stdin.write((stdin or "").encode())
            process.stdin.close()
        time.sleep(0.4 + 2 * after)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True

    def _known(self, told: Told, words: tuple[str, ...]) -> Told:
        """What was done before the accident is no error the second time."""
        already = {
            "init": ("keystore.exists", "input.config_exists"),
            "withdraw": ("consent.already_withdrawn",),
        }.get(words[0], ())
        if told.error in already:
            return Told(0, {})
        if words[0] == "present" and told.code:
            return self._ended(told)
        return told

    def _ended(self, told: Told) -> Told:
        """The link is spent: the history says how it ended."""
        line = next(row for row in self.must("history") if row["kind"] == "shared")
        if line["outcome"] == "accepted":
            firm = line["firm"]
            consents = [row for row in self.must("consents") if row["firm"] == firm]
            record = consents[0]["record_id"] if consents else None
            return Told(0, {"state": "accepted", "record_id": record})
        if line["outcome"] == "refused" and line["code"]:
            return Told(told.code, {"state": "refused", "code": line["code"]})
        return told


class TroubledStory(Story):
    """The same story, told by patient people."""

    def __post_init__(self) -> None:
        Story.__post_init__(self)
        portal = self.applicant.portal
        self.applicant = PatientApplicant(portal, self.persona)
        self.maker, self.checker = (
            PatientOfficer(portal, officer.name, officer.password)
            for officer in (self.maker, self.checker)
        )
        self.shops = {name: PatientShop(shop.url) for name, shop in self.shops.items()}

    def _receive(self, number: str) -> None:
        """An offer whose code was spent in the accident is given anew by the issuer."""
        for _ in range(3):
            link = self.applicant.offer_link()
            got: Any = self.wallet.run("offer", link, "--tx-code", number)
            if got.code == 0:
                self.count.credentials_issued += int(got.value["copies"])
                return
            if self.wallet.must("credentials") and got.error == "issuance.tx_code":
                held = self.wallet.must("credentials")
                if self._fresh(held):
                    return
            number = self.checker.issue(self.applicant.case)
        raise AssertionError(f"no credentials came: {got.value}")

    def _fresh(self, held: list[dict[str, Any]]) -> bool:
        """Whether the credentials of this very case arrived before the accident."""
        copies = sum(row["copies"] for row in held)
        if copies <= self.count.credentials_issued:
            return False
        self.count.credentials_issued = copies
        return True


def begin(network: Network, home: Path, seed: int, today: date, persona: Any) -> TroubledStory:
    """A resident with a new wallet and bad luck."""
    secret = home / "passphrase"
    handle = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(os.urandom(24).hex() + "\n")
    saboteur = Saboteur(network, seed)
    return TroubledStory(
        network=network,
        persona=persona,
        wallet=MortalWallet(home / "wallet", secret, saboteur=saboteur),
        narrator=TroubledNarrator("en", saboteur=saboteur),
        today=today,
        patience=PATIENCE,
    )
