"""Judging one credential by proven records: steps (3), (4) and (7) for presentations and updates.

Pure: records, lists, policy and time are given.
"""

from base64 import b64decode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from registry_chain.records import (
    ACTIVE,
    REVOKED,
    SUSPENDED,
    IssuerRecord,
    KeyRecord,
    StatusRecord,
    issuer_key,
    signing_key_key,
    status_key,
)
from ssi.credential import DAY, kid_parts, person_claims, status_reference
from ssi.encoding import Fields, JSONObject, parse_json_object
from ssi.errors import BindingMismatch, Malformed, Rejected, Revoked, Suspended, Untrusted
from ssi.keys import PublicKey, public_key_from_jwk
from ssi.sdjwt import (
    KeyBindingPolicy,
    UntrustedSdJwt,
    VerifiedSdJwt,
    parse_sdjwt,
    verify_issuer_jwt,
)
from ssi.status_list import INVALID, VALID
from ssi.status_list import SUSPENDED as ON_HOLD
from ssi.x509 import VerifiedChain, parse_x5c, verify_chain
from verifier_sdk.policy import Policy
from verifier_sdk.ports import Facts, StatusView
from verifier_sdk.results import LedgerPoint

_NAME_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_MAX_NAME: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """One presentation with the record names it points to; all of it hints so far."""

    sdjwt: UntrustedSdJwt = field(repr=False)
    issuer: str
    thumbprint: str
    status_list: str

    def record_keys(self) -> tuple[str, ...]:
        """The records needed to judge it."""
        return (
            issuer_key(self.issuer),
            signing_key_key(self.issuer, self.thumbprint),
            status_key(self.issuer, self.status_list),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accredited:
    """What the ledger proves about the issuer of one presentation."""

    presented: Presented
    record: IssuerRecord
    key: PublicKey
    chain: VerifiedChain = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A presentation whose issuer, signature, times, binding and status hold."""

    claims: JSONObject = field(repr=False)
    vct: str
    issuer: str
    trust_framework: str
    akis: frozenset[str]
    status_issued_at: datetime
    point: LedgerPoint


# --- (1) parse ---


def read_presentation(text: str) -> Presented:
    """Take a presentation apart and read the names of the records that judge it.

    Raises:
        Malformed: ``sdjwt.*``, ``jose.*``, ``kb.missing``, ``credential.*`` or ``status.*``.
    """
    sdjwt = parse_sdjwt(text)
    issuer, thumbprint = kid_parts(sdjwt.jwt.header)
    hints = parse_json_object(sdjwt.jwt.payload, limits=sdjwt.jwt.limits)
    name = status_reference(hints).uri.rsplit("/", 1)[-1]
    for part in (issuer, thumbprint):
        if not 0 < len(part) <= _MAX_NAME or not _NAME_CHARS.issuperset(part):
            raise Malformed("the credential names no good key", code="credential.key_unknown")
    if not 0 < len(name) <= _MAX_NAME or not _NAME_CHARS.issuperset(name):
        raise Malformed("the status list has no good name", code="status.malformed")
    return Presented(sdjwt=sdjwt, issuer=issuer, thumbprint=thumbprint, status_list=name)


# --- (3) the issuer ---


def check_issuer(one: Presented, facts: Facts, now: datetime) -> Accredited:
    """Check by proven records that the issuer may issue this, with this key [TRUST-3].

    Raises:
        Untrusted: ``credential.issuer``, ``credential.key_unknown`` or ``credential.chain``.
        Rejected: ``credential.chain``, ``credential.malformed``.
    """
    raw, raw_key = (
        facts.records.get(issuer_key(one.issuer)),
        facts.records.get(one.record_keys()[1]),
    )
    if raw is None:
        raise Untrusted("the issuer is not on the ledger", code="credential.issuer")
    # A suspension that ends by time has ended only if the block that shows it is later.
    proven_at = int(facts.point.time.timestamp())
    record = IssuerRecord.from_json(raw).settled(proven_at)
    hints = Fields(
        parse_json_object(one.sdjwt.jwt.payload, limits=one.sdjwt.jwt.limits),
        where="credential",
        code="credential.malformed",
    )
    at = int(now.timestamp())
    if record.state != ACTIVE or not record.accredited_at(at):
        raise Untrusted("the issuer is not accredited now", code="credential.issuer")
    if hints.take_str("iss") != record.url:
        raise Untrusted("the credential names another issuer", code="credential.issuer")
    if hints.take_str("vct") not in record.credential_types:
        raise Untrusted("the issuer may not issue this type", code="credential.issuer")
    issued = hints.take_int("iat")
    # The day of issue is all that is told; accreditation or key may have begun during it.
    if not (issued - issued % DAY + DAY > record.valid_from and issued <= record.valid_until):
        raise Untrusted("the issuer was not accredited then", code="credential.issuer")
    if raw_key is None:
        raise Untrusted("the issuer has not registered the key", code="credential.key_unknown")
    key_record = KeyRecord.from_json(raw_key).settled(proven_at)
    key = _check_key(key_record, one, use="credential", issued=issued)
    return Accredited(presented=one, record=record, key=key, chain=_chain(one, record, key, now))


def _check_key(record: KeyRecord, one: Presented, *, use: str, issued: int) -> PublicKey:
    if record.use != use or record.issuer != one.issuer:
        raise Untrusted("the key is for another use", code="credential.key_unknown")
    # A date inside the signed data does not prove that it was signed before the key leaked.
    if record.state == REVOKED or record.compromised_since is not None:
        raise Untrusted("the key is revoked", code="credential.key_revoked")
    if record.state == SUSPENDED:
        raise Untrusted("the key is suspended", code="credential.key_suspended")
    if not (issued - issued % DAY + DAY > record.valid_from and issued <= record.valid_until):
        raise Untrusted("the key was not valid then", code="credential.key_unknown")
    key = public_key_from_jwk(record.jwk)
    if key.thumbprint() != one.thumbprint:
        raise Untrusted("the key record is of another key", code="credential.key_unknown")
    return key


def _chain(one: Presented, record: IssuerRecord, key: PublicKey, now: datetime) -> VerifiedChain:
    values = one.sdjwt.jwt.header.get("x5c")
    if not isinstance(values, list):
        raise Malformed("the credential has no certificate", code="credential.chain")
    chain = verify_chain(
        parse_x5c([value for value in values if isinstance(value, str)]),
        anchors=[b64decode(der) for der in record.ca],
        now=now,
    )
    if chain.public_key != key:
        raise Untrusted("the certificate is of another key", code="credential.chain")
    return chain


# --- (4) signature ---


def check_signature(one: Accredited) -> VerifiedSdJwt:
    """Check signature and disclosures, and that framework and claims are the accredited ones.

    Raises:
        Rejected: ``jose.*`` or ``sdjwt.*``.
        Untrusted: ``credential.trust_framework`` or ``credential.claims_not_accredited``.
    """
    verified = verify_issuer_jwt(one.presented.sdjwt, one.key)
    data = verified.claims.get("verified_claims")
    verification = data.get("verification") if isinstance(data, dict) else None
    framework = verification.get("trust_framework") if isinstance(verification, dict) else None
    if framework != one.record.trust_framework:
        raise Untrusted("another trust framework", code="credential.trust_framework")
    if not one.record.may_attest(str(verified.claims["vct"]), person_claims(verified.claims)):
        raise Untrusted(
            "the issuer may not attest one of these claims", code="credential.claims_not_accredited"
        )
    return verified


# --- (6) key binding ---


def binding_policy(policy: Policy) -> KeyBindingPolicy:
    """The kernel's form of our limits."""
    return KeyBindingPolicy(past=policy.binding_past, future=policy.binding_future)


# --- (7) status ---


def check_status(
    one: Accredited,
    verified: VerifiedSdJwt,
    facts: Facts,
    statuses: StatusView,
    now: datetime,
) -> Credential:
    """Check that the issuer has not taken the credential back [TRUST-7].

    Raises:
        Revoked, Suspended: ``credential.revoked``, ``credential.suspended``.
        Rejected: ``status.*``.
        Unavailable: ``status.unavailable``: no verdict, never accepted.
    """
    reference = status_reference(verified.claims)
    presented = one.presented
    raw = facts.records.get(status_key(presented.issuer, presented.status_list))
    if raw is None:
        raise Untrusted("the status list is not on the ledger", code="status.unknown")
    record = StatusRecord.from_json(raw)
    if record.uri != reference.uri:
        raise BindingMismatch("the ledger's list has another address", code="status.subject")
    status_list = statuses.status_list(presented.issuer, presented.status_list, record, now=now)
    value = status_list.list.get(reference.index)
    if value == INVALID:
        raise Revoked("the issuer has revoked the credential")
    if value == ON_HOLD:
        raise Suspended("the issuer has suspended the credential")
    if value != VALID:
        raise Rejected("the status has no meaning to us", code="status.value")
    return Credential(
        claims=verified.claims,
        vct=str(verified.claims["vct"]),
        issuer=presented.issuer,
        trust_framework=one.record.trust_framework,
        akis=frozenset(one.chain.akis),
        status_issued_at=status_list.issued_at,
        point=facts.point,
    )
