"""Commitments: consents, notices and answers, of which the chain sees only salted digests.

A commitment is ``base64url(SHA-256(tag || salt || content))`` with a 32-byte salt that never
reaches the chain. A consent is signed by the relationship key, one per resident and firm, so
that no operator can invent or withdraw one [REG-CON-2].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Self

from registry_chain.transactions import fields as f
from ssi.commitment import consent_message, withdrawal_message
from ssi.encoding import (
    JSON,
    JSONObject,
    b64url_decode,
    b64url_encode,
    canonical_json,
    parse_json_object,
)
from ssi.errors import InvalidSignature, Malformed
from ssi.keys import Alg, PublicKey, Signer, public_key_from_jwk

MAX_ITEMS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentItem:
    """One consent of a batch."""

    commitment: str
    jwk: JSONObject
    until: int
    signature: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read an item."""
        reading = f.reader(obj, "consent")
        item = cls(
            commitment=f.digest(reading.take_str("commitment"), "commitment"),
            jwk=f.signing_jwk(reading.take_object("jwk"), "jwk", algs=(Alg.EDDSA,)),
            until=f.unix_time(reading.take_int("until"), "until"),
            signature=f.signature(reading.take_str("signature"), "signature"),
        )
        reading.done()
        return item

    def to_json(self) -> JSONObject:
        """The item as JSON."""
        return f.plain_object(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalItem:
    """One withdrawal of a batch."""

    commitment: str
    signature: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read an item."""
        reading = f.reader(obj, "withdrawal")
        item = cls(
            commitment=f.digest(reading.take_str("commitment"), "commitment"),
            signature=f.signature(reading.take_str("signature"), "signature"),
        )
        reading.done()
        return item

    def to_json(self) -> JSONObject:
        """The item as JSON."""
        return f.plain_object(self)


def build_consent_item(
    signer: Signer, *, chain_id: str, commitment: str, until: int
) -> ConsentItem:
    """Sign a consent's commitment with its relationship key."""
    signed = signer.sign(consent_message(chain_id, commitment, until))
    jwk = f.bare_jwk(signer.public_key)
    return ConsentItem(commitment=commitment, jwk=jwk, until=until, signature=b64url_encode(signed))


def build_withdrawal_item(signer: Signer, *, chain_id: str, commitment: str) -> WithdrawalItem:
    """Sign the withdrawal of a consent with its relationship key."""
    signed = signer.sign(withdrawal_message(chain_id, commitment))
    return WithdrawalItem(commitment=commitment, signature=b64url_encode(signed))


def verify_consent_item(item: ConsentItem, *, chain_id: str) -> None:
    """Check that the relationship key signed the item for this chain [REG-CON-2].

    Raises:
        InvalidSignature: ``consent.signature``.
    """
    message = consent_message(chain_id, item.commitment, item.until)
    _checked(canonical_json(item.jwk), message, item.signature)


def verify_withdrawal_item(item: WithdrawalItem, *, jwk: JSONObject, chain_id: str) -> None:
    """Check that the key recorded with the consent signed its withdrawal [REG-CON-4].

    Raises:
        InvalidSignature: ``consent.signature``.
    """
    message = withdrawal_message(chain_id, item.commitment)
    _checked(canonical_json(jwk), message, item.signature)


@lru_cache(maxsize=4096)  # a pure function; a transaction is judged once on entry, once in a block
def _checked(jwk: bytes, message: bytes, signed: str) -> None:
    try:
        _key(jwk).verify(message, b64url_decode(signed))
    except (InvalidSignature, Malformed) as error:
        raise InvalidSignature(
            "the relationship key did not sign this", code="consent.signature"
        ) from error


def _key(jwk: bytes) -> PublicKey:
    return public_key_from_jwk(parse_json_object(jwk))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeItem:
    """One notice of a batch: a commitment and the time by which the firm should answer."""

    commitment: str
    deadline: int

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read an item."""
        reading = f.reader(obj, "notice")
        item = cls(
            commitment=f.digest(reading.take_str("commitment"), "commitment"),
            deadline=f.unix_time(reading.take_int("deadline"), "deadline"),
        )
        reading.done()
        return item


@dataclass(frozen=True, slots=True, kw_only=True)
class AckItem:
    """One answer of a batch: to which notice, and the commitment to the firm's receipt."""

    notice: str
    ack: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read an item."""
        reading = f.reader(obj, "ack")
        item = cls(
            notice=f.digest(reading.take_str("notice"), "notice"),
            ack=f.digest(reading.take_str("ack"), "ack"),
        )
        reading.done()
        return item


def _items(obj: JSON, where: str) -> Sequence[JSON]:
    reading = f.reader(obj, where)
    items = f.bounded(reading.take_list("items"), "items", most=MAX_ITEMS)
    reading.done()
    return items


def _unique(names: Sequence[str]) -> None:
    f.distinct(list(names), "items")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordConsents:
    """Consents given, up to 256 at once."""

    TYPE: ClassVar[str] = "consent.record"
    items: tuple[ConsentItem, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        items = tuple(ConsentItem.from_json(item) for item in _items(obj, cls.TYPE))
        _unique([item.commitment for item in items])
        return cls(items=items)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawConsents:
    """Consents withdrawn, up to 256 at once."""

    TYPE: ClassVar[str] = "consent.withdraw"
    items: tuple[WithdrawalItem, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        items = tuple(WithdrawalItem.from_json(item) for item in _items(obj, cls.TYPE))
        _unique([item.commitment for item in items])
        return cls(items=items)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitNotices:
    """Notices taken for delivery, up to 256 at once."""

    TYPE: ClassVar[str] = "notice.commit"
    items: tuple[NoticeItem, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        items = tuple(NoticeItem.from_json(item) for item in _items(obj, cls.TYPE))
        _unique([item.commitment for item in items])
        return cls(items=items)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitAcks:
    """Answers to notices, up to 256 at once."""

    TYPE: ClassVar[str] = "ack.commit"
    items: tuple[AckItem, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        items = tuple(AckItem.from_json(item) for item in _items(obj, cls.TYPE))
        _unique([item.notice for item in items])
        return cls(items=items)
