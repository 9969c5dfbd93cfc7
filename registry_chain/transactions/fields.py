"""The shapes a transaction body is made of: ids, names, keys, addresses, digests.

Every check is a plain loop over code points: no regular expression, locale or Unicode table of
the running Python may decide what a node accepts [REG-TX-8].
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from json import JSONEncoder
from typing import Self, TypeVar, cast

from ssi.encoding import JSON, Fields, JSONObject, b64url_decode, canonical_json
from ssi.errors import Malformed
from ssi.keys import Alg, PublicKey, public_key_from_jwk

T = TypeVar("T")

BODY_CODE = "tx.body"
MAX_URL = 512
MAX_NAME = 100
DIGEST_BYTES = 32
MAX_TIME = 253_402_300_799  # 9999-12-31T23:59:59Z: beyond it no calendar agrees

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")
_SLUG = _LOWER | _DIGITS | {"-"}
_CODE = _SLUG | {"_"}
URLSAFE = _CODE | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_URL = URLSAFE | frozenset(".:/%~!$&'()*+,;=?[]@")
_NCNAME = URLSAFE | frozenset(".:/#")

# Code points that change what a reader sees without being seen: C0/C1 controls, bidi marks and
# embeddings, zero-width and deprecated format characters, separators, surrogates, interlinear
# marks, non-characters, tags. Ranges are written out so that every node has the same table.
_HIDDEN: tuple[tuple[int, int], ...] = (
    (0x0000, 0x001F),
    (0x007F, 0x009F),
    (0x00AD, 0x00AD),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),
    (0xFDD0, 0xFDEF),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0xFFFE, 0xFFFF),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE007F),
)
_SPACES = " \u00a0\u3000"
_PLANE_MASK = 0xFFFE


def bad(where: str, what: str) -> Malformed:
    """The one refusal of a body's shape; names the place, never the value."""
    return Malformed(f"{where} {what}", code=BODY_CODE)


def reader(obj: JSON, where: str) -> Fields:
    """A strict reader for a body object; a member that is null counts as absent."""
    if not isinstance(obj, dict):
        raise bad(where, "is not an object")
    if None in obj.values():
        obj = {name: value for name, value in obj.items() if value is not None}
    return Fields(obj, where=where, code=BODY_CODE)


def _only(value: str, alphabet: frozenset[str]) -> bool:
    return alphabet.issuperset(value)


def slug(value: str, where: str, *, longest: int = 32) -> str:
    """An id: 3 to ``longest`` of ``a-z0-9-``, no hyphen at an end [REG-TX-8]."""
    fits = 3 <= len(value) <= longest and _only(value, _SLUG)  # noqa: PLR2004 - the clause's number
    if not fits or value[0] == "-" or value[-1] == "-":
        raise bad(where, f"is not 3 to {longest} of a-z, 0-9 and -, without - at an end")
    return value


def code_name(value: str, where: str) -> str:
    """A machine word such as a purpose code: 1 to 40 of ``a-z0-9-_``."""
    if not 1 <= len(value) <= 40 or not _only(value, _CODE):  # noqa: PLR2004 - the clause's number
        raise bad(where, "is not 1 to 40 of a-z, 0-9, - and _")
    return value


def token_name(value: str, where: str, *, longest: int = 64) -> str:
    """An opaque URL-safe name: a box id, a key id."""
    if not 1 <= len(value) <= longest or not _only(value, URLSAFE):
        raise bad(where, f"is not 1 to {longest} of A-Z, a-z, 0-9, - and _")
    return value


def type_name(value: str, where: str) -> str:
    """A credential type (``vct``): a printable URN or URL without spaces."""
    if not 1 <= len(value) <= 200 or not _only(value, _NCNAME):  # noqa: PLR2004 - the clause's number
        raise bad(where, "is not a credential type")
    return value


def text(value: str, where: str, *, longest: int = MAX_NAME) -> str:
    """Text that people are shown: kept exactly as given, with nothing hidden in it [REG-TX-8]."""
    if not 1 <= len(value) <= longest:
        raise bad(where, "is empty or too long")
    if value[0] in _SPACES or value[-1] in _SPACES:
        raise bad(where, "begins or ends with a space")
    for char in value:
        point = ord(char)
        hidden = any(low <= point <= high for low, high in _HIDDEN)
        if hidden or point & _PLANE_MASK == _PLANE_MASK:
            raise bad(where, "holds a control or invisible character")
    return value


