"""Taking a wallet's answer: find its request, judge it, and keep the outcome exactly once."""

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
from verifier_sdk import relationships
from verifier_sdk.config import VerifierConfig
from verifier_sdk.events import Handlers
from verifier_sdk.ledger import OnlineLedger, Registry
from verifier_sdk.policy import Policy
from verifier_sdk.ports import RequestState, SentRequest, StatusView
from verifier_sdk.records import receipt_record
from verifier_sdk.results import RejectedPresentation, Trail, VerifiedPresentation
from verifier_sdk.store import Store, dump, seconds
from verifier_sdk.verifier import verify_presentation

FRESH_BYTES: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A verified answer and what the wallet is told about it."""

    result: VerifiedPresentation
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
            result = verify_presentation(
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
        except ConsentDeclined as error:
            self._close(request, RequestState.DECLINED, error, trail)
            raise
        except Rejected as error:
            self._close(request, RequestState.REJECTED, error, trail)
            raise
        return self._accept(request, result, now, form=form)

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
        consent = result.consent
        if consent is not None and relationships.find_consent(
            self.store, consent.consent.record_id
        ):
            raise Replayed("the consent was given before", code="consent.replayed")
        if not self.store.claim(request.id, now):
            raise Replayed("the request was answered already", code="presentation.replayed")
        try:
            self.handlers.tell("presentation.verified", result)
            response_code = b64url_encode(self.random(FRESH_BYTES))
            extra = self._keep(request, result, response_code, now, form=form)
        except SSIError:
            self.store.release(request.id, claimed_at=now)
            raise
        redirect = f"{self.config.base_url}/result/{request.id}?response_code={response_code}"
        return Answered(result=result, reply=ResponseReply(redirect_uri=redirect, extra=extra))

    def _keep(
        self,
        request: SentRequest,
        result: VerifiedPresentation,
        response_code: str,
        now: datetime,
        *,
        form: bytes,
    ) -> JSONObject:
        extra: JSONObject = {}
        with self.store.write() as db:
            if not self.store.finish(db, request.id, hidden(response_code), claimed_at=now):
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
            if result.consent is not None and self.receipt_key is not None:
                nonce = b64url_encode(self.random(FRESH_BYTES))
                countersigned = build_countersignature(
                    result.consent,
                    self.receipt_key,
                    kid=self.config.receipt_kid or "",
                    update_nonce=nonce,
                    now=now,
                )
                relationships.keep_consent(
                    db, request, result.consent, countersignature=countersigned, nonce=nonce
                )
                extra = {"consent_receipt": countersigned, "update_nonce": nonce}
        return extra


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


def hidden(secret: str) -> str:
    """What is kept of a secret that somebody will show again."""
    return b64url_encode(sha256(secret.encode("utf-8")))
