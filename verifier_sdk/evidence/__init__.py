"""Evidence packs: what a firm was given, shown to a regulator or a court years later.

Reading order: `verify` (the numbered list), `judging` (the message judged again), `sources` (ledger
and status lists out of the pack), `container` and `manifest` (the file), `export` (made from what
was kept), `page` (for people). Clauses: ``specs/evidence.md``.
"""

from verifier_sdk.evidence.findings import Findings, Limit, VerifiedEvidence
from verifier_sdk.evidence.verify import verify_evidence

__all__ = ["Findings", "Limit", "VerifiedEvidence", "verify_evidence"]
