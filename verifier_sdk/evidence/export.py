"""Making a pack from what the firm kept, and from what the ledger proves today [EVI-EXP-1].

The pack holds what the exporter held already, and public records of the ledger; it is verified
before it is handed out, by the same code that its reader will run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.resources import files as resources
from typing import Final, Protocol

from cryptography.hazmat.primitives.serialization import Encoding

from registry_chain.client import Genesis, ProvenMany, TrustRoot
from registry_chain.light import (
    TrustedState,
    TxItem,
    UntrustedBundle,
    UntrustedLightBlock,
    VerifiedLightBlock,
    build_bundle,
    parse_bundle,
    tx_inclusion_proof,
    verify_light_block,
)
from registry_chain.records import (
    client_key,
    consent_key,
    notice_key,
    signing_key_key,
    verifier_key,
)
from ssi.encoding import JSON, Fields, JSONObject, canonical_json, parse_json_object, sha256
from ssi.envelope import parse_set
from ssi.errors import Unavailable, Untrusted
from ssi.keys import Signer
from ssi.sdjwt import parse_sdjwt, select
from ssi.sharing import parse_consent
from ssi.status_list import parse_status_token
from ssi.x509 import parse_x5c
from verifier_sdk.evidence.container import write_pack
from verifier_sdk.evidence.findings import Findings, Limit, VerifiedEvidence
from verifier_sdk.evidence.judging import LIMITS, X509_HASH
from verifier_sdk.evidence.manifest import MANIFEST, SEAL, Kind, Manifest, digest_of, seal
from verifier_sdk.evidence.page import PAGE, render
from verifier_sdk.evidence.sources import HISTORY
from verifier_sdk.evidence.verify import (
    GENESIS,
    LATER,
    THEN,
    speaks_of,
    verify_evidence,
    verify_substance,
)
from verifier_sdk.kept import PRESENTATION, Kept
from verifier_sdk.relationships import KeptConsent

_MAX_STEPS: Final = 16
_TOOL: Final = "verify.py"


class Ledger(Protocol):
    """What of the registry client an export uses."""

    def read_many(self, keys: Sequence[str], *, now: datetime) -> ProvenMany:
        """Values under one light block, with their proof."""

    def block_at(self, height: int, now: datetime) -> VerifiedLightBlock:
        """The light block of an earlier height."""

    def transactions(
        self, height: int, now: datetime
    ) -> tuple[VerifiedLightBlock, tuple[bytes, ...]]:
        """A block and all its transactions."""


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
    """

    verifier_id: str
    signer: Signer = field(repr=False)
    kid: str
    genesis: Genesis
    ledger: Ledger
    consent: Callable[[str], KeptConsent | None]
    status_token: Callable[[str], str | None]


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
        Unavailable: No node of the chain answers, or a part was not kept.
        Rejected: What was kept does not verify.
        ValueError: ``only`` was given for an update, whose message is sealed as a whole.
    """
    files, withheld = _matter(kept, exporter, only)
    files |= _ledger(files, exporter, now)
    files |= _certificates(files)
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


# --- what the ledger proves today [EVI-EXP-2] ---


def _ledger(files: Mapping[str, bytes], exporter: Exporter, now: datetime) -> dict[str, bytes]:
    named = _named(files)
    keys = [verifier_key(exporter.verifier_id), *named.values(), *_keys(files)]
    many = exporter.ledger.read_many(tuple(dict.fromkeys(keys)), now=now)
    added = {LATER: _with_way(many.bundle, exporter, now)}
    if THEN in files:
        added[THEN] = _with_way(parse_json_object(files[THEN], limits=LIMITS), exporter, now)
    for name, key in named.items():
        record = many.values[key]
        height = None if record is None else record.get("height")
        if isinstance(height, int):
            raw, proof = _transaction(height, key, exporter, now)
            added[f"ledger/{name}.jws"] = raw
            added[f"ledger/{name}.json"] = _with_way(proof, exporter, now)
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


# --- the way from the genesis ---


def _with_way(bundle: JSONObject, exporter: Exporter, now: datetime) -> bytes:
    """A bundle with the light blocks that lead to it from the genesis, if any are needed."""
    parsed = parse_bundle(bundle)
    root = TrustRoot(genesis=exporter.genesis).state()
    way = way_from(
        root, parsed.light_block, lambda height: exporter.ledger.block_at(height, now).block, now
    )
    return canonical_json(_rebuilt(bundle, parsed, way))


def _rebuilt(
    bundle: JSONObject, parsed: UntrustedBundle, way: Sequence[UntrustedLightBlock]
) -> JSONObject:
    plain = {name: value for name, value in bundle.items() if name != "path"}
    if not way:
        return plain
    path: JSON = build_bundle(parsed.light_block, [], path=way)["path"]
    return plain | {"path": path}


def way_from(
    trusted: TrustedState,
    target: UntrustedLightBlock,
    at: Callable[[int], UntrustedLightBlock],
    now: datetime,
) -> tuple[UntrustedLightBlock, ...]:
    """The light blocks by which one who trusts a state comes to trust a block [EVI-EXP-3].

    Args:
        trusted: Where the way begins.
        target: Where it ends.
        at: Gives the light block of a height.
        now: The present.

    Raises:
        Untrusted: ``light.not_enough_trust``: there is no way of at most sixteen steps.
    """
    way: list[UntrustedLightBlock] = []
    waiting = [target]
    for _ in range(8 * _MAX_STEPS):
        step = waiting[-1]
        try:
            verified = verify_light_block(step, trusted=trusted, now=now, options=HISTORY)
        except Untrusted as error:
            middle = (trusted.height + step.height) // 2
            if error.code != "light.not_enough_trust" or middle <= trusted.height:
                raise
            waiting.append(at(middle))
            continue
        trusted = verified.trusted
        waiting.pop()
        if not waiting:
            return tuple(way)
        way.append(step)
        if len(way) > _MAX_STEPS:
            break
    raise Untrusted("the way from the genesis is too long", code="light.not_enough_trust")
