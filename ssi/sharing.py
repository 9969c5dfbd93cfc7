"""Consent: the signed receipt the holder gives, and the firm's countersignature.

The receipt uses the terms of ISO/IEC TS 27560 as far as they fit. It is signed by the relationship
key, a fresh Ed25519 key per firm, so no two firms can join their receipts [SHA-CON-2].
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from ssi.commitment import CONSENT_TAG, commitment_of, verify_commitment
from ssi.encoding import JSON, Fields, JSONObject
from ssi.errors import BindingMismatch, Malformed
from ssi.jose import UntrustedJws, parse_jws, sign_jws, verify_jws
from ssi.keys import PublicKey, Signer
from ssi.relationship import (
    CONSENT_CODE,
    check_not_future,
    event_json,
    firm_key,
    firm_kid,
    parse_by_holder,
    payload_fields,
    relationship_id,
    seconds,
    sign_as_holder,
    take_commitment,
    take_event,
    take_time,
    take_urn_uuid,
    token_digest,
)

CONSENT_TYP = "warifu-consent+jwt"
COUNTERSIGNATURE_TYP = "warifu-consent-receipt+jwt"
SCHEMA_VERSION = "warifu.consent/1"
JURISDICTION = "JP"
# How long ago the consent to a request may have been given when its answer arrives.
CONSENT_WINDOW = timedelta(minutes=30)
MAX_PURPOSES = 16
MAX_CLAIMS = 64
MAX_PATH = 16
MAX_TEXT = 1000

ClaimPath = tuple[str | int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentedPurpose:
    """One purpose, in the words that were shown, with the claims given for it."""

    code: str
    text_ja: str
    text_en: str
    legal_ground: str
    claims: tuple[ClaimPath, ...]
    retention: str
    lawful_basis: str = "dpv:Consent"

    def to_json(self) -> JSONObject:
        """Write the member of ``purposes``."""
        return {
            "purpose_code": self.code,
            "purpose": {"ja": self.text_ja, "en": self.text_en},
            "lawful_basis": self.lawful_basis,
            "legal_ground": self.legal_ground,
            "pii_information": [list(path) for path in self.claims],
            "retention": self.retention,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnBox:
    """Where and for whom the firm seals its receipts."""

    url: str
    box: str
    jwk: JSONObject = field(repr=False)

    def to_json(self) -> JSONObject:
        """Write the member ``return``."""
        return {"mailbox": self.url, "box": self.box, "jwk": self.jwk}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What the holder agreed to: the facts of a receipt."""

    record_id: str
    verifier_id: str
    client_id: str
    language: Literal["ja", "en"]
    purposes: tuple[ConsentedPurpose, ...]
    address_updates: bool
    given_at: datetime
    until: datetime
    terms_digest: str
    return_box: ReturnBox | None = None

    def to_json(self) -> JSONObject:
        """Write the payload without its commitment: the content committed to."""
        content: JSONObject = {
            "schema_version": SCHEMA_VERSION,
            "record_id": self.record_id,
            "verifier": self.verifier_id,
            "client_id": self.client_id,
            "language": self.language,
            "jurisdiction": JURISDICTION,
            "purposes": [purpose.to_json() for purpose in self.purposes],
            "update_subscription": {"address": self.address_updates},
            "event": event_json("consent_given", self.given_at),
            "notice": {"sha256": self.terms_digest},
            "until": seconds(self.until),
        }
        if self.return_box is not None:
            content["return"] = self.return_box.to_json()
        return content


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedConsent:
    """A well-formed receipt nobody has verified yet."""

    consent: Consent
    commitment: str
    key: PublicKey
    token: str = field(repr=False)
    jws: UntrustedJws = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedConsent:
    """A receipt that verifies: who agreed, to what."""

    consent: Consent
    commitment: str
    key: PublicKey
    token: str = field(repr=False)

    @property
    def relationship(self) -> str:
        """The pairwise id of the holder at this firm: the did:key of the relationship key."""
        return relationship_id(self.key)


def consent_commitment(consent: Consent, salt: bytes) -> str:
    """Return the commitment that stands for this consent on the chain [SHA-CON-5]."""
    return commitment_of(CONSENT_TAG, salt, consent.to_json())


