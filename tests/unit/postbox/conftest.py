"""A mailbox for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postbox import Mailbox, open_mailbox


@pytest.fixture(autouse=True)
def each_database(database: str) -> None:
    """Every test of the mailbox runs on both databases."""


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    opened = open_mailbox(tmp_path)
    yield opened
    opened.services.db.close()
