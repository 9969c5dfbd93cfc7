"""Strict base64url (RFC 4648 §5 as RFC 7515 §2 uses it): one spelling per value.

Import these names from `ssi.encoding`.
"""

from binascii import Error as BinasciiError
from binascii import a2b_base64, b2a_base64

from ssi.errors import Malformed

_TO_STANDARD = bytes.maketrans(b"-_+/=\n", b"+/....")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_CANONICAL_LAST = {2: frozenset(b"AQgw"), 3: frozenset(b"AEIMQUYcgkosw048")}
_PADDING = {0: b"", 2: b"==", 3: b"="}


def b64url_encode(data: bytes) -> str:
    """Encode ``data`` as base64url without padding."""
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def b64url_decode(text: str) -> bytes:
    """Decode base64url: the exact alphabet, no padding, no white space, one spelling per value.

    Args:
        text: The encoded text.

    Returns:
        The decoded bytes.

    Raises:
        Malformed: ``encoding.base64url`` for any other spelling.
    """
    try:
        raw = text.encode("ascii")
    except UnicodeEncodeError:
        raise _bad_base64url() from None
    tail = len(raw) % 4
    if tail == 1 or (tail and raw[-1] not in _CANONICAL_LAST[tail]):
        raise _bad_base64url()
    try:
        return a2b_base64(raw.translate(_TO_STANDARD) + _PADDING[tail], strict_mode=True)
    except BinasciiError:
        raise _bad_base64url() from None


def _bad_base64url() -> Malformed:
    return Malformed("the text is not canonical base64url", code="encoding.base64url")
