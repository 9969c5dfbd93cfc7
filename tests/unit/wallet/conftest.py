import pytest

from tests.support.wallet_world import World


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


@pytest.fixture
def world(chain):
    """The world around one wallet; the chain is shared, everything else is fresh."""
    chain.reset()
    return chain


@pytest.fixture
def own_world(tmp_path):
    """A world whose chain the test may change."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def holder(world, tmp_path):
    with world.holder(tmp_path / "wallet") as opened:
        yield opened


@pytest.fixture
def supplied(holder, world):
    """A holder with five copies of a KYC credential."""
    holder.accept_offer(world.issuer.offer(), "123456")
    return holder