def digest(value: str, where: str) -> str:
    """A SHA-256 value in canonical base64url."""
    try:
        raw = b64url_decode(value)
    except Malformed as error:
        raise bad(where, "is not base64url") from error
    if len(raw) != DIGEST_BYTES:
        raise bad(where, "is not a SHA-256 digest")
    return value


def url(value: str, where: str) -> str:
    """An ``https`` URL, or ``http`` on a loopback address (rules decide if loopback is allowed)."""
    if len(value) > MAX_URL or not _only(value, _URL):
        raise bad(where, "is not a plain URL")
    scheme, _, rest = value.partition("://")
    host = rest.split("/", 1)[0]
    if scheme not in ("https", "http") or not host or "@" in host or "?" in host:
        raise bad(where, "is not an http(s) URL with a host")
    if scheme == "http" and not is_loopback(value):
        raise bad(where, "must be https")
    return value


def is_loopback(value: str) -> bool:
    """True for ``http`` on 127.0.0.1 or [::1], the addresses of a demo on one machine."""
    scheme, _, rest = value.partition("://")
    host = rest.split("/", 1)[0]
    for name in ("127.0.0.1", "[::1]"):
        port = host.removeprefix(name)
        if port != host and (port == "" or (port[0] == ":" and _only(port[1:], _DIGITS))):
            return scheme == "http"
    return False


def corporate_number(value: str, where: str) -> str:
    """A 法人番号: 13 digits whose first is ``9 - (sum(Pn*Qn) mod 9)`` over the other twelve."""
    if len(value) != 13 or not _only(value, _DIGITS):  # noqa: PLR2004 - the official length
        raise bad(where, "is not 13 digits")
    weighted = sum(int(char) * (1 + n % 2) for n, char in enumerate(reversed(value[1:])))
    if int(value[0]) != 9 - weighted % 9:
        raise bad(where, "has a wrong check digit")
    return value


def unix_time(value: int, where: str) -> int:
    """Whole seconds since 1970, before the year 10000."""
    if not 0 <= value <= MAX_TIME:
        raise bad(where, "is not a time")
    return value


def period(value: str, where: str) -> str:
    """A retention period such as ``P3Y`` or ``P6M``: ISO 8601 with years, months and days."""
    rest, order = value.removeprefix("P"), "YMD"
    if rest == value or not rest or len(value) > 16:  # noqa: PLR2004 - longest useful period
        raise bad(where, "is not an ISO 8601 period")
    digits = ""
    for char in rest:
        if char in _DIGITS:
            digits += char
        elif digits and char in order:
            order, digits = order[order.index(char) + 1 :], ""
        else:
            raise bad(where, "is not an ISO 8601 period")
    if digits:
        raise bad(where, "is not an ISO 8601 period")
    return value


def signing_jwk(obj: JSON, where: str, *, algs: tuple[Alg, ...]) -> JSONObject:
    """A public signature key without any other member, in its registered form."""
    key = _public(obj, where)
    if key.alg not in algs:
        raise bad(where, "has a key type that is not accepted here")
    return bare_jwk(key)


def bare_jwk(key: PublicKey) -> JSONObject:
    """A public key as the chain keeps it: the members RFC 7638 hashes and no other."""
    return key.jwk


def signing_jwk_with_kid(obj: JSON, where: str) -> JSONObject:
    """A public signature key with its ``kid`` (a firm's receipt key)."""
    jwk, kid = _split_kid(obj, where)
    return signing_jwk(jwk, where, algs=(Alg.EDDSA, Alg.ES256)) | {"kid": kid}


def encryption_jwk(obj: JSON, where: str) -> JSONObject:
    """A P-256 key-agreement key with its ``kid``; ``alg`` is always ECDH-ES."""
    jwk, kid = _split_kid(obj, where)
    if jwk.pop("alg", "ECDH-ES") != "ECDH-ES" or jwk.pop("use", "enc") != "enc":
        raise bad(where, "is not an ECDH-ES key")
    key = _public(jwk, where)
    if key.alg is not Alg.ES256:
        raise bad(where, "is not a P-256 key")
    return bare_jwk(key) | {"alg": "ECDH-ES", "kid": kid, "use": "enc"}


