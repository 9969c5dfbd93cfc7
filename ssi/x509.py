"""X.509 chains as the ``x5c`` header carries them, against anchors given by the caller (RFC 5280).

The rules are narrower than the web's: the leaf comes first and is never self-signed, each
certificate is signed by the next, the anchor stays out of the message (HAIP 1.0 §6.1.1), and a
critical extension that is not processed here is refused. An anchor is matched by its key, so
another root of the same name is no anchor.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature as _BadSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509 import Certificate
from cryptography.x509.oid import ExtensionOID

from ssi.authority import create_ca, create_leaf
from ssi.encoding import b64url_encode, sha256
from ssi.errors import Expired, Malformed, NotYetValid, Untrusted
from ssi.keys import Alg, PublicKey

__all__ = [
    "Certificate",
    "VerifiedChain",
    "create_ca",
    "create_leaf",
    "der_of",
    "dns_names_of",
    "load_pem_chain",
    "parse_x5c",
    "public_key_of",
    "to_x5c",
    "verify_chain",
    "x509_hash",
]

MAX_CERTIFICATES = 5
MAX_CERTIFICATE_BYTES = 8192
_PROCESSED = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    }
)
_UNREADABLE = (
    ValueError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
    TypeError,  # an attribute of the name with an odd string type
    UserWarning,  # raised only where warnings are made errors
)
_STRONG_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedChain:
    """A chain that leads to one of our anchors, and what it says about its leaf."""

    leaf: Certificate = field(repr=False)
    public_key: PublicKey
    sha256: bytes
    akis: tuple[str, ...]
    """Authority key identifiers of the whole chain, base64url, as DCQL's ``aki`` matches them."""
    anchor: Certificate = field(repr=False)


def x509_hash(der: bytes) -> str:
    """Return the ``x509_hash`` client identifier of a leaf (OpenID4VP 1.0 §5.9.3)."""
    return b64url_encode(sha256(der))


def parse_x5c(values: Sequence[str], *, code: str = "credential.chain") -> tuple[Certificate, ...]:
    """Read the certificates of an ``x5c`` header (RFC 7515 §4.1.6: standard base64, DER).

    Args:
        values: The header's strings, leaf first.
        code: The error code of this place.

    Returns:
        The certificates, unverified.

    Raises:
        Malformed: ``code``.
    """
    if not 1 <= len(values) <= MAX_CERTIFICATES:
        raise Malformed("the chain has no certificate, or too many", code=code)
    return tuple(_parse_certificate(value, code) for value in values)


def _parse_certificate(value: str, code: str) -> Certificate:
    try:
        der = b64decode(value, validate=True)
    except ValueError as error:
        raise Malformed("a certificate is not base64", code=code) from error
    if b64encode(der).decode("ascii") != value or len(der) > MAX_CERTIFICATE_BYTES:
        raise Malformed("a certificate is not canonical base64, or too long", code=code)
    return _read(der, code)


def _read(der: bytes, code: str) -> Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        # The library reads lazily; read all of it here, where its errors become ours.
        _ = certificate.extensions, certificate.subject, certificate.issuer
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        _ = certificate.public_key(), certificate.signature_hash_algorithm
        sound = certificate.serial_number > 0 and der.endswith(b"\x00" + certificate.signature)
    except _UNREADABLE as error:
        raise Malformed("a certificate cannot be read", code=code) from error
    if not sound:
        raise Malformed("a certificate has no positive number, or stray signature bits", code=code)
    return certificate


def to_x5c(chain: Sequence[Certificate]) -> list[str]:
    """Return the ``x5c`` header value of a chain."""
    return [b64encode(der_of(certificate)).decode("ascii") for certificate in chain]


