"""The verification of a presentation, as one numbered list. Pure: ports, policy and time are given.

Read `verify_presentation` from top to bottom: each step either passes or raises the one error that
ends it. Nothing of a presentation is returned before the last step has passed.
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from registry_chain.records import (
    ACTIVE,
    REVOKED,
    IssuerRecord,
    KeyRecord,
    StatusRecord,
    issuer_key,
    signing_key_key,
    status_key,
)
from ssi.credential import DAY, kid_parts, status_reference, verify_times
from ssi.dcql import Candidate, check_response
from ssi.encoding import Fields, JSONObject, parse_json_object
from ssi.errors import (
    BindingMismatch,
    ConsentDeclined,
    Expired,
    Malformed,
    Rejected,
    Replayed,
    Revoked,
    Suspended,
    Unavailable,
    Untrusted,
)
from ssi.keys import PublicKey, public_key_from_jwk
from ssi.oid4vp import ResponseError, UntrustedResponse, parse_response
from ssi.relationship import token_digest
from ssi.sdjwt import (
    KeyBindingPolicy,
    UntrustedSdJwt,
    VerifiedSdJwt,
    parse_sdjwt,
    verify_issuer_jwt,
    verify_key_binding,
)
from ssi.sharing import VerifiedConsent, parse_consent, verify_consent
from ssi.status_list import INVALID, SUSPENDED, VALID
from ssi.x509 import VerifiedChain, parse_x5c, verify_chain
from verifier_sdk.claims import Claims, asked_claims, read_claims
from verifier_sdk.policy import DEFAULT_POLICY, Policy, today_in_japan
from verifier_sdk.ports import Facts, LedgerView, RequestState, SentRequest, StatusView
from verifier_sdk.profiles import FORMAT
from verifier_sdk.results import LedgerPoint, Step, Trail, VerifiedPresentation

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


def verify_presentation(  # noqa: PLR0913 - the ports and limits of one verification
    form: bytes,
    *,
    request: SentRequest,
    ledger: LedgerView,
    statuses: StatusView,
    now: datetime,
    policy: Policy = DEFAULT_POLICY,
    trail: Trail | None = None,
) -> VerifiedPresentation:
    """Judge a wallet's answer to a request of ours [TRUST-1].

    Args:
        form: The posted body.
        request: The request that the answer is sealed for.
        ledger: Proven records of the chain.
        statuses: Status lists that the chain names.
        now: The present.
        policy: What we take.
        trail: Where the verdict of each step is noted, also when the answer is rejected.

    Returns:
        The result; it exists only when every step passed.

    Raises:
        ConsentDeclined: The holder said no, or has nothing that fits.
        Rejected: The answer is bad, with the code of the failed step.
        Unavailable: There is no verdict: the ledger or a status list cannot be had.
    """
    trail = trail or Trail()

    # (1) Parse: the sealed answer, and every presentation in it
    with trail.step(Step.PARSE):
        answer = _open_answer(form, request)
        presented = {
            name: tuple(read_presentation(text) for text in texts)
            for name, texts in answer.vp_token.items()
        }
        every = [one for many in presented.values() for one in many]

    # (2) The request is ours, open and in time
    with trail.step(Step.REQUEST):
        _check_request(answer, request, now)

    # (3) The issuer is accredited and its key registered, under one light block
    with trail.step(Step.ISSUER) as notes:
        facts = ledger.records([key for one in every for key in one.record_keys()], now=now)
        notes.append(f"height={facts.point.height} validators={facts.point.validators}")
        accredited = {
            name: tuple(check_issuer(one, facts, now) for one in many)
            for name, many in presented.items()
        }

    # (4) Signature and disclosures
    with trail.step(Step.SIGNATURE):
        signed = {
            name: tuple(verify_issuer_jwt(one.presented.sdjwt, one.key) for one in many)
            for name, many in accredited.items()
        }

    # (5) Times
    with trail.step(Step.TIMES):
        for many in signed.values():
            for verified in many:
                verify_times(verified.claims, now=now, leeway=policy.leeway)

    # (6) Key binding by our policy: our nonce, our name, our terms
    with trail.step(Step.KEY_BINDING):
        consent = _check_bindings(answer, presented, signed, request, now, policy)

    # (7) Status: the whole list, by the digest on the ledger
    with trail.step(Step.STATUS):
        credentials = {
            name: tuple(
                check_status(one, verified, facts, statuses, now)
                for one, verified in zip(many, signed[name], strict=True)
            )
            for name, many in accredited.items()
        }

    # (8) Policy: what was asked, and what the profile demands
    with trail.step(Step.POLICY):
        claims = _check_policy(credentials, request, now)

    return _result(request, facts, credentials, claims, consent, trail, now)


# --- (1) parse ---


def _open_answer(form: bytes, request: SentRequest) -> UntrustedResponse:
    key = request.key
    if key is None:  # thrown away when the request was closed
        raise Replayed("the request was answered already", code="presentation.replayed")
    answer = parse_response(form, find_key=lambda kid: key if kid == request.key_id else None)
    if isinstance(answer, ResponseError):
        raise ConsentDeclined("the holder did not answer", code="consent.declined")
    return answer


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


# --- (2) the request ---


def _check_request(answer: UntrustedResponse, request: SentRequest, now: datetime) -> None:
    if answer.state != request.state:
        raise BindingMismatch("the answer belongs to another request", code="session.state")
    if request.life is not RequestState.OPEN:
        raise Replayed("the request was answered already", code="presentation.replayed")
    if now >= request.expires_at:
        raise Expired("the request is over", code="session.expired")


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
    record = IssuerRecord.from_json(raw)
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
    key = _check_key(KeyRecord.from_json(raw_key), one, use="credential", issued=issued)
    return Accredited(presented=one, record=record, key=key, chain=_chain(one, record, key, now))


def _check_key(record: KeyRecord, one: Presented, *, use: str, issued: int) -> PublicKey:
    if record.use != use or record.issuer != one.issuer:
        raise Untrusted("the key is for another use", code="credential.key_unknown")
    # A date inside the signed data does not prove that it was signed before the key leaked.
    if record.state == REVOKED or record.compromised_since is not None:
        raise Untrusted("the key is revoked", code="credential.key_revoked")
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


# --- (6) key binding ---


def binding_policy(policy: Policy) -> KeyBindingPolicy:
    """The kernel's form of our limits."""
    return KeyBindingPolicy(past=policy.binding_past, future=policy.binding_future)


