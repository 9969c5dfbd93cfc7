"""The node's HTTP interface: what anyone may ask, and the one thing a member may post.

It decides nothing: the engine judges transactions, clients verify answers. Every input is bounded
before it is parsed. Clauses: ``specs/registry.md`` §15 [REG-NODE-1] to [REG-NODE-7].
The pages for people are in `registry_chain.explorer`, what operators' tools ask in `monitoring`.
"""

from collections.abc import Callable, Iterable
from typing import NoReturn

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from registry_chain.engines.base import Engine, TxOutcome
from registry_chain.explorer import Clock, add_explorer, utc_now
from registry_chain.light import build_bundle, light_block_to_json
from registry_chain.monitoring import add_monitoring
from registry_chain.transactions import MAX_TX_BYTES
from ssi.encoding import (
    JSON,
    Fields,
    JsonLimits,
    JSONObject,
    canonical_json,
    parse_json,
    parse_json_object,
)
from ssi.errors import Malformed, Refused, SSIError, Unavailable, row_of

MAX_BODY = 300_000
MAX_KEYS = 64
MAX_KEY_CHARS = 200
MAX_PAGE = 200
MAX_EXPORT = 200
WAIT_SECONDS = 4.0  # below the usual patience of a client
IMMUTABLE = "public, max-age=31536000, immutable"
_BODY_LIMITS = JsonLimits(max_bytes=MAX_BODY, max_depth=4, max_members=400, max_string=MAX_TX_BYTES)
_KEY_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_/")

_MONITORING = ("/health", "/ready", "/metrics")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "cross-origin",
}

_HTTP_CODES = {
    400: "http.bad_request",
    404: "http.not_found",
    405: "http.method",
    413: "http.too_large",
    415: "http.media_type",
}
_HTTP_MESSAGES = {
    "http.bad_request": ("The request cannot be read.", "リクエストを読み取れません。"),
    "http.not_found": ("There is nothing here.", "該当するものはありません。"),
    "http.method": ("This method is not offered here.", "このメソッドは使えません。"),
    "http.too_large": ("The request is too large.", "リクエストが大きすぎます。"),
    "http.media_type": (
        "The request must be application/json in UTF-8.",
        "リクエストは UTF-8 の application/json にしてください。",
    ),
    "http.server": (
        "The node failed. Nothing was changed; try again later.",
        "ノードで失敗しました。何も変更されていません。後でもう一度お試しください。",
    ),
}


ErrorPage = Callable[[int, str, str, str], Response]


