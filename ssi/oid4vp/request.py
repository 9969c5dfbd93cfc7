"""What an authorization request asks (OpenID4VP 1.0 §5): its parts, its writer, its reader."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ssi.dcql_query import Query, parse_query
from ssi.encoding import JSON, Fields, JSONObject, b64url_decode, parse_json_object
from ssi.errors import Malformed, PolicyNotMet, Rejected
from ssi.jwe import ContentEncryption
from ssi.message_urls import check_web_url
from ssi.oid4vp.client_id import ClientId, Prefix, parse_client_id
from ssi.sharing_terms import TERMS_TYPE, parse_terms

SELF_ISSUED: Final = "https://self-issued.me/v2"
VP_FORMATS: Final[JSONObject] = {
    "dc+sd-jwt": {
        "sd-jwt_alg_values": ["ES256", "EdDSA"],
        "kb-jwt_alg_values": ["ES256", "EdDSA"],
    }
}
MIN_FRESH: Final = 22
"""128 bits in base64url: the least for values we make, and for `state` without binding (§5.3)."""

_CODE = "request.malformed"
_TX_CODE = "request.transaction_data"
_URL_SAFE = re.compile(r"[A-Za-z0-9._~-]{1,512}", re.ASCII)
_GONE = ("presentation_definition", "presentation_definition_uri")
_ENCS: Final[tuple[ContentEncryption, ...]] = ("A128GCM", "A256GCM")
_DEFAULT_ENC = "A128GCM"

TransactionReader = Callable[[JSONObject], object]
DEFAULT_TRANSACTIONS: Final[Mapping[str, TransactionReader]] = {TERMS_TYPE: parse_terms}


class ResponseMode(StrEnum):
    """How the answer travels; both are posted to the verifier."""

    DIRECT_POST = "direct_post"
    DIRECT_POST_JWT = "direct_post.jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionData:
    """One thing the holder authorises with the presentation (§8.4).

    `raw` is the string as received: the key binding signs its hash. `content` is what the
    strict reader of the type made of it.
    """

    raw: str
    type: str
    credential_ids: tuple[str, ...]
    content: object


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseKey:
    """The verifier's key for this one answer, with the content encryptions it takes."""

    jwk: JSONObject
    encs: tuple[ContentEncryption, ...] = ("A128GCM",)

    @property
    def kid(self) -> str:
        """The key identifier; the reader refuses a key without one."""
        return str(self.jwk["kid"])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """The content of a request, signed or not."""

    client_id: ClientId
    nonce: str
    response_uri: str
    response_mode: ResponseMode
    query: Query
    state: str | None = None
    transaction_data: tuple[TransactionData, ...] = ()
    response_key: ResponseKey | None = None
    wallet_nonce: str | None = None
    vp_formats: JSONObject = field(default_factory=dict)

    def to_json(self) -> JSONObject:
        """The wire form, without audience and times."""
        members: JSONObject = {
            "response_type": "vp_token",
            "client_id": self.client_id.text,
            "response_mode": self.response_mode.value,
            "response_uri": self.response_uri,
            "nonce": self.nonce,
            "dcql_query": self.query.to_json(),
        }
        if self.state is not None:
            members["state"] = self.state
        if self.transaction_data:
            members["transaction_data"] = [entry.raw for entry in self.transaction_data]
        if self.wallet_nonce is not None:
            members["wallet_nonce"] = self.wallet_nonce
        metadata: JSONObject = {"vp_formats_supported": self.vp_formats or VP_FORMATS}
        if self.response_key is not None:
            metadata["jwks"] = {"keys": [self.response_key.jwk]}
            metadata["encrypted_response_enc_values_supported"] = list(self.response_key.encs)
        return {**members, "client_metadata": metadata}


def read_request(
    claims: JSONObject,
    *,
    transactions: Mapping[str, TransactionReader] = DEFAULT_TRANSACTIONS,
    min_nonce: int = 16,
) -> AuthorizationRequest:
    """Read the parameters of a request strictly (§5) [PRE-REQ-5].

    Args:
        claims: The payload of the request object, or the parameters of an unsigned request.
        transactions: The transaction data types supported, each with its strict reader.
        min_nonce: The least number of characters of the nonce.

    Returns:
        The request. Who sent it is another question.

    Raises:
        Malformed: `request.malformed`, `request.transaction_data`, `request.encryption` or
            `query.malformed`.
        PolicyNotMet: `request.formats` when no format we hold is accepted.
        Rejected: as `parse_client_id`.
    """
    fields = Fields(claims, where="request", code=_CODE)
    _check_constants(fields)
    client_id = parse_client_id(fields.take_str("client_id"))
    query = parse_query(fields.take_object("dcql_query"))
    mode = fields.take_str("response_mode", max_len=64)
    if mode not in set(ResponseMode):
        raise Malformed("the response mode is not supported", code=_CODE)
    metadata = Fields(
        fields.opt_object("client_metadata") or {}, where="client_metadata", code=_CODE
    )
    return AuthorizationRequest(
        client_id=client_id,
        nonce=_take_fresh(fields.take_str("nonce"), at_least=min_nonce),
        response_uri=take_response_uri(fields, client_id),
        response_mode=ResponseMode(mode),
        query=query,
        state=_take_state(fields.opt_str("state"), query),
        transaction_data=_take_transactions(fields, query, transactions),
        response_key=_take_response_key(metadata, ResponseMode(mode)),
        wallet_nonce=fields.opt_str("wallet_nonce", max_len=512),
        vp_formats=_take_formats(metadata),
    )


def _check_constants(fields: Fields) -> None:
    if fields.take_str("response_type", max_len=64) != "vp_token":
        raise Malformed("the response type is not vp_token", code=_CODE)
    # DCQL is the only query language of 1.0, and it is never chosen by a scope here [PRE-REQ-6].
    if any(fields.has(name) for name in (*_GONE, "scope")):
        raise Malformed("the query is not given by dcql_query alone", code=_CODE)
    if fields.has("redirect_uri"):  # §8.2 [PRE-REQ-7]
        raise Malformed("redirect_uri does not go with a posted answer", code=_CODE)


def _take_fresh(value: str, *, at_least: int) -> str:
    """A value nobody could guess, in URL-safe characters (§5.2, §14.1) [PRE-REQ-8]."""
    if len(value) < at_least or not _URL_SAFE.fullmatch(value):
        raise Malformed("nonce or state is too short or has a bad form", code=_CODE)
    return value


def _take_state(state: str | None, query: Query) -> str | None:
    unbound = not all(entry.require_cryptographic_holder_binding for entry in query.credentials)
    if state is None:
        if unbound:
            raise Malformed("state is needed without holder binding", code=_CODE)  # §5.3
        return None
    return _take_fresh(state, at_least=MIN_FRESH if unbound else 1)


def take_response_uri(fields: Fields, client_id: ClientId) -> str:
    """Where the answer goes, as the prefix allows (§5.9.3, §8.2) [PRE-REQ-9]."""
    response_uri = fields.opt_str("response_uri")
    if client_id.prefix is Prefix.REDIRECT_URI:
        if response_uri not in {None, client_id.value}:
            raise Malformed(
                "response_uri is not the client identifier", code="request.response_uri"
            )
        response_uri = client_id.value
    if response_uri is None:
        raise Malformed("response_uri is missing", code=_CODE)
    return check_web_url(response_uri, where="response_uri", code="request.response_uri")


def _take_transactions(
    fields: Fields, query: Query, readers: Mapping[str, TransactionReader]
) -> tuple[TransactionData, ...]:
    entries = fields.opt_list("transaction_data", max_items=8)
    if entries is None:
        return ()
    if not entries:
        raise Malformed("transaction_data is empty", code=_TX_CODE)
    names = frozenset(entry.id for entry in query.credentials)
    return tuple(_read_transaction(entry, names, readers) for entry in entries)


def _read_transaction(
    raw: JSON, names: frozenset[str], readers: Mapping[str, TransactionReader]
) -> TransactionData:
    """One unknown type or bad member refuses the request (§8.5) [PRE-REQ-10]."""
    if not isinstance(raw, str):
        raise Malformed("transaction data is not a string", code=_TX_CODE)
    try:
        obj = parse_json_object(b64url_decode(raw))
        fields = Fields(obj, where="transaction_data")
        kind = fields.take_str("type", max_len=256)
        credential_ids = fields.take_strs("credential_ids", max_items=16, max_len=128)
        if kind not in readers:
            raise Malformed("the type of the transaction data is not supported")
        content = readers[kind](obj)
    except Rejected as error:
        raise Malformed(str(error), code=_TX_CODE) from error
    if not credential_ids or not names.issuperset(credential_ids):
        raise Malformed("transaction data names a credential not asked for", code=_TX_CODE)
    return TransactionData(raw=raw, type=kind, credential_ids=credential_ids, content=content)


def _take_response_key(metadata: Fields, mode: ResponseMode) -> ResponseKey | None:
    """The first key we can seal to (§8.3) [PRE-REQ-11]."""
    keys = metadata.opt_fields("jwks")
    offered = metadata.opt_strs("encrypted_response_enc_values_supported", max_len=64)
    if mode is ResponseMode.DIRECT_POST:
        return None
    encs = tuple(enc for enc in _ENCS if enc in (offered or (_DEFAULT_ENC,)))
    for jwk in () if keys is None else keys.take_objects("keys", max_items=16):
        kid = jwk.get("kid")
        wanted = (jwk.get("kty"), jwk.get("crv"), jwk.get("alg")) == ("EC", "P-256", "ECDH-ES")
        if wanted and jwk.get("use", "enc") == "enc" and isinstance(kid, str) and kid and encs:
            return ResponseKey(jwk=jwk, encs=encs)
    raise Malformed("there is no key to seal the answer to", code="request.encryption")


def _take_formats(metadata: Fields) -> JSONObject:
    formats = metadata.opt_object("vp_formats_supported")
    if formats is not None and "dc+sd-jwt" not in formats:
        raise PolicyNotMet("no format we hold is accepted", code="request.formats")
    return formats or {}
