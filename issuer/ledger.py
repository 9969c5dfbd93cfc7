"""The issuer's door to the chain."""

from datetime import datetime, timedelta

from issuer.config import STATUS_LIST, Config
from registry_chain.client import (
    AnchorRecord,
    Committed,
    Genesis,
    HeadMemory,
    IssuerRecord,
    RegistryClient,
    StatusRecord,
    Submitter,
)
from registry_chain.records import issuer_key
from registry_chain.transactions import Body
from ssi.errors import Untrusted
from ssi.fetch import FetchPolicy, http_fetch
from ssi.files import read_secret
from ssi.keys import Alg, SoftwareSigner

_ANY_AGE = timedelta(days=36_525)  # who decides is the wallet, by what it reads itself


class ChainLedger:
    """Our account on the chain, through verified reads and proven submissions."""

    def __init__(self, config: Config) -> None:
        fetch = http_fetch(FetchPolicy(allow_loopback_http=config.loopback))
        genesis = Genesis.load(config.genesis)
        memory = HeadMemory.open(config.memory)
        self._client = RegistryClient(config.nodes, genesis, fetch, memory)
        signer = SoftwareSigner.from_secret(Alg.EDDSA, read_secret(config.account_key))
        self._submitter = Submitter(self._client, config.issuer_id, signer, config.lane)
        self._issuer_id = config.issuer_id

    def accreditation(self, now: datetime) -> IssuerRecord:
        """Our own accreditation, by the newest block that there is, whatever its age.

        Raises:
            Untrusted: ``chain.issuer_unknown``.
            Unavailable: The chain does not answer.
        """
        found = self._client.read(issuer_key(self._issuer_id), now=now, max_age=_ANY_AGE).value
        if found is None:
            raise Untrusted("we are not on the chain", code="chain.issuer_unknown")
        return IssuerRecord.from_json(found)

    def status(self, now: datetime) -> StatusRecord | None:
        """The newest edition of our list that the chain has."""
        try:
            return self._client.status_record(self._issuer_id, STATUS_LIST, now)
        except Untrusted as error:
            if error.code != "chain.status_unknown":
                raise
            return None

    def status_token(self, record: StatusRecord) -> str:
        """The signed list that a record names, checked by its digest."""
        return self._client.status_token(record)

    def anchor(self, batch: str, now: datetime) -> AnchorRecord | None:
        """A batch of ours that the chain has."""
        return self._client.anchor(self._issuer_id, batch, now)

    def submit(self, body: Body, now: datetime) -> Committed:
        """Have a transaction committed."""
        return self._submitter.submit(body, now)