def build_consent(consent: Consent, signer: Signer, *, salt: bytes) -> str:
    """Sign a consent receipt [SHA-CON-1].

    Args:
        consent: What was agreed.
        signer: The relationship key, Ed25519.
        salt: 32 random bytes the holder keeps.

    Returns:
        The receipt as a compact JWS.

    Raises:
        ValueError: The key is no Ed25519 key.
    """
    payload: JSONObject = {**consent.to_json(), "commitment": consent_commitment(consent, salt)}
    return sign_as_holder(payload, signer, typ=CONSENT_TYP)


def parse_consent(token: str) -> UntrustedConsent:
    """Take a receipt apart without believing it.

    Raises:
        Malformed: ``jose.*`` or ``consent.malformed``.
    """
    jws, key = parse_by_holder(token)
    fields = payload_fields(jws, where="consent", code=CONSENT_CODE)
    commitment = take_commitment(fields)
    consent = _read_consent(fields)
    fields.done()
    return UntrustedConsent(consent=consent, commitment=commitment, key=key, token=token, jws=jws)


def verify_consent(
    untrusted: UntrustedConsent,
    *,
    verifier_id: str,
    client_id: str,
    terms_digest: str,
    now: datetime,
) -> VerifiedConsent:
    """Check that a receipt is signed, for us, on our terms, and new [SHA-CON-3].

    Args:
        untrusted: The parsed receipt.
        verifier_id: Our own id.
        client_id: The client id of our request.
        terms_digest: SHA-256 of the ``transaction_data`` string of our request.
        now: The present.

    Returns:
        The verified receipt.

    Raises:
        InvalidSignature: ``jose.signature``.
        BindingMismatch: ``consent.binding`` when made for another firm, request or time.
        NotYetValid: ``consent.time`` when its time has not come.
    """
    verify_jws(untrusted.jws, untrusted.key, typ=CONSENT_TYP)
    consent = untrusted.consent
    if (consent.verifier_id, consent.client_id, consent.terms_digest) != (
        verifier_id,
        client_id,
        terms_digest,
    ):
        raise BindingMismatch("the consent is for other terms", code="consent.binding")
    check_not_future(consent.given_at, now, code="consent.time")
    if consent.given_at < now - CONSENT_WINDOW or consent.until <= now:
        raise BindingMismatch("the consent is not of this request's time", code="consent.binding")
    return VerifiedConsent(
        consent=consent,
        commitment=untrusted.commitment,
        key=untrusted.key,
        token=untrusted.token,
    )


def verify_consent_opening(verified: VerifiedConsent, salt: bytes) -> None:
    """Check, when the holder shows the salt, that the commitment is to this receipt [SHA-CON-5].

    Raises:
        BindingMismatch: ``update.commitment``.
    """
    verify_commitment(verified.commitment, CONSENT_TAG, salt, verified.consent.to_json())


# --- the firm's countersignature ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersignature:
    """The firm's word that it holds the receipt, and the nonce of the first update."""

    consent_digest: str
    record_id: str
    received_at: datetime
    update_nonce: str = field(repr=False)
    verifier_id: str


def build_countersignature(
    verified: VerifiedConsent, signer: Signer, *, kid: str, update_nonce: str, now: datetime
) -> str:
    """Countersign a receipt [SHA-CON-4].

    Args:
        verified: The holder's receipt.
        signer: The firm's receipt key.
        kid: The kid under which that key is registered.
        update_nonce: The nonce the first address update must carry.
        now: The present.
    """
    payload: JSONObject = {
        "consent_sha256": token_digest(verified.token),
        "record_id": verified.consent.record_id,
        "received_at": seconds(now),
        "update_nonce": update_nonce,
        "verifier": verified.consent.verifier_id,
    }
    header_kid = firm_kid(verified.consent.verifier_id, kid)
    return sign_jws(payload, signer, typ=COUNTERSIGNATURE_TYP, header={"kid": header_kid})


