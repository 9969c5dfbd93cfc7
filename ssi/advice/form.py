"""One piece of advice."""

from typing import NamedTuple


class Advice(NamedTuple):
    """What happened, then what to do, in both languages."""

    en: str
    ja: str
