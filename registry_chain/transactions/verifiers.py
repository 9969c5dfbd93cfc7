"""The body that describes a firm: who it is, what it may ask for, where to reach it."""

from dataclasses import dataclass
from typing import ClassVar, Self

from registry_chain.transactions import fields as f
from registry_chain.transactions.fields import Name
from ssi.encoding import JSON, Fields, JSONObject

ClaimPath = tuple[str | int | None, ...]

MAX_PURPOSES = 16
MAX_CLAIMS = 64
MAX_DEPTH = 8
MAX_KEYS = 8
MAX_PURPOSE_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long a firm keeps what it receives, in words and as an ISO 8601 period."""

    ja: str
    en: str
    period: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read the object."""
        reading = f.reader(obj, "retention")
        result = cls(
            ja=f.text(reading.take_str("ja"), "retention.ja", longest=MAX_PURPOSE_TEXT),
            en=f.text(reading.take_str("en"), "retention.en", longest=MAX_PURPOSE_TEXT),
            period=f.period(reading.take_str("period"), "retention.period"),
        )
        reading.done()
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """One purpose of use, and the most a firm may ask for it."""

    code: str
    ja: str
    en: str
    legal_basis: str
    retention: Retention
    claims: tuple[ClaimPath, ...]
    vcts: tuple[str, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read the object."""
        reading = f.reader(obj, "purpose")
        claims = f.bounded(reading.take_list("claims"), "claims", most=MAX_CLAIMS, least=0)
        vcts = f.bounded(reading.take_strs("vcts"), "vcts", most=MAX_PURPOSES)
        result = cls(
            code=f.code_name(reading.take_str("code"), "purpose.code"),
            ja=f.text(reading.take_str("ja"), "purpose.ja", longest=MAX_PURPOSE_TEXT),
            en=f.text(reading.take_str("en"), "purpose.en", longest=MAX_PURPOSE_TEXT),
            legal_basis=f.text(reading.take_str("legal_basis"), "legal_basis", longest=200),
            retention=Retention.from_json(reading.take_object("retention")),
            claims=tuple(claim_path(item) for item in claims),
            vcts=tuple(f.type_name(item, "vcts") for item in f.distinct(vcts, "vcts")),
        )
        reading.done()
        return result


def claim_path(item: JSON) -> ClaimPath:
    """A claims path pointer (OpenID4VP 1.0 §7): names, positions, or null for every element."""
    if not isinstance(item, list) or not 1 <= len(item) <= MAX_DEPTH:
        raise f.bad("claims", "is not a path")
    return tuple(_step(part) for part in item)


def _step(part: JSON) -> str | int | None:
    if isinstance(part, str):
        return f.text(part, "claims", longest=64)
    if isinstance(part, int) and not isinstance(part, bool) and part >= 0:
        return part
    if part is None:
        return None
    raise f.bad("claims", "has a step that is no name or position")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Where a firm receives sealed envelopes."""

    url: str
    box: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read the object."""
        reading = f.reader(obj, "mailbox")
        result = cls(
            url=f.url(reading.take_str("url"), "mailbox.url"),
            box=f.token_name(reading.take_str("box"), "mailbox.box"),
        )
        reading.done()
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierProfile:
    """What the chain says about a firm."""

    name: Name
    corporate_number: str
    purposes: tuple[Purpose, ...]
    client_hashes: tuple[str, ...]
    encryption_keys: tuple[JSONObject, ...]
    receipt_keys: tuple[JSONObject, ...]
    mailbox: Mailbox | None
    country: str
    contact: str
    trust_mark: str | None = None

    @classmethod
    def read(cls, reading: Fields) -> Self:
        """Take the profile's members from ``reading``; the caller checks the rest."""
        purposes = f.bounded(reading.take_list("purposes"), "purposes", most=MAX_PURPOSES)
        hashes = f.bounded(reading.take_strs("client_hashes"), "client_hashes", most=MAX_KEYS)
        sealing = f.bounded(reading.take_list("encryption_keys"), "encryption_keys", most=MAX_KEYS)
        receipts = f.bounded(reading.take_list("receipt_keys"), "receipt_keys", most=MAX_KEYS)
        mailbox = reading.opt_object("mailbox")
        mark = reading.opt_str("trust_mark")
        country = reading.take_str("country")
        if country != "JP":
            raise f.bad("country", "is not JP")
        number = reading.take_str("corporate_number")
        profile = cls(
            name=Name.from_json(reading.take_object("name")),
            corporate_number=f.corporate_number(number, "corporate_number"),
            purposes=tuple(Purpose.from_json(item) for item in purposes),
            client_hashes=tuple(
                f.digest(item, "client_hashes") for item in f.distinct(hashes, "client_hashes")
            ),
            encryption_keys=tuple(f.encryption_jwk(item, "encryption_keys") for item in sealing),
            receipt_keys=tuple(f.signing_jwk_with_kid(item, "receipt_keys") for item in receipts),
            mailbox=None if mailbox is None else Mailbox.from_json(mailbox),
            country=country,
            contact=f.text(reading.take_str("contact"), "contact", longest=200),
            trust_mark=None if mark is None else f.text(mark, "trust_mark"),
        )
        f.distinct([item.code for item in profile.purposes], "purposes")
        keys = (*profile.encryption_keys, *profile.receipt_keys)
        f.distinct([str(key["kid"]) for key in keys], "keys")
        return profile


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterVerifier:
    """A firm enters the register."""

    TYPE: ClassVar[str] = "verifier.register"
    verifier: str
    profile: VerifierProfile

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        verifier, profile = _profile_body(obj, cls.TYPE)
        return cls(verifier=verifier, profile=profile)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateVerifier:
    """A firm's entry replaced; by the firm itself it may only narrow what it may ask."""

    TYPE: ClassVar[str] = "verifier.update"
    verifier: str
    profile: VerifierProfile

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        verifier, profile = _profile_body(obj, cls.TYPE)
        return cls(verifier=verifier, profile=profile)


def _profile_body(obj: JSON, where: str) -> tuple[str, VerifierProfile]:
    reading = f.reader(obj, where)
    verifier = f.slug(reading.take_str("verifier"), "verifier")
    inner = f.reader(reading.take_object("profile"), "profile")
    profile = VerifierProfile.read(inner)
    inner.done()
    reading.done()
    return verifier, profile


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendVerifier:
    """A firm stopped, by the voters or by itself."""

    TYPE: ClassVar[str] = "verifier.suspend"
    verifier: str
    reason: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        verifier, reason = f.halt(obj, cls.TYPE, "verifier")
        return cls(verifier=verifier, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstateVerifier:
    """The end of a firm's suspension."""

    TYPE: ClassVar[str] = "verifier.reinstate"
    verifier: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        return cls(verifier=f.named(obj, cls.TYPE, "verifier"))
