"""Proof that an issuer holds the key it registers [REG-KEY-2]."""

from registry_chain.transactions.fields import bare_jwk
from registry_chain.transactions.keys import RegisterKey, RotateKey
from ssi.encoding import b64url_encode
from ssi.keys import PublicKey, Signer

_TAG = b"warifu/key/1\0"


def key_proof_message(chain_id: str, issuer: str, key: PublicKey) -> bytes:
    """The bytes a key signs to show that ``issuer`` holds it, on this chain only."""
    parts = (chain_id.encode(), issuer.encode(), key.thumbprint().encode())
    return _TAG + b"\0".join(parts)


def register_key(  # noqa: PLR0913 - one argument per member of the body
    signer: Signer,
    *,
    chain_id: str,
    issuer: str,
    use: str,
    valid_from: int,
    valid_until: int,
    next_digest: str | None = None,
) -> RegisterKey:
    """Build the body that registers ``signer``'s key for ``issuer``.

    Args:
        signer: The new key; it signs the proof of possession.
        chain_id: The chain the key is registered on.
        issuer: The issuer's id.
        use: ``credential`` or ``status``.
        valid_from: First second of the key's life.
        valid_until: Last second of the key's life.
        next_digest: Thumbprint of the key that will follow, when pre-committed.

    Returns:
        The transaction body.
    """
    message = key_proof_message(chain_id, issuer, signer.public_key)
    return RegisterKey(
        jwk=bare_jwk(signer.public_key),
        use=use,
        valid_from=valid_from,
        valid_until=valid_until,
        next_digest=next_digest,
        proof=b64url_encode(signer.sign(message)),
    )


def rotate_key(  # noqa: PLR0913 - one argument per member of the body
    signer: Signer,
    *,
    chain_id: str,
    issuer: str,
    thumbprint: str,
    valid_until: int,
    next_digest: str | None = None,
) -> RotateKey:
    """Build the body that replaces key ``thumbprint`` by ``signer``'s key."""
    message = key_proof_message(chain_id, issuer, signer.public_key)
    return RotateKey(
        thumbprint=thumbprint,
        jwk=bare_jwk(signer.public_key),
        valid_until=valid_until,
        next_digest=next_digest,
        proof=b64url_encode(signer.sign(message)),
    )
