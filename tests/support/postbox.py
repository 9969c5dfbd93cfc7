"""A mailbox over the chain's real rules, with a clock the test moves."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from postbox.app import create_app
from postbox.config import Config
from postbox.db import Database
from postbox.ledger import Recorded
from postbox.services import Services
from registry_chain.records import ConsentRecord, VerifierRecord, consent_key, verifier_key
from registry_chain.transactions import Body, build_consent_item, build_withdrawal_item
from ssi.box_proof import BoxProof, build_firm_box_proof, build_holder_box_proof
from ssi.encoding import JSONObject, canonical_json, parse_json_object
from ssi.envelope import SET_MEDIA_TYPE
from ssi.errors import Unavailable
from ssi.fetch import Request, Response
from ssi.keys import SoftwareSigner
from tests.support.databases import database_url, is_new, on_postgres
from tests.support.registry import CHAIN, Ledger, settled, signer
from tests.support.relations import FIRM, FIRM_KID, FIRM_SIGNER, NOW, Dice, Holder, jti

URL = "https://box.example"
OPERATOR = "yubin-box"


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class RulesLedger:
    """The mailbox's port to the chain, over the chain's own rules in memory.

    ``lose_answers``: how many commits happen without our hearing of it; ``down``: nobody answers.
    """

    clock: Clock
    chain: Ledger = field(default_factory=settled)
    batches: list[Body] = field(default_factory=list)
    lose_answers: int = 0
    down: bool = False

    @property
    def chain_id(self) -> str:
        return CHAIN

    def _value(self, key: str) -> JSONObject | None:
        if self.down:
            raise Unavailable("the chain is down", code="chain.busy")
        raw = self.chain.get(key)
        return None if raw is None else parse_json_object(raw)

    def firm(self, verifier_id: str, now: datetime) -> VerifierRecord | None:
        value = self._value(verifier_key(verifier_id))
        return None if value is None else VerifierRecord.from_json(value)

    def consent(self, commitment: str, now: datetime) -> ConsentRecord | None:
        value = self._value(consent_key(commitment))
        return None if value is None else ConsentRecord.from_json(value)

    def read(self, keys: Sequence[str], now: datetime) -> Mapping[str, JSONObject | None]:
        return {key: self._value(key) for key in keys}

    def submit(self, body: Body, now: datetime) -> Recorded:
        if self.down:
            raise Unavailable("the chain is down", code="chain.busy")
        self.chain.time = int(now.timestamp())
        token = self.chain.tx(OPERATOR, body)
        height = self.chain.height
        self.chain.put(token)
        self.batches.append(body)
        if self.lose_answers:
            self.lose_answers -= 1
            raise Unavailable("the answer was lost", code="fetch.failed")
        return Recorded(tx_id="0" * 64, height=height)

    def record(self, key: str) -> JSONObject | None:
        return self._value(key)


@dataclass
class FirmEndpoint:
    """A firm's endpoint: answers in order, then 202; keeps what it was sent."""

    answers: list[Response | Exception] = field(default_factory=list)
    got: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        answer = self.answers.pop(0) if self.answers else reply(202)
        if isinstance(answer, Exception):
            raise answer
        if answer.status == 202:
            self.got.append(request.body.decode())
        return answer


def reply(status: int, body: bytes = b"", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status=status, headers=named, body=body, url=f"{URL}/push")


def make_config(folder: Path, **changes: Any) -> Config:
    settings: dict[str, Any] = {
        "url": URL,
        "operator_id": OPERATOR,
        "operator_key": folder / "operator.key",
        "secret": folder / "secret",
        "genesis": folder / "genesis.json",
        "nodes": ("https://node.example",),
        "database": database_url(folder / "mailbox.db"),
        "poll_wait_seconds": 1,
    }
    return Config(**(settings | changes))


@dataclass
class Mailbox:
    """Everything a test needs to play with one mailbox."""

    services: Services
    ledger: RulesLedger
    firm: FirmEndpoint
    clock: Clock
    client: FlaskClient

    def push(self, token: str | bytes, **more: Any) -> Any:
        return self.client.post("/push", **({"data": token, "content_type": SET_MEDIA_TYPE} | more))

    def post(self, path: str, body: JSONObject, token: str | None = None) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.client.post(
            path, data=canonical_json(body), content_type="application/json", headers=headers
        )

    def poll(self, token: str, **body: Any) -> Any:
        return self.post("/poll", {"returnImmediately": True} | body, token)

    def return_box(self, holder: Holder, *, name: str = "open") -> tuple[str, str]:
        answer = self.post("/boxes", box_request(holder.signer, name=name, now=self.clock.now))
        assert answer.status_code == 201, answer.json
        return answer.json["box"], answer.json["token"]

    def firm_box(self, *, push: str | None = None, name: str = "firm") -> tuple[str, str]:
        proof = firm_proof(push=push, name=name, now=self.clock.now)
        answer = self.post("/boxes/firm", {"proof": proof})
        assert answer.status_code == 201, answer.json
        return answer.json["box"], answer.json["token"]


@cache
def _empty_database() -> bytes:
    """The tables, made by the migrations once per test run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        db = Database(f"sqlite:///{path}")
        db.migrate()
        db.close()
        return path.read_bytes()


def open_mailbox(folder: Path, *, ledger: RulesLedger | None = None, **changes: Any) -> Mailbox:
    """Open the mailbox of a folder: a new one, or the one that was closed there."""
    firm = FirmEndpoint()
    ledger = ledger or RulesLedger(clock=Clock())
    clock = ledger.clock
    file = folder / "mailbox.db"
    fresh = is_new(file)
    if fresh and not on_postgres():
        file.write_bytes(_empty_database())
    config = make_config(folder, **changes)
    db = Database(config.database)
    if fresh and on_postgres():
        db.migrate()
    services = Services(
        config=config,
        db=db,
        ledger=ledger,
        fetch=firm,
        secret=b"s" * 32,
        clock=clock,
        random=Dice(f"mailbox {clock.now} {len(ledger.batches)}"),
    )
    app = create_app(config, services=services)
    return Mailbox(
        services=services, ledger=ledger, firm=firm, clock=clock, client=app.test_client()
    )


def box_proof(
    name: str, *, now: datetime = NOW, push: str | None = None, url: str = URL
) -> BoxProof:
    return BoxProof(mailbox_url=url, jti=jti(name), issued_at=now.astimezone(UTC), push_url=push)


def box_request(
    key: SoftwareSigner, *, name: str = "open", now: datetime = NOW, url: str = URL
) -> JSONObject:
    proof = build_holder_box_proof(box_proof(name, now=now, url=url), key)
    return {"jwk": key.public_key.to_jwk(), "proof": proof}


def firm_proof(
    *,
    push: str | None = None,
    name: str = "firm",
    now: datetime = NOW,
    key: SoftwareSigner = FIRM_SIGNER,
    firm: str = FIRM,
) -> str:
    proof = box_proof(name, now=now, push=push)
    return build_firm_box_proof(proof, key, verifier_id=firm, kid=FIRM_KID)


def consent_item(name: str, *, until: int | None = None) -> JSONObject:
    """A consent signed for the test chain by a relationship key of its own."""
    end = until if until is not None else int(NOW.timestamp()) + 86_400
    return build_consent_item(
        signer(f"relationship {name}"), chain_id=CHAIN, commitment=jti(name), until=end
    ).to_json()


def withdrawal_item(name: str, *, by: str | None = None) -> JSONObject:
    key = signer(f"relationship {by or name}")
    return build_withdrawal_item(key, chain_id=CHAIN, commitment=jti(name)).to_json()
