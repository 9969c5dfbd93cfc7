"""Signed request objects (RFC 9101, OpenID4VP 1.0 §5): who asks, proven by the client prefix.

For the `x509` prefixes only signature and identifier are decided here. Whether the certificate
leads to an anchor and the firm is registered is for the caller to decide by the registry.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ssi.did_url import key_of_did_url
from ssi.encoding import Fields, JSONObject, parse_json_object
from ssi.errors import BindingMismatch, Expired, Malformed, NotYetValid, PolicyNotMet, Untrusted
from ssi.jose import UntrustedJws, parse_jws, sign_jws, verify_jws
from ssi.keys import PublicKey, Signer
from ssi.message_urls import split_web_url
from ssi.oid4vp.client_id import ClientId, Prefix, parse_client_id
from ssi.oid4vp.request import (
    DEFAULT_TRANSACTIONS,
    MIN_FRESH,
    SELF_ISSUED,
    AuthorizationRequest,
    TransactionReader,
    read_request,
    take_response_uri,
)
from ssi.x509 import (
    Certificate,
    der_of,
    dns_names_of,
    parse_x5c,
    public_key_of,
    to_x5c,
    x509_hash,
)

REQUEST_TYPE: Final = "oauth-authz-req+jwt"
REQUEST_MEDIA_TYPE: Final = f"application/{REQUEST_TYPE}"
_CODE = "request.malformed"
_CHAIN = "request.certificate"

KeyResolver = Callable[[str], PublicKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPolicy:
    """What a wallet takes, decided by its configuration.

    `transactions` maps each supported transaction data type to its strict reader.
    """

    prefixes: frozenset[Prefix] = frozenset({Prefix.X509_HASH})
    audiences: frozenset[str] = frozenset({SELF_ISSUED})
    transactions: dict[str, TransactionReader] = field(
        default_factory=lambda: dict(DEFAULT_TRANSACTIONS)
    )
    min_nonce: int = 16
    leeway: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedRequest:
    """A request as received: a signed object, or bare parameters (`jws` is `None`)."""

    client_id: str
    claims: JSONObject = field(repr=False)
    jws: UntrustedJws | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTarget:
    """Where a refusal is posted, and the `state` it carries."""

    response_uri: str
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatedRequest:
    """A request with an authentic sender, whose content nobody has read yet."""

    client_id: ClientId
    claims: JSONObject = field(repr=False)
    chain: tuple[Certificate, ...] = field(default=(), repr=False)
    signed: bool = True

    def error_target(self) -> ErrorTarget:
        """Where this sender takes a refusal, also when the rest of the request is bad.

        Raises:
            Malformed: `request.response_uri` or `request.malformed` when it says no good place.
        """
        fields = Fields(self.claims, where="request", code=_CODE)
        target = ErrorTarget(
            response_uri=take_response_uri(fields, self.client_id), state=fields.opt_str("state")
        )
        _check_host(self.client_id, target.response_uri)
        return target


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRequestObject:
    """A request whose sender is who its client identifier says, whoever that is.

    `chain` is the certificate chain of an `x509` prefix, leaf first, not yet led to an anchor.
    `signed` is false only for the prefix `redirect_uri`.
    """

    request: AuthorizationRequest
    chain: tuple[Certificate, ...] = field(default=(), repr=False)
    signed: bool = True

    @property
    def client_id(self) -> ClientId:
        """Who asks; its `text` is the audience of the presentations."""
        return self.request.client_id


def build_request_object(  # noqa: PLR0913 - the header members depend on the prefix
    request: AuthorizationRequest,
    signer: Signer,
    *,
    now: datetime,
    expires_at: datetime,
    chain: Sequence[Certificate] = (),
    kid: str | None = None,
    audience: str = SELF_ISSUED,
) -> str:
    """Sign a request [PRE-REQ-2].

    Args:
        request: What is asked.
        signer: The key of the certificate or of the DID.
        now: The present.
        expires_at: When the request ends.
        chain: For the `x509` prefixes: leaf first, no anchor.
        kid: For `decentralized_identifier`: the DID URL of the key.
        audience: The wallet; the fixed value with static discovery.

    Returns:
        The compact JWS, served as `application/oauth-authz-req+jwt`.

    Raises:
        ValueError: nonce or state is too short, the prefix cannot be signed, or the header does
            not fit the prefix.
    """
    by_chain = request.client_id.prefix in {Prefix.X509_HASH, Prefix.X509_SAN_DNS}
    by_did = request.client_id.prefix is Prefix.DECENTRALIZED_IDENTIFIER
    if by_chain is not bool(chain) or by_did is not (kid is not None):
        raise ValueError("the header does not fit the client identifier prefix")
    if not by_chain and not by_did:
        raise ValueError("this client identifier prefix cannot be signed")
    if len(request.nonce) < MIN_FRESH or len(request.state or "x" * MIN_FRESH) < MIN_FRESH:
        raise ValueError("nonce and state need 128 bits")
    claims: JSONObject = {
        **request.to_json(),
        "aud": audience,
        "iat": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    header: JSONObject = {"x5c": list(to_x5c(chain))} if by_chain else {"kid": kid}
    return sign_jws(claims, signer, typ=REQUEST_TYPE, header=header)


def parse_request_object(token: str) -> UntrustedRequest:
    """Read a request object without believing it [PRE-REQ-2].

    Args:
        token: The compact JWS.

    Returns:
        The parts, with the client identifier it claims.

    Raises:
        Malformed: `request.malformed`, or a `jose.*` or `json.*` code.
    """
    jws = parse_jws(token)
    claims = parse_json_object(jws.payload)
    client_id = Fields(claims, where="request", code=_CODE).take_str("client_id")
    return UntrustedRequest(client_id=client_id, claims=claims, jws=jws)


def parse_plain_request(parameters: JSONObject) -> UntrustedRequest:
    """Take the parameters of an unsigned request from a link (`RequestLink.parameters`).

    Raises:
        Malformed: `request.malformed`.
    """
    client_id = Fields(parameters, where="request", code=_CODE).take_str("client_id")
    return UntrustedRequest(client_id=client_id, claims=parameters)


def authenticate_request(  # noqa: PLR0913 - each is one rule of the standard
    untrusted: UntrustedRequest,
    *,
    client_id: str | None,
    wallet_nonce: str | None,
    now: datetime,
    policy: RequestPolicy,
    resolve_key: KeyResolver = key_of_did_url,
) -> AuthenticatedRequest:
    """Check that a request comes from its client, is for us and is of now [PRE-REQ-4].

    Args:
        untrusted: The parsed request.
        client_id: The identifier of the link; `None` only for a short link, which has none.
        wallet_nonce: The value we posted, `None` when the request was fetched by GET.
        now: The present.
        policy: What we take.
        resolve_key: Finds the key of a DID URL for `decentralized_identifier`.

    Returns:
        The request with an authentic sender and unread content.

    Raises:
        Rejected: a `request.*` or `jose.*` code; nobody is told about it.
    """
    if client_id is not None and untrusted.client_id != client_id:
        raise BindingMismatch("the request is of another client", code="request.client_id")
    who = parse_client_id(untrusted.client_id)
    if who.prefix not in policy.prefixes:
        raise Untrusted("the client prefix is not allowed", code="request.client_id_prefix")
    claims, chain = _authenticate(untrusted, who, resolve_key)
    if untrusted.jws is not None:
        _check_claims(claims, now=now, policy=policy)
    if wallet_nonce is not None and claims.get("wallet_nonce") != wallet_nonce:
        raise BindingMismatch("the request does not echo our nonce", code="request.wallet_nonce")
    return AuthenticatedRequest(
        client_id=who, claims=claims, chain=chain, signed=untrusted.jws is not None
    )


def verify_request_object(  # noqa: PLR0913 - each is one rule of the standard
    untrusted: UntrustedRequest,
    *,
    client_id: str | None,
    wallet_nonce: str | None,
    now: datetime,
    policy: RequestPolicy,
    resolve_key: KeyResolver = key_of_did_url,
) -> VerifiedRequestObject:
    """Authenticate a request and read it: `authenticate_request`, then `read_authenticated`.

    Args:
        untrusted: The parsed request.
        client_id: The identifier of the link; `None` only for a short link, which has none.
        wallet_nonce: The value we posted, `None` when the request was fetched by GET.
        now: The present.
        policy: What we take.
        resolve_key: Finds the key of a DID URL for `decentralized_identifier`.

    Returns:
        The request; trust in its sender is for the caller to decide.

    Raises:
        Rejected: a `request.*`, `query.*` or `jose.*` code.
    """
    authenticated = authenticate_request(
        untrusted,
        client_id=client_id,
        wallet_nonce=wallet_nonce,
        now=now,
        policy=policy,
        resolve_key=resolve_key,
    )
    return read_authenticated(authenticated, policy=policy)


def read_authenticated(
    authenticated: AuthenticatedRequest, *, policy: RequestPolicy
) -> VerifiedRequestObject:
    """Read the content of an authentic request [PRE-REQ-5] [PRE-REQ-9].

    Args:
        authenticated: The result of `authenticate_request`.
        policy: What we take.

    Returns:
        The request; trust in its sender is for the caller to decide.

    Raises:
        Rejected: a `request.*` or `query.*` code. The sender may be told its
            `authorization_error` at `authenticated.error_target`.
    """
    request = read_request(
        authenticated.claims, transactions=policy.transactions, min_nonce=policy.min_nonce
    )
    _check_host(request.client_id, request.response_uri)
    return VerifiedRequestObject(
        request=request, chain=authenticated.chain, signed=authenticated.signed
    )


def _check_host(who: ClientId, response_uri: str) -> None:
    """With `x509_san_dns` the answer stays on the host of the certificate (§5.9.3) [PRE-REQ-9]."""
    if who.prefix is not Prefix.X509_SAN_DNS:
        return
    parts = split_web_url(response_uri, where="response_uri", code="request.response_uri")
    if parts.host.lower() != who.value.lower():
        raise BindingMismatch("response_uri is on another host", code="request.response_uri")


def _authenticate(
    untrusted: UntrustedRequest, who: ClientId, resolve_key: KeyResolver
) -> tuple[JSONObject, tuple[Certificate, ...]]:
    """Signature and identifier by prefix (§5.9.3) [PRE-REQ-4]."""
    jws = untrusted.jws
    if who.prefix is Prefix.REDIRECT_URI:
        if jws is not None:
            raise PolicyNotMet(
                "a request of this prefix cannot be signed", code="request.signature"
            )
        return untrusted.claims, ()
    if jws is None:
        raise PolicyNotMet("this prefix must be signed", code="request.signature")
    chain: tuple[Certificate, ...] = ()
    if who.prefix is Prefix.DECENTRALIZED_IDENTIFIER:
        key = _did_key(jws, who, resolve_key)
    else:
        chain = _chain(jws)
        _check_leaf(chain[0], who)
        key = public_key_of(chain[0], code=_CHAIN)
    claims = verify_jws(jws, key, typ=REQUEST_TYPE)
    # What is read is what was signed, not what was parsed before the check.
    if claims.get("client_id") != who.text:
        raise BindingMismatch("the request is of another client", code="request.client_id")
    return claims, chain


def _did_key(jws: UntrustedJws, who: ClientId, resolve_key: KeyResolver) -> PublicKey:
    kid = jws.kid
    if kid is None or kid.partition("#")[0] != who.value or "#" not in kid:
        raise BindingMismatch("the key is not one of the client's", code="request.client_id")
    return resolve_key(kid)


def _chain(jws: UntrustedJws) -> tuple[Certificate, ...]:
    values = jws.header.get("x5c")
    if not isinstance(values, list):
        raise Malformed("the request has no certificate", code=_CHAIN)
    return parse_x5c([value for value in values if isinstance(value, str)], code=_CHAIN)


def _check_leaf(leaf: Certificate, who: ClientId) -> None:
    if who.prefix is Prefix.X509_HASH:
        if x509_hash(der_of(leaf)) != who.value:
            raise BindingMismatch("the certificate is not the client's", code="request.client_id")
        return
    # No wildcard: the identifier is one DNS name and must be written in the certificate.
    if who.value.lower() not in dns_names_of(leaf):
        raise BindingMismatch("the certificate is for another host", code="request.client_id")


def _check_claims(claims: JSONObject, *, now: datetime, policy: RequestPolicy) -> None:
    """Audience and times; `iss` is ignored (§5) [PRE-REQ-12]."""
    fields = Fields(claims, where="request", code=_CODE)
    if fields.take_str("aud") not in policy.audiences:
        raise BindingMismatch("the request is for another wallet", code="request.audience")
    at, leeway = int(now.timestamp()), int(policy.leeway.total_seconds())
    expires, issued, begins = (fields.opt_int(name) for name in ("exp", "iat", "nbf"))
    if expires is not None and expires + leeway <= at:
        raise Expired("the request is over", code="request.expired")
    if max(issued or 0, begins or 0) > at + leeway:
        raise NotYetValid("the request is from the future", code="request.not_yet_valid")
