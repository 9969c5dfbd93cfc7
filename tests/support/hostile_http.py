"""Every endpoint of a program against every kind of bad input, over real sockets.

A row of a program's table names one endpoint and how to make an honest request to it; `bent` makes
of that all the hostile ones; `attack` sends them and, last, the honest one: it is taken, so nothing
before it was refused for another reason, and nothing was used up by what was refused.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from issuer.texts import TEXTS
from ssi.advice import ADVICE
from ssi.oid4vci import CredentialError, NotificationError, TokenError
from tests.support.hostile_bends import (
    CANARY,
    JSON,
    Row,
    Sent,
    bent,
    bent_bodies,
    bent_queries,
    encode,
)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW")
# The codes of the standards that an endpoint may answer with, beside our own.
STANDARD = {
    *(error.value for kind in (TokenError, CredentialError, NotificationError) for error in kind),
    *("invalid_request", "invalid_issuer", "invalid_audience", "invalid_key", "invalid_token"),
    *("authentication_failed", "access_denied", "not_found", "temporarily_unavailable"),
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Program:
    """A real program behind a real socket, with everything that it may have changed or told."""

    name: str
    app: Flask
    world: Any
    state: Callable[[], str]
    port: int = 0
    people: frozenset[str] = frozenset()
    log: list[str] = field(default_factory=list)

    def send(self, sent: Sent) -> Answer:
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            wire.putrequest(sent.method, sent.path, skip_accept_encoding=True)
            for name, value in sent.headers.items():
                wire.putheader(name, value.encode("latin-1", "replace"))
            wire.putheader("Content-Length", str(len(sent.body)))
            wire.endheaders()
            # What is too large is answered before it was read, as it should be.
            with suppress(BrokenPipeError, ConnectionResetError):
                wire.send(sent.body)
            got = wire.getresponse()
            headers = {name.lower(): value for name, value in got.getheaders()}
            return Answer(status=got.status, headers=headers, body=got.read())
        finally:
            wire.close()

    def code(self, answer: Answer) -> str:
        """The stable code that an answer carries for programs."""
        if answer.headers.get("content-type", "").startswith(JSON):
            body = answer.json
            return str(body.get("error") or body.get("err") or "")
        found = re.search(r'data-(?:code|state)="([a-z._0-9]+)"', answer.text)
        return found[1] if found else ""


@contextmanager
def serving(program: Program) -> Iterator[Program]:
    """Serve a program and listen to everything it logs."""
    server = make_server("127.0.0.1", 0, program.app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    ear = _Ear(program.log)
    logging.getLogger().addHandler(ear)
    thread.start()
    program.port = server.server_port
    try:
        yield program
    finally:
        logging.getLogger().removeHandler(ear)
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """The server's own access log is not ours: our programs have none."""


class _Ear(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


def tables(*files: Path, without: Sequence[str] = ()) -> str:
    """A digest of every row of SQLite files, but of tables that count requests or open pages."""
    found = hashlib.sha256()
    for file in files:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10) as db:
            names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            for (name,) in names.fetchall():
                if name not in without:
                    rows = db.execute(f'SELECT * FROM "{name}"')  # noqa: S608 - its own table
                    found.update(repr((name, sorted(map(repr, rows)))).encode())
        db.close()
    return found.hexdigest()


# --- what must hold ---


def routes(app: Flask) -> set[str]:
    """Every endpoint that the program's own map has."""
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not (
            rule.endpoint.endswith("static")
            and not app.has_static_folder
            and "." not in rule.endpoint
        )
    }


def refused(program: Program, row: Row, name: str, sent: Sent) -> None:
    """One hostile request: refused with a known code, told to no one, and without effect."""
    before, heard = program.state(), len(program.log)
    answer = program.send(sent)
    where = f"{program.name}: {row}: {name}: {answer.status} {answer.body[:300]!r}"
    assert (300 if row.method == "GET" else 400) <= answer.status < 500, where
    if answer.status < 400:
        # A page that is not this browser's leads to where it is opened, and nowhere else.
        assert answer.headers["location"] in program.people, where
    else:
        code = program.code(answer)
        assert known(code), f"{where}: no stable code: {code!r}"
        spoken(program, sent, answer, where)
    assert row.echoes or CANARY.encode() not in answer.body, f"{where}: echoed"
    assert CANARY not in str(answer.headers), f"{where}: echoed in a header"
    assert "set-cookie" not in answer.headers or "a=b" not in answer.headers["set-cookie"], where
    for word in (b"Traceback", b"sqlite", b"werkzeug", b"/trees/", b"site-packages"):
        assert word not in answer.body.lower(), f"{where}: tells of {word!r}"
    told = [line for line in program.log[heard:] if CANARY in line or "Traceback" in line]
    assert not told, f"{where}: logged: {told[0][:500]}"
    assert program.state() == before, f"{where}: something changed"


