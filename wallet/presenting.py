"""From a request link to a plan, and from a plan to an answer (OpenID4VP 1.0) [WAL-SHOW-4].

``review`` sends nothing about the holder. ``answer`` presents exactly the SD-JWTs of
the plan that was shown. After data has left the wallet nothing raises any more: the
outcome says what is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from ssi.encoding import JSONObject, b64url_encode, parse_json_object
from ssi.errors import Expired, Malformed, NotYetValid, Rejected, SSIError
from ssi.keys import public_key_from_jwk
from ssi.oid4vp import (
    REQUEST_MEDIA_TYPE,
    AuthenticatedRequest,
    AuthorizationError,
    RequestFetch,
    RequestLink,
    RequestPolicy,
    RequestUriMethod,
    authenticate_request,
    build_error_response,
    build_response,
    parse_request_link,
    parse_request_object,
    parse_response_reply,
    read_authenticated,
)
from ssi.sdjwt import present
from wallet import agreements, history, relationships, underway, web
from wallet.consents import ConsentPlan, holding, make_plan
from wallet.context import Context
from wallet.copies import pick_copies
from wallet.history import Did
from wallet.register import Firm, firm_by_client_id, firm_by_id
from wallet.relationships import StoredConsent
from wallet.store import (
    Names,
    credentials,
    keep_address,
    mark_used,
    signer_of,
)
from wallet.underway import Sending

_FORM = "application/x-www-form-urlencoded"
_POLICY = RequestPolicy()
_CODE = re.compile(r"[a-z][a-z0-9_.]{1,63}", re.ASCII)
_METHOD_REFUSED = frozenset({404, 405})


class Shared(StrEnum):
    """What is known about the data having reached the firm."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # it arrived, the firm did not take it
    UNKNOWN = "unknown"  # the line broke


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an answer ended."""

    state: Shared
    names: Names
    verifier_id: str
    record_id: str | None = None
    redirect_uri: str | None = None
    code: str | None = None


def review(ctx: Context, link: str) -> ConsentPlan:
    """Fetch a request, prove its sender, and plan the answer.

    Raises:
        Rejected: ``request.*``, ``jose.*``, ``fetch.blocked``, ``name.rejected``.
        Unavailable: the firm or the ledger does not answer.
    """
    authentic = _fetch_request(ctx, parse_request_link(link.strip()))
    _check_leaf_time(authentic, ctx.now())
    request = read_authenticated(authentic, policy=_POLICY).request
    now = ctx.now()
    firm = firm_by_client_id(ctx, request.client_id.text, now=now)
    party = request.client_id.text if firm is None else firm.id
    usable, lacks = pick_copies(credentials(ctx.vault), party, now=ctx.seconds())
    plan = make_plan(
        request,
        expires_at=_expiry(authentic.claims),
        firm=firm,
        holdings=[holding(item) for item in usable],
        lacks=lacks,
        now=now,
    )
    return replace(plan, link=link)


def answer(ctx: Context, plan: ConsentPlan, *, accept_updates: bool) -> Outcome:
    """Present exactly what a plan shows.

    Args:
        ctx: the wallet's ports.
        plan: what the person saw and agreed to.
        accept_updates: whether later moves may be sent to the firm too.

    Returns:
        What is known about the data having arrived; nothing raises once it has left.

    Raises:
        Rejected: the plan cannot be answered; nothing was sent.
        Unavailable: the mailbox or ledger does not answer; nothing was sent.
    """
    firm = _check_plan(ctx, plan)
    consent = (
        agreements.prepare(ctx, plan, firm) if accept_updates and plan.offers_updates else None
    )
    with ctx.vault.transaction():
        for part in plan.answers:
            mark_used(ctx.vault, part.credential.id, by=firm.id, at=ctx.seconds())
    body = build_response(
        plan.request, _presentations(ctx, plan), random=ctx.random, extra=_extra(ctx, plan, consent)
    )
    with ctx.vault.transaction():
        sending = underway.keep_answer(
            ctx,
            link=plan.link,
            party=firm.id,
            client_id=firm.client_id,
            names=firm.names,
            response_uri=plan.request.response_uri,
            body=body,
            record_id=None if consent is None else consent.record_id,
            address_version=_address_version(ctx, plan),
            details=_details(plan),
        )
    return _send(ctx, sending, firm)


def resume(ctx: Context, link: str) -> Outcome | None:
    """Settle the answer to a link that was cut short; ``None`` when there is none [WAL-SEND-1].

    Raises:
        Unavailable: the ledger does not answer; nothing was sent.
    """
    sending = underway.answer_to(ctx.vault, link)
    return None if sending is None else _send_again(ctx, sending)


def resume_all(ctx: Context) -> tuple[Outcome, ...]:
    """Settle every answer that was cut short; what cannot be settled now waits."""
    ended: list[Outcome] = []
    for sending in underway.answers(ctx):
        try:
            ended.append(_send_again(ctx, sending))
        except SSIError as error:
            if not web.is_quiet(error):
                raise
    return tuple(ended)


def _send_again(ctx: Context, sending: Sending) -> Outcome:
    """Send the same bytes to the firm that the person agreed to, if it is still registered."""
    return _send(ctx, sending, firm_by_id(ctx, sending.party, sending.client_id, now=ctx.now()))


def decline(ctx: Context, plan: ConsentPlan) -> None:
    """Refuse a request; the firm learns no more than that (OpenID4VP 1.0 section 8.5).

    A sender that is not on the register is told nothing at all.
    """
    history.record(
        ctx.vault,
        Did.DECLINED,
        at=ctx.now(),
        party="" if plan.firm is None else plan.firm.id,
        names=None if plan.firm is None else plan.firm.names,
        outcome="declined",
        code=plan.problems[0].value if plan.problems else None,
        details=_details(plan),
    )
    if plan.firm is None:
        return
    body = build_error_response(plan.request.state, AuthorizationError.ACCESS_DENIED)
    try:
        web.post(ctx.fetch, plan.request.response_uri, body, content_type=_FORM)
    except SSIError as error:
        if not web.is_quiet(error):
            raise


# --- fetching the request ---------------------------------------------------


def _fetch_request(ctx: Context, link: RequestLink) -> AuthenticatedRequest:
    nonce: str | None = None
    if link.request_object is not None:
        token = link.request_object
    elif link.request_uri is None:
        raise Rejected("the request is not signed", code="request.signature")
    else:
        token, nonce = _download(ctx, link, link.request_uri)
    return authenticate_request(
        parse_request_object(token),
        client_id=link.client_id,
        wallet_nonce=nonce,
        now=ctx.now(),
        policy=_POLICY,
    )


def _download(ctx: Context, link: RequestLink, uri: str) -> tuple[str, str | None]:
    """Return the request object and the nonce it must echo."""
    nonce: str | None = None
    if link.method is RequestUriMethod.POST:
        nonce = b64url_encode(ctx.random(24))
        reply = web.post(
            ctx.fetch,
            uri,
            RequestFetch(wallet_nonce=nonce).to_form(),
            content_type=_FORM,
            headers={"Accept": REQUEST_MEDIA_TYPE},
        )
        if link.client_id is None and reply.status in _METHOD_REFUSED:
            nonce = None
            reply = web.get(ctx.fetch, uri, accept=REQUEST_MEDIA_TYPE)
    else:
        reply = web.get(ctx.fetch, uri, accept=REQUEST_MEDIA_TYPE)
    web.expect(reply, web.OK, code="request.unavailable")
    web.check_type(reply, REQUEST_MEDIA_TYPE, code="request.malformed")
    try:
        return reply.body.decode("ascii").strip(), nonce
    except UnicodeDecodeError as error:
        raise Rejected("the request is not a token", code="request.malformed") from error


def _check_leaf_time(authentic: AuthenticatedRequest, now: datetime) -> None:
    """The ledger names the certificate; its own dates hold as well."""
    for certificate in authentic.chain[:1]:
        if now < certificate.not_valid_before_utc:
            raise NotYetValid("the firm's certificate is not valid yet", code="request.certificate")
        if now > certificate.not_valid_after_utc:
            raise Expired("the firm's certificate has expired", code="request.certificate")


def _expiry(claims: JSONObject) -> datetime | None:
    value = claims.get("exp")
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return datetime.fromtimestamp(value, UTC)


# --- answering --------------------------------------------------------------


def _check_plan(ctx: Context, plan: ConsentPlan) -> Firm:
    if plan.problems or plan.firm is None or not plan.can_answer:
        code = plan.problems[0].value if plan.problems else "request.malformed"
        raise Rejected("this request cannot be answered", code=code)
    if plan.expires_at is not None and ctx.now() >= plan.expires_at:
        raise Expired("the request has expired", code="request.expired")
    return plan.firm


def _presentations(ctx: Context, plan: ConsentPlan) -> dict[str, list[str]]:
    request = plan.request
    tokens: dict[str, list[str]] = {}
    for part in plan.answers:
        about = tuple(
            entry.raw for entry in request.transaction_data if part.query_id in entry.credential_ids
        )
        token = present(
            part.sdjwt,
            signer_of(ctx.vault, part.credential.thumbprint),
            audience=request.client_id.text,
            nonce=request.nonce,
            now=ctx.now(),
            transaction_data=about,
        )
        tokens.setdefault(part.query_id, []).append(token)
    return tokens


def _extra(ctx: Context, plan: ConsentPlan, consent: StoredConsent | None) -> JSONObject:
    extra: JSONObject = {}
    if consent is not None:
        extra["consent"] = consent.receipt
    bundle = _registry_proof(ctx, plan)
    if bundle is not None:
        extra["registry_proof"] = bundle
    return extra


def _registry_proof(ctx: Context, plan: ConsentPlan) -> str | None:
    """Staple what the firm will look up anyway; without a ledger the answer goes without.

    Not the batch's anchor: a batch is one holder's, and two firms could join on its name
    [WAL-ONCE-4].
    """
    keys: dict[str, None] = {}
    for part in plan.answers:
        credential = part.credential
        issuer = credential.issuer_id
        keys[f"issuer/{issuer}"] = None
        keys[f"key/{issuer}/{public_key_from_jwk(credential.issuer_jwk).thumbprint()}"] = None
        keys[f"status/{issuer}/{credential.status_uri.rsplit('/', 1)[-1]}"] = None
    try:
        return ctx.registry.staple(list(keys), now=ctx.now(), max_age=ctx.config.max_age)
    except SSIError as error:
        if not web.is_quiet(error):
            raise
        return None


def _send(ctx: Context, sending: Sending, firm: Firm) -> Outcome:
    """Send an answer and note how it ended; an answer without a reply stays under way."""
    try:
        reply = web.post(ctx.fetch, sending.response_uri, sending.body, content_type=_FORM)
    except SSIError as error:
        if not web.is_quiet(error):
            raise
        history.amend(ctx.vault, sending.line, outcome=Shared.UNKNOWN.value, code=error.code)
        return _outcome(sending, Shared.UNKNOWN, code=error.code)
    if reply.status != web.OK:
        return _ended(ctx, sending, Shared.REFUSED, code=_reason(reply.body))
    return _accepted(ctx, sending, firm, reply.body)


def _accepted(ctx: Context, sending: Sending, firm: Firm, body: bytes) -> Outcome:
    """Read the firm's reply; a bad one does not undo what was shared."""
    try:
        reply = parse_response_reply(body)
        with ctx.vault.transaction():
            if sending.record_id is not None:
                consent = relationships.consent(ctx.vault, sending.record_id)
                agreements.confirm(ctx, firm, consent, reply)
            outcome = _ended(ctx, sending, Shared.ACCEPTED, redirect_uri=reply.redirect_uri)
    except Rejected as error:
        return _ended(ctx, sending, Shared.ACCEPTED, code=error.code)
    relationships.record_on_chain(ctx)
    return outcome


