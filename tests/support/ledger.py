"""A ledger in memory behind the registry client's read interface: records as if proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from registry_chain.client import NodesCompared, ProvenMany, StatusRecord
from registry_chain.light import compact_bundle, inflate_bundle
from registry_chain.records import Record
from ssi.errors import InvalidProof, Stale, Unreachable


@dataclass
class LedgerSim:
    """Records under one head; no network and no signatures, those are the client's own tests."""

    time: datetime
    chain_id: str = "test-chain"
    height: int = 41
    validators: int = 1
    records: dict[str, Record] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    online: bool = True
    asked: list[str] = field(default_factory=list)

    def put(self, key: str, record: Record) -> None:
        self.records[key] = record
        self.height += 1

    def change(self, key: str, **changes: Any) -> None:
        self.put(key, replace(self.records[key], **changes))

    def read_many(
        self, keys: Sequence[str], *, now: datetime, max_age: timedelta | None = None
    ) -> ProvenMany:
        if not self.online:
            raise Unreachable("no node answers")
        self.asked += keys
        if max_age is not None and now - self.time > max_age:
            raise Stale("the newest header at hand is too old", code="light.stale")
        return self._many({key: self.records.get(key) for key in keys})

    def stapled(self, keys: Sequence[str]) -> str:
        """What a wallet staples: here only the names, for this simulator to read back."""
        return compact_bundle({"keys": list(keys), "height": self.height})

    def verify_stapled(
        self, bundle: str, *, now: datetime, max_age: timedelta | None = None
    ) -> ProvenMany:
        said = inflate_bundle(bundle)
        keys = said.get("keys")
        if not isinstance(keys, list) or said.get("height") != self.height:
            raise InvalidProof("the bundle does not verify")
        if max_age is not None and now - self.time > max_age:
            raise Stale("the stapled header is too old", code="light.stale")
        return self._many({str(key): self.records.get(str(key)) for key in keys})

    def status_token(self, record: StatusRecord) -> str:
        if not self.online or record.digest not in self.tokens:
            raise Unreachable("no node has the list")
        return self.tokens[record.digest]

    def _many(self, records: dict[str, Record | None]) -> ProvenMany:
        return ProvenMany(
            values={
                key: None if record is None else record.to_json() for key, record in records.items()
            },
            height=self.height,
            time=self.time,
            validators=self.validators,
            signed=self.validators,
            power=self.validators,
            signed_power=self.validators,
            nodes=NodesCompared(agreed=1),
            bundle={},
        )
