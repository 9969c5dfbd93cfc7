"""Following a chain's head: verify, remember, never go back [REG-CLI-3]."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from registry_chain.light import (
    DEFAULT_OPTIONS,
    TrustedState,
    TrustOptions,
    UntrustedLightBlock,
    VerifiedLightBlock,
    light_block_to_json,
    parse_light_block,
    verify_light_block,
    verify_older,
)
from registry_chain.memory import Contradiction, HeadMemory
from registry_chain.transport import LIMITS
from registry_chain.trust_root import TrustRoot
from ssi.encoding import JSON, canonical_json, parse_json_object
from ssi.errors import InvalidProof, Misbehaviour, Stale, Untrusted

MAX_STEPS = 256
MAX_BACK = 1024
_NEEDS_STEPS = "light.not_enough_trust"
TrustPath = Callable[[int], list[JSON]]
AskBlock = Callable[[int], JSON]
_Judged = TypeVar("_Judged")


class Follower:
    """What one program knows of a chain's light blocks. Safe to share between threads.

    Args:
        root: What a person pinned.
        memory: What was verified before.
        trusting_period: For how long a remembered block vouches for later ones.
    """

    def __init__(
        self,
        root: TrustRoot,
        memory: HeadMemory,
        *,
        trusting_period: timedelta = DEFAULT_OPTIONS.trusting_period,
    ) -> None:
        self._chain = root.genesis.chain_id
        self._memory = memory
        self._root = root.state()
        self._least = self._root.height
        self._any_age = TrustOptions(max_age=None, trusting_period=trusting_period)

    @property
    def height(self) -> int:
        """The height below which no head is accepted any more."""
        return max(self._least, self._memory.height(self._chain))

    @property
    def options(self) -> TrustOptions:
        """How strict this follower is, whatever a header's age."""
        return self._any_age

    def expect(self, height: int) -> None:
        """Accept no head below ``height``, which a node told with proof."""
        self._least = max(self._least, height)

    def newest(  # noqa: PLR0913 - what a node is asked for, and how old it may be
        self,
        found: UntrustedLightBlock,
        *,
        floor: int,
        path: TrustPath,
        ask: AskBlock,
        now: datetime,
        max_age: timedelta | None,
    ) -> VerifiedLightBlock:
        """Verify what a node calls its newest light block [REG-CLI-2].

        Args:
            found: The light block.
            floor: `height` as it was before the node was asked.
            path: Asks the node for light blocks from a height on, when trust needs steps.
            ask: Asks the node for the light block of a height.
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
            if error.code != _NEEDS_STEPS:
                raise
            self._along(path, found, now)
            verified = self.reach(found, ask=ask, now=now)
        if max_age is not None and now - verified.time > max_age:
            raise Stale("the newest header at hand is too old", code="light.stale")
        return verified

    def verify(self, found: UntrustedLightBlock, now: datetime) -> VerifiedLightBlock:
        """Verify a light block of any age by what is known below it, and remember it."""
        return self._step(found, self.trusted(found.height), now)

    def reach(
        self, found: UntrustedLightBlock, *, ask: AskBlock, now: datetime
    ) -> VerifiedLightBlock:
        """Verify a light block by as many steps in between as trust needs [REG-CLI-7].

        Where the way is too long for one step, the block in the middle is asked for; whether that
        leads on is found in the same way. At most 256 blocks are asked for.

        Raises:
            Rejected: ``light.*``; ``light.not_enough_trust`` when no way was found.
        """
        trusted = self.trusted(found.height)
        waiting = [found]
        for _ in range(MAX_STEPS):
            target = waiting[-1]
            try:
                verified = self._step(target, trusted, now)
            except Untrusted as error:
                if error.code != _NEEDS_STEPS:
                    raise
                waiting.append(_block(ask, (trusted.height + target.height) // 2))
                continue
            trusted = verified.trusted
            waiting.pop()
            if not waiting:
                return verified
        raise Untrusted("no way leads to this block", code=_NEEDS_STEPS)

    def at(self, height: int, *, ask: AskBlock, now: datetime) -> VerifiedLightBlock:
        """The verified light block of an earlier height.

        From the nearest block known below it as `reach`; where none is known or trusted any more,
        backwards from the nearest above, by at most 1,024 steps [REG-LIGHT-10].

        Raises:
            Rejected: ``light.*``; ``light.backwards`` when it is too far back.
        """
        if height >= self._root.height:
            try:
                return self.reach(_block(ask, height), ask=ask, now=now)
            except Untrusted as error:
                if error.code not in ("light.trust_expired", _NEEDS_STEPS):
                    raise
        return self._back(height, ask=ask, now=now)

    def _back(self, height: int, *, ask: AskBlock, now: datetime) -> VerifiedLightBlock:
        known = self._memory.above(self._chain, height)
        newer = self._root if known is None else _remembered(known)
        if newer.height <= height or newer.height - height > MAX_BACK:
            raise Untrusted("no trusted block is near enough above", code="light.backwards")
        while True:
            older = _block(ask, newer.height - 1)
            verified = verify_older(older, newer=newer, now=now, options=self._any_age)
            if verified.height == height:
                return verified
            newer = verified.trusted

    def trusted(self, height: int) -> TrustedState:
        """What vouches for a height: the newest remembered block below it, else the root.

        Raises:
            Misbehaviour: The validators contradicted themselves, and no person has settled it.
            Untrusted: ``light.trust_expired``: nothing was remembered for so long that the keys
                of that time may be in other hands; a person must vouch for a newer block.
        """
        for contradiction in self._memory.contradictions(self._chain):
            if not contradiction.settled:
                raise contradiction.error()
        known = self._memory.below(self._chain, height)
        remembered = None if known is None else _remembered(known)
        if remembered is None or remembered.height < self._root.height:
            return self._root
        return remembered

    def remember(self, verified: VerifiedLightBlock) -> None:
        """Keep a verified light block.

        Raises:
            Misbehaviour: Another header of this height was verified before.
        """
        shown = canonical_json(light_block_to_json(verified.block))
        self._memory.remember(self._chain, verified.height, verified.header_hash, shown)

    def judge(self, how: Callable[[TrustedState], _Judged], by: TrustedState) -> _Judged:
        """Verify something by what is trusted, keeping any contradiction that comes out."""
        try:
            return how(by)
        except Misbehaviour as error:
            self._note(error)
            raise

    def _note(self, error: Misbehaviour) -> None:
        """Keep what contradicts itself on disk."""
        self._memory.keep(
            Contradiction(chain=self._chain, first=error.first, second=error.second, settled=False)
        )

    def _step(
        self, found: UntrustedLightBlock, trusted: TrustedState, now: datetime
    ) -> VerifiedLightBlock:
        verified = self.judge(
            lambda known: verify_light_block(found, trusted=known, now=now, options=self._any_age),
            trusted,
        )
        self.remember(verified)
        return verified

    def _along(self, path: TrustPath, found: UntrustedLightBlock, now: datetime) -> None:
        """Go the way a node offers as far as it leads; it is a help, and need not lead."""
        for obj in path(max(1, self._memory.height(self._chain))):
            block = parse_light_block(obj)
            if block.height >= found.height:
                return
            try:
                self.verify(block, now)
            except Untrusted as error:
                if error.code not in (_NEEDS_STEPS, "light.height"):
                    raise
                return


def _remembered(block: bytes) -> TrustedState:
    return TrustedState.remembered(parse_light_block(parse_json_object(block, limits=LIMITS)))


def _block(ask: AskBlock, height: int) -> UntrustedLightBlock:
    block = parse_light_block(ask(height))
    if block.height != height:
        raise InvalidProof("a node gave the block of another height", code="light.height")
    return block
