"""The ledger as the core wants it: through the registry client, or by what the wallet stapled."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from registry_chain.client import (
    Genesis,
    HeadMemory,
    ProvenMany,
    RegistryClient,
    StatusRecord,
)
from ssi.encoding import JSONObject
from ssi.errors import Stale, Unavailable
from ssi.fetch import Fetch
from verifier_sdk.config import VerifierConfig
from verifier_sdk.ports import Facts
from verifier_sdk.results import LedgerPoint

Stapled = Callable[[], JSONObject | None]


def _nothing() -> None:
    """No bundle came along."""


class Registry(Protocol):
    """What of `registry_chain.client.RegistryClient` this package uses."""

    @property
    def chain_id(self) -> str:
        """The chain's id."""

    def read_many(
        self, keys: Sequence[str], *, now: datetime, max_age: timedelta | None = None
    ) -> ProvenMany:
        """Values under one light block."""

    def verify_stapled(
        self, bundle: JSONObject, *, now: datetime, max_age: timedelta | None = None
    ) -> ProvenMany:
        """Judge a stapled bundle without asking any node."""

    def status_token(self, record: StatusRecord) -> str:
        """The token a status record names, checked by its digest."""


class OnlineLedger:
    """Asks the nodes; when none can be reached, takes a stapled bundle that verifies [TRUST-4].

    Nodes that answer with an old block are no reason to look at what the wallet brought: that is
    what being cut off from the chain looks like.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        max_age: timedelta,
        stapled_age: timedelta = timedelta(),
        stapled: Stapled = _nothing,
    ) -> None:
        self._registry = registry
        self._max_age = max_age
        self._stapled_age = stapled_age
        self._stapled = stapled

    def records(self, keys: Sequence[str], *, now: datetime) -> Facts:
        """Prove the records under these keys; see `verifier_sdk.ports.LedgerView`."""
        try:
            return _facts(self._registry.read_many(keys, now=now, max_age=self._max_age))
        except Stale:
            raise
        except Unavailable:
            bundle = self._stapled()
            if bundle is None:
                raise
            stapled = self._registry.verify_stapled(bundle, now=now, max_age=self._stapled_age)
            if not stapled.values.keys() >= set(keys):
                raise
            return _facts(stapled)


def _facts(many: ProvenMany) -> Facts:
    point = LedgerPoint(height=many.height, time=many.time, validators=many.validators)
    return Facts(records=dict(many.values), point=point)


def open_registry(config: VerifierConfig, fetch: Fetch) -> RegistryClient:
    """Open the client of the chain that the settings name; touches files, not the network."""
    genesis = Genesis.load(config.genesis)
    memory = HeadMemory.open(config.state.with_suffix(".heads"))
    return RegistryClient(config.nodes, genesis, fetch, memory, max_age=config.max_age)
