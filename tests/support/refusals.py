"""Assert that a rule refuses, by its clause, and that nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ssi.errors import Refused
from tests.support.registry import Ledger


@contextmanager
def refused(ledger: Ledger, rule: str, code: str) -> Iterator[None]:
    before = dict(ledger.state)
    with pytest.raises(Refused) as caught:
        yield
    assert (caught.value.rule, caught.value.code) == (rule, f"chain.{code}")
    assert ledger.state == before


Step = Callable[[Ledger], object]
