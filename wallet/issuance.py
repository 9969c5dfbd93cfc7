"""From an offer link to verified credentials in the vault (OpenID4VCI 1.0) [WAL-ISS-1].

An offer is an unsigned invitation by anybody. Before a code leaves the wallet the
ledger must prove that the issuer is accredited under this URL for these credential
types. New keys are in the vault before they are used; everything that comes back
is verified before anything is kept, and all of it is kept in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ssi.encoding import JSONObject
from ssi.errors import BindingMismatch, PolicyNotMet, Rejected, SSIError, Untrusted
from ssi.keys import Alg, SoftwareSigner, generate_signer
from ssi.oid4vci import (
    CredentialConfiguration,
    CredentialOffer,
    CredentialRequest,
    CredentialResponse,
    Grant,
    InputMode,
    IssuerMetadata,
    Notification,
    NotificationEvent,
    TokenRequest,
    TokenResponse,
    TxCode,
    authorization_server_metadata_url,
    build_key_proof,
    issuer_metadata_url,
    parse_authorization_server_metadata,
    parse_credential_response,
    parse_error_response,
    parse_issuer_metadata,
    parse_nonce_response,
    parse_offer,
    parse_offer_link,
    parse_token_response,
)
from wallet import history, underway, web
from wallet.context import Context
from wallet.history import Did
from wallet.incoming import Expected, check_batch, check_credential
from wallet.register import Issuer, accredited_issuer
from wallet.store import (
    CURRENT_ADDRESS,
    KeyKind,
    StoredCredential,
    forget_unused_keys,
    keep_address,
    keep_credential,
    keep_signer,
    set_setting,
)

MAX_BATCH = 20  # copies of one credential the wallet asks for at once [WAL-ONCE-3]
MAX_TX_CODE = 64
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferReview:
    """What the wallet tells the person before anything is asked of the issuer."""

    issuer: Issuer
    vcts: tuple[str, ...]
    tx_code: TxCode | None
    offer: CredentialOffer = field(repr=False)
    metadata: IssuerMetadata = field(repr=False)
    token_endpoint: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What was stored."""

    issuer: Issuer
    batch: str
    vcts: tuple[str, ...]
    copies: int


def review_offer(ctx: Context, link: str) -> OfferReview:
    """Read an offer and prove its issuer; nothing of the holder's is sent.

    Args:
        ctx: the wallet's ports.
        link: what was scanned or pasted.

    Raises:
        Rejected: ``issuance.*``, ``name.rejected``, ``fetch.blocked``.
        Unavailable: the issuer or the ledger does not answer.
    """
    offer = _fetch_offer(ctx, link)
    now = ctx.now()
    issuer = accredited_issuer(ctx, offer.credential_issuer, now=now)
    address = issuer_metadata_url(offer.credential_issuer)
    answer = web.expect(web.get(ctx.fetch, address), web.OK, code="issuance.metadata")
    metadata = parse_issuer_metadata(answer.body, issuer=offer.credential_issuer)
    if offer.pre_authorized is None:
        raise PolicyNotMet("the offer has no pre-authorized code", code="issuance.grant")
    hint = offer.pre_authorized.authorization_server
    server = metadata.authorization_server(hint)
    if server != offer.credential_issuer:
        raise Untrusted("another server would get the code", code="issuance.server_not_accredited")
    vcts = tuple(
        _check_configuration(metadata, name, issuer).vct or "" for name in offer.configuration_ids
    )
    _check_endpoints(issuer, metadata)
    return OfferReview(
        issuer=issuer,
        vcts=vcts,
        tx_code=offer.pre_authorized.tx_code,
        offer=offer,
        metadata=metadata,
        token_endpoint=_token_endpoint(ctx, issuer, server),
    )


def accept(ctx: Context, review: OfferReview, tx_code: str | None) -> Received:
    """Get the credentials of a reviewed offer, verify them all, store them all.

    Args:
        ctx: the wallet's ports.
        review: what the person saw.
        tx_code: the code the issuer told by another channel.

    Raises:
        Rejected: ``issuance.*``; nothing was stored.
        Unavailable: the issuer or the ledger does not answer; nothing was stored.
    """
    token = _token(ctx, review, tx_code)
    batch = ctx.new_name()
    stored: list[StoredCredential] = []
    addresses: list[JSONObject] = []
    notices: list[str] = []
    signers: list[str] = []
    try:
        for name, vct in zip(review.offer.configuration_ids, review.vcts, strict=True):
            keys = _new_keys(ctx, min(review.metadata.batch_size, MAX_BATCH))
            signers += [key.public_key.thumbprint() for key in keys]
            response = _request(ctx, review, name, token, keys)
            notices += filter(None, [response.notification_id])
            copies, found = _check_all(
                ctx, review, vct, f"{batch}.{len(stored)}", response=response, keys=keys
            )
            stored += copies
            addresses += found
        with ctx.vault.transaction():
            _store(ctx, review, stored, addresses, signers)
            underway.keep_notices(ctx, review.metadata.notification_endpoint, token, notices)
            underway.forget_grant(ctx.vault, _code(review))
    except SSIError as error:
        forget_unused_keys(ctx.vault, signers)
        if isinstance(error, Rejected):
            underway.forget_grant(ctx.vault, _code(review))
        _fail(ctx, review, notices, token, error)
        raise
    underway.send_notices(ctx)
    return Received(issuer=review.issuer, batch=batch, vcts=review.vcts, copies=len(stored))