def _check_bindings(  # noqa: PLR0913, PLR0917 - all of them are signed
    answer: UntrustedResponse,
    presented: Mapping[str, Sequence[Presented]],
    signed: Mapping[str, Sequence[VerifiedSdJwt]],
    request: SentRequest,
    now: datetime,
    policy: Policy,
) -> VerifiedConsent | None:
    """One wrong nonce anywhere rejects the whole answer (OpenID4VP 1.0 §8.6)."""
    for name, many in presented.items():
        for one, verified in zip(many, signed[name], strict=True):
            verify_key_binding(
                one.sdjwt,
                verified,
                audience=request.client_id,
                nonce=request.nonce,
                now=now,
                policy=binding_policy(policy),
                transaction_data=(request.terms,),
            )
    token = answer.extra.get("consent")
    if token is None:
        return None
    if not isinstance(token, str):
        raise Malformed("the consent is not a token", code="consent.malformed")
    consent = verify_consent(
        parse_consent(token),
        verifier_id=request.verifier_id,
        client_id=request.client_id,
        terms_digest=token_digest(request.terms),
        now=now,
    )
    if any(purpose.code != request.profile.code for purpose in consent.consent.purposes):
        raise BindingMismatch("the consent is for another purpose", code="consent.binding")
    return consent


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
    if value == SUSPENDED:
        raise Suspended("the issuer has suspended the credential")
    if value != VALID:
        raise Rejected("the status has no meaning to us", code="status.value")
    return Credential(
        claims=verified.claims,
        vct=str(verified.claims["vct"]),
        issuer=presented.issuer,
        trust_framework=_framework(verified.claims, one.record),
        akis=frozenset(one.chain.akis),
        status_issued_at=status_list.issued_at,
        point=facts.point,
    )


def _framework(claims: JSONObject, record: IssuerRecord) -> str:
    verified = claims.get("verified_claims")
    verification = verified.get("verification") if isinstance(verified, dict) else None
    framework = verification.get("trust_framework") if isinstance(verification, dict) else None
    if framework != record.trust_framework:
        raise Untrusted("another trust framework", code="credential.trust_framework")
    return record.trust_framework


# --- (8) policy ---


def _check_policy(
    credentials: Mapping[str, Sequence[Credential]], request: SentRequest, now: datetime
) -> Claims:
    answered = check_response(
        request.query,
        {name: [_candidate(name, one) for one in many] for name, many in credentials.items()},
    )
    given: JSONObject = {}
    for name, selections in answered.items():
        for one, selection in zip(credentials[name], selections, strict=True):
            given |= asked_claims(one.claims, [p for entry in selection for p in entry.paths])
    claims = read_claims(given)
    request.profile.predicate(claims, today_in_japan(now))
    return claims


def _candidate(name: str, one: Credential) -> Candidate:
    return Candidate(
        id=name, format=FORMAT, vct=one.vct, claims=one.claims, authority_key_ids=one.akis
    )


def _result(  # noqa: PLR0913, PLR0917 - gathers what the steps found
    request: SentRequest,
    facts: Facts,
    credentials: Mapping[str, Sequence[Credential]],
    claims: Claims,
    consent: VerifiedConsent | None,
    trail: Trail,
    now: datetime,
) -> VerifiedPresentation:
    every = [one for many in credentials.values() for one in many]
    if not every:
        raise Unavailable("nothing was verified", code="presentation.empty")
    oldest = min(one.status_issued_at for one in every)
    return VerifiedPresentation(
        request_id=request.id,
        reference=request.reference,
        profile=request.profile.code,
        claims=claims,
        checks=tuple(trail.checks),
        verified_at=now,
        status_age=max(now - oldest, timedelta()),
        validators=facts.point.validators,
        height=facts.point.height,
        header_time=facts.point.time,
        header_age=max(now - facts.point.time, timedelta()),
        issuers=tuple(dict.fromkeys(one.issuer for one in every)),
        trust_frameworks=tuple(dict.fromkeys(one.trust_framework for one in every)),
        consent=consent,
    )
