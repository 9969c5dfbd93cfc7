"""Real processes: a mailbox killed again and again loses nothing it answered 202 [SHA-BOX-5]."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from postbox import cli
from registry_chain.client import HeadMemory, RegistryClient, Submitter
from registry_chain.genesis import Genesis
from registry_chain.records import notice_key
from registry_chain.transactions import Mailbox
from ssi.box_proof import BoxProof, build_firm_box_proof
from ssi.encoding import JsonLimits, JSONObject, b64url_encode, canonical_json, parse_json_object
from ssi.envelope import MAX_SET_BYTES, SET_MEDIA_TYPE, parse_set
from ssi.errors import SSIError
from ssi.fetch import Request, Response
from tests.faults.test_chain_killed import FETCH, free_port, kill, node, prepare
from tests.support.registry import operation, proposal, registration, signer
from tests.support.relations import FIRM, FIRM_BOX, FIRM_KID, FIRM_SIGNER, Holder, jti

KILLS = 3
LIMITS = JsonLimits(max_bytes=1 << 20, max_string=MAX_SET_BYTES)

pytestmark = pytest.mark.slow


def now() -> datetime:
    return datetime.now(UTC)


def write_settings(home: Path, *, chain: str, url: str) -> Path:
    (home / "operator.key").write_text(b64url_encode(signer("yubin-box").secret))
    (home / "secret").write_text(b64url_encode(b"s" * 32))
    settings = home / "mailbox.toml"
    settings.write_text(
        f'url = "{url}"\noperator_id = "yubin-box"\noperator_key = "operator.key"\n'
        f'secret = "secret"\ngenesis = "genesis.json"\nnodes = ["{chain}"]\nloopback = true\n'
        f"port = {url.rpartition(':')[2]}\ncommit_interval_ms = 50\nsender_per_hour = 100000\n"
    )
    return settings


@contextmanager
def mailbox(settings: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "warifu", "mailbox", "serve", "--config", str(settings)],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(url)
        yield process
    finally:
        kill(process)


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if FETCH(Request(url=f"{url}/health")).status == 200:
                return
        except SSIError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def post(url: str, body: bytes, kind: str, token: str | None = None) -> Response:
    headers = {"Content-Type": kind}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return FETCH(Request(method="POST", url=url, headers=headers, body=body))


def post_json(url: str, body: JSONObject, token: str | None = None) -> JSONObject:
    answer = post(url, canonical_json(body), "application/json", token)
    assert answer.status in (200, 201), answer.body
    return parse_json_object(answer.body, limits=LIMITS)


def push_until_killed(url: str, tokens: Iterator[str], stored: list[str]) -> None:
    for token in tokens:
        try:
            if post(f"{url}/push", token.encode(), SET_MEDIA_TYPE).status == 202:
                stored.append(token)
        except SSIError:
            return


def notices(name: str) -> Iterator[str]:
    holder = Holder(name)
    for number in range(100_000):
        envelope = holder.envelope(name=f"{name} {number}")
        at = now()
        yield holder.set_of(replace(envelope, issued_at=at, deadline=at + timedelta(days=1)))


def test_nothing_answered_202_is_lost_and_all_of_it_reaches_the_chain(tmp_path: Path) -> None:
    """[SHA-BOX-3] [SHA-BOX-5] [SHA-BOX-10]"""
    chain, url = prepare(tmp_path), f"http://127.0.0.1:{free_port()}"
    settings = write_settings(tmp_path, chain=chain, url=url)
    genesis = Genesis.load(tmp_path / "genesis.json")
    with node(tmp_path, chain):
        client = RegistryClient([chain], genesis, FETCH, HeadMemory.volatile())
        council = Submitter(client, "council", signer("council"))
        firm = registration(mailbox=Mailbox(url=url, box=FIRM_BOX))
        council.submit(proposal(operation(), firm, at=int(now().timestamp())), now())
        stored: list[str] = []
        for round_number in range(KILLS):
            with mailbox(settings, url) as process:
                pushing = [
                    threading.Thread(
                        target=push_until_killed,
                        args=(url, notices(f"resident {round_number} {n}"), stored),
                    )
                    for n in range(4)
                ]
                before, patience = len(stored), time.monotonic() + 60
                for thread in pushing:
                    thread.start()
                while len(stored) == before and time.monotonic() < patience:
                    time.sleep(0.01)
                time.sleep(0.4)
                os.killpg(process.pid, signal.SIGKILL)
                for thread in pushing:
                    thread.join()
        assert len(stored) >= KILLS
        with mailbox(settings, url):
            got = read_everything(url)
            assert set(stored) <= got
            wait_until_committed(client, stored)


def read_everything(url: str) -> set[str]:
    proof = build_firm_box_proof(
        BoxProof(mailbox_url=url, jti=jti("open"), issued_at=now()),
        FIRM_SIGNER,
        verifier_id=FIRM,
        kid=FIRM_KID,
    )
    opened = post_json(f"{url}/boxes/firm", {"proof": proof})
    token = str(opened["token"])
    got: set[str] = set()
    acks: list = []
    while True:
        body = {"returnImmediately": True, "ack": acks}
        sets = post_json(f"{url}/poll", body, token)["sets"]
        assert isinstance(sets, dict)
        if not sets:
            return got
        assert got.isdisjoint(sets.values())
        got |= {str(value) for value in sets.values()}
        acks = list(sets)


def wait_until_committed(client: RegistryClient, tokens: list[str]) -> None:
    deadline = time.monotonic() + 60
    keys = [notice_key(parse_set(token).envelope.commitment) for token in tokens]
    while keys:
        values = client.read_many(keys[:64], now=now()).values
        missing = [key for key, value in values.items() if value is None]
        keys = missing + keys[64:]
        if missing:
            assert time.monotonic() < deadline, "a notice never reached the chain"
            time.sleep(0.1)


def test_an_operator_sets_up_serves_and_gives_a_firm_its_box(
    tmp_path: Path,
) -> None:
    """The command line, from an empty folder to a firm that polls."""
    chain, url = prepare(tmp_path), f"http://127.0.0.1:{free_port()}"
    home = tmp_path / "box"
    words = ["init", str(home), "--url", url, "--operator", "yubin-box", "--loopback"]
    words += ["--genesis", str(tmp_path / "genesis.json"), "--node", chain]
    assert warifu(words).returncode == 0
    assert (home / "operator.key").stat().st_mode & 0o077 == 0
    assert warifu(words).returncode == cli.BAD_INPUT
    settings = ["--config", str(home / "mailbox.toml")]
    with node(tmp_path, chain):
        client = RegistryClient(
            [chain], Genesis.load(tmp_path / "genesis.json"), FETCH, HeadMemory.volatile()
        )
        council = Submitter(client, "council", signer("council"))
        firm = registration(mailbox=Mailbox(url=url, box=FIRM_BOX))
        council.submit(proposal(firm, at=int(now().timestamp())), now())
        answer = warifu(["add-box", *settings, "--verifier", FIRM])
        assert answer.stdout.startswith(f"box {FIRM_BOX}\ntoken ")
        unknown = warifu(["add-box", *settings, "--verifier", "nobody"])
        assert unknown.returncode == 1
        assert "mailbox.firm" in unknown.stderr
    assert "boxes 1" in warifu(["status", *settings]).stdout


def warifu(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "warifu", "mailbox", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
