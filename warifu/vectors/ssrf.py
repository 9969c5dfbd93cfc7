"""Server-side request forgery: URLs, did:web names and hostile servers, through the real fetcher.

No socket is opened to anywhere: names are resolved by a table, and "connecting" means one end of
a socket pair whose other end a scripted peer holds. A refusal counts only when nothing was
connected to an address that is not public.
"""

import contextlib
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ssi.did import did_web_url
from ssi.errors import SSIError
from ssi.fetch import FetchPolicy, Request, http_fetch
from warifu.vectors.case import REJECT, CaseResult, judge, unsupported
from warifu.vectors.ssrf_peer import HostilePeer, Script

PUBLIC = "93.184.216.34"
_LISTS = frozenset({"url_block", "did_web_block", "behaviours"})
_TIMEOUT = 1.0
_MAX_BYTES = 1 << 20


def run(path: Path) -> Iterator[CaseResult]:
    """Judge every case of the file; all of them must be refused."""
    data = json.loads(path.read_text("utf-8"))
    for number, url in enumerate(data.get("url_block", [])):
        yield judge(f"url-{number}", REJECT, partial(_fetch_url, url), code="fetch.blocked")
    for number, did in enumerate(data.get("did_web_block", [])):
        yield judge(f"did-{number}", REJECT, partial(_fetch_did, did), code="fetch.blocked")
    for behaviour in data.get("behaviours", []):
        yield _behaviour(behaviour)
    for name in data.keys() - _LISTS:
        for number, _ in enumerate(data[name] if isinstance(data[name], list) else []):
            yield unsupported(f"{name}-{number}", REJECT, f"a list named {name}")


class _World:
    """A resolver and a connector that only pretend, and remember what was asked of them."""

    def __init__(self, answers: list[list[str]], script: Script | None = None) -> None:
        self._answers = answers
        self._peer = None if script is None else HostilePeer(script)
        self.connected: list[str] = []

    @property
    def ca_file(self) -> str | None:
        return None if self._peer is None else self._peer.ca_file

    def resolve(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        """Resolve numeric spellings as the system does, and names by the table."""
        with contextlib.suppress(OSError, UnicodeError):
            return list(
                socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            )
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in answer]

    def connect(self, address: tuple[str, int], timeout: float) -> socket.socket:
        self.connected.append(address[0])
        if self._peer is None:
            raise ConnectionRefusedError
        return self._peer.connect(timeout)

    def close(self) -> None:
        if self._peer is not None:
            self._peer.close()


class ReachedInside(Exception):
    """The fetcher connected to an address that is not public: the attack worked."""


def _fetch_url(url: str) -> None:
    _fetch_in(_World([[PUBLIC]]), url)


def _fetch_did(did: str) -> None:
    _fetch_url(did_web_url(did))


def _fetch_in(world: _World, url: str, *, times: int = 1) -> None:
    policy = FetchPolicy(timeout=_TIMEOUT, max_bytes=_MAX_BYTES, ca_file=world.ca_file)
    fetch = http_fetch(policy, resolver=world.resolve, connector=world.connect)
    refused: SSIError | None = None
    try:
        for _ in range(times):
            try:
                fetch(Request(url=url))
                refused = None
            except SSIError as error:
                refused = error
    finally:
        world.close()
    if any(not ip_address(ip).is_global for ip in world.connected):
        raise ReachedInside
    if refused is not None:
        raise refused


def _behaviour(case: dict[str, Any]) -> CaseResult:
    """Play a server of that behaviour; what the words of the file ask for decides how."""
    steps = [str(step) for step in case["chain"]]
    for pattern, play in _PLAYS:
        if found := re.search(pattern, " | ".join(steps), re.IGNORECASE):
            return judge(str(case["id"]), REJECT, partial(play, case["first"], found))
    return unsupported(str(case["id"]), REJECT, "a behaviour this runner cannot play")


def _serve(url: str, script: Script, *, times: int = 1) -> None:
    named = script if script.name else replace(script, name=urlsplit(url).hostname or "")
    _fetch_in(_World([[PUBLIC]], named), url, times=times)


def _redirect(url: str, found: re.Match[str]) -> None:
    head = f"HTTP/1.1 {found[1]} Moved\r\nLocation: {found[2]}\r\nContent-Length: 0\r\n\r\n"
    _serve(url, Script(head=head.encode()))


def _resolves(url: str, found: re.Match[str]) -> None:
    """Answer each look-up as written, one fetch per answer; the last one decides."""
    answers = [re.split(r"[ ,+&]+", turn.strip()) for turn in found["turns"].split("then")]
    tables = [[w.partition("=")[2] or w for w in t if re.search(r"\d\.|:", w)] for t in answers]
    _fetch_in(_World(tables), url, times=len(tables))


def _alias(url: str, _found: re.Match[str]) -> None:
    """An alias of an inside name resolves, like every alias, to the address behind it."""
    _fetch_in(_World([["127.0.0.1"]]), url)


def _slow(url: str, _found: re.Match[str]) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    _serve(url, Script(head=head, body=b"x", repeat=100000, pause=0.1))


def _slow_head(url: str, _found: re.Match[str]) -> None:
    _serve(url, Script(head=b"", body=b"H", repeat=100000, pause=0.1))


def _lying_length(url: str, found: re.Match[str]) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {found[1]}\r\n\r\n"
    _serve(url, Script(head=head.encode(), body=b"x" * 65536, repeat=10 * 16384))


def _endless(url: str, _found: re.Match[str]) -> None:
    _serve(url, Script(head=b"HTTP/1.1 200 OK\r\n\r\n", body=b"x" * 65536, repeat=10 * 16384))


def _encoded(url: str, found: re.Match[str]) -> None:
    """Send a body that is not what its encoding says, or is encoded as nobody asked for."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {found[1]}\r\nContent-Length: 4\r\n\r\n"
    _serve(url, Script(head=head.encode(), body=b"body"))


def _bad_certificate(url: str, found: re.Match[str]) -> None:
    _serve(url, Script(head=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", name=found[1]))


def _proxy(url: str, _found: re.Match[str]) -> None:
    """A proxy on our own machine is set; the only connection must still go to the real host."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "http://127.0.0.1:9/"))
    try:
        _fetch_in(_World([[PUBLIC]]), url)
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


_PLAYS: tuple[tuple[str, Callable[[str, re.Match[str]], None]], ...] = (
    (r"^(30[12378]) (\S+)", _redirect),
    (r"^(?P<turns>(?:A|AAAA)=.*)$", _resolves),
    (r"^CNAME \S+", _alias),
    (r"header byte", _slow_head),
    (r"body byte per second", _slow),
    (r"Content-Length (\d+), body", _lying_length),
    (r"(?:no length|endless|chunked)", _endless),
    (r"Content-Encoding: ([\w, -]+)", _encoded),
    (r"certificate for (\S+)", _bad_certificate),
    (r"PROXY|\.netrc", _proxy),
)
