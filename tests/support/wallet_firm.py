"""A firm that asks and hears of moves, and a mailbox, for the wallet to meet."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from registry_chain.transactions import (
    Mailbox,
    Name,
    VerifierProfile,
)
from registry_chain.transactions.fields import bare_jwk
from ssi.commitment import ACK_TAG
from ssi.credential import (
    claim_path,
)
from ssi.dcql_query import ClaimQuery, CredentialQuery, Query
from ssi.encoding import b64url_encode, parse_json_object, sha256
from ssi.envelope import Address as EnvelopeAddress
from ssi.envelope import Envelope as SetEnvelope
from ssi.envelope import build_set, parse_set, seal, unseal, verifier_issuer, verify_holder_set
from ssi.fetch import Request, Response
from ssi.keys import AgreementKey, Alg, SoftwareSigner, generate_agreement_key
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
    parse_sdjwt,
    verify_issuer_jwt,
    verify_key_binding,
)
from ssi.sharing import build_countersignature, parse_consent, verify_consent
from ssi.sharing_terms import TERMS_TYPE, LocalText, Terms
from ssi.sharing_terms import Retention as TermsRetention
from ssi.updates import (
    AddressUpdate,
    Outcome,
    ReceiptFacts,
    RejectCode,
    build_receipt,
    message_json,
    parse_message,
)
from ssi.x509 import x509_hash
from tests.support.wallet_cast import BOX, FIRM, KYC, PURPOSE, Authority, der, reply

if TYPE_CHECKING:
    from tests.support.wallet_world import World


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
