"""A firm's verifier: the shell around the pure core. It opens files and sockets, nothing else."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from cryptography.hazmat.primitives.serialization import Encoding

from ssi.encoding import JSONObject
from ssi.errors import (
    Expired,
    Malformed,
    Rejected,
    Replayed,
    Unavailable,
)
from ssi.fetch import Fetch, FetchPolicy, http_fetch
from ssi.files import read_file
from ssi.keys import Alg, Random
from ssi.oid4vp import ResponseReply
from ssi.sharing_terms import LocalText, Retention
from ssi.x509 import load_pem_chain, public_key_of, x509_hash
from verifier_sdk import held, kept, records, relationships, requests
from verifier_sdk.background import repeat
from verifier_sdk.config import VerifierConfig, load_signer
from verifier_sdk.consents import is_due, notice_withdrawals
from verifier_sdk.events import Handler, Handlers
from verifier_sdk.intake import Answered, Intake, check_return, hidden, unclaimed
from verifier_sdk.kept import Kept
from verifier_sdk.ledger import OnlineLedger, Registry, open_registry
from verifier_sdk.letters import Letters
from verifier_sdk.policy import Policy, today_in_japan
from verifier_sdk.ports import RequestState, SentRequest
from verifier_sdk.profiles import Profile
from verifier_sdk.relationships import HistoryEntry, KeptConsent, StoredReceipt
from verifier_sdk.requests import PresentationRequest
from verifier_sdk.results import VerifiedPresentation
from verifier_sdk.status import StatusLists
from verifier_sdk.store import Outcome, Store

_H = TypeVar("_H", bound=Handler)
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The system's clock: the only place this package reads it."""
    return datetime.now(UTC)


