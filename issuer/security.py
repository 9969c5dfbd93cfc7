"""What guards every page: body caps, CSRF, headers, error pages [POR-WEB-*].

The session is looked up once per request and made only for a page that has a form. The protocol's
endpoints are exempt from CSRF by the list below and by nothing else: no cookie counts there.
"""

import logging
from http import HTTPStatus
from secrets import compare_digest
from typing import Final, Literal
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.wrappers import Response as AnyResponse

from issuer import accounts, texts
from issuer.accounts import BrowserSession
from issuer.context import Issuer
from issuer.models import Operator
from ssi.encoding import canonical_json
from ssi.errors import Rejected, SSIError, row_of

FORM_WITH_PICTURE: Final = 6 * 1024 * 1024
SMALL: Final = 64 * 1024
MAX_PARTS: Final = 64
# Programs, not browsers, speak to these [POR-WEB-2].
PROTOCOL_PATHS: Final = frozenset({"/token", "/nonce", "/credential", "/notification", "/health"})
PROTOCOL_PREFIXES: Final = ("/offers/", "/status-lists/", "/.well-known/")
_PICTURE_ENDPOINTS: Final = frozenset({"portal.apply_post", "portal.move_post"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_STATUS: Final = {
    "portal.not_found": HTTPStatus.NOT_FOUND,
    "portal.role": HTTPStatus.FORBIDDEN,
    "portal.four_eyes": HTTPStatus.FORBIDDEN,
    "portal.step": HTTPStatus.FORBIDDEN,
    "portal.sign_in": HTTPStatus.FORBIDDEN,
    "portal.raced": HTTPStatus.CONFLICT,
    "portal.nothing_to_revoke": HTTPStatus.CONFLICT,
}
_LOG = logging.getLogger("warifu.issuer")
_EXTENSION: Final = "warifu.issuer"
_YEAR: Final = 365 * 86400


def install(app: Flask, issuer: Issuer) -> None:
    """Guard an application; call before its blueprints are registered.

    Args:
        app: The application.
        issuer: Whose sessions and settings stand behind the guard.
    """
    app.extensions[_EXTENSION] = issuer
    app.config["MAX_CONTENT_LENGTH"] = SMALL
    app.config["MAX_FORM_MEMORY_SIZE"] = SMALL
    app.config["MAX_FORM_PARTS"] = MAX_PARTS
    app.jinja_env.autoescape = True
    app.before_request(_cap)
    app.before_request(_guard)
    app.after_request(_finish)
    app.register_error_handler(SSIError, _on_error)
    app.register_error_handler(HTTPException, _on_http_error)
    app.context_processor(_page_context)


def _issuer() -> Issuer:
    issuer = current_app.extensions[_EXTENSION]
    if not isinstance(issuer, Issuer):
        raise TypeError("security.install was not called")
    return issuer


def _is_protocol() -> bool:
    return request.path in PROTOCOL_PATHS or request.path.startswith(PROTOCOL_PREFIXES)


def _cap() -> None:
    """Refuse a body too large, packed, or not UTF-8 before anything reads it [POR-WEB-1]."""
    most = FORM_WITH_PICTURE if request.endpoint in _PICTURE_ENDPOINTS else SMALL
    request.max_content_length = most
    if request.content_length is not None and request.content_length > most:
        raise RequestEntityTooLarge
    packed = request.headers.get("Content-Encoding", "identity").lower() != "identity"
    if packed or request.mimetype_params.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType


def _guard() -> None:
    """Let only forms of our own pages change anything [POR-WEB-2]."""
    if request.method in _SAFE_METHODS or _is_protocol() or request.endpoint is None:
        return
    if not _from_here():
        raise _foreign()
    opened = session()
    given = request.form.getlist("csrf")
    if opened is None or len(given) != 1:
        raise _foreign()
    if not compare_digest(opened.csrf.encode(), given[0].encode("utf-8", "surrogatepass")):
        raise _foreign()


def _from_here() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site not in {None, "same-origin"}:
        return False
    origin = request.headers.get("Origin")
    # Under our own Referrer-Policy a browser says "null" even to the page the form came from
    # (Fetch §3.1); it then has to vouch for the origin with Sec-Fetch-Site.
    return origin in {None, _own_origin()} or (origin == "null" and site == "same-origin")


def _own_origin() -> str:
    parts = urlsplit(_issuer().config.url)
    return f"{parts.scheme}://{parts.netloc}"


def _foreign() -> Rejected:
    return Rejected("the form is not from a page of this session", code="portal.csrf")


def cookie_name(name: str) -> str:
    """Return a cookie's name: bound to this host unless the network is one machine's."""
    return name if _issuer().config.loopback else f"__Host-{name}"


def set_cookie(answer: AnyResponse, name: str, value: str, *, seconds: int | None = None) -> None:
    """Give the browser a cookie that no script reads and no other site sends."""
    answer.set_cookie(
        cookie_name(name),
        value,
        max_age=seconds,
        path="/",
        secure=not _issuer().config.loopback,
        httponly=True,
        samesite="Strict",
    )


def one_text(name: str) -> str:
    """Return a text of the form; one given twice has two meanings and is taken for absent."""
    given = request.form.getlist(name)
    return given[0] if len(given) == 1 else ""


def session() -> BrowserSession | None:
    """Return the browser's session, if it has a live one."""
    if "session" not in g:
        cookie = request.cookies.get(cookie_name("session"), "")
        g.session = accounts.find_session(_issuer(), cookie) if cookie else None
    found: BrowserSession | None = g.session
    return found


def adopt(opened: BrowserSession | None) -> None:
    """Make a session this browser's from now on; None takes its cookie away."""
    g.session = opened
    g.session_changed = True


def csrf_token() -> str:
    """Return the token for a form, with a session to check it against."""
    opened = session()
    if opened is None:
        opened = accounts.open_session(_issuer())
        adopt(opened)
    return opened.csrf


def operator() -> Operator | None:
    """Return who is signed in."""
    if "operator" not in g:
        g.operator = accounts.operator_of(_issuer(), session())
    found: Operator | None = g.operator
    return found


def language() -> Literal["ja", "en"]:
    """Return the language to answer in: asked for, remembered, preferred, Japanese."""
    for choice in (request.args.get("lang"), request.cookies.get(cookie_name("lang"))):
        if choice == "ja":
            return "ja"
        if choice == "en":
            return "en"
    return "en" if request.accept_languages.best_match(["ja", "en"], "ja") == "en" else "ja"


def _page_context() -> dict[str, object]:
    lang = language()
    config = _issuer().config

    def translate(key: str) -> str:
        return texts.text(key, lang)

    return {
        "lang": lang,
        "t": translate,
        "other": "en" if lang == "ja" else "ja",
        "csrf_token": csrf_token,
        "signed_in": operator,
        "issuer_name": config.name_ja if lang == "ja" else config.name_en,
    }


def _finish(answer: Response) -> Response:
    """Give every answer its headers [POR-WEB-3], and the browser its cookies."""
    for name, value in _HEADERS.items():
        if name not in answer.headers:
            answer.headers[name] = value
    if not _issuer().config.loopback:
        answer.headers["Strict-Transport-Security"] = f"max-age={_YEAR}"
    if _is_protocol():
        return answer
    if g.pop("session_changed", False):
        opened: BrowserSession | None = g.session
        if opened is None:
            answer.delete_cookie(cookie_name("session"), secure=not _issuer().config.loopback)
        else:
            set_cookie(answer, "session", opened.id)
    if request.args.get("lang") in {"ja", "en"}:
        set_cookie(answer, "lang", request.args["lang"], seconds=_YEAR)
    return answer


def _on_error(error: SSIError) -> Response:
    _LOG.info("refused: %s", error.code)
    status = _STATUS.get(error.code, row_of(error).http)
    return _failure(status, error.code)


def _on_http_error(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    answer = _failure(status, f"http.{status}")
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers[name] = value
    return answer


def _failure(status: int, code: str) -> Response:
    if _is_protocol():
        name = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request"
        return Response(canonical_json({"error": name}), status=status, mimetype="application/json")
    advice = texts.advice(code, language())
    return Response(render_template("error.html", code=code, advice=advice), status=status)
