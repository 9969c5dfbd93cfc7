"""The commitments that say nothing without a salt kept elsewhere, and the outside anchors."""

from dataclasses import dataclass
from typing import Self

from registry_chain.records.base import Record, life
from ssi.encoding import Fields, JSONObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord(Record):
    """A consent's commitment, its relationship key, and whether it still stands."""

    PREFIX = "consent"
    key: str
    jwk: JSONObject
    until: int
    operator: str
    withdrawn_at: int | None = None

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            key=reading.take_str("key"),
            jwk=reading.take_object("jwk"),
            until=reading.take_int("until"),
            operator=reading.take_str("operator"),
            withdrawn_at=reading.opt_int("withdrawn_at"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRecord(Record):
    """The commitment to an update notice, and when the firm should have answered."""

    PREFIX = "notice"
    deadline: int
    operator: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            deadline=reading.take_int("deadline"),
            operator=reading.take_str("operator"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AckRecord(Record):
    """The commitment to a firm's answer to a notice."""

    PREFIX = "ack"
    ack: str
    outcome_class: str
    operator: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            ack=reading.take_str("ack"),
            outcome_class=reading.take_str("outcome_class"),
            operator=reading.take_str("operator"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeRecord(Record):
    """That a block's hash was anchored outside, and the digest of the proof."""

    PREFIX = "bridge"
    account: str
    epoch: str
    anchored_height: int
    block_hash: str
    method: str
    digest: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            account=reading.take_str("account"),
            epoch=reading.take_str("epoch"),
            anchored_height=reading.take_int("anchored_height"),
            block_hash=reading.take_str("block_hash"),
            method=reading.take_str("method"),
            digest=reading.take_str("digest"),
        )


def consent_key(commitment: str) -> str:
    """The map key of a consent."""
    return f"consent/{commitment}"


def notice_key(commitment: str) -> str:
    """The map key of a notice."""
    return f"notice/{commitment}"


def ack_key(notice: str) -> str:
    """The map key of the answer to a notice."""
    return f"ack/{notice}"


def bridge_key(epoch: str, digest: str) -> str:
    """The map key of an outside anchor."""
    return f"bridge/{epoch}/{digest}"
