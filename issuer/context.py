"""What every part of the issuer is given: its keys, its database, its door to the chain, time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Protocol, Self

from issuer.config import Config
from issuer.db import Database
from registry_chain.client import AnchorRecord, Committed, Genesis, IssuerRecord, StatusRecord
from registry_chain.transactions import Body
from ssi.credential import kid_of
from ssi.encoding import JSONObject
from ssi.files import read_file, read_secret
from ssi.keys import Alg, Random, Signer, SoftwareSigner
from ssi.x509 import load_pem_chain, to_x5c

JST = timezone(timedelta(hours=9), "JST")


class Ledger(Protocol):
    """What the issuer needs of the chain."""

    def accreditation(self, now: datetime) -> IssuerRecord:
        """Our own accreditation."""
        ...

    def status(self, now: datetime) -> StatusRecord | None:
        """The newest edition of our list that the chain has."""
        ...

    def status_token(self, record: StatusRecord) -> str:
        """The signed list that a record names."""
        ...

    def anchor(self, batch: str, now: datetime) -> AnchorRecord | None:
        """A batch of ours that the chain has."""
        ...

    def submit(self, body: Body, now: datetime) -> Committed:
        """Have a transaction committed; `Unavailable` when its fate is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and the header that says whose it is."""

    signer: Signer
    header: JSONObject

    @classmethod
    def load(cls, secret: Path, chain: Path, issuer_id: str) -> Self:
        """Read an ES256 secret and its certificate chain.

        Raises:
            ValueError: The certificate is of another key.
        """
        signer = SoftwareSigner.from_secret(Alg.ES256, read_secret(secret))
        certificates = load_pem_chain(read_file(chain))
        header: JSONObject = {
            "kid": kid_of(issuer_id, signer.public_key.thumbprint()),
            "x5c": list(to_x5c(certificates)),
        }
        return cls(signer, header)


def check_files(config: Config) -> None:
    """Read every file the issuer needs, so that a mistake is told before anything is served.

    Raises:
        Malformed: ``config.*``, ``chain.genesis``.
        ValueError: A certificate is of another key.
    """
    SigningKey.load(config.credential_key, config.credential_chain, config.issuer_id)
    SigningKey.load(config.status_key, config.status_chain, config.issuer_id)
    read_secret(config.account_key)
    Genesis.load(config.genesis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """The issuer's parts. ``clock`` returns aware UTC times."""

    config: Config
    db: Database
    ledger: Ledger
    credential_key: SigningKey = field(repr=False)
    status_key: SigningKey = field(repr=False)
    clock: Callable[[], datetime]
    random: Random

    def now(self) -> datetime:
        """The present."""
        return self.clock()

    def seconds(self) -> int:
        """The present in unix seconds."""
        return int(self.clock().timestamp())

    def today(self) -> date:
        """The date in Japan."""
        return self.clock().astimezone(JST).date()


def hashed(secret: str) -> str:
    """Return what a database may keep of a random secret."""
    return sha256(secret.encode()).hexdigest()
