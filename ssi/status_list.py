"""Token Status List (draft-ietf-oauth-status-list), JWT form: the list, its token, its checks.

A verifier reads the whole list, so nobody learns whose status it looked at. Clauses:
``specs/credential.md`` [CRED-ST-*].
"""

import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from ssi.encoding import (
    JSON,
    Fields,
    JsonLimits,
    JSONObject,
    b64url_decode,
    b64url_encode,
    parse_json_object,
    sha256,
)
from ssi.errors import (
    BindingMismatch,
    Expired,
    InvalidSignature,
    Malformed,
    NotYetValid,
    Rejected,
    Stale,
)
from ssi.jose import UntrustedJws, parse_jws, sign_jws, verify_jws
from ssi.keys import PublicKey, Signer

STATUS_TYPE: Final = "statuslist+jwt"
VALID, INVALID, SUSPENDED = 0, 1, 2
MAX_PACKED: Final = 256 * 1024
MAX_UNPACKED: Final = 4 * 1024 * 1024
# A token is the packed list in base64url, its claims and a certificate chain.
STATUS_TOKEN_LIMITS: Final = JsonLimits(max_bytes=512 * 1024, max_string=384 * 1024)
DEFAULT_MAX_AGE: Final = timedelta(hours=24)
MIN_TTL, MAX_TTL = 60, 86400
_MAX_PACKED_TEXT = MAX_PACKED * 4 // 3 + 3
_BITS = (1, 2, 4, 8)
_BYTE = 8
_LEEWAY = 60


@dataclass(frozen=True, slots=True)
class StatusList:
    """A list of statuses of ``bits`` bits each, least significant bits first (§4.1)."""

    bits: int
    data: bytes = field(repr=False)

    def __len__(self) -> int:
        """The number of entries."""
        return len(self.data) * _BYTE // self.bits

    def get(self, index: JSON) -> int:
        """Return the status at ``index``.

        Raises:
            Malformed: ``status.index`` when it is no index of this list.
        """
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(self):
            raise Malformed("the status index is outside the list", code="status.index")
        at = index * self.bits
        return self.data[at // _BYTE] >> at % _BYTE & (1 << self.bits) - 1

    def with_status(self, index: int, status: int) -> "StatusList":
        """Return a list that differs in one entry.

        Raises:
            Malformed: ``status.index``.
            ValueError: the status does not fit into ``bits``.
        """
        old = self.get(index)
        if not 0 <= status < 1 << self.bits:
            raise ValueError("the status does not fit")
        at = index * self.bits
        changed = bytearray(self.data)
        changed[at // _BYTE] ^= (old ^ status) << at % _BYTE
        return StatusList(self.bits, bytes(changed))


def new_status_list(size: int, *, bits: int = 1) -> StatusList:
    """Return a list of ``size`` entries that are all VALID.

    >>> new_status_list(16).with_status(9, INVALID).get(9)
    1
    """
    if bits not in _BITS or size <= 0 or size * bits % _BYTE:
        raise ValueError("a status list has whole bytes of 1, 2, 4 or 8 bits")
    return StatusList(bits, bytes(size * bits // _BYTE))


def encode_status_list(status_list: StatusList) -> JSONObject:
    """Return the ``status_list`` member (§4.2)."""
    packed = zlib.compress(status_list.data, 9)
    return {"bits": status_list.bits, "lst": b64url_encode(packed)}


def decode_status_list(member: JSON) -> StatusList:
    """Read a ``status_list`` member, unpacking no more than 4 MiB.

    Raises:
        Malformed: ``status.malformed``, ``status.too_large`` or ``encoding.base64url``.
    """
    if not isinstance(member, dict):
        raise Malformed("the status list is no object", code="status.malformed")
    fields = Fields(member, where="status_list", code="status.malformed")
    bits = fields.take_int("bits")
    if bits not in _BITS:
        raise Malformed("the status list has an odd width", code="status.malformed")
    text = member.get("lst")
    if isinstance(text, str) and len(text) > _MAX_PACKED_TEXT:
        raise Malformed("the status list is too large", code="status.too_large")
    packed = b64url_decode(fields.take_str("lst", max_len=_MAX_PACKED_TEXT))
    if len(packed) > MAX_PACKED:
        raise Malformed("the status list is too large", code="status.too_large")
    return StatusList(bits, _inflate(packed))


def _inflate(packed: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed, MAX_UNPACKED + 1)
    except zlib.error as error:
        raise Malformed("the status list does not unpack", code="status.malformed") from error
    if len(data) > MAX_UNPACKED:
        raise Malformed("the status list is too large", code="status.too_large")
    if not stream.eof or stream.unused_data or stream.unconsumed_tail:
        raise Malformed("the status list is cut or has a tail", code="status.malformed")
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedStatusToken:
    """A status list token nobody has verified yet. ``kid`` is a hint to find the key."""

    jws: UntrustedJws
    kid: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedStatusList:
    """A status list an issuer's status key stands for; ``digest`` is over the token's text."""

    list: StatusList
    uri: str
    issued_at: datetime
    expires_at: datetime | None
    ttl: int | None
    digest: bytes

    def check_fresh(self, *, now: datetime, max_age: timedelta = DEFAULT_MAX_AGE) -> None:
        """Refuse to judge by a list that is too old for us, whatever it says itself.

        Raises:
            Stale: ``status.stale``.
        """
        oldest = now - max_age
        if self.issued_at < oldest and (self.expires_at is None or self.expires_at <= now):
            raise Stale("the status list is too old", code="status.stale")


def build_status_token(  # noqa: PLR0913 - the claims of the token
    status_list: StatusList,
    signer: Signer,
    *,
    uri: str,
    now: datetime,
    ttl: int,
    expires_at: datetime | None = None,
    header: JSONObject | None = None,
) -> str:
    """Sign a status list (§5.1).

    Args:
        status_list: The list.
        signer: The issuer's status key.
        uri: Where the referenced credentials say the list is.
        now: The present.
        ttl: Seconds a reader may keep it.
        expires_at: When it is no longer good.
        header: ``kid`` and ``x5c``.
    """
    claims: JSONObject = {
        "sub": uri,
        "iat": int(now.timestamp()),
        "ttl": ttl,
        "status_list": encode_status_list(status_list),
    }
    if expires_at is not None:
        claims["exp"] = int(expires_at.timestamp())
    return sign_jws(claims, signer, typ=STATUS_TYPE, header=header)


def parse_status_token(
    token: str, *, limits: JsonLimits = STATUS_TOKEN_LIMITS
) -> UntrustedStatusToken:
    """Take a status list token apart.

    Raises:
        Malformed: ``jose.*``.
    """
    jws = parse_jws(token, limits=limits)
    return UntrustedStatusToken(jws=jws, kid=jws.kid or "", digest=sha256(token.encode("ascii")))


def peek_status_list(untrusted: UntrustedStatusToken) -> StatusList:
    """Read the entries of a token that is known otherwise, by its digest; nothing is verified.

    Raises:
        Malformed: ``json.*`` or ``status.*``.
    """
    claims = parse_json_object(untrusted.jws.payload, limits=untrusted.jws.limits)
    return decode_status_list(claims.get("status_list"))


def verify_status_token(
    untrusted: UntrustedStatusToken, key: PublicKey, *, now: datetime, uri: str | None = None
) -> VerifiedStatusList:
    """Check a token and unpack its list (§8.3) [CRED-ST-2].

    Args:
        untrusted: The parsed token.
        key: The issuer's status key, from the registry.
        now: The present.
        uri: What the referenced credential says; the token must be about it.

    Raises:
        Rejected: ``status.typ``, ``status.signature``, ``status.subject``, ``status.expired``,
            ``status.not_yet_valid``, ``status.malformed``, ``status.too_large``.
    """
    fields = Fields(_claims(untrusted, key), where="status token", code="status.malformed")
    subject = fields.take_str("sub")
    if uri is not None and subject != uri:
        raise BindingMismatch("the status list is about another address", code="status.subject")
    issued_at = _time(fields.take_int("iat"))
    if issued_at > now + timedelta(seconds=_LEEWAY):
        raise NotYetValid("the status list is from the future", code="status.not_yet_valid")
    expiry = fields.opt_int("exp")
    if expiry is not None and _time(expiry) <= now:
        raise Expired("the status list has expired", code="status.expired")
    ttl = fields.opt_int("ttl", minimum=1)
    return VerifiedStatusList(
        list=decode_status_list(fields.take_object("status_list")),
        uri=subject,
        issued_at=issued_at,
        expires_at=None if expiry is None else _time(expiry),
        ttl=None if ttl is None else min(max(ttl, MIN_TTL), MAX_TTL),
        digest=untrusted.digest,
    )


def _claims(untrusted: UntrustedStatusToken, key: PublicKey) -> JSONObject:
    try:
        return verify_jws(untrusted.jws, key, typ=STATUS_TYPE)
    except InvalidSignature as error:
        raise InvalidSignature("the list's signature is wrong", code="status.signature") from error
    except BindingMismatch as error:
        raise BindingMismatch("the token is no status list", code="status.typ") from error
    except Rejected as error:
        if error.code == "jose.claims":
            raise Malformed("the list's claims are malformed", code="status.malformed") from error
        raise


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Malformed("a time is out of range", code="status.malformed") from error