class Verifier:
    """What a firm works with: ask, verify, hear of moves. Safe to share between threads.

    Args:
        config: The firm's settings.
        registry: The client of the chain; made from the settings when not given.
        fetch: Bounded HTTP; by the settings when not given.
        clock: The time.
        random: The randomness.
    """

    def __init__(
        self,
        config: VerifierConfig,
        *,
        registry: Registry | None = None,
        fetch: Fetch | None = None,
        clock: Clock = utc_now,
        random: Random = os.urandom,
    ) -> None:
        self.config = config
        self._clock = clock
        self._random = random
        self._fetch = fetch or http_fetch(
            FetchPolicy(allow_loopback_http=config.loopback, ca_file=config.ca_file)
        )
        self._registry = registry or open_registry(config, self._fetch)
        self._chain = load_pem_chain(read_file(config.certificate))
        self._signer = load_signer(config.key)
        if public_key_of(self._chain[0]) != self._signer.public_key:
            raise ValueError("the certificate is not of this key")
        self.client_id = f"x509_hash:{x509_hash(self._chain[0].public_bytes(Encoding.DER))}"
        self.store = Store(config.state, verifier_id=config.verifier_id)
        self.policy = Policy(
            max_age=config.max_age,
            stapled_age=config.stapled_age,
            profile_ages=config.profile_ages,
        )
        self._statuses = StatusLists(self._registry, self.store, max_age=config.max_age)
        self._handlers = Handlers()
        # A bare secret is Ed25519 here: what firms register unless their file is PEM.
        receipt_key = config.receipt_key
        self._receipts = None if receipt_key is None else load_signer(receipt_key, alg=Alg.EDDSA)
        self._letters = Letters(
            config,
            store=self.store,
            registry=self._registry,
            statuses=self._statuses,
            handlers=self._handlers,
            policy=self.policy,
            fetch=self._fetch,
            random=random,
            receipt_key=self._receipts,
        )
        self._intake = Intake(
            config=config,
            store=self.store,
            registry=self._registry,
            statuses=self._statuses,
            handlers=self._handlers,
            policy=self.policy,
            random=random,
            receipt_key=self._receipts,
        )

    @classmethod
    def open(cls, config: VerifierConfig) -> "Verifier":
        """Open the firm's verifier; touches files, not the network."""
        return cls(config)

    @classmethod
    def from_env(cls) -> "Verifier":
        """Open with the settings that ``WARIFU_VERIFIER_CONFIG`` names."""
        return cls(VerifierConfig.from_env())

    def on(self, event: str) -> Callable[[_H], _H]:
        """Register a handler, as a decorator; see `verifier_sdk.events.EVENTS`."""
        return self._handlers.on(event)

    # --- asking ---

    def request(  # noqa: PLR0913 - what is asked, in the words of the firm
        self,
        profile: Profile,
        *,
        purpose: LocalText | None = None,
        reference: str = "",
        retention: Retention | None = None,
        updates: bool = False,
        same_device: bool | None = None,
    ) -> PresentationRequest:
        """Ask a customer for a presentation.

        Args:
            profile: What is asked.
            purpose: Other words for the holder; they must be the registered ones.
            reference: The firm's own name for this customer or booking.
            retention: A shorter retention than the profile's.
            updates: Whether to be told of later moves too.
            same_device: Whether only the browser that opens the page may finish it, when it
                comes back from a wallet on the same device; the settings say when ``None``.

        Returns:
            The links and the QR code.

        Raises:
            ValueError: Updates are asked for without a mailbox and receipt key.
        """
        if updates and (self._receipts is None or self.config.mailbox is None):
            raise ValueError("updates need a mailbox and a receipt_key")
        self.store.add_profile(profile)
        request = requests.new_request(
            profile,
            client_id=self.client_id,
            verifier_id=self.config.verifier_id,
            reference=reference,
            updates=updates,
            purpose=purpose,
            retention=retention,
            life=self.config.request_life,
            now=self._clock(),
            random=self._random,
        )
        self.store.add_request(request)
        if self.config.same_device if same_device is None else same_device:
            held.mark(self.store, request.id)
        return requests.public_request(request, self.config.base_url)

    def find_request(self, request_id: str) -> PresentationRequest | None:
        """A request by its id."""
        request = self.store.request(request_id)
        return None if request is None else requests.public_request(request, self.config.base_url)

    def profile_of(self, request_id: str) -> Profile:
        """The profile of a request.

        Raises:
            Rejected: ``session.unknown``.
        """
        return self._known(self.store.request(request_id)).profile

    def request_object(self, request_id: str, *, wallet_nonce: str | None = None) -> str:
        """The signed request object that a wallet fetches.

        Raises:
            Rejected: ``session.unknown``, ``session.expired`` or ``presentation.replayed``.
            Unavailable: ``session.busy``.
        """
        now = self._clock()
        request = unclaimed(self.store, self._known(self.store.request(request_id)), now)
        if now >= request.expires_at:
            raise Expired("the request is over", code="session.expired")
        if request.life is not RequestState.OPEN:
            raise Replayed("the request was answered already", code="presentation.replayed")
        return requests.request_object(
            request,
            self._signer,
            chain=self._chain,
            response_uri=f"{self.config.base_url}/response",
            wallet_nonce=wallet_nonce,
            now=now,
        )

    # --- verifying ---

    def verify(
        self, response: bytes | str, *, request_id: str | None = None
    ) -> VerifiedPresentation:
        """Judge a wallet's answer; see `verifier_sdk.verifier.verify_presentation`.

        Args:
            response: The posted form.
            request_id: The request it must answer; found by the answer's key when ``None``.

        Returns:
            The result; it exists only when every step passed, once per request.

        Raises:
            Rejected: With the exact code of the failed step.
            ConsentDeclined: The holder said no.
            Unavailable: No verdict; the request stays open. ``session.held``: it is good, and
                its browser has to come back first.
        """
        form = response.encode("ascii", "replace") if isinstance(response, str) else response
        result = self.answer(form, request_id=request_id).result
        if result is None:
            raise Unavailable("the browser has to come back first", code="session.held")
        return result

    def answer(self, form: bytes, *, request_id: str | None = None) -> Answered:
        """Judge a wallet's answer and write the reply to the wallet; raises as `verify`."""
        return self._intake.answer(form, now=self._clock(), request_id=request_id)

    def repeated(self, form: bytes) -> ResponseReply | None:
        """The reply to an answer verified before, for a wallet that lost it; ``None`` if new."""
        return self._intake.repeated(form)

    def _known(self, request: SentRequest | None) -> SentRequest:
        if request is None:
            raise Rejected("no such request", code="session.unknown")
        return request

    # --- the result page ---

    def is_same_device(self, request_id: str) -> bool:
        """Whether only the browser that opens the page may finish a request."""
        return held.is_marked(self.store, request_id)

    def bind_browser(self, request_id: str, secret: str) -> None:
        """Note the browser that opened the page first; only it sees the result."""
        self.store.bind_browser(request_id, hidden(secret))

    def outcome(
        self, request_id: str, *, response_code: str, browser: str | None = None
    ) -> Outcome:
        """How a request ended, for the browser that started it and came back [TRUST-WEB-2].

        Args:
            request_id: The request.
            response_code: What the wallet's redirect carries (OpenID4VP 1.0 §8.2, §13.3).
            browser: The secret of the browser's cookie.

        Raises:
            Rejected: ``session.unknown``, ``session.response_code`` or ``session.browser``.
            Unavailable: The answer is held and there is no verdict now: come again.
        """
        outcome = self.state(request_id)
        same_device = held.is_marked(self.store, request_id)
        check_return(outcome, response_code, browser, same_device=same_device)
        if outcome.state is RequestState.HELD:
            self._intake.redeem(request_id, self._clock())
            return self.state(request_id)
        return outcome

    def state(self, request_id: str) -> Outcome:
        """How a request stands, without anything about the person.

        Raises:
            Rejected: ``session.unknown``.
        """
        outcome = self.store.outcome(request_id, self._clock())
        if outcome is None:
            raise Rejected("no such request", code="session.unknown")
        return outcome

    # --- updates ---

    def receive_update(self, token: str | bytes, now: datetime | None = None) -> StoredReceipt:
        """Take one envelope from a holder, exactly once; see `verifier_sdk.updates`.

        Raises:
            Rejected: The envelope is bad.
            Unavailable: No verdict yet, or a handler failed: it must come again.
        """
        try:
            text = token.decode("ascii") if isinstance(token, bytes) else token
        except UnicodeDecodeError:
            raise Malformed("the envelope is not ASCII", code="update.malformed") from None
        at = now or self._clock()
        return self._letters.receive(text, at)

    def poll_mailbox(self, now: datetime | None = None) -> int:
        """Take what waits in our box, send what is due, make final what was pending.

        Returns:
            How many envelopes were taken.

        Raises:
            Unavailable: The mailbox or the ledger does not answer.
            ValueError: No mailbox is set.
        """
        return self._letters.poll(now or self._clock())

    def push_receipts(self, now: datetime | None = None) -> int:
        """Make final what was pending and send what is due, where envelopes are pushed to us."""
        return self._letters.push(now or self._clock())

    # --- consents ---

    def consents(self, reference: str | None = None) -> tuple[KeptConsent, ...]:
        """The consents of a customer, or of all; ask ``stands(now)`` before using the data."""
        return relationships.consents(self.store, reference)

    def refresh_consents(self, now: datetime | None = None) -> tuple[str, ...]:
        """Look every standing consent up on the chain; the background does it by itself.

        Returns:
            The record ids of consents whose withdrawal was not known here yet.

        Raises:
            Unavailable: The ledger does not answer, or a handler failed.
        """
        at = now or self._clock()
        standing = [one for one in self.consents() if one.stands(at)]
        return notice_withdrawals(
            standing,
            ledger=OnlineLedger(self._registry, max_age=self.policy.max_age),
            store=self.store,
            handlers=self._handlers,
            now=at,
        )

    # --- what the firm must be able to show ---

    def history(self, reference: str) -> tuple[HistoryEntry, ...]:
        """A customer's addresses, the oldest first; append-only."""
        return relationships.history(self.store, reference)

    def records(self, reference: str | None = None) -> tuple[JSONObject, ...]:
        """The records of receipt (APPI art. 30), the oldest first."""
        return records.kept_records(self.store, reference)

    def evidence(self, reference: str | None = None) -> tuple[Kept, ...]:
        """What was kept to be shown later, the oldest first; full of claims [EVI-KEEP-1]."""
        return kept.kept_of(self.store, reference)

    def forget_evidence(self, subject: str) -> int:
        """Delete what was kept of a request or envelope, as when the holder asks for it."""
        return kept.forget(self.store, subject)

    def clean(self, now: datetime | None = None) -> None:
        """Throw away what is over: unanswered requests and their keys, evidence [EVI-KEEP-2]."""
        at = now or self._clock()
        self.store.forget_requests(at)
        kept.forget_due(self.store, today_in_japan(at))

    def start_background(self, *, seconds_between: float = 2.0) -> Callable[[], None]:
        """Receive and answer by mail in a thread, when the settings say so; call after the fork.

        With ``poll`` the box is emptied every round. With ``push`` the mailbox is told where we
        are, once it answers, and the rounds only send what is owed [TRUST-UPD-6].

        Returns:
            What stops it.
        """
        if self.config.mailbox is None or not (self.config.poll or self.config.push):
            return lambda: None
        announced = not self.config.push

        def announce() -> None:
            nonlocal announced
            if not announced:
                self.announce_push()
                announced = True

        def look_up_consents() -> None:
            if is_due(self.store, self._clock()):
                self.refresh_consents()

        mail = self.poll_mailbox if self.config.poll else self.push_receipts
        jobs = (announce, mail, self.clean, look_up_consents)
        return repeat(jobs, pause=seconds_between, at_end=self.store.close)

    def announce_push(self, now: datetime | None = None) -> None:
        """Tell the mailbox to push to our ``/updates`` (RFC 8935).

        Raises:
            Rejected: ``update.box`` when the mailbox refuses.
            Unavailable: It does not answer.
        """
        self._letters.announce(now or self._clock())
