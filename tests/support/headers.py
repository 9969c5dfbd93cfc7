"""A node that answers with light blocks from a list, and says how often it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from registry_chain.light import UntrustedLightBlock, light_block_to_json
from ssi.encoding import canonical_json
from ssi.errors import Unreachable
from ssi.fetch import Request, Response


@dataclass
class HeaderNode:
    """Serves ``/v1/light`` and ``/v1/trust-path`` of a chain of light blocks."""

    blocks: list[UntrustedLightBlock]
    path: list[UntrustedLightBlock] = field(default_factory=list)
    up: bool = True
    asked: list[str] = field(default_factory=list)

    def answer(self, place: str) -> Any:
        if place.startswith("/v1/trust-path"):
            return {"light_blocks": [light_block_to_json(block) for block in self.path]}
        wanted = place.rpartition("/")[2]
        if wanted == "latest":
            return light_block_to_json(self.blocks[-1])
        found = [block for block in self.blocks if block.height == int(wanted)]
        return light_block_to_json(found[0]) if found else None


def serving(nodes: Mapping[str, HeaderNode]) -> Callable[[Request], Response]:
    """Fetch from these nodes, by the host in the address."""

    def fetch(request: Request) -> Response:
        host = request.url.split("/")[2]
        place = request.url.split(host, 1)[1]
        node = nodes[host]
        node.asked.append(place)
        if not node.up:
            raise Unreachable("the node is down")
        found = node.answer(place)
        body = b"{}" if found is None else canonical_json(found)
        headers = {"content-type": "application/json"}
        status = 404 if found is None else 200
        return Response(status=status, headers=headers, body=body, url=request.url)

    return fetch
