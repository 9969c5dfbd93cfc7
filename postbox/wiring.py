"""From the operator's settings to open stores, keys and doors."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from postbox.config import Config
from postbox.db import Database
from postbox.ledger import Recorded
from postbox.services import Services
from registry_chain.client import (
    ConsentRecord,
    Genesis,
    HeadMemory,
    RegistryClient,
    Submitter,
    VerifierRecord,
)
from registry_chain.transactions import Body
from ssi.encoding import JSONObject
from ssi.errors import Untrusted
from ssi.fetch import FetchPolicy, http_fetch
from ssi.files import read_secret
from ssi.keys import Alg, SoftwareSigner

# A firm's keys may be this old when its envelope is judged.
FIRM_CACHE = timedelta(seconds=15)
_KEYS_AT_ONCE = 64
_PUSH_ANSWER_BYTES = 65536


class RegistryLedger:
    """The `postbox.ledger.Ledger` over a verifying client."""

    def __init__(self, client: RegistryClient, submitter: Submitter) -> None:
        self._client = client
        self._submitter = submitter

    @property
    def chain_id(self) -> str:
        """The chain that signatures are made for."""
        return self._client.chain_id

    def firm(self, verifier_id: str, now: datetime) -> VerifierRecord | None:
        """Read a firm's record; ``None`` when it is proven that there is none."""
        try:
            return self._client.verifier(verifier_id, now)
        except Untrusted as error:
            if error.code != "chain.verifier_unknown":
                raise
            return None

    def consent(self, commitment: str, now: datetime) -> ConsentRecord | None:
        """Read a consent's record."""
        return self._client.consent(commitment, now)

    def read(self, keys: Sequence[str], now: datetime) -> Mapping[str, JSONObject | None]:
        """Read many records."""
        values: dict[str, JSONObject | None] = {}
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            part = keys[start : start + _KEYS_AT_ONCE]
            values |= self._client.read_many(part, now=now).values
        return values

    def submit(self, body: Body, now: datetime) -> Recorded:
        """Have a transaction committed."""
        done = self._submitter.submit(body, now)
        return Recorded(tx_id=done.tx_id, height=done.height)


def open_services(config: Config) -> Services:
    """Open everything a mailbox needs; nothing is asked of the network yet.

    Args:
        config: The operator's settings.

    Raises:
        Malformed: ``config.key`` when a key file holds no key.
    """
    policy = FetchPolicy(allow_loopback_http=config.loopback, ca_file=config.ca_file)
    client = RegistryClient(
        config.nodes,
        Genesis.load(config.genesis),
        http_fetch(policy),
        HeadMemory.open(config.memory),
        cache_for=FIRM_CACHE,
    )
    signer = SoftwareSigner.from_secret(Alg.EDDSA, read_secret(config.operator_key))
    push_policy = FetchPolicy(
        allow_loopback_http=config.loopback, ca_file=config.ca_file, max_bytes=_PUSH_ANSWER_BYTES
    )
    return Services(
        config=config,
        db=Database(config.database),
        ledger=RegistryLedger(client, Submitter(client, config.operator_id, signer, config.lane)),
        fetch=http_fetch(push_policy),
        secret=read_secret(config.secret),
    )


def check_files(config: Config) -> None:
    """Read every file the mailbox needs, so that a mistake is told before anything is served.

    Raises:
        Malformed: ``config.*`` or ``chain.genesis``.
    """
    read_secret(config.operator_key)
    read_secret(config.secret)
    Genesis.load(config.genesis)
