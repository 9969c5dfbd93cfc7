"""The records of issuers: accreditation, keys, credential types, status lists, anchors."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self

from registry_chain.records.base import (
    ACTIVE,
    RETIRED,
    REVOKED,
    SUSPENDED,
    Record,
    Stoppable,
    halt,
    life,
)
from registry_chain.transactions.bodies import Attestable, attestables
from registry_chain.transactions.fields import Name
from ssi.encoding import Fields, JSONObject


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerRecord(Stoppable):
    """An accredited issuer."""

    PREFIX = "issuer"
    LATER: ClassVar = ("attests",)
    name: Name
    corporate_number: str
    url: str
    credential_types: tuple[str, ...]
    ca: tuple[str, ...]
    trust_framework: str
    valid_from: int
    valid_until: int
    contact: str
    attests: tuple[Attestable, ...] | None = None

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        types = tuple(reading.take_strs("credential_types"))
        return cls(
            **halt(reading),
            name=Name.from_json(reading.take_object("name")),
            corporate_number=reading.take_str("corporate_number"),
            url=reading.take_str("url"),
            credential_types=types,
            ca=tuple(reading.take_strs("ca")),
            trust_framework=reading.take_str("trust_framework"),
            valid_from=reading.take_int("valid_from"),
            valid_until=reading.take_int("valid_until"),
            contact=reading.take_str("contact"),
            attests=attestables(reading, types),
        )

    def may_attest(self, vct: str, names: Iterable[str]) -> bool:
        """Whether all of the claims may stand in a credential of this type [REG-ISS-7]."""
        if self.attests is None:
            return True
        allowed = next((entry.names for entry in self.attests if entry.vct == vct), ())
        return all(name in allowed for name in names)

    def accredited_at(self, time: int) -> bool:
        """Whether the issuer was accredited at ``time`` and not suspended by then [REG-ISS-6]."""
        return self.valid_from <= time <= self.valid_until and not self.halted_at(time)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord(Stoppable):
    """An issuer's signing key and its life."""

    PREFIX = "key"
    issuer: str
    thumbprint: str
    jwk: JSONObject
    use: str
    valid_from: int
    valid_until: int
    compromised_since: int | None = None
    next_digest: str | None = None

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **halt(reading),
            issuer=reading.take_str("issuer"),
            thumbprint=reading.take_str("thumbprint"),
            jwk=reading.take_object("jwk"),
            use=reading.take_str("use"),
            valid_from=reading.take_int("valid_from"),
            valid_until=reading.take_int("valid_until"),
            compromised_since=reading.opt_int("compromised_since"),
            next_digest=reading.opt_str("next_digest"),
        )

    def good_at(self, time: int) -> bool:
        """Whether a signature made at ``time`` counts [REG-KEY-6].

        A retired key still vouches for what it signed in its life; a revoked one only for what is
        provably older than ``compromised_since``, which a time inside the signed data is not.
        """
        lives = self.valid_from <= time <= self.valid_until
        return lives and self.state not in (REVOKED, SUSPENDED)

    def _unstopped(self) -> str:
        # A key that had been retired was over when it was suspended, and is retired again.
        over = self.suspended_at is not None and self.valid_until <= self.suspended_at
        return RETIRED if over else ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaRecord(Record):
    """A version of a credential type."""

    PREFIX = "schema"
    publisher: str
    vct: str
    type_metadata: JSONObject
    json_schema: JSONObject
    digest: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            publisher=reading.take_str("publisher"),
            vct=reading.take_str("vct"),
            type_metadata=reading.take_object("type_metadata"),
            json_schema=reading.take_object("json_schema"),
            digest=reading.take_str("digest"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRecord(Record):
    """The newest edition of a status list; the token is served by every node.

    ``digest`` is the token's, ``list_digest`` that of the entries in it [REG-STA-7].
    """

    PREFIX = "status"
    sequence: int
    digest: str
    uri: str
    bits: int
    size: int
    issued_at: int
    list_digest: str
    expires_at: int | None = None

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            sequence=reading.take_int("sequence"),
            digest=reading.take_str("digest"),
            uri=reading.take_str("uri"),
            bits=reading.take_int("bits"),
            size=reading.take_int("size"),
            issued_at=reading.take_int("issued_at"),
            list_digest=reading.take_str("list_digest"),
            expires_at=reading.opt_int("expires_at"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorRecord(Record):
    """The Merkle root of a batch of credentials."""

    PREFIX = "anchor"
    root: str
    size: int

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(
            **life(reading),
            root=reading.take_str("root"),
            size=reading.take_int("size"),
        )


def issuer_key(issuer: str) -> str:
    """The map key of an issuer."""
    return f"issuer/{issuer}"


def signing_key_key(issuer: str, thumbprint: str) -> str:
    """The map key of an issuer's signing key."""
    return f"key/{issuer}/{thumbprint}"


def schema_key(name: str, version: int) -> str:
    """The map key of a schema."""
    return f"schema/{name}/{version}"


def status_key(issuer: str, status_list: str) -> str:
    """The map key of a status list."""
    return f"status/{issuer}/{status_list}"


def anchor_key(issuer: str, batch: str) -> str:
    """The map key of a batch anchor."""
    return f"anchor/{issuer}/{batch}"
