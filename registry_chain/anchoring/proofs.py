"""The container in which an outside proof is kept and carried, and what a verified one says."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from registry_chain.transactions.bridges import epoch_name
from ssi.encoding import (
    Fields,
    JsonLimits,
    JSONObject,
    b64url_encode,
    canonical_json,
    parse_json_object,
    sha256,
)
from ssi.errors import Malformed

VERSION = 1
MAX_PROOF_BYTES = 32_768
MAX_ANCHOR_BYTES = 65_536
HASH_BYTES = 32
_LIMITS = JsonLimits(max_bytes=MAX_ANCHOR_BYTES, max_depth=2, max_string=MAX_ANCHOR_BYTES)


class Method(StrEnum):
    """By whom a block's hash was anchored."""

    RFC3161 = "rfc3161"
    OPENTIMESTAMPS = "opentimestamps"
    EVM = "evm"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorProof:
    """A kept proof that parses; what it claims is true only after `verify_anchor`.

    ``proof`` is in the method's own format, so that other people's tools read it: the DER of a
    time-stamp token, a detached ``.ots`` file, or an Ethereum storage proof.
    """

    method: Method
    epoch: str
    height: int
    block_hash: bytes
    proof: bytes = field(repr=False)

    @property
    def digest(self) -> bytes:
        """What ``bridge.attest`` records of it: the SHA-256 of the proof's bytes."""
        return sha256(self.proof)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedAnchor:
    """That a block existed by a time, who says so, and how far the proof reaches.

    Args:
        method: The kind of proof.
        authority: The name that our own policy gives to who vouches; never one from the proof.
        block_hash: The hash that was anchored.
        time: The time by which it existed, according to the authority.
        accuracy: How far the authority's clock may be off.
        shown: What the verdict rests on, such as a serial number or the blocks built on top.
    """

    method: Method
    authority: str
    block_hash: bytes
    time: datetime
    accuracy: timedelta
    shown: JSONObject

    def to_json(self) -> JSONObject:
        """The verdict as JSON."""
        return {
            "method": self.method.value,
            "authority": self.authority,
            "block_hash": self.block_hash.hex(),
            "time": self.time.isoformat(),
            "accuracy": self.accuracy.total_seconds().__ceil__(),
            **self.shown,
        }


def parse_anchor(raw: bytes) -> AnchorProof:
    """Read a container strictly [ANC-FORM-1].

    Raises:
        Malformed: ``anchor.container``, ``anchor.method`` or ``json.*``.
    """
    reading = Fields(
        parse_json_object(raw, limits=_LIMITS), where="anchor", code="anchor.container"
    )
    reading.take_int("v", VERSION, VERSION)
    method = reading.take_str("method", max_len=32)
    epoch = reading.take_str("epoch", max_len=16)
    height = reading.take_int("height", minimum=1)
    block_hash = reading.take_bytes("block_hash", size=HASH_BYTES)
    proof = reading.take_bytes("proof", max_len=MAX_ANCHOR_BYTES)
    reading.done()
    if method not in list(Method):
        raise Malformed("the anchor's method is unknown", code="anchor.method")
    if not 1 <= len(proof) <= MAX_PROOF_BYTES:
        raise Malformed("the anchor's proof is empty or too big", code="anchor.container")
    try:
        epoch_name(epoch, "epoch")
    except Malformed:
        raise Malformed("the anchor names no day or hour", code="anchor.container") from None
    return AnchorProof(
        method=Method(method), epoch=epoch, height=height, block_hash=block_hash, proof=proof
    )


def anchor_to_json(anchor: AnchorProof) -> JSONObject:
    """Return the JSON that `parse_anchor` reads."""
    return {
        "v": VERSION,
        "method": anchor.method.value,
        "epoch": anchor.epoch,
        "height": anchor.height,
        "block_hash": b64url_encode(anchor.block_hash),
        "proof": b64url_encode(anchor.proof),
    }


def anchor_to_bytes(anchor: AnchorProof) -> bytes:
    """Return the container's canonical bytes."""
    return canonical_json(anchor_to_json(anchor))


def stamped_digest(block_hash: bytes) -> bytes:
    """What authorities stamp: the SHA-256 of the hash's 32 bytes [ANC-FORM-2].

    A file that holds those 32 bytes is then what ``openssl ts -verify -data`` and other tools take.
    """
    return sha256(block_hash)
