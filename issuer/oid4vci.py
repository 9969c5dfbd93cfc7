"""The OpenID4VCI endpoints (OpenID4VCI 1.0; RFC 6749 errors). The rules are in `issuing`."""

from collections.abc import Mapping

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import select

from issuer import issuing, offers
from issuer.config import STATUS_LIST
from issuer.context import Issuer
from issuer.models import Offer, StatusListRow
from ssi.encoding import JSONObject, canonical_json
from ssi.errors import Malformed, Rejected, SSIError, Unavailable
from ssi.oid4vci import (
    AuthorizationServerMetadata,
    CredentialConfiguration,
    CredentialResponse,
    Display,
    ErrorResponse,
    Grant,
    IssuerMetadata,
    NonceResponse,
    ProofPolicy,
    ProofType,
    TokenError,
    TokenResponse,
    credential_error,
    parse_credential_request,
    parse_notification,
    parse_token_request,
    verify_key_proofs,
)

MAX_BODY = 64 * 1024
_NO_STORE = {"Cache-Control": "no-store"}
_DISPLAY = {
    "kyc": ("本人確認", "Identity check"),
    "driving-licence": ("運転免許", "Driving licence"),
}


def blueprint(issuer: Issuer) -> Blueprint:
    """Return the protocol's endpoints."""
    routes = Blueprint("oid4vci", __name__)
    _metadata_routes(routes, issuer)
    _issuance_routes(routes, issuer)

    @routes.errorhandler(SSIError)
    def failed(error: SSIError) -> Response:
        return _credential_failure(error)

    return routes


def _metadata_routes(routes: Blueprint, issuer: Issuer) -> None:
    @routes.get("/.well-known/openid-credential-issuer")
    def issuer_metadata() -> Response:
        return jsonify(metadata(issuer).to_json())

    @routes.get("/.well-known/oauth-authorization-server")
    def server_metadata() -> Response:
        server = AuthorizationServerMetadata(
            issuer=issuer.config.url,
            token_endpoint=f"{issuer.config.url}/token",
            grant_types=(Grant.PRE_AUTHORIZED_CODE.value,),
            pre_authorized_grant_anonymous_access=True,
        )
        return jsonify(server.to_json())

    @routes.get("/offers/<offer_id>")
    def offer(offer_id: str) -> Response:
        with issuer.db.transaction() as session:
            found = session.get(Offer, offer_id)
            if found is None or found.state != offers.OPEN or found.expires_at <= issuer.seconds():
                return _json({"error": "not_found"}, 404)
            return _json(offers.offer_message(issuer, found).to_json(), 200)

    @routes.get(f"/status-lists/{STATUS_LIST}")
    def status_list() -> Response:
        with issuer.db.transaction() as session:
            found = select(StatusListRow.token).where(StatusListRow.id == STATUS_LIST)
            token = session.scalars(found).one_or_none()
        if not token:
            return _json({"error": "status.unavailable"}, 503)
        answer = Response(token, mimetype="application/statuslist+jwt")
        answer.headers["Cache-Control"] = "max-age=60"
        answer.headers["Access-Control-Allow-Origin"] = "*"
        return answer


def metadata(issuer: Issuer) -> IssuerMetadata:
    """Return our credential issuer metadata (OpenID4VCI §12.2)."""
    url = issuer.config.url
    return IssuerMetadata(
        credential_issuer=url,
        credential_endpoint=f"{url}/credential",
        nonce_endpoint=f"{url}/nonce",
        notification_endpoint=f"{url}/notification",
        batch_size=issuer.config.batch_size,
        display=(
            Display(name=issuer.config.name_ja, locale="ja-JP"),
            Display(name=issuer.config.name_en, locale="en-US"),
        ),
        configurations={
            name: CredentialConfiguration(
                format="dc+sd-jwt",
                vct=vct,
                scope=name,
                signing_algs=("ES256",),
                binding_methods=("jwk",),
                proof_types={"jwt": ProofType(signing_algs=("ES256", "EdDSA"))},
                display=(
                    Display(name=_DISPLAY[name][0], locale="ja-JP"),
                    Display(name=_DISPLAY[name][1], locale="en-US"),
                ),
            )
            for name, vct in offers.CONFIGURATIONS.items()
        },
    )


