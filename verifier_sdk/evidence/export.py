"""Making a pack from what the firm kept, and from what the ledger proves today [EVI-EXP-1].

The pack holds what the exporter held already, and public records of the ledger; it is verified
before it is handed out, by the same code that its reader will run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.resources import files as resources
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.client import Genesis
from registry_chain.light import TxItem, build_bundle, parse_bundle, tx_inclusion_proof
from registry_chain.records import (
    client_key,
    consent_key,
    notice_key,
    signing_key_key,
    verifier_key,
)
from ssi.encoding import Fields, JSONObject, canonical_json, parse_json_object, sha256
from ssi.envelope import parse_set
from ssi.errors import Unavailable
from ssi.keys import Signer
from ssi.sdjwt import parse_sdjwt, select
from ssi.sharing import parse_consent
from ssi.status_list import parse_status_token
from ssi.x509 import parse_x5c
from verifier_sdk.evidence.container import write_pack
from verifier_sdk.evidence.findings import Findings, Limit, VerifiedEvidence
from verifier_sdk.evidence.judging import LIMITS, X509_HASH
from verifier_sdk.evidence.manifest import MANIFEST, SEAL, Kind, Manifest, digest_of, seal
from verifier_sdk.evidence.outside_files import outside_files
from verifier_sdk.evidence.page import PAGE, render
from verifier_sdk.evidence.verify import (
    GENESIS,
    LATER,
    THEN,
    proof_name,
    speaks_of,
    verify_evidence,
    verify_substance,
)
from verifier_sdk.evidence.way import Ledger, with_way
from verifier_sdk.kept import PRESENTATION, Kept
from verifier_sdk.relationships import KeptConsent

_TOOL: Final = "verify.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """Who makes the pack, and where from.

    Attributes:
        verifier_id: The firm's id on the ledger.
        signer: Its receipt key, registered under ``kid``.
        genesis: The genesis it pinned.
        ledger: The chain.
        consent: Finds a consent by its record id.
        status_token: Finds a kept status list by its digest.
        anchors: Kept proofs from outside; ``None`` to put none in.
    """

    verifier_id: str
    signer: Signer = field(repr=False)
    kid: str
    genesis: Genesis
    ledger: Ledger
    consent: Callable[[str], KeptConsent | None]
    status_token: Callable[[str], str | None]
    anchors: AnchorFolder | None = None


def export_evidence(
    kept: Kept, exporter: Exporter, *, now: datetime, only: frozenset[str] | None = None
) -> tuple[bytes, VerifiedEvidence]:
    """Make a pack about one presentation or update.

    Args:
        kept: What was kept of it.
        exporter: Who makes it.
        now: The present: the time at which later records are proven.
        only: The claims that go in; all that were presented when ``None``.

    Returns:
        The pack's bytes, the same for the same input if the receipt key is Ed25519, and what it
        shows.

    Raises:
        Unavailable: No node of the chain answers, or a part was not kept;
            ``evidence.unanchored``: anchors were asked for, and none reaches this yet.
        Rejected: What was kept does not verify.
        ValueError: ``only`` was given for an update, whose message is sealed as a whole.
    """
    files, withheld = _matter(kept, exporter, only)
    files |= _ledger(files, exporter, now)
    files |= _certificates(files)
    if exporter.anchors is not None:
        files |= outside_files(
            exporter.anchors, _judged_under(files), exporter.genesis, exporter.ledger, now
        )
    files[GENESIS] = exporter.genesis.to_bytes()
    files[_TOOL] = resources("verifier_sdk.evidence").joinpath("tool.py.txt").read_bytes()
    manifest = Manifest(
        kind=Kind.PRESENTATION if kept.kind == PRESENTATION else Kind.ADDRESS_UPDATE,
        verifier=exporter.verifier_id,
        chain_id=exporter.genesis.chain_id,
        genesis=exporter.genesis.digest(),
        subject=kept.subject,
        as_of=kept.kept_at,
        exported_at=now.replace(microsecond=0),
        withheld=withheld,
        files={name: digest_of(raw) for name, raw in files.items()},
    )
    findings, limits = Findings(), list[Limit]()
    draft = files | {SEAL: seal(manifest, exporter.signer, kid=exporter.kid)}
    matter = verify_substance(draft, manifest, manifest.genesis, findings, limits)
    files[PAGE] = render(manifest, matter, limits, findings.all)
    manifest = replace(manifest, files={name: digest_of(raw) for name, raw in files.items()})
    files[MANIFEST] = manifest.to_bytes()
    files[SEAL] = seal(manifest, exporter.signer, kid=exporter.kid)
    pack = write_pack(files)
    return pack, verify_evidence(pack, genesis=manifest.genesis)


# --- what was received ---


def _matter(
    kept: Kept, exporter: Exporter, only: frozenset[str] | None
) -> tuple[dict[str, bytes], int]:
    fields = Fields(kept.content, where="kept", code="evidence.kept")
    files = _statuses(fields.take_strs("status", max_items=200), exporter)
    bundle = fields.opt_object("bundle")
    if bundle is not None:
        files[THEN] = canonical_json(bundle)
    if kept.kind == PRESENTATION:
        return _presentation(fields, files, exporter, only)
    if only is not None:
        raise ValueError("an update is sealed as a whole")
    files["envelope.jwt"] = fields.take_str("set", max_len=200_000).encode()
    files["opened.json"] = canonical_json(fields.take_object("opened"))
    consent = exporter.consent(fields.take_str("record_id"))
    if consent is None:
        raise Unavailable("the consent was not kept", code="evidence.kept")
    return files | _consent(consent), 0


def _presentation(
    fields: Fields, files: dict[str, bytes], exporter: Exporter, only: frozenset[str] | None
) -> tuple[dict[str, bytes], int]:
    request = fields.take_object("request")
    files["request.json"] = canonical_json(request)
    files["record.json"] = canonical_json(fields.take_object("record"))
    withheld = 0
    for query, texts in fields.take_object("vp_token").items():
        for number, text in enumerate(texts if isinstance(texts, list) else []):
            shown, left_out = _redacted(str(text), only)
            withheld += left_out
            files[f"presentation/{query}/{number:03}.sdjwt"] = shown.encode()
    extra = fields.take_object("extra")
    token = extra.get("consent")
    if isinstance(token, str):
        files["consent.jwt"] = token.encode()
        consent = exporter.consent(parse_consent(token).consent.record_id)
        if consent is not None:
            files |= _consent(consent)
    return files, withheld


def _consent(consent: KeptConsent) -> dict[str, bytes]:
    return {
        "consent.jwt": consent.receipt.encode(),
        "consent-receipt.jwt": consent.countersignature.encode(),
    }


def _redacted(text: str, only: frozenset[str] | None) -> tuple[str, int]:
    """Leave out the disclosures of claims that are not needed [EVI-RED-1]; how many."""
    if only is None:
        return text, 0
    presented = parse_sdjwt(text)
    paths = [("verified_claims", "claims", name) for name in sorted(only)]
    shown = select(presented.presented, paths)
    left_out = len(presented.disclosures) - len(parse_sdjwt(shown).disclosures)
    return shown + (presented.kb or ""), left_out


def _statuses(digests: Sequence[str], exporter: Exporter) -> dict[str, bytes]:
    files = {}
    for number, digest in enumerate(digests):
        token = exporter.status_token(digest)
        if token is None:
            raise Unavailable("a status list was not kept", code="evidence.kept")
        files[f"status/{number:03}.jwt"] = token.encode()
    return files


def _certificates(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The issuers' certificates, taken out of the presentations for whoever wants to look."""
    found = {}
    for name, raw in files.items():
        if not name.startswith("presentation/"):
            continue
        values = parse_sdjwt(raw.decode()).jwt.header.get("x5c")
        chain = parse_x5c([str(one) for one in values]) if isinstance(values, list) else ()
        pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
        found[f"certificates/{digest_of(pem)[:16]}.pem"] = pem
    return found


