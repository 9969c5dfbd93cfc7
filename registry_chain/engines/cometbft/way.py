"""The way from the genesis to where a node joined by a snapshot: light blocks, kept in its folder.

Such a node has no blocks from before. With these it can still prove its newest block to one who
knows the genesis only, whoever signs now [REG-NET-10]. They are shown, never trusted.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from registry_chain.light import UntrustedLightBlock, light_block_to_json, parse_light_block
from registry_chain.transport import LIMITS
from ssi.encoding import JSONObject, canonical_json, parse_json_object
from ssi.errors import Malformed
from ssi.files import read_lines

NAME: Final = "way.jsonl"
MAX_ANSWER: Final = 800_000  # bytes; a reader takes a million, with the newest block
_MOST: Final = 4096


def write_way(home: Path, blocks: Iterable[UntrustedLightBlock]) -> None:
    """Write the light blocks, a line each, the oldest first; all of them or nothing."""
    part = home / f"{NAME}.part"
    part.write_bytes(b"".join(canonical_json(light_block_to_json(one)) + b"\n" for one in blocks))
    part.replace(home / NAME)


def read_way(home: Path) -> dict[int, JSONObject]:
    """Read them, by their heights; none when the node replayed the chain.

    Raises:
        Malformed: ``config.*``, ``json.*``, ``light.malformed``: the file is not what was written.
    """
    path = home / NAME
    if not os.path.lexists(path):
        return {}
    found: dict[int, JSONObject] = {}
    for line in read_lines(path, most=LIMITS.max_bytes):
        shown = parse_json_object(line.removesuffix(b"\n"), limits=LIMITS)
        found[parse_light_block(shown).height] = shown
        if len(found) > _MOST:
            raise Malformed(f"{NAME} has too many lines", code="config.too_large")
    if not found:
        raise Malformed(f"{NAME} is empty", code="config.malformed")
    return found


def leading(blocks: Iterable[JSONObject], most: int = MAX_ANSWER) -> list[JSONObject]:
    """As many from the beginning as one answer holds; the next question begins where they led."""
    found: list[JSONObject] = []
    for block in blocks:
        most -= len(canonical_json(block))
        if most < 0:
            break
        found.append(block)
    return found
