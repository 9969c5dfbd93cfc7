"""A firm, an accredited issuer and a holder, with real keys, certificates and credentials."""

from __future__ import annotations

import os
import uuid
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from registry_chain.records import (
    ACTIVE,
    IssuerRecord,
    KeyRecord,
    StatusRecord,
    issuer_key,
    signing_key_key,
    status_key,
)
from registry_chain.transactions.fields import Name, bare_jwk
from registry_chain.transactions.statuses import list_digest
from ssi.credential import (
    Address,
    CredentialType,
    Envelope,
    KycData,
    LicenceData,
    Proofing,
    StatusReference,
    address_payload,
    address_self_payload,
    kyc_payload,
    licence_payload,
)
from ssi.encoding import JSONObject, b64url_encode, sha256
from ssi.keys import AgreementKey, Alg, SoftwareSigner, generate_signer
from ssi.oid4vp import (
    RequestFetch,
    RequestPolicy,
    VerifiedRequestObject,
    build_response,
    parse_request_link,
    parse_request_object,
    verify_request_object,
)
from ssi.relationship import relationship_id
from ssi.sdjwt import issue, present, select
from ssi.sharing import Consent, ConsentedPurpose, ReturnBox, build_consent
from ssi.status_list import StatusList, build_status_token, new_status_list
from ssi.x509 import create_ca, create_leaf, to_x5c
from tests.support.ledger import LedgerSim
from verifier_sdk import Profile, Verifier, VerifierConfig, profiles

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
ISSUER, ISSUER_URL = "city-kyc", "https://issuer.example"
FRAMEWORK = "https://warifu.example/trust_framework/jp_sharing"
LIST_URI = f"{ISSUER_URL}/status-lists/list-1"
NAME, KANA = "架空 花子", "カクウ ハナコ"
ADDRESS = Address(
    formatted="東京都架空区見本町1-2-3 サンプル荘201",
    postal_code="100-0000",
    region="東京都",
    locality="架空区",
    street_address="見本町1-2-3 サンプル荘201",
)
NEW_ADDRESS = replace(
    ADDRESS, formatted="大阪府架空市例示4-5-6", region="大阪府", locality="架空市"
)
# Wide, because a network of real processes has the real time.
DATES = {"not_before": NOW - 10 * YEAR, "not_after": NOW + 50 * YEAR}
BOX, MAILBOX = "minpaku-one-box", "https://box.example"


def key(name: str, alg: Alg = Alg.ES256) -> SoftwareSigner:
    return SoftwareSigner.from_secret(alg, sha256(f"firm world {name}".encode()))


ROOT_SECRET = key("root").secret
ROOT = create_ca("City KYC root", secret=ROOT_SECRET, serial=1, **DATES)
OTHER_SECRET = key("other root").secret
OTHER_ROOT = create_ca("Other root", secret=OTHER_SECRET, serial=2, **DATES)
ISSUER_SIGNER, STATUS_SIGNER = key("issuer"), key("status")


def der(certificate: Any) -> str:
    return b64encode(certificate.public_bytes(Encoding.DER)).decode()


def leaf(signer: SoftwareSigner, root: Any = ROOT, secret: bytes = ROOT_SECRET) -> Any:
    return create_leaf(
        "City KYC", public_key=signer.public_key, issuer=(root, secret), serial=5, **DATES
    )


def kid(signer: SoftwareSigner, issuer: str = ISSUER) -> str:
    return f"{issuer}#{signer.public_key.thumbprint()}"


def make_ledger(now: datetime = NOW) -> LedgerSim:
    ledger = LedgerSim(time=now - timedelta(seconds=20))
    common: dict[str, Any] = {"state": ACTIVE, "height": 3, "time": int((now - YEAR).timestamp())}
    lasts = {
        "valid_from": int((now - timedelta(days=90)).timestamp()),
        "valid_until": int((now + YEAR).timestamp()),
    }
    ledger.put(
        issuer_key(ISSUER),
        IssuerRecord(
            name=Name(ja="市民KYC株式会社", en="City KYC"),
            corporate_number="7000012050002",
            url=ISSUER_URL,
            credential_types=tuple(
                kind.value for kind in CredentialType if kind is not CredentialType.ADDRESS_SELF
            ),
            ca=(der(ROOT),),
            trust_framework=FRAMEWORK,
            contact="kyc@issuer.example",
            **common,
            **lasts,
        ),
    )
    for signer, use in ((ISSUER_SIGNER, "credential"), (STATUS_SIGNER, "status")):
        thumbprint = signer.public_key.thumbprint()
        ledger.put(
            signing_key_key(ISSUER, thumbprint),
            KeyRecord(
                issuer=ISSUER,
                thumbprint=thumbprint,
                jwk=bare_jwk(signer.public_key),
                use=use,
                **common,
                **lasts,
            ),
        )
    publish(ledger, new_status_list(1024, bits=2), sequence=1)
    return ledger