def harmless(program: Program, row: Row, sent: Sent) -> None:
    """A hostile question: answered or refused, without an echo, a failure or an effect."""
    before, heard = program.state(), len(program.log)
    answer = program.send(sent)
    where = f"{program.name}: {sent.path[:200]}: {answer.status} {answer.body[:200]!r}"
    assert answer.status < 500, where
    assert answer.status < 400 or known(program.code(answer)), where
    assert row.echoes or CANARY.encode() not in answer.body, f"{where}: echoed"
    assert row.echoes or CANARY not in str(answer.headers), f"{where}: echoed in a header"
    page = answer.headers.get("content-type", "").startswith("text/html")
    assert not page or "<script>alert" not in answer.text, where
    assert "set-cookie" not in answer.headers or "a=b" not in answer.headers["set-cookie"], where
    assert not [line for line in program.log[heard:] if CANARY in line or "Traceback" in line], (
        where
    )
    assert program.state() == before, f"{where}: something changed"


def known(code: str) -> bool:
    parts = code.split(".")
    prefixes = {".".join(parts[: length + 1]) for length in range(len(parts))}
    ours = prefixes & ADVICE.keys() or f"problem.{code}" in TEXTS
    return bool(code in STANDARD or ours or code in {"unknown", "refused"})


def spoken(program: Program, sent: Sent, answer: Answer, where: str) -> None:
    """A page says it in the reader's language; a program's answer in both, or in a code."""
    if answer.headers["content-type"].startswith("text/html"):
        japanese = bool(
            re.search("[ぁ-ん]", re.sub(r"<style.*?</style>", "", answer.text, flags=re.DOTALL))
        )
        english = "en" in sent.headers.get("Accept-Language", "ja")
        assert japanese or english, f"{where}: no sentence in Japanese"


def attack(program: Program, row: Row) -> int:
    """Send everything that is bent, then the honest request itself; returns how many there were."""
    good = row.good(program.world)
    count = 0
    for name, sent in bent(row, good):
        if row.answers_any and name.startswith("path"):
            harmless(program, row, sent)
        else:
            refused(program, row, name, sent)
        count += 1
    for name, sent in bent_bodies(row, good) if row.lenient else ():
        answer = program.send(sent)
        assert answer.status < 500, f"{row}: {name}: {answer.body[:300]!r}"
        assert CANARY.encode() not in answer.body
        count += 1
    for path in bent_queries(good) if row.method == "GET" else ():
        harmless(program, row, replace(encode(good, row.method), path=path))
        count += 1
    sent = encode(good, row.method)
    answer = program.send(sent)
    assert answer.status == row.taken, (
        f"{row}: the honest one: {answer.status} {answer.body[:400]!r}"
    )
    answer = program.send(sent)
    assert answer.status == row.again, f"{row}: again: {answer.status} {answer.body[:400]!r}"
    if answer.status >= 400:
        assert known(program.code(answer)), f"{row}: again: {answer.body[:300]!r}"
    return count


def wrong_methods(program: Program, rule: str, path: str) -> None:
    """Every method that an endpoint does not have is refused, with what it does have."""
    allowed = {
        method
        for each in program.app.url_map.iter_rules()
        if each.rule == rule
        for method in each.methods or ()
    }
    for method in METHODS:
        if method in allowed:
            continue
        sent = Sent(method=method, path=path, body=b"", headers={"X-Any": CANARY})
        before = program.state()
        answer = program.send(sent)
        assert answer.status in {405, 501, 400}, f"{method} {path}: {answer.status}"
        assert known(program.code(answer)), f"{method} {path}: {answer.body[:300]!r}"
        assert CANARY.encode() not in answer.body
        assert program.state() == before


def race(program: Program, row: Row) -> None:
    """Eight copies at once of a request that counts once: one is taken, none breaks anything."""
    sent = encode(row.good(program.world), row.method)
    gate = threading.Barrier(8)

    def go(_: int) -> Answer:
        gate.wait()
        return program.send(sent)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(go, range(8)))
    statuses = [answer.status for answer in answers]
    assert max(statuses) < 500 or set(statuses) <= {row.taken, row.again, 409, 503}, statuses
    assert statuses.count(row.taken) == row.winners, statuses


def out_of_order(program: Program, row: Row) -> None:
    """A request before its time is refused by its own code, and nothing moves."""
    assert row.early is not None
    make, code = row.early
    sent = encode(make(program.world), row.method)
    before = program.state()
    answer = program.send(sent)
    assert 400 <= answer.status < 500, answer.body[:300]
    assert program.code(answer) == code
    assert program.state() == before
