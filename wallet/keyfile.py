"""The key file: how a passphrase becomes the vault's key [WAL-VAULT-2] [WAL-VAULT-3].

Layout, all integers big-endian::

    magic 8 | version 1 | kdf 1 | iterations 4 | memory KiB 4 | lanes 4 | salt 16
    | nonce 12 | sealed vault key 48 | SHA-256 of everything before 32

Argon2id turns the passphrase into a wrapping key; AES-256-GCM seals the random
vault key under it with the whole header as associated data. So a changed header
can never give a key, and the checksum tells damage from a wrong passphrase. The
parameters are bounded *before* any memory is taken: a hostile file may neither
weaken the function nor make the reader allocate gigabytes.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from ssi.errors import VaultError, WrongPassphrase

MAGIC = b"WARIFUK\x01"
VERSION = 1
KDF_ARGON2ID = 1
_HEAD = struct.Struct(">8sBBIII16s12s")
_SEALED = 48
_CHECKSUM = 32
SIZE = _HEAD.size + _SEALED + _CHECKSUM

KEY_SIZE = 32
MIN_PASSPHRASE = 8
MAX_PASSPHRASE_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KdfProfile:
    """The cost of Argon2id (RFC 9106)."""

    iterations: int
    memory_kib: int
    lanes: int


STANDARD = KdfProfile(iterations=3, memory_kib=64 * 1024, lanes=4)
CHEAPEST = KdfProfile(iterations=1, memory_kib=8, lanes=1)
"""For tests only: a vault made with it opens only where the caller lowers the floor to it."""
CEILING = KdfProfile(iterations=16, memory_kib=1024 * 1024, lanes=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """A parsed key file; nothing in it is trusted before ``unwrap`` succeeded."""

    profile: KdfProfile
    salt: bytes
    nonce: bytes
    sealed: bytes = field(repr=False)

    @property
    def head(self) -> bytes:
        """The bytes the sealed key is bound to."""
        cost = self.profile
        return _HEAD.pack(
            MAGIC,
            VERSION,
            KDF_ARGON2ID,
            cost.iterations,
            cost.memory_kib,
            cost.lanes,
            self.salt,
            self.nonce,
        )

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        body = self.head + self.sealed
        return body + hashlib.sha256(body).digest()


def new_key_file(
    passphrase: str, vault_key: bytes, *, profile: KdfProfile, random: Callable[[int], bytes]
) -> KeyFile:
    """Seal a vault key under a passphrase.

    Args:
        passphrase: what the person typed.
        vault_key: the 32 bytes the database is encrypted with.
        profile: the cost of guessing.
        random: the source of salt and nonce.
    """
    bare = KeyFile(profile=profile, salt=random(16), nonce=random(12), sealed=b"")
    wrapping = _derive(passphrase, bare)
    sealed = AESGCM(wrapping).encrypt(bare.nonce, vault_key, bare.head)
    return KeyFile(profile=profile, salt=bare.salt, nonce=bare.nonce, sealed=sealed)


def parse_key_file(data: bytes, *, floor: KdfProfile = STANDARD) -> KeyFile:
    """Return the key file, its cost within bounds, before any memory is taken for it.

    Args:
        data: the whole file.
        floor: the cheapest cost that is accepted.

    Raises:
        VaultError: ``keystore.tampered``, ``keystore.weak_kdf``, ``keystore.kdf_limits``.
    """
    if len(data) != SIZE:
        raise VaultError("the key file has the wrong size", code="keystore.tampered")
    body, checksum = data[:-_CHECKSUM], data[-_CHECKSUM:]
    if hashlib.sha256(body).digest() != checksum:
        raise VaultError("the key file is damaged", code="keystore.tampered")
    magic, version, kdf, iterations, memory, lanes, salt, nonce = _HEAD.unpack(body[: _HEAD.size])
    if (magic, version, kdf) != (MAGIC, VERSION, KDF_ARGON2ID):
        raise VaultError("the key file is of another kind", code="keystore.tampered")
    profile = KdfProfile(iterations=iterations, memory_kib=memory, lanes=lanes)
    check_cost(profile, floor=floor)
    return KeyFile(profile=profile, salt=salt, nonce=nonce, sealed=body[_HEAD.size :])


def check_cost(profile: KdfProfile, *, floor: KdfProfile) -> None:
    """Refuse a cost that is too cheap to protect or too dear to compute."""
    too_dear = (
        profile.iterations > CEILING.iterations
        or profile.memory_kib > CEILING.memory_kib
        or profile.lanes > CEILING.lanes
        or profile.lanes == 0
        or profile.memory_kib < 8 * profile.lanes  # RFC 9106 section 3.1
    )
    if too_dear:
        raise VaultError("the key file asks for too much", code="keystore.kdf_limits")
    if profile.iterations < floor.iterations or profile.memory_kib < floor.memory_kib:
        raise VaultError("the key file's protection is too weak", code="keystore.weak_kdf")


def unwrap(key_file: KeyFile, passphrase: str) -> bytes:
    """Return the vault key.

    Raises:
        WrongPassphrase: the passphrase does not open it (or the header was forged, which
            must not be told apart).
    """
    try:
        wrapping = _derive(passphrase, key_file)
        return AESGCM(wrapping).decrypt(key_file.nonce, key_file.sealed, key_file.head)
    except InvalidTag as error:
        raise WrongPassphrase("the passphrase does not open this wallet") from error


def check_new_passphrase(passphrase: str) -> None:
    """Refuse a passphrase that protects too little.

    Raises:
        VaultError: ``keystore.passphrase``.
    """
    if len(normal_passphrase(passphrase)) < MIN_PASSPHRASE:
        raise VaultError(
            f"a passphrase has at least {MIN_PASSPHRASE} characters", code="keystore.passphrase"
        )


def normal_passphrase(passphrase: str) -> bytes:
    """Return the bytes a passphrase stands for: NFC, UTF-8, nothing cut or trimmed.

    Raises:
        VaultError: ``keystore.passphrase`` for NUL, lone surrogates or more than 1 KiB.
    """
    try:
        data = unicodedata.normalize("NFC", passphrase).encode()
    except UnicodeEncodeError as error:
        raise VaultError("the passphrase is not text", code="keystore.passphrase") from error
    if not data or b"\0" in data or len(data) > MAX_PASSPHRASE_BYTES:
        raise VaultError("the passphrase is empty or too long", code="keystore.passphrase")
    return data


def _derive(passphrase: str, key_file: KeyFile) -> bytes:
    cost = key_file.profile
    kdf = Argon2id(
        salt=key_file.salt,
        length=KEY_SIZE,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    )
    return kdf.derive(normal_passphrase(passphrase))
