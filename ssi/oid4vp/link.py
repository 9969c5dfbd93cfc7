"""Request links: how a request reaches the wallet (OpenID4VP 1.0 §5.6, §5.10, RFC 9101 §5)."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode, urlsplit

from ssi.encoding import JSON, JSONObject, canonical_json, parse_json, parse_json_object
from ssi.errors import Malformed
from ssi.forms import build_form, parse_form
from ssi.message_urls import check_web_url

LINK_SCHEME: Final = "openid4vp"
MAX_LINK: Final = 16384

_CODE = "request.link"
_SCHEMES = frozenset({LINK_SCHEME, "haip-vp", "https", "http"})
_WEB = frozenset({"https", "http"})
# Upper case lets a QR code use its dense alphanumeric mode.
_SHORT = re.compile(r"(https?://[^/?#]+)((?:/[^?#]*)?/R/[A-Z2-7]{10,64})", re.IGNORECASE | re.ASCII)
_NONCE = re.compile(r"[A-Za-z0-9._~=-]{1,512}", re.ASCII)
_OBJECTS = ("dcql_query", "client_metadata")


class RequestUriMethod(StrEnum):
    """How the request object is fetched (§5.1)."""

    GET = "get"
    POST = "post"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLink:
    """What a link says; exactly one of the three ways to the request is set.

    Only `client_id`, `request_uri` and the method are taken from a link by reference (§5.10.1).
    A short link has no `client_id`: the request object then says who asks.
    """

    client_id: str | None
    request_uri: str | None = None
    method: RequestUriMethod = RequestUriMethod.GET
    request_object: str | None = field(default=None, repr=False)
    parameters: JSONObject | None = field(default=None, repr=False)

    def to_link(self, base: str = f"{LINK_SCHEME}://") -> str:
        """Write the link for a request by reference.

        Args:
            base: The scheme with `://`, or the address a wallet claims.

        Returns:
            The link.

        Raises:
            ValueError: this is not a request by reference.
        """
        if self.client_id is None or self.request_uri is None:
            raise ValueError("only a request by reference has a link")
        values = {"client_id": self.client_id, "request_uri": self.request_uri}
        if self.method is RequestUriMethod.POST:
            values["request_uri_method"] = self.method.value
        return f"{base}?{urlencode(values)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFetch:
    """What a wallet posts to `request_uri` (§5.10): a nonce to echo, and what it can do."""

    wallet_nonce: str | None = None
    wallet_metadata: JSONObject | None = None

    def to_form(self) -> bytes:
        """The form body; sent with `Accept: application/oauth-authz-req+jwt`."""
        values: dict[str, str] = {}
        if self.wallet_metadata is not None:
            values["wallet_metadata"] = canonical_json(self.wallet_metadata).decode()
        if self.wallet_nonce is not None:
            values["wallet_nonce"] = self.wallet_nonce
        return build_form(values)


def parse_request_fetch(form: bytes) -> RequestFetch:
    """Read what a wallet posted to `request_uri` (§5.10) [PRE-REQ-13].

    Args:
        form: The request body; empty is allowed.

    Returns:
        The nonce the request object must echo, and the wallet's metadata.

    Raises:
        Malformed: `request.fetch` or a `json.*` code.
    """
    params = parse_form(form, code="request.fetch")
    nonce, metadata = params.get("wallet_nonce"), params.get("wallet_metadata")
    if nonce is not None and not _NONCE.fullmatch(nonce):
        raise Malformed("wallet_nonce has a bad form", code="request.fetch")
    return RequestFetch(
        wallet_nonce=nonce,
        wallet_metadata=None if metadata is None else parse_json_object(metadata),
    )


def parse_request_link(text: str) -> RequestLink:
    """Read a scanned, clicked or pasted request link [PRE-REQ-1].

    Args:
        text: The link: `openid4vp://?...`, `haip-vp://?...`, a claimed https address with the
            same query, or the short form `https://host/R/<BASE32>` in any case.

    Returns:
        What the link says. Nothing is fetched and nobody is trusted.

    Raises:
        Malformed: `request.link`, or `request.uri_method` for an unknown method.
    """
    if len(text) > MAX_LINK:
        raise Malformed("the link is too long", code=_CODE)
    short = _SHORT.fullmatch(text)
    if short is not None:
        url = check_web_url(f"{short[1].lower()}{short[2]}", where="request link", code=_CODE)
        return RequestLink(client_id=None, request_uri=url, method=RequestUriMethod.POST)
    try:
        parts = urlsplit(text)
    except ValueError:
        raise Malformed("the link cannot be read", code=_CODE) from None
    if parts.scheme not in _SCHEMES or parts.fragment:
        raise Malformed("the link is not a presentation request", code=_CODE)
    if parts.scheme in _WEB:
        check_web_url(text.partition("?")[0], where="request link", code=_CODE)
    params = parse_form(parts.query, max_bytes=MAX_LINK, code=_CODE)
    if "client_id" not in params:
        raise Malformed("the link names no client", code=_CODE)
    if "request_uri" in params and "request" in params:
        raise Malformed("the link carries a request and an address", code=_CODE)
    return _read_link(params)


def _read_link(params: dict[str, str]) -> RequestLink:
    client_id = params["client_id"]
    method = params.get("request_uri_method", RequestUriMethod.GET.value)
    if method not in set(RequestUriMethod):
        raise Malformed("the request_uri_method is not known", code="request.uri_method")
    if "request_uri" in params:
        return RequestLink(
            client_id=client_id,
            request_uri=check_web_url(params["request_uri"], where="request_uri", code=_CODE),
            method=RequestUriMethod(method),
        )
    if "request_uri_method" in params:
        raise Malformed("request_uri_method without request_uri", code=_CODE)
    if "request" in params:
        return RequestLink(client_id=client_id, request_object=params["request"])
    return RequestLink(client_id=client_id, parameters=_read_parameters(params))


def _read_parameters(params: dict[str, str]) -> JSONObject:
    """Objects and arrays are JSON texts in a query (§5.1)."""
    values: dict[str, JSON] = dict(params)
    for name in _OBJECTS:
        if name in params:
            values[name] = parse_json_object(params[name])
    if "transaction_data" in params:
        values["transaction_data"] = parse_json(params["transaction_data"])
    return values
