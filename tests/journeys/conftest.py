"""One running network for all stories: chain, issuer, PO box and five firms, each a process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from warifu.demo import cast
from warifu.demo.actors import Wallet
from warifu.demo.narrator import Narrator
from warifu.demo.network import Network, running
from warifu.demo.persona import resident
from warifu.demo.story import Story


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with running(tmp_path_factory.mktemp("journeys") / "network") as started:
        yield started


@pytest.fixture
def story(network: Network, tmp_path: Path) -> Callable[[], Story]:
    """A new resident with a new wallet, on the shared network."""

    def begin() -> Story:
        secret = tmp_path / "passphrase"
        handle = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(os.urandom(24).hex() + "\n")
        today = datetime.now().astimezone(cast.JST).date()
        wallet = Wallet(tmp_path / "wallet", secret)
        return Story(
            network=network,
            persona=resident(today),
            wallet=wallet,
            narrator=Narrator("en"),
            today=today,
        )

    return begin
