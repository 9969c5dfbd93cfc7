"""Bounded HTTPS: the only I/O of the kernel.

An address a stranger gave us must not reach into our own network. The URL is checked, the name is
resolved once, every address it resolved to is checked, and the connection goes to one of those very
addresses, while TLS still checks the name. Time, bytes, redirects and encodings are bounded;
proxies and `.netrc` are not consulted.
"""

import http.client
import logging
import os
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

from ssi.errors import SSIError, Unreachable, Untrusted
from ssi.urls import ParsedUrl, check_address, parse_public_url

# urllib3 logs whole URLs when a header is odd; a URL may be a capability [ERR-2].
logging.getLogger("urllib3.connection").addFilter(lambda _record: False)

_CHUNK: Final = 65536
_IDLE_SECONDS: Final = 20.0
_IDLE_PER_HOST: Final = 4
_IDLE_HOSTS: Final = 32
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_IDEMPOTENT: Final = frozenset({"GET", "HEAD"})
_MAX_RETRY_AFTER: Final = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask; the URL may be a capability and stays out of the repr."""

    url: str = field(repr=False)
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back, decoded; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)


Fetch = Callable[[Request], Response]
Resolver = Callable[..., list[tuple[Any, ...]]]
Connector = Callable[[tuple[str, int], float], socket.socket]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """What the operator allows; never decided by a message.

    Args:
        allow_loopback_http: Also ``http`` to the literal 127.0.0.1 and [::1], for
            demonstration networks on one machine.
        max_bytes: The most bytes a body may have, after decoding.
        timeout: Seconds for the whole exchange after the name is resolved.
        redirects: How many redirects a GET may follow; each target is checked like the first.
        ca_file: Trust these authorities instead of the system's.
    """

    allow_loopback_http: bool = False
    max_bytes: int = 1 << 20
    timeout: float = 5.0
    redirects: int = 0
    ca_file: str | None = None


def check_url(url: str, policy: FetchPolicy) -> ParsedUrl:
    """Check a URL without resolving it or opening a socket.

    Raises:
        Untrusted: ``fetch.blocked``.
    """
    return parse_public_url(url, allow_loopback_http=policy.allow_loopback_http)


def http_fetch(
    policy: FetchPolicy,
    resolver: Resolver = socket.getaddrinfo,
    connector: Connector = socket.create_connection,
) -> Fetch:
    """Make a `Fetch` that may be shared between threads.

    Args:
        policy: The operator's limits.
        resolver: Resolves like ``socket.getaddrinfo``.
        connector: Connects like ``socket.create_connection``, to a checked address.

    Returns:
        A function that raises `Untrusted` ``fetch.blocked`` or `Unreachable` ``fetch.failed``,
        and returns every answer that is no redirect, whatever its status.
    """
    return _Fetcher(policy, resolver, connector).fetch


class _DeadlineMixin:
    """A socket whose every read must end by one deadline, however slowly bytes drip."""

    deadline: float = float("inf")

    def recv_into(self, *args: Any) -> int:
        self.settimeout(_seconds_left(self.deadline))  # type: ignore[attr-defined]
        count: int = super().recv_into(*args)  # type: ignore[misc]
        return count

    def sendall(self, *args: Any) -> None:
        self.settimeout(_seconds_left(self.deadline))  # type: ignore[attr-defined]
        super().sendall(*args)  # type: ignore[misc]


class _PlainSocket(_DeadlineMixin, socket.socket):
    pass


class _TlsSocket(_DeadlineMixin, ssl.SSLSocket):
    pass


def _seconds_left(deadline: float) -> float | None:
    if deadline == float("inf"):
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _PinnedMixin:
    """A connection to one checked address; no name is resolved again."""

    def pin(self, address: tuple[str, int], connector: Connector, deadline: float) -> None:
        self._address, self._connector, self._deadline = address, connector, deadline

    def _new_conn(self) -> socket.socket:
        opened = self._connector(self._address, _seconds_left(self._deadline) or 0.0)
        pinned = _PlainSocket(fileno=opened.detach())
        pinned.settimeout(_seconds_left(self._deadline))
        if pinned.family in (socket.AF_INET, socket.AF_INET6):
            pinned.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return pinned


class _PinnedHttp(_PinnedMixin, HTTPConnection):
    pass


class _PinnedHttps(_PinnedMixin, HTTPSConnection):
    pass


_Connection = _PinnedHttp | _PinnedHttps
_Key = tuple[str, str, int]


class _IdlePool:
    """Connections kept for the next request to the same place, few and not for long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[_Key, list[tuple[float, _Connection]]] = {}
        self._owner = os.getpid()

    def take(self, key: _Key) -> _Connection | None:
        with self._lock:
            if self._owner != os.getpid():  # a forked worker must not talk on its parent's socket
                self._idle, self._owner = {}, os.getpid()
            while idle := self._idle.get(key):
                since, connection = idle.pop()
                if time.monotonic() - since < _IDLE_SECONDS and connection.is_connected:
                    return connection
                connection.close()
            self._idle.pop(key, None)
        return None

    def give(self, key: _Key, connection: _Connection) -> None:
        with self._lock:
            idle = self._idle.setdefault(key, [])
            if len(idle) < _IDLE_PER_HOST and len(self._idle) <= _IDLE_HOSTS:
                idle.append((time.monotonic(), connection))
                return
        connection.close()

    def __del__(self) -> None:
        """Close what is idle, so that a dropped fetcher leaks no socket."""
        for idle in self._idle.values():
            for _, connection in idle:
                connection.close()


