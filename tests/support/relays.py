"""Wires between processes that a test can cut: every connection goes through a relay of ours."""

from __future__ import annotations

import contextlib
import socket
import threading


class Relay:
    """Carries TCP connections to one address; cut, it ends them all and takes none."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.cut = self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def sever(self) -> None:
        """End what runs, refuse what comes."""
        with self._lock:
            self.cut = True
            wires, self._open = self._open, set()
        for wire in wires:
            _end(wire)

    def mend(self) -> None:
        """Carry again."""
        self.cut = False

    def close(self) -> None:
        self._closed = True
        self.sever()
        _end(self._listener)

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target), 2)
            except OSError:
                continue
            far.settimeout(None)
            with self._lock:
                cut = self.cut
                if not cut:
                    self._open |= {near, far}
            if cut:
                _end(near)
                _end(far)
                continue
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for wire in (one, other):
            _end(wire)
        with self._lock:
            self._open -= {one, other}


def _end(wire: socket.socket) -> None:
    with contextlib.suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)
    wire.close()
