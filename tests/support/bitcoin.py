"""A Bitcoin of our own with real, small work, and a calendar that has hashes put into it.

The calendar speaks by the format's own Python library, so our reader meets a peer. The work is
real: each header meets its target, which is only easier than a policy for the world allows.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentimestamps.core.notary import BitcoinBlockHeaderAttestation, PendingAttestation
from opentimestamps.core.op import OpAppend, OpPrepend, OpSHA256
from opentimestamps.core.serialize import BytesSerializationContext
from opentimestamps.core.timestamp import Timestamp

from registry_chain.anchoring import BitcoinPolicy

START = 900_000
T0 = 1_764_100_000
BITS = bytes.fromhex("ffff0020")  # 0x2000ffff: one hash in 256
EASY = 0xFFFF << 232


def double(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()


def mine(previous: bytes, root: bytes, time: int, bits: bytes = BITS, most: int = EASY) -> bytes:
    """A header that met its target."""
    start = (
        (0x2000_0000).to_bytes(4, "little") + previous + root + time.to_bytes(4, "little") + bits
    )
    for nonce in range(1 << 32):
        header = start + nonce.to_bytes(4, "little")
        if int.from_bytes(double(header), "little") <= most:
            return header
    raise AssertionError("no nonce was left")


@dataclass
class Bitcoin:
    """Headers from `START` on."""

    since: int = T0
    headers: list[bytes] = field(default_factory=list)

    def add(self, root: bytes | None = None) -> int:
        """Mine a block and return its height."""
        previous = double(self.headers[-1]) if self.headers else bytes(32)
        time = self.since + 600 * len(self.headers)
        self.headers.append(mine(previous, root or os.urandom(32), time))
        return START + len(self.headers) - 1

    def policy(self, **changes: object) -> BitcoinPolicy:
        values: dict[str, object] = {
            "headers": {START: b"".join(self.headers)},
            "max_target": EASY,
            "checkpoints": {START: double(self.headers[0])[::-1].hex()},
        }
        return BitcoinPolicy(**(values | changes))  # type: ignore[arg-type]


def serialized(stamp: Timestamp) -> bytes:
    context = BytesSerializationContext()
    stamp.serialize(context)
    return bytes(context.getbytes())


@dataclass
class Calendar:
    """A calendar: what it was given, and what it can show of it by now."""

    chain: Bitcoin
    url: str = ""
    waiting: list[bytes] = field(default_factory=list)
    known: dict[bytes, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def take(self, digest: bytes) -> bytes:
        stamp = Timestamp(digest)
        commitment = stamp.ops.add(OpAppend(os.urandom(16))).ops.add(OpSHA256())
        commitment.attestations.add(PendingAttestation(self.url))
        self.waiting.append(commitment.msg)
        return serialized(stamp)

    def mine(self) -> int:
        """Put all that waits into one transaction of one block, and more blocks on top."""
        leaves = [Timestamp(message) for message in self.waiting] or [Timestamp(os.urandom(32))]
        tip = leaves
        while len(tip) > 1:
            left, right = tip[0], tip[1]
            joined = left.ops.add(OpAppend(right.msg)).ops.add(OpSHA256())
            right.ops.add(OpPrepend(left.msg)).ops.add(OpSHA256()).ops.add(OpSHA256())
            right.ops[OpPrepend(left.msg)].ops[OpSHA256()] = joined
            tip = [joined, *tip[2:]]
        transaction = tip[0].ops.add(OpPrepend(os.urandom(43))).ops.add(OpAppend(bytes(4)))
        txid = transaction.ops.add(OpSHA256()).ops.add(OpSHA256())
        root = txid.ops.add(OpPrepend(os.urandom(32))).ops.add(OpSHA256()).ops.add(OpSHA256())
        height = self.chain.add(root.msg)
        root.attestations.add(BitcoinBlockHeaderAttestation(height))
        for leaf in leaves:
            self.known[leaf.msg] = serialized(leaf)
        self.waiting.clear()
        for _ in range(6):
            self.chain.add()
        return height


@contextmanager
def serving(calendar: Calendar) -> Iterator[Calendar]:
    """Serve a calendar over HTTP on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calendar.asked.append(self.path)
            digest = self.rfile.read(int(self.headers["Content-Length"]))
            known = self.path == "/digest" and len(digest) == 32
            self.answer(calendar.take(digest) if known else None)

        def do_GET(self) -> None:
            calendar.asked.append(self.path)
            commitment = bytes.fromhex(self.path.removeprefix("/timestamp/"))
            self.answer(calendar.known.get(commitment))

        def answer(self, body: bytes | None) -> None:
            self.send_response(404 if body is None else 200)
            body = body or b"Pending confirmation in Bitcoin blockchain"
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    calendar.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield calendar
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
