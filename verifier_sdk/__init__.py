"""What a firm needs to ask, verify and be told of moves; `verifier_sdk.flask` has the web pages."""

from verifier_sdk import profiles
from verifier_sdk.config import VerifierConfig
from verifier_sdk.events import (
    Accept,
    AcceptPending,
    AddressUpdated,
    NeedsAttestation,
    Reject,
)
from verifier_sdk.policy import Policy
from verifier_sdk.profiles import Profile
from verifier_sdk.requests import PresentationRequest
from verifier_sdk.results import Check, VerifiedPresentation
from verifier_sdk.session import Verifier
from verifier_sdk.verifier import verify_presentation

__all__ = [
    "Accept",
    "AcceptPending",
    "AddressUpdated",
    "Check",
    "NeedsAttestation",
    "Policy",
    "PresentationRequest",
    "Profile",
    "Reject",
    "VerifiedPresentation",
    "Verifier",
    "VerifierConfig",
    "profiles",
    "verify_presentation",
]
