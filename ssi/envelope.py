"""The envelope between a holder and a firm: a Security Event Token around a sealed message.

The outside is a SET (RFC 8417) the mailbox can route and check; the inside is a JWE only the
recipient opens, padded to one of three sizes. The inside names the outside, so nobody can put
another's sealed message into an envelope of his own [SHA-ENV-6].
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ssi.commitment import ACK_TAG, NOTICE_TAG, commitment_of, new_salt, verify_commitment
from ssi.encoding import (
    Fields,
    JsonLimits,
    JSONObject,
    b64url_decode,
    b64url_encode,
    canonical_json,
    parse_json_object,
)
from ssi.errors import BindingMismatch, Malformed, Rejected
from ssi.jose import UntrustedJws, parse_jws, sign_jws, verify_jws
from ssi.jwe import decrypt_jwe, encrypt_jwe, parse_jwe_header
from ssi.keys import AgreementKey, PublicKey, Random, Signer
from ssi.relationship import (
    check_not_future,
    firm_kid,
    header_key,
    payload_fields,
    relationship_id,
    relationship_key,
    seconds,
    split_firm_kid,
    take_commitment,
    take_time,
)

SET_TYP = "secevent+jwt"
SET_MEDIA_TYPE = "application/secevent+jwt"
SEALED_EVENT = "urn:warifu:event:sealed:1"
BOX_URN = "urn:warifu:box:"
VERIFIER_URN = "urn:warifu:verifier:"

SEALED_SIZES = (4096, 16384, 65536)
MAX_SET_BYTES = 131072
# What the reader of a mailbox takes as the answer to a poll.
POLL_LIMITS = JsonLimits(max_bytes=1 << 20, max_members=20_000, max_string=MAX_SET_BYTES)
_ENC: Final = "A256GCM"
_MAX_SEALED = 90112
_SET_LIMITS = JsonLimits(
    max_bytes=MAX_SET_BYTES, max_depth=8, max_members=64, max_string=_MAX_SEALED
)
_PLAIN_LIMITS = JsonLimits(max_bytes=SEALED_SIZES[-1], max_string=SEALED_SIZES[-1])
_CODE = "update.malformed"

_JTI = re.compile(r"[A-Za-z0-9_-]{22,64}")
_TXN = re.compile(r"[A-Za-z0-9_-]{22,64}")
_BOX = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A sealed message and the commitment to it."""

    jwe: str = field(repr=False)
    commitment: str
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Which envelope: who sends it, under which id, to which box."""

    issuer: str
    jti: str
    box: str

    def to_json(self) -> JSONObject:
        """Write the member ``envelope`` of the sealed message."""
        return {"iss": self.issuer, "jti": self.jti, "box": self.box}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The members of a SET of ours."""

    address: Address
    issued_at: datetime
    txn: str
    relationship: str
    sealed: str = field(repr=False)
    commitment: str
    deadline: datetime
    in_reply_to: str | None = None

    @property
    def tag(self) -> bytes:
        """What the commitment is to: a notice, or the acknowledgement of one."""
        return NOTICE_TAG if self.in_reply_to is None else ACK_TAG


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedSet:
    """A well-formed SET of ours that nobody has verified yet."""

    envelope: Envelope
    token: str = field(repr=False)
    jws: UntrustedJws = field(repr=False)

    @property
    def verifier_id(self) -> str | None:
        """The firm it says it is from; ``None`` when it says it is from a holder."""
        issuer = self.envelope.address.issuer
        return issuer.removeprefix(VERIFIER_URN) if issuer.startswith(VERIFIER_URN) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSet:
    """A SET whose sender signed it."""

    envelope: Envelope
    token: str = field(repr=False)
    key: PublicKey


def box_id(text: str) -> str:
    """Read the id of a box.

    Raises:
        Malformed: ``update.box``: an id is 1 to 64 of the URL-safe alphabet, compared as it stands.
    """
    if not _BOX.fullmatch(text):
        raise Malformed("the box id is not well formed", code="update.box")
    return text


def verifier_issuer(verifier_id: str) -> str:
    """Write the ``iss`` of a firm."""
    return VERIFIER_URN + verifier_id


# --- the SET ---


