"""A whole small world around a wallet: a real chain, and simulators that can misbehave.

The chain is the embedded engine behind its real HTTP interface. Issuer, firm and
mailbox are simulators made of kernel functions, so that tests can bend one step.
"""

from __future__ import annotations

import os
from base64 import b64encode
from datetime import UTC, datetime, timedelta
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
    Name,
    RegisterVerifier,
    build_tx,
    register_key,
)
from registry_chain.transactions.fields import bare_jwk
from ssi.encoding import b64url_encode, sha256
from ssi.errors import Unreachable
from ssi.fetch import Request, Response
from ssi.forms import parse_form
from ssi.keys import Alg, SoftwareSigner, generate_signer
from tests.support.registry import proposal
from tests.support.wallet_cast import BOX, FIRM, FRAMEWORK, ISSUER, KYC, NODE, Clock, der, reply
from tests.support.wallet_firm import FirmSim, MailboxSim
from tests.support.wallet_issuer import IssuerSim
from wallet.config import WalletConfig
from wallet.holder import Holder
from wallet.keyfile import CHEAPEST
from wallet.vault import Vault

ROLES = {"council": "voter", "city-kyc": "issuer"}
PASSPHRASE = "tally and tally"


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
