"""Issuers and holders of credentials, and tokens signed over exactly the bytes a test wants."""

import json
from hashlib import sha256

from ssi.encoding import b64url_encode as b64
from ssi.keys import Alg, SoftwareSigner

__all__ = ["ED_HOLDER", "ES_HOLDER", "ISSUER", "OTHER", "b64", "dice", "key", "raw_jws"]


def key(name: str, alg: Alg = Alg.ES256) -> SoftwareSigner:
    """The same key for the same name, in every run."""
    return SoftwareSigner.from_secret(alg, sha256(f"credential key {name}".encode()).digest())


ISSUER = key("issuer")
ES_HOLDER = key("holder")
ED_HOLDER = key("holder", Alg.EDDSA)
OTHER = key("somebody else")


def dice(seed: str = "dice"):
    """Randomness that repeats in every run and never gives the same bytes twice."""
    throws = iter(range(1 << 30))

    def random(count: int) -> bytes:
        out = b""
        while len(out) < count:
            out += sha256(f"{seed} {next(throws)}".encode()).digest()
        return out[:count]

    return random


def raw_jws(payload: bytes, signer: SoftwareSigner, header=None) -> str:
    """Sign these very bytes under this very header."""
    protected = {"alg": signer.public_key.alg.value, "typ": "dc+sd-jwt"} | (header or {})
    signing_input = f"{b64(json.dumps(protected).encode())}.{b64(payload)}"
    return f"{signing_input}.{b64(signer.sign(signing_input.encode()))}"
