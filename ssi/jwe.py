"""JSON Web Encryption, compact form, ECDH-ES on P-256 with AES-GCM only (RFC 7516, RFC 7518 §4.6).

Direct key agreement: no wrapped key, no compression, no password. What the sender may vary is
listed by the recipient, never read from the token.
"""

from collections.abc import Callable
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ssi.encoding import (
    DEFAULT_LIMITS,
    JSON,
    JSONObject,
    b64url_decode,
    b64url_encode,
    canonical_json,
    parse_json_object,
    sha256,
)
from ssi.errors import InvalidSignature, Malformed
from ssi.keys import AgreementKey, generate_agreement_key

ContentEncryption = Literal["A128GCM", "A256GCM"]

_KEY_BYTES = {"A128GCM": 16, "A256GCM": 32}
_HEADERS = frozenset({"alg", "enc", "epk", "kid", "apu", "apv", "typ", "cty"})
_TEXT_HEADERS = ("kid", "apu", "apv", "typ", "cty")
_SEGMENTS = 5
_IV_SIZE = 12
_TAG_SIZE = 16
_MAX_HEADER = 4096


def encrypt_jwe(  # noqa: PLR0913 - one argument per header member of the standard
    plaintext: bytes,
    recipient: JSONObject,
    *,
    enc: ContentEncryption,
    random: Callable[[int], bytes],
    typ: str | None = None,
    cty: str | None = None,
    apu: bytes = b"",
    apv: bytes = b"",
) -> str:
    """Seal ``plaintext`` to the owner of a key.

    Args:
        plaintext: What only the recipient may read.
        recipient: The recipient's public JWK; its ``kid`` is copied to the header.
        enc: The content encryption.
        random: Source of the ephemeral key and the IV.
        typ: The type of the whole, if any.
        cty: The type of the plaintext, if any.
        apu: Agreement PartyUInfo.
        apv: Agreement PartyVInfo.

    Returns:
        The compact JWE.

    Raises:
        Malformed: ``jose.key`` when the recipient's key is bad.
    """
    ephemeral = generate_agreement_key(random)
    epk = {n: v for n, v in ephemeral.public_jwk().items() if n not in ("alg", "use")}
    header: JSONObject = {"alg": "ECDH-ES", "enc": enc, "epk": epk}
    optional = {
        "kid": recipient.get("kid"),
        "typ": typ,
        "cty": cty,
        "apu": b64url_encode(apu) or None,
        "apv": b64url_encode(apv) or None,
    }
    header |= {name: value for name, value in optional.items() if value is not None}
    protected = b64url_encode(canonical_json(header))
    key = _derive(ephemeral.agree(recipient), enc, apu, apv)
    iv = random(_IV_SIZE)
    ciphertext, tag = seal_content(key, iv, plaintext, protected.encode("ascii"))
    parts = (b"", iv, ciphertext, tag)
    return ".".join((protected, *map(b64url_encode, parts)))


def parse_jwe_header(token: str) -> JSONObject:
    """Read the unverified header, to find the key by ``kid``.

    Args:
        token: A compact JWE.

    Returns:
        The header; its form is checked, nothing in it is trusted.

    Raises:
        Malformed: ``jwe.malformed``, ``jwe.algorithm``, ``jwe.header_not_allowed`` or
            ``json.duplicate_key``.
    """
    text = token[: _MAX_HEADER + 1].partition(".")[0]
    if token.count(".") != _SEGMENTS - 1 or len(text) > _MAX_HEADER:
        raise Malformed("the text is not a compact JWE", code="jwe.malformed")
    try:
        header = parse_json_object(_decode(text), limits=DEFAULT_LIMITS)
    except Malformed as error:
        code = "json.duplicate_key" if error.code == "json.duplicate_key" else "jwe.malformed"
        raise Malformed(str(error), code=code) from error
    _check_header(header)
    return header


