"""The canary: search what every program wrote for what it must not hold.

The needles are the resident's own data. Each is searched as written and in the
forms in which data hides: base64 (at all three alignments), base64url, hex, URL
encoding, JSON escapes, UTF-16, plain digests (SHA-256 of the plain value,
which is personal data too: ARCHITECTURE §5.1).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

CHUNK = 1 << 22
OVERLAP = 4096
BASE64_UNIT = 3
SHORTEST = 6
GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that holds what it must not; names the datum, never shows it."""

    path: str
    needle: str
    encoding: str


@dataclass(frozen=True, slots=True)
class Needle:
    """A datum to look for. ``name`` may be shown; ``value`` may not."""

    name: str
    value: str = field(repr=False)


def encodings(value: str) -> dict[str, bytes]:
    """Return the byte forms in which ``value`` may hide.

    >>> encodings("19901231")["base64+1"] in base64.b64encode(b"x19901231yz")
    True
    """
    raw = value.encode("utf-8")
    digest = hashlib.sha256(raw)
    forms = {
        "utf-8": raw,
        "utf-16-le": value.encode("utf-16-le"),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "url": urllib.parse.quote(value).encode(),
        "json": json.dumps(value).strip('"').encode(),
        "sha256-hex": digest.hexdigest().encode(),
        "sha256-raw": digest.digest(),
        "sha256-b64": base64.b64encode(digest.digest()).rstrip(b"="),
        "sha256-b64url": base64.urlsafe_b64encode(digest.digest()).rstrip(b"="),
    }
    for shift in range(BASE64_UNIT):
        # Keep only the characters that depend on nothing beside the value.
        start, end = -(-8 * shift // 6), 8 * (shift + len(raw)) // 6
        core = base64.b64encode(b"\0" * shift + raw)[start:end]
        forms[f"base64+{shift}"] = core
        forms[f"base64url+{shift}"] = core.replace(b"+", b"-").replace(b"/", b"_")
    # A form of a few bytes would be found by chance.
    return {name: form for name, form in forms.items() if len(form) >= SHORTEST}


def search(paths: Iterable[Path], needles: Iterable[Needle]) -> Iterator[Hit]:
    """Yield every place under ``paths`` that holds a needle in any encoding."""
    wanted = [
        (needle.name, encoding, form)
        for needle in needles
        for encoding, form in encodings(needle.value).items()
    ]
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            yield from _search_file(file, wanted)


def _open(path: Path) -> BinaryIO:
    """Open a file, looking inside when it is gzip."""
    with path.open("rb") as stream:
        packed = stream.read(len(GZIP)) == GZIP
    return cast("BinaryIO", gzip.open(path, "rb")) if packed else path.open("rb")


def _search_file(path: Path, wanted: list[tuple[str, str, bytes]]) -> Iterator[Hit]:
    found: set[tuple[str, str]] = set()
    with _open(path) as stream:
        kept = b""
        while chunk := stream.read(CHUNK):
            window = kept + chunk
            for name, encoding, form in wanted:
                if (name, encoding) not in found and form in window:
                    found.add((name, encoding))
                    yield Hit(path=str(path), needle=name, encoding=encoding)
            kept = window[-OVERLAP:]
