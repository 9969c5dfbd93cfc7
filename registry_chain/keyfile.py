"""Secret keys in files that only their owner can read."""

import os
from pathlib import Path

from ssi.encoding import Fields, JSONObject, b64url_encode, canonical_json, parse_json_object
from ssi.errors import Malformed
from ssi.files import read_private
from ssi.keys import Alg, SoftwareSigner

_MAX_BYTES = 1024
_PRIVATE = 0o600


def write_key(path: Path, signer: SoftwareSigner) -> None:
    """Write an Ed25519 key as a private JWK; the file is new and its owner's alone.

    Raises:
        FileExistsError: A key is there already; it is never overwritten.
    """
    jwk: JSONObject = {**signer.public_key.jwk, "d": b64url_encode(signer.secret)}
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(handle, "wb") as file:
        file.write(canonical_json(jwk) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_key(path: Path) -> SoftwareSigner:
    """Read an Ed25519 key.

    Raises:
        Malformed: As `ssi.files.read_private`; ``keystore.key`` when it holds no such key.
    """
    jwk = parse_json_object(read_private(path, most=_MAX_BYTES))
    reading = Fields(jwk, where="key", code="keystore.key")
    reading.take_str("kty")
    curve = reading.take_str("crv")
    public, secret = reading.take_bytes("x", size=32), reading.take_bytes("d", size=32)
    reading.done()
    signer = SoftwareSigner.from_secret(Alg.EDDSA, secret)
    if curve != "Ed25519" or signer.public_key.raw != public:
        raise Malformed("the file holds no Ed25519 key", code="keystore.key")
    return signer
