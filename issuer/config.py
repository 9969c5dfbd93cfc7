"""What the issuer decides before it starts; a request decides none of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ssi.files import load_settings

DEFAULT_DATABASE = "sqlite:///issuer.db"
MAX_BEARER_SECONDS = 300
STATUS_LIST = "main-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one issuer.

    Args:
        issuer_id: The issuer's account on the chain.
        url: The credential issuer identifier; no slash at the end.
        name_ja: The name residents see.
        name_en: The same in English.
        trust_framework: The trust framework named in every credential.
        credential_key: File with the ES256 secret in base64url that signs credentials.
        credential_chain: PEM chain of its certificate, leaf first, without the anchor.
        status_key: File with the ES256 secret that signs status lists.
        status_chain: PEM chain of its certificate.
        account_key: File with the Ed25519 seed of the chain account.
        genesis: The pinned genesis file.
        nodes: Base URLs of the chain's nodes.
        database: An SQLAlchemy URL; a relative SQLite path is relative to the config file.
        memory: File that remembers the newest block seen.
        loopback: Allow http to 127.0.0.1, for networks on one machine.
        lane: The account's counter on the chain used by this process.
        batch_size: How many one-time copies a wallet may ask for at once.
        validity_days: How long a credential is good.
        offer_seconds: How long a pre-authorized code is good.
        token_seconds: How long an access token is good; at most 300, because it is a bearer token
            (OpenID4VCI §13.10).
        revoke_superseded_after_seconds: When the copies with the old address end after a move.
        image_days: When pictures are deleted after the decision.
        status_size: Entries of the status list.
        host: The address to listen on.
        port: The port to listen on.
        workers: Processes that serve.
    """

    issuer_id: str
    url: str
    name_ja: str
    name_en: str
    trust_framework: str
    credential_key: Path
    credential_chain: Path
    status_key: Path
    status_chain: Path
    account_key: Path
    genesis: Path
    nodes: tuple[str, ...]
    database: str = DEFAULT_DATABASE
    memory: Path = Path("issuer-chain.db")
    loopback: bool = False
    lane: int = 0
    batch_size: int = 10
    validity_days: int = 90
    offer_seconds: int = 300
    token_seconds: int = 300
    revoke_superseded_after_seconds: int = 0
    image_days: int = 30
    status_size: int = 2**17
    host: str = "127.0.0.1"
    port: int = 8200
    workers: int = 1

    def __post_init__(self) -> None:
        """Refuse settings that make no sense, at the start rather than at night."""
        if self.url.endswith("/") or not self.url.startswith(("https://", "http://")):
            raise ValueError("url must be an http(s) URL without a slash at the end")
        if self.url.startswith("http://") and not self.loopback:
            raise ValueError("an http url needs loopback = true")
        if not self.nodes:
            raise ValueError("nodes must name at least one node of the chain")
        for name in ("batch_size", "validity_days", "offer_seconds", "token_seconds", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.token_seconds > MAX_BEARER_SECONDS:
            raise ValueError("token_seconds must be at most 300")

    @property
    def status_uri(self) -> str:
        """Where credentials say their status list is."""
        return f"{self.url}/status-lists/{STATUS_LIST}"

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a TOML file; paths in it are relative to the file.

        Raises:
            ValueError: A setting is unknown, missing or senseless.
            Malformed: ``config.*``: the file cannot be read.
        """
        return load_settings(
            cls, Path(path), nodes=[], database=DEFAULT_DATABASE, memory="issuer-chain.db"
        )
