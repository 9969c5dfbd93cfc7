"""Web addresses inside messages: their form, and nothing about opening them.

Plain `http` to a loopback address is a good form here, because whether it may be opened is
decided by the fetch policy of the program that opens it, never by the message that carries it.
"""

from ssi.errors import Malformed, Untrusted
from ssi.urls import ParsedUrl, parse_public_url


def split_web_url(text: str, *, where: str, code: str) -> ParsedUrl:
    """Take a web address apart.

    Args:
        text: The address.
        where: What the address is, for messages.
        code: The error code.

    Returns:
        The parts.

    Raises:
        Malformed: with `code`, for everything but a plain public https address or loopback http.
    """
    try:
        return parse_public_url(text, allow_loopback_http=True)
    except Untrusted:
        raise Malformed(f"{where}: not a plain https address", code=code) from None


def check_web_url(text: str, *, where: str, code: str) -> str:
    """Return `text` unchanged when it is a good web address; see `split_web_url`."""
    split_web_url(text, where=where, code=code)
    return text


def check_issuer_url(text: str, *, where: str, code: str) -> str:
    """Return `text` unchanged when it can identify an issuer (RFC 8414 §2: no query).

    Raises:
        Malformed: with `code`.
    """
    parts = split_web_url(text, where=where, code=code)
    segments = parts.target.split("/")[1:]
    if "?" in text or {".", ".."} & set(segments) or "" in segments[:-1]:
        raise Malformed(f"{where}: an issuer address has no query or odd path", code=code)
    return text
