"""The server's light client: what its own engine says is believed as little as a stranger's word.

Trust begins with the genesis, as everywhere [REG-LIGHT-3]. Where the validators have changed so
much that one step does not reach a block, the steps in between are found by halving [EXP-PROOF-2].
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from registry_chain.engines.base import Engine, TxOutcome
from registry_chain.light import (
    MapProof,
    TrustedState,
    TrustOptions,
    TxInclusionProof,
    UntrustedLightBlock,
    VerifiedLightBlock,
    parse_light_block,
    results_hash,
    verify_light_block,
    verify_map_proof,
    verify_tx_inclusion,
)
from registry_chain.records import RECORD_LIMITS
from registry_chain.trust_root import trust_from_genesis
from ssi.encoding import Fields, JSONObject, b64url_decode, parse_json_object, sha256
from ssi.errors import Rejected, SSIError, Unavailable, Untrusted

Clock = Callable[[], datetime]

_KEPT: Final = 512
_ANY_AGE: Final = TrustOptions(max_age=None)
_NEEDS_STEPS: Final = frozenset({"light.not_enough_trust", "light.trust_expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One record as a page may show it [EXP-PROOF-3].

    ``block`` is what proves it; without one, ``failure`` is the code of what is wrong, and the
    value is only what the store says.
    """

    key: str
    value: JSONObject | None = field(repr=False)
    block: VerifiedLightBlock | None
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTx:
    """One transaction, what became of it, and what of that is proven.

    ``block`` proves that the bytes stand at their place; ``result`` is the next block, whose header
    commits to the results, ``None`` while there is none.
    """

    outcome: TxOutcome
    raw: bytes = field(repr=False)
    block: VerifiedLightBlock | None
    inclusion: JSONObject | None = field(repr=False)
    failure: str | None = None
    result: VerifiedLightBlock | None = None
    result_failure: str | None = None


