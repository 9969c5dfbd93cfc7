"""Light blocks on the way to an anchored one, when validators have changed too much for one step.

They are kept beside the proofs, so that the way from the genesis can be gone again without a node.
"""

from collections.abc import Callable
from typing import Final

from registry_chain.light import (
    TrustedState,
    TrustOptions,
    UntrustedLightBlock,
    VerifiedLightBlock,
    verify_light_block,
)
from ssi.errors import Untrusted

MAX_STEPS: Final = 256
_ANY_AGE = TrustOptions(max_age=None)
_TOO_FAR = frozenset({"light.not_enough_trust", "light.trust_expired"})


def verify_as_of_then(block: UntrustedLightBlock, trusted: TrustedState) -> VerifiedLightBlock:
    """Verify a light block as of its own time [ANC-VER-3].

    That its signatures were made then, not later with old keys, is what the outside proofs show.
    """
    moment = block.header.time.moment
    return verify_light_block(block, trusted=trusted, now=moment, options=_ANY_AGE)


def steps_to(
    target: UntrustedLightBlock,
    trusted: TrustedState,
    blocks: Callable[[int], UntrustedLightBlock],
) -> tuple[UntrustedLightBlock, ...]:
    """The blocks by which trust goes from what is trusted to the target; none for one step.

    Args:
        target: Where to.
        trusted: Where from.
        blocks: Gives the light block of a height.

    Raises:
        Rejected: ``light.*``: no way leads there.
    """
    found: list[UntrustedLightBlock] = []
    waiting = [target]
    for _ in range(MAX_STEPS):
        goal = waiting[-1]
        try:
            verified = verify_as_of_then(goal, trusted)
        except Untrusted as error:
            middle = (trusted.height + goal.height) // 2
            if error.code not in _TOO_FAR or middle == trusted.height:
                raise
            waiting.append(blocks(middle))
            continue
        trusted = verified.trusted
        waiting.pop()
        if not waiting:
            return tuple(found)
        found.append(goal)
    raise Untrusted("no way leads to this block", code="light.not_enough_trust")
