"""Names that people meet."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ssi.names import random_name


@given(st.binary(min_size=20, max_size=20))
def test_a_name_is_one_word_everywhere(raw: bytes) -> None:
    """Never an option, never two words, and as good as its random bits."""
    asked: list[int] = []

    def random(size: int) -> bytes:
        asked.append(size)
        return raw

    assert re.fullmatch("[A-Z2-7]{32}", random_name(random))
    assert asked == [20]