def publish(
    ledger: LedgerSim,
    statuses: StatusList,
    *,
    sequence: int,
    now: datetime = NOW,
    **changes: Any,
) -> None:
    """Put an edition of the status list on the ledger."""
    issued = now - timedelta(minutes=10)
    options: dict[str, Any] = {
        "uri": LIST_URI,
        "now": issued,
        "ttl": 3600,
        "expires_at": now + timedelta(days=2),
        "header": {"kid": kid(STATUS_SIGNER)},
    }
    signer = changes.pop("signer", STATUS_SIGNER)
    token = build_status_token(statuses, signer, **(options | changes))
    digest = b64url_encode(sha256(token.encode()))
    ledger.tokens[digest] = token
    ledger.put(
        status_key(ISSUER, "list-1"),
        StatusRecord(
            state=ACTIVE,
            height=9,
            time=int(issued.timestamp()),
            sequence=sequence,
            digest=digest,
            uri=LIST_URI,
            bits=statuses.bits,
            size=len(statuses),
            issued_at=int(issued.timestamp()),
            list_digest=list_digest(statuses),
        ),
    )


PROOFING = Proofing(
    trust_framework=FRAMEWORK,
    organization="City KYC",
    checked_on=date(2026, 11, 1),
    procedure="two_operators",
)


@dataclass
class Holder:
    """A resident with her keys; issues her own credentials with the issuer's real key."""

    key: SoftwareSigner = field(default_factory=lambda: generate_signer(Alg.ES256, os.urandom))
    pairwise: SoftwareSigner = field(default_factory=lambda: generate_signer(Alg.EDDSA, os.urandom))
    back: AgreementKey = field(
        default_factory=lambda: AgreementKey.from_secret(os.urandom(31) + b"\1")
    )
    index: int = 7
    box: str = "return-box-1"
    birthdate: date = date(1990, 4, 1)
    licence_expiry: date = date(2029, 5, 1)
    now: datetime = NOW

    def envelope(self, **changes: Any) -> Envelope:
        options: dict[str, Any] = {
            "issuer_url": ISSUER_URL,
            "issued_at": self.now - timedelta(days=20),
            "expires_at": self.now + YEAR,
            "holder_jwk": self.key.public_key.jwk,
            "status": StatusReference(uri=LIST_URI, index=self.index),
        }
        return Envelope(**(options | changes))

    def payload(self, vct: str = profiles.KYC, **changes: Any) -> dict[str, Any]:
        envelope = self.envelope(**changes)
        if vct == profiles.LICENCE:
            data = LicenceData(
                name=NAME,
                birthdate=self.birthdate,
                address=ADDRESS,
                number="012345678900",
                classes=("chugata", "futsu"),
                conditions=(),
                expiry=self.licence_expiry,
            )
            return licence_payload(data, PROOFING, envelope)
        if vct == CredentialType.ADDRESS.value:
            return address_payload(NEW_ADDRESS, date(2026, 11, 20), PROOFING, envelope)
        person = KycData(
            name=NAME,
            name_kana=KANA,
            birthdate=self.birthdate,
            address=ADDRESS,
            portrait_checked=True,
        )
        return kyc_payload(person, PROOFING, envelope, today=self.now.date())

    def credential(
        self,
        vct: str = profiles.KYC,
        *,
        signer: SoftwareSigner = ISSUER_SIGNER,
        header: JSONObject | None = None,
        alter: Callable[[dict[str, Any]], None] | None = None,
        **changes: Any,
    ) -> str:
        payload = self.payload(vct, **changes)
        if alter is not None:
            alter(payload)
        head: JSONObject = {"kid": kid(signer), "x5c": list(to_x5c([leaf(signer)]))}
        return issue(payload, signer, random=os.urandom, header=head | (header or {}))

    def read(
        self, verifier: Verifier, link: str, *, now: datetime | None = None
    ) -> VerifiedRequestObject:
        """Fetch and verify a request as a wallet does."""
        where = parse_request_link(link)
        fetch = RequestFetch(wallet_nonce=b64url_encode(os.urandom(16)))
        request_id = str(where.request_uri).rsplit("/", 1)[1]
        token = verifier.request_object(request_id, wallet_nonce=fetch.wallet_nonce)
        return verify_request_object(
            parse_request_object(token),
            client_id=where.client_id,
            wallet_nonce=fetch.wallet_nonce,
            now=now or self.now,
            policy=RequestPolicy(),
        )

    def presentation(
        self, asked: VerifiedRequestObject, credential: str, **changes: Any
    ) -> dict[str, list[str]]:
        request = asked.request
        query = request.query.credentials[0]
        paths = changes.pop("paths", [claim.path for claim in query.claims])
        options: dict[str, Any] = {
            "audience": request.client_id.text,
            "nonce": request.nonce,
            "now": self.now,
            "transaction_data": [entry.raw for entry in request.transaction_data],
        }
        signer = changes.pop("signer", self.key)
        token = present(select(credential, paths), signer, **(options | changes))
        return {query.id: [token]}

    def consent(self, asked: VerifiedRequestObject, firm: str, **changes: Any) -> str:
        raw = asked.request.transaction_data[0].raw
        terms: Any = asked.request.transaction_data[0].content
        options: dict[str, Any] = {
            "record_id": f"urn:uuid:{uuid.uuid4()}",
            "verifier_id": firm,
            "client_id": asked.request.client_id.text,
            "language": "ja",
            "purposes": (
                ConsentedPurpose(
                    code=terms.purpose_code,
                    text_ja=terms.purpose.ja,
                    text_en=terms.purpose.en,
                    legal_ground=terms.legal_basis,
                    claims=terms.claims,
                    retention=terms.retention.period,
                ),
            ),
            "address_updates": True,
            "given_at": self.now,
            "until": self.now + YEAR,
            "terms_digest": b64url_encode(sha256(raw.encode())),
            "return_box": ReturnBox(
                url=MAILBOX, box=self.box, jwk=self.back.public_jwk(kid="back-1")
            ),
        }
        return build_consent(Consent(**(options | changes)), self.pairwise, salt=os.urandom(32))

    def answer(
        self,
        verifier: Verifier,
        link: str,
        *,
        credential: str | None = None,
        consent: bool | str = False,
        extra: JSONObject | None = None,
        **changes: Any,
    ) -> bytes:
        """The form a wallet posts."""
        asked = self.read(verifier, link)
        vct = asked.request.query.credentials[0].accepted_types[0]
        tokens = self.presentation(asked, credential or self.credential(vct), **changes)
        more: JSONObject = dict(extra or {})
        if consent:
            more["consent"] = (
                consent
                if isinstance(consent, str)
                else self.consent(asked, verifier.config.verifier_id)
            )
        return build_response(asked.request, tokens, random=os.urandom, extra=more)

    def self_asserted(self, *, audience: str, nonce: str, moved_on: date) -> str:
        """A new address on the holder's own word."""
        me = relationship_id(self.pairwise.public_key)
        payload = address_self_payload(
            NEW_ADDRESS, moved_on, did=me, holder_jwk=self.pairwise.public_key.jwk, now=self.now
        )
        token = issue(payload, self.pairwise, random=os.urandom, header={"kid": me})
        cut = select(token, [("address",), ("moved_on",)])
        return present(cut, self.pairwise, audience=audience, nonce=nonce, now=self.now)


