"""The firm's pages and endpoints as a Flask blueprint; mount it where ``base_url`` says.

It renders without scripts, shows no claim anywhere, and reads no body beyond its bound.
"""

import secrets
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, render_template, request
from markupsafe import Markup

from ssi.encoding import JSONObject, canonical_json
from ssi.envelope import MAX_SET_BYTES, SET_MEDIA_TYPE
from ssi.errors import (
    ConsentDeclined,
    InvalidSignature,
    Rejected,
    SSIError,
    Unavailable,
    row_of,
)
from ssi.oid4vp import REQUEST_MEDIA_TYPE, parse_request_fetch
from verifier_sdk.ports import RequestState
from verifier_sdk.results import Language
from verifier_sdk.session import Verifier
from verifier_sdk.texts import TEXTS

MAX_BODY: Final = 65_536
FORM_TYPE: Final = "application/x-www-form-urlencoded"
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})
COOKIE: Final = "warifu_request"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


class _Refused(Exception):
    """A body we do not read."""

    def __init__(self, status: int, code: str, fact: str) -> None:
        super().__init__(fact)
        self.status, self.code = status, code


def blueprint(verifier: Verifier, name: str = "warifu") -> Blueprint:
    """Make the blueprint of a verifier.

    Args:
        verifier: The firm's verifier.
        name: The blueprint's name, when one program serves several firms.

    Returns:
        The blueprint, to be registered with the path of ``base_url`` as its prefix.
    """
    routes = Blueprint(name, __name__, template_folder="templates")
    endpoints = _Endpoints(verifier)
    routes.add_url_rule("/r/<request_id>", "fetch", endpoints.fetch, methods=["GET", "POST"])
    routes.add_url_rule("/R/<request_id>", "short", endpoints.short, methods=["GET", "POST"])
    routes.add_url_rule("/response", "response", endpoints.response, methods=["POST"])
    routes.add_url_rule("/p/<request_id>", "page", endpoints.page, methods=["GET"])
    routes.add_url_rule("/result/<request_id>", "result", endpoints.result, methods=["GET"])
    routes.add_url_rule("/updates", "updates", endpoints.updates, methods=["POST"])
    routes.add_url_rule("/health", "health", endpoints.health, methods=["GET"])
    routes.register_error_handler(SSIError, _error)
    routes.register_error_handler(_Refused, _refused)
    routes.after_request(_harden)
    return routes


