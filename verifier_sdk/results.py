"""What a verification ends in: a typed result, or an error that tells the failed step.

There is no boolean verdict. A result exists only when every step passed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Literal, NoReturn

from ssi.encoding import JSONObject
from ssi.errors import SSIError
from ssi.sharing import VerifiedConsent
from verifier_sdk.claims import Claims

Language = Literal["ja", "en"]


class Step(IntEnum):
    """The steps of a verification, in their order [TRUST-1]."""

    PARSE = 1
    REQUEST = 2
    ISSUER = 3
    SIGNATURE = 4
    TIMES = 5
    KEY_BINDING = 6
    STATUS = 7
    POLICY = 8


STEP_NAMES: dict[Step, tuple[str, str]] = {
    Step.PARSE: ("読み取り", "parse"),
    Step.REQUEST: ("自社の有効な依頼への回答", "request known, unused, in time"),
    Step.ISSUER: ("発行者の認定（台帳）", "issuer accredited on the ledger"),
    Step.SIGNATURE: ("署名と開示項目", "signature and disclosures"),
    Step.TIMES: ("有効期間", "times"),
    Step.KEY_BINDING: ("本人の鍵による証明", "key binding"),
    Step.STATUS: ("失効状態", "status"),
    Step.POLICY: ("依頼した内容と条件", "what was asked, and the profile's conditions"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The verdict of one step; its detail never holds a claim."""

    step: Step
    passed: bool
    detail: str = ""

    def name(self, lang: Language = "en") -> str:
        """The name of the step."""
        return STEP_NAMES[self.step][0 if lang == "ja" else 1]


class Trail:
    """Collects the verdicts of one verification, and where it failed."""

    def __init__(self) -> None:
        self.checks: list[Check] = []

    @contextmanager
    def step(self, step: Step) -> Iterator[list[str]]:
        """Run one step; the details noted in the yielded list become part of its check."""
        notes: list[str] = []
        try:
            yield notes
        except SSIError as error:
            self.checks.append(Check(step=step, passed=False, detail=error.code))
            raise
        self.checks.append(Check(step=step, passed=True, detail="; ".join(notes)))

    @property
    def passed_request(self) -> bool:
        """Whether the answer was found to belong to its request."""
        return any(check.step is Step.REQUEST and check.passed for check in self.checks)

    @property
    def failed(self) -> Check | None:
        """The step that failed, if one did."""
        return next((check for check in self.checks if not check.passed), None)


NOT_INCLUDED: tuple[tuple[str, str], ...] = (
    ("制裁対象者・PEPの照合", "sanctions and PEP screening"),
    ("反社会的勢力の照合", "screening for anti-social forces"),
    ("免許の停止（免停）や違反点数", "licence suspension or penalty points"),
    ("信用情報", "credit history"),
    ("犯罪歴", "criminal record"),
    ("発行後に失った在留資格", "loss of residence status after issuance"),
    (
        "犯罪収益移転防止法に基づく自社の取引時確認の代替",
        "your own duty of customer due diligence under the AML act",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPoint:
    """Under which block the ledger was read, and who stands behind it.

    Attributes:
        height: The height of the block.
        time: Its header's time.
        validators: How many validators the chain has, with ``power`` together.
        signed: How many of them signed the block, with ``signed_power``.
        nodes_agreed: How many nodes showed this very header; 0 for a stapled proof.
        nodes_asked: How many were asked.
        stapled: Whether the wallet brought the proof and no node was asked.
    """

    height: int
    time: datetime
    validators: int
    signed: int
    power: int
    signed_power: int
    nodes_agreed: int = 0
    nodes_asked: int = 0
    stapled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What was received and what it was judged by, to be kept as evidence; full of claims.

    Attributes:
        vp_token: The presentations as they came.
        extra: What else the answer held.
        bundle: The proof of the ledger's records, if they came with one.
        status_digests: The digests of the status lists used.
    """

    vp_token: Mapping[str, tuple[str, ...]] = field(repr=False)
    extra: JSONObject = field(repr=False)
    bundle: JSONObject | None = field(repr=False)
    status_digests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPresentation:
    """A presentation that passed every step, and how far that reaches.

    Attributes:
        claims: What was asked and given, typed.
        checks: The verdict of every step.
        status_age: How old the oldest status list used is.
        ledger: Under which block the ledger was read, and who stands behind it.
        header_age: How old that block was when the presentation was verified.
        issuers: The ids of the issuers on the ledger.
        relationship: The pairwise id of the holder, when a consent came along.
        received: What is kept as evidence.
        records: The record of receipt (APPI art. 30), without claim values.
    """

    request_id: str
    reference: str
    profile: str
    claims: Claims = field(repr=False)
    checks: tuple[Check, ...]
    verified_at: datetime
    status_age: timedelta
    ledger: LedgerPoint
    header_age: timedelta
    issuers: tuple[str, ...]
    trust_frameworks: tuple[str, ...]
    consent: VerifiedConsent | None = field(default=None, repr=False)
    received: Received | None = field(default=None, repr=False)
    records: JSONObject = field(default_factory=dict, repr=False)

    @property
    def validators(self) -> int:
        """How many validators stand behind the block that the ledger was read under."""
        return self.ledger.signed

    @property
    def height(self) -> int:
        """The height of that block."""
        return self.ledger.height

    @property
    def header_time(self) -> datetime:
        """Its time."""
        return self.ledger.time

    @property
    def relationship(self) -> str | None:
        """The pairwise id of the holder at this firm."""
        return None if self.consent is None else self.consent.relationship

    def not_included(self, lang: Language = "en") -> tuple[str, ...]:
        """What this result does not tell, so that nobody takes it for more [TRUST-9]."""
        return tuple(text[0 if lang == "ja" else 1] for text in NOT_INCLUDED)

    def __bool__(self) -> NoReturn:
        """Refuse to be a verdict.

        Raises:
            TypeError: Always: a result exists only when every step passed.
        """
        raise TypeError("a result is no verdict: rejection is an exception")


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedPresentation:
    """What the event ``presentation.rejected`` tells: no claim, and nobody's."""

    request_id: str
    reference: str
    code: str
    check: Check | None