def verify_countersignature(
    token: str,
    *,
    consent_token: str,
    verifier_id: str,
    record_id: str,
    keys: Mapping[str, PublicKey],
) -> Countersignature:
    """Check the firm's countersignature of our receipt [SHA-CON-4].

    Args:
        token: What the firm sent.
        consent_token: The receipt we sent.
        verifier_id: The firm.
        record_id: The record we sent.
        keys: The firm's registered receipt keys by kid.

    Raises:
        Malformed, InvalidSignature: The token is bad.
        BindingMismatch: ``consent.countersignature`` when it is about something else or somebody
            else's, or by a key the firm has not registered.
    """
    jws = parse_jws(token)
    key = firm_key(jws, verifier_id, keys, code="consent.countersignature")
    fields = Fields(
        verify_jws(jws, key, typ=COUNTERSIGNATURE_TYP), where="countersignature", code=CONSENT_CODE
    )
    seen = Countersignature(
        consent_digest=fields.take_str("consent_sha256", max_len=64),
        record_id=fields.take_str("record_id", max_len=64),
        received_at=take_time(fields, "received_at"),
        update_nonce=fields.take_str("update_nonce", max_len=128),
        verifier_id=fields.take_str("verifier", max_len=64),
    )
    fields.done()
    about = (seen.consent_digest, seen.record_id, seen.verifier_id)
    if about != (token_digest(consent_token), record_id, verifier_id):
        raise BindingMismatch("it is about something else", code="consent.countersignature")
    return seen


# --- reading the receipt's payload ---


def _read_consent(fields: Fields) -> Consent:
    if fields.take_str("schema_version", max_len=64) != SCHEMA_VERSION:
        raise _bad("its version is not known")
    if fields.take_str("jurisdiction", max_len=8) != JURISDICTION:
        raise _bad("its jurisdiction is not known")
    subscription = fields.take_fields("update_subscription")
    notice = fields.take_fields("notice")
    back = fields.opt_fields("return")
    consent = Consent(
        record_id=take_urn_uuid(fields, "record_id"),
        verifier_id=fields.take_str("verifier", max_len=64),
        client_id=fields.take_str("client_id", max_len=512),
        language=_language(fields.take_str("language", max_len=8)),
        purposes=tuple(
            _read_purpose(item) for item in fields.take_objects("purposes", max_items=MAX_PURPOSES)
        ),
        address_updates=subscription.take_bool("address"),
        given_at=take_event(fields, "consent_given"),
        until=take_time(fields, "until"),
        terms_digest=notice.take_str("sha256", max_len=64),
        return_box=None if back is None else _read_return(back),
    )
    subscription.done()
    notice.done()
    if not consent.purposes or consent.until <= consent.given_at:
        raise _bad("it has no purpose or no time")
    return consent


def _read_purpose(item: JSONObject) -> ConsentedPurpose:
    fields = Fields(item, where="purpose", code=CONSENT_CODE)
    text = fields.take_fields("purpose")
    purpose = ConsentedPurpose(
        code=fields.take_str("purpose_code", max_len=64),
        text_ja=text.take_str("ja", max_len=MAX_TEXT),
        text_en=text.take_str("en", max_len=MAX_TEXT),
        lawful_basis=fields.take_str("lawful_basis", max_len=64),
        legal_ground=fields.take_str("legal_ground", max_len=MAX_TEXT, allow_empty=True),
        claims=tuple(
            _read_path(path) for path in fields.take_list("pii_information", max_items=MAX_CLAIMS)
        ),
        retention=fields.take_str("retention", max_len=MAX_TEXT, allow_empty=True),
    )
    text.done()
    fields.done()
    return purpose


def _read_path(path: JSON) -> ClaimPath:
    if not isinstance(path, list) or not 0 < len(path) <= MAX_PATH:
        raise _bad("a claim's path is not a path")
    steps: list[str | int | None] = []
    for step in path:
        if not (step is None or isinstance(step, str) or type(step) is int):
            raise _bad("a step of a claim's path is not a step")
        steps.append(step)
    return tuple(steps)


def _read_return(fields: Fields) -> ReturnBox:
    box = ReturnBox(
        url=fields.take_str("mailbox", max_len=512),
        box=fields.take_str("box", max_len=64),
        jwk=fields.take_object("jwk"),
    )
    fields.done()
    return box


def _language(text: str) -> Literal["ja", "en"]:
    if text == "ja":
        return "ja"
    if text == "en":
        return "en"
    raise _bad("its language is not known")


def _bad(fact: str) -> Malformed:
    return Malformed(f"the consent is not well formed: {fact}", code=CONSENT_CODE)
