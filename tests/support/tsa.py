"""A time-stamping authority of our own: real `openssl ts` behind a real HTTP server."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from registry_chain.anchoring import TimeAuthority

CONFIG = """\
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = {digest}
default_policy = 1.3.6.1.4.1.55555.1
digests = {accepts}
{accuracy}
ordering = no
tsa_name = {name}
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
NOW = datetime.now(UTC).replace(microsecond=0)
LONG = timedelta(days=3650)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def require_openssl() -> str:
    """The program, or a skip that says what is missing."""
    found = shutil.which("openssl")
    if found is None:
        pytest.skip("needs the openssl program")
    return found


def certificate(  # the whole of what a test may want to be wrong
    subject: str,
    key: Key,
    issuer: tuple[x509.Certificate, Key] | None,
    *,
    serial: int | None = None,
    since: datetime = NOW - LONG,
    until: datetime = NOW + LONG,
    usage: tuple[x509.ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.TIME_STAMPING,),
    critical: bool = True,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else issuer[0].subject)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer is not None and usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=critical)
    return builder.sign(key if issuer is None else issuer[1], hashes.SHA256())


@dataclass
class Tsa:
    """An authority whose tokens `openssl ts` makes."""

    folder: Path
    name: str
    key: Key
    root: x509.Certificate
    root_key: Key
    certificate: x509.Certificate
    url: str = ""
    # What a dishonest authority does to a request before, and to an answer after openssl.
    before: Callable[[bytes], bytes] = field(default=lambda query: query)
    after: Callable[[bytes], bytes] = field(default=lambda reply: reply)
    asked: int = 0

    def authority(self, **changes: object) -> TimeAuthority:
        values: dict[str, object] = {
            "name": self.name,
            "certificate": self.certificate,
            "issuers": (self.root,),
        }
        return TimeAuthority(**(values | changes))  # type: ignore[arg-type]

    def reply(self, query: bytes) -> bytes:
        self.asked += 1
        (self.folder / "query").write_bytes(self.before(query))
        subprocess.run(
            [
                require_openssl(), "ts", "-reply", "-config", self.folder / "tsa.cnf",
                "-section", "here", "-queryfile", self.folder / "query",
                "-out", self.folder / "reply",
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
        return self.after((self.folder / "reply").read_bytes())


def make_tsa(
    folder: Path,
    name: str = "tsa-one",
    *,
    elliptic: bool = False,
    digest: str = "sha256",
    accepts: str = "sha256",
    accuracy: str = "accuracy = secs:1",
    named: bool = False,
    **wrong: object,
) -> Tsa:
    """Found an authority in a folder; ``wrong`` goes to its certificate."""
    folder.mkdir(parents=True, exist_ok=True)
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = certificate(f"{name} root", root_key, None)
    key: Key = (
        ec.generate_private_key(ec.SECP256R1())
        if elliptic
        else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    own = certificate(name, key, (root, root_key), **wrong)  # type: ignore[arg-type]
    (folder / "tsa.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    (folder / "tsa.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "serial").write_text("1001\n")
    (folder / "tsa.cnf").write_text(
        CONFIG.format(
            folder=folder,
            digest=digest,
            accepts=accepts,
            accuracy=accuracy,
            name="yes" if named else "no",
        )
    )
    return Tsa(folder, name, key, root, root_key, own)


@contextmanager
def serving(tsa: Tsa) -> Iterator[Tsa]:
    """Serve an authority over HTTP on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/tsa":
                self.send_error(404)
                return
            if self.headers["Content-Type"] != "application/timestamp-query":
                self.send_error(415)
                return
            reply = tsa.reply(query)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    tsa.url = f"http://127.0.0.1:{server.server_port}/tsa"
    try:
        yield tsa
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
