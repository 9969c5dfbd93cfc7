"""An issuer on a real chain: keys, certificates, accreditation, database; only time is a toy."""

from __future__ import annotations

import io
import os
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from issuer import revocation
from issuer.app import create_app
from issuer.config import Config
from issuer.context import Issuer, SigningKey
from issuer.db import Database
from issuer.ledger import ChainLedger
from registry_chain.client import Genesis
from registry_chain.transactions import Body
from registry_chain.transactions.keyproofs import register_key
from ssi.credential import CredentialType
from ssi.encoding import JSONObject, b64url_encode, parse_json_object, sha256
from ssi.keys import Alg, SoftwareSigner, generate_signer
from ssi.oid4vci import CredentialRequest, Grant, TokenRequest, build_key_proof
from ssi.x509 import create_ca, create_leaf
from tests.support.registry import ISSUER_URL, YEAR, accreditation, signer

ISSUER_ID = "city-kyc"
FRAMEWORK = "https://warifu.example/trust_framework/jp_sharing"
TYPES = (CredentialType.KYC.value, CredentialType.LICENCE.value)
STATUS_SIZE = 4096


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def _key(folder: Path, name: str, alg: Alg) -> SoftwareSigner:
    made = SoftwareSigner.from_secret(alg, sha256(f"issuer {name}".encode()))
    (folder / f"{name}.key").write_text(b64url_encode(made.secret))
    return made


class LiveChain(Protocol):
    """What accrediting an issuer needs of a chain."""

    genesis: Genesis
    url: str
    clock: Callable[[], datetime]

    def do(self, account: str, body: Body, lane: int = 0) -> object: ...


def write_config(
    folder: Path, chain: LiveChain, *, url: str = ISSUER_URL, **changes: Any
) -> Config:
    """Accredit an issuer with its own authority and keys; return its settings."""
    now = chain.clock()
    secret = sha256(b"issuer authority")
    start, end = now - timedelta(days=1), now + timedelta(days=700)
    root = create_ca("City KYC CA", secret=secret, not_before=start, not_after=end, serial=1)
    keys = {name: _key(folder, name, Alg.ES256) for name in ("credential", "status")}
    for serial, (name, key) in enumerate(keys.items(), start=2):
        leaf = create_leaf(
            f"City KYC {name}",
            public_key=key.public_key,
            issuer=(root, secret),
            not_before=start,
            not_after=end,
            serial=serial,
        )
        (folder / f"{name}.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    (folder / "account.key").write_text(b64url_encode(signer(ISSUER_ID).secret))
    (folder / "genesis.json").write_bytes(chain.genesis.to_bytes())
    anchor = b64encode(root.public_bytes(Encoding.DER)).decode()
    chain.decide(
        accreditation(
            url=url,
            ca=(anchor,),
            credential_types=TYPES,
            valid_until=int(now.timestamp()) + YEAR,
        ),
        lane=1,
    )
    for name, key in keys.items():
        body = register_key(
            key,
            chain_id=chain.genesis.chain_id,
            issuer=ISSUER_ID,
            use=name,
            valid_from=int(start.timestamp()),
            valid_until=int(now.timestamp()) + YEAR,
        )
        chain.do(ISSUER_ID, body, lane=9)
    config = Config(
        issuer_id=ISSUER_ID,
        url=url,
        name_ja="市民KYC株式会社",
        name_en="City KYC",
        trust_framework=FRAMEWORK,
        credential_key=folder / "credential.key",
        credential_chain=folder / "credential.pem",
        status_key=folder / "status.key",
        status_chain=folder / "status.pem",
        account_key=folder / "account.key",
        genesis=folder / "genesis.json",
        nodes=(chain.url,),
        database=f"sqlite:///{folder / 'issuer.db'}",
        memory=folder / "memory.db",
        loopback=True,
        status_size=STATUS_SIZE,
    )
    return replace(config, **changes)


@contextmanager
def opened(config: Config, clock: Callable[[], datetime]) -> Iterator[Issuer]:
    """Open an issuer as a worker process would."""
    database = Database(config.database)
    database.migrate()
    made = Issuer(
        config=config,
        db=database,
        ledger=ChainLedger(config),
        credential_key=SigningKey.load(
            config.credential_key, config.credential_chain, config.issuer_id
        ),
        status_key=SigningKey.load(config.status_key, config.status_chain, config.issuer_id),
        clock=clock,
        random=os.urandom,
    )
    revocation.create_list(made)
    try:
        yield made
    finally:
        database.close()


@contextmanager
def serving(app: Flask, port: int) -> Iterator[None]:
    """Serve over real HTTP in a thread."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def picture(side: tuple[int, int] = (320, 200)) -> bytes:
    """A small photograph of nothing."""
    out = io.BytesIO()
    Image.new("RGB", side, (180, 190, 210)).save(out, "PNG")
    return out.getvalue()


def keys(count: int) -> list[SoftwareSigner]:
    return [generate_signer(Alg.ES256, os.urandom) for _ in range(count)]


@dataclass
class Wallet:
    """A wallet's half of OpenID4VCI over an HTTP client, so that tests can bend each message."""

    http: FlaskClient
    issuer: Issuer
    token: str = field(default="", repr=False)

    def redeem(self, code: str, tx_code: str | None) -> TestResponse:
        asked = TokenRequest(grant=Grant.PRE_AUTHORIZED_CODE, code=code, tx_code=tx_code)
        return self.http.post(
            "/token", data=asked.to_form(), content_type="application/x-www-form-urlencoded"
        )

    def nonce(self) -> str:
        return str(parse_json_object(self.http.post("/nonce").data)["c_nonce"])

    def proofs(self, signers: list[SoftwareSigner], nonce: str | None = None) -> tuple[str, ...]:
        used = self.nonce() if nonce is None else nonce
        return tuple(
            build_key_proof(key, issuer=self.issuer.config.url, nonce=used, now=self.issuer.now())
            for key in signers
        )

    def ask(self, configuration: str, proofs: tuple[str, ...]) -> TestResponse:
        body = CredentialRequest(configuration_id=configuration, proofs=proofs).to_json()
        return self.ask_json(body)

    def ask_json(self, body: JSONObject) -> TestResponse:
        return self.http.post(
            "/credential", json=body, headers={"Authorization": f"Bearer {self.token}"}
        )

    def notify(self, notification_id: str, event: str = "credential_accepted") -> TestResponse:
        return self.http.post(
            "/notification",
            json={"notification_id": notification_id, "event": event},
            headers={"Authorization": f"Bearer {self.token}"},
        )


def wallet(issuer: Issuer) -> Wallet:
    return Wallet(create_app(issuer).test_client(), issuer)
