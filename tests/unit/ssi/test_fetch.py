"""Bounded HTTPS against a real loopback server and scripted hostile peers (V-32)."""

import gzip
import socket
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ssi.errors import SSIError, Unreachable, Untrusted
from ssi.fetch import FetchPolicy, Request, Response, check_url, http_fetch, retry_after
from ssi.urls import check_address
from warifu.vectors.ssrf_peer import HostilePeer, Script

OPEN = FetchPolicy(allow_loopback_http=True, timeout=1.0, max_bytes=10_000)


GZIP = {"Content_Encoding": "gzip"}
ROUTES = {
    "/": (200, b"hello", {"Content_Type": "text/plain"}),
    "/gzip": (200, gzip.compress(b"hello" * 100), GZIP),
    "/bomb": (200, gzip.compress(bytes(1 << 20)), GZIP),
    "/two-streams": (200, gzip.compress(b"a") + gzip.compress(b"b"), GZIP),
    "/cut": (200, gzip.compress(b"hello" * 100)[:-5], GZIP),
    "/deflate": (200, zlib.compress(b"hello"), {"Content_Encoding": "deflate"}),
    "/big": (200, b"x" * 10_001, {}),
    "/away": (302, b"", {"Location": "/"}),
    "/outside": (302, b"", {"Location": "http://169.254.169.254/latest"}),
    "/loop": (302, b"", {"Location": "/loop"}),
    "/close": (200, b"x", {"Connection": "close"}),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    seen: list

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.connections.add(self.client_address)
        self.server.heads.append(dict(self.headers))
        match self.path:
            case "/slow":
                self.answer_slowly()
            case "/short":
                self.send_response(200)
                self.send_header("Content-Length", "100")
                self.end_headers()
                self.close_connection = True
            case path:
                status, body, headers = ROUTES.get(path, (404, b"no", {"Retry_After": "7"}))
                self.answer(status, body, **headers)

    def answer_slowly(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(40):
            try:
                self.wfile.write(b"x")
                self.wfile.flush()
            except OSError:
                return
            time.sleep(0.1)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(202, body)


@pytest.fixture(scope="module")
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.connections, server.heads = set(), []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def base(server):
    return f"http://127.0.0.1:{server.server_port}"


def failed(fetch, url, kind=SSIError, **options):
    with pytest.raises(kind) as caught:
        fetch(Request(url=url, **options))
    assert url not in repr(caught.value)
    return caught.value.code


def test_an_answer_of_any_status_is_returned(base):
    fetch = http_fetch(OPEN)
    response = fetch(Request(url=f"{base}/"))
    assert (response.status, response.body) == (200, b"hello")
    assert response.headers["content-type"] == "text/plain"
    missing = fetch(Request(url=f"{base}/none"))
    assert (missing.status, missing.body, retry_after(missing)) == (404, b"no", 7)
    posted = fetch(Request(url=f"{base}/in", method="POST", body=b"data"))
    assert (posted.status, posted.body) == (202, b"data")
    assert fetch(Request(url=f"{base}/in", method="POST")).body == b""


def test_a_connection_is_kept_and_shared_between_threads(server, base):
    fetch = http_fetch(OPEN)
    server.connections.clear()
    for _ in range(5):
        fetch(Request(url=f"{base}/"))
    assert len(server.connections) == 1
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(fetch(Request(url=f"{base}/")).status))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [200] * 8


def test_a_closed_connection_is_not_reused(base):
    fetch = http_fetch(OPEN)
    for _ in range(3):
        assert fetch(Request(url=f"{base}/close")).body == b"x"


def test_gzip_is_read_once_and_capped(base):
    fetch = http_fetch(OPEN)
    assert fetch(Request(url=f"{base}/gzip")).body == b"hello" * 100
    for path in ("/bomb", "/two-streams", "/cut", "/deflate", "/big", "/short"):
        assert failed(fetch, base + path, Unreachable) == "fetch.failed"


def test_a_slow_body_ends_at_the_deadline(base):
    start = time.monotonic()
    assert failed(http_fetch(OPEN), f"{base}/slow", Unreachable) == "fetch.failed"
    assert time.monotonic() - start < 1.5


def test_redirects_are_refused_unless_the_operator_allows_them(base):
    assert failed(http_fetch(OPEN), f"{base}/away", Untrusted) == "fetch.blocked"
    following = http_fetch(FetchPolicy(allow_loopback_http=True, redirects=2))
    assert following(Request(url=f"{base}/away")).body == b"hello"
    assert failed(following, f"{base}/outside", Untrusted) == "fetch.blocked"
    assert failed(following, f"{base}/loop", Untrusted) == "fetch.blocked"


def test_no_proxy_of_the_environment_is_used(base, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert http_fetch(OPEN)(Request(url=f"{base}/")).status == 200


def test_a_callers_header_cannot_change_the_host(server, base):
    http_fetch(OPEN)(Request(url=f"{base}/", headers={"Host": "evil.example", "X-A": "b"}))
    assert server.heads[-1]["Host"] == base.removeprefix("http://")
    assert server.heads[-1]["X-A"] == "b"


def test_nobody_listening_is_unreachable():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert failed(http_fetch(OPEN), f"http://127.0.0.1:{port}/", Unreachable) == "fetch.failed"


BAD_HOSTS = [
    "127.0.0.1",
    "0",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[fd00::1]",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "0x7f.1",
    "localhost",
    "LOCALHOST",
    "localhost.localdomain",
    "a.localhost",
    "100.100.100.200",
    "169.254.169.254",
    "10.0.0.1",
    "8.8.8.8",
    "[2606:4700::1111]",
    "user@good.example",
    "good.example%2f",
    "good.example%00",
    "good.example.",
    ".good.example",
    "good..example",
    "good_x.example",
    "-good.example",
    "good-.example",
    "a" * 64 + ".example",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "good。example",
    "good\\.example",
    "good.example\t",
    "good.example:0",
    "good.example:65536",
    "good.example:",
    "good.example:08",
    "good.example:a",
    "good",
    "",
    "good.1",
    "good.0x1",
    "printer.local",
    "metadata.google.internal",
    "1.0.0.127.in-addr.arpa",
    "x.onion",
]


@pytest.mark.parametrize("host", BAD_HOSTS)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_host_that_is_not_plainly_public_is_refused(scheme, host):
    for policy in (FetchPolicy(), OPEN):
        if policy is OPEN and scheme == "http" and host in {"127.0.0.1", "[::1]"}:
            continue
        with pytest.raises(Untrusted) as caught:
            check_url(f"{scheme}://{host}/x", policy)
        assert caught.value.code == "fetch.blocked"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "good.example",
        "//good.example/",
        "https:good.example",
        "https:/good.example",
        "ftp://good.example/",
        "HTTPS://good.example/",
        "https://good.example/#a",
        "https://good.example/ a",
        "https://good.example/\x00",
        "https://good.example/\x7f",
        "https://good.example/é",
        "https://good.example\\@evil.example/",
        "https://good.example/" + "a" * 3000,
        "http://good.example/",
        "javascript:alert(1)",
        "http://127.0.0.1@good.example/",
        "http://[::1%25lo]/",
        "http://[::1/",
        "http://127.0.0.1.good.example/",
    ],
)
def test_a_url_two_parsers_could_read_differently_is_refused(url):
    with pytest.raises(Untrusted):
        check_url(url, OPEN)


