"""Addresses a stranger may make us fetch: which URLs and which IP addresses are harmless.

Nothing is resolved here and no socket is opened. The grammar is much narrower than RFC 3986: what
two parsers could read differently is refused, because the parser that checks and the library that
connects must agree.
"""

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from ssi.errors import Untrusted

MAX_URL: Final = 2048
MAX_PORT: Final = 65535
_MAX_HOST: Final = 253
_PORTS: Final = {"https": 443, "http": 80}
_SAFE_TEXT: Final = re.compile(r"[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+", re.ASCII)
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_TOP_LABEL: Final = re.compile(r"(?:xn--[a-z0-9-]{1,57}[a-z0-9]|[a-z]{2,63})", re.ASCII)
_LOCAL_SUFFIXES: Final = (
    ".localhost",
    ".localdomain",
    ".local",
    ".internal",
    ".intranet",
    ".private",
    ".corp",
    ".home",
    ".lan",
    ".arpa",
    ".onion",
)
_LOOPBACK: Final = {"127.0.0.1": "127.0.0.1", "[::1]": "::1"}

# Networks `is_global` calls global, or once did, that still lead to somewhere private.
_REFUSED_V4: Final = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_REFUSED_V6: Final = tuple(
    ip_network(net)
    for net in (
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
_GLOBAL_V6: Final = IPv6Network("2000::/3")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedUrl:
    """The parts of a URL that passed the checks."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    loopback: bool = False

    @property
    def authority(self) -> str:
        """The host as the Host header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_public_url(url: str, *, allow_loopback_http: bool = False) -> ParsedUrl:
    """Check that a URL is https to a public DNS name, in the plainest spelling.

    Args:
        url: The URL a stranger gave.
        allow_loopback_http: Also take ``http`` to the literal 127.0.0.1 or [::1], for
            demonstration networks on one machine.

    Returns:
        Its parts.

    Raises:
        Untrusted: ``fetch.blocked``.
    """
    if not 0 < len(url) <= MAX_URL or not _SAFE_TEXT.fullmatch(url):
        raise _blocked("the URL is too long or holds characters that are not allowed")
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _PORTS:
        raise _blocked("the URL is not https")
    cut = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    authority, target = rest[:cut], rest[cut:]
    target = target if target.startswith("/") else f"/{target}"
    host, port = _split_authority(authority, scheme)
    if scheme == "http":
        if not (allow_loopback_http and host in _LOOPBACK):
            raise _blocked("the URL is not https")
        address = _LOOPBACK[host]
        return ParsedUrl(scheme=scheme, host=address, port=port, target=target, loopback=True)
    return ParsedUrl(scheme=scheme, host=public_host(host), port=port, target=target)


def _split_authority(authority: str, scheme: str) -> tuple[str, int]:
    if "@" in authority or "%" in authority:
        raise _blocked("the URL names a user, or its host is escaped")
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        return authority, _PORTS[scheme]
    if not _PORT.fullmatch(port) or int(port) > MAX_PORT:
        raise _blocked("the port of the URL is not allowed")
    return host, int(port)


def public_host(host: str) -> str:
    """Check that a host is a DNS name that can be public.

    Args:
        host: The name; IP addresses in any spelling are no names.

    Returns:
        The name in lower case.

    Raises:
        Untrusted: ``fetch.blocked``.
    """
    name = host.lower()
    *labels, top = name.split(".")
    if not labels or len(name) > _MAX_HOST or not _TOP_LABEL.fullmatch(top):
        raise _blocked("the host is not a public name")
    if not all(_LABEL.fullmatch(label) for label in labels) or name.endswith(_LOCAL_SUFFIXES):
        raise _blocked("the host is not a public name")
    return name


def check_address(text: str) -> None:
    """Check that an address a name resolved to is public.

    Args:
        text: The address as the resolver wrote it.

    Raises:
        Untrusted: ``fetch.blocked`` for loopback, private, link-local, shared, translated,
            documentation, multicast and reserved addresses.
    """
    try:
        address = ip_address(text)
    except ValueError:
        raise _blocked("the host resolves to no address") from None
    if not _is_public(address):
        raise _blocked("the host resolves to an address that is not public")


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


def _blocked(fact: str) -> Untrusted:
    return Untrusted(fact, code="fetch.blocked")