def build_set(envelope: Envelope, signer: Signer, *, kid: str | None = None) -> str:
    """Sign an envelope [SHA-ENV-1].

    Args:
        envelope: What it says; its issuer must be the signer.
        signer: The relationship key, or the firm's receipt key.
        kid: For a firm, the kid under which its key is registered.

    Raises:
        ValueError: The issuer is not who the key and kid say.
    """
    address = envelope.address
    header: JSONObject
    if kid is None:
        if not relationship_id(signer.public_key) == address.issuer == envelope.relationship:
            raise ValueError("the issuer of a holder's envelope is the relationship key")
        header = {"jwk": signer.public_key.to_jwk()}
    else:
        if not address.issuer.startswith(VERIFIER_URN):
            raise ValueError("the issuer of a firm's envelope is the firm")
        header = {"kid": firm_kid(address.issuer.removeprefix(VERIFIER_URN), kid)}
    event: JSONObject = {
        "sealed": envelope.sealed,
        "commitment": envelope.commitment,
        "deadline": seconds(envelope.deadline),
    }
    if envelope.in_reply_to is not None:
        event["in_reply_to"] = envelope.in_reply_to
    payload: JSONObject = {
        "iss": address.issuer,
        "iat": seconds(envelope.issued_at),
        "jti": address.jti,
        "aud": BOX_URN + address.box,
        "txn": envelope.txn,
        "sub_id": {"format": "opaque", "id": envelope.relationship},
        "events": {SEALED_EVENT: event},
    }
    return sign_jws(payload, signer, typ=SET_TYP, header=header)


def parse_set(token: str) -> UntrustedSet:
    """Take a SET apart without believing it; check every form, the sealed size too [SHA-ENV-2].

    Raises:
        Malformed: ``jose.*``, ``jwe.*``, ``update.box`` or ``update.malformed``.
    """
    jws = parse_jws(token, limits=_SET_LIMITS, extra_headers=frozenset({"jwk"}))
    if jws.header.get("typ") != SET_TYP or "x5c" in jws.header:
        raise Malformed("the token is not a security event", code=_CODE)
    fields = payload_fields(jws, where="event", code=_CODE)
    subject = fields.take_fields("sub_id")
    events = fields.take_fields("events")
    event = events.take_fields(SEALED_EVENT)
    if subject.take_str("format", max_len=16) != "opaque":
        raise Malformed("the subject is not opaque", code=_CODE)
    envelope = Envelope(
        address=Address(
            issuer=fields.take_str("iss", max_len=128),
            jti=_word(fields, "jti", _JTI),
            box=_audience(fields),
        ),
        issued_at=take_time(fields, "iat"),
        txn=_word(fields, "txn", _TXN),
        relationship=subject.take_str("id", max_len=128),
        sealed=check_sealed(event.take_str("sealed", max_len=_MAX_SEALED)),
        commitment=take_commitment(event),
        deadline=take_time(event, "deadline"),
        in_reply_to=_word(event, "in_reply_to", _JTI) if event.has("in_reply_to") else None,
    )
    for part in (fields, subject, events, event):
        part.done()
    relationship_key(envelope.relationship)
    return UntrustedSet(envelope=envelope, token=token, jws=jws)


def verify_holder_set(untrusted: UntrustedSet, *, now: datetime) -> VerifiedSet:
    """Check a SET a holder sent: its issuer, subject and header name the key that signed it.

    Raises:
        BindingMismatch: ``update.sender`` [SHA-ENV-3].
        InvalidSignature: ``jose.signature``.
        NotYetValid: ``update.time``.
    """
    envelope = untrusted.envelope
    key = header_key(untrusted.jws)
    if not envelope.address.issuer == envelope.relationship == relationship_id(key):
        raise BindingMismatch("the sender is not the relationship", code="update.sender")
    return _verify(untrusted, key, now=now)


def verify_firm_set(
    untrusted: UntrustedSet, *, verifier_id: str, keys: Mapping[str, PublicKey], now: datetime
) -> VerifiedSet:
    """Check a SET a firm sent [SHA-ENV-4].

    Args:
        untrusted: The parsed SET.
        verifier_id: The firm it must be from.
        keys: That firm's registered receipt keys by kid.
        now: The present.

    Raises:
        BindingMismatch: ``update.sender`` when it is not by a registered key of the firm.
        InvalidSignature: ``jose.signature``.
        NotYetValid: ``update.time``.
    """
    named, kid = split_firm_kid(untrusted.jws.kid)
    if (
        "jwk" in untrusted.jws.header
        or not untrusted.verifier_id == named == verifier_id
        or kid not in keys
    ):
        raise BindingMismatch("the sender is not the firm", code="update.sender")
    return _verify(untrusted, keys[kid], now=now)


def _verify(untrusted: UntrustedSet, key: PublicKey, *, now: datetime) -> VerifiedSet:
    verify_jws(untrusted.jws, key, typ=SET_TYP)
    check_not_future(untrusted.envelope.issued_at, now, code="update.time")
    return VerifiedSet(envelope=untrusted.envelope, token=untrusted.token, key=key)


def _word(fields: Fields, name: str, form: re.Pattern[str]) -> str:
    text = fields.take_str(name, max_len=64)
    if not form.fullmatch(text):
        raise Malformed(f"{name} is not well formed", code=_CODE)
    return text


