"""What the node's page shows: labels in both languages and the public records as cards."""

from dataclasses import dataclass
from typing import Literal

from registry_chain.blocktime import utc
from registry_chain.engines.base import Engine
from registry_chain.records import IssuerRecord, MemberRecord, VerifierRecord

SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Every word of the page in one language."""

    lang: Literal["ja", "en"]
    title: str
    lead: str
    height: str
    time: str
    validators: str
    state_root: str
    genesis: str
    members: str
    issuers: str
    firms: str
    none: str
    other: str
    number: str
    until: str
    purposes: str
    states: dict[str, str]


_JA = Labels(
    lang="ja",
    title="共有台帳",
    lead="認定された発行者・事業者・署名鍵の公開台帳です。住民の個人情報は記録しません。",
    height="ブロック高",
    time="時刻",
    validators="検証者数",
    state_root="状態ルート",
    genesis="創世ファイルの SHA-256",
    members="会員",
    issuers="発行者",
    firms="事業者",
    none="まだありません。",
    other="English",
    number="法人番号",
    until="認定期限",
    purposes="利用目的",
    states={"active": "有効", "suspended": "停止中"},
)
_EN = Labels(
    lang="en",
    title="Shared chain",
    lead="The public register of accredited issuers, firms and their keys. "
    "It holds no personal data of residents.",
    height="Height",
    time="Time",
    validators="Validators",
    state_root="State root",
    genesis="SHA-256 of the genesis file",
    members="Members",
    issuers="Issuers",
    firms="Firms",
    none="None yet.",
    other="日本語",
    number="Corporate number",
    until="Accredited until",
    purposes="Purposes of use",
    states={"active": "active", "suspended": "suspended"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One organisation."""

    id: str
    name: str
    state: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One heading with its cards."""

    title: str
    cards: tuple[Card, ...]


def labels(lang: str) -> Labels:
    """The words of a language."""
    return _EN if lang == "en" else _JA


def cards(engine: Engine, text: Labels) -> tuple[Group, ...]:
    """Members, issuers and firms, as the newest state has them."""
    return (
        Group(title=text.members, cards=_all(engine, "member", text)),
        Group(title=text.issuers, cards=_all(engine, "issuer", text)),
        Group(title=text.firms, cards=_all(engine, "verifier", text)),
    )


def _all(engine: Engine, family: str, text: Labels) -> tuple[Card, ...]:
    found = engine.listing(f"{family}/", "", SHOWN)
    return tuple(_card(one.key.partition("/")[2], family, one.value, text) for one in found)


def _card(name: str, family: str, value: bytes, text: Labels) -> Card:
    if family == "member":
        member = MemberRecord.from_bytes(value)
        return Card(
            id=name,
            name=_of(member.name.ja, member.name.en, text),
            state=text.states.get(member.state, member.state),
            facts=(("", ", ".join(member.roles)),),
        )
    if family == "issuer":
        issuer = IssuerRecord.from_bytes(value)
        return Card(
            id=name,
            name=_of(issuer.name.ja, issuer.name.en, text),
            state=text.states.get(issuer.state, issuer.state),
            facts=(
                (text.number, issuer.corporate_number),
                (text.until, utc(issuer.valid_until).strftime("%Y-%m-%d")),
            ),
        )
    firm = VerifierRecord.from_bytes(value)
    purposes = [_of(purpose.ja, purpose.en, text) for purpose in firm.profile.purposes]
    return Card(
        id=name,
        name=_of(firm.profile.name.ja, firm.profile.name.en, text),
        state=text.states.get(firm.state, firm.state),
        facts=((text.number, firm.profile.corporate_number), (text.purposes, " / ".join(purposes))),
    )


def _of(ja: str, en: str, text: Labels) -> str:
    return en if text.lang == "en" else ja
