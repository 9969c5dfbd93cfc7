"""How many examples a property is tried with: a sample by default, all in the long gates."""

import os


def examples(number: int) -> int:
    """Return the number in the long gates (``WARIFU_LONG``), a quarter of it otherwise."""
    return number if os.environ.get("WARIFU_LONG") else max(10, number // 4)
