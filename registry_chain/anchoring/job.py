"""The anchoring job: run it from a timer; what is done already is not done again [ANC-JOB-1]."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from registry_chain.anchoring.epochs import Epoch, Period, epoch_at, finished_epochs, last_block
from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.anchoring.opentimestamps import is_pending, submit, upgrade
from registry_chain.anchoring.proofs import AnchorProof, Method
from registry_chain.anchoring.settings import AnchorSettings, Place
from registry_chain.anchoring.steps import steps_to
from registry_chain.anchoring.verify import missing_extra, verify_anchor
from registry_chain.light import TrustedState, VerifiedLightBlock
from registry_chain.records import MIGRATION_KEY, MigrationRecord, bridge_key
from registry_chain.transactions import AttestBridge
from ssi.encoding import JSONObject, b64url_encode
from ssi.errors import Refused, SSIError, Unavailable
from ssi.fetch import Fetch

NONCE_BYTES = 16
_ANY_AGE = timedelta(days=36_525)  # what the head may be, which is not older than what was seen


class ProvenValue(Protocol):
    """What the job needs to know of a read value."""

    @property
    def value(self) -> JSONObject | None:
        """The record, or ``None`` when its absence is proven."""
        ...


class Chain(Protocol):
    """What the job needs of the chain's client."""

    def head(self, now: datetime) -> VerifiedLightBlock:
        """The newest verified block."""
        ...

    def block_at(self, height: int, now: datetime) -> VerifiedLightBlock:
        """The verified block of a height."""
        ...

    def read(self, key: str, *, now: datetime, max_age: timedelta | None = None) -> ProvenValue:
        """The record at a key, proven."""
        ...


class Recorder(Protocol):
    """What puts a record on the chain."""

    def submit(self, body: AttestBridge, now: datetime) -> object:
        """Have it committed."""
        ...


