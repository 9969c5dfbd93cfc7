"""The wiring: configuration in, a WSGI application and its background work out."""

import logging
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response

from issuer import oid4vci, operators, portal, revocation, security
from issuer.config import Config
from issuer.context import Issuer, SigningKey
from issuer.db import Database
from issuer.ledger import ChainLedger
from ssi.errors import SSIError

log = logging.getLogger("issuer")
PUBLISH_SECONDS = 1.0


def open_issuer(config: Config) -> Issuer:
    """Open keys, database and chain. Call after the fork.

    Raises:
        ValueError: A key and its certificate do not belong together.
    """
    database = Database(config.database)
    database.migrate()
    issuer = Issuer(
        config=config,
        db=database,
        ledger=ChainLedger(config),
        credential_key=SigningKey.load(
            config.credential_key, config.credential_chain, config.issuer_id
        ),
        status_key=SigningKey.load(config.status_key, config.status_chain, config.issuer_id),
        clock=lambda: datetime.now(UTC),
        random=os.urandom,
    )
    revocation.create_list(issuer)
    return issuer


def create_app(issuer: Issuer) -> Flask:
    """Return the portal and the protocol as one application."""
    app = Flask(__name__)
    security.install(app, issuer)
    app.register_blueprint(oid4vci.blueprint(issuer))
    app.register_blueprint(portal.blueprint(issuer))
    app.register_blueprint(operators.blueprint(issuer))

    @app.get("/health")
    def health() -> Response:
        return Response("ok\n", mimetype="text/plain")

    return app


def start_background(issuer: Issuer) -> Callable[[], None]:
    """Publish what is owed to the chain, end what is due; returns what stops it."""
    stopping = threading.Event()

    def work() -> None:
        while not stopping.is_set():
            try:
                revocation.end_due(issuer)
                revocation.publish(issuer)
                portal.purge(issuer)
            except SSIError as error:
                log.warning("background work: %s", error.code)
            except Exception as error:  # noqa: BLE001 - the outermost loop: it must not end
                log.error("background work: %s", type(error).__name__)  # noqa: TRY400 - no values
            stopping.wait(PUBLISH_SECONDS)

    thread = threading.Thread(target=work, name="issuer-background", daemon=True)
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join(5)

    return stop
