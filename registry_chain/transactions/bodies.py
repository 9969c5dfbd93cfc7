"""The bodies of the small transaction types; ``from_json`` checks the shape, rules the right.

Each class is one type: ``TYPE`` is its name on the wire, its fields are the members of the body,
and a member that is not named here is refused [REG-TX-8].
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, Self

from registry_chain.transactions import fields as f
from registry_chain.transactions.fields import Name
from ssi.encoding import JSON, Fields, JSONObject, canonical_json
from ssi.keys import Alg

ROLES = ("auditor", "firm", "issuer", "operator", "voter")
MAX_KEYS = 8
MAX_TYPES = 32
MAX_CLAIM_NAMES = 64
MAX_ANCHORS = 4
MAX_ANCHOR_TEXT = 4096
MAX_SCHEMA_BYTES = 24_000
MAX_TOKEN = 190_000  # leaves room for the envelope's own base64url within MAX_TX_BYTES
MAX_BATCH = 2**20


class Body(Protocol):
    """What every transaction body can do."""

    TYPE: ClassVar[str]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        ...


def account_keys(items: Sequence[JSON]) -> tuple[JSONObject, ...]:
    """One to eight Ed25519 account keys, none twice [REG-MEM-2]."""
    keys = [
        f.signing_jwk(item, "keys", algs=(Alg.EDDSA,))
        for item in f.bounded(items, "keys", most=MAX_KEYS)
    ]
    f.distinct([str(key["x"]) for key in keys], "keys")
    return tuple(keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitMember:
    """A new member of the consortium, with its account keys and roles."""

    TYPE: ClassVar[str] = "member.admit"
    member: str
    name: Name
    roles: tuple[str, ...]
    keys: tuple[JSONObject, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        roles = f.bounded(reading.take_strs("roles"), "roles", most=len(ROLES))
        if any(role not in ROLES for role in f.distinct(roles, "roles")):
            raise f.bad("roles", "names an unknown role")
        body = cls(
            member=f.slug(reading.take_str("member"), "member"),
            name=Name.from_json(reading.take_object("name")),
            roles=tuple(roles),
            keys=account_keys(reading.take_list("keys")),
        )
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMemberKeys:
    """A member's account keys, all replaced at once."""

    TYPE: ClassVar[str] = "member.update-keys"
    member: str
    keys: tuple[JSONObject, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(
            member=f.slug(reading.take_str("member"), "member"),
            keys=account_keys(reading.take_list("keys")),
        )
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendMember:
    """An account stopped: none of its transactions is accepted any more."""

    TYPE: ClassVar[str] = "member.suspend"
    member: str
    reason: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        member, reason = f.halt(obj, cls.TYPE, "member")
        return cls(member=member, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstateMember:
    """The end of a member's suspension."""

    TYPE: ClassVar[str] = "member.reinstate"
    member: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        return cls(member=f.named(obj, cls.TYPE, "member"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestable:
    """The claims about a person that an issuer may attest in one credential type [REG-ISS-7].

    ``names`` are members of ``verified_claims.claims``.
    """

    vct: str
    names: tuple[str, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read the object."""
        reading = f.reader(obj, "attests")
        names = f.bounded(reading.take_strs("names"), "attests.names", most=MAX_CLAIM_NAMES)
        result = cls(
            vct=f.type_name(reading.take_str("vct"), "attests.vct"),
            names=tuple(
                f.text(name, "attests.names", longest=64)
                for name in f.distinct(names, "attests.names")
            ),
        )
        reading.done()
        return result


def attestables(reading: Fields, types: Sequence[str]) -> tuple[Attestable, ...] | None:
    """Read ``attests``: absent, or one entry for each of ``types`` and no other [REG-ISS-7]."""
    if not reading.has("attests"):
        return None
    read = tuple(Attestable.from_json(item) for item in reading.take_list("attests"))
    if sorted(entry.vct for entry in read) != sorted(types):
        raise f.bad("attests", "does not name each credential type once")
    return read


@dataclass(frozen=True, slots=True, kw_only=True)
class AccreditIssuer:
    """The right to issue certain credential types for a time, and the CA that signs the issuer.

    Without ``attests``, the issuer may attest every claim of its types [REG-ISS-7].
    """

    TYPE: ClassVar[str] = "issuer.accredit"
    LATER: ClassVar = ("attests",)
    issuer: str
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
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        types = f.bounded(reading.take_strs("credential_types"), "credential_types", most=MAX_TYPES)
        anchors = f.bounded(reading.take_strs("ca"), "ca", most=MAX_ANCHORS)
        number = reading.take_str("corporate_number")
        body = cls(
            issuer=f.slug(reading.take_str("issuer"), "issuer"),
            name=Name.from_json(reading.take_object("name")),
            corporate_number=f.corporate_number(number, "corporate_number"),
            url=f.url(reading.take_str("url"), "url"),
            credential_types=tuple(
                f.type_name(item, "credential_types") for item in f.distinct(types, "types")
            ),
            ca=tuple(_anchor(item) for item in f.distinct(anchors, "ca")),
            trust_framework=f.url(reading.take_str("trust_framework"), "trust_framework"),
            valid_from=f.unix_time(reading.take_int("valid_from"), "valid_from"),
            valid_until=f.unix_time(reading.take_int("valid_until"), "valid_until"),
            contact=f.text(reading.take_str("contact"), "contact", longest=200),
            attests=attestables(reading, types),
        )
        reading.done()
        return body


_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _anchor(item: str) -> str:
    """A DER certificate in standard base64; its meaning is judged by who trusts it."""
    padded = item.rstrip("=")
    if not padded or len(item) > MAX_ANCHOR_TEXT or len(item) % 4 or len(item) - len(padded) > 2:  # noqa: PLR2004
        raise f.bad("ca", "is not base64")
    if any(char not in _BASE64 for char in padded):
        raise f.bad("ca", "is not base64")
    return item


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendIssuer:
    """An issuer stopped, by the voters or by itself."""

    TYPE: ClassVar[str] = "issuer.suspend"
    issuer: str
    reason: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        issuer, reason = f.halt(obj, cls.TYPE, "issuer")
        return cls(issuer=issuer, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstateIssuer:
    """The end of an issuer's suspension."""

    TYPE: ClassVar[str] = "issuer.reinstate"
    issuer: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        return cls(issuer=f.named(obj, cls.TYPE, "issuer"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterOperator:
    """An operator of mailboxes, who may write commitments for residents."""

    TYPE: ClassVar[str] = "operator.register"
    operator: str
    name: Name
    url: str
    keys: tuple[JSONObject, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        keys = f.bounded(reading.take_list("keys"), "keys", most=MAX_KEYS, least=0)
        body = cls(
            operator=f.slug(reading.take_str("operator"), "operator"),
            name=Name.from_json(reading.take_object("name")),
            url=f.url(reading.take_str("url"), "url"),
            keys=tuple(f.signing_jwk_with_kid(item, "keys") for item in keys),
        )
        f.distinct([str(key["kid"]) for key in body.keys], "keys")
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishSchema:
    """A version of a credential type: its type metadata and its JSON Schema."""

    TYPE: ClassVar[str] = "schema.publish"
    name: str
    version: int
    vct: str
    type_metadata: JSONObject = field(hash=False)
    json_schema: JSONObject = field(hash=False)

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        version = reading.take_int("version", minimum=1)
        body = cls(
            name=f.slug(reading.take_str("name"), "name", longest=64),
            version=version,
            vct=f.type_name(reading.take_str("vct"), "vct"),
            type_metadata=reading.take_object("type_metadata"),
            json_schema=reading.take_object("json_schema"),
        )
        reading.done()
        if version > 9999:  # noqa: PLR2004 - [REG-SCH-1]
            raise f.bad("version", "is too high")
        for part in (body.type_metadata, body.json_schema):
            if len(canonical_json(part)) > MAX_SCHEMA_BYTES:
                raise f.bad("schema", "is too big")
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishStatus:
    """A new edition of an issuer's status list; the signed token itself travels inside.

    ``changes`` is what differs from the edition before (``statuses.status_changes``).
    """

    TYPE: ClassVar[str] = "status.publish"
    list: str
    sequence: int
    token: str
    changes: str | None = None

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(
            list=f.slug(reading.take_str("list"), "list", longest=64),
            sequence=reading.take_int("sequence", minimum=1),
            token=reading.take_str("token", max_len=MAX_TOKEN),
            changes=reading.opt_str("changes", max_len=MAX_TOKEN),
        )
        reading.done()
        if not body.token.isascii():
            raise f.bad("token", "is not ASCII")
        if len(body.token) + len(body.changes or "") > MAX_TOKEN:
            raise f.bad("changes", "are too long")
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorBatch:
    """The Merkle root over the salted digests of a batch of credentials."""

    TYPE: ClassVar[str] = "anchor.batch"
    batch: str
    root: str
    size: int

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(
            batch=f.slug(reading.take_str("batch"), "batch", longest=64),
            root=f.digest(reading.take_str("root"), "root"),
            size=reading.take_int("size", minimum=1),
        )
        reading.done()
        if body.size > MAX_BATCH:
            raise f.bad("size", "is too big")
        return body
