"""What a firm asks for each kind of business: the least that the law or the service needs.

A profile fixes the query, the words the holder is shown, the legal ground and the retention, and
what must be true of the answer. Periods and items: 住宅宿泊事業法 8条, 道路運送法 (貸渡簿),
古物営業法 15・16・18条.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

from registry_chain.transactions.verifiers import Purpose
from ssi.credential import CredentialType
from ssi.dcql import ClaimQuery, CredentialQuery, Path, Query
from ssi.encoding import JSONObject
from ssi.errors import PolicyNotMet
from ssi.sharing_terms import LocalText, Retention
from verifier_sdk.claims import CLAIMS_ROOT, Claims

KYC: Final = CredentialType.KYC.value
LICENCE: Final = CredentialType.LICENCE.value
FORMAT: Final = "dc+sd-jwt"

Predicate = Callable[[Claims, date], None]


def _anything(_claims: Claims, _today: date) -> None:
    """No condition beyond the query."""


def _over_18(claims: Claims, _today: date) -> None:
    if claims.age_over_18 is not True:
        raise PolicyNotMet("the age asked for is not reached", code="policy.age")


def _over_20(claims: Claims, _today: date) -> None:
    if claims.age_over_20 is not True:
        raise PolicyNotMet("the age asked for is not reached", code="policy.age")


def _may_drive(claims: Claims, today: date) -> None:
    if claims.licence_expiry is None or claims.licence_expiry < today:
        raise PolicyNotMet("the licence is over", code="policy.licence_expired")
    if not claims.licence_classes:
        raise PolicyNotMet("the licence names no class", code="policy.licence_class")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One purpose of asking.

    Args:
        code: The purpose code registered on the ledger.
        purpose: What the holder is told.
        legal_basis: The ground on which the firm asks.
        retention: How long the firm keeps the answer.
        vct: The credential type that answers.
        claims: The names of the claims asked for.
        self_asserted: What the firm asks the holder itself, because no issuer vouches for it.
        predicate: What must be true of the answer; raises `PolicyNotMet` with a ``policy.*`` code.
    """

    code: str
    purpose: LocalText
    legal_basis: str
    retention: Retention
    vct: str
    claims: tuple[str, ...]
    self_asserted: tuple[str, ...] = ()
    predicate: Predicate = field(default=_anything, repr=False)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The pointers asked for."""
        return tuple((*CLAIMS_ROOT, name) for name in self.claims)

    def query(self) -> Query:
        """The DCQL query."""
        return Query(
            credentials=(
                CredentialQuery(
                    id=self.code,
                    format=FORMAT,
                    accepted_types=(self.vct,),
                    claims=tuple(ClaimQuery(path=path) for path in self.paths),
                ),
            )
        )

    def purpose_record(self) -> JSONObject:
        """The purpose as a firm registers it on the ledger (``verifier.register``)."""
        record: JSONObject = {
            "code": self.code,
            "ja": self.purpose.ja,
            "en": self.purpose.en,
            "legal_basis": self.legal_basis,
            "retention": self.retention.to_json(),
            "claims": [list(path) for path in self.paths],
            "vcts": [self.vct],
        }
        Purpose.from_json(record)
        return record


def _keep(ja: str, en: str, period: str) -> Retention:
    return Retention(text=LocalText(ja=ja, en=en), period=period)


MINPAKU_GUEST: Final = Profile(
    code="minpaku_guest",
    purpose=LocalText(
        ja="住宅宿泊事業法に基づく宿泊者名簿の作成", en="Guest register of a private lodging"
    ),
    legal_basis="住宅宿泊事業法8条 / Private Lodging Business Act art. 8",
    retention=_keep("作成から3年間", "3 years from making the register", "P3Y"),
    vct=KYC,
    claims=("name", "address", "portrait_checked"),
    self_asserted=("occupation", "nationality", "passport_number"),
)

CAR_DRIVER: Final = Profile(
    code="car_driver",
    purpose=LocalText(
        ja="自動車の貸渡しのための運転者の確認と貸渡簿の作成",
        en="Checking the driver and keeping the rental ledger",
    ),
    legal_basis="道路運送法80条・貸渡簿 / Road Transport Act, rental ledger",
    retention=_keep("貸渡し終了から2年間", "2 years from the end of the rental", "P2Y"),
    vct=LICENCE,
    claims=(
        "name",
        "address",
        "licence_number",
        "licence_classes",
        "licence_conditions",
        "licence_expiry",
    ),
    predicate=_may_drive,
)

KOBUTSU: Final = Profile(
    code="kobutsu",
    purpose=LocalText(
        ja="古物の買受けにおける相手方の確認", en="Identifying the seller of second-hand goods"
    ),
    legal_basis="古物営業法15条・16条 / Secondhand Articles Dealer Act arts. 15, 16",
    retention=_keep("取引から3年間", "3 years from the transaction", "P3Y"),
    vct=KYC,
    claims=("name", "address", "birthdate"),
    self_asserted=("occupation",),
)

AGE_OVER_18: Final = Profile(
    code="age_over_18",
    purpose=LocalText(ja="18歳以上であることの確認", en="Checking that you are 18 or older"),
    legal_basis="本人の同意 / consent",
    retention=_keep("確認の記録を1年間", "1 year, as a record of the check", "P1Y"),
    vct=KYC,
    claims=("age_over_18",),
    predicate=_over_18,
)

AGE_OVER_20: Final = Profile(
    code="age_over_20",
    purpose=LocalText(ja="20歳以上であることの確認", en="Checking that you are 20 or older"),
    legal_basis="二十歳未満ノ者ノ飲酒ノ禁止ニ関スル法律 / minimum age of 20",
    retention=_keep("確認の記録を1年間", "1 year, as a record of the check", "P1Y"),
    vct=KYC,
    claims=("age_over_20",),
    predicate=_over_20,
)

SKILL_WORKER: Final = Profile(
    code="skill_worker",
    purpose=LocalText(
        ja="家事・スキル提供者の本人確認と年齢確認",
        en="Identity and age of a person who offers work",
    ),
    legal_basis="本人の同意 / consent",
    retention=_keep("登録終了から1年間", "1 year from the end of registration", "P1Y"),
    vct=KYC,
    claims=("name", "address", "age_over_18", "portrait_checked"),
    self_asserted=("qualification",),
    predicate=_over_18,
)

BY_CODE: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        profile.code: profile
        for profile in (
            MINPAKU_GUEST,
            CAR_DRIVER,
            KOBUTSU,
            AGE_OVER_18,
            AGE_OVER_20,
            SKILL_WORKER,
        )
    }
)
