"""The other end of a pretended connection: a TLS server that behaves as badly as it is told."""

import contextlib
import os
import socket
import ssl
import tempfile
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ssi.keys import Alg, SoftwareSigner, generate_signer
from ssi.x509 import Certificate, create_ca, create_leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What the server sends to whoever asks, and the name on its certificate."""

    head: bytes
    body: bytes = b""
    repeat: int = 1
    pause: float = 0.0
    name: str = ""


class HostilePeer:
    """Serves one script over socket pairs, with a certificate of its own authority."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._folder = tempfile.TemporaryDirectory()
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        self._context = self._make_context()

    def _make_context(self) -> ssl.SSLContext:
        now = datetime.now(UTC)
        start, end = now - timedelta(days=1), now + timedelta(days=1)
        root, leaf = (generate_signer(Alg.ES256, os.urandom) for _ in range(2))
        ca = create_ca("Test root", secret=root.secret, not_before=start, not_after=end, serial=1)
        certificate = create_leaf(
            "Test server",
            public_key=leaf.public_key,
            issuer=(ca, root.secret),
            not_before=start,
            not_after=end,
            serial=2,
            dns_names=(self._script.name,),
        )
        Path(self.ca_file).write_bytes(_pem(ca))
        chain = Path(self._folder.name) / "server.pem"
        chain.write_bytes(_private_pem(leaf) + _pem(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def connect(self, timeout: float) -> socket.socket:
        """Return the client's end of a new connection."""
        ours, theirs = socket.socketpair()
        ours.settimeout(timeout)
        thread = threading.Thread(target=self._serve, args=(theirs,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return ours

    def _serve(self, raw: socket.socket) -> None:
        raw.settimeout(5)
        try:
            with self._context.wrap_socket(raw, server_side=True) as tls:
                tls.recv(65536)
                tls.sendall(self._script.head)
                for _ in range(self._script.repeat):
                    tls.sendall(self._script.body)
                    if self._stop.wait(self._script.pause):
                        break
        except OSError:
            raw.close()

    def close(self) -> None:
        """Stop serving and remove the certificates."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=6)
        with contextlib.suppress(OSError):
            self._folder.cleanup()


def _pem(certificate: Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private_pem(signer: SoftwareSigner) -> bytes:
    key = ec.derive_private_key(int.from_bytes(signer.secret), ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