def check_tx_code(asked: TxCode | None, given: str | None) -> None:
    """Check a transaction code's form before it is sent [WAL-ISS-4].

    Raises:
        PolicyNotMet: ``issuance.tx_code_needed`` or ``issuance.tx_code_form``.
    """
    if asked is None:
        return
    if not given:
        raise PolicyNotMet("the offer needs a code", code="issuance.tx_code_needed")
    digits = given.isascii() and given.isdecimal()
    if asked.input_mode is InputMode.NUMERIC and not digits:
        raise PolicyNotMet("the code has digits only", code="issuance.tx_code_form")
    if len(given) > MAX_TX_CODE or (asked.length is not None and len(given) != asked.length):
        raise PolicyNotMet("the code has another length", code="issuance.tx_code_form")


def _fetch_offer(ctx: Context, link: str) -> CredentialOffer:
    reference = parse_offer_link(link.strip())
    if reference.offer is not None:
        return reference.offer
    answer = web.get(ctx.fetch, str(reference.offer_uri))
    web.expect(answer, web.OK, code="issuance.offer_unavailable")
    web.check_type(answer, "application/json", code="issuance.offer_malformed")
    return parse_offer(answer.body)


def _check_configuration(
    metadata: IssuerMetadata, name: str, issuer: Issuer
) -> CredentialConfiguration:
    """Return a configuration the issuer is accredited for and the wallet can prove keys for."""
    configuration = metadata.configurations.get(name)
    if configuration is None or configuration.format != "dc+sd-jwt":
        raise PolicyNotMet("the offer names an unknown credential", code="issuance.configuration")
    if configuration.vct not in issuer.credential_types:
        raise Untrusted(
            "the issuer is not accredited for this credential", code="issuance.type_not_accredited"
        )
    proof = configuration.proof_types.get("jwt")
    if proof is None or Alg.ES256.value not in proof.signing_algs or proof.key_attestation_required:
        raise PolicyNotMet("the issuer wants another kind of proof", code="issuance.configuration")
    return configuration


def _check_endpoints(issuer: Issuer, metadata: IssuerMetadata) -> None:
    """The ledger vouches for one URL; nothing is sent anywhere else [WAL-ISS-3]."""
    endpoints = (
        metadata.credential_endpoint,
        metadata.nonce_endpoint,
        metadata.notification_endpoint,
    )
    for endpoint in endpoints:
        if endpoint is not None:
            _check_under(issuer, endpoint)


def _check_under(issuer: Issuer, endpoint: str) -> None:
    if not endpoint.startswith(issuer.url.rstrip("/") + "/"):
        raise Untrusted(
            "an endpoint is outside the accredited address", code="issuance.endpoint_foreign"
        )


def _token_endpoint(ctx: Context, issuer: Issuer, server: str) -> str:
    answer = web.get(ctx.fetch, authorization_server_metadata_url(server))
    web.expect(answer, web.OK, code="issuance.metadata")
    endpoint = parse_authorization_server_metadata(answer.body, issuer=server).token_endpoint
    if endpoint is None:
        raise PolicyNotMet("the issuer has no token endpoint", code="issuance.metadata")
    _check_under(issuer, endpoint)
    return endpoint


def _token(ctx: Context, review: OfferReview, tx_code: str | None) -> TokenResponse:
    """Return the offer's access token, the one kept when an earlier try was cut short."""
    code = _code(review)
    kept = underway.grant_of(ctx.vault, code)
    if kept is not None:
        return kept
    check_tx_code(review.tx_code, tx_code)
    request = TokenRequest(
        grant=Grant.PRE_AUTHORIZED_CODE,
        code=code,
        tx_code=tx_code if review.tx_code is not None else None,
    )
    answer = web.post(ctx.fetch, review.token_endpoint, request.to_form(), content_type=_FORM)
    if answer.status != web.OK:
        error = parse_error_response(answer.body).error
        reason = "issuance.tx_code" if error == "invalid_grant" else "issuance.token"
        raise Rejected("the issuer refused the code", code=reason)
    token = parse_token_response(answer.body)
    underway.keep_grant(ctx, code, token)
    return token