def _reason(body: bytes) -> str:
    """Return the code by which the firm says why it did not accept, when it says it properly."""
    try:
        code = parse_json_object(body).get("error")
    except Malformed:
        code = None
    said = isinstance(code, str) and _CODE.fullmatch(code) is not None
    return str(code) if said else "presentation.refused"


def _ended(
    ctx: Context,
    sending: Sending,
    state: Shared,
    *,
    code: str | None = None,
    redirect_uri: str | None = None,
) -> Outcome:
    underway.settle(ctx.vault, sending, outcome=state.value, code=code)
    return _outcome(sending, state, code=code, redirect_uri=redirect_uri)


def _outcome(
    sending: Sending, state: Shared, *, code: str | None = None, redirect_uri: str | None = None
) -> Outcome:
    return Outcome(
        state=state,
        names=sending.names,
        verifier_id=sending.party,
        record_id=sending.record_id,
        redirect_uri=redirect_uri,
        code=code,
    )


def _address_version(ctx: Context, plan: ConsentPlan) -> int | None:
    for item in plan.items:
        if item.path[-1] == "address" and isinstance(item.value, dict):
            return keep_address(
                ctx.vault, item.value, source="credential", since=None, at=ctx.seconds()
            )
    return None


def _details(plan: ConsentPlan) -> JSONObject:
    """Return what history keeps of a request: paths, purpose, period; never a value."""
    terms = plan.terms
    return {
        "claims": [list(item.path) for item in plan.items],
        "over_asked": [list(path) for path in plan.over_asked],
        "purpose": "" if terms is None else terms.purpose_code,
        "retention": "" if terms is None else terms.retention.period,
        "client_id": plan.request.client_id.text,
    }