def test_a_plain_url_is_taken_apart():
    parsed = check_url("https://Good.example:8443/a?b=c@d", FetchPolicy())
    assert (parsed.host, parsed.port, parsed.target) == ("good.example", 8443, "/a?b=c@d")
    assert parsed.authority == "good.example:8443"
    assert check_url("https://good.example?x=1", FetchPolicy()).target == "/?x=1"
    assert check_url("https://xn--bcher-kva.example", FetchPolicy()).authority.startswith("xn--")
    loopback = check_url("http://[::1]:5000/", OPEN)
    assert (loopback.host, loopback.authority, loopback.loopback) == ("::1", "[::1]:5000", True)


BAD_ADDRESSES = [
    "127.0.0.1",
    "127.255.0.1",
    "0.1.2.3",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.1",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "198.18.0.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "fe80::1",
    "fe80::1%lo",
    "fd00:ec2::254",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "2002:7f00:1::",
    "3fff::1",
    "100::1",
    "4000::1",
    "text",
    "",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_a_name_that_resolves_inside_is_refused_without_a_socket(address):
    connected = []
    for found in ([address], ["93.184.216.34", address], [address, "93.184.216.34"]):
        fetch = http_fetch(
            FetchPolicy(),
            resolver=lambda *_, found=found, **__: [(0, 0, 0, "", (ip, 443)) for ip in found],
            connector=lambda *args: connected.append(args),
        )
        assert failed(fetch, "https://good.example/", Untrusted) == "fetch.blocked"
    assert connected == []


def test_public_addresses_pass():
    for address in ("93.184.216.34", "8.8.8.8", "2606:4700:4700::1111"):
        check_address(address)


def test_a_name_that_does_not_resolve_is_unreachable():
    def nobody(*_, **__):
        raise socket.gaierror

    assert failed(http_fetch(FetchPolicy(), resolver=nobody), "https://good.example/", Unreachable)
    empty = http_fetch(FetchPolicy(), resolver=lambda *_, **__: [])
    assert failed(empty, "https://good.example/", Unreachable) == "fetch.failed"


def through_tls(script, **policy):
    """Fetch https://good.example from a peer that plays the script."""
    peer = HostilePeer(script)
    asked = []

    def connect(address, timeout):
        asked.append(address)
        return peer.connect(timeout)

    fetch = http_fetch(
        FetchPolicy(**{"ca_file": peer.ca_file, "timeout": 1.0, "max_bytes": 10_000, **policy}),
        resolver=lambda *_, **__: [(0, 0, 0, "", ("93.184.216.34", 443))],
        connector=connect,
    )
    try:
        return fetch(Request(url="https://good.example/")), asked
    finally:
        peer.close()


SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
HELLO = SHORT + b"hello"


def test_tls_goes_to_the_checked_address_under_the_asked_name():
    response, asked = through_tls(Script(head=HELLO, name="good.example"))
    assert response.body == b"hello"
    assert asked == [("93.184.216.34", 443)]


@pytest.mark.parametrize(
    ("script", "policy"),
    [
        (Script(head=HELLO, name="other.example"), {}),
        (Script(head=HELLO, name="good.example"), {"ca_file": None}),
        (Script(head=SHORT, body=b"x" * 65536, repeat=20, name="good.example"), {}),
        (Script(head=b"", body=b"H", repeat=100, pause=0.1, name="good.example"), {}),
        (Script(head=b"nonsense\r\n\r\n", name="good.example"), {}),
        (Script(head=b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200, name="good.example"), {}),
        (
            Script(
                head=b"HTTP/1.1 200 OK\r\n\r\n", body=b"x" * 9999, repeat=50, name="good.example"
            ),
            {},
        ),
    ],
    ids=["name", "authority", "longer", "slow-head", "nonsense", "headers", "endless"],
)
def test_a_hostile_server_is_unreachable(script, policy):
    start = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        through_tls(script, **policy)
    assert caught.value.code == "fetch.failed"
    assert time.monotonic() - start < 4


@pytest.mark.parametrize("value", ["", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "²", "9" * 30])
def test_a_wait_that_is_no_number_is_ignored(value):
    response = Response(status=503, headers={"retry-after": value}, body=b"", url="")
    assert retry_after(response) is None
