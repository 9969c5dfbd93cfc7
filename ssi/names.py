"""Random names that people meet: on a command line, in a link, read over a telephone."""

from base64 import b32encode
from collections.abc import Callable

_NAME_BYTES = 20  # 160 bits: 32 letters of base32 (RFC 4648 §6), with no padding


def random_name(random: Callable[[int], bytes]) -> str:
    """Return a fresh name: 160 random bits as 32 capital letters and digits.

    base64url would be shorter, but one name in 64 would begin with ``-``, and a command
    would take that for an option.

    Args:
        random: Gives that many random bytes.

    >>> random_name(bytes)
    'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    """
    return b32encode(random(_NAME_BYTES)).decode("ascii")
