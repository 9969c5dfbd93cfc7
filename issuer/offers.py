"""Offers, tokens and nonces: every one good once, every counter in the database [POR-OFFER-1]."""

import secrets
from dataclasses import dataclass, field
from hmac import compare_digest

from sqlalchemy import delete, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from issuer.context import Issuer, hashed
from issuer.models import Nonce, Offer, Token
from ssi.encoding import b64url_encode
from ssi.errors import Rejected, Replayed
from ssi.names import random_name
from ssi.oid4vci import CredentialOffer, PreAuthorizedGrant, TxCode

OPEN, USED, DEAD = "open", "used", "dead"
MAX_TRIES = 5
TX_DIGITS = 6
NONCE_SECONDS = 300
CONFIGURATIONS = {"kyc": "urn:warifu:kyc:1", "driving-licence": "urn:warifu:driving-licence:1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOffer:
    """A fresh offer; ``tx_code`` is told to the resident on another channel, once."""

    id: str
    tx_code: str = field(repr=False)


def _random_secret(issuer: Issuer) -> str:
    return b64url_encode(issuer.random(24))


def make_offer(session: Session, issuer: Issuer, application_id: str) -> NewOffer:
    """Make an offer; an open one before it dies."""
    session.execute(
        update(Offer)
        .where(Offer.application_id == application_id, Offer.state == OPEN)
        .values(state=DEAD)
    )
    code = _random_secret(issuer)
    tx_code = "".join(str(secrets.randbelow(10)) for _ in range(TX_DIGITS))
    offer = Offer(
        id=random_name(issuer.random),
        application_id=application_id,
        code=code,
        tx_code_hash=_tx_hash(code, tx_code),
        tries=0,
        state=OPEN,
        expires_at=issuer.seconds() + issuer.config.offer_seconds,
    )
    session.add(offer)
    return NewOffer(id=offer.id, tx_code=tx_code)


def _tx_hash(code: str, tx_code: str) -> str:
    return hashed(f"{code}:{tx_code}")


def offer_message(issuer: Issuer, offer: Offer) -> CredentialOffer:
    """Return the offer as the wallet reads it (OpenID4VCI §4.1)."""
    return CredentialOffer(
        credential_issuer=issuer.config.url,
        configuration_ids=tuple(CONFIGURATIONS),
        pre_authorized=PreAuthorizedGrant(
            pre_authorized_code=offer.code,
            tx_code=TxCode(length=TX_DIGITS, description="The number the issuer told you"),
        ),
    )


def redeem(issuer: Issuer, *, code: str, tx_code: str) -> str:
    """Turn a pre-authorized code into an access token; both work once (OpenID4VCI §6).

    The counter of wrong numbers is raised in the same transaction that compares them, so neither
    a restart nor another worker gives a sixth try.

    Args:
        issuer: The issuer.
        code: The pre-authorized code.
        tx_code: The number from the other channel.

    Returns:
        The access token.

    Raises:
        Rejected: ``issuance.grant``, the same for every reason.
    """
    now = issuer.seconds()
    token: str | None = None
    with issuer.db.transaction() as session:
        offer = session.scalars(
            select(Offer).where(Offer.code == code).with_for_update()
        ).one_or_none()
        if offer is not None and offer.state == OPEN and offer.expires_at > now:
            offer.tries += 1
            if compare_digest(offer.tx_code_hash, _tx_hash(code, tx_code)):
                offer.state = USED
                token = _random_secret(issuer)
                session.add(
                    Token(
                        token_hash=hashed(token),
                        application_id=offer.application_id,
                        expires_at=now + issuer.config.token_seconds,
                        batches=0,
                    )
                )
            elif offer.tries >= MAX_TRIES:
                offer.state = DEAD
    if token is None:
        raise Rejected("the code or the number is not good", code="issuance.grant")
    return token


def application_of(session: Session, issuer: Issuer, token: str) -> Token:
    """Return what an access token is good for [POR-OFFER-2].

    Raises:
        Rejected: ``issuance.token``.
    """
    found = session.get(Token, hashed(token))
    if found is None or found.expires_at <= issuer.seconds():
        raise Rejected("the access token is not good", code="issuance.token")
    return found


def new_nonce(issuer: Issuer) -> str:
    """Give out a nonce (OpenID4VCI §7)."""
    nonce = _random_secret(issuer)
    now = issuer.seconds()
    with issuer.db.transaction() as session:
        session.execute(delete(Nonce).where(Nonce.expires_at <= now))
        session.add(Nonce(nonce_hash=hashed(nonce), expires_at=now + NONCE_SECONDS))
    return nonce


def spend_nonce(session: Session, issuer: Issuer, nonce: str) -> None:
    """Use a nonce up, with what it is used for.

    Raises:
        Replayed: ``issuance.proof_nonce``: unknown, too old, or used already.
    """
    spent = session.execute(
        delete(Nonce).where(Nonce.nonce_hash == hashed(nonce), Nonce.expires_at > issuer.seconds())
    )
    if not isinstance(spent, CursorResult) or spent.rowcount != 1:
        raise Replayed("the nonce is not good any more", code="issuance.proof_nonce")
