"""Is this the credential we asked for? Every check before anything is stored [WAL-ISS-6]."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ssi.credential import (
    anchor_entry,
    kid_parts,
    person_claims,
    status_reference,
    verify_times,
)
from ssi.encoding import (
    JSON,
    Fields,
    JSONObject,
    b64url_decode,
    b64url_encode,
    sha256,
)
from ssi.errors import BindingMismatch, InvalidProof, Malformed, PolicyNotMet, Rejected, Untrusted
from ssi.keys import public_key_from_jwk
from ssi.merkle import leaf_hash, verify_inclusion
from ssi.oid4vci import IssuedCredential
from ssi.sdjwt import UntrustedSdJwt, parse_sdjwt, verify_issuer_jwt
from ssi.x509 import parse_x5c, verify_chain
from wallet.context import Context
from wallet.register import Issuer, credential_key
from wallet.store import StoredCredential

MAX_PATH = 40
_SALT = 32
# Numbers the law forbids private firms to keep; an issuer that sends one is refused whole
# (My Number Act art. 20, Basic Resident Register Act art. 30-38).
_FORBIDDEN = frozenset(
    {"individual_number", "my_number", "mynumber", "resident_record_code", "domicile", "honseki"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What was asked for."""

    issuer: Issuer
    vct: str
    batch: str
    thumbprints: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One verified credential, ready to be stored, and the address in it."""

    stored: StoredCredential
    address: JSONObject | None = field(repr=False)


def check_credential(
    ctx: Context, entry: IssuedCredential, expected: Expected, *, now: datetime
) -> Checked:
    """Verify one credential against the ledger and against what was asked.

    Args:
        ctx: the wallet's ports.
        entry: one member of the credential response.
        expected: what was asked for.
        now: the present.

    Raises:
        Rejected: ``issuance.*`` or the kernel's code.
    """
    untrusted = parse_sdjwt(entry.credential)
    if untrusted.kb is not None:
        raise BindingMismatch("an issued credential has no key binding", code="issuance.binding")
    issuer_id, thumbprint = kid_parts(untrusted.jwt.header)
    if issuer_id != expected.issuer.id:
        raise BindingMismatch("another issuer signed", code="issuance.issuer")
    key = credential_key(ctx, issuer_id, thumbprint, now=now)
    authorities = _check_chain(untrusted, expected.issuer, thumbprint, now)
    verified = verify_issuer_jwt(untrusted, key)
    claims = verified.claims
    _check_claims(claims, expected)
    verify_times(claims, now=now)
    status = status_reference(claims)
    if not status.uri.startswith(expected.issuer.url.rstrip("/") + "/"):
        raise BindingMismatch("the status list is another's", code="issuance.status")
    anchor = _check_anchor(ctx, untrusted, entry.extra.get("anchor"), issuer_id, now)
    fields = Fields(claims, where="credential", code="issuance.credential")
    return Checked(
        stored=StoredCredential(
            id=b64url_encode(sha256(untrusted.jwt.signing_input))[:22],
            batch=expected.batch,
            issuer_id=issuer_id,
            vct=expected.vct,
            sdjwt=entry.credential,
            thumbprint=_bound_key(claims, expected),
            status_uri=status.uri,
            status_index=status.index,
            issuer_jwk=key.jwk,
            authorities=authorities,
            issued_at=fields.take_int("iat"),
            expires_at=fields.take_int("exp"),
            anchor=anchor,
            received_at=int(now.timestamp()),
        ),
        address=address_in(claims),
    )


def check_batch(stored: Sequence[StoredCredential]) -> None:
    """Refuse copies that share a key, a status index or a signature [WAL-ONCE-2].

    Raises:
        BindingMismatch: ``issuance.not_distinct``.
    """
    for values in (
        {item.thumbprint for item in stored},
        {(item.status_uri, item.status_index) for item in stored},
        {item.id for item in stored},
    ):
        if len(values) != len(stored):
            raise BindingMismatch("two copies could be joined", code="issuance.not_distinct")


def address_in(claims: JSONObject) -> JSONObject | None:
    """Return the address a credential holds, when it holds one."""
    verified = claims.get("verified_claims")
    inner = verified.get("claims") if isinstance(verified, dict) else None
    address = inner.get("address") if isinstance(inner, dict) else None
    return address if isinstance(address, dict) else None


def _check_chain(
    untrusted: UntrustedSdJwt, issuer: Issuer, thumbprint: str, now: datetime
) -> tuple[str, ...]:
    """The certificate is by the issuer's registered authority and for the registered key."""
    values = untrusted.jwt.header.get("x5c")
    if not isinstance(values, list):
        raise Malformed("the credential has no certificate", code="issuance.certificate")
    chain = parse_x5c([str(value) for value in values], code="issuance.certificate")
    anchors = [b64decode(der) for der in issuer.ca]
    verified = verify_chain(chain, anchors=anchors, now=now, code="issuance.certificate")
    if verified.public_key.thumbprint() != thumbprint:
        raise BindingMismatch("the certificate is of another key", code="issuance.certificate")
    return verified.akis


def _check_claims(claims: JSONObject, expected: Expected) -> None:
    if claims.get("iss") != expected.issuer.url:
        raise BindingMismatch("the credential names another issuer", code="issuance.issuer")
    if claims.get("vct") != expected.vct:
        raise BindingMismatch("the credential is of another type", code="issuance.vct")
    verified = claims.get("verified_claims")
    verification = verified.get("verification") if isinstance(verified, dict) else None
    framework = verification.get("trust_framework") if isinstance(verification, dict) else None
    if framework != expected.issuer.trust_framework:
        raise Untrusted("another trust framework", code="issuance.trust_framework")
    if not expected.issuer.accreditation.may_attest(expected.vct, person_claims(claims)):
        raise Untrusted(
            "the issuer may not attest one of these claims", code="issuance.claims_not_accredited"
        )
    if _names(claims) & _FORBIDDEN:
        raise PolicyNotMet("a number nobody may keep is inside", code="issuance.forbidden_claim")


def _names(value: JSON) -> set[str]:
    """Return every member name at any depth, folded."""
    if isinstance(value, dict):
        found = {name.casefold() for name in value}
        return found.union(*(_names(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_names(item) for item in value))
    return set()


def _bound_key(claims: JSONObject, expected: Expected) -> str:
    confirmation = claims.get("cnf")
    jwk = confirmation.get("jwk") if isinstance(confirmation, dict) else None
    if not isinstance(jwk, dict):
        raise BindingMismatch("the credential is bound to no key", code="issuance.binding")
    thumbprint = public_key_from_jwk(jwk).thumbprint()
    if thumbprint not in expected.thumbprints:
        raise BindingMismatch("the credential is bound to another key", code="issuance.binding")
    return thumbprint


def _check_anchor(
    ctx: Context, untrusted: UntrustedSdJwt, anchor: JSON, issuer_id: str, now: datetime
) -> JSONObject | None:
    """Check that the credential is in the anchored batch, when one is named [WAL-ISS-7]."""
    if anchor is None:
        return None
    if not isinstance(anchor, dict):
        raise Malformed("the anchor is no object", code="issuance.anchor")
    fields = Fields(anchor, where="anchor", code="issuance.anchor")
    batch = fields.take_str("batch_id", max_len=64)
    salt = fields.take_bytes("salt", size=_SALT)
    index, size = fields.take_int("index"), fields.take_int("size", minimum=1)
    path = [b64url_decode(step) for step in fields.take_strs("path", max_items=MAX_PATH)]
    record = ctx.registry.anchor(issuer_id, batch, now)
    if record is None:
        raise Untrusted("the batch is not anchored", code="issuance.anchor")
    if record.size != size:
        raise InvalidProof("the anchored batch is another", code="issuance.anchor")
    entry = anchor_entry(salt, untrusted.presented.split("~", 1)[0])
    try:
        verify_inclusion(
            root=b64url_decode(record.root),
            leaf_hash=leaf_hash(entry),
            index=index,
            size=size,
            path=path,
        )
    except Rejected as error:
        raise InvalidProof("it is not in the anchored batch", code="issuance.anchor") from error
    return anchor
