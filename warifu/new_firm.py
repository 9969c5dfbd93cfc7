"""A new firm: its keys, its certificate, its settings, and what the register is asked to record.

The register names the certificate by its hash [PRE-REQ-3], so who signed it does not matter: it is
signed by a key that is thrown away.
"""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from registry_chain.keyfile import write_key
from registry_chain.transactions import Action
from registry_chain.transactions.fields import bare_jwk
from ssi.encoding import JSON, JSONObject, b64url_encode
from ssi.keys import (
    AgreementKey,
    Alg,
    SoftwareSigner,
    generate_agreement_key,
    generate_signer,
)
from ssi.sharing_terms import LocalText
from ssi.x509 import create_ca, create_leaf, der_of, x509_hash
from verifier_sdk.config import VerifierConfig
from verifier_sdk.profiles import Profile

SETTINGS: Final = "verifier.toml"
ACTIONS: Final = "register.json"
SEAL_KID, RECEIPT_KID = "seal-1", "receipts-1"
CERTIFICATE_LIFE = timedelta(days=365)
_SLACK = timedelta(minutes=5)  # clocks differ
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFirm:
    """What a firm says of itself.

    Args:
        verifier_id: Its id in the register.
        name: Its registered name.
        corporate_number: 法人番号, 13 digits.
        contact: Where people reach it about their data.
        base_url: Where the blueprint will be mounted.
        profiles: What it asks for.
        genesis: The chain's genesis file.
        nodes: Nodes of the chain.
        mailbox: The PO box operator's URL, to hear of moves; none without.
        country: Where it is, ISO 3166.
        loopback: Plain HTTP on this machine, for a demonstration.
        settings: Further settings, as `verifier_sdk.config` has them.
    """

    verifier_id: str
    name: LocalText
    corporate_number: str
    contact: str
    base_url: str
    profiles: Sequence[Profile]
    genesis: Path
    nodes: Sequence[str]
    mailbox: str | None = None
    country: str = "JP"
    loopback: bool = False
    settings: Mapping[str, str | bool | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    account: SoftwareSigner = field(repr=False)
    signer: SoftwareSigner = field(repr=False)
    receipts: SoftwareSigner = field(repr=False)
    sealing: AgreementKey = field(repr=False)
    certificate: Certificate


def set_up(folder: Path, firm: NewFirm, *, now: datetime) -> tuple[Action, ...]:
    """Write a firm's folder; it appears whole or not at all.

    Args:
        folder: A new folder.
        firm: What the firm says of itself.
        now: The present.

    Returns:
        What the members of the chain have to decide, as it stands in ``register.json``.

    Raises:
        Malformed: ``tx.*``: the register would not take this.
        ValueError: The settings make no sense, see `VerifierConfig`.
        FileExistsError: The folder is there already.
    """
    if folder.exists():
        raise FileExistsError(folder)
    keys = _new_keys(firm, now)
    asked = _asked(firm, keys)
    actions = tuple(map(Action.from_json, asked))
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _write(fresh, keys)
        text = json.dumps(asked, ensure_ascii=False, indent=2)
        (fresh / ACTIONS).write_text(text + "\n", "utf-8")
        (fresh / SETTINGS).write_text(_settings(firm), "utf-8")
        VerifierConfig.load(fresh / SETTINGS)
        fresh.rename(folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return actions


def _new_keys(firm: NewFirm, now: datetime) -> _Keys:
    signer = generate_signer(Alg.ES256, os.urandom)
    thrown_away = generate_signer(Alg.ES256, os.urandom).secret
    begins, ends = now - _SLACK, now + CERTIFICATE_LIFE
    root = create_ca(
        f"{firm.name.en} CA",
        secret=thrown_away,
        not_before=begins,
        not_after=ends,
        serial=secrets.randbits(120) | 1,
    )
    certificate = create_leaf(
        firm.name.en,
        public_key=signer.public_key,
        issuer=(root, thrown_away),
        not_before=begins,
        not_after=ends,
        serial=secrets.randbits(120) | 1,
    )
    return _Keys(
        account=generate_signer(Alg.EDDSA, os.urandom),
        signer=signer,
        receipts=generate_signer(Alg.EDDSA, os.urandom),
        sealing=generate_agreement_key(os.urandom),
        certificate=certificate,
    )


def _asked(firm: NewFirm, keys: _Keys) -> list[JSON]:
    """Return what the register is asked to record, as the words of ``warifu chain propose``."""
    profile: JSONObject = {
        "name": firm.name.to_json(),
        "corporate_number": firm.corporate_number,
        "purposes": [one.purpose_record() for one in firm.profiles],
        "client_hashes": [x509_hash(der_of(keys.certificate))],
        "encryption_keys": [keys.sealing.public_jwk(SEAL_KID)],
        "receipt_keys": [{**keys.receipts.public_key.jwk, "kid": RECEIPT_KID}],
        "country": firm.country,
        "contact": firm.contact,
    }
    if firm.mailbox is not None:
        profile["mailbox"] = {"url": firm.mailbox, "box": f"{firm.verifier_id}-box"}
    member: JSONObject = {
        "member": firm.verifier_id,
        "name": firm.name.to_json(),
        "roles": ["firm"],
        "keys": [bare_jwk(keys.account.public_key)],
    }
    return [
        {"type": "member.admit", "body": member},
        {"type": "verifier.register", "body": {"verifier": firm.verifier_id, "profile": profile}},
    ]


def _write(folder: Path, keys: _Keys) -> None:
    write_key(folder / "account.key", keys.account)
    for name, secret in (
        ("firm.key", keys.signer.secret),
        ("receipts.key", keys.receipts.secret),
        (f"{SEAL_KID}.key", keys.sealing.secret),
    ):
        _write_private(folder / name, b64url_encode(secret) + "\n")
    (folder / "firm.pem").write_bytes(keys.certificate.public_bytes(Encoding.PEM))


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(text)


def _settings(firm: NewFirm) -> str:
    """Return ``verifier.toml``; JSON strings, numbers, booleans and arrays of strings are TOML."""
    values: dict[str, JSON] = {
        "verifier_id": firm.verifier_id,
        "base_url": firm.base_url,
        "certificate": "firm.pem",
        "key": "firm.key",
        "receipt_key": "receipts.key",
        "receipt_kid": RECEIPT_KID,
        "genesis": str(firm.genesis.resolve()),
        "nodes": list(firm.nodes),
        "state": "firm.db",
        "loopback": firm.loopback,
    }
    if firm.mailbox is not None:
        values |= {"mailbox": firm.mailbox, "poll": True}
    values |= firm.settings
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    name = {"ja": firm.name.ja, "en": firm.name.en}
    lines += [_table("name", name), _table("encryption_keys", {SEAL_KID: f"{SEAL_KID}.key"})]
    return "\n".join(lines) + "\n"


def _table(name: str, values: Mapping[str, str]) -> str:
    pairs = ", ".join(
        f"{json.dumps(key)} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in values.items()
    )
    return f"{name} = {{ {pairs} }}"
