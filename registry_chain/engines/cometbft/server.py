"""The ABCI socket: CometBFT opens four connections, each served by a thread, replies in order.

Requests are pipelined: all that have come are answered before the answers go out together. Blocking
sockets and threads are enough, since the application does one thing at a time anyway.
"""

import contextlib
import logging
import os
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from registry_chain.engines.cometbft.pb.tendermint.abci.types_pb2 import (
    Request,
    Response,
    ResponseException,
)
from registry_chain.engines.cometbft.wire import (
    MAX_FRAME,
    Frames,
    encode_response,
    parse_request,
)
from ssi.encoding import sha256
from ssi.errors import Malformed, SSIError

Handler = Callable[[Request], Response]

_READ: Final = 256 * 1024
_TURN: Final = 32
_MAX_CONNECTIONS: Final = 16
_LOG = logging.getLogger("warifu.chain.abci")


class ABCIServer:
    """Answers CometBFT on a Unix socket that only its owner can open.

    Args:
        path: Where the socket is made; what stood there is taken away.
        handler: Answers one request. What it raises is told as an ABCI ``exception``, upon which
            CometBFT stops: an application that does not know what it does must not go on.
    """

    def __init__(self, path: Path, handler: Handler) -> None:
        self._path = path
        self._handler = handler
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closing = False
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(_MAX_CONNECTIONS)
        self._thread = threading.Thread(target=self._accept, name="abci", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close the socket and every connection."""
        with self._lock:
            self._closing = True
            connections = list(self._open)
        for connection in (self._listener, *connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._thread.join(5)
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._full():
                    connection.close()
                    continue
                self._open.add(connection)
            threading.Thread(
                target=self._serve, args=(connection,), name="abci-connection", daemon=True
            ).start()

    def _full(self) -> bool:
        return self._closing or len(self._open) >= _MAX_CONNECTIONS

    def _serve(self, connection: socket.socket) -> None:
        """One connection, until its other end is gone or breaks the form."""
        frames = Frames()
        try:
            while data := connection.recv(_READ):
                frames.add(data)
                self._answer_all(connection, frames)
        except Malformed as error:
            _LOG.warning("abci connection closed: %s", error.code)
        except OSError:
            pass
        except _Failed as failed:
            _LOG.error("the application failed", exc_info=failed.__cause__)
            with contextlib.suppress(OSError):
                connection.sendall(encode_response(exception(failed.__cause__)))
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _answer_all(self, connection: socket.socket, frames: Frames) -> None:
        """Answer what has come, and take in what comes meanwhile.

        CometBFT's client keeps a processor busy with a timer for as long as it cannot write.
        """
        answers: list[bytes] = []
        try:
            for frame in frames:
                answers.append(encode_response(self._answer(frame)))
                if len(answers) == _TURN:
                    if frames.held < MAX_FRAME:
                        frames.add(_at_hand(connection))
                    connection.sendall(b"".join(answers))
                    answers.clear()
        finally:  # what was answered before a bad frame still goes out
            if answers:
                connection.sendall(b"".join(answers))

    def _answer(self, frame: bytes) -> Response:
        request = parse_request(frame)
        if request.WhichOneof("value") == "flush":
            return _FLUSH
        try:
            return self._handler(request)
        except Exception as error:
            raise _Failed from error


def _at_hand(connection: socket.socket) -> bytes:
    """What can be read without waiting."""
    try:
        return connection.recv(_READ, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""


class _Failed(Exception):
    """The application failed, whatever way: told to CometBFT, logged, and the connection ended."""


_FLUSH: Final = Response()
_FLUSH.flush.SetInParent()


def exception(error: BaseException | None) -> Response:
    """The answer upon which CometBFT stops; names the error's code or class, not its content."""
    name = error.code if isinstance(error, SSIError) else type(error).__name__
    return Response(exception=ResponseException(error=name))


def private_socket(home: Path, name: str) -> Path:
    """Where to make a Unix socket for a home; a long path goes to a short folder instead.

    The system takes at most 107 bytes.
    """
    path = home.absolute() / name
    if len(os.fsencode(path)) <= 100:  # noqa: PLR2004 - some room below the system's 107
        return path
    short = Path(tempfile.gettempdir()) / f"warifu-{sha256(os.fsencode(path)).hex()[:20]}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.getuid() or short.stat().st_mode & 0o077:
        raise PermissionError(f"{short} is not ours alone")
    return short / name