def _judged_under(files: Mapping[str, bytes]) -> int:
    """The height that anchors must reach: of then, or of the first record of it."""
    proofs = (
        [THEN]
        if THEN in files
        else sorted({*files} & {proof_name("consent"), proof_name("notice")})
    )
    return min(parse_bundle(files[name]).light_block.header.height for name in proofs or [LATER])


# --- what the ledger proves today [EVI-EXP-2] ---


def _ledger(files: Mapping[str, bytes], exporter: Exporter, now: datetime) -> dict[str, bytes]:
    named = _named(files)
    keys = [verifier_key(exporter.verifier_id), *named.values(), *_keys(files)]
    many = exporter.ledger.read_many(tuple(dict.fromkeys(keys)), now=now)
    added = {LATER: with_way(many.bundle, exporter.genesis, exporter.ledger, now)}
    if THEN in files:
        added[THEN] = with_way(
            parse_json_object(files[THEN], limits=LIMITS), exporter.genesis, exporter.ledger, now
        )
    for name, key in named.items():
        record = many.values[key]
        height = None if record is None else record.get("height")
        if isinstance(height, int):
            raw, proof = _transaction(height, key, exporter, now)
            added[f"ledger/{name}.jws"] = raw
            added[proof_name(name)] = with_way(proof, exporter.genesis, exporter.ledger, now)
    return added


def _named(files: Mapping[str, bytes]) -> dict[str, str]:
    """The commitments that the ledger may have recorded about this."""
    named = {}
    if "consent.jwt" in files:
        named["consent"] = consent_key(parse_consent(files["consent.jwt"].decode()).commitment)
    if "envelope.jwt" in files:
        commitment = parse_set(files["envelope.jwt"].decode()).envelope.commitment
        named["notice"] = notice_key(commitment)
    return named


def _keys(files: Mapping[str, bytes]) -> list[str]:
    """The further records that a reader needs: our certificates, and keys of status lists."""
    keys = []
    for name, raw in files.items():
        if name.startswith("status/"):
            issuer, _, thumbprint = parse_status_token(raw.decode()).kid.rpartition("#")
            keys.append(signing_key_key(issuer, thumbprint))
        elif name == "request.json":
            client = str(parse_json_object(raw, limits=LIMITS).get("client_id", ""))
            keys.append(client_key(client.removeprefix(X509_HASH)))
        elif name == "consent.jwt":
            client = parse_consent(raw.decode()).consent.client_id
            keys.append(client_key(client.removeprefix(X509_HASH)))
    return keys


def _transaction(
    height: int, key: str, exporter: Exporter, now: datetime
) -> tuple[bytes, JSONObject]:
    """The transaction of a block that speaks of a commitment, and the proof of its place."""
    block, txs = exporter.ledger.transactions(height, now)
    commitment = key.rpartition("/")[2]
    for index, raw in enumerate(txs):
        if speaks_of(raw, commitment):
            item = TxItem(tx_hash=sha256(raw), proof=tx_inclusion_proof(txs, index))
            return raw, build_bundle(block.block, [item])
    raise Unavailable("no transaction of that block speaks of it", code="evidence.proof")
