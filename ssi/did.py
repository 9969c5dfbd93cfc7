"""Decentralized identifiers whose key or address is in their own text: key, jwk and web.

Only syntax: ``did:web`` becomes a URL here, and fetching it is the business of the caller.
"""

import re
from typing import Final

import base58
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ssi.encoding import b64url_decode, b64url_encode, canonical_json, parse_json_object
from ssi.errors import Malformed, Untrusted
from ssi.keys import Alg, PublicKey, public_key_from_jwk
from ssi.urls import MAX_URL, parse_public_url

_KEY_PREFIX: Final = "did:key:"
_JWK_PREFIX: Final = "did:jwk:"
_WEB_PREFIX: Final = "did:web:"
_MULTICODEC: Final = {Alg.EDDSA: b"\xed\x01", Alg.ES256: b"\x80\x24"}
_KEY_SIZES: Final = {Alg.EDDSA: 32, Alg.ES256: 33}
_MAX_KEY_DID: Final = 128
_MAX_JWK_DID: Final = 2048
_MAX_WEB_SEGMENTS: Final = 32
_WEB_SEGMENT: Final = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)


def did_key(key: PublicKey) -> str:
    """Return the ``did:key`` of a public key."""
    raw = key.raw if key.alg is Alg.EDDSA else _compressed(key.raw)
    return f"{_KEY_PREFIX}z{base58.b58encode(_MULTICODEC[key.alg] + raw).decode('ascii')}"


def parse_did_key(did: str) -> PublicKey:
    """Read a ``did:key`` of an Ed25519 or P-256 key.

    Args:
        did: The identifier, with or without the fragment that repeats it.

    Returns:
        The key.

    Raises:
        Malformed: ``did.malformed``, or ``did.key_type`` for another kind of key.
    """
    did, mark, fragment = did[: 2 * _MAX_KEY_DID].partition("#")
    body = did.removeprefix(f"{_KEY_PREFIX}z")
    if body == did or len(did) > _MAX_KEY_DID or (mark and fragment != f"z{body}"):
        raise Malformed("the text is not a did:key", code="did.malformed")
    try:
        data = base58.b58decode(body)
    except ValueError as error:
        raise Malformed("the text is not a did:key", code="did.malformed") from error
    if base58.b58encode(data).decode("ascii") != body:
        raise Malformed("the did:key is not in its canonical form", code="did.malformed")
    for alg, codec in _MULTICODEC.items():
        raw = data[len(codec) :]
        if data.startswith(codec) and len(raw) == _KEY_SIZES[alg]:
            return _key(alg, raw)
    raise Malformed("the did:key holds another kind of key", code="did.key_type")


def _key(alg: Alg, raw: bytes) -> PublicKey:
    try:
        return PublicKey(alg, raw if alg is Alg.EDDSA else _uncompressed(raw))
    except (Malformed, ValueError) as error:
        raise Malformed("the did:key holds a bad key", code="did.malformed") from error


def _compressed(raw: bytes) -> bytes:
    return bytes([2 + (raw[-1] & 1)]) + raw[:32]


def _uncompressed(raw: bytes) -> bytes:
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    return point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]


def did_jwk(key: PublicKey) -> str:
    """Return the ``did:jwk`` of a public key."""
    return f"{_JWK_PREFIX}{b64url_encode(canonical_json(key.jwk))}"


def parse_did_jwk(did: str) -> PublicKey:
    """Read a ``did:jwk``.

    Args:
        did: The identifier, with or without the fragment ``#0``.

    Returns:
        The key.

    Raises:
        Malformed: ``did.malformed``, or a ``jose.*`` code of the key inside.
    """
    body = did[: 2 * _MAX_JWK_DID].removesuffix("#0").removeprefix(_JWK_PREFIX)
    if not did.startswith(_JWK_PREFIX) or len(did) > _MAX_JWK_DID:
        raise Malformed("the text is not a did:jwk", code="did.malformed")
    try:
        jwk = parse_json_object(b64url_decode(body))
    except Malformed as error:
        raise Malformed("the text is not a did:jwk", code="did.malformed") from error
    return public_key_from_jwk(jwk)


def did_web_url(did: str) -> str:
    """Return the address of a ``did:web`` document, without fetching it.

    Args:
        did: The identifier, without query or fragment.

    Returns:
        The https URL.

    Raises:
        Untrusted: ``fetch.blocked`` for every form that is not a public host and plain segments.
    """
    body = did.removeprefix(_WEB_PREFIX)
    if body == did or len(did) > MAX_URL:
        raise Untrusted("the text is not a did:web", code="fetch.blocked")
    host, *path = body.split(":")
    # A port is the one thing that may be percent-encoded (did:web, method-specific identifier).
    authority = re.sub("%3[Aa]", ":", host, count=1)
    plain = all(_WEB_SEGMENT.fullmatch(segment) and segment.strip(".") for segment in path)
    if not plain or len(path) > _MAX_WEB_SEGMENTS or not authority.isascii():
        raise Untrusted("the did:web has a path that is not allowed", code="fetch.blocked")
    if any(mark in authority for mark in "/?#[]"):
        raise Untrusted("the did:web has a host that is not allowed", code="fetch.blocked")
    where = "/".join((authority, *(path or [".well-known"]), "did.json"))
    url = f"https://{where}"
    parse_public_url(url)
    return url
