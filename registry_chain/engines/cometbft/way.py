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
from ssi.encoding import JSON, Fields, JSONObject, canonical_json, parse_json_object
from ssi.files import read_file

NAME: Final = "way.json"
_MOST: Final = 512


def write_way(home: Path, blocks: Iterable[UntrustedLightBlock]) -> None:
    """Write the light blocks, the oldest first."""
    shown: list[JSON] = [light_block_to_json(block) for block in blocks]
    (home / NAME).write_bytes(canonical_json({"light_blocks": shown[-_MOST:]}))


def read_way(home: Path) -> dict[int, JSONObject]:
    """Read them, by their heights; none when the node replayed the chain.

    Raises:
        Malformed: ``config.*``, ``json.*``, ``light.malformed``: the file is not what was written.
    """
    path = home / NAME
    if not os.path.lexists(path):
        return {}
    told = parse_json_object(read_file(path, most=LIMITS.max_bytes), limits=LIMITS)
    fields = Fields(told, where=NAME, code="config.malformed")
    shown = fields.take_objects("light_blocks", max_items=_MOST)
    fields.done()
    return {parse_light_block(one).height: one for one in shown}
