"""What the firm decides: one TOML file. Nothing that arrives decides any of it.

Fields (paths are relative to the file)::

    verifier_id      = "minpaku-one"                  # our id on the ledger
    name             = { ja = "民泊ワン", en = "Minpaku One" }
    base_url         = "https://firm.example/kyc"     # where the blueprint is mounted
    certificate      = "firm.pem"                     # chain, leaf first, without its anchor
    key              = "firm.key"                     # P-256: 32 bytes in base64url, or PEM PKCS #8
    receipt_key      = "receipts.key"                 # Ed25519 or P-256, as registered
    receipt_kid      = "receipts-1"                   # the kid it is registered under
    encryption_keys  = { "seal-1" = "seal-1.key" }    # kid -> P-256 key file; old ones stay
    genesis          = "genesis.json"
    nodes            = ["https://node.example"]
    state            = "firm.db"
    mailbox          = "https://box.example"          # optional
    box              = "minpaku-one-box"              # optional; else as registered
    poll             = true                           # poll the mailbox in the background
    push             = false                          # or let it push to base_url/updates
    loopback         = false                          # true only for a demo on this machine
    require_attested = true                           # an address needs an issuer's word
    keep_evidence    = true                           # what was received, while it may be kept
    accept_stapled   = true                           # wallet's proofs, when no node is reached
    max_age_seconds  = 600                            # how old the ledger's newest block may be
    stapled_age_seconds = 86400                       # how old the block of a wallet's proof
    request_seconds  = 300                            # how long a request is open
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ssi.encoding import b64url_decode
from ssi.errors import Malformed
from ssi.files import read_file, read_toml
from ssi.keys import AgreementKey, Alg, SoftwareSigner
from ssi.sharing_terms import LocalText
from verifier_sdk.profiles import BY_CODE

ENVIRONMENT = "WARIFU_VERIFIER_CONFIG"
_SECRET_BYTES = 32
_DAY = 86_400
_KNOWN = frozenset(
    {
        "verifier_id",
        "name",
        "base_url",
        "certificate",
        "key",
        "receipt_key",
        "receipt_kid",
        "encryption_keys",
        "genesis",
        "nodes",
        "state",
        "mailbox",
        "box",
        "poll",
        "push",
        "loopback",
        "require_attested",
        "accept_stapled",
        "keep_evidence",
        "max_age_seconds",
        "stapled_age_seconds",
        "max_age_by_profile",
        "offline",
        "same_device",
        "request_seconds",
        "ca_file",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierConfig:
    """The settings of one firm; see the module for each."""

    verifier_id: str
    name: LocalText
    base_url: str
    certificate: Path
    key: Path
    genesis: Path
    nodes: tuple[str, ...]
    state: Path
    receipt_key: Path | None = None
    receipt_kid: str | None = None
    encryption_keys: Mapping[str, Path] = field(default_factory=dict)
    mailbox: str | None = None
    box: str | None = None
    poll: bool = False
    push: bool = False
    loopback: bool = False
    require_attested: bool = False
    accept_stapled: bool = True
    keep_evidence: bool = True
    max_age: timedelta = timedelta(minutes=10)
    stapled_age: timedelta = timedelta(hours=24)
    profile_ages: Mapping[str, timedelta] = field(default_factory=dict)
    offline: bool = False
    same_device: bool = False
    request_life: timedelta = timedelta(minutes=5)
    ca_file: str | None = None

    def __post_init__(self) -> None:
        """Refuse settings that make no sense, at the start rather than at night."""
        if self.base_url.endswith("/") or not self.base_url.startswith(("https://", "http://")):
            raise ValueError("base_url is an http(s) URL without a slash at the end")
        if self.base_url.startswith("http://") and not self.loopback:
            raise ValueError("an http base_url needs loopback = true")
        if not self.nodes and not self.offline:
            raise ValueError("nodes names at least one node of the chain")
        if self.offline and not self.accept_stapled:
            raise ValueError("offline verification needs accept_stapled = true")
        if unknown := self.profile_ages.keys() - BY_CODE.keys():
            raise ValueError(f"max_age_by_profile names no profile: {min(unknown)}")
        if self.mailbox is not None and self.receipt_key is None:
            raise ValueError("a mailbox needs a receipt_key")
        if (self.receipt_key is None) is not (self.receipt_kid is None):
            raise ValueError("receipt_key and receipt_kid go together")

    @classmethod
    def load(cls, path: Path | str) -> "VerifierConfig":
        """Read a TOML file.

        Raises:
            ValueError: A field is missing, unknown or of the wrong type; it is named.
            Malformed: ``config.*``: the file cannot be read.
        """
        file = Path(path)
        return _parse(read_toml(file), file.resolve().parent)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "VerifierConfig":
        """Read the file that ``WARIFU_VERIFIER_CONFIG`` names.

        Raises:
            ValueError: The variable is not set, or as `load`.
        """
        path = environ.get(ENVIRONMENT)
        if not path:
            raise ValueError(f"{ENVIRONMENT} names no file")
        return cls.load(path)


def _parse(data: Mapping[str, object], home: Path) -> VerifierConfig:
    unknown = sorted(data.keys() - _KNOWN)
    if unknown:
        raise _wrong(unknown[0])
    receipt, keys = data.get("receipt_key"), data.get("encryption_keys", {})
    if not isinstance(keys, dict):
        raise _wrong("encryption_keys")
    return VerifierConfig(
        verifier_id=_text(data, "verifier_id"),
        name=_name(data.get("name")),
        base_url=_text(data, "base_url").rstrip("/"),
        certificate=home / _text(data, "certificate"),
        key=home / _text(data, "key"),
        genesis=home / _text(data, "genesis"),
        nodes=_texts(data, "nodes") if "nodes" in data or not data.get("offline") else (),
        state=home / _text(data, "state"),
        receipt_key=None if receipt is None else home / _text(data, "receipt_key"),
        receipt_kid=_opt_text(data, "receipt_kid"),
        encryption_keys={kid: home / _text(keys, kid) for kid in keys},
        mailbox=(_opt_text(data, "mailbox") or "").rstrip("/") or None,
        box=_opt_text(data, "box"),
        poll=_flag(data, "poll", default=False),
        push=_flag(data, "push", default=False),
        loopback=_flag(data, "loopback", default=False),
        require_attested=_flag(data, "require_attested", default=False),
        accept_stapled=_flag(data, "accept_stapled", default=True),
        keep_evidence=_flag(data, "keep_evidence", default=True),
        max_age=_period(data, "max_age_seconds", 600),
        stapled_age=_period(data, "stapled_age_seconds", _DAY),
        profile_ages=_ages(data.get("max_age_by_profile", {})),
        offline=_flag(data, "offline", default=False),
        same_device=_flag(data, "same_device", default=False),
        request_life=_period(data, "request_seconds", 300),
        ca_file=_opt_text(data, "ca_file"),
    )


def _text(data: Mapping[str, object], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(name)
    return value


def _opt_text(data: Mapping[str, object], name: str) -> str | None:
    return _text(data, name) if name in data else None


def _texts(data: Mapping[str, object], name: str) -> tuple[str, ...]:
    values = data.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _wrong(name)
    return tuple(str(value).rstrip("/") for value in values)


def _name(value: object) -> LocalText:
    if isinstance(value, str) and value:
        return LocalText(ja=value, en=value)
    if isinstance(value, dict):
        return LocalText(ja=_text(value, "ja"), en=_text(value, "en"))
    raise _wrong("name")


def _flag(data: Mapping[str, object], name: str, *, default: bool) -> bool:
    value = data.get(name, default)
    if not isinstance(value, bool):
        raise _wrong(name)
    return value


def _period(data: Mapping[str, object], name: str, default: int) -> timedelta:
    value = data.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 7 * _DAY:
        raise _wrong(name)
    return timedelta(seconds=value)


def _ages(value: object) -> Mapping[str, timedelta]:
    if not isinstance(value, dict):
        raise _wrong("max_age_by_profile")
    return {code: _period(value, code, 0) for code in value}


def _wrong(name: str) -> ValueError:
    return ValueError(f"the verifier's configuration: {name} is missing, wrong or unknown")


# --- key files ---


def load_signer(path: Path, *, alg: Alg | None = None) -> SoftwareSigner:
    """Read a signing key.

    Args:
        path: PEM PKCS #8 (which says what it is), or 32 bytes in base64url.
        alg: The algorithm of a bare secret; ES256 when not given.

    Raises:
        ValueError: The file holds no such key; nothing of it is told.
        Malformed: ``config.*``: the file cannot be read.
    """
    pem = _pem_secret(path)
    if pem is not None:
        return SoftwareSigner.from_secret(*pem)
    return SoftwareSigner.from_secret(alg or Alg.ES256, _bare_secret(path))


def load_agreement_key(path: Path) -> AgreementKey:
    """Read a P-256 key that others seal to; as `load_signer`."""
    pem = _pem_secret(path)
    if pem is not None and pem[0] is not Alg.ES256:
        raise ValueError("an encryption key is a P-256 key")
    return AgreementKey.from_secret(_bare_secret(path) if pem is None else pem[1])


def _bare_secret(path: Path) -> bytes:
    raw = read_file(path)
    try:
        secret = b64url_decode(raw.decode("ascii").strip())
    except (Malformed, UnicodeDecodeError):
        raise ValueError(f"{path.name} holds no key in base64url or PEM") from None
    if len(secret) != _SECRET_BYTES:
        raise ValueError(f"{path.name} holds no key of 32 bytes")
    return secret


def _pem_secret(path: Path) -> tuple[Alg, bytes] | None:
    raw = read_file(path)
    if not raw.lstrip().startswith(b"-----BEGIN"):
        return None
    try:
        key = load_pem_private_key(raw, password=None)
    except (ValueError, TypeError):
        raise ValueError(f"{path.name} holds no private key we can read") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Alg.EDDSA, key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return Alg.ES256, key.private_numbers().private_value.to_bytes(_SECRET_BYTES)
    raise ValueError(f"{path.name} holds a key of another kind")
