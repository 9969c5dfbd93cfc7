"""Which language the commands speak."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal


def language(environ: Mapping[str, str] = os.environ) -> Literal["ja", "en"]:
    """Return ``ja`` or ``en`` from ``WARIFU_LANG`` or the locale's variables."""
    named = environ.get("WARIFU_LANG") or environ.get("LC_ALL") or environ.get("LANG", "")
    return "ja" if named.startswith("ja") else "en"
