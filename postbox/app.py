"""The mailbox as a WSGI program: wiring, error answers, headers.

There is no access log, and the log of errors holds codes only: no box id, token, sender, network
address or path [SHA-BOX-9].
"""

import logging

from flask import Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from postbox.api import EXTENSION, JSON_TYPE, api, error_answer
from postbox.config import Config
from postbox.page import page
from postbox.services import Services
from postbox.wiring import open_services
from ssi.encoding import canonical_json
from ssi.errors import SSIError

MAX_BODY = 256 * 1024
_LOG = logging.getLogger("warifu.mailbox")
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def create_app(config: Config, *, services: Services | None = None) -> Flask:
    """Build the program; call it in the worker, after the fork.

    Args:
        config: The operator's settings.
        services: Stores and doors to use instead of those the settings name.

    Returns:
        The WSGI application; its tables are up to date.
    """
    app = Flask("postbox", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.extensions[EXTENSION] = services or open_services(config)
    app.extensions[EXTENSION].db.migrate()
    if config.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's documented way
            app.wsgi_app, x_for=config.trusted_proxies, x_proto=0, x_host=0
        )
    app.register_blueprint(api)
    app.register_blueprint(page)
    app.register_error_handler(SSIError, _on_error)
    app.register_error_handler(HTTPException, _on_http_error)
    app.after_request(_harden)
    return app


def _on_error(error: SSIError) -> Response:
    _LOG.info("refused: %s", error.code)
    return error_answer(error)


def _on_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    name = "invalid_request" if status < 500 else "server_error"  # noqa: PLR2004 - HTTP's classes
    body = canonical_json({"err": name, "description": error.name})
    return Response(body, status=status, mimetype=JSON_TYPE)


def _harden(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
    return answer