def _split_kid(obj: JSON, where: str) -> tuple[JSONObject, str]:
    if not isinstance(obj, dict):
        raise bad(where, "is not a key")
    kid = obj.get("kid")
    if not isinstance(kid, str):
        raise bad(where, "has no kid")
    return {name: value for name, value in obj.items() if name != "kid"}, token_name(kid, where)


def _public(obj: JSON, where: str) -> PublicKey:
    if not isinstance(obj, dict) or not obj.keys() <= {"kty", "crv", "x", "y", "alg"}:
        raise bad(where, "is not a bare public key")
    return public_key_from_jwk(obj)


def bounded(items: Sequence[T], where: str, *, most: int, least: int = 1) -> Sequence[T]:
    """A list whose length is within bounds."""
    if not least <= len(items) <= most:
        raise bad(where, "has too few or too many items")
    return items


def distinct(items: Sequence[str], where: str) -> Sequence[str]:
    """A list in which nothing stands twice."""
    if len(dict.fromkeys(items)) != len(items):
        raise bad(where, "has an entry twice")
    return items


def opt_time(reading: Fields, name: str, where: str) -> int | None:
    """An optional time."""
    value = reading.opt_int(name)
    return None if value is None else unix_time(value, where)


def named(obj: JSON, where: str, member: str) -> str:
    """Read a body whose only member is an id."""
    reading = reader(obj, where)
    value = slug(reading.take_str(member), f"{where}.{member}")
    reading.done()
    return value


def halt(obj: JSON, where: str, member: str) -> tuple[str, str]:
    """Read the body of a suspension: whose, and why as one code word."""
    reading = reader(obj, where)
    value = slug(reading.take_str(member), f"{where}.{member}")
    reason = code_name(reading.take_str("reason"), f"{where}.reason")
    reading.done()
    return value, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """The registered name of an organisation in both languages, code points exactly as given."""

    ja: str
    en: str

    @classmethod
    def from_json(cls, obj: JSON, where: str = "name") -> Self:
        """Read and check ``{"ja", "en"}``."""
        reading = reader(obj, where)
        name = cls(
            ja=text(reading.take_str("ja"), f"{where}.ja"),
            en=text(reading.take_str("en"), f"{where}.en"),
        )
        reading.done()
        return name


_SCALARS = frozenset({type(None), bool, int, str})


@cache  # one entry for each kind of body, record and part
def _members(kind: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The members that are always written, and those of ``LATER``."""
    later: tuple[str, ...] = getattr(kind, "LATER", ())
    return tuple(item.name for item in fields(kind) if item.name not in later), later


def plain(value: object) -> JSON:
    """A body or record as JSON: dataclasses become objects, tuples lists, enums their value.

    Members that a class names in ``LATER`` are left out when they are ``None``: what was written
    before they were thought of keeps its bytes, digest and root.
    """
    if type(value) in _SCALARS:
        return cast("JSON", value)
    if isinstance(value, Enum):
        return plain(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        names, later = _members(type(value))
        written: JSONObject = {
            name: one if type(one := getattr(value, name)) in _SCALARS else plain(one)
            for name in names
        }
        for name in later:
            if (given := getattr(value, name)) is not None:
                written[name] = plain(given)
        return written
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in a transaction")


def plain_object(value: object) -> JSONObject:
    """``plain`` for something that is an object."""
    result = plain(value)
    if not isinstance(result, dict):
        raise TypeError("not an object")
    return result


_ENCODER = JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def canonical(value: JSON) -> bytes:
    """RFC 8785 for a value without floats, by the C encoder where that gives the same bytes.

    Its order of names is by code point, RFC 8785's by UTF-16 unit; in ASCII they are one.
    """
    text = _ENCODER.encode(value)
    return text.encode() if text.isascii() else canonical_json(value)


def signature(value: str, where: str) -> str:
    """A 64-byte signature in base64url (Ed25519, or ES256 as R||S)."""
    if len(value) != 86 or not _only(value, URLSAFE):  # noqa: PLR2004
        raise bad(where, "is not a signature")
    return value
