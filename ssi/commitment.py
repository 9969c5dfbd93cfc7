"""Salted commitments, and the messages a relationship key signs for the chain.

The chain holds only ``SHA-256(tag || salt || content)``. Without the 32 random bytes of salt,
which never leave the parties, nobody can test a guess of the content [SHA-CON-5].
"""

from ssi.encoding import JSONObject, b64url_decode, b64url_encode, canonical_json, sha256
from ssi.errors import BindingMismatch, Malformed
from ssi.keys import Random

SALT_SIZE = 32
DIGEST_SIZE = 32

CONSENT_TAG = b"warifu/consent-record/1\0"
NOTICE_TAG = b"warifu/notice/1\0"
ACK_TAG = b"warifu/ack/1\0"

_CONSENT_MESSAGE = b"warifu/consent/1"
_WITHDRAW_MESSAGE = b"warifu/withdraw/1"


def new_salt(random: Random) -> bytes:
    """Draw the salt of one commitment.

    Args:
        random: Returns that many unpredictable bytes.
    """
    return random(SALT_SIZE)


def commitment(tag: bytes, salt: bytes, content: bytes) -> str:
    """Commit to ``content`` without telling anything about it.

    Args:
        tag: What kind of content it is; one of the tags above.
        salt: 32 random bytes, used for this content only.
        content: The bytes committed to.

    Returns:
        The commitment as base64url.

    Raises:
        ValueError: The salt has another size.
    """
    if len(salt) != SALT_SIZE:
        raise ValueError("a salt has 32 bytes")
    return b64url_encode(sha256(tag + salt + content))


def commitment_of(tag: bytes, salt: bytes, content: JSONObject) -> str:
    """Commit to the canonical JSON of an object."""
    return commitment(tag, salt, canonical_json(content))


def verify_commitment(expected: str, tag: bytes, salt: bytes, content: JSONObject) -> None:
    """Check that a commitment was made to this very content.

    Raises:
        Malformed: ``update.commitment`` when the salt has the wrong size.
        BindingMismatch: ``update.commitment`` for any other content, salt or tag.
    """
    if len(salt) != SALT_SIZE:
        raise Malformed("the salt has the wrong size", code="update.commitment")
    if commitment_of(tag, salt, content) != expected:
        raise BindingMismatch("the commitment is to something else", code="update.commitment")


def parse_commitment(text: str) -> str:
    """Read a commitment somebody sent: base64url of exactly 32 bytes.

    Raises:
        Malformed: ``encoding.base64url`` for any other spelling or size.
    """
    if len(text) != len(b64url_encode(bytes(DIGEST_SIZE))):
        raise Malformed("a commitment has 32 bytes", code="encoding.base64url")
    b64url_decode(text)
    return text


def consent_message(chain_id: str, commitment: str, until: int) -> bytes:
    """Return what the relationship key signs to put a consent on the chain [SHA-CON-6].

    Args:
        chain_id: The chain the signature is for, and no other.
        commitment: The consent's commitment.
        until: The end of the consent, in Unix seconds.
    """
    return b"\0".join(
        (_CONSENT_MESSAGE, chain_id.encode(), commitment.encode(), str(until).encode())
    )


def withdrawal_message(chain_id: str, commitment: str) -> bytes:
    """Return what the relationship key signs to withdraw a consent on the chain [SHA-CON-7]."""
    return b"\0".join((_WITHDRAW_MESSAGE, chain_id.encode(), commitment.encode()))
