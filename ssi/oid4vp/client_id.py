"""Client identifiers and their prefixes (OpenID4VP 1.0 §5.9)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ssi.errors import Malformed, Untrusted

MAX_CLIENT_ID: Final = 2048


class Prefix(StrEnum):
    """The prefixes we can judge."""

    X509_HASH = "x509_hash"
    X509_SAN_DNS = "x509_san_dns"
    REDIRECT_URI = "redirect_uri"
    DECENTRALIZED_IDENTIFIER = "decentralized_identifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientId:
    """A client identifier; `text` is always used whole, prefix included (§14.8)."""

    prefix: Prefix
    value: str

    @property
    def text(self) -> str:
        """The full identifier."""
        return f"{self.prefix.value}:{self.value}"


def parse_client_id(text: str) -> ClientId:
    """Read a client identifier [PRE-REQ-3].

    Args:
        text: The identifier with its prefix.

    Returns:
        Prefix and value.

    Raises:
        Malformed: `request.client_id` when it is empty or too long.
        Untrusted: `request.client_id_prefix` for no prefix (we pre-register nobody), the
            reserved `origin`, and every prefix we cannot judge.
    """
    if not 0 < len(text) <= MAX_CLIENT_ID or not text.isascii() or not text.isprintable():
        raise Malformed("the client identifier has a bad form", code="request.client_id")
    prefix, colon, value = text.partition(":")
    if not colon or prefix not in set(Prefix):
        raise Untrusted(
            "the client identifier prefix is not supported", code="request.client_id_prefix"
        )
    if not value:
        raise Malformed("the client identifier is empty", code="request.client_id")
    return ClientId(prefix=Prefix(prefix), value=value)
