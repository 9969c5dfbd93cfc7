"""Credential, deferred and notification endpoints (OpenID4VCI 1.0 §8 to §11)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

from ssi.encoding import JSON, Fields, JsonLimits, JSONObject, canonical_json, parse_json_object
from ssi.errors import Malformed
from ssi.jwe import ContentEncryption, decrypt_jwe, encrypt_jwe
from ssi.keys import AgreementKey, Random

MAX_PROOFS: Final = 100
MAX_CREDENTIAL: Final = 131_072
MESSAGE_LIMITS: Final = JsonLimits(max_bytes=4 << 20, max_members=40_000, max_string=MAX_CREDENTIAL)
ENCRYPTIONS: Final = frozenset({"A128GCM", "A256GCM"})

_REQUEST = "issuance.credential_request"
_RESPONSE = "issuance.credential_response"
_ENCRYPTION = "issuance.encryption"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEncryption:
    """How the wallet wants the answer sealed (§8.2)."""

    jwk: JSONObject
    enc: ContentEncryption = "A128GCM"

    def to_json(self) -> JSONObject:
        """The wire form."""
        return {"jwk": self.jwk, "enc": self.enc}


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRequest:
    """A request for credentials: one for each key proof.

    Exactly one of `configuration_id` and `identifier` is set [ISS-CRED-1]; which of them is
    right depends on the token response, see `check_selection`.
    """

    configuration_id: str | None = None
    identifier: str | None = None
    proofs: tuple[str, ...] = ()
    response_encryption: ResponseEncryption | None = None

    def __post_init__(self) -> None:
        """Refuse a request the standard does not know."""
        if (self.configuration_id is None) is (self.identifier is None):
            raise ValueError("exactly one of configuration_id and identifier is needed")

    def check_selection(self, *, identifiers_returned: bool) -> None:
        """Check that the selector fits the token response (§8.2) [ISS-CRED-2].

        Args:
            identifiers_returned: Whether the token came with credential identifiers.

        Raises:
            Malformed: `issuance.credential_request`.
        """
        if (self.identifier is not None) is not identifiers_returned:
            raise Malformed("the credential is selected by the wrong member", code=_REQUEST)

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {}
        if self.configuration_id is not None:
            members["credential_configuration_id"] = self.configuration_id
        if self.identifier is not None:
            members["credential_identifier"] = self.identifier
        if self.proofs:
            members["proofs"] = {"jwt": list(self.proofs)}
        if self.response_encryption is not None:
            members["credential_response_encryption"] = self.response_encryption.to_json()
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCredential:
    """One issued credential; `extra` are further members, such as our `anchor`."""

    credential: str = field(repr=False)
    extra: JSONObject = field(default_factory=dict, repr=False)

    def to_json(self) -> JSONObject:
        """The wire form."""
        return {**self.extra, "credential": self.credential}


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialResponse:
    """Credentials now, or a transaction to ask for again (§8.3) [ISS-CRED-5]."""

    credentials: tuple[IssuedCredential, ...] = ()
    notification_id: str | None = None
    transaction_id: str | None = None
    interval: int | None = None

    def __post_init__(self) -> None:
        """Refuse a response that is both or neither."""
        deferred = self.transaction_id is not None
        if deferred is bool(self.credentials) or deferred is not (self.interval is not None):
            raise ValueError("either credentials, or a transaction_id with an interval")
        if deferred and self.notification_id is not None:
            raise ValueError("a deferred response has no notification_id")

    @property
    def http_status(self) -> int:
        """200 with credentials, 202 when deferred."""
        return 200 if self.credentials else 202

    def to_json(self) -> JSONObject:
        """The wire form."""
        if self.transaction_id is not None:
            return {"transaction_id": self.transaction_id, "interval": self.interval}
        members: JSONObject = {"credentials": [entry.to_json() for entry in self.credentials]}
        if self.notification_id is not None:
            members["notification_id"] = self.notification_id
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferredRequest:
    """Asking again for a deferred credential; its own encryption governs (§9.1)."""

    transaction_id: str
    response_encryption: ResponseEncryption | None = None

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"transaction_id": self.transaction_id}
        if self.response_encryption is not None:
            members["credential_response_encryption"] = self.response_encryption.to_json()
        return members


class NotificationEvent(StrEnum):
    """What became of the credentials (§11.1)."""

    ACCEPTED = "credential_accepted"
    FAILURE = "credential_failure"
    DELETED = "credential_deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """The wallet tells the issuer what became of the credentials; idempotent."""

    notification_id: str
    event: NotificationEvent
    description: str | None = None

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"notification_id": self.notification_id, "event": self.event.value}
        if self.description is not None:
            members["event_description"] = self.description
        return members


def parse_credential_request(data: bytes | str, *, encrypted: bool = False) -> CredentialRequest:
    """Read a credential request (§8.2) [ISS-CRED-1] [ISS-CRED-3].

    Args:
        data: The JSON text, after opening when it was sealed.
        encrypted: Whether it came sealed; only then may it ask for a sealed answer.

    Returns:
        The request; its proofs are verified by `verify_key_proofs`.

    Raises:
        Malformed: `issuance.credential_request`, `issuance.encryption`,
            `issuance.proof_malformed` or a `json.*` code.
    """
    fields = Fields(
        parse_json_object(data, limits=MESSAGE_LIMITS), where="credential request", code=_REQUEST
    )
    configuration_id = fields.opt_str("credential_configuration_id", max_len=256)
    identifier = fields.opt_str("credential_identifier", max_len=256)
    if (configuration_id is None) is (identifier is None):
        raise Malformed("not exactly one of configuration and identifier", code=_REQUEST)
    if fields.has("proof"):
        raise Malformed("the singular proof is not known", code="issuance.proof_malformed")
    proofs = fields.opt_object("proofs")
    return CredentialRequest(
        configuration_id=configuration_id,
        identifier=identifier,
        proofs=() if proofs is None else _parse_proofs(proofs),
        response_encryption=_opt_encryption(fields, encrypted=encrypted),
    )


def _parse_proofs(obj: JSONObject) -> tuple[str, ...]:
    """Exactly one proof type; `jwt` is the one we know (§8.2) [ISS-CRED-4]."""
    if len(obj) != 1 or "jwt" not in obj:
        raise Malformed("proofs is not one array of jwt", code="issuance.proof_malformed")
    fields = Fields(obj, where="proofs", code="issuance.proof_malformed")
    proofs = fields.take_strs("jwt", max_items=MAX_PROOFS, max_len=8192)
    if not proofs:
        raise Malformed("proofs.jwt is empty", code="issuance.proof_malformed")
    return proofs


def _opt_encryption(fields: Fields, *, encrypted: bool) -> ResponseEncryption | None:
    obj = fields.opt_object("credential_response_encryption")
    if obj is None:
        return None
    if not encrypted:
        # Whoever could change the request could put their own key here (§8.2) [ISS-CRED-3].
        raise Malformed("a sealed answer is asked for in an open request", code=_ENCRYPTION)
    inner = Fields(obj, where="credential_response_encryption", code=_ENCRYPTION)
    jwk, enc = inner.take_object("jwk"), inner.take_str("enc", max_len=32)
    if jwk.get("alg") != "ECDH-ES" or enc not in ENCRYPTIONS or inner.has("zip"):
        raise Malformed("the encryption parameters are not supported", code=_ENCRYPTION)
    return ResponseEncryption(jwk=jwk, enc=cast("ContentEncryption", enc))


def parse_credential_response(data: bytes | str) -> CredentialResponse:
    """Read a credential response, immediate or deferred (§8.3, §9.2) [ISS-CRED-5].

    Args:
        data: The JSON text, after opening when it was sealed.

    Returns:
        The response; the credentials in it are unverified.

    Raises:
        Malformed: `issuance.credential_response` or a `json.*` code.
    """
    fields = Fields(
        parse_json_object(data, limits=MESSAGE_LIMITS), where="credential response", code=_RESPONSE
    )
    credentials = fields.opt_list("credentials", max_items=MAX_PROOFS)
    transaction_id = fields.opt_str("transaction_id", max_len=1024)
    interval = fields.opt_int("interval", minimum=1)
    notification_id = fields.opt_str("notification_id", max_len=1024)
    deferred = transaction_id is not None
    if deferred is bool(credentials) or deferred is not (interval is not None):
        raise Malformed("neither credentials nor a transaction, or both", code=_RESPONSE)
    if deferred and (notification_id is not None or credentials is not None):
        raise Malformed("a deferred response has members of an immediate one", code=_RESPONSE)
    return CredentialResponse(
        credentials=tuple(_parse_issued(entry) for entry in credentials or ()),
        notification_id=notification_id,
        transaction_id=transaction_id,
        interval=interval,
    )


def _parse_issued(obj: JSON) -> IssuedCredential:
    if not isinstance(obj, dict):
        raise Malformed("an issued credential is not an object", code=_RESPONSE)
    fields = Fields(obj, where="credentials", code=_RESPONSE)
    credential = fields.take_str("credential", max_len=MAX_CREDENTIAL)
    return IssuedCredential(credential=credential, extra=fields.rest())


def parse_deferred_request(data: bytes | str, *, encrypted: bool = False) -> DeferredRequest:
    """Read a deferred credential request (§9.1) [ISS-DEFER-1].

    Args:
        data: The JSON text, after opening when it was sealed.
        encrypted: Whether it came sealed.

    Raises:
        Malformed: `issuance.credential_request`, `issuance.encryption` or a `json.*` code.
    """
    fields = Fields(parse_json_object(data), where="deferred request", code=_REQUEST)
    return DeferredRequest(
        transaction_id=fields.take_str("transaction_id", max_len=1024),
        response_encryption=_opt_encryption(fields, encrypted=encrypted),
    )


def parse_notification(data: bytes | str) -> Notification:
    """Read a notification (§11.1) [ISS-NOTE-1].

    Raises:
        Malformed: `issuance.notification` or a `json.*` code.
    """
    code = "issuance.notification"
    fields = Fields(parse_json_object(data), where="notification", code=code)
    event = fields.take_str("event", max_len=64)
    if event not in set(NotificationEvent):
        raise Malformed("the event is not known", code=code)
    return Notification(
        notification_id=fields.take_str("notification_id", max_len=1024),
        event=NotificationEvent(event),
        description=fields.opt_str("event_description", max_len=1024, allow_empty=True),
    )


def seal_credential_message(
    message: JSONObject, recipient: JSONObject, *, enc: ContentEncryption, random: Random
) -> str:
    """Seal a request or response as `application/jwt` (§10) [ISS-CRED-6].

    Args:
        message: The wire form of the message.
        recipient: The chosen JWK, with `alg` and perhaps `kid`.
        enc: A content encryption the recipient offers.
        random: Source of randomness.

    Returns:
        The compact JWE.

    Raises:
        Malformed: `issuance.encryption` when the key does not name its algorithm.
    """
    if recipient.get("alg") != "ECDH-ES":
        raise Malformed("the encryption key does not name its algorithm", code=_ENCRYPTION)
    return encrypt_jwe(canonical_json(message), recipient, enc=enc, random=random)


def open_credential_message(token: str, key: AgreementKey) -> bytes:
    """Open a sealed request or response; the result goes to the parser of the message.

    Args:
        token: The compact JWE.
        key: Our key, found by `kid` or made for this answer.

    Returns:
        The JSON text.

    Raises:
        Malformed: a `jwe.*` code.
        InvalidSignature: `jwe.decrypt`.
    """
    return decrypt_jwe(token, key, encs=ENCRYPTIONS, max_plaintext=MESSAGE_LIMITS.max_bytes)
