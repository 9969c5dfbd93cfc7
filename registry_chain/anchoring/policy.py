"""Whom a reader believes about outside time; chosen by the reader, never by a proof [ANC-POL-1]."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from ssi.x509 import Certificate

LEAST_DIFFICULTY = 0xFFFF << 208  # the target of difficulty 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAuthority:
    """A time-stamping authority that a person decided to trust [ANC-TSA-1].

    Args:
        name: Our own name for it.
        certificate: The one certificate whose signatures count.
        issuers: The authorities above it, to the root.
        accuracy: How far its clock may be off when its tokens do not say; ``None`` to refuse such
            tokens.
        max_accuracy: Tokens that admit to be less exact than this are refused.
        distrusted_from: Stamps of this time or later do not count, as after a compromise.
    """

    name: str
    certificate: Certificate
    issuers: tuple[Certificate, ...]
    accuracy: timedelta | None = None
    max_accuracy: timedelta = timedelta(minutes=1)
    distrusted_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BitcoinPolicy:
    """Which Bitcoin headers count.

    Args:
        headers: Runs of 80-byte headers by the height of their first.
        max_target: The easiest target a header may have met. The default is a difficulty that
            Bitcoin passed in 2022; one forged header then costs some 10^23 hashes.
        confirmations: How many headers must stand on the one that counts, itself included.
        checkpoints: Header hashes (in the usual reversed hex) that a person vouches for. A height
            is proven only by a run that holds one; without one, only the cost is.
    """

    headers: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    max_target: int = LEAST_DIFFICULTY // 25_000_000_000_000
    confirmations: int = 6
    checkpoints: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class EvmPolicy:
    """Which contract counts, on which chain, and which blocks of it are final.

    Args:
        name: Our own name for the chain.
        chain_id: Its EIP-155 id.
        contract: The contract's address, 20 bytes.
        final_blocks: Block hashes by number that a person, or our own node, calls final.
    """

    name: str
    chain_id: int
    contract: bytes
    final_blocks: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorPolicy:
    """Everything a reader decides about outside anchors.

    Args:
        authorities: The time-stamping authorities.
        bitcoin: Which headers count; ``None`` to take no OpenTimestamps proof.
        evm: Which contract counts; ``None`` to take no such proof.
        least: How many different authorities must agree on an epoch.
        tolerance: How far time-stamping authorities may be apart, and how much earlier than its
            block a stamp may be.
        clock_drift: How far a stamp may be ahead of ``now``.
    """

    authorities: tuple[TimeAuthority, ...] = ()
    bitcoin: BitcoinPolicy | None = None
    evm: EvmPolicy | None = None
    least: int = 2
    tolerance: timedelta = timedelta(hours=1)
    clock_drift: timedelta = timedelta(minutes=1)

    def __post_init__(self) -> None:
        """Refuse a policy under which nothing would have to be proven."""
        if self.least < 1:
            raise ValueError("at least one authority must vouch")
