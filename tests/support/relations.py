"""A holder and a firm that know each other: keys, a consent, envelopes both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ssi.commitment import ACK_TAG, NOTICE_TAG
from ssi.encoding import b64url_encode, sha256
from ssi.envelope import Address, Envelope, Sealed, build_set, seal, verifier_issuer
from ssi.keys import AgreementKey, SoftwareSigner
from ssi.relationship import relationship_id
from ssi.sharing import Consent, ConsentedPurpose, ReturnBox
from ssi.updates import (
    AddressUpdate,
    Assurance,
    Message,
    Outcome,
    Reason,
    Receipt,
    ReceiptFacts,
    build_receipt,
    message_json,
)
from tests.support.registry import T0, signer

NOW = datetime.fromtimestamp(T0 + 3600, UTC)
FIRM = "minpaku-one"
FIRM_BOX = "minpaku-one-box"
FIRM_KID = "receipts-1"
FIRM_SEAL = AgreementKey.from_secret(sha256(b"minpaku-one-seal"))
FIRM_SEAL_KID = "minpaku-one-seal-1"
FIRM_SIGNER = signer("minpaku-one receipts")
FIRM_KEYS = {FIRM_KID: FIRM_SIGNER.public_key}
RECORD = "urn:uuid:0b8f6d0e-6ad1-4a6f-b9f5-0e9c1f5a0001"


def some_bytes(count: int, *, seed: str = "bytes") -> bytes:
    out = b""
    while len(out) < count:
        out += sha256(f"{seed} {len(out)}".encode())
    return out[:count]


class Dice:
    """Randomness that repeats in every run and never gives the same bytes twice."""

    def __init__(self, seed: str = "dice") -> None:
        self._seed, self._throws = seed, 0

    def __call__(self, count: int) -> bytes:
        self._throws += 1
        return some_bytes(count, seed=f"{self._seed} {self._throws}")


def jti(name: str) -> str:
    return b64url_encode(sha256(name.encode()))


def event_id(number: int = 1) -> str:
    return f"urn:uuid:5f0e9c1f-0000-4000-8000-{number:012x}"


def address_update(sequence: int = 1, **changes: Any) -> AddressUpdate:
    update = AddressUpdate(
        event_id=event_id(sequence),
        record_id=RECORD,
        sequence=sequence,
        moved_on=date(2025, 11, 20),
        assurance=Assurance.ATTESTED,
        reason=Reason.MOVE,
        nonce="first-nonce",
        presentation="header.payload.signature~disclosure~kb",
    )
    return replace(update, **changes)


@dataclass
class Holder:
    """A resident at one firm."""

    name: str = "yamada"

    @property
    def signer(self) -> SoftwareSigner:
        return signer(f"{self.name} at {FIRM}")

    @property
    def seal_key(self) -> AgreementKey:
        return AgreementKey.from_secret(sha256(f"{self.name} seal".encode()))

    @property
    def relationship(self) -> str:
        return relationship_id(self.signer.public_key)

    def consent(self, **changes: Any) -> Consent:
        consent = Consent(
            record_id=RECORD,
            verifier_id=FIRM,
            client_id="x509_hash:" + jti("certificate"),
            language="ja",
            purposes=(
                ConsentedPurpose(
                    code="minpaku_guest",
                    text_ja="宿泊者名簿の作成",
                    text_en="Guest register",
                    legal_ground="住宅宿泊事業法8条",
                    claims=(("verified_claims", "claims", "name"),),
                    retention="P3Y",
                ),
            ),
            address_updates=True,
            given_at=NOW,
            until=NOW + timedelta(days=365),
            terms_digest=jti("terms"),
            return_box=ReturnBox(
                url="https://box.example", box="return-1", jwk=self.seal_key.public_jwk("back-1")
            ),
        )
        return replace(consent, **changes)

    def dice_for(self, address: Address) -> Dice:
        """The same envelope is sealed to the same bytes whenever it is built."""
        return Dice(f"{self.name} {address.jti} {address.box}")

    def sealed(self, message: Message, *, to: Address) -> Sealed:
        jwk = FIRM_SEAL.public_jwk(FIRM_SEAL_KID)
        return seal(
            message_json(message), jwk, address=to, tag=NOTICE_TAG, random=self.dice_for(to)
        )

    def envelope(
        self, message: Message | None = None, *, name: str = "one", box: str = FIRM_BOX
    ) -> Envelope:
        address = Address(issuer=self.relationship, jti=jti(name), box=box)
        sealed = self.sealed(message or address_update(), to=address)
        return Envelope(
            address=address,
            issued_at=NOW,
            txn=jti(f"txn {name}"),
            relationship=self.relationship,
            sealed=sealed.jwe,
            commitment=sealed.commitment,
            deadline=NOW + timedelta(days=14),
        )

    def set_of(self, envelope: Envelope) -> str:
        return build_set(envelope, self.signer)

    def notice(self, name: str = "one", *, box: str = FIRM_BOX) -> str:
        return self.set_of(self.envelope(name=name, box=box))


def receipt_for(envelope: Envelope, *, state: Outcome = Outcome.ACCEPTED, **more: Any) -> Receipt:
    facts = ReceiptFacts(
        verifier_id=FIRM,
        for_jti=envelope.address.jti,
        event_id=event_id(),
        state=state,
        received_at=NOW,
        next_nonce="next-nonce",
        **more,
    )
    return build_receipt(facts, FIRM_SIGNER, kid=FIRM_KID, sealed=envelope.sealed)


def answer_envelope(
    holder: Holder, envelope: Envelope, *, box: str, name: str = "answer"
) -> Envelope:
    """The firm's answer to an envelope, on its way to the holder's return box."""
    address = Address(issuer=verifier_issuer(FIRM), jti=jti(name), box=box)
    sealed = seal(
        message_json(receipt_for(envelope)),
        holder.seal_key.public_jwk("back-1"),
        address=address,
        tag=ACK_TAG,
        random=holder.dice_for(address),
    )
    return Envelope(
        address=address,
        issued_at=NOW,
        txn=envelope.txn,
        relationship=holder.relationship,
        sealed=sealed.jwe,
        commitment=sealed.commitment,
        deadline=NOW + timedelta(days=14),
        in_reply_to=envelope.address.jti,
    )


def firm_set(envelope: Envelope) -> str:
    return build_set(envelope, FIRM_SIGNER, kid=FIRM_KID)
