"""The verification of a presentation, as one numbered list. Pure: ports, policy and time are given.

Read `verify_presentation` from top to bottom: each step either passes or raises the one error that
ends it. Nothing of a presentation is returned before the last step has passed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from registry_chain.records import status_key
from ssi.credential import person_claims, verify_times
from ssi.dcql import Candidate, check_response
from ssi.encoding import JSONObject
from ssi.errors import BindingMismatch, ConsentDeclined, Expired, Malformed, Replayed, Unavailable
from ssi.oid4vp import ResponseError, UntrustedResponse, parse_response
from ssi.relationship import token_digest
from ssi.sdjwt import VerifiedSdJwt, verify_key_binding, verify_redacted_key_binding
from ssi.sharing import VerifiedConsent, parse_consent, verify_consent
from verifier_sdk.claims import Claims, asked_claims, read_claims
from verifier_sdk.credentials import (
    Credential,
    Presented,
    binding_policy,
    check_issuer,
    check_signature,
    check_status,
    read_presentation,
)
from verifier_sdk.policy import DEFAULT_POLICY, Policy, today_in_japan
from verifier_sdk.ports import Facts, LedgerView, RequestState, SentRequest, StatusView
from verifier_sdk.profiles import FORMAT
from verifier_sdk.results import LedgerPoint, Received, Step, Trail, VerifiedPresentation


def verify_presentation(  # noqa: PLR0913 - the ports and limits of one verification
    form: bytes | UntrustedResponse,
    *,
    request: SentRequest,
    ledger: LedgerView,
    statuses: StatusView,
    now: datetime,
    policy: Policy = DEFAULT_POLICY,
    trail: Trail | None = None,
    withheld: bool = False,
) -> VerifiedPresentation:
    """Judge a wallet's answer to a request of ours [TRUST-1].

    Args:
        form: The posted body; or the answer in it, opened before, when it is judged again.
        request: The request that the answer is sealed for.
        ledger: Proven records of the chain.
        statuses: Status lists that the chain names.
        now: The present.
        policy: What we take.
        trail: Where the verdict of each step is noted, also when the answer is rejected.
        withheld: Only for evidence: disclosures were left out since, so (6) cannot compare the
            hash over them and (8) cannot ask for them all [EVI-RED-2].

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
        answer = _open_answer(form, request) if isinstance(form, bytes) else form
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
        asked = [key for one in every for key in one.record_keys()]
        limit = policy.age_for(request.profile.code)
        facts = ledger.records(asked, now=now, limit=limit)
        notes.append(_told(facts.point))
        accredited = {
            name: tuple(check_issuer(one, facts, now) for one in many)
            for name, many in presented.items()
        }

    # (4) Signature and disclosures
    with trail.step(Step.SIGNATURE):
        signed = {
            name: tuple(check_signature(one) for one in many) for name, many in accredited.items()
        }

    # (5) Times
    with trail.step(Step.TIMES):
        for many in signed.values():
            for verified in many:
                verify_times(verified.claims, now=now, leeway=policy.leeway)

    # (6) Key binding by our policy: our nonce, our name, our terms
    with trail.step(Step.KEY_BINDING):
        _check_bindings(presented, signed, request, now, policy, withheld=withheld)
        consent = _check_consent(answer, request, now)

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
        claims = _shown(credentials) if withheld else _check_policy(credentials, request, now)

    received = Received(
        vp_token=answer.vp_token,
        extra=answer.extra,
        bundle=facts.bundle,
        status_digests=_status_digests(every, facts),
    )
    return _result(request, facts, credentials, claims, consent, received, trail, now)


# --- (1) parse ---


def _open_answer(form: bytes, request: SentRequest) -> UntrustedResponse:
    key = request.key
    if key is None:  # thrown away when the request was closed
        raise Replayed("the request was answered already", code="presentation.replayed")
    answer = parse_response(form, find_key=lambda kid: key if kid == request.key_id else None)
    if isinstance(answer, ResponseError):
        raise ConsentDeclined("the holder did not answer", code="consent.declined")
    return answer


# --- (2) the request ---


def _check_request(answer: UntrustedResponse, request: SentRequest, now: datetime) -> None:
    if answer.state != request.state:
        raise BindingMismatch("the answer belongs to another request", code="session.state")
    if request.life is not RequestState.OPEN:
        raise Replayed("the request was answered already", code="presentation.replayed")
    if now >= request.expires_at:
        raise Expired("the request is over", code="session.expired")


# --- (6) key binding ---


def _check_bindings(  # noqa: PLR0913 - what each presentation is bound to
    presented: Mapping[str, Sequence[Presented]],
    signed: Mapping[str, Sequence[VerifiedSdJwt]],
    request: SentRequest,
    now: datetime,
    policy: Policy,
    *,
    withheld: bool,
) -> None:
    """One wrong nonce anywhere rejects the whole answer (OpenID4VP 1.0 §8.6) [TRUST-6].

    In evidence some disclosures may have been left out since [EVI-RED-2].
    """
    verify_binding = verify_redacted_key_binding if withheld else verify_key_binding
    for name, many in presented.items():
        for one, verified in zip(many, signed[name], strict=True):
            verify_binding(
                one.sdjwt,
                verified,
                audience=request.client_id,
                nonce=request.nonce,
                now=now,
                policy=binding_policy(policy),
                transaction_data=(request.terms,),
            )


def _check_consent(
    answer: UntrustedResponse, request: SentRequest, now: datetime
) -> VerifiedConsent | None:
    """A consent is for this firm, these terms, this purpose [TRUST-6]."""
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


def _told(point: LedgerPoint) -> str:
    """What the trail says of the block: who signed it, and who showed it."""
    source = "stapled" if point.stapled else f"nodes={point.nodes_agreed}/{point.nodes_asked}"
    return (
        f"height={point.height} validators={point.signed}/{point.validators}"
        f" power={point.signed_power}/{point.power} {source}"
    )


def _shown(credentials: Mapping[str, Sequence[Credential]]) -> Claims:
    """What is left of the claims when some were left out; whether all were given is not judged."""
    given: JSONObject = {}
    for many in credentials.values():
        for one in many:
            given |= person_claims(one.claims)
    return read_claims(given)


def _status_digests(every: Sequence[Presented], facts: Facts) -> tuple[str, ...]:
    records = [facts.records.get(status_key(one.issuer, one.status_list)) for one in every]
    digests = [str(record["digest"]) for record in records if record is not None]
    return tuple(dict.fromkeys(digests))


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
    received: Received,
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
        ledger=facts.point,
        header_age=max(now - facts.point.time, timedelta()),
        issuers=tuple(dict.fromkeys(one.issuer for one in every)),
        trust_frameworks=tuple(dict.fromkeys(one.trust_framework for one in every)),
        consent=consent,
        received=received,
    )
