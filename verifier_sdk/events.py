"""What a firm's own code hears, and what it may answer."""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from ssi.errors import Unavailable
from ssi.rights import RightsKind
from ssi.updates import Assurance, Reason, RejectCode
from verifier_sdk.claims import PostalAddress

EVENTS: Final = frozenset(
    {
        "presentation.verified",
        "presentation.rejected",
        "address.updated",
        "consent.withdrawn",
        "rights.requested",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressUpdated:
    """A customer's new address, verified. It may come again after a crash: `event_id` is its name.

    Attributes:
        reference: The firm's own reference of the request that the consent came with.
        relationship: The pairwise id of the holder.
        event_id: The id of this event at this firm.
        address: The new address.
        issuer: Who vouches for it; ``None`` when only the holder does.
    """

    reference: str
    relationship: str
    event_id: str
    address: PostalAddress = field(repr=False)
    moved_on: date = field(repr=False)
    apply_from: date | None = field(default=None, repr=False)
    assurance: Assurance
    reason: Reason
    issuer: str | None = None

    @property
    def attested(self) -> bool:
        """Whether an accredited issuer vouches for the address."""
        return self.assurance is Assurance.ATTESTED


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEnded:
    """A holder took a consent back; duties to keep records go on."""

    reference: str
    relationship: str
    record_id: str
    withdrawn_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsAsked:
    """A holder asks for her rights (APPI arts. 33 to 35); the firm answers on its own channel."""

    reference: str
    relationship: str
    request_id: str
    kind: RightsKind


@dataclass(frozen=True, slots=True)
class Accept:
    """The firm uses the new address, from ``applied_on`` or today."""

    applied_on: date | None = None


@dataclass(frozen=True, slots=True)
class AcceptPending:
    """The firm will use the new address from a day on."""

    apply_on: date


@dataclass(frozen=True, slots=True)
class NeedsAttestation:
    """The firm wants an issuer's word for the address first."""


@dataclass(frozen=True, slots=True)
class Reject:
    """The firm does not take the address."""

    code: RejectCode = RejectCode.OTHER


Decision = Accept | AcceptPending | NeedsAttestation | Reject
Handler = Callable[[Any], object]
_H = TypeVar("_H", bound=Handler)
_LOG = logging.getLogger("verifier_sdk")


class Handlers:
    """The firm's handlers by event."""

    def __init__(self) -> None:
        self._by_event: dict[str, list[Handler]] = {}

    def on(self, event: str) -> Callable[[_H], _H]:
        """Register a handler as a decorator.

        Raises:
            ValueError: There is no such event.
        """
        if event not in EVENTS:
            raise ValueError(f"there is no event {event}")

        def register(handler: _H) -> _H:
            self._by_event.setdefault(event, []).append(handler)
            return handler

        return register

    def tell(self, event: str, value: object) -> None:
        """Call every handler.

        Raises:
            Unavailable: ``handler.failed`` when one raised.
        """
        for handler in self._by_event.get(event, ()):
            _call(event, handler, value)

    def decide(self, update: AddressUpdated) -> Decision | None:
        """Call the handlers of ``address.updated``; the first decision counts.

        Raises:
            TypeError: A handler answered something that is no decision.
            Unavailable: ``handler.failed`` when one raised.
        """
        decision: Decision | None = None
        for handler in self._by_event.get("address.updated", ()):
            answer = _call("address.updated", handler, update)
            if answer is not None and not isinstance(answer, Decision):
                raise TypeError("a handler answers Accept, AcceptPending, NeedsAttestation, Reject")
            decision = decision or answer
        return decision


def _call(event: str, handler: Handler, value: object) -> object:
    """Call the firm's code; whatever it raises means: not taken, come again [TRUST-EV-1]."""
    try:
        return handler(value)
    except Exception as error:
        # The error's name and place only: its text may hold the customer's data.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        _LOG.error("the handler of %s failed at %s: %s", event, where, type(error).__name__)
        raise Unavailable("a handler of the firm failed", code="handler.failed") from error