def decrypt_jwe(
    token: str, key: AgreementKey, *, encs: frozenset[str], max_plaintext: int = 262144
) -> bytes:
    """Open a sealed text.

    Args:
        token: The compact JWE.
        key: Our key, chosen by ``kid``.
        encs: The content encryptions we offered.
        max_plaintext: The most bytes the plaintext may have.

    Returns:
        The plaintext.

    Raises:
        Malformed: ``jwe.limits`` or any code of `parse_jwe_header`.
        InvalidSignature: ``jwe.decrypt`` when the text was not sealed to this key as it stands.
    """
    if len(token) > _MAX_HEADER + 64 + (max_plaintext + 2) * 4 // 3:
        raise Malformed("the sealed text is too long", code="jwe.limits")
    header = parse_jwe_header(token)
    enc = header["enc"]
    if not isinstance(enc, str) or enc not in encs:
        raise Malformed("the content encryption was not offered", code="jwe.algorithm")
    protected, wrapped, *sealed = token.split(".")
    iv, ciphertext, tag = (_decode(part) for part in sealed)
    if wrapped:
        raise Malformed("direct agreement has no wrapped key", code="jwe.malformed")
    epk = header["epk"]
    if not isinstance(epk, dict):
        raise Malformed("the ephemeral key is no key", code="jwe.malformed")
    try:
        shared = key.agree(epk)
    except Malformed as error:
        raise Malformed("the ephemeral key is bad", code="jwe.ephemeral_key") from error
    content_key = _derive(shared, enc, _info(header, "apu"), _info(header, "apv"))
    return open_content(content_key, iv, ciphertext, tag, protected.encode("ascii"))


def seal_content(key: bytes, iv: bytes, plaintext: bytes, aad: bytes) -> tuple[bytes, bytes]:
    """Encrypt with AES-GCM as RFC 7518 §5.3 fixes it; returns ciphertext and tag."""
    sealed = AESGCM(key).encrypt(iv, plaintext, aad)
    return sealed[:-_TAG_SIZE], sealed[-_TAG_SIZE:]


def open_content(key: bytes, iv: bytes, ciphertext: bytes, tag: bytes, aad: bytes) -> bytes:
    """Decrypt with AES-GCM: 96-bit IV, 128-bit tag, 128- or 256-bit key (RFC 7518 §5.3).

    Raises:
        Malformed: ``jwe.malformed`` when a part has another size.
        InvalidSignature: ``jwe.decrypt``.
    """
    if len(iv) != _IV_SIZE or len(tag) != _TAG_SIZE or len(key) not in _KEY_BYTES.values():
        raise Malformed("a part of the sealed text has the wrong size", code="jwe.malformed")
    try:
        return AESGCM(key).decrypt(iv, ciphertext + tag, aad)
    except InvalidTag as error:
        raise InvalidSignature("the seal does not open", code="jwe.decrypt") from error


def _derive(shared: bytes, enc: str, apu: bytes, apv: bytes) -> bytes:
    """Run the Concat KDF of RFC 7518 §4.6.2; one round of SHA-256 is always enough here."""
    size = _KEY_BYTES[enc]
    fields = b"".join(len(f).to_bytes(4) + f for f in (enc.encode("ascii"), apu, apv))
    return sha256((1).to_bytes(4) + shared + fields + (size * 8).to_bytes(4))[:size]


def _check_header(header: JSONObject) -> None:
    if not _HEADERS.issuperset(header):
        raise Malformed("the header holds a member not allowed", code="jwe.header_not_allowed")
    if header.get("alg") != "ECDH-ES" or not _is_known(header.get("enc")):
        raise Malformed("the algorithm is not supported", code="jwe.algorithm")
    if not isinstance(header.get("epk"), dict):
        raise Malformed("the ephemeral key is missing", code="jwe.malformed")
    if not all(isinstance(header[name], str) for name in _TEXT_HEADERS if name in header):
        raise Malformed("a header member has the wrong type", code="jwe.malformed")


def _is_known(enc: JSON) -> bool:
    return isinstance(enc, str) and enc in _KEY_BYTES


def _info(header: JSONObject, name: str) -> bytes:
    value = header.get(name, "")
    return _decode(value) if isinstance(value, str) else b""


def _decode(segment: str) -> bytes:
    try:
        return b64url_decode(segment)
    except Malformed as error:
        raise Malformed("a segment is not base64url", code="jwe.malformed") from error