class _Stop(Exception):
    """An answer decided by HTTP alone."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


def create_app(engine: Engine, clock: Clock = utc_now) -> Flask:
    """Build the WSGI application over a running engine.

    Args:
        engine: The chain; the caller closes it.
        clock: The present, for the ages that pages show.

    Returns:
        The application, which may be served by several threads of one process.
    """
    app = Flask("registry_chain", template_folder="templates", static_folder="static")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    _add_transactions(app, engine)
    _add_records(app, engine)
    _add_chain(app, engine)
    add_monitoring(app, engine, clock)
    page = add_explorer(app, engine, clock)
    app.after_request(_secured)
    app.register_error_handler(_Stop, lambda stop: _http_error(stop.status))
    app.register_error_handler(SSIError, lambda error: _ssi_error(error, page))
    app.register_error_handler(HTTPException, lambda error: _http_error(error.code or 500, page))
    app.register_error_handler(500, lambda _error: _http_error(500, page))
    return app


def _add_transactions(app: Flask, engine: Engine) -> None:
    @app.post("/v1/tx")
    def submit() -> Response:
        wait = _choice("wait", ("", "commit"))
        reading = Fields(_body(), where="request", code="http.bad_request")
        raw = reading.take_str("tx", max_len=MAX_TX_BYTES)
        reading.done()
        if not raw.isascii():
            raise Malformed("the transaction is not ASCII", code="tx.envelope")
        tx_id = engine.submit(raw.encode())
        if not wait:
            return _json({"tx_id": tx_id}, 202)
        outcome = engine.wait(tx_id, WAIT_SECONDS)
        return _json(_outcome(outcome), 200)

    @app.get("/v1/tx/<tx_id>")
    def transaction(tx_id: str) -> Response:
        proof = _choice("proof", ("", "0", "1"))
        outcome = engine.outcome(tx_id)
        if outcome is None:
            _stop(404)
        answer = _outcome(outcome)
        if proof == "1":
            answer |= engine.inclusion(tx_id) or {}
        return _json(answer)


def _add_records(app: Flask, engine: Engine) -> None:
    @app.get("/v1/record")
    def record() -> Response:
        _choice("proof", ("", "1"))
        height = _number("height", default=None, most=2**53)
        answer = engine.prove((_key(request.args.get("key", "")),), height)
        if answer is None:
            _stop(404)
        light = light_block_to_json(answer.light_block)
        return _json({"proof": answer.proofs[0].to_json(), "light_block": light})

    @app.post("/v1/records")
    def records() -> Response:
        reading = Fields(_body(), where="request", code="http.bad_request")
        keys = tuple(_key(key) for key in reading.take_strs("keys"))
        reading.done()
        if not 1 <= len(keys) <= MAX_KEYS:
            _stop(400)
        answer = engine.prove(keys)
        if answer is None:
            _stop(404)
        return _json(build_bundle(answer.light_block, answer.proofs))

    @app.get("/v1/list")
    def listing() -> Response:
        limit = _number("limit", default=50, most=MAX_PAGE) or 1
        prefix, after = request.args.get("prefix", ""), request.args.get("after", "")
        if max(len(prefix), len(after)) > MAX_KEY_CHARS or not _plain(prefix + after):
            _stop(400)
        found = engine.listing(prefix, after, limit)
        items: list[JSON] = [{"key": one.key, "value": parse_json(one.value)} for one in found]
        return _json({"items": items, "more": len(found) == limit})

    @app.get("/v1/status-list/<digest>")
    def status_list(digest: str) -> Response:
        token = engine.token(digest)
        if token is None:
            _stop(404)
        answer = Response(token, mimetype="application/statuslist+jwt")
        answer.headers["Cache-Control"] = IMMUTABLE
        return answer


def _add_chain(app: Flask, engine: Engine) -> None:
    @app.get("/v1/light/<height>")
    def light(height: str) -> Response:
        block = engine.light_block(None if height == "latest" else _digits(height))
        if block is None:
            _stop(404)
        return _json(block)

    @app.get("/v1/trust-path")
    def trust_path() -> Response:
        start = _number("from", default=1, most=2**53) or 1
        blocks: list[JSON] = list(engine.trust_path(start))
        return _json({"light_blocks": blocks})

    @app.get("/v1/genesis")
    def genesis() -> Response:
        return Response(engine.genesis.to_bytes(), mimetype="application/json")

    @app.get("/v1/status")
    def status() -> Response:
        now = engine.status()
        return _json(
            {
                "chain_id": now.chain_id,
                "height": now.height,
                "time": now.time,
                "app_hash": now.app_hash,
                "validators": now.validators,
                "waiting": now.waiting,
                "genesis": engine.genesis.digest(),
            }
        )

    @app.get("/v1/blocks")
    def blocks() -> Response:
        start = _number("from", default=1, most=2**53) or 1
        limit = _number("limit", default=100, most=MAX_EXPORT) or 1
        lines = [canonical_json(block) + b"\n" for block in engine.blocks(start, limit)]
        return Response(b"".join(lines), mimetype="application/jsonl")


def _outcome(outcome: TxOutcome) -> JSONObject:
    return {
        "tx_id": outcome.tx_id,
        "height": outcome.height,
        "index": outcome.index,
        "code": outcome.code,
        "rule": outcome.rule,
        "error": outcome.error,
        "log": outcome.log,
    }


def _body() -> JSONObject:
    """The request's JSON object; bounded, typed and decoded before anything reads it."""
    if (request.content_length or 0) > MAX_BODY:
        _stop(413)
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset not in ("utf-8", "utf8"):
        _stop(415)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        _stop(415)
    return parse_json_object(request.get_data(cache=False), limits=_BODY_LIMITS)


def _choice(name: str, allowed: Iterable[str]) -> str:
    value = request.args.get(name, "")
    if value not in allowed:
        _stop(400)
    return value


def _number(name: str, *, default: int | None, most: int) -> int | None:
    value = request.args.get(name)
    if value is None:
        return default
    number = _digits(value)
    if number > most:
        _stop(400)
    return number


def _digits(value: str) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > 16:  # noqa: PLR2004 - 2^53
        _stop(400)
    return int(value)


def _plain(text: str) -> bool:
    return _KEY_CHARS.issuperset(text)


def _key(value: str) -> str:
    if not 1 <= len(value) <= MAX_KEY_CHARS or not _plain(value):
        _stop(400)
    return value


def _stop(status: int) -> NoReturn:
    raise _Stop(status)


def _json(value: JSON, status: int = 200) -> Response:
    return Response(canonical_json(value), status=status, mimetype="application/json")


def _for_people() -> bool:
    """Whether a person's browser asked, and for a page [REG-NODE-1]."""
    api = request.path.startswith("/v1/") or request.path in _MONITORING
    return not api and "text/html" in request.accept_mimetypes.values()


def _error(
    status: int, code: str, *, ja: str, en: str, page: ErrorPage | None = None, **more: JSON
) -> Response:
    if page is not None and _for_people():
        return page(status, code, ja, en)
    return _json({"error": code, "message": {"en": en, "ja": ja}, **more}, status)


def _http_error(status: int, page: ErrorPage | None = None) -> Response:
    ours = status >= 500  # noqa: PLR2004 - the server's own class of answers
    code = "http.server" if ours else _HTTP_CODES.get(status, "http.bad_request")
    en, ja = _HTTP_MESSAGES[code]
    return _error(status, code, ja=ja, en=en, page=page)


def _ssi_error(error: SSIError, page: ErrorPage) -> Response:
    more: JSONObject = {"rule": error.rule} if isinstance(error, Refused) else {}
    ja, en = error.diagnostics("ja"), error.diagnostics("en")
    answer = _error(row_of(error).http, error.code, ja=ja, en=en, page=page, **more)
    if isinstance(error, Unavailable):
        answer.headers["Retry-After"] = str(error.retry_after or 1)
    return answer


def _secured(answer: Response) -> Response:
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer
