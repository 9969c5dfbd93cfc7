"""Error answers of the issuer's endpoints (OpenID4VCI 1.0 §6.3, §8.3.1, §9.3, §11.3)."""

import re
from dataclasses import dataclass
from enum import StrEnum

from ssi.encoding import Fields, JSONObject, parse_json_object
from ssi.errors import Malformed, Rejected, SSIError, row_of

_DESCRIPTION = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")
_MAX_DESCRIPTION = 400


class TokenError(StrEnum):
    """What the token endpoint says (RFC 6749 §5.2, OpenID4VCI 1.0 §6.3)."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_SCOPE = "invalid_scope"
    INVALID_DPOP_PROOF = "invalid_dpop_proof"
    USE_DPOP_NONCE = "use_dpop_nonce"

    @property
    def http_status(self) -> int:
        """401 for a client that failed to authenticate, else 400."""
        return 401 if self is TokenError.INVALID_CLIENT else 400


class CredentialError(StrEnum):
    """What the credential endpoints say; always unencrypted, status 400 (§8.3.1.2, §9.3)."""

    INVALID_CREDENTIAL_REQUEST = "invalid_credential_request"
    UNKNOWN_CREDENTIAL_CONFIGURATION = "unknown_credential_configuration"
    UNKNOWN_CREDENTIAL_IDENTIFIER = "unknown_credential_identifier"
    INVALID_PROOF = "invalid_proof"
    INVALID_NONCE = "invalid_nonce"
    INVALID_ENCRYPTION_PARAMETERS = "invalid_encryption_parameters"
    CREDENTIAL_REQUEST_DENIED = "credential_request_denied"
    INVALID_TRANSACTION_ID = "invalid_transaction_id"

    @property
    def http_status(self) -> int:
        """The status the standard fixes."""
        return 400


class NotificationError(StrEnum):
    """What the notification endpoint says (§11.3)."""

    INVALID_NOTIFICATION_ID = "invalid_notification_id"
    INVALID_NOTIFICATION_REQUEST = "invalid_notification_request"

    @property
    def http_status(self) -> int:
        """The status the standard fixes."""
        return 400


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """An error body [ISS-ERR-1].

    Args:
        error: The code; a code we do not know is kept as it came.
        description: For implementers, never for holders; printable ASCII, no quotes or backslashes.
    """

    error: str
    description: str | None = None

    def __post_init__(self) -> None:
        """Refuse a description the standard forbids; it is our own text, so the bug is ours."""
        if self.description is not None and not _DESCRIPTION.fullmatch(self.description):
            raise ValueError("error_description must be printable ASCII without quotes")

    def to_json(self) -> JSONObject:
        """The wire form."""
        described: JSONObject = (
            {} if self.description is None else {"error_description": self.description}
        )
        return {"error": str(self.error), **described}


def parse_error_response(data: bytes | str) -> ErrorResponse:
    """Read an error body; a description outside the allowed characters is dropped.

    Raises:
        Malformed: `issuance.error_malformed` or a `json.*` code.
    """
    fields = Fields(parse_json_object(data), where="error", code="issuance.error_malformed")
    error = fields.take_str("error", max_len=128)
    if not re.fullmatch(r"[a-z0-9_]{1,128}", error):
        raise Malformed("the error code has a bad form", code="issuance.error_malformed")
    raw = fields.rest().get("error_description")
    usable = isinstance(raw, str) and len(raw) <= _MAX_DESCRIPTION and _DESCRIPTION.fullmatch(raw)
    return ErrorResponse(error=error, description=raw if usable and isinstance(raw, str) else None)


_CREDENTIAL_ERRORS = {
    "issuance.proof_nonce": CredentialError.INVALID_NONCE,
    "issuance.encryption": CredentialError.INVALID_ENCRYPTION_PARAMETERS,
    "issuance.configuration_unknown": CredentialError.UNKNOWN_CREDENTIAL_CONFIGURATION,
    "issuance.identifier_unknown": CredentialError.UNKNOWN_CREDENTIAL_IDENTIFIER,
    "issuance.transaction_unknown": CredentialError.INVALID_TRANSACTION_ID,
    "issuance.denied": CredentialError.CREDENTIAL_REQUEST_DENIED,
}


def credential_error(error: SSIError) -> CredentialError:
    """The code of the credential endpoint for one of our errors [ISS-ERR-2].

    Args:
        error: What was raised while the request was judged.

    Returns:
        The OpenID4VCI code; nothing of the error's text goes out.
    """
    if error.code in _CREDENTIAL_ERRORS:
        return _CREDENTIAL_ERRORS[error.code]
    if error.code.startswith("issuance.proof"):
        return CredentialError.INVALID_PROOF
    if error.code.startswith("jwe."):
        return CredentialError.INVALID_ENCRYPTION_PARAMETERS
    if isinstance(error, Rejected) and row_of(error).oauth != "access_denied":
        return CredentialError.INVALID_CREDENTIAL_REQUEST
    return CredentialError.CREDENTIAL_REQUEST_DENIED
