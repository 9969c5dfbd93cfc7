"""Actors and bodies of a small consortium, for tests of everything that meets the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType
from typing import Any

from registry_chain.genesis import Genesis, GenesisMember, genesis_records, new_genesis
from registry_chain.rules import BlockContext, apply_tx, block_context, lane_seq
from registry_chain.state import Changes
from registry_chain.transactions import (
    AccreditIssuer,
    Action,
    Body,
    Mailbox,
    Name,
    Propose,
    Purpose,
    RegisterOperator,
    RegisterVerifier,
    Retention,
    VerifierProfile,
    build_tx,
    parse_tx,
)
from registry_chain.transactions.fields import bare_jwk
from ssi.encoding import JSONObject, b64url_encode, sha256
from ssi.keys import AgreementKey, Alg, SoftwareSigner

CHAIN = "test-chain"
T0 = 1_764_000_000
DAY = 86_400
YEAR = 365 * DAY
CORPORATE = "7000012050002"
KYC = "urn:warifu:kyc:1"
ISSUER_URL = "https://issuer.example"


def signer(name: str, alg: Alg = Alg.EDDSA) -> SoftwareSigner:
    """The same key for the same name, in every run."""
    return SoftwareSigner.from_secret(alg, sha256(f"test key {name}".encode()))


def digest_of(text: str) -> str:
    return b64url_encode(sha256(text.encode()))


ROLES = {
    "council": ("voter",),
    "city-kyc": ("issuer",),
    "minpaku-one": ("firm",),
    "car-two": ("firm",),
    "yubin-box": ("operator",),
    "watcher": ("auditor",),
}
VALIDATOR = signer("validator")


def member_name(account: str) -> Name:
    return Name(ja=f"{account} 株式会社", en=account)


def make_genesis(
    *,
    loopback: bool = True,
    chain_id: str = CHAIN,
    time: int = T0,
    roles: Mapping[str, tuple[str, ...]] = MappingProxyType(ROLES),
    timelock: int | None = None,
    validators: Sequence[SoftwareSigner] = (VALIDATOR,),
) -> Genesis:
    return new_genesis(
        chain_id=chain_id,
        genesis_time=time,
        validators=[one.public_key for one in validators],
        members=[
            GenesisMember(
                id=account,
                name=member_name(account),
                account_keys=(bare_jwk(signer(account).public_key),),
                roles=own,
            )
            for account, own in roles.items()
        ],
        loopback=loopback,
        timelock=timelock,
    )


def accreditation(issuer: str = "city-kyc", **changes: Any) -> AccreditIssuer:
    body = AccreditIssuer(
        issuer=issuer,
        name=Name(ja="市民KYC株式会社", en="City KYC"),
        corporate_number=CORPORATE,
        url=ISSUER_URL,
        credential_types=(KYC,),
        ca=("MIIB",),
        trust_framework="https://warifu.example/trust_framework/jp_sharing",
        valid_from=T0 - DAY,
        valid_until=T0 + 3 * YEAR,
        contact="kyc@issuer.example",
    )
    return replace(body, **changes)


def encryption_jwk(name: str = "seal") -> JSONObject:
    return AgreementKey.from_secret(sha256(name.encode())).public_jwk(kid=f"{name}-1")


def purpose(**changes: Any) -> Purpose:
    body = Purpose(
        code="minpaku_guest",
        ja="宿泊者名簿の作成",
        en="Guest register",
        legal_basis="Private Lodging Business Act art. 8",
        retention=Retention(ja="3年間", en="3 years", period="P3Y"),
        claims=(
            ("verified_claims", "claims", "name"),
            ("verified_claims", "claims", "address"),
        ),
        vcts=(KYC,),
    )
    return replace(body, **changes)


def profile(name: str = "minpaku-one", **changes: Any) -> VerifierProfile:
    body = VerifierProfile(
        name=Name(ja="民泊ワン株式会社", en="Minpaku One"),
        corporate_number=CORPORATE,
        purposes=(purpose(),),
        client_hashes=(digest_of(f"certificate of {name}"),),
        encryption_keys=(encryption_jwk(f"{name}-seal"),),
        receipt_keys=(bare_jwk(signer(f"{name} receipts").public_key) | {"kid": "receipts-1"},),
        mailbox=Mailbox(url="https://box.example", box=f"{name}-box"),
        country="JP",
        contact="privacy@firm.example",
        trust_mark=None,
    )
    return replace(body, **changes)


def registration(verifier: str = "minpaku-one", **changes: Any) -> RegisterVerifier:
    return RegisterVerifier(verifier=verifier, profile=profile(verifier, **changes))


def operation(operator: str = "yubin-box", **changes: Any) -> RegisterOperator:
    body = RegisterOperator(
        operator=operator,
        name=Name(ja="電子私書箱", en="PO box"),
        url="https://box.example",
        keys=(),
    )
    return replace(body, **changes)


_NUMBERS = count(1)


def proposal(*bodies: Body, at: int, **changes: Any) -> Propose:
    """A proposal of these bodies, open for a day, with an id of its own."""
    body = Propose(
        actions=tuple(Action.of(body) for body in bodies),
        expires_at=at + DAY,
        reason="decided in the meeting",
        id=f"decision-{next(_NUMBERS)}",
    )
    return replace(body, **changes)


@dataclass
class Ledger:
    """The state machine over a plain dictionary, one transaction a block."""

    genesis: Genesis = field(default_factory=make_genesis)
    height: int = 1
    time: int = T0 + 60
    state: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = genesis_records(self.genesis)

    def get(self, key: str) -> bytes | None:
        return self.state.get(key)

    @property
    def block(self) -> BlockContext:
        return block_context(
            self, height=self.height, time=self.time, chain_id=self.genesis.chain_id
        )

    def tx(self, account: str, body: Body, *, lane: int = 0, **changes: Any) -> str:
        """Sign a transaction as ``account`` that is next in its lane."""
        parts: dict[str, Any] = {
            "chain_id": self.genesis.chain_id,
            "account": account,
            "lane": lane,
            "seq": lane_seq(self, account, lane) + 1,
            "valid_until_height": self.height + 100,
            "body": body,
            "signer": signer(account),
        }
        return build_tx(**(parts | changes))

    def put(self, token: str) -> Changes:
        """Apply a signed transaction."""
        changes = apply_tx(self, parse_tx(token), self.block)
        self.state |= changes
        self.height += 1
        self.time += 1
        return changes

    def do(self, account: str, body: Body, **changes: Any) -> Changes:
        """Sign and apply."""
        return self.put(self.tx(account, body, **changes))

    def decide(self, *bodies: Body, **changes: Any) -> Changes:
        """Propose as the council, whose one vote carries it at once."""
        return self.do("council", proposal(*bodies, at=self.time), **changes)


def settled() -> Ledger:
    """A ledger with an accredited issuer, a firm and a mailbox operator."""
    ledger = Ledger()
    ledger.decide(accreditation())
    ledger.decide(registration())
    ledger.decide(operation())
    return ledger
