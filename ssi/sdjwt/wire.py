"""The SD-JWT text taken apart (RFC 9901 §4), bounded and believed in nothing."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from ssi.encoding import (
    DEFAULT_LIMITS,
    JSON,
    JsonLimits,
    b64url_decode,
    b64url_encode,
    parse_json,
)
from ssi.errors import Malformed
from ssi.jose import UntrustedJws, parse_jws

SD_JWT_TYPE: Final = "dc+sd-jwt"
RESERVED_NAMES: Final = frozenset({"_sd", "...", "_sd_alg"})
_MEMBER, _ELEMENT = 3, 2
_JWT_DOTS = 2
_FIRST_PRINTABLE = " "


@dataclass(frozen=True, slots=True, kw_only=True)
class SdJwtLimits:
    """What a presentation may cost us; decided by the reader."""

    max_bytes: int = 65536
    max_disclosures: int = 200
    json: JsonLimits = DEFAULT_LIMITS


DEFAULT_SDJWT_LIMITS: Final = SdJwtLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One disclosure: ``name`` is None for an array element (RFC 9901 §4.2)."""

    encoded: str = field(repr=False)
    digest: str
    name: str | None = field(repr=False)
    value: JSON = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedSdJwt:
    """A well-formed SD-JWT nobody has verified yet.

    ``presented`` is the text that a key binding signs: the issuer's part and the disclosures, up
    to and with the last tilde (RFC 9901 §4.3.1).
    """

    jwt: UntrustedJws
    disclosures: tuple[Disclosure, ...] = field(repr=False)
    kb: str | None = field(repr=False)
    presented: str = field(repr=False)
    limits: SdJwtLimits = field(default=DEFAULT_SDJWT_LIMITS, repr=False)


def parse_sdjwt(text: str, *, limits: SdJwtLimits = DEFAULT_SDJWT_LIMITS) -> UntrustedSdJwt:
    """Take an SD-JWT, with or without key binding, apart [CRED-SD-1].

    Args:
        text: The compact serialization.
        limits: Bounds checked before parsing.

    Raises:
        Malformed: ``sdjwt.*``, ``jose.*``, ``json.duplicate_key`` or ``encoding.base64url``.
    """
    parts = _split(text, limits)
    kb = parts[-1] or None
    if kb is not None and kb.count(".") != _JWT_DOTS:
        raise Malformed("what follows the last tilde is no JWT", code="sdjwt.malformed")
    disclosures = tuple(_disclosure(part, limits) for part in parts[1:-1])
    if len({item.encoded for item in disclosures}) != len(disclosures):
        raise Malformed("a disclosure is given twice", code="sdjwt.disclosure_duplicate")
    return UntrustedSdJwt(
        jwt=parse_jws(parts[0], limits=limits.json),
        disclosures=disclosures,
        kb=kb,
        presented=text[: len(text) - len(parts[-1])],
        limits=limits,
    )


def _split(text: str, limits: SdJwtLimits) -> list[str]:
    if len(text) > limits.max_bytes:
        raise Malformed("the SD-JWT is too long", code="limits.sdjwt")
    if not text.isascii() or text != text.strip() or "\0" in text:
        raise Malformed("the SD-JWT holds other characters", code="sdjwt.malformed")
    parts = text.split("~")
    if len(parts) < _ELEMENT or not parts[0]:
        raise Malformed("the SD-JWT has no token or no tilde", code="sdjwt.malformed")
    if len(parts) - _ELEMENT > limits.max_disclosures:
        raise Malformed("the SD-JWT has too many disclosures", code="limits.sdjwt")
    if not all(parts[:-1]) or any("." in part for part in parts[1:-1]):
        raise Malformed("a part is empty, or a disclosure a token", code="sdjwt.malformed")
    return parts


def _disclosure(encoded: str, limits: SdJwtLimits) -> Disclosure:
    raw = b64url_decode(encoded)
    try:
        array = parse_json(raw, limits=limits.json)
    except Malformed as error:
        raise _bad_disclosure("is not strict JSON") from error
    if not isinstance(array, list) or len(array) not in {_ELEMENT, _MEMBER}:
        raise _bad_disclosure("is not an array of two or three")
    if not isinstance(array[0], str):
        raise _bad_disclosure("has no salt")
    name = array[1] if len(array) == _MEMBER else None
    if name is not None:
        _check_name(name)
    return Disclosure(
        encoded=encoded,
        digest=digest_of(encoded),
        name=name if isinstance(name, str) else None,
        value=array[-1],
    )


def _check_name(name: JSON) -> None:
    if not isinstance(name, str) or (not name.isprintable() and min(name) < _FIRST_PRINTABLE):
        raise _bad_disclosure("has no proper claim name")
    if name in RESERVED_NAMES:
        raise Malformed("a disclosed claim has a reserved name", code="sdjwt.claim_name_reserved")


def _bad_disclosure(problem: str) -> Malformed:
    return Malformed(f"a disclosure {problem}", code="sdjwt.disclosure_malformed")


def digest_of(encoded: str) -> str:
    """Return the digest of a disclosure: over the text as sent (RFC 9901 §4.2.3)."""
    return b64url_encode(sha256(encoded.encode("ascii")).digest())
