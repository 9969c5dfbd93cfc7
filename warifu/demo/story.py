"""The whole journey, act by act. Every step is done by the program a person would use."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from registry_chain.client import Genesis, HeadMemory, RegistryClient
from ssi.fetch import FetchPolicy, http_fetch
from wallet.labels import DELIVERY
from warifu.demo import cast
from warifu.demo.actors import Applicant, Officer, Shop, Told, Wallet
from warifu.demo.browser import Browser
from warifu.demo.narrator import Narrator
from warifu.demo.network import Network, command
from warifu.demo.persona import Persona

HOME_SHARE, CAR, SKILL, SECOND_HAND, FINTECH = (firm.id for firm in cast.FIRMS)
PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = 0.3


class StoryError(AssertionError):
    """Something happened that must not happen in this story."""


@dataclass(slots=True)
class Ledger:
    """What the story counts, for the report."""

    credentials_issued: int = 0
    presentations_verified: int = 0
    presentations_rejected: int = 0
    presentations_declined: int = 0
    updates: dict[str, str] = field(default_factory=dict)
    receipts_verified: int = 0
    outcomes: list[tuple[str, str]] = field(default_factory=list)
    chain: dict[str, Any] = field(default_factory=dict)
    evidence: Path | None = None


@dataclass(slots=True)
class Story:
    """One telling of the journey on one network."""

    network: Network
    persona: Persona = field(repr=False)
    wallet: Wallet
    narrator: Narrator
    today: date
    patience: float = PATIENCE_SECONDS
    count: Ledger = field(default_factory=Ledger)
    visitor: Browser = field(default_factory=Browser)
    applicant: Applicant = field(init=False)
    maker: Officer = field(init=False)
    checker: Officer = field(init=False)
    shops: dict[str, Shop] = field(init=False)
    records: dict[str, str] = field(default_factory=dict)
    offer: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Bring the people in."""
        portal = self.network.url("issuer")
        self.applicant = Applicant(portal, self.persona)
        officers = [
            Officer(portal, name, self.network.passwords[name]) for name, _ in cast.OPERATORS
        ]
        self.maker, self.checker = officers
        self.shops = {firm.id: Shop(self.network.url(firm.id)) for firm in cast.FIRMS}

    def play(self) -> None:
        """Play all acts."""
        self.act_issue()
        self.act_present()
        self.act_move()
        self.act_withdraw()
        self.act_revoke()
        self.act_audit()
        self.act_evidence()

    # --- 1: apply, four eyes, issue ---

    def act_issue(self) -> None:
        """The resident applies; two operators check; the wallet receives."""
        tell = self.narrator
        tell.act("申請から発行まで", "Apply, check, issue")
        with tell.step("ウォレットを作る", "The resident makes a wallet"):
            self.wallet.must(
                "init", "--genesis", str(self.network.genesis),
                *(word for url in self.network.chain_urls for word in ("--node", url)),
                "--mailbox", self.network.url("mailbox"), "--loopback", "--undo-seconds", "0",
            )  # fmt: skip
        with tell.step(
            "免許証の写真を添えて申請する",
            "The resident applies in the portal, with a photo of the licence",
        ):
            case = self.applicant.apply()
        with tell.step("一人目の担当者が確かめて承認する", "A first operator checks and approves"):
            self.maker.log_in()
            self.maker.act(case, "approve")
        with tell.step("別の担当者が発行する（四つの目）", "Another operator issues (four eyes)"):
            self.checker.log_in()
            number = self.checker.issue(case)
        with tell.step(
            "ウォレットが発行者を台帳で確かめ、証明を受け取る",
            "The wallet proves the issuer by the ledger and receives the credentials",
        ):
            self._receive(number)
        tell.note(
            f"{self.count.credentials_issued} 枚の使い切りの証明、それぞれ別の鍵",
            f"{self.count.credentials_issued} one-time credentials, each with its own key",
        )

    def _receive(self, number: str) -> None:
        self.offer = ("offer", self.applicant.offer_link(), "--tx-code", number)
        got = self.wallet.must(*self.offer)
        self.count.credentials_issued += int(got["copies"])

    # --- 2: five presentations ---

    def act_present(self) -> None:
        """Five firms ask; one is refused by the resident, one refuses by policy."""
        tell = self.narrator
        tell.act("五つの事業者に提示する", "Five firms ask, each for its own purpose")
        for firm in cast.FIRMS:
            with tell.step(
                f"{firm.sector_ja}: {firm.name_ja}", f"{firm.sector_en}: {firm.name_en}"
            ):
                outcome = self._meet(firm)
            tell.note(*outcome)

    def _meet(self, firm: cast.FirmRole) -> tuple[str, str]:
        link = self.shops[firm.id].ask(self.visitor)
        if firm.id == SECOND_HAND:
            self.wallet.run("decline", link)
            self.count.presentations_declined += 1
            self.count.outcomes.append((firm.id, "declined"))
            return "本人が断った。何も渡していない", "declined by the resident; nothing was shared"
        told = self._present(link, updates=firm.updates)
        if firm.id == FINTECH:
            self._expect(told.code != 0, "a person of 19 was taken for 20")
            self.count.presentations_rejected += 1
            code = str(told.value.get("code") or told.error)
            self.count.outcomes.append((firm.id, f"rejected ({code})"))
            return (
                f"事業者の方針で不承認（{code}）",
                f"refused by the firm's policy ({code})",
            )
        self._expect(told.code == 0, f"{firm.id} did not accept: {told.value}")
        self.count.presentations_verified += 1
        self.count.outcomes.append((firm.id, "verified"))
        if told.value.get("record_id"):
            self.records[firm.id] = str(told.value["record_id"])
            self.count.receipts_verified += 1
        return "検証済み。住所変更の通知に同意", "verified; the resident agreed to address updates"

    def _present(self, link: str, *, updates: bool) -> Told:
        words = ["present", link, "--yes"]
        return self.wallet.run(*words, *(["--updates"] if updates else []))

    # --- 3: move house ---

    def act_move(self) -> None:
        """One change of address reaches every firm that holds a consent."""
        event = self.act_move_first()
        self.act_move_again(event)

    def act_move_first(self) -> str:
        """The resident tells it once; a firm is down, another wants proof. Returns the event."""
        tell = self.narrator
        tell.act("引っ越す: 届け出は一度だけ", "Move house: tell it once")
        down = self.network.programs[SKILL]
        with tell.step(
            "スキルの事業者が突然止まる（SIGKILL）", "The skills firm goes down (SIGKILL)"
        ):
            down.kill()
        with tell.step("ウォレットで新しい住所を登録する", "The wallet notes the new address"):
            event = self._note_move()
        with tell.step(
            "民泊は受け付け、カーシェアは証明を求める",
            "Home-sharing accepts; car-sharing wants it attested",
        ):
            self._until({HOME_SHARE: "accepted", CAR: "needs_attestation"})
        self._show_deliveries()
        return event

    def act_move_again(self, event: str) -> None:
        """The issuer vouches for the new address; the firm that was down comes back."""
        tell = self.narrator
        down = self.network.programs[SKILL]
        with tell.step(
            "発行者が新しい住所を確かめ、証明を出し直す",
            "The issuer checks the new address and issues again",
        ):
            case = self.applicant.move(self.today)
            self.maker.act(case, "approve")
            self._receive(self.checker.issue(case))
        with tell.step("証明付きで送り直す", "The wallet sends it again, attested"):
            self.wallet.must("attest", event)
        with tell.step("スキルの事業者が戻る", "The skills firm is back"):
            down.start()
            down.wait_ready()
        with tell.step("すべての事業者が受け付ける", "Every firm has accepted"):
            self._until(dict.fromkeys((HOME_SHARE, CAR, SKILL), "accepted"))
        self._show_deliveries()

    def _note_move(self) -> str:
        address = self.persona.new_address
        text = json.dumps(
            {
                "postal_code": address.postal_code,
                "region": address.region,
                "locality": address.locality,
                "street_address": address.street_address,
            }
        )
        moved = self.wallet.must(
            "move", "--moved-on", self.today.isoformat(), "--address-file", "-", stdin=text
        )
        return str(moved["event_id"])

    def _until(self, wanted: dict[str, str]) -> None:
        """Let the wallet sync until every firm is where it should be."""
        deadline = time.monotonic() + self.patience
        while True:
            told = self.wallet.run("sync")
            answers = told.value.get("answers", []) if isinstance(told.value, dict) else []
            self.count.receipts_verified += len(answers)
            self.count.updates = self._states(told)
            if all(self.count.updates.get(firm) == state for firm, state in wanted.items()):
                return
            self._expect(
                time.monotonic() < deadline, f"still {self.count.updates}, wanted {wanted}"
            )
            time.sleep(PAUSE_SECONDS)

    @staticmethod
    def _states(told: Told) -> dict[str, str]:
        """Where each firm stands with the newest change of address."""
        deliveries = told.value.get("deliveries", []) if isinstance(told.value, dict) else []
        return {
            str(row["firm"]): str(row["state"])
            for row in deliveries
            if row["kind"] == "address_update"
        }

    def _show_deliveries(self) -> None:
        for firm, state in self.count.updates.items():
            role = next(role for role in cast.FIRMS if role.id == firm)
            told = DELIVERY[state]
            self.narrator.note(f"{role.name_ja}: {told.ja}", f"{role.name_en}: {told.en}")

    # --- 4: withdraw ---

    def act_withdraw(self) -> None:
        """A consent is taken back, and the chain can prove it."""
        tell = self.narrator
        tell.act("同意を取り下げる", "Take a consent back")
        with tell.step(
            "民泊への同意を取り下げる", "The resident withdraws from the home-sharing firm"
        ):
            self.wallet.must("withdraw", self.records[HOME_SHARE])
        with tell.step("台帳に記録される", "The chain records it"):
            self._until_withdrawn(self.records[HOME_SHARE])

    def _until_withdrawn(self, record: str) -> None:
        deadline = time.monotonic() + self.patience
        while True:
            told = self.wallet.run("sync")
            answers = told.value.get("answers", []) if isinstance(told.value, dict) else []
            self.count.receipts_verified += len(answers)
            consents = self.wallet.must("consents")
            row = next(item for item in consents if item["record_id"] == record)
            if row["state"] == "withdrawn" and row["ledger"] == "withdrawn":
                return
            self._expect(time.monotonic() < deadline, f"consent is {row['state']}/{row['ledger']}")
            time.sleep(PAUSE_SECONDS)

    # --- 5: revoke ---

    def act_revoke(self) -> None:
        """A revoked credential is worth nothing anywhere, and the reason is told."""
        tell = self.narrator
        tell.act("失効させる", "Revoke")
        with tell.step(
            "発行者が失効させ、一覧を台帳に載せる",
            "The issuer revokes; the list goes on the chain",
        ):
            self.checker.act(self.applicant.case, "revoke", reason="holder_request")
        with tell.step(
            "失効後の提示は理由とともに断られる", "A presentation now fails, with its reason"
        ):
            told = self._present(self.shops[CAR].ask(self.visitor), updates=False)
            code = str(told.value.get("code") or told.error)
            self._expect(told.code != 0 and "revoked" in code, f"revoked, yet {told.value}")
            self.count.presentations_rejected += 1
            self.count.outcomes.append((CAR, f"rejected ({code})"))
        tell.note(code, code)

    # --- 6: audit ---

    def act_audit(self) -> None:
        """Anybody recomputes the whole chain from its genesis."""
        tell = self.narrator
        tell.act("だれでも検査できる", "Anybody can audit")
        with tell.step(
            "創世からすべてのブロックを再計算する", "Every block is recomputed from genesis"
        ):
            report = json.loads(
                command(
                    "audit", "replay", "--genesis", str(self.network.genesis), "--node",
                    self.network.url("chain"), "--loopback",
                )
            )  # fmt: skip
            self._expect(bool(report["ok"]), "the replay found a difference")
        self.count.chain = {
            "height": report["height"],
            "validators": self._validators(),
            "replay_ok": report["ok"],
        }

    def act_evidence(self) -> None:
        """A firm shows a court what it was told, and the court needs nobody to check it."""
        tell = self.narrator
        tell.act("証拠を示す", "Show the evidence")
        with tell.step(
            "事業者が転居の証拠ファイルを作り、通信なしで検証する",
            "A firm packs the evidence of the move; it verifies with no network",
        ):
            self._make_evidence(CAR)
        tell.note(f"{self.count.evidence}", f"{self.count.evidence}")

    def _make_evidence(self, firm: str) -> None:
        """Export what a firm kept of the last address it took, and judge it as a stranger would."""
        folder = self.network.home / "firms" / firm
        settings = str(folder / "verifier.toml")
        kept = [
            json.loads(line)
            for line in command("evidence", "list", "--config", settings).splitlines()
        ]
        moves = [one["subject"] for one in kept if one["kind"] == "address_update"]
        self._expect(bool(moves), f"{firm} kept no evidence of the move")
        pack = folder / f"evidence-{moves[-1]}.zip"
        command("evidence", "export", "--config", settings, "--out", str(pack), "--", moves[-1])
        verdict = json.loads(
            command(
                "evidence", "verify", str(pack), "--genesis", str(self.network.genesis), "--json"
            )
        )
        self._expect(verdict["verdict"] == "verified", f"the evidence is {verdict}")
        self.count.evidence = pack

    def _validators(self) -> int:
        """How many validators stand behind the newest block, as a client verifies it."""
        fetch = http_fetch(FetchPolicy(allow_loopback_http=True))
        genesis = Genesis.load(self.network.genesis)
        urls = self.network.chain_urls
        client = RegistryClient(urls, genesis, fetch, HeadMemory.volatile())
        return client.head(datetime.now(UTC)).validators

    def _expect(self, fact: bool, otherwise: str) -> None:  # noqa: FBT001 - it reads as a sentence
        if not fact:
            raise StoryError(otherwise)
