"""What an outgoing message says, built at the moment it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from ssi.credential import Address, address_self_payload
from ssi.errors import NoMatchingCredential, VaultError
from ssi.relationship import relationship_id
from ssi.rights import RightsKind, RightsRequest, build_rights_request
from ssi.sdjwt import issue, present, select
from ssi.updates import (
    AddressUpdate,
    Assurance,
    ConsentWithdrawn,
    Message,
    Reason,
    RightsRequested,
)
from wallet import attested, relationships
from wallet.context import Context
from wallet.relationships import Relationship
from wallet.store import address, mark_used, signer_of

if TYPE_CHECKING:
    from wallet.outbox import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A message and who vouches for it."""

    message: Message
    assurance: str | None = None


def build_message(ctx: Context, item: Item, relationship: Relationship, *, sequence: int) -> Built:
    """Return the message for one firm, under one sequence number.

    Raises:
        VaultError: a record of the wallet is damaged.
        NoMatchingCredential: a verified address is wanted and there is none.
    """
    match item.kind.value:
        case "address_update":
            return _address_update(ctx, item, relationship, sequence)
        case "consent_withdrawn":
            return Built(
                message=ConsentWithdrawn(
                    event_id=item.event_id,
                    record_id=item.record_id,
                    sequence=sequence,
                    withdrawal=_text(item, "withdrawal"),
                )
            )
        case _:
            return Built(message=_rights(ctx, item, relationship, sequence))


def _rights(ctx: Context, item: Item, relationship: Relationship, sequence: int) -> RightsRequested:
    request = RightsRequest(
        request_id=item.event_id,
        record_id=item.record_id,
        kind=RightsKind(_text(item, "right")),
        requested_at=ctx.now(),
    )
    signed = build_rights_request(request, relationships.signer(ctx.vault, relationship))
    return RightsRequested(
        event_id=item.event_id, record_id=item.record_id, sequence=sequence, request=signed
    )


def _address_update(ctx: Context, item: Item, relationship: Relationship, sequence: int) -> Built:
    """An address the issuer vouches for when the wallet has it, else the holder's own word."""
    rows = ctx.vault.read("SELECT version FROM moves WHERE event_id = ?", (item.move_id,))
    if not rows or relationship.nonce is None:
        raise VaultError("a record of the wallet is damaged", code="keystore.tampered")
    new = address(ctx.vault, int(rows[0][0])).address
    moved_on = date.fromisoformat(_text(item, "moved_on"))
    proof = attested.find(ctx, new, relationship.verifier_id)
    if proof is not None:
        mark_used(ctx.vault, proof.credential.id, by=relationship.verifier_id, at=ctx.seconds())
        cut = select(proof.credential.sdjwt, proof.paths)
        signer = signer_of(ctx.vault, proof.credential.thumbprint)
        assurance = Assurance.ATTESTED
    elif item.assurance == Assurance.ATTESTED.value:
        raise NoMatchingCredential("no verified address", code="move.no_attestation")
    else:
        signer = relationships.signer(ctx.vault, relationship)
        me = relationship_id(signer.public_key)
        payload = address_self_payload(
            Address.from_json(new),
            moved_on,
            did=me,
            holder_jwk=signer.public_key.jwk,
            now=ctx.now(),
        )
        cut = issue(payload, signer, random=ctx.random, header={"kid": me})
        assurance = Assurance.SELF_ASSERTED
    presentation = present(
        cut,
        signer,
        audience=relationship.client_id,
        nonce=relationship.nonce,
        now=ctx.now(),
    )
    return Built(
        message=AddressUpdate(
            event_id=item.event_id,
            record_id=item.record_id,
            sequence=sequence,
            moved_on=moved_on,
            assurance=assurance,
            reason=Reason(_text(item, "reason")),
            nonce=relationship.nonce,
            presentation=presentation,
        ),
        assurance=assurance.value,
    )


def _text(item: Item, name: str) -> str:
    value = item.content.get(name)
    if not isinstance(value, str):
        raise VaultError("a record of the wallet is damaged", code="keystore.tampered")
    return value
