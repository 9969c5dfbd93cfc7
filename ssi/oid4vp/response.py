"""Answers to a request (OpenID4VP 1.0 §8): posted open, or sealed to the verifier's key."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ssi.encoding import (
    JSON,
    Fields,
    JsonLimits,
    JSONObject,
    canonical_json,
    parse_json,
    parse_json_object,
)
from ssi.errors import BindingMismatch, Malformed, SSIError, row_of
from ssi.forms import build_form, parse_form
from ssi.jwe import decrypt_jwe, encrypt_jwe, parse_jwe_header
from ssi.keys import AgreementKey, Random
from ssi.message_urls import check_web_url
from ssi.oid4vp.request import AuthorizationRequest, ResponseMode

MAX_RESPONSE: Final = 2 << 20
RESPONSE_LIMITS: Final = JsonLimits(max_bytes=1 << 20, max_members=20_000, max_string=131_072)

_CODE = "presentation.malformed"
_ENCS = frozenset({"A128GCM", "A256GCM"})
_ERROR = re.compile(r"[a-z_]{1,64}", re.ASCII)
_OWN = frozenset({"vp_token", "state", "error", "error_description", "response"})

FindKey = Callable[[str], AgreementKey | None]


class AuthorizationError(StrEnum):
    """What a wallet may tell a verifier (§8.5); never more than the code [PRE-RESP-5]."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_SCOPE = "invalid_scope"
    ACCESS_DENIED = "access_denied"
    VP_FORMATS_NOT_SUPPORTED = "vp_formats_not_supported"
    INVALID_REQUEST_URI_METHOD = "invalid_request_uri_method"
    INVALID_TRANSACTION_DATA = "invalid_transaction_data"
    WALLET_UNAVAILABLE = "wallet_unavailable"


