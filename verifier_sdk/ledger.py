"""The ledger as the core wants it: through the registry client, or by what the wallet stapled."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from registry_chain.client import (
    HeadMemory,
    ProvenMany,
    RegistryClient,
    StatusRecord,
    TrustRoot,
)
from ssi.errors import Stale, Unavailable, Unreachable
from ssi.fetch import Fetch
from verifier_sdk.config import VerifierConfig
from verifier_sdk.ports import Facts
from verifier_sdk.results import LedgerPoint

Stapled = Callable[[], str | None]


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
        self, bundle: str, *, now: datetime, max_age: timedelta | None = None
    ) -> ProvenMany:
        """Judge a stapled bundle without asking any node."""

    def status_token(self, record: StatusRecord) -> str:
        """The token a status record names, checked by its digest."""


class OnlineLedger:
    """Asks the nodes; when none can be reached, takes a stapled bundle that verifies [TRUST-4].

    Nodes that answer with an old block are no reason to look at what the wallet brought: that is
    what being cut off from the chain looks like.

    Args:
        registry: The client of the chain.
        max_age: How old a node's block may be.
        stapled_age: How old the block of a stapled bundle may be.
        stapled: Gives the bundle that came along, if one may be used at all.
        offline: Ask no node: this firm's own setting, never the presenter's.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        max_age: timedelta,
        stapled_age: timedelta = timedelta(),
        stapled: Stapled = _nothing,
        offline: bool = False,
    ) -> None:
        self._registry = registry
        self._max_age = max_age
        self._stapled_age = stapled_age
        self._stapled = stapled
        self._offline = offline

    def records(
        self, keys: Sequence[str], *, now: datetime, limit: timedelta | None = None
    ) -> Facts:
        """Prove the records under these keys; see `verifier_sdk.ports.LedgerView`."""
        try:
            if self._offline:
                raise Unreachable("no node is asked here", code="chain.offline")
            most = _less(self._max_age, limit)
            return _facts(self._registry.read_many(keys, now=now, max_age=most))
        except Stale:
            raise
        except Unavailable:
            bundle = self._stapled()
            if bundle is None:
                raise
            most = _less(self._stapled_age, limit)
            stapled = self._registry.verify_stapled(bundle, now=now, max_age=most)
            if not stapled.values.keys() >= set(keys):
                raise
            return _facts(stapled, stapled=True)


def _less(one: timedelta, other: timedelta | None) -> timedelta:
    return one if other is None else min(one, other)


def _facts(many: ProvenMany, *, stapled: bool = False) -> Facts:
    point = LedgerPoint(
        height=many.height,
        time=many.time,
        validators=many.validators,
        signed=many.signed,
        power=many.power,
        signed_power=many.signed_power,
        nodes_agreed=0 if stapled else many.nodes.agreed,
        nodes_asked=0 if stapled else many.nodes.asked,
        stapled=stapled,
    )
    return Facts(records=dict(many.values), point=point, bundle=many.bundle)


def open_registry(config: VerifierConfig, fetch: Fetch) -> RegistryClient:
    """Open the client of the chain that the settings name; touches files, not the network."""
    root = TrustRoot.load(config.genesis)
    memory = HeadMemory.open(config.state.with_suffix(".heads"))
    nodes = () if config.offline else config.nodes
    return RegistryClient(nodes, root, fetch, memory, max_age=config.max_age)