def _audience(fields: Fields) -> str:
    audience = fields.take_str("aud", max_len=128)
    if not audience.startswith(BOX_URN):
        raise Malformed("the audience is not a box", code="update.box")
    return box_id(audience.removeprefix(BOX_URN))


# --- the sealed inside ---


def seal(
    content: JSONObject,
    recipient: JSONObject,
    *,
    address: Address,
    tag: bytes,
    random: Random,
) -> Sealed:
    """Seal a message to its recipient, padded, and commit to it [SHA-ENV-5].

    Args:
        content: The message, without ``salt``, ``pad`` and ``envelope``.
        recipient: The recipient's P-256 encryption key as a JWK with ``kid``.
        address: The envelope it will travel in.
        tag: `ssi.commitment.NOTICE_TAG`, or ``ACK_TAG`` for an answer.
        random: Source of salt, ephemeral key and IV.

    Raises:
        ValueError: The message is longer than the largest size.
        Malformed: ``jose.key`` when the recipient's key is bad.
    """
    salt = new_salt(random)
    bound: JSONObject = {**content, "envelope": address.to_json()}
    padded = _pad({**bound, "salt": b64url_encode(salt)})
    return Sealed(
        jwe=encrypt_jwe(padded, recipient, enc=_ENC, random=random),
        commitment=commitment_of(tag, salt, bound),
        salt=salt,
    )


def unseal(received: VerifiedSet, keys: Mapping[str, AgreementKey]) -> JSONObject:
    """Open the sealed message of a verified SET.

    Args:
        received: The SET.
        keys: Our encryption keys by kid; old ones stay here until they retire [SHA-ENV-7].

    Returns:
        The message, without ``salt``, ``pad`` and ``envelope``.

    Raises:
        Rejected: ``update.key`` for a key that is not ours; ``jwe.decrypt``; ``update.malformed``;
            ``update.rewrapped`` when it was sealed for another envelope; ``update.commitment``.
    """
    return check_opening(received.envelope, open_sealed(received, keys))


def open_sealed(received: VerifiedSet, keys: Mapping[str, AgreementKey]) -> JSONObject:
    """Open the sealed message and leave it as it is, its salt included, but without the padding.

    This is what a receiver keeps who must show others later what was sealed: the salt opens the
    commitment that the sender signed. `check_opening` judges it.

    Raises:
        Rejected: ``update.key``, ``jwe.decrypt``, ``update.malformed``.
    """
    envelope = received.envelope
    kid = parse_jwe_header(envelope.sealed).get("kid")
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise Rejected("it is sealed to a key we do not hold", code="update.key")
    plain = decrypt_jwe(
        envelope.sealed, key, encs=frozenset({_ENC}), max_plaintext=SEALED_SIZES[-1]
    )
    fields = Fields(
        parse_json_object(plain, limits=_PLAIN_LIMITS), where="sealed message", code=_CODE
    )
    fields.take_str("pad", max_len=SEALED_SIZES[-1], allow_empty=True)
    return fields.rest()


def check_opening(envelope: Envelope, opened: JSONObject) -> JSONObject:
    """Check that an opened message is the one that an envelope commits to [SHA-ENV-5].

    Args:
        envelope: The envelope, verified.
        opened: What `open_sealed` gave.

    Returns:
        The message, without ``salt`` and ``envelope``.

    Raises:
        Rejected: ``update.malformed``, ``update.rewrapped``, ``update.commitment``.
    """
    fields = Fields(opened, where="sealed message", code=_CODE)
    salt = fields.take_bytes("salt", max_len=64)
    committed = fields.rest()
    if fields.take_object("envelope") != envelope.address.to_json():
        raise BindingMismatch("it was sealed for another envelope", code="update.rewrapped")
    verify_commitment(envelope.commitment, envelope.tag, salt, committed)
    return fields.rest()


def check_sealed(sealed: str) -> str:
    """Check from outside that a sealed message has one of the three sizes [SHA-ENV-5].

    Raises:
        Malformed: ``jwe.*``, or ``update.size``.
    """
    parse_jwe_header(sealed)
    parts = sealed.split(".")  # five, as the header's reader has checked
    if len(b64url_decode(parts[3])) not in SEALED_SIZES:
        raise Malformed("the sealed message is not padded to a size of ours", code="update.size")
    return sealed


def _pad(content: JSONObject) -> bytes:
    bare = len(canonical_json({**content, "pad": ""}))
    for size in SEALED_SIZES:
        if bare <= size:
            return canonical_json({**content, "pad": "0" * (size - bare)})
    raise ValueError("the message is longer than the largest sealed size")
