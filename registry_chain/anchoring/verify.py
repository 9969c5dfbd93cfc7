"""Judging kept proofs without a network: one proof, and all those of an epoch together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry_chain.anchoring.epochs import Period, epoch_at
from registry_chain.anchoring.opentimestamps import verify_ots
from registry_chain.anchoring.policy import AnchorPolicy
from registry_chain.anchoring.proofs import AnchorProof, Method, VerifiedAnchor, parse_anchor
from registry_chain.light import VerifiedLightBlock
from ssi.encoding import JSONObject
from ssi.errors import (
    BindingMismatch,
    InvalidProof,
    NotYetValid,
    PolicyNotMet,
    Rejected,
    Unavailable,
    Untrusted,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorReport:
    """What the proofs of one block say together.

    Args:
        height: The block's height.
        block_hash: Its hash.
        block_time: The time in its header, which the validators signed.
        anchors: The verified proofs.
        existed_by: The earliest time by which an outside authority proves the block existed.
        spread: How far the time-stamping authorities are apart.
    """

    height: int
    block_hash: bytes
    block_time: datetime
    anchors: tuple[VerifiedAnchor, ...]
    existed_by: datetime
    spread: timedelta

    def to_json(self) -> JSONObject:
        """The report as JSON."""
        return {
            "height": self.height,
            "block_hash": self.block_hash.hex(),
            "block_time": self.block_time.isoformat(),
            "existed_by": self.existed_by.isoformat(),
            "spread_seconds": self.spread.total_seconds().__ceil__(),
            "anchors": [anchor.to_json() for anchor in self.anchors],
        }


def verify_anchor(
    anchor: AnchorProof | bytes,
    block_hash: bytes,
    policy: AnchorPolicy,
    now: datetime,
    *,
    recorded: bytes | None = None,
) -> VerifiedAnchor:
    """Return what one kept proof proves about a block.

    The caller has verified that ``block_hash`` is the chain's, by a light block; a proof by itself
    only says that somebody had these 32 bytes [ANC-VER-1].

    Args:
        anchor: The container, parsed or as bytes.
        block_hash: The hash of a verified header.
        policy: Whom the reader believes.
        now: The aware time of judging.
        recorded: The digest in the chain's ``bridge/`` record, when there is one to compare.

    Raises:
        Rejected: ``anchor.*``: the proof is bad, for another block, or by nobody we believe.
        Unavailable: ``anchor.pending``, ``anchor.header_missing``, ``anchor.not_final``,
            ``anchor.extra``: no verdict yet.
    """
    if now.tzinfo is None:
        raise ValueError("now is an aware time")
    kept = parse_anchor(anchor) if isinstance(anchor, bytes) else anchor
    if kept.block_hash != block_hash:
        raise BindingMismatch("the anchor is for another block", code="anchor.block")
    if recorded is not None and kept.digest != recorded:
        raise InvalidProof("the proof is not the one the chain records", code="anchor.digest")
    try:
        verified = _judge(kept, policy)
    except ImportError:
        raise missing_extra() from None
    if verified.time - verified.accuracy > now + policy.clock_drift:
        raise NotYetValid("the proof is from the future", code="anchor.future")
    return verified


def missing_extra() -> Unavailable:
    """The error for a kind of proof whose libraries are not installed."""
    return Unavailable(
        "this kind of proof needs an extra that is not installed", code="anchor.extra"
    )


def _judge(kept: AnchorProof, policy: AnchorPolicy) -> VerifiedAnchor:
    match kept.method:
        case Method.RFC3161:
            from registry_chain.anchoring.rfc3161 import verify_token  # noqa: PLC0415 - an extra

            return verify_token(kept.proof, kept.block_hash, policy.authorities)
        case Method.OPENTIMESTAMPS if policy.bitcoin is not None:
            return verify_ots(kept.proof, kept.block_hash, policy.bitcoin)
        case Method.EVM if policy.evm is not None:
            from registry_chain.anchoring.evm import verify_evm  # noqa: PLC0415 - an extra

            return verify_evm(kept, policy.evm)
        case _:
            raise Untrusted("the policy takes no such proof", code="anchor.method_untrusted")


def verify_epoch(
    anchors: Sequence[AnchorProof],
    block: VerifiedLightBlock,
    policy: AnchorPolicy,
    now: datetime,
) -> AnchorReport:
    """Judge all proofs of one block together, and fail closed [ANC-VER-2].

    Every proof must verify; one that does not is not outvoted. Enough different authorities must
    have vouched, none may put the block before its own header's time, and time-stamping authorities
    must agree with one another within the policy's tolerance.

    Args:
        anchors: The kept proofs.
        block: The block, verified by the light client.
        policy: Whom the reader believes.
        now: The aware time of judging.

    Raises:
        Rejected: As `verify_anchor`; ``anchor.epoch``, ``anchor.too_few``,
            ``anchor.before_block``, ``anchor.disagree``.
        Unavailable: As `verify_anchor`.
    """
    if any(anchor.height != block.height for anchor in anchors):
        raise BindingMismatch("the anchor is for another height", code="anchor.block")
    names = {epoch_at(block.time, period).name for period in Period}
    if any(anchor.epoch not in names for anchor in anchors):
        raise BindingMismatch("the block is not of the epoch that is named", code="anchor.epoch")
    verified = tuple(
        sorted(
            (verify_anchor(anchor, block.header_hash, policy, now) for anchor in anchors),
            key=lambda one: (one.time, one.authority),
        )
    )
    if len({one.authority for one in verified}) < policy.least:
        raise PolicyNotMet("too few authorities vouch for the block", code="anchor.too_few")
    for one in verified:
        if one.time + one.accuracy < block.time - policy.tolerance:
            raise Rejected("a proof is older than the block's own time", code="anchor.before_block")
    stamps = [one.time for one in verified if one.method is Method.RFC3161]
    spread = max(stamps) - min(stamps) if stamps else timedelta(0)
    if spread > policy.tolerance:
        raise Rejected("the authorities do not agree on the time", code="anchor.disagree")
    return AnchorReport(
        height=block.height,
        block_hash=block.header_hash,
        block_time=block.time,
        anchors=verified,
        existed_by=verified[0].time,
        spread=spread,
    )
