"""A firm, and a wallet's commands, killed again and again on the demo's real network.

[TRUST-2] [TRUST-UPD-1] [TRUST-UPD-6] [SHA-BOX-13] [WAL-SEND-1] [WAL-SEND-2]: what was
acknowledged is found again, and nothing has its effect twice. The firm dies at one point after the
other, the wallet at points of chance: the seed is printed, ``WARIFU_SEED=7 pytest ...`` plays it
again.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ssi.errors import Unavailable
from tests.support import mortal, mortal_firm
from tests.support.chaos import PATIENCE, PatientShop, patiently
from wallet.config import WalletConfig
from wallet.holder import Holder
from wallet.places import address_from_form
from wallet.presenting import Outcome, Shared
from warifu.demo import cast
from warifu.demo.actors import Applicant, Officer, Wallet
from warifu.demo.browser import Browser
from warifu.demo.network import Network, running
from warifu.demo.persona import Address, resident
from warifu.demo.processes import Program
from warifu.demo.story import HOME_SHARE, SKILL

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("killed-demo")]
TODAY = datetime.now().astimezone(cast.JST).date()
SEED = int(os.environ.get("WARIFU_SEED", "0")) or random.SystemRandom().getrandbits(32)
VISITS = 2
POINTS = range(1, 14)  # of a firm's work, at which its lives end, one after the other
NEVER = 0
COPIES = 20  # of one application: ten identities, ten licences
_T = TypeVar("_T")


@dataclass
class Resident:
    """A person with a wallet, an approved application, and the link and number to take it up."""

    network: Network
    wallet: Wallet
    applicant: Applicant
    checker: Officer
    offer: tuple[str, ...] = ()

    def apply(self, maker: Officer) -> None:
        case = self.applicant.apply()
        maker.log_in()
        maker.act(case, "approve")
        self.checker.log_in()
        self.issue()

    def issue(self) -> None:
        """Get a new number, and with it a new link; the link is kept, as a person would."""
        number = self.checker.issue(self.applicant.case)
        self.offer = ("offer", self.applicant.offer_link(), "--tx-code", number)

    def address(self, number: int) -> Address:
        """A new address every time: this one moves a lot."""
        new = self.applicant.persona.new_address
        return replace(new, street_address=f"{new.street_address} {number}号室")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with running(tmp_path_factory.mktemp("killed") / "network") as started:
        yield started


@pytest.fixture
def person(network: Network, tmp_path: Path) -> Resident:
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("tally and tally\n")
    wallet = Wallet(tmp_path / "wallet", secret)
    wallet.must(
        "init", "--genesis", str(network.genesis), "--node", network.url("chain"),
        "--mailbox", network.url("mailbox"), "--loopback", "--undo-seconds", "0",
    )  # fmt: skip
    portal = network.url("issuer")
    maker, checker = (Officer(portal, name, network.passwords[name]) for name, _ in cast.OPERATORS)
    made = Resident(network, wallet, Applicant(portal, resident(TODAY)), checker)
    made.apply(maker)
    return made


def rows(network: Network, firm: str, query: str, *values: str, file: str = "verifier.db") -> Any:
    """What a firm keeps on its disk."""
    with closing(sqlite3.connect(network.home / "firms" / firm / file)) as database:
        return database.execute(query, values).fetchall()


# --- a firm ------------------------------------------------------------------


@contextmanager
def bad_luck(program: Program) -> Iterator[list[int]]:
    """Let a firm die again and again, each life a point of its work later, then live.

    Each life begins with what the one before left undone, so that its death comes a step further.
    """
    over, deaths, trouble = threading.Event(), list[int](), list[BaseException]()
    immortal = (program.module, program.environment)

    def live() -> None:
        for point in (*POINTS, NEVER):
            program.kill()
            program.environment = {mortal_firm.POINT: str(point)}
            program.start()
            while program.process and program.process.poll() is None and not over.wait(0.05):
                pass
            if program.process and program.process.returncode is not None:
                assert program.process.returncode == -signal.SIGKILL, program.last_words()
                deaths.append(point)
            if over.is_set():
                return

    def lives() -> None:
        try:
            live()
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            trouble.append(error)

    program.module = mortal_firm.__name__
    thread = threading.Thread(target=lives)
    thread.start()
    try:
        yield deaths
    finally:
        over.set()
        thread.join()
        program.kill()
        program.module, program.environment = immortal
        program.start()
        program.wait_ready(PATIENCE)
    assert not trouble, trouble


def persist(act: Callable[[], _T]) -> _T:
    """Do something again while the other side does not answer."""

    def tried() -> _T:
        try:
            return act()
        except Unavailable as error:
            raise OSError(error.code) from error

    return patiently(tried)


def visit(holder: Holder, shop: PatientShop) -> str:
    """Answer a firm's request until it has accepted; returns the receipt's record."""
    link = shop.ask(Browser())
    plan = persist(lambda: holder.review(link))
    outcome: Outcome | None = persist(lambda: holder.answer(plan, accept_updates=True))

    def heard() -> Outcome:
        nonlocal outcome
        assert outcome is not None, "an answer that may have arrived was forgotten"
        if outcome.state is Shared.UNKNOWN:
            outcome = holder.resume(link)
        if outcome is None or outcome.state is Shared.UNKNOWN:
            raise Unavailable("the firm was not heard")
        return outcome

    ended = persist(heard)
    assert ended.state is Shared.ACCEPTED, ended.code
    assert ended.code is None
    assert ended.record_id is not None
    return ended.record_id


def until_accepted(holder: Holder) -> None:
    """Look for answers, as a person would, until the firm has accepted all there is."""

    def look() -> None:
        holder.sync()
        waiting = [(item.kind, item.state, item.code) for item in holder.deliveries()]
        if any(state != "accepted" for _, state, _ in waiting):
            raise Unavailable(str(waiting))

    persist(look)


@pytest.mark.parametrize("firm", [HOME_SHARE, SKILL], ids=["push", "poll"])
def test_a_firm_that_dies_at_any_point_keeps_its_word(
    network: Network, person: Resident, firm: str
) -> None:
    """Receipts, updates and a withdrawal: what the holder was told is on the firm's disk, once."""
    person.wallet.must(*person.offer)
    shop = PatientShop(network.url(firm))
    secret = person.wallet.passphrase_file.read_text().strip()
    with Holder.open(WalletConfig.load(person.wallet.home), secret) as holder:
        with bad_luck(network.programs[firm]) as deaths:
            records = []
            for number in range(VISITS):
                records.append(visit(holder, shop))
                holder.move(address_from_form(**asdict(person.address(number))), TODAY)
                until_accepted(holder)
            holder.withdraw(records[0])
            until_accepted(holder)
        moves = [item for item in holder.deliveries() if item.kind == "address_update"]
    print(f"{firm}: died at {deaths}")  # noqa: T201 - what the test was worth
    assert deaths, "nobody was killed"

    kept = {
        record: (reference, withdrawn)
        for record, reference, withdrawn in rows(
            network, firm, "SELECT record_id, reference, withdrawn_at FROM consents"
        )
    }
    assert len(set(records)) == VISITS
    assert [kept[record][1] is not None for record in records] == [True] + [False] * (VISITS - 1)
    own = rows(network, firm, "SELECT reference FROM customers", file="customers.db")
    known = {reference for (reference,) in own}
    assert {kept[record][0] for record in records} <= known
    events = sorted(item.event_id for item in moves)
    assert len(events) == VISITS
    applied = [event for (event,) in rows(network, firm, "SELECT event_id FROM addresses")]
    assert sorted(event for event in applied if event in events) == events
    page = shop.customers(Browser()).text
    assert person.address(VISITS - 1).formatted in page


