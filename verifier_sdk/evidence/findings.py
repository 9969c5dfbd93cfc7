"""The verdicts of a pack's verification: ten steps in their order [EVI-VER-1]."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from registry_chain.anchoring import AnchorReport
from ssi.encoding import JSONObject
from ssi.errors import SSIError
from verifier_sdk.claims import Claims
from verifier_sdk.evidence.manifest import Manifest
from verifier_sdk.evidence.outside import Outside
from verifier_sdk.results import Language


class Both(NamedTuple):
    """One sentence in both languages."""

    ja: str
    en: str


class EvidenceStep(IntEnum):
    """The steps of a pack's verification."""

    CONTAINER = 1
    MANIFEST = 2
    GENESIS = 3
    LEDGER = 4
    SEAL = 5
    MATTER = 6
    CONSENT = 7
    RECORDED = 8
    PAGE = 9
    OUTSIDE = 10


STEPS: Final[dict[EvidenceStep, Both]] = {
    EvidenceStep.CONTAINER: Both(
        "ファイル全体が一バイトも変わっていない形式である",
        "the file is written byte for byte as packs are",
    ),
    EvidenceStep.MANIFEST: Both(
        "すべてのファイルが目録の SHA-256 と一致する",
        "every file has the SHA-256 that the manifest lists",
    ),
    EvidenceStep.GENESIS: Both(
        "台帳の創世ファイルが、確認者が別に入手したものと一致する",
        "the ledger's genesis is the one the examiner brought",
    ),
    EvidenceStep.LEDGER: Both(
        "台帳の記録が、創世から検証者の署名で証明されている",
        "the ledger's records are proven by its validators' signatures, from the genesis on",
    ),
    EvidenceStep.SEAL: Both(
        "提出者が目録に署名し、その鍵が台帳に登録されている",
        "the exporter signed the manifest with a key registered on the ledger",
    ),
    EvidenceStep.MATTER: Both(
        "受け取ったものが、受け取った時点で有効だった",
        "what was received was valid when it was received",
    ),
    EvidenceStep.CONSENT: Both(
        "本人の同意の署名と、事業者の受領の署名がある",
        "the person signed the consent, and the firm its receipt of it",
    ),
    EvidenceStep.RECORDED: Both(
        "台帳にその後記録されたことの証明がある",
        "what the ledger recorded of it afterwards is proven",
    ),
    EvidenceStep.PAGE: Both(
        "人が読むページが、検査した内容そのものである",
        "the page for people says what was verified, and nothing else",
    ),
    EvidenceStep.OUTSIDE: Both(
        "外部の時刻証明が、確認者の信頼する機関によって成り立つ",
        "proofs of time from outside hold, by authorities that the examiner trusts",
    ),
}


class Limit(StrEnum):
    """What a verified pack still does not establish."""

    UNPINNED = "unpinned"
    WITHHELD = "withheld"
    PROFILE = "profile"
    NO_CONSENT = "no_consent"
    UNRECORDED = "unrecorded"
    UNANCHORED = "unanchored"
    UNJUDGED = "unjudged"


LIMITS: Final[dict[Limit, Both]] = {
    Limit.UNPINNED: Both(
        "創世ファイルを外部の情報源と照合していません。下の SHA-256 を、会員が公表するものと"
        "比べてください。それまでは、内部で矛盾がないことしか分かりません。",
        "The genesis was not compared with anything from outside. Compare its SHA-256 with what "
        "the members publish; until then, all that is known is that the pack does not "
        "contradict itself.",
    ),
    Limit.WITHHELD: Both(
        "提出者が一部の開示項目を除いています。残りの項目が同じ証明書のものであることは確かめ"
        "られますが、本人が署名した提示全体のハッシュは計算できません。",
        "The exporter left disclosures out. That the others are of the same credential is proven; "
        "the hash over the whole presentation, which the person signed, cannot be computed.",
    ),
    Limit.PROFILE: Both(
        "事業者独自の条件（年齢など）は、この検査では分かりません。",
        "The firm's own condition, such as an age, is not known to this verification.",
    ),
    Limit.NO_CONSENT: Both(
        "継続的な同意は与えられていません。提示そのものが本人の意思によるものです。",
        "No lasting consent was given; the presentation itself is the person's act.",
    ),
    Limit.UNRECORDED: Both(
        "台帳には、この件のコミットメントはまだ記録されていません。",
        "The ledger had not recorded a commitment about this when the pack was made.",
    ),
    Limit.UNANCHORED: Both(
        "外部の時刻証明は含まれていません。台帳のブロックの時刻は、その検証者の署名だけに"
        "基づきます。検証者の鍵が後に盗まれて過去が作られた可能性は、この書類では否定できません。",
        "There is no proof of time from outside. That a block is as old as it says rests on its "
        "validators' signatures alone: the pack cannot rule out that their keys were stolen "
        "afterwards and another past was signed.",
    ),
    Limit.UNJUDGED: Both(
        "外部の時刻証明がありますが、判定していません。信頼する機関の設定（--anchor-policy）を"
        "与えるまで、何も証明しません。",
        "There are proofs of time from outside, but they were not judged: until you say whom you "
        "trust (--anchor-policy), they prove nothing.",
    ),
}