def load_pem_chain(pem: bytes) -> tuple[Certificate, ...]:
    """Read the PEM certificates of an operator's own file.

    Raises:
        Malformed: ``config.certificate``: it has none that can be read.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise Malformed("no certificate can be read", code="config.certificate") from None


def verify_chain(
    chain: Sequence[Certificate],
    *,
    anchors: Sequence[Certificate | bytes],
    now: datetime,
    dns_name: str | None = None,
    code: str = "credential.chain",
) -> VerifiedChain:
    """Verify that a chain leads to one of the anchors at a given time.

    Args:
        chain: Leaf first, each certificate signed by the next, the last by an anchor.
        anchors: The trusted certificates, or their DER; never part of the chain.
        now: The time the chain must be valid at.
        dns_name: A name the leaf must carry as a subject alternative name.
        code: The error code of this place.

    Returns:
        What the chain proves.

    Raises:
        Malformed: The chain, or the leaf's key, has a form we do not take.
        NotYetValid: A certificate, or the anchor, is not valid yet.
        Expired: A certificate, or the anchor, is over.
        Untrusted: Anything else: no anchor, wrong order, wrong kind of certificate.
    """
    if not 1 <= len(chain) <= MAX_CERTIFICATES:
        raise Malformed("the chain has no certificate, or too many", code=code)
    trusted = tuple(_read(a, code) if isinstance(a, bytes) else a for a in anchors)
    anchor_keys = {_spki(anchor) for anchor in trusted}
    for certificate in chain:
        if _spki(certificate) in anchor_keys:
            raise Untrusted("the chain holds its own anchor", code=code)
        if certificate.issuer == certificate.subject:
            raise Untrusted("the chain holds a self-issued certificate", code=code)
    anchor = _find_anchor(chain[-1], trusted, code)
    whole = (*chain, anchor)
    _check_leaf(chain[0], dns_name, code)
    for child, parent in pairwise(chain):
        if not _is_issued_by(child, parent):
            raise Untrusted("a certificate is not signed by the next one", code=code)
    for depth, authority in enumerate(whole[1:]):
        _check_authority(authority, depth=depth, code=code)
    for certificate in whole:
        _check_time(certificate, now, code)
        _check_critical(certificate, code)
    return VerifiedChain(
        leaf=chain[0],
        public_key=public_key_of(chain[0], code=code),
        sha256=sha256(der_of(chain[0])),
        akis=tuple(b64url_encode(aki) for aki in map(_authority_key_id, chain) if aki),
        anchor=anchor,
    )


def _spki(certificate: Certificate) -> bytes:
    """Return the encoded public key: what a certificate is told apart by."""
    encoding = serialization.Encoding.DER
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return certificate.public_key().public_bytes(encoding, form)


def _find_anchor(last: Certificate, anchors: tuple[Certificate, ...], code: str) -> Certificate:
    for anchor in anchors:
        if _is_issued_by(last, anchor):
            return anchor
    raise Untrusted("the chain leads to none of the trusted anchors", code=code)


def _is_issued_by(child: Certificate, parent: Certificate) -> bool:
    key = parent.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        return False
    algorithm = child.signature_hash_algorithm
    if algorithm is not None and not isinstance(algorithm, _STRONG_HASHES):
        return False
    wanted = _authority_key_id(child)
    subject_key = _extension(parent, x509.SubjectKeyIdentifier)
    if wanted and subject_key and wanted != subject_key.digest:
        return False
    try:
        child.verify_directly_issued_by(parent)
    except (_BadSignature, ValueError, TypeError):
        return False
    return True


def _extension(certificate: Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _authority_key_id(certificate: Certificate) -> bytes | None:
    extension = _extension(certificate, x509.AuthorityKeyIdentifier)
    return extension.key_identifier if extension else None


def _check_leaf(leaf: Certificate, dns_name: str | None, code: str) -> None:
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints and constraints.ca:
        raise Untrusted("the leaf is an authority", code=code)
    usage = _extension(leaf, x509.KeyUsage)
    if usage and not usage.digital_signature:
        raise Untrusted("the leaf may not sign", code=code)
    if dns_name is None:
        return
    if dns_name.lower() not in dns_names_of(leaf):
        raise Untrusted("the leaf is for another name", code=code)


def dns_names_of(certificate: Certificate) -> frozenset[str]:
    """Return the DNS names a certificate is for, in lower case; wildcards as they are written."""
    names = _extension(certificate, x509.SubjectAlternativeName)
    given = names.get_values_for_type(x509.DNSName) if names else []
    return frozenset(name.lower() for name in given)


def der_of(certificate: Certificate) -> bytes:
    """Return the DER of a certificate, whose hash identifies it."""
    return certificate.public_bytes(serialization.Encoding.DER)


def _check_authority(certificate: Certificate, *, depth: int, code: str) -> None:
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise Untrusted("a certificate above the leaf is no authority", code=code)
    if constraints.path_length is not None and constraints.path_length < depth:
        raise Untrusted("the chain is longer than an authority allows", code=code)
    usage = _extension(certificate, x509.KeyUsage)
    if usage and not usage.key_cert_sign:
        raise Untrusted("a certificate above the leaf may not sign certificates", code=code)


def _check_time(certificate: Certificate, now: datetime, code: str) -> None:
    if now < certificate.not_valid_before_utc:
        raise NotYetValid("a certificate is not valid yet", code=code)
    if now > certificate.not_valid_after_utc:
        raise Expired("a certificate is over", code=code)


def _check_critical(certificate: Certificate, code: str) -> None:
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _PROCESSED:
            raise Untrusted("a critical extension is not supported", code=code)


def public_key_of(certificate: Certificate, *, code: str = "credential.chain") -> PublicKey:
    """Return the signature key of a leaf.

    Raises:
        Malformed: ``code`` when it is neither P-256 nor Ed25519.
    """
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        form = serialization.PublicFormat.UncompressedPoint
        return PublicKey(Alg.ES256, key.public_bytes(serialization.Encoding.X962, form)[1:])
    if isinstance(key, ed25519.Ed25519PublicKey):
        return PublicKey(Alg.EDDSA, key.public_bytes_raw())
    raise Malformed("the leaf's key is neither P-256 nor Ed25519", code=code)
