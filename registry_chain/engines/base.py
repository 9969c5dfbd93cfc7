"""What a node needs of an engine; the embedded engine and CometBFT's adapter both give it."""

from dataclasses import dataclass
from typing import Protocol

from registry_chain.genesis import Genesis
from registry_chain.light import MapProof, UntrustedLightBlock
from ssi.encoding import JSONObject


@dataclass(frozen=True, slots=True, kw_only=True)
class TxOutcome:
    """What became of a transaction whose block has its proof block."""

    tx_id: str
    height: int
    index: int
    code: int
    rule: str = ""
    error: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """What a node says about itself."""

    chain_id: str
    height: int
    time: int
    app_hash: str
    validators: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Map proofs under one light block."""

    light_block: UntrustedLightBlock
    proofs: tuple[MapProof, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One record of a listing, which proves nothing."""

    key: str
    value: bytes


class Engine(Protocol):
    """A running chain, seen from its node."""

    @property
    def genesis(self) -> Genesis:
        """The genesis the chain started from."""
        ...

    def submit(self, raw: bytes) -> str:
        """Queue a transaction and return its id."""
        ...

    def wait(self, tx_id: str, timeout: float) -> TxOutcome:
        """Wait until the transaction's fate is durable."""
        ...

    def outcome(self, tx_id: str) -> TxOutcome | None:
        """What became of a transaction, if it is in a block."""
        ...

    def inclusion(self, tx_id: str) -> JSONObject | None:
        """The transaction's inclusion proof and its light block."""
        ...

    def light_block(self, height: int | None = None) -> JSONObject | None:
        """The light block of a height, or the newest."""
        ...

    def height_of(self, block_hash: bytes) -> int | None:
        """The height of the block whose header has this hash."""
        ...

    def trust_path(self, start: int) -> list[JSONObject]:
        """Light blocks by which one who trusts ``start`` comes to trust the newest."""
        ...

    def prove(self, keys: tuple[str, ...], height: int | None = None) -> Answer | None:
        """Proofs for keys in the state at ``height``, or the newest that is signed."""
        ...

    def token(self, digest: str) -> str | None:
        """The status list token with this digest."""
        ...

    def listing(self, prefix: str, after: str, limit: int) -> list[Listed]:
        """Records whose key has a prefix, in order of keys."""
        ...

    def block(self, height: int) -> JSONObject | None:
        """One block; the newest too, under the signatures that are known so far."""
        ...

    def blocks(self, start: int, limit: int) -> list[JSONObject]:
        """Blocks as exported for replay."""
        ...

    def status(self) -> EngineStatus:
        """The node's own account of itself."""
        ...

    def close(self) -> None:
        """Stop, after what is in hand is durable."""
        ...
