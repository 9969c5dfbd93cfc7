"""Verifying a pack, as one numbered list: nothing but the pack, and a genesis the examiner brought.

No server, no network, no clock: everything is judged as of the times in the pack, and each of those
is bounded by what others signed; only proofs from outside are judged by the reader's own policy and
clock. Fails closed: the first step that fails ends it [EVI-VER-1].
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from registry_chain.anchoring import AnchorReport
from registry_chain.client import Genesis, TrustRoot
from registry_chain.light import VerifiedBundle, VerifiedLightBlock
from registry_chain.records import notice_key
from registry_chain.transactions import parse_tx
from ssi.encoding import JSON, parse_json_object, sha256
from ssi.envelope import parse_set
from ssi.errors import BindingMismatch, InvalidProof, Malformed, Rejected, Unavailable, Untrusted
from verifier_sdk.evidence.container import read_pack
from verifier_sdk.evidence.findings import (
    EvidenceStep,
    Findings,
    Limit,
    Matter,
    VerifiedEvidence,
)
from verifier_sdk.evidence.judging import (
    Opened,
    consent_on_ledger,
    firm_record,
    judge_consent,
    judge_presentation,
    judge_update,
)
from verifier_sdk.evidence.manifest import MANIFEST, SEAL, Kind, Manifest, check_files, check_seal
from verifier_sdk.evidence.outside import (
    AnchorReader,
    Outside,
    covering,
    judge_outside,
    read_outside,
)
from verifier_sdk.evidence.page import PAGE, render
from verifier_sdk.evidence.sources import receipt_keys, record_of, tokens_by_digest, verify_proofs

GENESIS: Final = "genesis.json"
THEN: Final = "ledger/then.json"
LATER: Final = "ledger/later.json"
_JUDGES: Final = {
    Kind.PRESENTATION: judge_presentation,
    Kind.ADDRESS_UPDATE: judge_update,
}
_MAX_DEPTH: Final = 24


def verify_evidence(
    raw: bytes,
    *,
    genesis: str | None,
    findings: Findings | None = None,
    reader: AnchorReader | None = None,
) -> VerifiedEvidence:
    """Verify a pack that someone brought.

    Args:
        raw: The pack's bytes.
        genesis: SHA-256, in hex, of the genesis the examiner trusts, from elsewhere than the pack.
            With ``None`` the result says `Limit.UNPINNED`: the pack is consistent, no more.
        findings: Where the verdict of each step is noted, also when the pack is rejected.
        reader: Whom the examiner believes about time. With ``None`` proofs from outside are not
            judged, and count for nothing.

    Returns:
        What the pack shows; it exists only when every step passed.

    Raises:
        Rejected: The pack is changed, forged, or was not valid when it was received.
        Unavailable: ``evidence.proof``, ``light.stale``, ``status.*``: it does not show enough;
            ``evidence.unanchored``: there is nothing for the ``reader`` to judge.
    """
    findings = findings or Findings()
    limits: list[Limit] = []

    # (1) The file is byte for byte as packs are written
    with findings.step(EvidenceStep.CONTAINER):
        files = read_pack(raw)

    # (2) Every file is the one in the manifest
    with findings.step(EvidenceStep.MANIFEST):
        manifest = Manifest.from_bytes(_file(files, MANIFEST))
        check_files(manifest, files)

    # (3) to (8)
    matter = verify_substance(files, manifest, genesis, findings, limits)

    # (9) The page says this, and nothing else
    with findings.step(EvidenceStep.PAGE):
        if _file(files, PAGE) != render(manifest, matter, limits, findings.all):
            raise BindingMismatch("the page says something else", code="evidence.page")

    # (10) It existed by then, as others outside say whom the examiner believes
    report = None
    if reader is not None:
        with findings.step(EvidenceStep.OUTSIDE) as notes:
            report = judge_outside(matter.outside, reader)
            notes += [_existed_by(report)]
    elif matter.outside is not None:
        limits.append(Limit.UNJUDGED)

    return VerifiedEvidence(
        manifest=manifest,
        matter=matter,
        findings=tuple(findings.all),
        limits=tuple(limits),
        outside=report,
    )


def verify_substance(
    files: Mapping[str, bytes],
    manifest: Manifest,
    genesis: str | None,
    findings: Findings,
    limits: list[Limit],
) -> Matter:
    """Steps (3) to (8): what the page says comes from here.

    Raises:
        Rejected, Unavailable: As `verify_evidence`.
    """
    # (3) The ledger is the one the examiner knows
    with findings.step(EvidenceStep.GENESIS):
        founded = _genesis(files, manifest, genesis)
        if genesis is None:  # [EVI-VER-5]
            limits.append(Limit.UNPINNED)

    # (4) What the ledger had, then and when the pack was made
    with findings.step(EvidenceStep.LEDGER) as notes:
        trusted = TrustRoot(genesis=founded).state()
        later = verify_proofs(_file(files, LATER), trusted, manifest.exported_at)
        then = None
        if THEN in files:
            then = verify_proofs(files[THEN], trusted, manifest.as_of)
        notes += [_block(bundle) for bundle in (then, later) if bundle is not None]
        outside = read_outside(files, trusted, manifest.exported_at)
        if outside is None:
            limits.append(Limit.UNANCHORED)

    # (5) The exporter stands for the pack
    with findings.step(EvidenceStep.SEAL):
        firm = firm_record(later, manifest.verifier)
        check_seal(_file(files, SEAL), manifest, receipt_keys(firm))

    # (6) What was received was valid then
    with findings.step(EvidenceStep.MATTER):
        pack = Opened(
            manifest=manifest,
            files=files,
            firm=firm,
            trusted=trusted,
            then=then,
            later=later,
            outside=outside,
            tokens=tokens_by_digest(files),
        )
        matter = _JUDGES[manifest.kind](pack, limits)
        if manifest.withheld:
            limits.append(Limit.WITHHELD)

    # (7) Consent and its receipt
    with findings.step(EvidenceStep.CONSENT):
        judge_consent(pack, matter, limits)

    # (8) What the ledger recorded of it, and when
    with findings.step(EvidenceStep.RECORDED):
        return _recorded(pack, matter, limits)


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise Malformed("the pack lacks a file", code="evidence.file")
    return files[name]


# --- (3) genesis ---


def _genesis(files: Mapping[str, bytes], manifest: Manifest, pinned: str | None) -> Genesis:
    genesis = Genesis.parse(_file(files, GENESIS))
    if (genesis.digest(), genesis.chain_id) != (manifest.genesis, manifest.chain_id):
        raise BindingMismatch("the genesis is not the manifest's", code="evidence.genesis")
    if pinned is not None and pinned.lower() != genesis.digest():
        raise Untrusted("the pack rests on another ledger", code="evidence.genesis")
    return genesis


# --- (4) ledger ---


def _block(bundle: VerifiedBundle) -> tuple[str, str]:
    block = bundle.light_block
    time, signed = f"{block.time:%Y-%m-%d %H:%M:%S} UTC", f"{block.signed}/{block.validators}"
    return (
        f"ブロック {block.height}（{time}、署名した検証者 {signed}）",
        f"block {block.height} ({time}, validators that signed {signed})",
    )


# --- (8) recorded ---


def _recorded(pack: Opened, matter: Matter, limits: list[Limit]) -> Matter:
    """Find consent and notice on the ledger, and the transactions that put them there."""
    places: list[tuple[str, VerifiedLightBlock]] = []
    consent = consent_on_ledger(pack)
    key, record = consent or ("", None)
    if record is not None:
        places.append(_place(pack, "consent", key))
        if record.withdrawn_at is not None:
            withdrawn = datetime.fromtimestamp(record.withdrawn_at, UTC)
            matter = replace(matter, withdrawn_at=withdrawn)
    if pack.manifest.kind is Kind.ADDRESS_UPDATE:
        envelope = parse_set(pack.text("envelope.jwt") or "").envelope
        key = notice_key(envelope.commitment)
        if record_of(pack.later, key) is not None:
            places.append(_place(pack, "notice", key))
    if consent is not None and not places:
        limits.append(Limit.UNRECORDED)
    recorded = tuple((key, block.height, block.time) for key, block in places)
    blocks = [block for _, block in places]
    return replace(matter, recorded=recorded, outside=_outside(pack, blocks))


def _outside(pack: Opened, recorded: list[VerifiedLightBlock]) -> Outside | None:
    """The proofs from outside, with the blocks of the pack that they are about."""
    if pack.outside is None:
        return None
    then = None if pack.then is None else pack.then.light_block
    blocks = [*recorded, pack.later.light_block, *([] if then is None else [then])]
    return covering(pack.outside, blocks, then)


def proof_name(name: str) -> str:
    """The file that proves where the transaction about a commitment stands."""
    return f"ledger/{name}.json"


def _place(pack: Opened, name: str, key: str) -> tuple[str, VerifiedLightBlock]:
    """Check that the transaction which speaks of a commitment stands in its block."""
    raw, proof = pack.files.get(f"ledger/{name}.jws"), pack.files.get(proof_name(name))
    if raw is None or proof is None:
        raise Unavailable("the pack has no proof of a transaction", code="evidence.proof")
    bundle = verify_proofs(proof, pack.trusted, pack.manifest.exported_at)
    if sha256(raw) not in bundle.transactions or not speaks_of(raw, key.rpartition("/")[2]):
        raise InvalidProof("the transaction is about something else", code="proof.invalid")
    record = record_of(pack.later, key)
    if record is None or record.get("height") != bundle.light_block.height:
        raise InvalidProof("the transaction stands elsewhere", code="proof.invalid")
    return key, bundle.light_block


def speaks_of(raw: bytes, commitment: str) -> bool:
    """Whether a transaction is about a commitment; ``False`` for what is no transaction."""
    try:
        jws = parse_tx(raw).jws
    except Rejected:
        return False
    return _holds(parse_json_object(jws.payload, limits=jws.limits), commitment, 0)


def _holds(value: JSON, text: str, depth: int) -> bool:
    if depth > _MAX_DEPTH:
        return False
    match value:
        case dict():
            return any(_holds(one, text, depth + 1) for one in value.values())
        case list():
            return any(_holds(one, text, depth + 1) for one in value)
        case str():
            return value == text
    return False


# --- (10) outside ---


def _existed_by(report: AnchorReport) -> tuple[str, str]:
    by, names = (
        f"{report.existed_by:%Y-%m-%d %H:%M:%S} UTC",
        sorted({one.authority for one in report.anchors}),
    )
    return (
        f"ブロック {report.height} とその下のすべては {by} までに存在した（{', '.join(names)}）",
        f"block {report.height} and all below it existed by {by} ({', '.join(names)})",
    )