_BY_CODE = {
    "request.transaction_data": AuthorizationError.INVALID_TRANSACTION_DATA,
    "request.client_id_prefix": AuthorizationError.INVALID_REQUEST,
    "request.uri_method": AuthorizationError.INVALID_REQUEST_URI_METHOD,
    "request.formats": AuthorizationError.VP_FORMATS_NOT_SUPPORTED,
    "query.not_satisfied": AuthorizationError.ACCESS_DENIED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedResponse:
    """An answer as received; its presentations are unverified.

    `kid` names the key it was sealed to, `None` when it was open; `extra` are further members.
    """

    vp_token: Mapping[str, tuple[str, ...]] = field(repr=False)
    state: str | None
    kid: str | None
    extra: JSONObject = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseError:
    """A wallet's refusal; unauthenticated, so it ends nothing but the holder's waiting."""

    error: str
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseReply:
    """What the verifier answers to the wallet (§8.2); `extra` are further members."""

    redirect_uri: str | None = None
    extra: JSONObject = field(default_factory=dict, repr=False)

    def to_json(self) -> JSONObject:
        """The wire form, sent as 200 `application/json` with `Cache-Control: no-store`."""
        redirect: JSONObject = (
            {} if self.redirect_uri is None else {"redirect_uri": self.redirect_uri}
        )
        return {**self.extra, **redirect}


def authorization_error(error: SSIError) -> AuthorizationError:
    """The code a verifier is told for one of our errors [PRE-RESP-5].

    A holder's refusal and a missing credential give the same code, so that the verifier does
    not learn what the holder has.
    """
    known = _BY_CODE.get(error.code)
    if known is not None:
        return known
    code = row_of(error).openid4vp
    return (
        AuthorizationError(code)
        if code in set(AuthorizationError)
        else AuthorizationError.WALLET_UNAVAILABLE
    )


def build_response(
    request: AuthorizationRequest,
    vp_token: Mapping[str, Sequence[str]],
    *,
    random: Random,
    extra: JSONObject | None = None,
) -> bytes:
    """Make the form a wallet posts to `response_uri` [PRE-RESP-1] [PRE-RESP-2].

    Args:
        request: The verified request.
        vp_token: Presentations by credential query id; always arrays.
        random: Source of the ephemeral key.
        extra: Further members, such as our consent receipt; in an open form a member that is no
            string is written as its JSON text.

    Returns:
        The `application/x-www-form-urlencoded` body: sealed for `direct_post.jwt`.

    Raises:
        ValueError: a presentation list is empty, an extra member has a name of the standard, or
            the request is not one that `read_request` makes.
    """
    if not all(vp_token.values()) or not _OWN.isdisjoint(extra or {}):
        raise ValueError("every entry needs a presentation and extra members their own names")
    members: JSONObject = {
        **(extra or {}),
        "vp_token": {name: list[JSON](values) for name, values in vp_token.items()},
    }
    if request.state is not None:
        members["state"] = request.state
    if request.response_mode is ResponseMode.DIRECT_POST:
        return build_form(
            {
                name: value if isinstance(value, str) else canonical_json(value).decode()
                for name, value in members.items()
            }
        )
    key = request.response_key
    if key is None:
        raise ValueError("a request for a sealed answer has a key")
    sealed = encrypt_jwe(canonical_json(members), key.jwk, enc=key.encs[0], random=random)
    return build_form({"response": sealed})


def build_error_response(state: str | None, error: AuthorizationError) -> bytes:
    """Make the form of a refusal; sent open, with nothing but the code (§8.5).

    Args:
        state: `state` of the request.
        error: The code.

    Returns:
        The form body.
    """
    return build_form({"error": error.value} | ({} if state is None else {"state": state}))


def response_key_id(form: bytes) -> str | None:
    """The `kid` an answer says it is sealed to, to find the request; `None` when it is open.

    Raises:
        Malformed: `presentation.malformed` or a `jwe.*` code.
    """
    params = parse_form(form, max_bytes=MAX_RESPONSE, code=_CODE)
    if "response" not in params:
        return None
    return _kid(params["response"])


def parse_response(form: bytes, *, find_key: FindKey | None) -> UntrustedResponse | ResponseError:
    """Read a posted answer [PRE-RESP-3].

    Args:
        form: The request body.
        find_key: Our key by `kid`. When given the answer must be sealed; only a refusal may
            come open. `None` for a request that asked for an open answer.

    Returns:
        The answer, or the wallet's refusal.

    Raises:
        Malformed: `presentation.malformed`, `presentation.unknown_key` or a `jwe.*` code.
        InvalidSignature: `jwe.decrypt`.
        BindingMismatch: `presentation.not_encrypted`.
    """
    params = parse_form(form, max_bytes=MAX_RESPONSE, code=_CODE)
    if "response" in params and len(params) > 1:
        raise Malformed("a sealed answer has open members beside it", code=_CODE)
    if "response" in params:
        if find_key is None:
            raise BindingMismatch("the answer was to be open", code="presentation.not_encrypted")
        return _open(params["response"], find_key)
    if "error" in params:
        return _refusal(params["error"], params.get("state"))
    if find_key is not None:
        raise BindingMismatch("the answer is not sealed", code="presentation.not_encrypted")
    if "vp_token" not in params:
        raise Malformed("the answer has no vp_token", code=_CODE)
    members: JSONObject = {
        **params,
        "vp_token": parse_json(params["vp_token"], limits=RESPONSE_LIMITS),
    }
    return _answer(members, kid=None)


def _open(token: str, find_key: FindKey) -> UntrustedResponse | ResponseError:
    kid = _kid(token)
    key = find_key(kid)
    if key is None:
        raise Malformed("the answer is sealed to no key of ours", code="presentation.unknown_key")
    plaintext = decrypt_jwe(token, key, encs=_ENCS, max_plaintext=RESPONSE_LIMITS.max_bytes)
    members = parse_json_object(plaintext, limits=RESPONSE_LIMITS)
    error, state = members.get("error"), members.get("state")
    if isinstance(error, str):
        return _refusal(error, state if isinstance(state, str) else None)
    return _answer(members, kid=kid)


def _kid(token: str) -> str:
    kid = parse_jwe_header(token).get("kid")
    if not isinstance(kid, str) or not kid:
        raise Malformed("the answer names no key", code="presentation.unknown_key")
    return kid


def _refusal(error: str, state: str | None) -> ResponseError:
    if not _ERROR.fullmatch(error):
        raise Malformed("the refusal has a bad code", code=_CODE)
    return ResponseError(error=error, state=state)


def _answer(members: JSONObject, *, kid: str | None) -> UntrustedResponse:
    fields = Fields(members, where="answer", code=_CODE)
    token = fields.take_object("vp_token")
    if not token:
        raise Malformed("vp_token is empty", code=_CODE)
    return UntrustedResponse(
        vp_token={name: _presentations(values) for name, values in token.items()},
        state=fields.opt_str("state", max_len=512),
        kid=kid,
        extra=fields.rest(),
    )


def _presentations(values: JSON) -> tuple[str, ...]:
    """Always a non-empty array, of strings in the formats we take (§8.1) [PRE-RESP-4]."""
    if not isinstance(values, list) or not values:
        raise Malformed("an entry of vp_token is not a non-empty array", code=_CODE)
    texts = tuple(value for value in values if isinstance(value, str) and value)
    if len(texts) != len(values):
        raise Malformed("a presentation is not a string", code=_CODE)
    return texts


def parse_response_reply(data: bytes | str) -> ResponseReply:
    """Read what the verifier answers to the wallet (§8.2) [PRE-RESP-6].

    Args:
        data: The JSON text of the 200 answer.

    Returns:
        The reply; unknown members are kept in `extra`.

    Raises:
        Malformed: `presentation.reply` or a `json.*` code.
    """
    code = "presentation.reply"
    fields = Fields(parse_json_object(data), where="reply", code=code)
    redirect_uri = fields.opt_str("redirect_uri")
    if redirect_uri is not None:
        # The page may be told its secret in a fragment (§8.2); the address before it is checked.
        check_web_url(redirect_uri.partition("#")[0], where="redirect_uri", code=code)
        if not redirect_uri.isascii() or not redirect_uri.isprintable():
            raise Malformed("redirect_uri holds a forbidden character", code=code)
    return ResponseReply(redirect_uri=redirect_uri, extra=fields.rest())
