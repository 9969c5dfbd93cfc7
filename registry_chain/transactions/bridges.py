"""The body that records an outside anchor: which block's hash was taken where [REG-BRG-1]."""

from dataclasses import dataclass
from typing import ClassVar, Self

from registry_chain.transactions import fields as f
from ssi.encoding import JSON

METHODS = ("evm", "opentimestamps", "rfc3161")
_DAY = "0000-00-00"
_HOUR = "0000-00-00t00"
_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestBridge:
    """That the block of an epoch was anchored outside, and the digest of the proof kept for it."""

    TYPE: ClassVar[str] = "bridge.attest"
    epoch: str
    height: int
    block_hash: str
    method: str
    digest: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(
            epoch=epoch_name(reading.take_str("epoch"), "epoch"),
            height=reading.take_int("height", minimum=1),
            block_hash=f.digest(reading.take_str("block_hash"), "block_hash"),
            method=reading.take_str("method", max_len=32),
            digest=f.digest(reading.take_str("digest"), "digest"),
        )
        reading.done()
        if body.method not in METHODS:
            raise f.bad("method", "is not a way of anchoring")
        return body


def epoch_name(value: str, where: str) -> str:
    """The name of a day or an hour in UTC, such as ``2026-11-25`` or ``2026-11-25t20``."""
    shape = "".join("0" if char in _DIGITS else char for char in value)
    if shape not in (_DAY, _HOUR):
        raise f.bad(where, "is not a day or an hour")
    return value
