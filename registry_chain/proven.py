"""What a client has proven: values, and who stands behind the block they are under."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from registry_chain.light import (
    UntrustedBundle,
    VerifiedLightBlock,
    compact_bundle,
    verify_multi_proof,
)
from registry_chain.records import RECORD_LIMITS, Record, Stoppable
from registry_chain.witnesses import NONE_ASKED, NodesCompared
from ssi.encoding import JSONObject, parse_json_object
from ssi.errors import InvalidProof

SomeRecord = TypeVar("SomeRecord", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """The value at a key, or its absence, as the chain had it at ``time``."""

    key: str
    value: JSONObject | None
    height: int
    time: datetime
    validators: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenMany:
    """Values under one light block.

    Attributes:
        values: The value under each key, ``None`` where there is proven to be none.
        validators: How many validators the chain has at this height, ``power`` together.
        signed: How many of them signed the block, with ``signed_power``.
        nodes: How many nodes showed the same header; none when the bundle was stapled.
        bundle: The proof of all of it, for whoever trusts the same genesis.
    """

    values: Mapping[str, JSONObject | None]
    height: int
    time: datetime
    validators: int
    signed: int
    power: int
    signed_power: int
    nodes: NodesCompared = NONE_ASKED
    bundle: JSONObject = field(repr=False)

    @property
    def stapled(self) -> str:
        """The bundle as text, to go with a presentation (``registry_proof``)."""
        return compact_bundle(self.bundle)

    def record(self, kind: type[SomeRecord], key: str) -> SomeRecord | None:
        """The typed record at a key that was asked for, or ``None`` when it is proven absent."""
        value = self.values[key]
        return None if value is None else settled(kind.from_json(value), self.time)


def settled(record: SomeRecord, time: datetime) -> SomeRecord:
    """The record as it stands at the time of the block that proves it [REG-EMG-4]."""
    if isinstance(record, Stoppable):
        return record.settled(int(time.timestamp()))
    return record


@dataclass(frozen=True, slots=True)
class Kept:
    """A verified value kept for a little while."""

    proven: Proven
    read_at: datetime


def proven_records(
    bundle: UntrustedBundle, asked: tuple[str, ...], head: VerifiedLightBlock
) -> dict[str, bytes | None]:
    """The proven values of exactly the keys that were asked for."""
    if tuple(one.key for one in bundle.records.records) != asked:
        raise InvalidProof("a node answered what was not asked", code="chain.answer")
    return verify_multi_proof(bundle.records, app_hash=head.app_hash)


def many_of(
    head: VerifiedLightBlock, raw: Mapping[str, bytes | None], bundle: JSONObject
) -> ProvenMany:
    """What a bundle's records say, under a verified head."""
    values = {
        key: None if value is None else parse_json_object(value, limits=RECORD_LIMITS)
        for key, value in raw.items()
    }
    return ProvenMany(
        values=MappingProxyType(values),
        height=head.height,
        time=head.time,
        validators=head.validators,
        signed=head.signed,
        power=head.power,
        signed_power=head.signed_power,
        bundle=bundle,
    )
