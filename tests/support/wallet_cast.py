"""Who and what the wallet tests speak of: addresses, a person, a purpose, certificates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from registry_chain.transactions import (
    Purpose,
    Retention,
)
from ssi.credential import (
    Address,
    CredentialType,
    KycData,
    claim_path,
)
from ssi.encoding import canonical_json, sha256
from ssi.fetch import Response
from ssi.keys import Alg, SoftwareSigner
from ssi.x509 import create_ca, create_leaf

NODE, ISSUER, FIRM, BOX = (f"http://127.0.0.1:{port}" for port in (8101, 8102, 8103, 8104))
FRAMEWORK = "https://warifu.example/trust_framework/jp_sharing"
KYC = CredentialType.KYC.value
STATUS_URI = f"{ISSUER}/status-lists/main"
OLD_ADDRESS = Address(
    formatted="東京都千代田区霞が関二丁目1-2",
    postal_code="1008926",
    region="東京都",
    locality="千代田区",
    street_address="霞が関二丁目1-2",
)
NEW_ADDRESS = Address(
    formatted="大阪府大阪市北区梅田三丁目1-3",
    postal_code="5300001",
    region="大阪府",
    locality="大阪市北区",
    street_address="梅田三丁目1-3",
)
PERSON = KycData(
    name="葛\U000e0100城 太郎",
    name_kana="カツラギ タロウ",
    birthdate=date(1990, 4, 1),
    address=OLD_ADDRESS,
    portrait_checked=True,
)
PURPOSE = Purpose(
    code="minpaku_guest",
    ja="宿泊者名簿に記載するため",
    en="To keep the guest register",
    legal_basis="住宅宿泊事業法8条",
    retention=Retention(ja="3年間", en="3 years", period="P3Y"),
    claims=(claim_path("name"), claim_path("address"), claim_path("age_over_18")),
    vcts=(KYC,),
)


def der(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


class Clock:
    """A clock that stands on real time plus what a test adds."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Authority:
    """A certificate authority with one leaf."""

    root: Any
    leaf: Any
    signer: SoftwareSigner

    @classmethod
    @cache
    def make(cls, name: str) -> Authority:
        secret = sha256(f"ca {name}".encode())
        start, end = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=400)
        root = create_ca(f"{name} CA", secret=secret, not_before=start, not_after=end, serial=1)
        signer = SoftwareSigner.from_secret(Alg.ES256, sha256(f"leaf {name}".encode()))
        leaf = create_leaf(
            name,
            public_key=signer.public_key,
            issuer=(root, secret),
            not_before=start,
            not_after=end,
            serial=2,
        )
        return cls(root=root, leaf=leaf, signer=signer)


def reply(status: int, body: Any = b"", kind: str = "application/json") -> Response:
    data = body if isinstance(body, bytes) else canonical_json(body)
    return Response(status=status, headers={"content-type": kind}, body=data, url="")
