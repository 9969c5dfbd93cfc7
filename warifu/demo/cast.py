"""Who takes part: the consortium's members, the issuer, the PO box and five firms.

The corporate numbers have a right check digit and belong to no one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, timezone


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmRole:
    """A firm of the demo and how it behaves."""

    id: str
    name_ja: str
    name_en: str
    sector_ja: str
    sector_en: str
    corporate_number: str
    profile: str
    updates: bool
    require_attested: bool = False
    push: bool = True


JST = timezone(timedelta(hours=9), "JST")
# The founders with a vote: none of them alone decides who may issue or ask.
VOTERS = (
    ("jigyosha-kyokai", ("シェアリング事業者協会", "Sharing Firms' Association")),
    ("shohisha-no-kai", ("消費者の会", "Consumers' Union")),
    ("jichitai-renraku", ("自治体連絡会", "Municipal Liaison")),
)
ISSUER_ID = "minna-kakunin"
ISSUER_NAME = ("みんなの確認センター株式会社", "Minna Verification Center")
ISSUER_CORPORATE_NUMBER = "8999999000001"
OPERATOR_ID = "tegami-bako"
OPERATOR_NAME = ("てがみばこ電子私書箱", "Tegami-bako PO Box")

FIRMS = (
    FirmRole(
        id="musubi-minpaku",
        name_ja="むすび民泊株式会社",
        name_en="Musubi Homes",
        sector_ja="民泊",
        sector_en="home-sharing",
        corporate_number="7999999000002",
        profile="minpaku_guest",
        updates=True,
    ),
    FirmRole(
        id="kazaguruma-car",
        name_ja="かざぐるまカーシェア株式会社",
        name_en="Kazaguruma Car Share",
        sector_ja="カーシェア",
        sector_en="car-sharing",
        corporate_number="6999999000003",
        profile="car_driver",
        updates=True,
        require_attested=True,
    ),
    FirmRole(
        id="teshigoto-skill",
        name_ja="てしごとスキル株式会社",
        name_en="Teshigoto Skills",
        sector_ja="スキル",
        sector_en="skills",
        corporate_number="5999999000004",
        profile="skill_worker",
        updates=True,
        push=False,
    ),
    FirmRole(
        id="meguri-kobutsu",
        name_ja="めぐり古物株式会社",
        name_en="Meguri Second-hand",
        sector_ja="古物",
        sector_en="second-hand",
        corporate_number="4999999000005",
        profile="kobutsu",
        updates=True,
    ),
    FirmRole(
        id="hayase-pay",
        name_ja="はやせペイ株式会社",
        name_en="Hayase Pay",
        sector_ja="フィンテック",
        sector_en="FinTech",
        corporate_number="3999999000006",
        profile="age_over_20",
        updates=False,
    ),
)
OPERATORS = (("ito.maker", "maker"), ("sato.checker", "checker"))
