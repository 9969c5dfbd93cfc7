"""A holder's messages to the firm of `tests.support.firm_world`, as real envelopes."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from ssi.commitment import NOTICE_TAG
from ssi.credential import CredentialType
from ssi.encoding import b64url_encode
from ssi.envelope import (
    Address,
    Envelope,
    build_set,
    parse_set,
    seal,
    unseal,
    verify_firm_set,
)
from ssi.keys import AgreementKey, Alg
from ssi.relationship import relationship_id
from ssi.rights import RightsKind, RightsRequest, build_rights_request, build_withdrawal
from ssi.sdjwt import present, select
from ssi.updates import (
    AddressUpdate,
    Assurance,
    ConsentWithdrawn,
    Message,
    Reason,
    Receipt,
    RightsRequested,
    VerifiedReceipt,
    message_json,
    parse_message,
    verify_receipt,
)
from tests.support.firm_world import BOX, NOW, Holder, World, key

MOVED = date(2026, 11, 20)


def token() -> str:
    return b64url_encode(os.urandom(18))


def urn() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


@dataclass
class Subscriber:
    """A holder with a consent to updates at the firm."""

    world: World
    holder: Holder
    record_id: str
    commitment: str
    nonce: str
    client_id: str
    sequence: int = 0
    sent: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return relationship_id(self.holder.pairwise.public_key)

    def envelope(self, message: Message, **changes: Any) -> str:
        """Seal a message to the firm and sign the envelope."""
        address = Address(issuer=self.id, jti=token(), box=changes.pop("box", BOX))
        recipient = AgreementKey.from_secret(key("seal").secret).public_jwk(kid="seal-1")
        sealed = seal(
            message_json(message), recipient, address=address, tag=NOTICE_TAG, random=os.urandom
        )
        envelope = Envelope(
            address=address,
            issued_at=NOW,
            txn=token(),
            relationship=self.id,
            sealed=sealed.jwe,
            commitment=sealed.commitment,
            deadline=NOW + timedelta(days=7),
        )
        self.sent[address.jti] = sealed.jwe
        return build_set(replace(envelope, **changes), self.holder.pairwise)

    def moved(self, *, attested: bool = False, **changes: Any) -> AddressUpdate:
        """The message of a move."""
        self.sequence += 1
        nonce = changes.pop("nonce", self.nonce)
        day = changes.get("moved_on", MOVED)
        if "presentation" in changes:
            shown = changes.pop("presentation")
        elif attested:
            shown = self.attested(nonce)
        else:
            shown = self.holder.self_asserted(audience=self.client_id, nonce=nonce, moved_on=day)
        options: dict[str, Any] = {
            "event_id": urn(),
            "record_id": self.record_id,
            "sequence": self.sequence,
            "moved_on": MOVED,
            "assurance": Assurance.ATTESTED if attested else Assurance.SELF_ASSERTED,
            "reason": Reason.MOVE,
            "nonce": nonce,
            "presentation": shown,
        }
        return AddressUpdate(**(options | changes))

    def attested(self, nonce: str, **changes: Any) -> str:
        names = ("address", "moved_on")
        paths = [("verified_claims", "claims", name) for name in names]
        credential = self.holder.credential(CredentialType.ADDRESS.value, **changes)
        return present(
            select(credential, paths),
            self.holder.key,
            audience=self.client_id,
            nonce=nonce,
            now=NOW,
        )

    def withdrawn(self) -> ConsentWithdrawn:
        self.sequence += 1
        return ConsentWithdrawn(
            event_id=urn(),
            record_id=self.record_id,
            sequence=self.sequence,
            withdrawal=build_withdrawal(
                self.record_id, self.commitment, self.holder.pairwise, now=NOW
            ),
        )

    def asks(self, kind: RightsKind) -> RightsRequested:
        self.sequence += 1
        request = RightsRequest(
            request_id=urn(), record_id=self.record_id, kind=kind, requested_at=NOW
        )
        return RightsRequested(
            event_id=urn(),
            record_id=self.record_id,
            sequence=self.sequence,
            request=build_rights_request(request, self.holder.pairwise),
        )

    def read(self, receipt_set: str, *, now: datetime = NOW) -> VerifiedReceipt:
        """Open and verify the firm's answer as the wallet does; remember the next nonce."""
        keys = {"receipts-1": key("receipts", Alg.EDDSA).public_key}
        received = verify_firm_set(
            parse_set(receipt_set), verifier_id="minpaku-one", keys=keys, now=now
        )
        message = parse_message(unseal(received, {"back-1": self.holder.back}))
        assert isinstance(message, Receipt)
        jti = message.facts.for_jti
        assert received.envelope.in_reply_to == jti
        seen = verify_receipt(
            message, verifier_id="minpaku-one", keys=keys, jti=jti, sealed=self.sent[jti]
        )
        self.nonce = seen.facts.next_nonce
        return seen


def subscribe(world: World, holder: Holder | None = None) -> Subscriber:
    """Ask for a presentation with updates and let a holder agree."""
    person = holder or Holder()
    request = world.ask(updates=True)
    answered = world.verifier.answer(person.answer(world.verifier, request.link, consent=True))
    consent = answered.result.consent
    assert consent is not None
    return Subscriber(
        world=world,
        holder=person,
        record_id=consent.consent.record_id,
        commitment=consent.commitment,
        nonce=str(answered.reply.extra["update_nonce"]),
        client_id=world.verifier.client_id,
    )


def table(world: World, name: str) -> list[Any]:
    """All rows of one table of the firm."""
    return world.verifier.store.rows(f"SELECT * FROM {name}")  # noqa: S608 - a test's own table


__all__ = ["MOVED", "Subscriber", "subscribe", "table", "token", "urn"]
