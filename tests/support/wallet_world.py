"""A whole small world around a wallet: a real chain, and simulators that can misbehave.

The chain is the embedded engine behind its real HTTP interface. Issuer, firm and
mailbox are simulators made of kernel functions, so that tests can bend one step.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from registry_chain.client import Genesis, HeadMemory, RegistryClient, Submitter
from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.genesis import GenesisMember, new_genesis
from registry_chain.node import create_app
from registry_chain.transactions import (
    AccreditIssuer,
    AnchorBatch,
    Attestable,
    Mailbox,
    Name,
    Purpose,
    RegisterVerifier,
    Retention,
    VerifierProfile,
    build_tx,
    register_key,
)
from registry_chain.transactions.fields import bare_jwk
from registry_chain.transactions.statuses import publish_status
from ssi.commitment import ACK_TAG
from ssi.credential import (
    Address,
    CredentialType,
    Envelope,
    KycData,
    Proofing,
    StatusReference,
    anchor_entry,
    claim_path,
    kid_of,
    kyc_payload,
)
from ssi.dcql_query import ClaimQuery, CredentialQuery, Query
from ssi.encoding import b64url_encode, canonical_json, parse_json_object, sha256
from ssi.envelope import Address as EnvelopeAddress
from ssi.envelope import Envelope as SetEnvelope
from ssi.envelope import build_set, parse_set, seal, unseal, verifier_issuer, verify_holder_set
from ssi.errors import Unreachable
from ssi.fetch import Request, Response
from ssi.forms import parse_form
from ssi.keys import AgreementKey, Alg, SoftwareSigner, generate_agreement_key, generate_signer
from ssi.merkle import inclusion_paths, root_hash
from ssi.oid4vci import (
    AuthorizationServerMetadata,
    CredentialConfiguration,
    CredentialOffer,
    CredentialResponse,
    IssuedCredential,
    IssuerMetadata,
    NonceResponse,
    ProofPolicy,
    ProofType,
    TokenResponse,
    TxCode,
    build_offer_link,
    parse_credential_request,
    parse_key_proof,
    parse_token_request,
    verify_key_proof,
)
from ssi.oid4vci.offer import PreAuthorizedGrant
from ssi.oid4vp import (
    REQUEST_MEDIA_TYPE,
    AuthorizationRequest,
    ResponseError,
    ResponseKey,
    ResponseMode,
    TransactionData,
    build_request_object,
    parse_client_id,
    parse_request_fetch,
    parse_response,
)
from ssi.sdjwt import (
    KeyBindingPolicy,
    issue,
    parse_sdjwt,
    verify_issuer_jwt,
    verify_key_binding,
)
from ssi.sharing import build_countersignature, parse_consent, verify_consent
from ssi.sharing_terms import TERMS_TYPE, LocalText, Terms
from ssi.sharing_terms import Retention as TermsRetention
from ssi.status_list import StatusList, build_status_token, new_status_list
from ssi.updates import (
    AddressUpdate,
    Outcome,
    ReceiptFacts,
    RejectCode,
    build_receipt,
    message_json,
    parse_message,
)
from ssi.x509 import create_ca, create_leaf, to_x5c, x509_hash
from tests.support.registry import proposal
from wallet.config import WalletConfig
from wallet.holder import Holder
from wallet.keyfile import CHEAPEST
from wallet.vault import Vault

NODE, ISSUER, FIRM, BOX = (f"http://127.0.0.1:{port}" for port in (8101, 8102, 8103, 8104))
ROLES = {"council": "voter", "city-kyc": "issuer"}
PASSPHRASE = "tally and tally"
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


class IssuerSim:
    """An OpenID4VCI issuer; ``bend`` changes one credential's payload or header."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.id = "city-kyc"
        self.pki = Authority.make("City KYC")
        self.person = PERSON
        self.batch_size = 5
        self.tx_code: str | None = "123456"
        self.nonces: set[str] = set()
        self.index = 0
        self.status_signer = generate_signer(Alg.ES256, os.urandom)
        self.editions: list[tuple[StatusList, str]] = []
        self.seen: list[str] = []
        self.notices: list[str] = []
        self.bend: Callable[[int, dict[str, Any]], dict[str, Any]] = lambda _n, payload: payload
        self.bend_response: Callable[[list[IssuedCredential]], list[IssuedCredential]] = (
            lambda issued: issued
        )
        self.metadata = IssuerMetadata(
            credential_issuer=ISSUER,
            credential_endpoint=f"{ISSUER}/credential",
            nonce_endpoint=f"{ISSUER}/nonce",
            notification_endpoint=f"{ISSUER}/notification",
            batch_size=self.batch_size,
            configurations={
                "kyc": CredentialConfiguration(
                    format="dc+sd-jwt",
                    vct=KYC,
                    signing_algs=("ES256",),
                    binding_methods=("jwk",),
                    proof_types={"jwt": ProofType(signing_algs=("ES256",))},
                )
            },
        )
        self.server = AuthorizationServerMetadata(issuer=ISSUER, token_endpoint=f"{ISSUER}/token")

    def offer(self, **changes: Any) -> str:
        offer = CredentialOffer(
            credential_issuer=ISSUER,
            configuration_ids=("kyc",),
            pre_authorized=PreAuthorizedGrant(
                pre_authorized_code="code-1", tx_code=TxCode(length=6) if self.tx_code else None
            ),
        )
        return build_offer_link(replace(offer, **changes))

    def handle(self, request: Request) -> Response:  # noqa: PLR0911 - one per endpoint
        path = request.url.removeprefix(ISSUER)
        self.seen.append(path)
        match path:
            case "/.well-known/openid-credential-issuer":
                return reply(200, self.metadata.to_json())
            case "/.well-known/oauth-authorization-server":
                return reply(200, self.server.to_json())
            case "/token":
                return self._token(request)
            case "/nonce":
                nonce = b64url_encode(os.urandom(24))
                self.nonces.add(nonce)
                return reply(200, NonceResponse(c_nonce=nonce).to_json())
            case "/credential":
                return self._credential(request)
            case "/notification":
                self.notices.append(str(parse_json_object(request.body)["event"]))
                return reply(204)
        return reply(404)

    def _token(self, request: Request) -> Response:
        asked = parse_token_request(request.body)
        if asked.code != "code-1" or asked.tx_code != self.tx_code:
            return reply(400, {"error": "invalid_grant"})
        return reply(200, TokenResponse(access_token="token-1").to_json())

    def _credential(self, request: Request) -> Response:
        asked = parse_credential_request(request.body)
        keys = []
        for token in asked.proofs:
            policy = ProofPolicy(batch_size=self.batch_size)
            proof = verify_key_proof(
                parse_key_proof(token), issuer=ISSUER, now=self.world.clock(), policy=policy
            )
            assert proof.nonce in self.nonces
            keys.append(proof.key)
        tokens = [self._issue(number, key) for number, key in enumerate(keys)]
        issued = self.bend_response(self._anchored(tokens))
        return reply(
            200, CredentialResponse(credentials=tuple(issued), notification_id="n1").to_json()
        )

    def _issue(self, number: int, key: Any) -> str:
        now = self.world.clock()
        self.index += 1
        envelope = Envelope(
            issuer_url=ISSUER,
            issued_at=now,
            expires_at=now + timedelta(days=300),
            holder_jwk=key.jwk,
            status=StatusReference(uri=STATUS_URI, index=self.index),
        )
        proofing = Proofing(
            trust_framework=FRAMEWORK,
            organization="City KYC",
            checked_on=now.date(),
            procedure="face to face",
        )
        payload = kyc_payload(self.person, proofing, envelope, today=now.date())
        payload = self.bend(number, payload)
        signer = self.pki.signer
        header = {
            "kid": kid_of(self.id, signer.public_key.thumbprint()),
            "x5c": to_x5c([self.pki.leaf]),
        }
        return issue(payload, signer, random=os.urandom, header=header)

    def publish(
        self,
        statuses: dict[int, int],
        *,
        uri: str = STATUS_URI,
        lives: timedelta = timedelta(days=30),
    ) -> None:
        """Put the list's next edition on the chain, with these entries changed.

        Args:
            statuses: the new status of each index.
            uri: what the list says it is.
            lives: how long the edition is good.
        """
        before = self.editions[-1] if self.editions else None
        entries = new_status_list(1024, bits=2) if before is None else before[0]
        if before is None:
            self.world.register("status", self.status_signer)
        for index, status in statuses.items():
            entries = entries.with_status(index, status)
        now = self.world.clock()
        token = build_status_token(
            entries,
            self.status_signer,
            uri=uri,
            now=now,
            ttl=3600,
            expires_at=now + lives,
            header={"kid": kid_of(self.id, self.status_signer.public_key.thumbprint())},
        )
        body = publish_status(
            "main", len(self.editions) + 1, token, None if before is None else before[1]
        )
        self.world.submit(self.id, body)
        self.editions.append((entries, token))

    def _anchored(self, tokens: list[str]) -> list[IssuedCredential]:
        salts = [os.urandom(32) for _ in tokens]
        entries = [
            anchor_entry(salt, token.split("~", 1)[0])
            for salt, token in zip(salts, tokens, strict=True)
        ]
        self.world.batches += 1
        batch = f"batch-{self.world.batches}"
        body = AnchorBatch(batch=batch, root=b64url_encode(root_hash(entries)), size=len(entries))
        self.world.submit(self.id, body)
        return [
            IssuedCredential(
                credential=token,
                extra={
                    "anchor": {
                        "batch_id": batch,
                        "salt": b64url_encode(salt),
                        "index": index,
                        "size": len(entries),
                        "path": [b64url_encode(step) for step in path],
                    }
                },
            )
            for index, (token, salt, path) in enumerate(
                zip(tokens, salts, inclusion_paths(entries), strict=True)
            )
        ]


