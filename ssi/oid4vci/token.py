"""Token and nonce endpoints (OpenID4VCI 1.0 §6 and §7, RFC 6749, RFC 7636)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ssi.encoding import JSON, Fields, JSONObject, b64url_encode, parse_json_object, sha256
from ssi.errors import Malformed
from ssi.forms import build_form, parse_form
from ssi.oid4vci.offer import PRE_AUTHORIZED

_REQUEST = "issuance.token_request"
_RESPONSE = "issuance.token_response"


class Grant(StrEnum):
    """What a token request rests on."""

    PRE_AUTHORIZED_CODE = PRE_AUTHORIZED
    AUTHORIZATION_CODE = "authorization_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A request for an access token."""

    grant: Grant
    code: str = field(repr=False)
    tx_code: str | None = field(default=None, repr=False)
    client_id: str | None = None
    redirect_uri: str | None = None
    code_verifier: str | None = field(default=None, repr=False)

    def to_form(self) -> bytes:
        """The `application/x-www-form-urlencoded` body."""
        pre_authorized = self.grant is Grant.PRE_AUTHORIZED_CODE
        values = {
            "grant_type": self.grant.value,
            "pre-authorized_code" if pre_authorized else "code": self.code,
            "tx_code": self.tx_code,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.code_verifier,
        }
        return build_form({name: value for name, value in values.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResponse:
    """An access token, with the credential identifiers it is good for.

    `credential_identifiers` maps a configuration id to the identifiers that MUST then be used in
    the credential request (§8.2).
    """

    access_token: str = field(repr=False)
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int | None = None
    scope: str | None = None
    refresh_token: str | None = field(default=None, repr=False)
    credential_identifiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self) -> JSONObject:
        """The wire form, to be sent with `Cache-Control: no-store`."""
        optional: dict[str, JSON] = {
            "expires_in": self.expires_in,
            "scope": self.scope,
            "refresh_token": self.refresh_token,
        }
        members: JSONObject = {"access_token": self.access_token, "token_type": self.token_type}
        members.update({name: value for name, value in optional.items() if value is not None})
        if self.credential_identifiers:
            members["authorization_details"] = [
                {
                    "type": "openid_credential",
                    "credential_configuration_id": configuration,
                    "credential_identifiers": list[JSON](identifiers),
                }
                for configuration, identifiers in self.credential_identifiers.items()
            ]
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceResponse:
    """A fresh `c_nonce`; the answer is sent with `Cache-Control: no-store` [ISS-NONCE-1]."""

    c_nonce: str

    def to_json(self) -> JSONObject:
        """The wire form."""
        return {"c_nonce": self.c_nonce}


def parse_token_request(body: bytes) -> TokenRequest:
    """Read a token request (§6.1) [ISS-TOKEN-1].

    Args:
        body: The form body.

    Returns:
        The request; whether code and transaction code are good is for the issuer to say.

    Raises:
        Malformed: `issuance.token_request`, or `issuance.grant_type` for another grant.
    """
    form = parse_form(body, code=_REQUEST)
    grant = form.get("grant_type", "")
    if not grant:
        raise Malformed("grant_type is missing", code=_REQUEST)
    if grant not in set(Grant):
        raise Malformed("grant_type is not supported", code="issuance.grant_type")
    pre_authorized = grant == Grant.PRE_AUTHORIZED_CODE
    code = form.get("pre-authorized_code" if pre_authorized else "code")
    if code is None or ("tx_code" in form and not pre_authorized):
        raise Malformed("the code of the grant is missing or not its own", code=_REQUEST)
    return TokenRequest(
        grant=Grant(grant),
        code=code,
        tx_code=form.get("tx_code"),
        client_id=form.get("client_id"),
        redirect_uri=form.get("redirect_uri"),
        code_verifier=form.get("code_verifier"),
    )


def parse_token_response(data: bytes | str) -> TokenResponse:
    """Read a token response (§6.2) [ISS-TOKEN-2].

    Raises:
        Malformed: `issuance.token_response` or a `json.*` code.
    """
    fields = Fields(parse_json_object(data), where="token response", code=_RESPONSE)
    token_type = fields.take_str("token_type", max_len=32)
    if token_type.lower() not in {"bearer", "dpop"}:
        raise Malformed("the token type is not supported", code=_RESPONSE)
    details = fields.opt_list("authorization_details", max_items=32) or []
    return TokenResponse(
        access_token=fields.take_str("access_token", max_len=8192),
        token_type=token_type,
        expires_in=fields.opt_int("expires_in"),
        scope=fields.opt_str("scope", allow_empty=True),
        refresh_token=fields.opt_str("refresh_token", max_len=8192),
        credential_identifiers=_parse_details(details),
    )


def _parse_details(details: list[JSON]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for entry in details:
        if not isinstance(entry, dict):
            raise Malformed("an authorization detail is not an object", code=_RESPONSE)
        fields = Fields(entry, where="authorization_details", code=_RESPONSE)
        if fields.take_str("type", max_len=256) != "openid_credential":
            continue
        name = fields.take_str("credential_configuration_id", max_len=256)
        identifiers = fields.take_strs("credential_identifiers", max_items=64, max_len=256)
        if not identifiers or name in found:
            raise Malformed("credential_identifiers is empty or given twice", code=_RESPONSE)
        found[name] = identifiers
    return found


def parse_nonce_response(data: bytes | str) -> NonceResponse:
    """Read a nonce response (§7.2).

    Raises:
        Malformed: `issuance.nonce_response` or a `json.*` code.
    """
    fields = Fields(parse_json_object(data), where="nonce response", code="issuance.nonce_response")
    return NonceResponse(c_nonce=fields.take_str("c_nonce", max_len=1024))


def code_challenge(verifier: str) -> str:
    """The S256 challenge of a PKCE code verifier (RFC 7636 §4.2).

    Args:
        verifier: 43 to 128 unreserved characters, from 32 random bytes.

    Returns:
        The challenge.
    """
    return b64url_encode(sha256(verifier.encode("ascii")))
