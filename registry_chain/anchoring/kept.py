"""Judging a whole folder of kept proofs, from the pinned genesis on and without any network."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.anchoring.policy import AnchorPolicy
from registry_chain.anchoring.steps import verify_as_of_then
from registry_chain.anchoring.verify import AnchorReport, verify_epoch
from registry_chain.genesis import Genesis
from registry_chain.light import TrustedState
from registry_chain.trust_root import trust_from_genesis
from ssi.errors import Malformed, SSIError


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochVerdict:
    """What became of one epoch: a report, or the error that says why there is none."""

    epoch: str
    report: AnchorReport | None = None
    error: SSIError | None = None


def judge_folder(
    folder: AnchorFolder, genesis: Genesis, policy: AnchorPolicy, now: datetime
) -> Iterator[EpochVerdict]:
    """Judge every epoch that is kept, oldest first [ANC-VER-3].

    Each light block is verified from the genesis or from the epoch before it, as of its own time:
    that its signatures were made then, and not later with old keys, is what the proofs show.

    Args:
        folder: The kept proofs.
        genesis: The pinned genesis.
        policy: Whom the reader believes.
        now: The aware time of judging.
    """
    trusted = trust_from_genesis(genesis)
    for epoch in folder.epochs():
        try:
            report, trusted = _judge(folder, epoch, trusted, policy, now)
        except SSIError as error:
            yield EpochVerdict(epoch=epoch, error=error)
        else:
            yield EpochVerdict(epoch=epoch, report=report)


def _judge(
    folder: AnchorFolder, epoch: str, trusted: TrustedState, policy: AnchorPolicy, now: datetime
) -> tuple[AnchorReport, TrustedState]:
    kept = folder.block(epoch)
    if kept is None:
        raise Malformed("the epoch's light block is not kept", code="anchor.container")
    for step in folder.steps(epoch):
        if step.height > trusted.height:  # an earlier epoch that was kept later may lead further
            trusted = verify_as_of_then(step, trusted).trusted
    block = verify_as_of_then(kept, trusted)
    proofs = tuple(folder.proofs(epoch))
    if any(proof.epoch != epoch for proof in proofs):
        raise Malformed("a proof is in another epoch's folder", code="anchor.container")
    return verify_epoch(proofs, block, policy, now), block.trusted
