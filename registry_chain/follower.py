"""Following a chain's head: verify, remember, never go back [REG-CLI-3]."""

from collections.abc import Callable
from datetime import datetime, timedelta

from registry_chain.genesis import Genesis
from registry_chain.light import (
    TrustedState,
    TrustOptions,
    UntrustedLightBlock,
    VerifiedLightBlock,
    light_block_to_json,
    parse_light_block,
    trust_from_genesis,
    verify_light_block,
)
from registry_chain.memory import HeadMemory
from registry_chain.transport import LIMITS
from ssi.encoding import JSON, canonical_json, parse_json_object
from ssi.errors import Stale, Untrusted

_ANY_AGE = TrustOptions(max_age=None)
TrustPath = Callable[[int], list[JSON]]


class Follower:
    """What one program knows of a chain's light blocks. Safe to share between threads.

    Args:
        genesis: The pinned genesis.
        memory: What was verified before.
    """

    def __init__(self, genesis: Genesis, memory: HeadMemory) -> None:
        self._chain = genesis.chain_id
        self._memory = memory
        self._root = trust_from_genesis(genesis)
        self._least = 0

    @property
    def height(self) -> int:
        """The height below which no head is accepted any more."""
        return max(self._least, self._memory.height(self._chain))

    def expect(self, height: int) -> None:
        """Accept no head below ``height``, which a node told with proof."""
        self._least = max(self._least, height)

    def newest(
        self,
        found: UntrustedLightBlock,
        *,
        floor: int,
        path: TrustPath,
        now: datetime,
        max_age: timedelta | None,
    ) -> VerifiedLightBlock:
        """Verify what a node calls its newest light block [REG-CLI-2].

        Args:
            found: The light block.
            floor: `height` as it was before the node was asked.
            path: Asks the node for light blocks from a height on, when trust needs steps.
            now: The present.
            max_age: How old the header may be.

        Raises:
            Stale: ``light.behind``, ``light.stale``.
            Rejected: ``light.*``.
            Misbehaviour: Two headers of one height.
        """
        if found.height < floor:
            raise Stale("a node is behind what was seen before", code="light.behind")
        try:
            verified = self.verify(found, now)
        except Untrusted as error:
            if error.code != "light.not_enough_trust":
                raise
            for block in path(max(1, self._memory.height(self._chain))):
                self.verify(parse_light_block(block), now)
            verified = self.verify(found, now)
        if max_age is not None and now - verified.time > max_age:
            raise Stale("the newest header at hand is too old", code="light.stale")
        return verified

    def verify(self, found: UntrustedLightBlock, now: datetime) -> VerifiedLightBlock:
        """Verify a light block of any age, and remember it."""
        verified = verify_light_block(
            found, trusted=self.trusted(found.height, now), now=now, options=_ANY_AGE
        )
        self.remember(verified)
        return verified

    def trusted(self, height: int, now: datetime) -> TrustedState:
        """What vouches for a height: the newest remembered block below it, else the genesis."""
        known = self._memory.below(self._chain, height)
        if known is None:
            return self._root
        block = parse_light_block(parse_json_object(known, limits=LIMITS))
        if now > block.header.time.moment + _ANY_AGE.trusting_period:
            return self._root
        return TrustedState.remembered(block)

    def remember(self, verified: VerifiedLightBlock) -> None:
        """Keep a verified light block.

        Raises:
            Misbehaviour: Another header of this height was verified before.
        """
        shown = canonical_json(light_block_to_json(verified.block))
        self._memory.remember(self._chain, verified.height, verified.header_hash, shown)