@dataclass
class Presented:
    """What a firm got."""

    tokens: dict[str, tuple[str, ...]]
    claims: dict[str, Any]
    extra: dict[str, Any]


class FirmSim:
    """An OpenID4VP verifier with a mailbox box; ``decide`` answers address updates."""

    def __init__(self, world: World, firm_id: str, number: str, box: str) -> None:
        self.world = world
        self.id = firm_id
        self.box = box
        self.number = number
        self.pki = Authority.make(firm_id)
        self.receipts = SoftwareSigner.from_secret(
            Alg.EDDSA, sha256(f"receipts {firm_id}".encode())
        )
        self.sealing = AgreementKey.from_secret(sha256(f"sealing {firm_id}".encode()))
        self.client_id = f"x509_hash:{x509_hash(der(self.pki.leaf))}"
        self.requests: dict[str, tuple[AuthorizationRequest, Any]] = {}
        self.presented: list[Presented] = []
        self.refusals: list[str] = []
        self.updates: list[AddressUpdate] = []
        self.relationships: dict[str, Any] = {}
        self.nonce = "nonce-0000000000000000000000"
        self.answered: dict[str, str] = {}
        self.messages: list[Any] = []
        self.taken: dict[bytes, dict[str, Any]] = {}
        self.name = Name(ja=f"{firm_id} 株式会社", en=firm_id)
        self.countersign = True
        self.status = 200
        self.decide: Callable[[AddressUpdate], tuple[Outcome, RejectCode | None]] = lambda _: (
            Outcome.ACCEPTED,
            None,
        )

    def profile(self) -> VerifierProfile:
        return VerifierProfile(
            name=self.name,
            corporate_number=self.number,
            purposes=(PURPOSE,),
            client_hashes=(self.client_id.partition(":")[2],),
            encryption_keys=(self.sealing.public_jwk(kid="seal-1"),),
            receipt_keys=(bare_jwk(self.receipts.public_key) | {"kid": "receipts-1"},),
            mailbox=Mailbox(url=BOX, box=self.box),
            country="JP",
            contact="privacy@firm.example",
            trust_mark=None,
        )

    def terms(self, claims: tuple[Any, ...], *, updates: bool) -> Terms:
        return Terms(
            firm=self.id,
            credential_ids=("kyc",),
            purpose_code=PURPOSE.code,
            purpose=LocalText(ja=PURPOSE.ja, en=PURPOSE.en),
            legal_basis=PURPOSE.legal_basis,
            retention=TermsRetention(text=LocalText(ja="3年間", en="3 years"), period="P3Y"),
            claims=claims,
            address_updates=updates,
        )

    def ask(
        self,
        *names: str,
        updates: bool = True,
        terms: Callable[[Terms], Terms] = lambda item: item,
    ) -> str:
        """Make a request and return its link."""
        paths = tuple(claim_path(name) for name in names)
        key = generate_agreement_key(os.urandom)
        query = Query(
            credentials=(
                CredentialQuery(
                    id="kyc",
                    format="dc+sd-jwt",
                    accepted_types=(KYC,),
                    claims=tuple(ClaimQuery(path=path) for path in paths),
                ),
            )
        )
        content = terms(self.terms(paths, updates=updates))
        raw = content.encode()
        number = f"r{len(self.requests)}"
        request = AuthorizationRequest(
            client_id=parse_client_id(self.client_id),
            nonce=b64url_encode(os.urandom(24)),
            response_uri=f"{FIRM}/{self.id}/response/{number}",
            response_mode=ResponseMode.DIRECT_POST_JWT,
            query=query,
            state=b64url_encode(os.urandom(24)),
            transaction_data=(
                TransactionData(raw=raw, type=TERMS_TYPE, credential_ids=("kyc",), content=content),
            ),
            response_key=ResponseKey(jwk=key.public_jwk(kid="k1")),
        )
        self.requests[number] = (request, key)
        from urllib.parse import quote

        uri = quote(f"{FIRM}/{self.id}/request/{number}", safe="")
        client = quote(self.client_id, safe="")
        return f"openid4vp://?client_id={client}&request_uri={uri}&request_uri_method=post"

    def handle(self, request: Request) -> Response:
        _, kind, number = request.url.removeprefix(f"{FIRM}/").split("/")
        asked, key = self.requests[number]
        if kind == "request":
            nonce = parse_request_fetch(request.body).wallet_nonce
            now = self.world.clock()
            token = build_request_object(
                replace(asked, wallet_nonce=nonce),
                self.pki.signer,
                now=now,
                expires_at=now + timedelta(minutes=5),
                chain=[self.pki.leaf],
            )
            return reply(200, token.encode(), REQUEST_MEDIA_TYPE)
        return self._receive(request, asked, key)

    def _receive(self, request: Request, asked: AuthorizationRequest, key: Any) -> Response:
        if request.body in self.taken:  # the same bytes: the same receipt, nothing else [TRUST-2]
            return reply(200, self.taken[request.body])
        answer = parse_response(request.body, find_key=lambda _kid: key)
        if isinstance(answer, ResponseError):
            self.refusals.append(answer.error)
            return reply(200, {})
        (token,) = answer.vp_token["kyc"]
        untrusted = parse_sdjwt(token)
        verified = verify_issuer_jwt(untrusted, self.world.issuer.pki.signer.public_key)
        verify_key_binding(
            untrusted,
            verified,
            audience=self.client_id,
            nonce=asked.nonce,
            now=self.world.clock(),
            policy=KeyBindingPolicy(),
            transaction_data=tuple(entry.raw for entry in asked.transaction_data),
        )
        self.presented.append(
            Presented(
                tokens=dict(answer.vp_token),
                claims={path[-1]: item.value for path, item in verified.disclosed.items()},
                extra=answer.extra,
            )
        )
        body: dict[str, Any] = {"redirect_uri": f"{FIRM}/done?response_code=abc"}
        if "consent" in answer.extra and self.countersign:
            body["consent_receipt"] = self._countersign(str(answer.extra["consent"]), asked)
        if self.status == 200:
            self.taken[request.body] = {k: v for k, v in body.items() if k != "redirect_uri"}
        return reply(self.status, body)

    def _countersign(self, token: str, asked: AuthorizationRequest) -> str:
        raw = asked.transaction_data[0].raw
        consent = verify_consent(
            parse_consent(token),
            verifier_id=self.id,
            client_id=self.client_id,
            terms_digest=b64url_encode(sha256(raw.encode())),
            now=self.world.clock(),
        )
        self.relationships[consent.relationship] = consent
        return build_countersignature(
            consent,
            self.receipts,
            kid="receipts-1",
            update_nonce=self.nonce,
            now=self.world.clock(),
        )

    def read_mail(self) -> None:
        """Take every envelope in our box once and answer it."""
        for token in self.world.mailbox.boxes.get(self.box, {}).copy().values():
            self._answer(token)

    def _answer(self, token: str) -> None:
        now = self.world.clock()
        received = verify_holder_set(parse_set(token), now=now)
        jti = received.envelope.address.jti
        if jti in self.answered:
            return
        message = parse_message(unseal(received, {"seal-1": self.sealing}))
        self.messages.append(message)
        outcome: tuple[Outcome, RejectCode | None] = (Outcome.ACCEPTED, None)
        if isinstance(message, AddressUpdate):
            self._check_update(message)
            self.updates.append(message)
            outcome = self.decide(message)
        consent = self.relationships[received.envelope.relationship]
        self.nonce = b64url_encode(os.urandom(24))
        facts = ReceiptFacts(
            verifier_id=self.id,
            for_jti=jti,
            event_id=message.event_id,
            state=outcome[0],
            code=outcome[1],
            applied_on=now.date() if outcome[0] is Outcome.ACCEPTED else None,
            received_at=now.replace(microsecond=0),
            next_nonce=self.nonce,
        )
        receipt = build_receipt(
            facts, self.receipts, kid="receipts-1", sealed=received.envelope.sealed
        )
        back = consent.consent.return_box
        address = EnvelopeAddress(
            issuer=verifier_issuer(self.id), jti=b64url_encode(os.urandom(16)), box=back.box
        )
        sealed = seal(
            message_json(receipt), back.jwk, address=address, tag=ACK_TAG, random=os.urandom
        )
        envelope = SetEnvelope(
            address=address,
            issued_at=now,
            txn=b64url_encode(os.urandom(16)),
            relationship=received.envelope.relationship,
            sealed=sealed.jwe,
            commitment=sealed.commitment,
            deadline=now + timedelta(days=1),
            in_reply_to=jti,
        )
        self.answered[jti] = build_set(envelope, self.receipts, kid="receipts-1")
        self.world.mailbox.boxes.setdefault(back.box, {})[address.jti] = self.answered[jti]

    def _check_update(self, update: AddressUpdate) -> None:
        untrusted = parse_sdjwt(update.presentation)
        key = self.world.issuer.pki.signer.public_key
        if update.assurance.value == "self_asserted":
            from ssi.relationship import relationship_key

            key = relationship_key(str(untrusted.jwt.header["kid"]))
        verified = verify_issuer_jwt(untrusted, key)
        verify_key_binding(
            untrusted,
            verified,
            audience=self.client_id,
            nonce=update.nonce,
            now=self.world.clock(),
            policy=KeyBindingPolicy(past=timedelta(days=30)),  # a message may wait in a box
        )


