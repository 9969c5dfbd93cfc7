"""ABCI's frames: a message of Protocol Buffers behind its length as an unsigned varint [REG-NET-1].

What comes is bounded before it is kept. A peer that breaks the form is not answered further.
"""

from collections.abc import Iterator
from typing import Final

from google.protobuf.message import DecodeError

from registry_chain.engines.cometbft.pb.tendermint.abci.types_pb2 import Request, Response
from registry_chain.light.codec import uvarint
from ssi.errors import Malformed

MAX_FRAME: Final = 16 * 1024 * 1024  # a block has at most 2 MB, a chunk of a snapshot 1 MB
_MAX_VARINT: Final = 5
_MORE: Final = 0x80


class Frames:
    """Cuts a stream of bytes into messages, however it was cut on the way."""

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._buffer = bytearray()
        self._max_frame = max_frame

    @property
    def held(self) -> int:
        """How many bytes wait to be taken."""
        return len(self._buffer)

    def add(self, data: bytes) -> None:
        """Keep bytes that came."""
        self._buffer += data

    def __iter__(self) -> Iterator[bytes]:
        """Take the messages that are complete, also those that become so meanwhile.

        Raises:
            Malformed: ``abci.frame`` when a length is no number or is too big.
        """
        while (head := self._length()) is not None:
            start, length = head
            if len(self._buffer) - start < length:
                return
            message = bytes(self._buffer[start : start + length])
            del self._buffer[: start + length]
            yield message

    def _length(self) -> tuple[int, int] | None:
        """Where the next message begins and how long it is, once its length is here."""
        number = 0
        for place, byte in enumerate(self._buffer[:_MAX_VARINT]):
            number |= (byte & ~_MORE) << 7 * place
            if not byte & _MORE:
                if number > self._max_frame:
                    raise Malformed("a message is too long", code="abci.frame")
                return place + 1, number
        if len(self._buffer) >= _MAX_VARINT:
            raise Malformed("a length is no number", code="abci.frame")
        return None


def parse_request(frame: bytes) -> Request:
    """Read a request.

    Raises:
        Malformed: ``abci.request`` when it is none, or none that we know.
    """
    try:
        request = Request.FromString(frame)
    except DecodeError:
        raise Malformed("the message is no ABCI request", code="abci.request") from None
    if request.WhichOneof("value") is None:
        raise Malformed("the ABCI request asks nothing we know", code="abci.request")
    return request


def encode_response(response: Response) -> bytes:
    """Return a response as it goes over the wire."""
    data = response.SerializeToString()
    return uvarint(len(data)) + data