@dataclass
class World:
    """One firm and its ledger; `at` is what the firm's clock shows."""

    ledger: LedgerSim
    verifier: Verifier
    posted: list[Any] = field(default_factory=list)
    at: datetime = NOW

    def ask(self, profile: Profile = profiles.MINPAKU_GUEST, **options: Any) -> Any:
        return self.verifier.request(profile, reference="booking-42", **options)


def write_key(path: Path, secret: bytes) -> Path:
    path.write_text(b64url_encode(secret))
    return path


def make_config(home: Path, **changes: Any) -> VerifierConfig:
    firm, root_secret = key("firm"), key("firm root").secret
    root = create_ca("Firm root", secret=root_secret, serial=8, **DATES)
    chain = create_leaf(
        "Minpaku One", public_key=firm.public_key, issuer=(root, root_secret), serial=9, **DATES
    )
    (home / "firm.pem").write_bytes(chain.public_bytes(Encoding.PEM))
    write_key(home / "firm.key", firm.secret)
    write_key(home / "receipts.key", key("receipts", Alg.EDDSA).secret)
    write_key(home / "seal.key", key("seal").secret)
    (home / "firm.toml").write_text(
        f"""
verifier_id = "minpaku-one"
name = {{ ja = "民泊ワン", en = "Minpaku One" }}
base_url = "https://firm.example/kyc"
certificate = "firm.pem"
key = "firm.key"
receipt_key = "receipts.key"
receipt_kid = "receipts-1"
encryption_keys = {{ "seal-1" = "seal.key" }}
genesis = "genesis.json"
nodes = ["https://node.example"]
state = "firm.db"
mailbox = "{MAILBOX}"
box = "{BOX}"
""",
        encoding="utf-8",
    )
    return replace(VerifierConfig.load(home / "firm.toml"), **changes)


def make_world(home: Path, *, fetch: Any = None, **changes: Any) -> World:
    ledger = make_ledger()
    config = make_config(home, **changes)
    world: World
    verifier = Verifier(config, registry=ledger, fetch=fetch or _no_network, clock=lambda: world.at)
    world = World(ledger=ledger, verifier=verifier)
    return world


def _no_network(_request: Any) -> Any:
    raise AssertionError("no network is expected here")
