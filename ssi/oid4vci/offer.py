"""Credential offers (OpenID4VCI 1.0 §4): untrusted invitations to ask an issuer."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import quote, urlsplit

from ssi.encoding import Fields, JSONObject, canonical_json, parse_json_object
from ssi.errors import Malformed
from ssi.forms import parse_form
from ssi.message_urls import check_issuer_url, check_web_url

PRE_AUTHORIZED: Final = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
OFFER_SCHEME: Final = "openid-credential-offer"
MAX_LINK: Final = 8192
MAX_DESCRIPTION: Final = 300

_CODE = "issuance.offer_malformed"
_SCHEMES = frozenset({OFFER_SCHEME, "haip-vci"})


class InputMode(StrEnum):
    """Which characters a transaction code has."""

    NUMERIC = "numeric"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class TxCode:
    """A transaction code is required; this tells how to ask the holder for it."""

    input_mode: InputMode = InputMode.NUMERIC
    length: int | None = None
    description: str | None = None

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"input_mode": self.input_mode.value}
        if self.length is not None:
            members["length"] = self.length
        if self.description is not None:
            members["description"] = self.description
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class PreAuthorizedGrant:
    """The issuer has already decided; the code is single-use and short-lived."""

    pre_authorized_code: str = field(repr=False)
    tx_code: TxCode | None = None
    authorization_server: str | None = None

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"pre-authorized_code": self.pre_authorized_code}
        if self.tx_code is not None:
            members["tx_code"] = self.tx_code.to_json()
        if self.authorization_server is not None:
            members["authorization_server"] = self.authorization_server
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCodeGrant:
    """The holder authorises at the authorization server first."""

    issuer_state: str | None = field(default=None, repr=False)
    authorization_server: str | None = None

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {}
        if self.issuer_state is not None:
            members["issuer_state"] = self.issuer_state
        if self.authorization_server is not None:
            members["authorization_server"] = self.authorization_server
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialOffer:
    """What an issuer, or somebody who says so, offers."""

    credential_issuer: str
    configuration_ids: tuple[str, ...]
    pre_authorized: PreAuthorizedGrant | None = None
    authorization_code: AuthorizationCodeGrant | None = None

    def to_json(self) -> JSONObject:
        """The wire form."""
        grants: JSONObject = {}
        if self.authorization_code is not None:
            grants["authorization_code"] = self.authorization_code.to_json()
        if self.pre_authorized is not None:
            grants[PRE_AUTHORIZED] = self.pre_authorized.to_json()
        members: JSONObject = {
            "credential_issuer": self.credential_issuer,
            "credential_configuration_ids": list(self.configuration_ids),
        }
        return {**members, "grants": grants} if grants else members


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLink:
    """An offer link: the offer itself, or where to fetch it; exactly one of the two."""

    offer: CredentialOffer | None = None
    offer_uri: str | None = None


def parse_offer(data: bytes | str) -> CredentialOffer:
    """Read a credential offer (§4.1.1) [ISS-OFFER-1].

    Args:
        data: The JSON text, from a link or from `application/json`.

    Returns:
        The offer, which nobody has vouched for.

    Raises:
        Malformed: `issuance.offer_malformed` or a `json.*` code.
    """
    fields = Fields(parse_json_object(data), where="credential_offer", code=_CODE)
    issuer = check_issuer_url(
        fields.take_str("credential_issuer"), where="credential_issuer", code=_CODE
    )
    names = fields.take_strs("credential_configuration_ids", max_items=32, max_len=256)
    if not names or len(set(names)) != len(names):
        raise Malformed("credential_configuration_ids is empty or names one twice", code=_CODE)
    grants = Fields(fields.opt_object("grants") or {}, where="grants", code=_CODE)
    return CredentialOffer(
        credential_issuer=issuer,
        configuration_ids=names,
        pre_authorized=_parse_pre_authorized(grants.opt_object(PRE_AUTHORIZED)),
        authorization_code=_parse_authorization_code(grants.opt_object("authorization_code")),
    )


def _parse_pre_authorized(obj: JSONObject | None) -> PreAuthorizedGrant | None:
    if obj is None:
        return None
    fields = Fields(obj, where="pre-authorized_code grant", code=_CODE)
    # `tx_code: {}` means required, so presence counts and not truth (§4.1.1) [ISS-OFFER-2].
    tx_code = fields.opt_object("tx_code")
    return PreAuthorizedGrant(
        pre_authorized_code=fields.take_str("pre-authorized_code", max_len=1024),
        tx_code=None if tx_code is None else _parse_tx_code(tx_code),
        authorization_server=_opt_server(fields),
    )


def _parse_tx_code(obj: JSONObject) -> TxCode:
    fields = Fields(obj, where="tx_code", code=_CODE)
    mode = fields.opt_str("input_mode", max_len=16) or InputMode.NUMERIC.value
    if mode not in set(InputMode):
        raise Malformed("tx_code: input_mode is not known", code=_CODE)
    return TxCode(
        input_mode=InputMode(mode),
        length=fields.opt_int("length", minimum=1, maximum=64),
        description=fields.opt_str("description", max_len=MAX_DESCRIPTION, allow_empty=True),
    )


def _parse_authorization_code(obj: JSONObject | None) -> AuthorizationCodeGrant | None:
    if obj is None:
        return None
    fields = Fields(obj, where="authorization_code grant", code=_CODE)
    return AuthorizationCodeGrant(
        issuer_state=fields.opt_str("issuer_state"), authorization_server=_opt_server(fields)
    )


def _opt_server(fields: Fields) -> str | None:
    server = fields.opt_str("authorization_server")
    if server is None:
        return None
    return check_issuer_url(server, where="authorization_server", code=_CODE)


def parse_offer_link(text: str) -> OfferLink:
    """Read an offer link: scheme `openid-credential-offer` or `haip-vci`, or a claimed https.

    Args:
        text: The link, as scanned or pasted.

    Returns:
        The offer, or the address it is fetched from after the holder agreed [ISS-OFFER-3].

    Raises:
        Malformed: `issuance.offer_malformed` or a `json.*` code.
    """
    if len(text) > MAX_LINK:
        raise Malformed("the offer link is too long", code=_CODE)
    try:
        parts = urlsplit(text)
    except ValueError:
        raise Malformed("the offer link cannot be read", code=_CODE) from None
    if parts.scheme not in _SCHEMES | {"https"} or parts.fragment:
        raise Malformed("the link is not a credential offer", code=_CODE)
    params = parse_form(parts.query, max_bytes=MAX_LINK, code=_CODE)
    offer, offer_uri = params.get("credential_offer"), params.get("credential_offer_uri")
    if offer is not None and offer_uri is None:
        return OfferLink(offer=parse_offer(offer))
    if offer_uri is not None and offer is None:
        return OfferLink(
            offer_uri=check_web_url(offer_uri, where="credential_offer_uri", code=_CODE)
        )
    raise Malformed("the link has not exactly one of offer and offer address", code=_CODE)


def build_offer_link(offer: CredentialOffer) -> str:
    """The link that carries the offer itself."""
    return _link("credential_offer", canonical_json(offer.to_json()).decode())


def build_offer_reference(offer_uri: str) -> str:
    """The link that tells where the offer is; the address is unique per offer [ISS-OFFER-4]."""
    return _link("credential_offer_uri", offer_uri)


def _link(name: str, value: str) -> str:
    return f"{OFFER_SCHEME}://?{name}={quote(value, safe='')}"