class _Endpoints:
    """The views of one verifier."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def fetch(self, request_id: str) -> Response:
        """The signed request object, by GET or POST (OpenID4VP 1.0 §5.10)."""
        nonce: str | None = None
        if request.method == "POST":
            nonce = parse_request_fetch(_body(FORM_TYPE, MAX_BODY)).wallet_nonce
        token = self._verifier.request_object(request_id, wallet_nonce=nonce)
        return Response(token, content_type=REQUEST_MEDIA_TYPE)

    def short(self, request_id: str) -> Response:
        """The short link: the request object for a wallet, the page for a browser."""
        if request.method == "POST" or REQUEST_MEDIA_TYPE in request.headers.get("Accept", ""):
            return self.fetch(request_id)
        return self.page(request_id)

    def response(self) -> Response:
        """A wallet's answer (``direct_post.jwt``)."""
        form = _body(FORM_TYPE, MAX_BODY)
        before = self._verifier.repeated(form)
        if before is not None:
            return _json(200, before.to_json())
        try:
            answered = self._verifier.answer(form)
        except ConsentDeclined:
            return _json(200, {})
        return _json(200, answered.reply.to_json())

    def page(self, request_id: str) -> Response:
        """The page with link and QR code, or how the request stands."""
        found = self._verifier.find_request(request_id)
        if found is None:
            return self._show(404, "message.html", message="unknown", state="unknown")
        outcome = self._verifier.state(request_id)
        is_open = outcome.state is RequestState.OPEN
        secret = request.cookies.get(COOKIE) or secrets.token_urlsafe(24)
        if not is_open:
            state = outcome.state.value
            return self._show(200, "message.html", message=state, state=state)
        self._verifier.bind_browser(request_id, secret)
        profile = self._verifier.profile_of(request_id)
        shown = self._show(
            200,
            "request.html",
            request_id=request_id,
            link=found.link,
            # A request for this device has no QR code: another one could not finish it.
            qr=None if self._verifier.is_same_device(request_id) else Markup(found.qr_svg()),  # noqa: S704 - our own drawing of our own link
            purpose=profile.purpose,
            legal_basis=profile.legal_basis,
            retention=profile.retention.text,
            claims=profile.claims,
        )
        shown.set_cookie(
            COOKIE,
            secret,
            max_age=timedelta(hours=1),
            httponly=True,
            samesite="Lax",
            secure=self._verifier.config.base_url.startswith("https://"),
            path=urlsplit(self._verifier.config.base_url).path or "/",
        )
        return shown

    def result(self, request_id: str) -> Response:
        """How it ended, for the browser that started it."""
        try:
            outcome = self._verifier.outcome(
                request_id,
                response_code=request.args.get("response_code", ""),
                browser=request.cookies.get(COOKIE),
            )
        except Rejected as error:
            return self._show(
                row_of(error).http, "message.html", message="not_yours", state="refused"
            )
        except Unavailable:
            return self._show(503, "message.html", message="claimed", state="claimed")
        state = outcome.state.value
        return self._show(200, "message.html", message=state, state=state)

    def updates(self) -> Response:
        """An envelope pushed by the mailbox (RFC 8935)."""
        token = _body(SET_MEDIA_TYPE, MAX_SET_BYTES)
        try:
            self._verifier.receive_update(token)
        except Unavailable as error:
            return _unavailable(error)
        except InvalidSignature as error:
            return _json(400, {"err": "authentication_failed", "description": error.code})
        except SSIError as error:
            return _json(400, {"err": "invalid_request", "description": error.code})
        return Response(status=202)

    def health(self) -> Response:
        """Whether the program works; asks nobody else."""
        self._verifier.store.setting("health")
        return _json(200, {"status": "ok"})

    def _show(self, status: int, template: str, **values: object) -> Response:
        lang = _language()
        name = self._verifier.config.name
        page = render_template(
            f"verifier_sdk/{template}",
            t=TEXTS[lang],
            lang=lang,
            firm=name.ja if lang == "ja" else name.en,
            **values,
        )
        return make_response(page, status)


def _language() -> Language:
    asked = request.args.get("lang")
    if asked in {"ja", "en"}:
        return "ja" if asked == "ja" else "en"
    return "en" if request.accept_languages.best_match(["ja", "en"]) == "en" else "ja"


def _body(content_type: str, most: int) -> bytes:
    """Read a body of the right type, never more than its bound [TRUST-WEB-1]."""
    if request.mimetype != content_type:
        raise _Refused(415, "http.content_type", f"the content type is not {content_type}")
    packed = request.headers.get("Content-Encoding", "identity").lower() != "identity"
    if packed or request.mimetype_params.get("charset", "utf-8").lower() not in _CHARSETS:
        raise _Refused(415, "http.content_type", "the body is packed, or not in UTF-8")
    if (request.content_length or 0) > most:
        raise _Refused(413, "http.too_large", "the body is too large")
    body = request.stream.read(most + 1)
    if len(body) > most:
        raise _Refused(413, "http.too_large", "the body is too large")
    return body


def _json(status: int, value: JSONObject) -> Response:
    return Response(canonical_json(value), status=status, content_type="application/json")


def _error(error: SSIError) -> Response:
    if isinstance(error, Unavailable):
        return _unavailable(error)
    return _json(row_of(error).http, _problem(error.code, str(error)))


def _unavailable(error: Unavailable) -> Response:
    answer = _json(503, _problem(error.code, str(error)))
    answer.headers["Retry-After"] = str(error.retry_after or 5)
    return answer


def _refused(error: _Refused) -> Response:
    return _json(error.status, _problem(error.code, str(error)))


def _problem(code: str, fact: str) -> JSONObject:
    ascii_fact = "".join(char if " " <= char <= "~" and char not in '"\\' else "?" for char in fact)
    return {"error": code, "error_description": ascii_fact}


def _harden(answer: Response) -> Response:
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer
