"""The ASN.1 of RFC 3161 as narrow as we take it: what is not signed has no room.

[ANC-TSA-2], [ANC-FORM-3].

A token in this form has no certificates, revocation lists or unsigned attributes: whoever verifies
has the authority's certificate already, and bytes that nobody signed could be changed by anyone.
"""

from typing import Annotated

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

SIGNED_DATA = ObjectIdentifier("1.2.840.113549.1.7.2")
TST_INFO = ObjectIdentifier("1.2.840.113549.1.9.16.1.4")
SHA256 = ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_SHA384 = ObjectIdentifier("2.16.840.1.101.3.4.2.2")
_SHA512 = ObjectIdentifier("2.16.840.1.101.3.4.2.3")
_RSA = ObjectIdentifier("1.2.840.113549.1.1.1")

# Digests we take, each with the signature algorithms that may name it.
SIGNATURES = {
    SHA256: frozenset(
        {
            _RSA,
            ObjectIdentifier("1.2.840.113549.1.1.11"),
            ObjectIdentifier("1.2.840.10045.4.3.2"),
        }
    ),
    _SHA384: frozenset(
        {
            _RSA,
            ObjectIdentifier("1.2.840.113549.1.1.12"),
            ObjectIdentifier("1.2.840.10045.4.3.3"),
        }
    ),
    _SHA512: frozenset(
        {
            _RSA,
            ObjectIdentifier("1.2.840.113549.1.1.13"),
            ObjectIdentifier("1.2.840.10045.4.3.4"),
        }
    ),
}


@asn1.sequence
class Algorithm:
    """AlgorithmIdentifier without parameters."""

    algorithm: ObjectIdentifier
    parameters: asn1.Null | None = None


@asn1.sequence
class Imprint:
    """MessageImprint."""

    algorithm: Algorithm
    message: bytes


@asn1.sequence
class Request:
    """TimeStampReq; certificates are not asked for, which is the default and so absent in DER."""

    version: int
    imprint: Imprint
    nonce: int


@asn1.sequence
class Encapsulated:
    """EncapsulatedContentInfo: the signed TSTInfo."""

    content_type: ObjectIdentifier
    content: Annotated[bytes, asn1.Explicit(0)]


@asn1.sequence
class IssuerAndSerial:
    """Which certificate signed."""

    issuer: asn1.TLV
    serial: int


@asn1.sequence
class Attribute:
    """A signed attribute."""

    type: ObjectIdentifier
    values: asn1.TLV


@asn1.sequence
class SignerInfo:
    """SignerInfo without unsigned attributes."""

    version: int
    sid: IssuerAndSerial
    digest_algorithm: Algorithm
    signed_attributes: Annotated[asn1.SetOf[Attribute], asn1.Implicit(0)]
    signature_algorithm: Algorithm
    signature: bytes


@asn1.sequence
class SignedData:
    """SignedData without certificates and revocation lists."""

    version: int
    digest_algorithms: asn1.SetOf[Algorithm]
    encapsulated: Encapsulated
    signer_infos: asn1.SetOf[SignerInfo]


@asn1.sequence
class Token:
    """TimeStampToken."""

    content_type: ObjectIdentifier
    content: Annotated[SignedData, asn1.Explicit(0)]


@asn1.sequence
class Status:
    """PKIStatusInfo of a granted request."""

    status: int


@asn1.sequence
class Response:
    """TimeStampResp, as it is given to the library that verifies."""

    status: Status
    token: Token
