"""Asking the other nodes whether they have the same header [REG-CLI-6].

One node alone could show a fork to one reader. A header that several nodes show is one fork for all
of them, and two that differ are evidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from registry_chain.follower import Follower
from registry_chain.light import VerifiedLightBlock, parse_light_block
from registry_chain.transport import Nodes
from ssi.errors import InvalidProof, Rejected, SSIError, Unavailable

MOST: Final = 8
QUIET: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesCompared:
    """How many nodes showed one header.

    Attributes:
        agreed: How many have it, the one that was read from among them; 0 when none was asked.
        silent: Addresses of nodes that are down or have not got so far.
        lying: Addresses of nodes whose answer does not verify; nothing of it was used.
    """

    agreed: int
    silent: tuple[str, ...] = ()
    lying: tuple[str, ...] = ()

    @property
    def asked(self) -> int:
        """How many nodes were asked in all."""
        return self.agreed + len(self.silent) + len(self.lying)


NONE_ASKED: Final = NodesCompared(agreed=0)


class Witnesses:
    """Compares the header of one node with those of the others; once for each header.

    Args:
        nodes: The nodes.
        follower: Verifies and remembers; a second header of one height is kept as evidence.
    """

    def __init__(self, nodes: Nodes, follower: Follower) -> None:
        self._nodes = nodes
        self._follower = follower
        self._quiet: dict[str, datetime] = {}
        self._seen: tuple[bytes, NodesCompared] = (b"", NONE_ASKED)

    def compare(
        self,
        head: VerifiedLightBlock,
        *,
        told_by: str,
        failed: Mapping[str, SSIError],
        now: datetime,
    ) -> NodesCompared:
        """Ask every other node for the header of this height.

        Args:
            head: The header, verified.
            told_by: The node it is from.
            failed: Nodes that were asked before it and why their answer was passed over.
            now: The present.

        Raises:
            Misbehaviour: Another node has another header of this height that verifies as well.
        """
        seen, compared = self._seen
        if seen == head.header_hash and not failed:
            return compared
        silent, lying = [], []
        agreed = 1
        for url in [url for url in self._nodes.urls if url != told_by][: MOST - 1]:
            error = failed.get(url) or self._ask(url, head, now)
            if isinstance(error, Rejected):
                lying.append(url)
            elif error is not None:
                silent.append(url)
            else:
                agreed += 1
        compared = NodesCompared(agreed=agreed, silent=tuple(silent), lying=tuple(lying))
        self._seen = (head.header_hash, compared)
        return compared

    def _ask(self, url: str, head: VerifiedLightBlock, now: datetime) -> SSIError | None:
        """Return why a node does not agree, or ``None`` when it does."""
        if now < self._quiet.get(url, now):
            return Unavailable("the node was down just now", code="chain.unreachable")
        try:
            block = parse_light_block(self._nodes.get(f"{url}/v1/light/{head.height}"))
            if block.height != head.height:
                raise InvalidProof("the block of another height", code="light.height")
            self._follower.verify(block, now)
        except Unavailable as error:
            if error.code != "chain.not_found":  # it is only behind
                self._quiet[url] = now + QUIET
            return error
        except Rejected as error:
            return error
        return None