# What depends on who reads is for no page to say [EVI-PAGE-2].
OF_THE_READER: Final = frozenset({Limit.UNPINNED, Limit.UNJUDGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict of one step; ``code`` says why it failed, ``notes`` what was found."""

    step: EvidenceStep
    passed: bool
    code: str = ""
    notes: tuple[tuple[str, str], ...] = ()

    def name(self, lang: Language = "en") -> str:
        """What the step asks."""
        return STEPS[self.step][0 if lang == "ja" else 1]


class Findings:
    """Collects the verdicts; after a failure nothing more is looked at."""

    def __init__(self) -> None:
        self.all: list[Finding] = []

    @contextmanager
    def step(self, step: EvidenceStep) -> Iterator[list[tuple[str, str]]]:
        """Run one step; notes are pairs of Japanese and English."""
        notes: list[tuple[str, str]] = []
        try:
            yield notes
        except SSIError as error:
            self.all.append(Finding(step=step, passed=False, code=error.code, notes=tuple(notes)))
            raise
        self.all.append(Finding(step=step, passed=True, notes=tuple(notes)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """An organisation, as the ledger names it."""

    id: str
    name_ja: str
    name_en: str
    corporate_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a pack shows, verified.

    Attributes:
        firm: Who received it.
        issuers: Who vouches for the person.
        trust_frameworks: By which rules they checked.
        claims: What was shown about the person.
        moved_on: The day of the move, in an update.
        self_asserted: Whether nobody but the person vouches for it.
        purpose: What the person was told it is for.
        retention: How long the person was told it is kept.
        consent_id: The consent's record id.
        consent_given_at: When it was given.
        recorded: What the ledger recorded: key, height, time.
        withdrawn_at: When the consent was withdrawn, by the ledger.
        block_height: The block everything was judged under.
        block_time: Its time.
        signed: How many validators signed it, of ``validators``.
        status_issued_at: When the status lists used were issued.
        outside: Proofs from outside that are in the pack, not judged by this.
    """

    firm: Party
    issuers: tuple[Party, ...]
    trust_frameworks: tuple[str, ...]
    claims: Claims = field(repr=False)
    moved_on: str | None = field(default=None, repr=False)
    self_asserted: bool = False
    purpose: tuple[str, str] | None = None
    retention: tuple[str, str] | None = None
    consent_id: str | None = None
    consent_given_at: datetime | None = None
    recorded: tuple[tuple[str, int, datetime], ...] = ()
    withdrawn_at: datetime | None = None
    block_height: int | None = None
    block_time: datetime | None = None
    signed: int = 0
    validators: int = 0
    status_issued_at: tuple[datetime, ...] = ()
    outside: Outside | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEvidence:
    """A pack of which every step passed, and what it still does not establish.

    ``outside`` is what proofs from outside say under the examiner's policy; ``None`` without one.
    """

    manifest: Manifest
    matter: Matter = field(repr=False)
    findings: tuple[Finding, ...]
    limits: tuple[Limit, ...]
    outside: AnchorReport | None = None

    @property
    def pinned(self) -> bool:
        """Whether the ledger's genesis was compared with what the examiner brought."""
        return Limit.UNPINNED not in self.limits

    def to_json(self) -> JSONObject:
        """The verdict without any claim."""
        return {
            "verdict": "verified" if self.pinned else "consistent",
            "kind": self.manifest.kind.value,
            "verifier": self.manifest.verifier,
            "genesis": self.manifest.genesis,
            "as_of": self.manifest.as_of.isoformat(),
            "exported_at": self.manifest.exported_at.isoformat(),
            "limits": [limit.value for limit in self.limits],
            "outside": None if self.outside is None else self.outside.to_json(),
            "steps": [
                {"step": int(one.step), "name": one.name(), "passed": one.passed}
                for one in self.findings
            ],
        }
