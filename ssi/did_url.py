"""The key a DID URL names, for the methods whose key is in their own text."""

from ssi.did import parse_did_jwk, parse_did_key
from ssi.errors import Malformed
from ssi.keys import PublicKey


def key_of_did_url(did_url: str) -> PublicKey:
    """Find the key of a `did:key` or `did:jwk` URL without any network.

    Args:
        did_url: A DID with the fragment that names its only key.

    Returns:
        The key.

    Raises:
        Malformed: `did.malformed` when there is no fragment, `did.method` for a method that
            must be fetched, or the codes of `ssi.did`.
    """
    if "#" not in did_url:
        raise Malformed("the DID URL names no key", code="did.malformed")
    if did_url.startswith("did:key:"):
        return parse_did_key(did_url)
    if did_url.startswith("did:jwk:"):
        return parse_did_jwk(did_url)
    raise Malformed("the DID method needs a resolver", code="did.method")
