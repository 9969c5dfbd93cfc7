"""A sharing-economy firm: a small web shop that uses the SDK exactly as a business would.

It keeps its customers in its own SQLite file. What it learns of them comes through
the SDK's events and nowhere else.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask, Response, abort, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from verifier_sdk import (
    Accept,
    AddressUpdated,
    NeedsAttestation,
    VerifiedPresentation,
    Verifier,
    VerifierConfig,
    profiles,
)
from verifier_sdk.flask import MAX_BODY, blueprint
from verifier_sdk.results import RejectedPresentation
from warifu.demo.cast import FirmRole
from warifu.serving import WSGI, Stop

_SCHEMA = """
CREATE TABLE IF NOT EXISTS customers (
    reference TEXT PRIMARY KEY, name TEXT, address TEXT, profile TEXT NOT NULL,
    assurance TEXT NOT NULL, since TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS visits (number INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;
CREATE TABLE IF NOT EXISTS refusals (code TEXT NOT NULL, step TEXT NOT NULL) STRICT;
"""


class Customers:
    """The firm's own customer file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._open() as database:
            database.executescript(_SCHEMA)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            database = sqlite3.connect(self._path, isolation_level=None, timeout=10)
            try:
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("PRAGMA synchronous=FULL")
                yield database
            finally:
                database.close()

    def next_reference(self, prefix: str) -> str:
        """Return a new customer reference."""
        with self._open() as database:
            number = database.execute("INSERT INTO visits DEFAULT VALUES").lastrowid
        return f"{prefix}-{number:04d}"

    def keep(self, result: VerifiedPresentation) -> None:
        """Store a customer whose presentation was verified."""
        address = result.claims.address
        row = (
            result.reference,
            result.claims.name,
            None if address is None else str(address),
            result.profile,
            "attested",
            result.verified_at.isoformat(),
        )
        with self._open() as database:
            database.execute("INSERT OR REPLACE INTO customers VALUES (?,?,?,?,?,?)", row)

    def move(self, update: AddressUpdated) -> None:
        """Write a customer's new address; the SDK keeps the history of the old ones."""
        with self._open() as database:
            database.execute(
                "UPDATE customers SET address = ?, assurance = ? WHERE reference = ?",
                (str(update.address), update.assurance.value, update.reference),
            )

    def refuse(self, code: str, step: str) -> None:
        """Count a refusal: its code, and nothing of the person."""
        with self._open() as database:
            database.execute("INSERT INTO refusals VALUES (?, ?)", (code, step))

    def all(self) -> list[dict[str, str]]:
        """Return every customer, for the firm's own staff."""
        with self._open() as database:
            database.row_factory = sqlite3.Row
            rows = database.execute("SELECT * FROM customers ORDER BY reference")
            return [dict(row) for row in rows]

    def refusals(self) -> list[dict[str, str]]:
        """Return the refusals."""
        with self._open() as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("SELECT code, step FROM refusals")]


def open_firm(role: FirmRole, home: Path) -> tuple[WSGI, Stop]:
    """Build the firm's site. Call after the fork.

    Args:
        role: Which firm.
        home: Its folder, with ``verifier.toml``.

    Returns:
        The application, and what stops its background work.
    """
    verifier = Verifier.open(VerifierConfig.load(home / "verifier.toml"))
    app = build_site(role, verifier, Customers(home / "customers.db"))
    return app, verifier.start_background(seconds_between=0.5)


def build_site(role: FirmRole, verifier: Verifier, customers: Customers) -> Flask:
    """Build the firm's pages around its verifier."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.register_blueprint(blueprint(verifier), url_prefix="/kyc")
    _handlers(verifier, customers, role)
    _pages(app, verifier, customers, role)
    return app


def _handlers(verifier: Verifier, customers: Customers, role: FirmRole) -> None:
    @verifier.on("presentation.verified")
    def verified(result: VerifiedPresentation) -> None:
        customers.keep(result)

    @verifier.on("presentation.rejected")
    def rejected(event: RejectedPresentation) -> None:
        customers.refuse(event.code, "" if event.check is None else event.check.name())

    @verifier.on("address.updated")
    def moved(update: AddressUpdated) -> Accept | NeedsAttestation:
        if role.require_attested and not update.attested:
            return NeedsAttestation()
        customers.move(update)
        return Accept()


def _pages(app: Flask, verifier: Verifier, customers: Customers, role: FirmRole) -> None:
    profile = profiles.BY_CODE[role.profile]

    @app.get("/")
    def home() -> str:
        return render_template("firm.html", firm=role, profile=profile)

    @app.post("/start")
    def start() -> AnyResponse:
        # A cross-site page must not make our visitors ask for identity checks.
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            abort(403)
        reference = customers.next_reference(role.id.split("-", maxsplit=1)[0])
        asked = verifier.request(profile, reference=reference, updates=role.updates)
        return redirect(asked.page_url, code=303)

    @app.get("/customers")
    def staff() -> str:
        rows, refused = customers.all(), customers.refusals()
        return render_template("customers.html", firm=role, customers=rows, refusals=refused)

    @app.get("/health")
    def health() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> AnyResponse:
        page = render_template("failed.html", firm=role, code=f"http.{error.code}")
        answer = Response(page, status=error.code)
        for name, value in error.get_headers():
            if name == "Allow":
                answer.headers[name] = value
        return answer

    @app.after_request
    def harden(answer: Response) -> Response:
        answer.headers.setdefault(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'",
        )
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        answer.headers.setdefault("Referrer-Policy", "no-referrer")
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer
