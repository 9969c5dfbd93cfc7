import pytest

from tests.support.wallet_cast import BOX, NODE
from tests.support.wallet_world import PASSPHRASE, World
from wallet.config import WalletConfig
from wallet.keyfile import CHEAPEST
from wallet.tui.app import WalletApp
from wallet.vault import Vault


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def app(world, tmp_path):
    """An application over the simulated world; its vault uses the cheapest derivation."""
    home = tmp_path / "wallet"
    config = WalletConfig(
        home=home, genesis=home / "g.json", nodes=(NODE,), mailbox=BOX, loopback=True
    )
    return WalletApp(
        config,
        lang="en",
        opener=world.reopen,
        creator=lambda where, words: Vault.create(where, words, profile=CHEAPEST).close(),
    )


@pytest.fixture
def filled(app, world):
    """The same application over a wallet that holds credentials."""
    home = app.config.home
    Vault.create(home, PASSPHRASE, profile=CHEAPEST).close()
    with world.reopen(app.config, PASSPHRASE) as holder:
        holder.accept_offer(world.issuer.offer(), "123456")
    return app
