"""What the demo says at its end: a table for people, one line for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wallet.labels import DELIVERY
from warifu.demo import cast
from warifu.demo.actors import Wallet
from warifu.demo.canary import Hit, Needle
from warifu.demo.narrator import Narrator
from warifu.demo.network import Network
from warifu.demo.persona import Persona
from warifu.demo.story import FINTECH, SECOND_HAND, Story

# What must be nowhere: an age firm learns an age, a declined firm nothing at all.
KNOWS_NOBODY = (SECOND_HAND, FINTECH)


def needles(persona: Persona) -> list[Needle]:
    """Return the resident's data, each piece long enough not to be found by chance."""
    return [
        Needle("name", persona.name),
        Needle("family name", persona.family_name),
        Needle("kana", persona.kana),
        Needle("birth date", persona.birthdate.isoformat()),
        Needle("address", persona.address.formatted),
        Needle("street", persona.address.street_address),
        Needle("new address", persona.new_address.formatted),
        Needle("new street", persona.new_address.street_address),
        Needle("licence number", persona.licence_number),
    ]


def places(network: Network, wallet: Wallet) -> list[Path]:
    """Return where the data must not be: every log, the chain, the PO box, the vault, some firms.

    The issuer's database and the consented firms' own files may hold what they were given.
    """
    home = network.home
    return [
        home / "logs",
        home / "chain",
        home / "mailbox",
        wallet.home,
        *(home / "firms" / firm for firm in KNOWS_NOBODY),
        *home.glob("*.json"),
    ]


def summary(story: Story, seconds: float, hits: list[Hit]) -> dict[str, Any]:
    """Return the demo's result for programs."""
    count = story.count
    wanted = {firm.id for firm in cast.FIRMS if firm.id in story.records}
    updated = {firm for firm, state in count.updates.items() if state == "accepted"}
    audited = bool(count.chain.get("replay_ok")) and count.evidence is not None
    ok = audited and not hits and wanted <= updated
    return {
        "ok": ok,
        "seconds": round(seconds, 1),
        "credentials_issued": count.credentials_issued,
        "presentations_verified": count.presentations_verified,
        "presentations_rejected": count.presentations_rejected,
        "updates": count.updates,
        "receipts_verified": count.receipts_verified,
        "chain": count.chain,
        "canary_hits": len(hits),
    }


def delivery(state: str, tell: Narrator) -> str:
    """Say how a notice stands, in the wallet's own words."""
    words = DELIVERY.get(state)
    return state if words is None else words.text(tell.language)


def print_table(story: Story, tell: Narrator, seconds: float, hits: list[Hit]) -> None:
    """Show the result to a person."""
    count, say = story.count, tell.say
    tell.act("結果", "Result")
    rows = [
        (say("発行した証明", "credentials issued"), str(count.credentials_issued)),
        (say("検証された提示", "presentations verified"), str(count.presentations_verified)),
        (say("断られた提示", "presentations rejected"), str(count.presentations_rejected)),
        (say("本人が断った提示", "declined by the resident"), str(count.presentations_declined)),
        (say("検証した受領書", "receipts verified"), str(count.receipts_verified)),
        (say("台帳の高さ", "chain height"), str(count.chain.get("height"))),
        (say("署名した検証者", "validators"), str(count.chain.get("validators"))),
        (say("再計算", "replay"), say("一致", "equal") if count.chain.get("replay_ok") else "!"),
        (
            say("証拠ファイル", "evidence pack"),
            say("検証済み", "verified") if count.evidence else "!",
        ),
        (say("漏れていた個人情報", "personal data found"), str(len(hits))),
        (say("所要時間", "seconds"), f"{seconds:.1f}"),
    ]
    for label, value in rows:
        tell.row(label, value)
    for firm, state in count.updates.items():
        role = next(role for role in cast.FIRMS if role.id == firm)
        tell.row(
            say(f"新住所 {role.name_ja}", f"new address: {role.name_en}"), delivery(state, tell)
        )
    for hit in hits:
        tell.warn(
            f"{hit.path} に {hit.needle}（{hit.encoding}）",
            f"{hit.needle} ({hit.encoding}) in {hit.path}",
        )
