"""An OpenID4VCI issuer for the wallet to meet; one step can be bent."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from registry_chain.transactions import (
    AnchorBatch,
)
from registry_chain.transactions.statuses import publish_status
from ssi.credential import (
    Envelope,
    Proofing,
    StatusReference,
    anchor_entry,
    kid_of,
    kyc_payload,
)
from ssi.encoding import b64url_encode, parse_json_object
from ssi.fetch import Request, Response
from ssi.keys import Alg, generate_signer
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
from ssi.sdjwt import (
    issue,
)
from ssi.status_list import StatusList, build_status_token, new_status_list
from ssi.x509 import to_x5c
from tests.support.wallet_cast import FRAMEWORK, ISSUER, KYC, PERSON, STATUS_URI, Authority, reply

if TYPE_CHECKING:
    from tests.support.wallet_world import World


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
