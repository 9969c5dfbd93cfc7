"""RFC 3161 time-stamps: ask an authority, and judge its token years later without any network.

Verification of signature and chain is the library ``rfc3161-client``'s (extra ``anchoring``); what
counts, and whose, is decided here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import rfc3161_client as library
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.x509.oid import ExtendedKeyUsageOID

from registry_chain.anchoring import timestamp_forms as forms
from registry_chain.anchoring.policy import TimeAuthority
from registry_chain.anchoring.proofs import (
    HASH_BYTES,
    MAX_PROOF_BYTES,
    Method,
    VerifiedAnchor,
    stamped_digest,
)
from ssi import fetch as web
from ssi.errors import (
    BindingMismatch,
    InvalidSignature,
    Malformed,
    PolicyNotMet,
    Unreachable,
    Untrusted,
)

_REQUEST_TYPE = "application/timestamp-query"
_ANSWER_TYPE = "application/timestamp-reply"
_SIGNED_DATA_VERSION, _SIGNER_VERSION = 3, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stamp:
    """What a token says, read whole before anything is judged."""

    response: library.TimeStampResponse
    issuer: x509.Name
    certificate_serial: int
    imprint_algorithm: x509.ObjectIdentifier
    imprint: bytes
    nonce: int | None
    time: datetime
    accuracy: timedelta | None
    serial: int
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StampRequest:
    """A request, and the nonce its answer must repeat."""

    nonce: int
    der: bytes = field(repr=False)


def stamp_request(block_hash: bytes, nonce: bytes) -> StampRequest:
    """Build a request [ANC-TSA-1].

    Args:
        block_hash: What is to be stamped.
        nonce: Eight or more random bytes.
    """
    if len(block_hash) != HASH_BYTES:
        raise ValueError("a block hash has 32 bytes")
    number = int.from_bytes(b"\x01" + nonce)  # the leading one keeps every nonce as long
    imprint = forms.Imprint(
        algorithm=forms.Algorithm(algorithm=forms.SHA256, parameters=asn1.Null()),
        message=stamped_digest(block_hash),
    )
    der = asn1.encode_der(forms.Request(version=1, imprint=imprint, nonce=number))
    return StampRequest(nonce=number, der=der)


def ask_authority(url: str, request: StampRequest, fetch: web.Fetch) -> bytes:
    """Send a request and return the token of the answer, unverified.

    Raises:
        Unreachable: No answer of the right kind.
        Rejected: As `token_of`.
    """
    answer = fetch(
        web.Request(
            url=url, method="POST", headers={"Content-Type": _REQUEST_TYPE}, body=request.der
        )
    )
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status != HTTPStatus.OK or kind != _ANSWER_TYPE:
        raise Unreachable("the time-stamping authority gives no time-stamp", code="anchor.tsa_http")
    return token_of(answer.body)


def token_of(response: bytes) -> bytes:
    """Take the token out of an authority's answer [ANC-TSA-3].

    Raises:
        PolicyNotMet: ``anchor.tsa_refused``: refused, or granted with changes.
        Malformed: ``anchor.tsa_form``.
    """
    parsed = _parsed(response)
    if parsed.status != library.PKIStatus.GRANTED:
        raise PolicyNotMet("the authority did not grant the request", code="anchor.tsa_refused")
    try:
        return parsed.time_stamp_token()
    except ValueError:
        raise Malformed("the answer holds no time-stamp", code="anchor.tsa_form") from None


def verify_token(
    token: bytes,
    block_hash: bytes,
    authorities: Sequence[TimeAuthority],
    *,
    nonce: int | None = None,
) -> VerifiedAnchor:
    """Return what a token proves.

    (1) its form has room for signed bytes only  (2) an authority of ours is named as signer
    (3) it stamps this block hash  (4) it answers our request, if one is given
    (5) the certificate is for time-stamping and was valid at the stamp's time
    (6) the signature and the chain verify at that time
    (7) the authority is trusted for that time, and exact enough

    Args:
        token: The DER of a TimeStampToken.
        block_hash: The hash it must stamp.
        authorities: Whom the reader trusts.
        nonce: The request's, when the token has just been received.

    Raises:
        Rejected: ``anchor.tsa_*``, ``anchor.imprint``, ``anchor.nonce``.
    """
    stamp = _read(token)
    signer = _signer(stamp, authorities)
    if (stamp.imprint_algorithm, stamp.imprint) != (forms.SHA256, stamped_digest(block_hash)):
        raise BindingMismatch("the time-stamp is for something else", code="anchor.imprint")
    if nonce is not None and stamp.nonce != nonce:
        raise BindingMismatch("the time-stamp answers another request", code="anchor.nonce")
    _certificate_was_good(signer.certificate, stamp.time)
    _signed(stamp, signer)
    accuracy = signer.accuracy if stamp.accuracy is None else stamp.accuracy
    if accuracy is None or accuracy > signer.max_accuracy:
        raise PolicyNotMet("the time-stamp is not exact enough", code="anchor.tsa_accuracy")
    if signer.distrusted_from is not None and stamp.time >= signer.distrusted_from:
        raise Untrusted("the authority is not trusted for this time", code="anchor.tsa_distrusted")
    return VerifiedAnchor(
        method=Method.RFC3161,
        authority=signer.name,
        block_hash=block_hash,
        time=stamp.time,
        accuracy=accuracy,
        shown={"serial": format(stamp.serial, "x"), "policy": stamp.policy},
    )


def _parsed(response: bytes) -> library.TimeStampResponse:
    if len(response) > MAX_PROOF_BYTES:
        raise Malformed("the time-stamp is too big", code="anchor.tsa_form")
    try:
        return library.decode_timestamp_response(response)
    except ValueError:
        raise Malformed(
            "not the answer of a time-stamping authority", code="anchor.tsa_form"
        ) from None


def _read(token: bytes) -> _Stamp:
    """(1) The token in the narrow form, and nothing behind it."""
    if len(token) > MAX_PROOF_BYTES:
        raise Malformed("the time-stamp is too big", code="anchor.tsa_form")
    try:
        read = asn1.decode_der(forms.Token, token)
        data = read.content
        (signer,) = data.signer_infos.as_list()
        (digest,) = data.digest_algorithms.as_list()
        fits = (
            read.content_type == forms.SIGNED_DATA
            and data.version == _SIGNED_DATA_VERSION
            and data.encapsulated.content_type == forms.TST_INFO
            and signer.version == _SIGNER_VERSION
            and signer.digest_algorithm.algorithm == digest.algorithm
            and signer.signature_algorithm.algorithm in forms.SIGNATURES[digest.algorithm]
            and asn1.encode_der(read) == token
        )
        if fits:
            granted = forms.Response(status=forms.Status(status=0), token=read)
            return _stamp(_parsed(asn1.encode_der(granted)))
    except (ValueError, KeyError):  # the library reads late, so everything is read here
        pass
    raise Malformed("the time-stamp is not in the form we take", code="anchor.tsa_form")


def _stamp(response: library.TimeStampResponse) -> _Stamp:
    info = response.tst_info
    (named,) = response.signed_data.signer_infos
    return _Stamp(
        response=response,
        issuer=named.issuer,
        certificate_serial=named.serial_number,
        imprint_algorithm=info.message_imprint.hash_algorithm,
        imprint=info.message_imprint.message,
        nonce=info.nonce,
        time=info.gen_time.astimezone(UTC),
        accuracy=_accuracy(info),
        serial=info.serial_number,
        policy=info.policy.dotted_string,
    )


def _accuracy(info: library.TimeStampTokenInfo) -> timedelta | None:
    said = info.accuracy
    if said is None:  # the library's types do not tell that it is optional
        return None
    return timedelta(
        seconds=said.seconds or 0,
        milliseconds=said.millis or 0,
        microseconds=said.micros or 0,
    )


def _signer(stamp: _Stamp, authorities: Sequence[TimeAuthority]) -> TimeAuthority:
    """(2) Who claims to have signed, among those we trust [ANC-TSA-4]."""
    named = (stamp.issuer, stamp.certificate_serial)
    for authority in authorities:
        certificate = authority.certificate
        if (certificate.issuer, certificate.serial_number) == named:
            return authority
    raise Untrusted("no authority of ours signed this time-stamp", code="anchor.tsa_unknown")


def _certificate_was_good(certificate: x509.Certificate, moment: datetime) -> None:
    """(5) For time-stamping alone, and within its life at the stamp's time [ANC-TSA-5]."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        usage = None
    stamping = [ExtendedKeyUsageOID.TIME_STAMPING]
    if usage is None or not usage.critical or list(usage.value) != stamping:
        raise Untrusted("the certificate is not for time-stamping", code="anchor.tsa_usage")
    if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
        raise Untrusted(
            "the authority's certificate was not valid at that time", code="anchor.tsa_validity"
        )


def _signed(stamp: _Stamp, signer: TimeAuthority) -> None:
    """(6) The pinned certificate signed it, and its chain held at the time of the stamp."""
    roots = list(signer.issuers[-1:]) or [signer.certificate]
    verifier = library.VerifierBuilder(
        tsa_certificate=signer.certificate,
        intermediates=list(signer.issuers[:-1]),
        roots=roots,
    ).build()
    try:
        verifier.verify(stamp.response, stamp.imprint)
    except (library.VerificationError, ValueError):
        raise InvalidSignature(
            "the time-stamp's signature does not verify", code="anchor.tsa_signature"
        ) from None
