"""SD-JWT with key binding (RFC 9901), strict in every step the standard leaves to the caller.

Reading order: `wire` (the text taken apart), `processing` (§7.1: what the issuer signed),
`key_binding` (§7.3: who holds it), `issuance` (§6 and §7.2: made, selected, presented).
Clauses: ``specs/credential.md``.
"""

from ssi.sdjwt.issuance import Sd, issue, present, select
from ssi.sdjwt.key_binding import (
    KeyBindingPolicy,
    VerifiedKeyBinding,
    verify_key_binding,
    verify_redacted_key_binding,
)
from ssi.sdjwt.processing import (
    NEVER_DISCLOSABLE,
    VerifiedSdJwt,
    unverified_claims,
    verify_issuer_jwt,
)
from ssi.sdjwt.wire import (
    DEFAULT_SDJWT_LIMITS,
    SD_JWT_TYPE,
    Disclosure,
    SdJwtLimits,
    UntrustedSdJwt,
    parse_sdjwt,
)

__all__ = [
    "DEFAULT_SDJWT_LIMITS",
    "NEVER_DISCLOSABLE",
    "SD_JWT_TYPE",
    "Disclosure",
    "KeyBindingPolicy",
    "Sd",
    "SdJwtLimits",
    "UntrustedSdJwt",
    "VerifiedKeyBinding",
    "VerifiedSdJwt",
    "issue",
    "parse_sdjwt",
    "present",
    "select",
    "unverified_claims",
    "verify_issuer_jwt",
    "verify_key_binding",
    "verify_redacted_key_binding",
]
