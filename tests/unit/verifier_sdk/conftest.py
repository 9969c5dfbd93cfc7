from pathlib import Path

import pytest

from tests.support.firm_world import Holder, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def holder() -> Holder:
    return Holder()
