"""Making certificates (ES256): for operators who run their own small authority, and for tests.

No clock and no randomness: times and serial numbers are given. Signatures are deterministic, so
the same input makes the same certificate. Import these names from `ssi.x509`.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509 import Certificate
from cryptography.x509.oid import NameOID

from ssi.keys import Alg, PublicKey

IssuingAuthority = tuple[Certificate, bytes]


def create_ca(  # noqa: PLR0913 - the fields of a certificate
    name: str,
    *,
    secret: bytes,
    not_before: datetime,
    not_after: datetime,
    serial: int,
    issuer: IssuingAuthority | None = None,
    path_length: int | None = None,
) -> Certificate:
    """Make the certificate of an authority: a root, or an intermediate below ``issuer``.

    Args:
        name: The common name.
        secret: The 32-byte P-256 scalar of the authority.
        not_before: Start of validity.
        not_after: End of validity.
        serial: The serial number, positive and at most 159 bits.
        issuer: The certificate and secret of the authority above, if any.
        path_length: How many authorities may follow below.

    Returns:
        The certificate.
    """
    key = _private(secret)
    parent, parent_secret = issuer or (None, secret)
    builder = _base(name, key.public_key(), not_before, not_after, serial)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(_usage(authority=True), critical=True)
    return _finish(builder, x509.Name(_common(name)) if parent is None else parent, parent_secret)


def create_leaf(  # noqa: PLR0913 - the fields of a certificate
    name: str,
    *,
    public_key: PublicKey,
    issuer: IssuingAuthority,
    not_before: datetime,
    not_after: datetime,
    serial: int,
    dns_names: Sequence[str] = (),
) -> Certificate:
    """Make the certificate of a signature key.

    Args:
        name: The common name.
        public_key: The key of its owner.
        issuer: The certificate and secret of the authority that signs it.
        not_before: Start of validity.
        not_after: End of validity.
        serial: The serial number.
        dns_names: Subject alternative names.

    Returns:
        The certificate.
    """
    parent, parent_secret = issuer
    builder = _base(name, _certified(public_key), not_before, not_after, serial)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    ).add_extension(_usage(authority=False), critical=True)
    if dns_names:
        names = x509.SubjectAlternativeName([x509.DNSName(n) for n in dns_names])
        builder = builder.add_extension(names, critical=False)
    return _finish(builder, parent, parent_secret)


def _private(secret: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(secret), ec.SECP256R1())


def _certified(key: PublicKey) -> ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey:
    if key.alg is Alg.EDDSA:
        return ed25519.Ed25519PublicKey.from_public_bytes(key.raw)
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + key.raw)


def _common(name: str) -> list[x509.NameAttribute[str]]:
    return [x509.NameAttribute(NameOID.COMMON_NAME, name)]


def _base(
    name: str,
    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    not_before: datetime,
    not_after: datetime,
    serial: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name(_common(name)))
        .public_key(key)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .serial_number(serial)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _finish(
    builder: x509.CertificateBuilder, parent: Certificate | x509.Name, secret: bytes
) -> Certificate:
    signing = _private(secret)
    name = parent if isinstance(parent, x509.Name) else parent.subject
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    return (
        builder.issuer_name(name)
        .add_extension(identifier, critical=False)
        .sign(signing, hashes.SHA256(), ecdsa_deterministic=True)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
