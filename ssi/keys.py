"""Keys: public keys as JWK, their thumbprints, and the `Signer` port.

Two signature algorithms exist here: ES256 (P-256, raw 64-byte R||S) and EdDSA (Ed25519). Ed25519
follows one rule everywhere, libsodium's, for keys of prime order only: a key or R of small order,
or not canonically encoded, is refused, so that the chain, the SDK and the wallet never disagree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidSignature as _BadSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from ssi.encoding import JSON, JSONObject, b64url_decode, b64url_encode, canonical_json, sha256
from ssi.errors import InvalidSignature, Malformed

Random = Callable[[int], bytes]

KEY_SIZE = 32
SIGNATURE_SIZE = 64
_CACHED_POINTS = 4096
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ES256 = ec.ECDSA(hashes.SHA256())
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Alg(StrEnum):
    """The signature algorithms of this system (RFC 7518, RFC 8037)."""

    ES256 = "ES256"
    EDDSA = "EdDSA"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public signature key known to be a good point of its curve.

    Args:
        alg: The only algorithm the key may be used with.
        raw: ``x || y`` for P-256, ``x`` for Ed25519.

    Raises:
        Malformed: ``jose.key`` when the bytes are no good point.
    """

    alg: Alg
    raw: bytes
    _handle: ec.EllipticCurvePublicKey | None = field(
        init=False, repr=False, compare=False, default=None
    )

    def __post_init__(self) -> None:
        """Refuse bytes that are no good point."""
        if self.alg is Alg.ES256:
            object.__setattr__(self, "_handle", _p256_point(self.raw))
        elif len(self.raw) != KEY_SIZE or not _is_strong_ed25519(self.raw):
            raise Malformed("the Ed25519 key is not a good point", code="jose.key")

    @property
    def jwk(self) -> JSONObject:
        """The public JWK members that RFC 7638 requires, and no others."""
        if self.alg is Alg.ES256:
            return _p256_members(self.raw)
        return {"crv": "Ed25519", "kty": "OKP", "x": b64url_encode(self.raw)}

    def to_jwk(self, kid: str | None = None) -> JSONObject:
        """Return the key as a JWK with ``alg``, and with ``kid`` when given."""
        named: JSONObject = {} if kid is None else {"kid": kid}
        return {**self.jwk, "alg": self.alg.value, **named}

    def thumbprint(self) -> str:
        """Return the RFC 7638 SHA-256 thumbprint, base64url."""
        return b64url_encode(sha256(canonical_json(self.jwk)))

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check a signature over ``message``.

        Args:
            message: The signed bytes.
            signature: The 64 bytes of the signature.

        Raises:
            InvalidSignature: ``jose.signature``.
        """
        if len(signature) != SIGNATURE_SIZE:
            raise InvalidSignature("the signature has the wrong length")
        try:
            if self._handle is None:
                nacl.bindings.crypto_sign_open(signature + message, self.raw)
            else:
                r = int.from_bytes(signature[:KEY_SIZE])
                s = int.from_bytes(signature[KEY_SIZE:])
                encoded = encode_dss_signature(r, s)
                self._handle.verify(encoded, message, _ES256)
        except (_BadSignature, nacl.exceptions.BadSignatureError) as error:
            raise InvalidSignature("the signature does not verify") from error


@lru_cache(maxsize=_CACHED_POINTS)
def _is_strong_ed25519(raw: bytes) -> bool:
    """Tell whether the point is canonical, on the curve and of prime order."""
    return nacl.bindings.crypto_core_ed25519_is_valid_point(raw)


@lru_cache(maxsize=_CACHED_POINTS)
def _p256_point(raw: bytes) -> ec.EllipticCurvePublicKey:
    if len(raw) != 2 * KEY_SIZE:
        raise Malformed("the P-256 key has the wrong size", code="jose.key")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + raw)
    except ValueError as error:
        raise Malformed("the P-256 key is not on the curve", code="jose.key") from error


def _p256_members(raw: bytes) -> JSONObject:
    x, y = b64url_encode(raw[:KEY_SIZE]), b64url_encode(raw[KEY_SIZE:])
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _p256_raw(key: ec.EllipticCurvePublicKey) -> bytes:
    numbers = key.public_numbers()
    return numbers.x.to_bytes(KEY_SIZE) + numbers.y.to_bytes(KEY_SIZE)


def public_key_from_jwk(jwk: Mapping[str, JSON]) -> PublicKey:
    """Read a signature key that somebody sent (RFC 7517, RFC 7518 §6.2.1, RFC 8037 §2).

    Args:
        jwk: The parsed JWK. ``use``, ``key_ops`` and ``alg`` are obeyed when present.

    Returns:
        The key.

    Raises:
        Malformed: ``jose.private_key`` when a private member is inside, else ``jose.key``.
    """
    _refuse_private(jwk)
    match jwk.get("kty"), jwk.get("crv"):
        case "EC", "P-256":
            alg, raw = Alg.ES256, _coordinate(jwk, "x") + _coordinate(jwk, "y")
        case "OKP", "Ed25519":
            alg, raw = Alg.EDDSA, _coordinate(jwk, "x")
        case _:
            raise Malformed("the key type or curve is not supported", code="jose.key")
    _check_purpose(jwk, algs=_NAMES[alg], use="sig", operation="verify")
    return PublicKey(alg, raw)


# RFC 9864 names the curve in the algorithm; a key may already be labelled so.
_NAMES = {Alg.ES256: ("ES256",), Alg.EDDSA: ("EdDSA", "Ed25519")}


def _refuse_private(jwk: Mapping[str, JSON]) -> None:
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise Malformed("the key holds private members", code="jose.private_key")


def _coordinate(jwk: Mapping[str, JSON], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise Malformed("a coordinate of the key is missing", code="jose.key")
    try:
        raw = b64url_decode(value)
    except Malformed as error:
        raise Malformed("a coordinate of the key is not base64url", code="jose.key") from error
    if len(raw) != KEY_SIZE:
        raise Malformed("a coordinate of the key has the wrong size", code="jose.key")
    return raw


def _check_purpose(
    jwk: Mapping[str, JSON], *, algs: tuple[str, ...], use: str, operation: str | None
) -> None:
    if jwk.get("alg", algs[0]) not in algs:
        raise Malformed("the key is for another algorithm", code="jose.key")
    if jwk.get("use", use) != use:
        raise Malformed("the key is for another use", code="jose.key")
    operations = jwk.get("key_ops", [operation])
    if operation is not None and not (isinstance(operations, list) and operation in operations):
        raise Malformed("the key is for another operation", code="jose.key")


class Signer(Protocol):
    """Whoever can sign: a software key today, a card or HSM later."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this signs."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over ``message``."""
        ...


class SoftwareSigner:
    """A `Signer` whose secret is in memory. Its repr shows only the public thumbprint."""

    __slots__ = ("_p256", "_secret", "public_key")

    def __init__(self, secret: bytes, public_key: PublicKey) -> None:
        self._secret = secret
        self.public_key = public_key
        self._p256 = _p256_private(secret) if public_key.alg is Alg.ES256 else None

    @classmethod
    def from_secret(cls, alg: Alg, secret: bytes) -> "SoftwareSigner":
        """Make a signer of a 32-byte secret.

        Args:
            alg: The algorithm.
            secret: The P-256 scalar, big-endian, or the Ed25519 seed.

        Raises:
            ValueError: The secret has the wrong size or is no scalar of the curve.
        """
        if len(secret) != KEY_SIZE:
            raise ValueError("a secret key has 32 bytes")
        if alg is Alg.ES256:
            raw = _p256_raw(_p256_private(secret).public_key())
        else:
            raw, _ = nacl.bindings.crypto_sign_seed_keypair(secret)
        return cls(secret, PublicKey(alg, raw))

    @property
    def secret(self) -> bytes:
        """The 32 secret bytes, for a vault to store."""
        return self._secret

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over ``message`` (ES256: RFC 6979 nonces)."""
        if self._p256 is not None:
            scheme = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
            r, s = decode_dss_signature(self._p256.sign(message, scheme))
            return r.to_bytes(KEY_SIZE) + s.to_bytes(KEY_SIZE)
        expanded = self._secret + self.public_key.raw
        return nacl.bindings.crypto_sign(message, expanded)[:SIGNATURE_SIZE]

    def __repr__(self) -> str:
        """Show the public half only."""
        return f"SoftwareSigner({self.public_key.alg}, {self.public_key.thumbprint()})"