def _issuance_routes(routes: Blueprint, issuer: Issuer) -> None:
    @routes.post("/token")
    def token() -> Response:
        try:
            return _json(_token(issuer).to_json(), 200)
        except _TokenRefused as refused:
            body = ErrorResponse(error=refused.error.value).to_json()
            return _json(body, refused.error.http_status)

    @routes.post("/nonce")
    def nonce() -> Response:
        return _json(NonceResponse(c_nonce=offers.new_nonce(issuer)).to_json(), 200)

    @routes.post("/credential")
    def credential() -> Response:
        answer = _credential(issuer)
        return _json(answer.to_json(), answer.http_status)

    @routes.post("/notification")
    def notification() -> Response:
        return _notification(issuer)


class _TokenRefused(Exception):
    """The token endpoint's answer when it gives no token."""

    def __init__(self, error: TokenError) -> None:
        self.error = error
        super().__init__(error.value)


def _token(issuer: Issuer) -> TokenResponse:
    if request.mimetype != "application/x-www-form-urlencoded":
        raise _TokenRefused(TokenError.INVALID_REQUEST)
    try:
        asked = parse_token_request(_body())
    except Rejected as error:
        unsupported = error.code == "issuance.grant_type"
        raise _TokenRefused(
            TokenError.UNSUPPORTED_GRANT_TYPE if unsupported else TokenError.INVALID_REQUEST
        ) from error
    if asked.grant is not Grant.PRE_AUTHORIZED_CODE:
        raise _TokenRefused(TokenError.UNSUPPORTED_GRANT_TYPE)
    if asked.tx_code is None:
        raise _TokenRefused(TokenError.INVALID_REQUEST)
    try:
        access = offers.redeem(issuer, code=asked.code, tx_code=asked.tx_code)
    except Rejected as error:
        raise _TokenRefused(TokenError.INVALID_GRANT) from error
    return TokenResponse(access_token=access, expires_in=issuer.config.token_seconds)


def _credential(issuer: Issuer) -> CredentialResponse:
    access = _authorized(issuer)
    if request.mimetype != "application/json":
        raise Malformed("the request is no JSON", code="issuance.credential_request")
    asked = parse_credential_request(_body())
    asked.check_selection(identifiers_returned=False)
    proofs = verify_key_proofs(
        asked.proofs,
        issuer=issuer.config.url,
        now=issuer.now(),
        policy=ProofPolicy(batch_size=issuer.config.batch_size),
    )
    issued = issuing.issue_batch(
        issuer,
        token=access,
        configuration=asked.configuration_id or "",
        keys=[proof.key for proof in proofs],
        nonce=proofs[0].nonce or "",
    )
    return CredentialResponse(
        credentials=issued.credentials, notification_id=issued.notification_id
    )


def _notification(issuer: Issuer) -> Response:
    access = _authorized(issuer)
    try:
        if request.mimetype != "application/json":
            raise Malformed("the request is no JSON", code="issuance.notification_request")
        told = parse_notification(_body())
    except Rejected:
        return _json({"error": "invalid_notification_request"}, 400)
    try:
        issuing.notified(
            issuer,
            token=access,
            notification_id=told.notification_id,
            event=told.event.value,
        )
    except Rejected:
        return _json({"error": "invalid_notification_id"}, 400)
    return Response(status=204, headers=_NO_STORE)


def _body() -> bytes:
    return request.get_data(cache=False)


def _bearer() -> str | None:
    """The access token of the header; a token in a URL or a body is none (RFC 6750)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token and token.isascii() else None


def _authorized(issuer: Issuer) -> str:
    """Return the request's access token, known to be good.

    Raises:
        Rejected: ``issuance.token``.
    """
    access = _bearer()
    if access is None:
        raise Rejected("there is no access token", code="issuance.token")
    with issuer.db.transaction() as session:
        offers.application_of(session, issuer, access)
    return access


def _unauthorized() -> Response:
    answer = _json({"error": "invalid_token"}, 401)
    answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return answer


def _credential_failure(error: SSIError) -> Response:
    """Say what the standard says; nothing of the error's own text goes out [ISS-ERR-2]."""
    if isinstance(error, Unavailable):
        answer = _json({"error": "temporarily_unavailable"}, 503)
        answer.headers["Retry-After"] = str(error.retry_after or 2)
        return answer
    if error.code == "issuance.token":
        return _unauthorized()
    code = credential_error(error)
    return _json(ErrorResponse(error=code.value).to_json(), code.http_status)


def _json(body: JSONObject | Mapping[str, str], status: int) -> Response:
    return Response(
        canonical_json(dict(body)), status=status, mimetype="application/json", headers=_NO_STORE
    )