class Prover:
    """Verifies what the engine says. Safe to share between threads.

    Args:
        engine: The chain.
        clock: The present, for headers from the future.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._root = trust_from_genesis(engine.genesis)
        self._lock = threading.Lock()
        self._verified: OrderedDict[int, VerifiedLightBlock] = OrderedDict()

    # --- blocks ---

    def block(self, height: int | None = None) -> VerifiedLightBlock | None:
        """The block of a height, or the newest; ``None`` when there is none.

        Raises:
            Rejected: ``light.*``.
        """
        found = self._engine.light_block(height)
        return None if found is None else self.verify(parse_light_block(found))

    def verify(self, block: UntrustedLightBlock) -> VerifiedLightBlock:
        """Verify a light block from the genesis on [EXP-PROOF-2].

        Raises:
            Rejected: ``light.*``.
        """
        known = self._known(block)
        if known is not None:
            return known
        trusted = self._below(block.height)
        steps, walked = [block], False
        while True:
            step = steps[-1]
            # History vouches as of its own time; only what is ahead of our clock is refused.
            moment = min(self._clock(), step.header.time.moment)
            try:
                verified = verify_light_block(step, trusted=trusted, now=moment, options=_ANY_AGE)
            except Untrusted as error:
                middle = (trusted.height + step.height) // 2
                if error.code not in _NEEDS_STEPS or middle <= trusted.height:
                    raise
                if not walked:
                    trusted, walked = self._along(trusted, step.height), True
                    continue
                steps.append(self._at(middle))
                continue
            self._remember(verified)
            trusted = verified.trusted
            steps.pop()
            if not steps:
                return verified

    def _along(self, trusted: TrustedState, height: int) -> TrustedState:
        """Go the way the engine offers as far as it leads; it is a help, and need not lead."""
        for shown in self._engine.trust_path(trusted.height + 1):
            block = parse_light_block(shown)
            if not trusted.height < block.height < height:
                continue
            moment = min(self._clock(), block.header.time.moment)
            with suppress(Rejected):
                verified = verify_light_block(block, trusted=trusted, now=moment, options=_ANY_AGE)
                self._remember(verified)
                trusted = verified.trusted
        return trusted

    def _at(self, height: int) -> UntrustedLightBlock:
        found = self._engine.light_block(height)
        if found is None:
            raise Unavailable("a block on the way is not kept here", code="chain.no_block")
        return parse_light_block(found)

    def _known(self, block: UntrustedLightBlock) -> VerifiedLightBlock | None:
        """What was verified before, if it is this very block, votes included."""
        with self._lock:
            known = self._verified.get(block.height)
        return known if known is not None and known.block == block else None

    def _below(self, height: int) -> TrustedState:
        with self._lock:
            lower = [one for one in self._verified if one < height]
            return self._verified[max(lower)].trusted if lower else self._root

    def _remember(self, verified: VerifiedLightBlock) -> None:
        with self._lock:
            self._verified[verified.height] = verified
            while len(self._verified) > _KEPT:
                self._verified.popitem(last=False)

    # --- records ---

    def records(self, keys: Sequence[str], height: int | None = None) -> tuple[Shown, ...] | None:
        """What the map holds at up to 64 keys, each proven or said to be not.

        Args:
            keys: The keys.
            height: The state after this height; the newest that is signed when ``None``.

        Returns:
            One for each key, or ``None`` when no block signs the state of that height.
        """
        if not keys:
            return ()
        answer = self._engine.prove(tuple(keys), height)
        if answer is None:
            return None
        try:
            block = self.verify(answer.light_block)
        except SSIError as error:
            return tuple(
                Shown(key=proof.key, value=_value(proof.value), block=None, failure=error.code)
                for proof in answer.proofs
            )
        return tuple(
            _record(key, proof, block) for key, proof in zip(keys, answer.proofs, strict=True)
        )

    # --- transactions ---

    def transaction(self, tx_id: str) -> ShownTx | None:
        """A transaction that is in a block; ``None`` when none has this id."""
        outcome = self._engine.outcome(tx_id)
        said = None if outcome is None else self._engine.inclusion(tx_id)
        told = None if outcome is None else self._engine.block(outcome.height)
        if outcome is None or said is None or told is None:
            return None
        reading = Fields(told, where="block", code="chain.answer")
        raw = b64url_decode(reading.take_strs("txs", max_items=100_000)[outcome.index])
        codes = [
            Fields(result, where="result", code="chain.answer").take_int("code")
            for result in reading.take_objects("results", max_items=100_000)
        ]
        result, result_failure = self._result(outcome.height, codes)
        inclusion = said.get("inclusion")
        try:
            block = self.verify(parse_light_block(said.get("light_block")))
            proof = TxInclusionProof.parse(inclusion)
            verify_tx_inclusion(sha256(raw), proof, block.data_hash)
        except SSIError as error:
            return ShownTx(outcome=outcome, raw=raw, block=None, inclusion=None, failure=error.code)
        return ShownTx(
            outcome=outcome,
            raw=raw,
            block=block,
            inclusion=proof.to_json(),
            result=result,
            result_failure=result_failure,
        )

    def _result(
        self, height: int, codes: Sequence[int]
    ) -> tuple[VerifiedLightBlock | None, str | None]:
        """The next block, if its header commits to these results [EXP-PROOF-4]."""
        try:
            following = self.block(height + 1)
            if following is None:
                return None, None
            if following.block.header.last_results_hash != results_hash(tuple(codes)):
                return None, "proof.invalid"
        except SSIError as error:
            return None, error.code
        return following, None


def _record(key: str, proof: MapProof, block: VerifiedLightBlock) -> Shown:
    try:
        raw = verify_map_proof(proof, app_hash=block.app_hash, key=key)
    except Rejected as error:
        return Shown(key=key, value=_value(proof.value), block=None, failure=error.code)
    value = _value(raw)
    if raw is not None and value is None:
        return Shown(key=key, value=None, block=None, failure="chain.record")
    return Shown(key=key, value=value, block=block)


def _value(raw: bytes | None) -> JSONObject | None:
    """The JSON of a record; ``None`` when there is none that can be read."""
    if raw is None:
        return None
    try:
        return parse_json_object(raw, limits=RECORD_LIMITS)
    except Rejected:
        return None
