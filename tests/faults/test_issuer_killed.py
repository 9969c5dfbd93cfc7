"""An issuer killed again and again: no code twice, no index twice, no copy without its anchor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from issuer import audit, revocation
from issuer.config import STATUS_LIST, Config
from issuer.context import Issuer
from issuer.models import Application, Batch, Credential, Offer, StatusListRow, Token
from registry_chain.client import HeadMemory, RegistryClient, Submitter
from registry_chain.genesis import Genesis
from registry_chain.transactions import Body
from ssi.credential import anchor_entry
from ssi.encoding import b64url_decode, canonical_json, parse_json_object
from ssi.errors import SSIError
from ssi.fetch import Request, Response
from ssi.jose import parse_jws
from ssi.keys import SoftwareSigner
from ssi.merkle import leaf_hash, verify_inclusion
from ssi.oid4vci import (
    CredentialRequest,
    Grant,
    IssuedCredential,
    TokenRequest,
    build_key_proof,
    parse_credential_response,
)
from ssi.sdjwt import parse_sdjwt, verify_issuer_jwt
from ssi.status_list import STATUS_TOKEN_LIMITS, StatusList, decode_status_list
from tests.faults.test_chain_killed import FETCH, free_port, kill, node, prepare
from tests.support.issuer_world import keys, opened, write_config
from tests.support.registry import proposal, signer
from tests.unit.issuer.test_issuance import decided

KILLS = 4
WORKERS = 2
THREADS = 4
FORM = "application/x-www-form-urlencoded"

pytestmark = pytest.mark.slow


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Live:
    """A chain in another process."""

    url: str
    genesis: Genesis
    clock: Callable[[], datetime] = now

    def client(self) -> RegistryClient:
        return RegistryClient([self.url], self.genesis, FETCH, HeadMemory.volatile())

    def do(self, account: str, body: Body, lane: int = 0) -> object:
        return Submitter(self.client(), account, signer(account), lane).submit(body, now())

    def decide(self, *bodies: Body, lane: int = 0) -> object:
        return self.do("council", proposal(*bodies, at=int(now().timestamp())), lane)


def write_settings(config: Config) -> Path:
    """The file an operator would write, from the settings the test made."""
    path = config.genesis.parent / "issuer.toml"
    names = ("issuer_id", "url", "name_ja", "name_en", "trust_framework", "database")
    files = ("credential_key", "credential_chain", "status_key", "status_chain", "account_key")
    lines = [f'{name} = "{getattr(config, name)}"' for name in names]
    lines += [f'{name} = "{getattr(config, name).name}"' for name in (*files, "genesis", "memory")]
    lines += [
        f'nodes = ["{config.nodes[0]}"]',
        "loopback = true",
        f"status_size = {config.status_size}",
        f"port = {config.url.rpartition(':')[2]}",
        f"workers = {WORKERS}",
    ]
    path.write_text("\n".join(lines), "utf-8")
    return path


@contextmanager
def issuer_process(settings: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "warifu", "issuer", "serve", "--config", str(settings)],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 40
        while True:
            try:
                if FETCH(Request(url=f"{url}/health")).status == 200:
                    break
            except SSIError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)
        yield process
    finally:
        kill(process)


@dataclass
class Holders:
    """What wallets hold after the storm; they ask until the issuer is gone."""

    issuer: Issuer
    tokens: list[str] = field(default_factory=list)
    copies: list[IssuedCredential] = field(default_factory=list)

    def post(self, path: str, body: bytes, kind: str, token: str = "") -> Response:
        headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
        url = self.issuer.config.url + path
        return FETCH(Request(method="POST", url=url, headers=headers, body=body))

    def redeem(self, code: str, tx_code: str) -> str | None:
        asked = TokenRequest(grant=Grant.PRE_AUTHORIZED_CODE, code=code, tx_code=tx_code)
        answer = self.post("/token", asked.to_form(), FORM)
        if answer.status != 200:
            return None
        token = str(parse_json_object(answer.body)["access_token"])
        self.tokens.append(token)
        return token

    def take(self, token: str, signers: list[SoftwareSigner]) -> None:
        nonce = str(parse_json_object(self.post("/nonce", b"", FORM).body)["c_nonce"])
        proofs = tuple(
            build_key_proof(key, issuer=self.issuer.config.url, nonce=nonce, now=now())
            for key in signers
        )
        asked = CredentialRequest(configuration_id="kyc", proofs=proofs).to_json()
        answer = self.post("/credential", canonical_json(asked), "application/json", token)
        if answer.status == 200:
            self.copies += parse_credential_response(answer.body).credentials

    def storm(self, given: list[tuple[str, str]]) -> None:
        """Redeem each code twice over, ask with each token, until nobody answers."""
        for code, tx_code in given:
            try:
                tokens = [self.redeem(code, tx_code) for _ in range(2)]
                for token in filter(None, tokens):
                    self.take(token, keys(2))
            except SSIError:
                return


def prepared_offers(issuer: Issuer, name: str, count: int) -> list[tuple[str, str]]:
    made: list[tuple[str, str]] = []
    for number in range(count):
        offer = decided(issuer, name=f"{name}-{number}")
        with issuer.db.transaction() as session:
            made.append((session.get_one(Offer, offer.id).code, offer.tx_code))
    return made


def test_kills_at_any_moment_leave_no_half_issuance(tmp_path: Path) -> None:
    """[POR-ISS-1] [POR-ISS-2] [POR-OFFER-1] [POR-REV-2]"""
    url = f"http://127.0.0.1:{free_port()}"
    chain = prepare(tmp_path)
    with node(tmp_path, chain):
        live = Live(chain, Genesis.load(tmp_path / "genesis.json"))
        config = write_config(tmp_path, live, url=url)
        settings = write_settings(config)
        with opened(config, now) as issuer:
            holders = Holders(issuer)
            for kill_number in range(KILLS):
                storm_and_kill(holders, settings, f"r{kill_number}", after=0.2 + 0.3 * kill_number)
            assert len(holders.copies) >= KILLS
            with issuer_process(settings, url):
                check_copies(holders, live)
                check_list(holders, live)


def storm_and_kill(holders: Holders, settings: Path, name: str, *, after: float) -> None:
    given = prepared_offers(holders.issuer, name, 24)
    with issuer_process(settings, holders.issuer.config.url) as process:
        # Two wallets share each half of the codes: they race across worker processes.
        halves = [given[::2], given[1::2]] * (THREADS // 2)
        threads = [threading.Thread(target=holders.storm, args=(half,)) for half in halves]
        for thread in threads:
            thread.start()
        time.sleep(after)
        os.killpg(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()


def check_copies(holders: Holders, live: Live) -> None:
    """Every copy a wallet got is recorded, its own index, anchored; every code made one token."""
    key = holders.issuer.credential_key.signer.public_key
    with holders.issuer.db.transaction() as session:
        recorded = {
            copy.status_index: copy.batch_id for copy in session.scalars(select(Credential))
        }
        rows = session.scalars(select(Credential.status_index)).all()
        tokens = session.scalars(select(Token.application_id)).all()
        anchored = set(session.scalars(select(Batch.id).where(Batch.anchored)))
        audit.verify(session)
    assert len(rows) == len(set(rows))
    assert len(tokens) == len(set(tokens))
    assert len(holders.tokens) == len(set(holders.tokens)) <= len(tokens)
    seen: set[int] = set()
    for entry in holders.copies:
        claims = verify_issuer_jwt(parse_sdjwt(entry.credential), key).claims
        index = claims["status"]["status_list"]["idx"]  # type: ignore[index,call-overload]
        anchor = entry.extra["anchor"]
        assert isinstance(anchor, dict)
        assert isinstance(index, int)
        assert index not in seen
        seen.add(index)
        assert recorded[index] == anchor["batch_id"]
        assert anchor["batch_id"] in anchored
        check_anchor(live, anchor, entry.credential)


def check_anchor(live: Live, anchor: dict[str, object], credential: str) -> None:
    record = live.client().anchor("city-kyc", str(anchor["batch_id"]), now())
    assert record is not None
    path = anchor["path"]
    index, size = anchor["index"], anchor["size"]
    assert isinstance(path, list)
    assert isinstance(index, int)
    assert isinstance(size, int)
    verify_inclusion(
        root=b64url_decode(record.root),
        leaf_hash=leaf_hash(
            anchor_entry(b64url_decode(str(anchor["salt"])), credential.split("~", 1)[0])
        ),
        index=index,
        size=size,
        path=[b64url_decode(str(step)) for step in path],
    )


def check_list(holders: Holders, live: Live) -> None:
    """An ending written just before the next start reaches the chain by itself."""
    issuer = holders.issuer
    with issuer.db.transaction() as session:
        case = session.scalars(
            select(Application.id)
            .join(Batch, Batch.application_id == Application.id)
            .where(Batch.anchored)
        ).first()
    assert case is not None
    ended = revocation.revoke_application(issuer, case, actor="sato", reason="lost")
    assert ended >= 1
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with issuer.db.transaction() as session:
            row = session.get_one(StatusListRow, STATUS_LIST)
            ours = StatusList(row.bits, row.data)
        record = live.client().status_record("city-kyc", STATUS_LIST, now())
        token = live.client().status_token(record)
        claims = parse_json_object(
            parse_jws(token, limits=STATUS_TOKEN_LIMITS).payload, limits=STATUS_TOKEN_LIMITS
        )
        if decode_status_list(claims["status_list"]) == ours:
            return
        time.sleep(0.2)
    raise AssertionError("the list never reached the chain")