def _code(review: OfferReview) -> str:
    grant = review.offer.pre_authorized
    if grant is None:
        raise PolicyNotMet("the offer has no pre-authorized code", code="issuance.grant")
    return grant.pre_authorized_code


def _new_keys(ctx: Context, count: int) -> list[SoftwareSigner]:
    """Make the keys of a batch and store them before anyone hears of them [WAL-ISS-5]."""
    keys = [generate_signer(Alg.ES256, ctx.random) for _ in range(count)]
    with ctx.vault.transaction():
        for key in keys:
            keep_signer(ctx.vault, KeyKind.CREDENTIAL, key, at=ctx.seconds())
    return keys


def _request(
    ctx: Context,
    review: OfferReview,
    name: str,
    token: TokenResponse,
    keys: Sequence[SoftwareSigner],
) -> CredentialResponse:
    nonce = None
    if review.metadata.nonce_endpoint is not None:
        answer = web.post(ctx.fetch, review.metadata.nonce_endpoint, b"", content_type=_FORM)
        web.expect(answer, web.OK, code="issuance.nonce")
        nonce = parse_nonce_response(answer.body).c_nonce
    now = ctx.now()
    proofs = [
        build_key_proof(key, issuer=review.offer.credential_issuer, nonce=nonce, now=now)
        for key in keys
    ]
    identifiers = token.credential_identifiers.get(name)
    request = CredentialRequest(
        configuration_id=None if identifiers else name,
        identifier=identifiers[0] if identifiers else None,
        proofs=tuple(proofs),
    )
    answer = web.post_json(
        ctx.fetch,
        review.metadata.credential_endpoint,
        request.to_json(),
        token=token.access_token,
    )
    if answer.status == web.ACCEPTED:
        raise Rejected("the issuer wants to issue later", code="issuance.deferred")
    web.expect(answer, web.OK, code="issuance.refused")
    return parse_credential_response(answer.body)


def _check_all(  # noqa: PLR0913 - the parts of one answer
    ctx: Context,
    review: OfferReview,
    vct: str,
    batch: str,
    *,
    response: CredentialResponse,
    keys: Sequence[SoftwareSigner],
) -> tuple[list[StoredCredential], list[JSONObject]]:
    """Verify every credential of one answer; one bad one refuses them all [WAL-ISS-6]."""
    if len(response.credentials) > len(keys):
        raise BindingMismatch("more credentials than keys", code="issuance.too_many")
    now = ctx.now()
    expected = Expected(
        issuer=review.issuer,
        vct=vct,
        batch=batch,
        thumbprints=frozenset(key.public_key.thumbprint() for key in keys),
    )
    checked = [check_credential(ctx, entry, expected, now=now) for entry in response.credentials]
    check_batch([item.stored for item in checked])
    return [item.stored for item in checked], [
        item.address for item in checked if item.address is not None
    ]


def _store(
    ctx: Context,
    review: OfferReview,
    stored: Sequence[StoredCredential],
    addresses: Sequence[JSONObject],
    signers: Sequence[str],
) -> None:
    with ctx.vault.transaction():
        for credential in stored:
            keep_credential(ctx.vault, credential)
        for address in addresses:
            version = keep_address(
                ctx.vault, address, source="credential", since=None, at=ctx.seconds()
            )
            set_setting(ctx.vault, CURRENT_ADDRESS, str(version))
        forget_unused_keys(ctx.vault, list(signers))
        history.record(
            ctx.vault,
            Did.RECEIVED,
            at=ctx.now(),
            party=review.issuer.id,
            names=review.issuer.names,
            details={"vcts": list(review.vcts), "copies": len(stored)},
        )


def _fail(
    ctx: Context,
    review: OfferReview,
    notices: Sequence[str],
    token: TokenResponse,
    error: SSIError,
) -> None:
    history.record(
        ctx.vault,
        Did.RECEIVED,
        at=ctx.now(),
        party=review.issuer.id,
        names=review.issuer.names,
        outcome="failed",
        code=error.code,
    )
    for notice in notices:
        _tell_failure(ctx, review, notice, token)


def _tell_failure(ctx: Context, review: OfferReview, notice: str, token: TokenResponse) -> None:
    """Tell the issuer; a courtesy whose failure changes nothing (OpenID4VCI 1.0 section 11)."""
    endpoint = review.metadata.notification_endpoint
    if endpoint is None:
        return
    message = Notification(notification_id=notice, event=NotificationEvent.FAILURE)
    try:
        web.post_json(ctx.fetch, endpoint, message.to_json(), token=token.access_token)
    except SSIError as error:
        if not web.is_quiet(error):
            raise
