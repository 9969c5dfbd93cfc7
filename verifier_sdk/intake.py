"""Taking a wallet's answer: find its request, judge it, and keep the outcome exactly once."""

import hmac
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from ssi.encoding import JSONObject, b64url_encode, sha256
from ssi.errors import (
    BindingMismatch,
    ConsentDeclined,
    Malformed,
    Rejected,
    Replayed,
    SSIError,
    Unavailable,
)
from ssi.forms import parse_form
from ssi.keys import Random, Signer
from ssi.oid4vp import ResponseError, ResponseReply, parse_response, response_key_id
from ssi.sharing import build_countersignature
from verifier_sdk import held, relationships
from verifier_sdk.config import VerifierConfig
from verifier_sdk.events import Handlers
from verifier_sdk.kept import PRESENTATION, Kept, keep
from verifier_sdk.ledger import OnlineLedger, Registry
from verifier_sdk.policy import Policy, today_in_japan
from verifier_sdk.ports import RequestState, SentRequest, StatusView
from verifier_sdk.records import add_period, receipt_record
from verifier_sdk.results import Received, RejectedPresentation, Trail, VerifiedPresentation
from verifier_sdk.store import Outcome, Store, dump, seconds
from verifier_sdk.verifier import verify_presentation

FRESH_BYTES: Final = 24
_NOTHING: Final = Outcome(state=RequestState.EXPIRED, code=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A verified answer and what the wallet is told about it.

    ``result`` is ``None`` while the browser that began the request has to come back first.
    """

    result: VerifiedPresentation | None
    reply: ResponseReply = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What taking an answer needs."""

    config: VerifierConfig
    store: Store
    registry: Registry
    statuses: StatusView
    handlers: Handlers
    policy: Policy
    random: Random
    receipt_key: Signer | None = field(repr=False)

    def answer(self, form: bytes, *, now: datetime, request_id: str | None) -> Answered:
        """Judge a wallet's answer and write the reply; raises as `Verifier.verify`."""
        trail = Trail()
        request = unclaimed(self.store, self._find(form, request_id), now)
        try:
            result = self._verified(form, request, now, trail)
        except ConsentDeclined as error:
            self._close(request, RequestState.DECLINED, error, trail)
            raise
        except Rejected as error:
            self._close(request, RequestState.REJECTED, error, trail)
            raise
        if held.is_marked(self.store, request.id):
            return self._hold(request, result, now, form=form)
        return self._accept(request, result, now, form=form)

    def redeem(self, request_id: str, now: datetime) -> None:
        """Finish a held answer: its browser is back [TRUST-WEB-3].

        The sealed answer is judged again, as of now; a bad one ends the request.

        Raises:
            Unavailable: No verdict, or a handler failed: the browser may come again.
        """
        request, kept = self.store.request(request_id), held.find(self.store, request_id)
        if request is None or kept is None:
            return
        trail = Trail()
        try:
            result = self._verified(kept.form, replace(request, life=RequestState.OPEN), now, trail)
        except (Rejected, ConsentDeclined) as error:
            held.reject(self.store, request_id, error.code)
            self._tell_rejected(request, error, trail)
            return
        if not held.claim(self.store, request_id, now):
            return  # another tab of the same browser
        result = replace(result, records=receipt_record(result, request, self.config.verifier_id))
        code = (self.store.outcome(request_id, now) or _NOTHING).response_code or ""
        try:
            self.handlers.tell("presentation.verified", result)
            self._keep(request, result, code, now, form=kept.form, extra=kept.extra)
        except SSIError:
            held.give_back(self.store, request_id, claimed_at=now)
            raise
        held.forget(self.store, request_id)

    def _verified(
        self, form: bytes, request: SentRequest, now: datetime, trail: Trail
    ) -> VerifiedPresentation:
        return verify_presentation(
            form,
            request=request,
            ledger=OnlineLedger(
                self.registry,
                max_age=self.policy.max_age,
                stapled_age=self.policy.stapled_age,
                stapled=lambda: self._stapled(form, request),
                offline=self.config.offline,
            ),
            statuses=self.statuses,
            now=now,
            policy=self.policy,
            trail=trail,
        )

    def _hold(
        self, request: SentRequest, result: VerifiedPresentation, now: datetime, *, form: bytes
    ) -> Answered:
        """Keep a good answer sealed until its browser is back; tell nobody but the wallet."""
        self._require_new(result)
        response_code = b64url_encode(self.random(FRESH_BYTES))
        extra = self._consent_extra(result, now)
        kept = held.Held(form=form, extra=extra)
        if not held.hold(self.store, request.id, kept, hidden(response_code), now):
            raise Replayed("the request was answered already", code="presentation.replayed")
        return Answered(result=None, reply=self._reply(request, response_code, extra))

    def repeated(self, form: bytes) -> ResponseReply | None:
        """The reply to an answer verified before, for a wallet that lost it [TRUST-2].

        The same bytes get the same receipt. Nobody is told again, and no browser is led
        to the result: the code for that was in the first reply only.
        """
        found = self.store.countersignature_of(b64url_encode(sha256(form)))
        if found is None:
            return None
        return ResponseReply(extra={} if found[0] is None else {"consent_receipt": found[0]})

    def _find(self, form: bytes, request_id: str | None) -> SentRequest:
        """Find the request by the key the answer is sealed to, or by the state of a refusal."""
        kid = response_key_id(form)
        if kid is not None:
            found = self.store.request_by_key(kid)
            if found is None:
                raise Malformed("sealed to no key of ours", code="presentation.unknown_key")
        else:
            state = parse_form(form, code="presentation.malformed").get("state")
            found = None if state is None else self.store.request_by_state(state)
            if found is None:
                raise BindingMismatch("the answer is not sealed", code="presentation.not_encrypted")
        if request_id is not None and found.id != request_id:
            raise BindingMismatch("the answer belongs to another request", code="session.state")
        return found

    def _stapled(self, form: bytes, request: SentRequest) -> str | None:
        """The proofs a wallet stapled, as hints: they are judged before they count."""
        if not self.config.accept_stapled or request.key is None:
            return None
        key = request.key
        try:
            answer = parse_response(
                form, find_key=lambda kid: key if kid == request.key_id else None
            )
        except Rejected:
            return None  # step 1 says what is wrong
        bundle = None if isinstance(answer, ResponseError) else answer.extra.get("registry_proof")
        return bundle if isinstance(bundle, str) else None

    def _close(self, request: SentRequest, to: RequestState, error: SSIError, trail: Trail) -> None:
        """End a request whose answer was bad, and tell the firm the code and the step only."""
        if trail.passed_request or to is RequestState.DECLINED:
            self.store.close_request(request.id, to, code=error.code, response_code=None)
        self._tell_rejected(request, error, trail)

    def _tell_rejected(self, request: SentRequest, error: SSIError, trail: Trail) -> None:
        told = RejectedPresentation(
            request_id=request.id,
            reference=request.reference,
            code=error.code,
            check=trail.failed,
        )
        with suppress(Unavailable):  # a failing handler does not change the verdict
            self.handlers.tell("presentation.rejected", told)

    def _accept(
        self, request: SentRequest, result: VerifiedPresentation, now: datetime, *, form: bytes
    ) -> Answered:
        """Take the request for ourselves, tell the firm, then keep everything at once [TRUST-2]."""
        result = replace(result, records=receipt_record(result, request, self.config.verifier_id))
        self._require_new(result)
        if not self.store.claim(request.id, now):
            raise Replayed("the request was answered already", code="presentation.replayed")
        try:
            self.handlers.tell("presentation.verified", result)
            response_code = b64url_encode(self.random(FRESH_BYTES))
            extra = self._consent_extra(result, now)
            self._keep(request, result, hidden(response_code), now, form=form, extra=extra)
        except SSIError:
            self.store.release(request.id, claimed_at=now)
            raise
        return Answered(result=result, reply=self._reply(request, response_code, extra))

    def _reply(self, request: SentRequest, response_code: str, extra: JSONObject) -> ResponseReply:
        redirect = f"{self.config.base_url}/result/{request.id}?response_code={response_code}"
        return ResponseReply(redirect_uri=redirect, extra=extra)

    def _require_new(self, result: VerifiedPresentation) -> None:
        consent = result.consent
        if consent is not None and relationships.find_consent(
            self.store, consent.consent.record_id
        ):
            raise Replayed("the consent was given before", code="consent.replayed")

    def _consent_extra(self, result: VerifiedPresentation, now: datetime) -> JSONObject:
        """Countersign the consent, when one came along and we keep consents."""
        if result.consent is None or self.receipt_key is None:
            return {}
        nonce = b64url_encode(self.random(FRESH_BYTES))
        countersigned = build_countersignature(
            result.consent,
            self.receipt_key,
            kid=self.config.receipt_kid or "",
            update_nonce=nonce,
            now=now,
        )
        return {"consent_receipt": countersigned, "update_nonce": nonce}

    def _keep(  # noqa: PLR0913 - the parts of one transaction
        self,
        request: SentRequest,
        result: VerifiedPresentation,
        response_code: str,
        now: datetime,
        *,
        form: bytes,
        extra: JSONObject,
    ) -> None:
        with self.store.write() as db:
            if not self.store.finish(db, request.id, response_code, claimed_at=now):
                raise Replayed("the request was answered already", code="presentation.replayed")
            record_id = None if result.consent is None else result.consent.consent.record_id
            self.store.keep_answer(db, b64url_encode(sha256(form)), request.id, record_id)
            db.execute(
                "INSERT INTO records (reference, record, recorded_at, retain_until)"
                " VALUES (?, ?, ?, ?)",
                (
                    request.reference,
                    dump(result.records),
                    seconds(now),
                    str(result.records["retain_until"]),
                ),
            )
            if self.config.keep_evidence and result.received is not None:
                received = result.received
                keep(db, _kept(request, result, received, now), received.status_digests)
            if result.consent is not None and extra:
                relationships.keep_consent(
                    db,
                    request,
                    result.consent,
                    countersignature=str(extra["consent_receipt"]),
                    nonce=str(extra["update_nonce"]),
                )


def unclaimed(store: Store, request: SentRequest, now: datetime) -> SentRequest:
    """Return the request as it stands; one whose claimant died is open again [TRUST-2].

    Raises:
        Unavailable: ``session.busy``: an answer to it is being taken right now.
    """
    if request.life is not RequestState.CLAIMED:
        return request
    if store.take_back(request.id, now):
        return replace(request, life=RequestState.OPEN)
    raise Unavailable("an answer is being taken", code="session.busy", retry_after=5)


def _kept(
    request: SentRequest, result: VerifiedPresentation, received: Received, now: datetime
) -> Kept:
    """What shows later what was asked, given and judged [EVI-KEEP-1]."""
    content: JSONObject = {
        "request": {
            "id": request.id,
            "client_id": request.client_id,
            "nonce": request.nonce,
            "state": request.state,
            "terms": request.terms,
            "profile": request.profile.code,
            "query": request.query.to_json(),
            "updates": request.updates,
            "created_at": seconds(request.created_at),
            "expires_at": seconds(request.expires_at),
        },
        "vp_token": {name: list(texts) for name, texts in received.vp_token.items()},
        "extra": received.extra,
        "status": list(received.status_digests),
        "record": result.records,
    }
    if received.bundle is not None:
        content["bundle"] = received.bundle
    return Kept(
        kind=PRESENTATION,
        subject=request.id,
        reference=request.reference,
        content=content,
        kept_at=now,
        retain_until=add_period(today_in_japan(now), request.profile.retention.period),
    )


def hidden(secret: str) -> str:
    """What is kept of a secret that somebody will show again."""
    return b64url_encode(sha256(secret.encode("utf-8")))


def check_return(
    outcome: Outcome, response_code: str, browser: str | None, *, same_device: bool
) -> None:
    """Check that a browser which comes back is the one that began [TRUST-WEB-2].

    Args:
        outcome: How the request stands.
        response_code: What the wallet's redirect carried.
        browser: The secret of the browser's cookie.
        same_device: Whether nobody but that browser may finish the request.

    Raises:
        BindingMismatch: ``session.response_code`` or ``session.browser``.
    """
    code = outcome.response_code
    if code is None or not hmac.compare_digest(code, hidden(response_code)):
        raise BindingMismatch("the response code is not ours", code="session.response_code")
    if (same_device or outcome.browser is not None) and not (
        outcome.browser is not None
        and browser is not None
        and hmac.compare_digest(outcome.browser, hidden(browser))
    ):
        raise BindingMismatch("another browser started this", code="session.browser")