class Contract(Protocol):
    """What puts a hash into an EVM contract, and gets its proof."""

    @property
    def name(self) -> str:
        """Our own name for its chain."""
        ...

    def proof(self, epoch: str, height: int, block_hash: bytes) -> bytes | None:
        """The proof of a hash that is final, or ``None`` when it was only put in now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the job did, or could not do. ``code`` is set when something is left to do."""

    epoch: str
    method: str
    authority: str
    did: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorJob:
    """Everything the job works with; it holds no state of its own.

    Args:
        chain: The chain's client.
        root: What the genesis vouches for; kept proofs are judged from there on.
        folder: Where proofs are kept.
        settings: Whom to ask and to believe.
        fetch: Bounded HTTP.
        randomness: Gives that many random bytes, for nonces.
        recorder: Puts records on the chain; ``None`` to keep proofs only.
        contract: The EVM contract, as ``evm_job`` opens it; ``None`` to use none.
    """

    chain: Chain
    root: TrustedState
    folder: AnchorFolder
    settings: AnchorSettings
    fetch: Fetch
    randomness: Callable[[int], bytes]
    recorder: Recorder | None = None
    contract: Contract | None = None

    def run(self, now: datetime, *, epochs: int) -> Iterator[Step]:
        """Anchor the last finished epochs, upgrade what is pending, record what is complete.

        One authority that fails does not hold up the others; what is missing is tried again in the
        next run.

        Args:
            now: The present.
            epochs: How many finished epochs to look back.
        """
        head = self.chain.head(now)
        recent = finished_epochs(head.time, self.settings.period, epochs)
        decided, seam = self._decided(now), None
        if decided is not None and not self._is_settled(decided, recent):
            try:
                seam = self.chain.block_at(decided.height + 1, now)
            except SSIError as error:
                yield Step(epoch="", method="", authority="", did="failed", code=error.code)
                if not recent or decided.time >= recent[0].start.timestamp():
                    return  # without it the wrong block of its epoch would be chosen
        for epoch in _with_seam(recent, seam, self.settings.period, head):
            block = self._block(epoch, head, seam, now)
            if block is None:
                yield Step(epoch=epoch.name, method="", authority="", did="no-block")
                continue
            yield from self._stamps(epoch.name, block, now)
            for place in self.settings.calendars:
                yield from self._attempt(epoch.name, Method.OPENTIMESTAMPS, place, block, now)
            # The contract takes rising heights only: what was long ago has no place in it any more.
            if self.contract is not None and epoch in recent:
                yield from self._contract(self.contract, epoch.name, block, now)

    def _decided(self, now: datetime) -> MigrationRecord | None:
        """The decision to become a network: the block after its own is the last [ANC-EPO-2]."""
        record = self.chain.read(MIGRATION_KEY, now=now, max_age=_ANY_AGE).value
        return None if record is None else MigrationRecord.from_json(record)

    def _is_settled(self, decided: MigrationRecord, recent: Sequence[Epoch]) -> bool:
        """Whether the last block before a hand-over of long ago has every proof it will get."""
        first = epoch_at(datetime.fromtimestamp(decided.time, UTC), self.settings.period)
        for epoch in (first, epoch_at(first.end, self.settings.period)):
            kept = self.folder.block(epoch.name)
            if epoch not in recent and kept is not None and kept.height == decided.height + 1:
                return self._is_whole(epoch.name)
        return False

    def _is_whole(self, epoch: str) -> bool:
        stamps = (
            self.folder.proof(epoch, Method.RFC3161.value, place.name)
            for place in self.settings.authorities
        )
        calendars = (
            self.folder.proof(epoch, Method.OPENTIMESTAMPS.value, place.name)
            for place in self.settings.calendars
        )
        return all(one is not None for one in stamps) and all(
            one is not None and not is_pending(one.proof) for one in calendars
        )

    def _block(
        self,
        epoch: Epoch,
        head: VerifiedLightBlock,
        seam: VerifiedLightBlock | None,
        now: datetime,
    ) -> VerifiedLightBlock | None:
        kept = self.folder.block(epoch.name)
        if kept is not None:
            return self.chain.block_at(kept.height, now)
        block = last_block(epoch, head, lambda height: self.chain.block_at(height, now), seam)
        if block is not None:
            steps = steps_to(
                block.block,
                self._before(epoch),
                lambda height: self.chain.block_at(height, now).block,
            )
            self.folder.keep_block(epoch.name, block.block, steps)
        return block

    def _before(self, epoch: Epoch) -> TrustedState:
        """What a reader of the folder trusts when he comes to an epoch."""
        earlier = [name for name in self.folder.epochs() if name < epoch.name]
        kept = self.folder.block(earlier[-1]) if earlier else None
        return self.root if kept is None else TrustedState.remembered(kept)

    def _stamps(self, epoch: str, block: VerifiedLightBlock, now: datetime) -> Iterator[Step]:
        """Stamps by all authorities; one that comes late has the others stamp again beside it.

        Otherwise stamps would be further apart than readers tolerate [ANC-JOB-3].
        """
        late: list[Place] = []
        fresh = False
        for place in self.settings.authorities:
            steps = tuple(self._attempt(epoch, Method.RFC3161, place, block, now))
            yield from steps
            fresh = fresh or any(step.did == "stamped" for step in steps)
            if any(step.did == "kept" for step in steps):
                late.append(place)
        for place in late if fresh else ():
            kept = self.folder.proof(epoch, Method.RFC3161.value, place.name)
            if kept is None or self._is_recent(kept, now):
                continue
            yield from self._attempt(epoch, Method.RFC3161, place, block, now, again=True)

    def _is_recent(self, anchor: AnchorProof, now: datetime) -> bool:
        with suppress(SSIError):  # one that does not verify any more is better made anew
            verified = verify_anchor(anchor, anchor.block_hash, self.settings.policy, now)
            return now - verified.time < self.settings.policy.tolerance
        return False

    def _attempt(  # noqa: PLR0913 - what, by whom, when
        self,
        epoch: str,
        method: Method,
        place: Place,
        block: VerifiedLightBlock,
        now: datetime,
        *,
        again: bool = False,
    ) -> Iterator[Step]:
        did = "kept"
        try:
            kept = None if again else self.folder.proof(epoch, method.value, place.name)
            anchor = kept
            if anchor is None:
                anchor = self._new(epoch, method, place, block, now)
                did = "stamped"
            if method is Method.OPENTIMESTAMPS and is_pending(anchor.proof):
                if kept is None:
                    yield _step(anchor, place, "submitted", "anchor.pending")
                    return
                anchor = self._upgraded(anchor, place, now)
                did = "upgraded"
            yield _step(anchor, place, did)
            yield from self._record(anchor, place, now)
        except SSIError as error:
            yield Step(
                epoch=epoch,
                method=method.value,
                authority=place.name,
                did="failed",
                code=error.code,
            )

    def _new(
        self, epoch: str, method: Method, place: Place, block: VerifiedLightBlock, now: datetime
    ) -> AnchorProof:
        if method is Method.RFC3161:
            proof = self._stamp(place, block.header_hash)
        else:
            proof = submit(place.url, block.header_hash, self.fetch)
        anchor = AnchorProof(
            method=method,
            epoch=epoch,
            height=block.height,
            block_hash=block.header_hash,
            proof=proof,
        )
        self._judge_what_can_be(anchor, now)
        self.folder.keep(anchor, place.name)
        return anchor

    def _contract(
        self, contract: Contract, epoch: str, block: VerifiedLightBlock, now: datetime
    ) -> Iterator[Step]:
        place = Place(name=contract.name, url="")
        did = "kept"
        try:
            anchor = self.folder.proof(epoch, Method.EVM.value, contract.name)
            if anchor is None:
                proof = contract.proof(epoch, block.height, block.header_hash)
                did = "submitted" if proof is None else "stamped"
                anchor = AnchorProof(
                    method=Method.EVM,
                    epoch=epoch,
                    height=block.height,
                    block_hash=block.header_hash,
                    proof=proof or b"",
                )
                if proof is None:
                    yield _step(anchor, place, did, "anchor.not_final")
                    return
                self.folder.keep(anchor, contract.name)
            yield _step(anchor, place, did)
            yield from self._record(anchor, place, now)
        except Unavailable as error:
            waits = error.code == "anchor.not_final"
            yield Step(
                epoch=epoch,
                method=Method.EVM.value,
                authority=contract.name,
                did="submitted" if waits else "failed",
                code=error.code,
            )
        except SSIError as error:
            yield Step(
                epoch=epoch,
                method=Method.EVM.value,
                authority=contract.name,
                did="failed",
                code=error.code,
            )

    def _stamp(self, place: Place, block_hash: bytes) -> bytes:
        try:
            from registry_chain.anchoring import rfc3161  # noqa: PLC0415 - an extra
        except ImportError:
            raise missing_extra() from None
        request = rfc3161.stamp_request(block_hash, self.randomness(NONCE_BYTES))
        token = rfc3161.ask_authority(place.url, request, self.fetch)
        own = [one for one in self.settings.policy.authorities if one.name == place.name]
        rfc3161.verify_token(token, block_hash, own, nonce=request.nonce)
        return token

    def _upgraded(self, anchor: AnchorProof, place: Place, now: datetime) -> AnchorProof:
        proof = upgrade(anchor.proof, place.url, self.fetch)
        better = AnchorProof(
            method=anchor.method,
            epoch=anchor.epoch,
            height=anchor.height,
            block_hash=anchor.block_hash,
            proof=proof,
        )
        self._judge_what_can_be(better, now)
        self.folder.keep(better, place.name)
        return better

    def _judge_what_can_be(self, anchor: AnchorProof, now: datetime) -> None:
        """Nothing that is known to be bad is kept; headers that are not here yet come later."""
        if anchor.method is Method.OPENTIMESTAMPS and self.settings.policy.bitcoin is None:
            return
        try:
            verify_anchor(anchor, anchor.block_hash, self.settings.policy, now)
        except Unavailable as error:
            if error.code not in {"anchor.pending", "anchor.header_missing"}:
                raise

    def _record(self, anchor: AnchorProof, place: Place, now: datetime) -> Iterator[Step]:
        if self.recorder is None:
            return
        digest = b64url_encode(anchor.digest)
        if self.chain.read(bridge_key(anchor.epoch, digest), now=now).value is not None:
            return
        body = AttestBridge(
            epoch=anchor.epoch,
            height=anchor.height,
            block_hash=b64url_encode(anchor.block_hash),
            method=anchor.method.value,
            digest=digest,
        )
        try:
            self.recorder.submit(body, now)
        except Refused as error:
            if error.code != "chain.bridge_exists":  # an earlier run's, which we had no word of
                raise
        yield _step(anchor, place, "recorded")


def _with_seam(
    recent: Sequence[Epoch],
    seam: VerifiedLightBlock | None,
    period: Period,
    head: VerifiedLightBlock,
) -> Sequence[Epoch]:
    """The epochs to work on: the recent ones, and the hand-over's however long ago it was."""
    if seam is None:
        return recent
    epoch = epoch_at(seam.time, period)
    return recent if epoch in recent or epoch.end > head.time else [epoch, *recent]


def _step(anchor: AnchorProof, place: Place, did: str, code: str = "") -> Step:
    return Step(
        epoch=anchor.epoch,
        method=anchor.method.value,
        authority=place.name,
        did=did,
        code=code,
    )
