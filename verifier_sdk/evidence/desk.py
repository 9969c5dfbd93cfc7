"""Making packs with a firm's own settings: its store, its key, its client of the chain."""

from datetime import datetime
from pathlib import Path

from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.client import HeadMemory, RegistryClient, TrustRoot
from ssi.errors import Unavailable
from ssi.fetch import FetchPolicy, http_fetch
from ssi.keys import Alg
from verifier_sdk.config import VerifierConfig, load_signer
from verifier_sdk.evidence.export import Exporter, export_evidence
from verifier_sdk.evidence.findings import VerifiedEvidence
from verifier_sdk.kept import find_kept
from verifier_sdk.relationships import find_consent
from verifier_sdk.store import Store


def export_kept(
    config: VerifierConfig,
    subject: str,
    *,
    now: datetime,
    only: frozenset[str] | None = None,
    anchors: Path | None = None,
) -> tuple[bytes, VerifiedEvidence]:
    """Make a pack about a request or envelope that was kept.

    Args:
        config: The firm's settings; they need a receipt key, which seals the pack.
        subject: The request's or envelope's id.
        now: The present.
        only: The claims that go in; all when ``None``.
        anchors: A folder of proofs from outside, as `warifu chain anchor` keeps them.

    Raises:
        Unavailable: ``evidence.unknown``: nothing was kept of it; or as `export_evidence`.
        Rejected: As `export_evidence`.
        ValueError: The settings have no receipt key.
    """
    if config.receipt_key is None or config.receipt_kid is None:
        raise ValueError("evidence is sealed with the receipt_key")
    store = Store(config.state, verifier_id=config.verifier_id)
    kept = find_kept(store, subject)
    if kept is None:
        raise Unavailable("nothing was kept of this", code="evidence.unknown")
    root = TrustRoot.load(config.genesis)
    fetch = http_fetch(FetchPolicy(allow_loopback_http=config.loopback, ca_file=config.ca_file))
    memory = HeadMemory.open(config.state.with_suffix(".heads"))
    client = RegistryClient(config.nodes, root, fetch, memory, max_age=config.max_age)
    exporter = Exporter(
        verifier_id=config.verifier_id,
        signer=load_signer(config.receipt_key, alg=Alg.EDDSA),
        kid=config.receipt_kid,
        genesis=root.genesis,
        ledger=client,
        consent=lambda record_id: find_consent(store, record_id),
        status_token=store.status_token,
        anchors=None if anchors is None else AnchorFolder(anchors),
    )
    return export_evidence(kept, exporter, now=now, only=only)
