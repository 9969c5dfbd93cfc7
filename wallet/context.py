"""What every use case needs: the vault, the ledger, the network, randomness and the clock."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from registry_chain.client import RegistryClient
from ssi.fetch import Fetch
from ssi.names import random_name
from wallet.config import WalletConfig
from wallet.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The wallet's ports, passed to every use case."""

    vault: Vault
    registry: RegistryClient
    fetch: Fetch
    random: Callable[[int], bytes]
    clock: Callable[[], datetime]
    config: WalletConfig

    def now(self) -> datetime:
        """Return the present, aware."""
        return self.clock()

    def seconds(self) -> int:
        """Return the present as the wire writes it."""
        return int(self.clock().timestamp())

    def new_uuid(self) -> str:
        """Return a fresh random ``urn:uuid:``."""
        return f"urn:uuid:{uuid.UUID(bytes=self.random(16), version=4)}"

    def new_name(self) -> str:
        """Return a fresh random name."""
        return random_name(self.random)


def utc_now() -> datetime:
    """Return the system's clock: the only place the wallet reads it."""
    return datetime.now(UTC)