# --- a wallet ----------------------------------------------------------------


@dataclass
class Unlucky:
    """Runs a wallet's commands, each dying a few times before it may end."""

    wallet: Wallet
    chance: random.Random
    killed: list[tuple[str, int]]
    missed: int = 0

    def __call__(self, words: Sequence[str], *, deaths: int, points: int) -> None:
        """Kill a command at points of chance; it has about ``points`` when nobody kills it."""
        for point in sorted(self.chance.sample(range(1, points + 1), deaths)):
            where = (self.wallet.home, self.wallet.passphrase_file)
            if mortal.killed_at(mortal.context(), *where, words, point):
                self.killed.append((words[0], point))
            else:
                self.missed += 1


def test_a_wallet_that_dies_at_any_point_loses_nothing_and_does_nothing_twice(
    network: Network, person: Resident
) -> None:
    print(f"seed {SEED}")  # noqa: T201 - to play it again
    wallet = person.wallet
    unlucky = Unlucky(wallet, random.Random(SEED), [])

    unlucky(person.offer, deaths=4, points=16)
    receive(person)
    assert sum(row["copies"] for row in wallet.must("credentials")) == COPIES

    records = {firm: agree(network, wallet, unlucky, firm) for firm in (HOME_SHARE, SKILL)}
    told = [row["outcome"] for row in wallet.must("history") if row["kind"] == "shared"]
    assert told == ["accepted", "accepted"]

    typed = wallet.home.parent / "address.json"
    typed.write_text(json.dumps(asdict(person.address(1))), "utf-8")
    move = ("move", "--moved-on", TODAY.isoformat(), "--address-file", str(typed))
    unlucky(move, deaths=3, points=12)
    event = wallet.must(*move)["event_id"]
    unlucky(("sync",), deaths=2, points=8)
    until_told(wallet, "address_update", ["accepted", "accepted"])
    assert wallet.must(*move)["event_id"] == event, "told twice, it is one move"
    assert [row["kind"] for row in wallet.must("history")].count("moved") == 1
    for firm, record in records.items():
        assert len(rows(network, firm, APPLIED, record)) == 1, firm

    withdraw = ("withdraw", records[HOME_SHARE])
    unlucky(withdraw, deaths=2, points=6)
    last = wallet.run(*withdraw)
    assert last.code == 0 or last.error == "consent.already_withdrawn", last.value
    until_told(wallet, "consent_withdrawn", ["accepted"])
    ((withdrawn,),) = rows(network, HOME_SHARE, WITHDRAWN, records[HOME_SHARE])
    assert withdrawn is not None
    assert {row["firm"] for row in wallet.must("consents") if row["live"]} == {SKILL}
    print(f"killed at {unlucky.killed}, too late {unlucky.missed} times")  # noqa: T201 - as above
    assert len(unlucky.killed) > unlucky.missed