class _Fetcher:
    def __init__(self, policy: FetchPolicy, resolver: Resolver, connector: Connector) -> None:
        self._policy = policy
        self._resolver = resolver
        self._connector = connector
        self._pool = _IdlePool()
        self._context: ssl.SSLContext | None = None

    def fetch(self, request: Request) -> Response:
        """Ask once, or once more for each redirect the policy allows."""
        for _ in range(self._policy.redirects + 1):
            response = self._exchange(request)
            if response.status not in _REDIRECTS:
                return response
            target = response.headers.get("location")
            if target is None or request.method != "GET":
                break
            request = Request(url=urljoin(request.url, target))
        raise Untrusted("the answer is a redirect", code="fetch.blocked")

    def _exchange(self, request: Request) -> Response:
        parsed = check_url(request.url, self._policy)
        key = (parsed.scheme, parsed.host, parsed.port)
        kept = self._pool.take(key)
        try:
            if kept is not None:
                try:
                    return self._ask(kept, key, parsed, request)
                except (http.client.RemoteDisconnected, ConnectionError):
                    # The other side closed it while idle; only a harmless question is repeated.
                    if request.method not in _IDEMPOTENT:
                        raise
            return self._ask(self._connect(parsed), key, parsed, request)
        except SSIError:
            raise
        except (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError):
            # The cause may name the URL; it is cut so that no log can show it.
            raise Unreachable("the other side could not be reached or read") from None

    def _connect(self, parsed: ParsedUrl) -> _Connection:
        address = parsed.host if parsed.loopback else self._resolve(parsed)
        connection: _Connection
        if parsed.scheme == "http":
            connection = _PinnedHttp(address, parsed.port)
        else:
            connection = _PinnedHttps(
                address,
                parsed.port,
                ssl_context=self._tls(),
                server_hostname=parsed.host,
            )
        deadline = time.monotonic() + self._policy.timeout
        connection.pin((address, parsed.port), self._connector, deadline)
        connection.timeout = self._policy.timeout
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection

    def _resolve(self, parsed: ParsedUrl) -> str:
        try:
            found = self._resolver(parsed.host, parsed.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unreachable("the host name does not resolve") from None
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses:
            raise Unreachable("the host name does not resolve")
        for address in addresses:
            check_address(address)
        return addresses[0]

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            context = ssl.create_default_context(cafile=self._policy.ca_file)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.sslsocket_class = _TlsSocket
            self._context = context
        return self._context

    def _ask(
        self, connection: _Connection, key: _Key, parsed: ParsedUrl, request: Request
    ) -> Response:
        deadline = time.monotonic() + self._policy.timeout
        if isinstance(connection.sock, _DeadlineMixin):
            connection.sock.deadline = deadline
        headers = {
            "Accept-Encoding": "gzip",
            "User-Agent": "warifu",
            **request.headers,
            "Host": parsed.authority,
        }
        answer: HTTPResponse | None = None
        try:
            connection.request(
                request.method,
                parsed.target,
                body=request.body or (b"" if request.method == "POST" else None),
                headers=headers,
                preload_content=False,
                decode_content=False,
            )
            answer = connection.getresponse()
            raw = _read(answer, self._policy.max_bytes, deadline)
            _check_nothing_follows(connection.sock)
            received = {name.lower(): value for name, value in answer.headers.items()}
            body = _decode(raw, received, self._policy.max_bytes)
        except BaseException:
            if answer is not None:
                answer.close()
            connection.close()
            raise
        if received.get("connection", "").lower() == "close" or answer.version < 11:  # noqa: PLR2004 - HTTP/1.1
            connection.close()
        else:
            self._pool.give(key, connection)
        return Response(status=answer.status, headers=received, body=body, url=request.url)


def _read(answer: HTTPResponse, max_bytes: int, deadline: float) -> bytes:
    parts, size = [], 0
    while part := answer.read1(_CHUNK, decode_content=False):
        size += len(part)
        if size > max_bytes:
            raise Unreachable("the answer is too long")
        _seconds_left(deadline)
        parts.append(part)
    if answer.length_remaining:
        raise Unreachable("the answer ended early")
    return b"".join(parts)


def _check_nothing_follows(sock: socket.socket | None) -> None:
    """Refuse an answer longer than it says, as far as the rest is here already.

    It could pass for the next answer on this connection; a rest that comes later makes the idle
    connection readable, which the pool takes as closed.
    """
    if sock is None:
        return
    sock.setblocking(False)
    try:
        more = bool(sock.recv(1))
    except (BlockingIOError, ssl.SSLWantReadError):
        more = False
    if more:
        raise Unreachable("the answer is longer than it says")


def _decode(raw: bytes, headers: Mapping[str, str], max_bytes: int) -> bytes:
    match headers.get("content-encoding", "identity").lower():
        case "identity" | "":
            return raw
        case "gzip":
            return _gunzip(raw, max_bytes)
        case _:
            raise Unreachable("the answer has an encoding nobody asked for")


def _gunzip(raw: bytes, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = inflater.decompress(raw, max_bytes + 1)
    except zlib.error:
        raise Unreachable("the answer is not gzip") from None
    if len(body) > max_bytes:
        raise Unreachable("the answer is too long")
    if not inflater.eof or inflater.unused_data:
        raise Unreachable("the answer ended early")
    return body


def retry_after(response: Response) -> int | None:
    """Return the seconds a server asked us to wait, when it gave them as a number."""
    value = response.headers.get("retry-after", "")
    if value.isascii() and value.isdigit() and len(value) <= len(str(_MAX_RETRY_AFTER)):
        return min(int(value), _MAX_RETRY_AFTER)
    return None
