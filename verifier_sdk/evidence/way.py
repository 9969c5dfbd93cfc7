"""The light blocks that lead from the genesis to a block, and what they are asked of."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

from registry_chain.client import Genesis, ProvenMany, TrustRoot
from registry_chain.light import (
    TrustedState,
    UntrustedBundle,
    UntrustedLightBlock,
    VerifiedLightBlock,
    build_bundle,
    parse_bundle,
    verify_light_block,
)
from ssi.encoding import JSON, JSONObject, canonical_json
from ssi.errors import Untrusted
from verifier_sdk.evidence.sources import HISTORY

_MAX_STEPS: Final = 16


class Ledger(Protocol):
    """What of the registry client an export uses."""

    def read_many(self, keys: Sequence[str], *, now: datetime) -> ProvenMany:
        """Values under one light block, with their proof."""

    def block_at(self, height: int, now: datetime) -> VerifiedLightBlock:
        """The light block of an earlier height."""

    def transactions(
        self, height: int, now: datetime
    ) -> tuple[VerifiedLightBlock, tuple[bytes, ...]]:
        """A block and all its transactions."""


def with_way(bundle: JSONObject, genesis: Genesis, ledger: Ledger, now: datetime) -> bytes:
    """A bundle with the light blocks that lead to it from the genesis, if any are needed."""
    parsed = parse_bundle(bundle)
    root = TrustRoot(genesis=genesis).state()
    way = way_from(root, parsed.light_block, lambda height: ledger.block_at(height, now).block, now)
    return canonical_json(_rebuilt(bundle, parsed, way))


def _rebuilt(
    bundle: JSONObject, parsed: UntrustedBundle, way: Sequence[UntrustedLightBlock]
) -> JSONObject:
    plain = {name: value for name, value in bundle.items() if name != "path"}
    if not way:
        return plain
    path: JSON = build_bundle(parsed.light_block, [], path=way)["path"]
    return plain | {"path": path}


def way_from(
    trusted: TrustedState,
    target: UntrustedLightBlock,
    at: Callable[[int], UntrustedLightBlock],
    now: datetime,
) -> tuple[UntrustedLightBlock, ...]:
    """The light blocks by which one who trusts a state comes to trust a block [EVI-EXP-3].

    Args:
        trusted: Where the way begins.
        target: Where it ends.
        at: Gives the light block of a height.
        now: The present.

    Raises:
        Untrusted: ``light.not_enough_trust``: there is no way of at most sixteen steps.
    """
    begin, way = trusted, list[UntrustedLightBlock]()
    waiting = [target]
    for _ in range(8 * _MAX_STEPS):
        step = waiting[-1]
        try:
            verified = verify_light_block(step, trusted=trusted, now=now, options=HISTORY)
        except Untrusted as error:
            middle = (trusted.height + step.height) // 2
            if error.code != "light.not_enough_trust" or middle <= trusted.height:
                raise
            waiting.append(at(middle))
            continue
        trusted = verified.trusted
        waiting.pop()
        if not waiting:
            return _shortest(begin, way, target, now)
        way.append(step)
    raise Untrusted("the way from the genesis is too long", code="light.not_enough_trust")


def _shortest(
    trusted: TrustedState,
    way: Sequence[UntrustedLightBlock],
    target: UntrustedLightBlock,
    now: datetime,
) -> tuple[UntrustedLightBlock, ...]:
    """Leave out what the search by halving met and the way does not need."""
    kept: list[UntrustedLightBlock] = []
    goals = [*way, target]
    while len(kept) <= _MAX_STEPS:
        far = max(at for at, goal in enumerate(goals) if _leads(trusted, goal, now))
        if goals[far] is target:
            return tuple(kept)
        kept.append(goals[far])
        trusted, goals = TrustedState.remembered(goals[far]), goals[far + 1 :]
    raise Untrusted("the way from the genesis is too long", code="light.not_enough_trust")


def _leads(trusted: TrustedState, block: UntrustedLightBlock, now: datetime) -> bool:
    try:
        verify_light_block(block, trusted=trusted, now=now, options=HISTORY)
    except Untrusted:
        return False
    return True