APPLIED = (
    "SELECT event_id FROM addresses a JOIN consents c ON c.relationship = a.relationship"
    " WHERE c.record_id = ?"
)
WITHDRAWN = "SELECT withdrawn_at FROM consents WHERE record_id = ?"


def receive(person: Resident) -> None:
    """Take the offer up; when its code was spent in the accident, the issuer gives a new one."""
    told = person.wallet.run(*person.offer)
    if told.error == "issuance.tx_code" and not person.wallet.must("credentials"):
        person.issue()
        told = person.wallet.run(*person.offer)
    assert person.wallet.must("credentials"), told.value


def agree(network: Network, wallet: Wallet, unlucky: Unlucky, firm: str) -> str:
    """Answer a firm, with a consent to updates; returns the one record both of them keep."""
    link = PatientShop(network.url(firm)).ask(Browser())
    present = ("present", link, "--yes", "--updates")
    unlucky(present, deaths=4, points=18)
    last = wallet.run(*present)
    newest = next(row for row in wallet.must("history") if row["kind"] == "shared")
    assert newest["outcome"] == "accepted", (last.value, newest)
    mine = [row for row in wallet.must("consents") if row["firm"] == firm and row["live"]]
    (record,) = [row["record_id"] for row in mine]
    kept = [name for (name,) in rows(network, firm, "SELECT record_id FROM consents")]
    assert kept.count(record) == 1
    return str(record)


def until_told(wallet: Wallet, kind: str, states: list[str]) -> None:
    """Sync, as a person would, until the firms' answers are these."""

    def look() -> None:
        told = wallet.run("sync")
        found = [row["state"] for row in told.value["deliveries"] if row["kind"] == kind]
        if found != states:
            raise OSError(str(found))

    patiently(look)
