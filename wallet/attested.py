"""Finding a credential that vouches for an address [WAL-MOVE-4]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wallet import consents
from wallet.context import Context
from wallet.copies import pick_copies
from wallet.incoming import address_in
from wallet.places import same_address
from wallet.store import StoredCredential, credentials

ADDRESS_PATH = ("verified_claims", "claims", "address")
MOVED_ON_PATH = ("verified_claims", "claims", "moved_on")
# The narrowest credential first: it shows the least.
_PREFERENCE = ("urn:warifu:address:1", "urn:warifu:kyc:1", "urn:warifu:driving-licence:1")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressProof:
    """A copy that vouches for an address, and what of it is shown."""

    credential: StoredCredential = field(repr=False)
    paths: tuple[tuple[str, ...], ...]


def find(ctx: Context, wanted: Mapping[str, object], party: str) -> AddressProof | None:
    """Return the copy to show a firm for an address, or None."""
    usable, _ = pick_copies(credentials(ctx.vault), party, now=ctx.seconds())
    for vct in _PREFERENCE:
        for credential in usable:
            if credential.vct != vct:
                continue
            claims = consents.holding(credential).candidate.claims
            held = address_in(claims)
            if held is not None and same_address(held, wanted):
                return AddressProof(credential=credential, paths=_paths(vct))
    return None


def _paths(vct: str) -> tuple[tuple[str, ...], ...]:
    if vct == _PREFERENCE[0]:
        return (ADDRESS_PATH, MOVED_ON_PATH)
    return (ADDRESS_PATH,)