def _p256_private(secret: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(secret), ec.SECP256R1())


def _p256_secret(random: Random) -> bytes:
    """Draw a scalar by rejection, so that every one is equally likely."""
    while True:
        secret = random(KEY_SIZE)
        if 0 < int.from_bytes(secret) < _P256_ORDER:
            return secret


def generate_signer(alg: Alg, random: Random) -> SoftwareSigner:
    """Make a signer of fresh randomness.

    Args:
        alg: The algorithm.
        random: Returns that many unpredictable bytes, such as ``os.urandom``.
    """
    secret = _p256_secret(random) if alg is Alg.ES256 else random(KEY_SIZE)
    return SoftwareSigner.from_secret(alg, secret)


class AgreementKey:
    """A P-256 private key for ECDH-ES. Its repr shows nothing of it."""

    __slots__ = ("_private", "_secret")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._private = _p256_private(secret)

    @classmethod
    def from_secret(cls, secret: bytes) -> "AgreementKey":
        """Make the key of a 32-byte scalar; `ValueError` when it is none."""
        if len(secret) != KEY_SIZE:
            raise ValueError("a secret key has 32 bytes")
        return cls(secret)

    @property
    def secret(self) -> bytes:
        """The 32 secret bytes, for a vault to store."""
        return self._secret

    def public_jwk(self, kid: str | None = None, alg: str = "ECDH-ES") -> JSONObject:
        """Return the public half as a JWK others can encrypt to."""
        named: JSONObject = {} if kid is None else {"kid": kid}
        members = _p256_members(_p256_raw(self._private.public_key()))
        return {**members, "alg": alg, "use": "enc", **named}

    def agree(self, peer: Mapping[str, JSON]) -> bytes:
        """Return the shared secret Z with a peer's public JWK (RFC 7518 §4.6).

        Raises:
            Malformed: ``jose.key`` or ``jose.private_key`` when the peer's key is bad.
        """
        return self._private.exchange(ec.ECDH(), _agreement_point(peer))

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "AgreementKey()"


def _agreement_point(jwk: Mapping[str, JSON]) -> ec.EllipticCurvePublicKey:
    _refuse_private(jwk)
    if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
        raise Malformed("the key type or curve is not supported", code="jose.key")
    _check_purpose(jwk, algs=("ECDH-ES",), use="enc", operation=None)
    return _p256_point(_coordinate(jwk, "x") + _coordinate(jwk, "y"))


def generate_agreement_key(random: Random) -> AgreementKey:
    """Make an agreement key of fresh randomness."""
    return AgreementKey.from_secret(_p256_secret(random))
