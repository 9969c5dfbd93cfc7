"""Making a request: fresh values, terms, the signed request object, links and the QR code."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import qrcode
from qrcode.image.svg import SvgPathImage

from ssi.dcql import parse_query
from ssi.encoding import b64url_encode
from ssi.keys import Random, Signer, generate_agreement_key
from ssi.names import random_name
from ssi.oid4vp import (
    AuthorizationRequest,
    RequestLink,
    RequestUriMethod,
    ResponseKey,
    ResponseMode,
    TransactionData,
    build_request_object,
    parse_client_id,
)
from ssi.sharing_terms import TERMS_TYPE, LocalText, Retention, Terms
from ssi.x509 import Certificate
from verifier_sdk.ports import RequestState, SentRequest
from verifier_sdk.profiles import Profile

_FRESH_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentationRequest:
    """A request, as the firm hands it to its customer.

    Attributes:
        id: Its public id, in the links.
        link: For a wallet on the same device, and for the QR code.
        short_link: The same in few characters.
        page_url: The page that shows it to a person.
    """

    id: str
    reference: str
    link: str
    short_link: str
    page_url: str
    expires_at: datetime
    state: RequestState = RequestState.OPEN
    profile: str = field(default="")

    def qr_svg(self) -> str:
        """The link as a QR code, inline SVG."""
        return qr_svg(self.link)


def new_request(  # noqa: PLR0913 - the facts of one request
    profile: Profile,
    *,
    client_id: str,
    verifier_id: str,
    reference: str,
    updates: bool,
    purpose: LocalText | None,
    retention: Retention | None,
    life: timedelta,
    now: datetime,
    random: Random,
) -> SentRequest:
    """Make a request with fresh nonce, state and response key [TRUST-2]."""
    query = profile.query()
    terms = Terms(
        firm=verifier_id,
        credential_ids=tuple(entry.id for entry in query.credentials),
        purpose_code=profile.code,
        purpose=purpose or profile.purpose,
        legal_basis=profile.legal_basis,
        retention=retention or profile.retention,
        claims=profile.paths,
        address_updates=updates,
    )
    return SentRequest(
        id=random_name(random),
        reference=reference,
        profile=profile,
        query=parse_query(query.to_json()),
        client_id=client_id,
        verifier_id=verifier_id,
        nonce=b64url_encode(random(_FRESH_BYTES)),
        state=b64url_encode(random(_FRESH_BYTES)),
        terms=terms.encode(),
        updates=updates,
        created_at=now,
        expires_at=now + life,
        life=RequestState.OPEN,
        key=generate_agreement_key(random),
        key_id=b64url_encode(random(_FRESH_BYTES)),
    )


def request_object(  # noqa: PLR0913 - the parts of the signed object
    request: SentRequest,
    signer: Signer,
    *,
    chain: Sequence[Certificate],
    response_uri: str,
    wallet_nonce: str | None,
    now: datetime,
) -> str:
    """Sign the request object a wallet fetches (OpenID4VP 1.0 §5.10)."""
    if request.key is None:
        raise ValueError("a closed request is not served")
    content = AuthorizationRequest(
        client_id=parse_client_id(request.client_id),
        nonce=request.nonce,
        response_uri=response_uri,
        response_mode=ResponseMode.DIRECT_POST_JWT,
        query=request.query,
        state=request.state,
        transaction_data=(
            TransactionData(
                raw=request.terms,
                type=TERMS_TYPE,
                credential_ids=tuple(entry.id for entry in request.query.credentials),
                content=None,
            ),
        ),
        response_key=ResponseKey(
            jwk={**request.key.public_jwk(kid=request.key_id), "use": "enc"},
            encs=("A128GCM", "A256GCM"),
        ),
        wallet_nonce=wallet_nonce,
    )
    return build_request_object(
        content, signer, now=now, expires_at=request.expires_at, chain=chain
    )


def public_request(request: SentRequest, base_url: str) -> PresentationRequest:
    """Write the links of a request."""
    link = RequestLink(
        client_id=request.client_id,
        request_uri=f"{base_url}/r/{request.id}",
        method=RequestUriMethod.POST,
    )
    return PresentationRequest(
        id=request.id,
        reference=request.reference,
        link=link.to_link(),
        short_link=f"{base_url}/R/{request.id}",
        page_url=f"{base_url}/p/{request.id}",
        expires_at=request.expires_at,
        state=request.life,
        profile=request.profile.code,
    )


def qr_svg(text: str) -> str:
    """Draw a text as a QR code, as inline SVG without an XML declaration.

    The drawing itself is hidden from screen readers: what stands around it names it.
    """
    code = qrcode.QRCode(
        error_correction=qrcode.constants.ERROR_CORRECT_M,
        border=4,
        image_factory=SvgPathImage,
    )
    code.add_data(text)
    code.make(fit=True)
    image = code.make_image()
    out = io.BytesIO()
    image.save(out)
    text_svg = out.getvalue().decode("utf-8")
    return text_svg[text_svg.index("<svg") :].replace("<svg", '<svg aria-hidden="true"', 1)