@dataclass
class MailboxSim:
    """Push, poll, boxes and consents, kept in dictionaries."""

    boxes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    consents: list[Any] = field(default_factory=list)
    withdrawals: list[Any] = field(default_factory=list)
    pushed: list[str] = field(default_factory=list)
    errors: dict[str, Any] = field(default_factory=dict)

    def handle(self, request: Request) -> Response:
        match request.url.removeprefix(BOX):
            case "/boxes":
                box = f"return-{len(self.tokens)}"
                self.tokens[f"token-{box}"] = box
                self.boxes[box] = {}
                return reply(201, {"box": box, "token": f"token-{box}"})
            case "/push":
                token = request.body.decode()
                self.pushed.append(token)
                address = parse_set(token).envelope.address
                self.boxes.setdefault(address.box, {})[address.jti] = token
                return reply(202)
            case "/poll":
                box = self.tokens[request.headers["Authorization"].removeprefix("Bearer ")]
                body = parse_json_object(request.body)
                self.errors |= body.get("setErrs", {})
                for jti in [*body.get("ack", []), *body.get("setErrs", {})]:
                    self.boxes[box].pop(jti, None)
                return reply(200, {"sets": self.boxes[box], "moreAvailable": False})
            case "/consents":
                self.consents += parse_json_object(request.body)["items"]
                return reply(202, {})
            case "/withdrawals":
                self.withdrawals += parse_json_object(request.body)["items"]
                return reply(202, {})
        return reply(404)


