"""What the consortium does before anybody can use the chain: a genesis, and its first decisions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from registry_chain.cli_network import Ports, members_of
from registry_chain.client import Genesis, HeadMemory, RegistryClient, Submitter
from registry_chain.engines.cometbft.testnet import make_validators, write_network
from registry_chain.genesis import GenesisMember, new_genesis
from registry_chain.keyfile import read_key, write_key
from registry_chain.records import EXECUTED, ProposalRecord, proposal_key
from registry_chain.transactions import Action, Propose, Vote
from registry_chain.transactions.fields import Name, bare_jwk
from ssi.credential import KANA_NAME, CredentialType
from ssi.encoding import JSON, JSONObject
from ssi.fetch import FetchPolicy, http_fetch
from ssi.keys import Alg, generate_signer
from warifu.demo import cast

DAY = 86_400
# What the demo's issuer is accredited to attest, type by type.
ATTESTS: Mapping[CredentialType, tuple[str, ...]] = {
    CredentialType.KYC: (
        "name",
        KANA_NAME,
        "birthdate",
        "address",
        "age_over_18",
        "age_over_20",
        "portrait_checked",
    ),
    CredentialType.LICENCE: (
        "name",
        "birthdate",
        "address",
        "licence_number",
        "licence_classes",
        "licence_conditions",
        "licence_expiry",
    ),
    CredentialType.ADDRESS: ("address", "moved_on"),
}
TRUST_FRAMEWORK = "https://warifu.example/trust_framework/jp_sharing"


def found_chain(
    home: Path,
    *,
    ports: Sequence[Ports],
    members: dict[str, tuple[tuple[str, str], JSONObject, str]],
    now: datetime,
) -> Path:
    """Make the genesis, and each node's keys and settings.

    Args:
        home: The chain's folder; of one node, or of several in folders of their own.
        ports: Where each node will listen.
        members: id -> (names, account key, role), beside the founders with a vote.
        now: The present.

    Returns:
        The genesis file.
    """
    home.mkdir(parents=True, mode=0o700)
    validators = make_validators(len(ports))
    (home / "keys").mkdir(mode=0o700)
    founders = []
    for account, names in cast.VOTERS:
        signer = generate_signer(Alg.EDDSA, os.urandom)
        write_key(home / "keys" / f"{account}.key", signer)
        founders.append(_member(account, names, bare_jwk(signer.public_key), "voter"))
    founders += [_member(name, *rest) for name, rest in members.items()]
    genesis = new_genesis(
        chain_id="warifu-demo",
        genesis_time=int(now.timestamp()),
        validators=[one.public_key for one in validators],
        names=[account for account, _ in cast.VOTERS] if len(ports) > 1 else (),
        members=founders,
        loopback=True,
    )
    path = home / "genesis.json"
    path.write_bytes(genesis.to_bytes())
    if len(ports) > 1:
        write_network(genesis, members_of(home, ports), validators)
        return path
    write_key(home / "validator.key", validators[0])
    (home / "node.toml").write_text(
        f'genesis = "genesis.json"\nkey = "validator.key"\ndb = "chain.db"\n'
        f'host = "127.0.0.1"\nport = {ports[0].http}\n'
    )
    return path


def _member(account: str, names: tuple[str, str], jwk: JSONObject, role: str) -> GenesisMember:
    name = Name.from_json({"ja": names[0], "en": names[1]})
    return GenesisMember(id=account, name=name, account_keys=(jwk,), roles=(role,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A carried proposal, as the chain proves it."""

    proposal: str
    actions: int
    yes: int
    voters: int


class Consortium:
    """The founders with a vote: they decide together who may issue and who may ask."""

    def __init__(self, chain_home: Path, nodes: Sequence[str]) -> None:
        genesis = Genesis.load(chain_home / "genesis.json")
        fetch = http_fetch(FetchPolicy(allow_loopback_http=True))
        self._client = RegistryClient(nodes, genesis, fetch, HeadMemory.volatile())
        self._voters = [
            Submitter(self._client, account, read_key(chain_home / "keys" / f"{account}.key"))
            for account, _ in cast.VOTERS
        ]

    def decide(self, actions: list[Action], why: str, now: datetime) -> Decision:
        """Propose as the first voter; the others read what is proposed, and vote for it.

        Raises:
            RuntimeError: The proposal was not carried.
        """
        body = Propose(
            id=f"founding-{int(now.timestamp())}",
            actions=tuple(actions),
            expires_at=int(now.timestamp()) + DAY,
            reason=why,
        )
        proposer, *others = self._voters
        proposer.submit(body, now)
        record = self._proposal(str(body.id), now)
        for voter in others:
            voter.submit(Vote(proposal=str(body.id), digest=record.digest, yes=True), now)
        record = self._proposal(str(body.id), now)
        if record.state != EXECUTED:
            raise RuntimeError(f"the founding proposal is {record.state}: {record.error}")
        return Decision(
            proposal=str(body.id), actions=len(actions), yes=record.yes, voters=record.voters
        )

    def _proposal(self, name: str, now: datetime) -> ProposalRecord:
        key = proposal_key(name)
        record = self._client.read_many((key,), now=now).record(ProposalRecord, key)
        if record is None:
            raise RuntimeError("the proposal is not on the chain")
        return record


def accredit_issuer(url: str, ca: str, now: datetime) -> Action:
    """Accredit the demo's issuer."""
    at = int(now.timestamp())
    return _action(
        "issuer.accredit",
        {
            "issuer": cast.ISSUER_ID,
            "name": _name(cast.ISSUER_NAME),
            "corporate_number": cast.ISSUER_CORPORATE_NUMBER,
            "url": url,
            "credential_types": [vct.value for vct in ATTESTS],
            "attests": [
                {"vct": vct.value, "names": list[JSON](names)} for vct, names in ATTESTS.items()
            ],
            "ca": [ca],
            "trust_framework": TRUST_FRAMEWORK,
            "valid_from": at - 300,
            "valid_until": at + 2 * 365 * DAY,
            "contact": "support@minna-kakunin.example",
        },
    )


def register_operator(url: str) -> Action:
    """Register the demo's mailbox operator."""
    body: JSONObject = {
        "operator": cast.OPERATOR_ID,
        "name": _name(cast.OPERATOR_NAME),
        "url": url,
        "keys": [],
    }
    return _action("operator.register", body)


def _action(kind: str, body: JSONObject) -> Action:
    return Action.from_json({"type": kind, "body": body})


def _name(names: tuple[str, str]) -> JSONObject:
    return {"ja": names[0], "en": names[1]}
