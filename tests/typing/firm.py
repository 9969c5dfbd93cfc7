"""A firm's program, as its type checker sees the SDK. Checked by ``make types``, never run.

Each ``type: ignore`` is a mistake that the types must catch: an unused one is an error too.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import assert_type

from ssi.errors import Rejected, Unavailable
from verifier_sdk import (
    Accept,
    AddressUpdated,
    Check,
    NeedsAttestation,
    PresentationRequest,
    Profile,
    VerifiedPresentation,
    Verifier,
    VerifierConfig,
    profiles,
)
from verifier_sdk.claims import Claims, PostalAddress

verifier = Verifier.open(VerifierConfig.load(Path("verifier.toml")))
assert_type(verifier, Verifier)
assert_type(profiles.MINPAKU_GUEST, Profile)


@verifier.on("address.updated")
def moved(update: AddressUpdated) -> Accept | NeedsAttestation:
    assert_type(update.address, PostalAddress)
    assert_type(update.apply_from, date | None)
    return Accept() if update.attested else NeedsAttestation()


def ask() -> str:
    asked = verifier.request(profiles.MINPAKU_GUEST, reference="booking-42", updates=True)
    assert_type(asked, PresentationRequest)
    verifier.request("minpaku_guest")  # type: ignore[arg-type]  # a profile is no string
    return asked.page_url


def answer(form: bytes) -> str:
    try:
        result = verifier.verify(form)
    except (Rejected, Unavailable) as error:
        return error.diagnostics("ja")
    assert_type(result, VerifiedPresentation)
    assert_type(result.claims, Claims)
    assert_type(result.claims.name, str | None)
    assert_type(result.claims.address, PostalAddress | None)
    assert_type(result.checks, tuple[Check, ...])
    assert_type(result.status_age, timedelta)
    assert_type(result.relationship, str | None)
    result.claims = Claims()  # type: ignore[misc]  # a result is frozen
    result.claims.name.upper()  # type: ignore[union-attr]  # what was not asked is None
    return result.reference