class World:
    """Everything outside one wallet."""

    def __init__(self, folder: Path, *, heartbeat: timedelta = timedelta(hours=1)) -> None:
        self.clock = Clock()
        self.down: set[str] = set()
        self.sent: list[Request] = []
        self.accounts = {
            name: generate_signer(Alg.EDDSA, os.urandom)
            for name in ("council", "city-kyc", "minpaku-one", "car-two")
        }
        validator = generate_signer(Alg.EDDSA, os.urandom)
        self.genesis: Genesis = new_genesis(
            chain_id="wallet-test",
            genesis_time=int(datetime.now(UTC).timestamp()) - 60,
            validators=[validator.public_key],
            members=[
                GenesisMember(
                    id=name,
                    name=Name(ja=f"{name} 会", en=name),
                    account_keys=(bare_jwk(signer.public_key),),
                    roles=(ROLES.get(name, "firm"),),
                )
                for name, signer in self.accounts.items()
            ],
            loopback=True,
        )  # fmt: skip
        self.engine = EmbeddedEngine(
            folder / "chain.db",
            self.genesis,
            validator,
            self.clock,
            gather=timedelta(milliseconds=1),
            heartbeat=heartbeat,
        )
        self.node = create_app(self.engine).test_client()
        self.registry = RegistryClient([NODE], self.genesis, self.fetch, HeadMemory.volatile())
        self.batches = self.ticks = 0
        self.reset()
        self._found()

    def reset(self) -> None:
        """Forget what happened around the chain: fresh simulators with the same keys."""
        self.clock.ahead = timedelta()
        self.down = set()
        self.sent = []
        self.issuer = IssuerSim(self)
        self.mailbox = MailboxSim()
        self.firms = {
            "minpaku-one": FirmSim(self, "minpaku-one", "7000012050002", "minpaku-box"),
            "car-two": FirmSim(self, "car-two", "7000012050002", "car-box"),
        }

    def advance(self, by: timedelta) -> None:
        """Let time pass and make a block of the new time."""
        self.clock.ahead += by
        self.ticks += 1
        raw = build_tx(
            chain_id=self.genesis.chain_id,
            account="city-kyc",
            lane=63,
            seq=self.ticks,
            valid_until_height=self.engine.status().height + 100,
            body=AnchorBatch(
                batch=f"tick-{self.ticks}", root=b64url_encode(sha256(b"tick")), size=1
            ),
            signer=self.accounts["city-kyc"],
        )
        self.engine.wait(self.engine.submit(raw.encode()), 10)

    @property
    def minpaku(self) -> FirmSim:
        return self.firms["minpaku-one"]

    @property
    def car(self) -> FirmSim:
        return self.firms["car-two"]

    def close(self) -> None:
        self.engine.close()

    def submit(self, account: str, body: Any) -> None:
        Submitter(self.registry, account, self.accounts[account]).submit(body, self.clock())

    def decide(self, *bodies: Any) -> None:
        """Propose as the council, whose one vote carries it at once."""
        self.submit("council", proposal(*bodies, at=int(self.clock().timestamp())))

    def accredit(self, *, attests: tuple[Attestable, ...] | None = None) -> None:
        """Accredit the issuer, or renew its accreditation with other limits."""
        now = int(self.clock().timestamp())
        self.decide(
            AccreditIssuer(
                issuer="city-kyc",
                name=Name(ja="市民KYC株式会社", en="City KYC"),
                corporate_number="7000012050002",
                url=ISSUER,
                credential_types=(KYC,),
                ca=(b64encode(der(self.issuer.pki.root)).decode(),),
                trust_framework=FRAMEWORK,
                valid_from=now - 86400,
                valid_until=now + 86400 * 365,
                contact="kyc@issuer.example",
                attests=attests,
            ),
        )

    def _found(self) -> None:
        self.accredit()
        self.register("credential", self.issuer.pki.signer)
        for firm in self.firms.values():
            self.decide(RegisterVerifier(verifier=firm.id, profile=firm.profile()))

    def register(self, use: str, signer: SoftwareSigner) -> None:
        """Register a key of the issuer."""
        now = int(self.clock().timestamp())
        key = register_key(
            signer,
            chain_id=self.genesis.chain_id,
            issuer="city-kyc",
            use=use,
            valid_from=now - 3600,
            valid_until=now + 86400 * 300,
        )
        self.submit("city-kyc", key)

    def fetch(self, request: Request) -> Response:
        self.sent.append(request)
        for base in self.down:
            if request.url.startswith(base):
                raise Unreachable("it is down", code="fetch.failed")
        if request.url.startswith(NODE):
            answer = self.node.open(
                request.url.removeprefix(NODE),
                method=request.method,
                data=request.body or None,
                headers=dict(request.headers),
            )
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Response(
                status=answer.status_code, headers=headers, body=answer.data, url=request.url
            )
        if request.url.startswith(ISSUER):
            return self.issuer.handle(request)
        if request.url.startswith(BOX):
            return self.mailbox.handle(request)
        for firm in self.firms.values():
            if request.url.startswith(f"{FIRM}/{firm.id}/"):
                return firm.handle(request)
        return reply(404)

    def holder(self, home: Path, *, undo: timedelta = timedelta(0)) -> Holder:
        config = WalletConfig(
            home=home,
            genesis=home / "genesis.json",
            nodes=(NODE,),
            mailbox=BOX,
            loopback=True,
            undo_window=undo,
        )
        if not Vault.exists(home):
            Vault.create(home, PASSPHRASE, profile=CHEAPEST).close()
        return self.reopen(config, PASSPHRASE)

    def reopen(self, config: WalletConfig, passphrase: str) -> Holder:
        opened = Vault.open(config.home, passphrase, floor=CHEAPEST)
        return Holder(opened, self.registry, self.fetch, config, clock=self.clock)


def form_of(request: Request) -> dict[str, str]:
    """Return a posted form."""
    return parse_form(request.body, code="test")
