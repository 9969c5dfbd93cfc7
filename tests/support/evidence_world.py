"""A firm on a real chain that took presentations and moves, and makes evidence of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from registry_chain.anchoring import AnchorProof, Method
from registry_chain.anchoring.epochs import Period, epoch_at
from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.anchoring.rfc3161 import stamp_request, token_of
from registry_chain.light import UntrustedLightBlock
from registry_chain.transactions import (
    CommitNotices,
    NoticeItem,
    RecordConsents,
    WithdrawConsents,
    build_consent_item,
    build_tx,
    build_withdrawal_item,
)
from registry_chain.transactions.fields import bare_jwk
from ssi.encoding import canonical_json, parse_json_object
from ssi.keys import Alg
from tests.support.chain import Chain
from tests.support.firm_chain import firm_on, issuing_chain, seconds
from tests.support.firm_world import (
    NOW,
    YEAR,
    World,
    key,
)
from tests.support.moves import Subscriber
from tests.support.registry import CHAIN, operation, proposal, registration, signer
from tests.support.tsa import Tsa
from verifier_sdk import Verifier, profiles
from verifier_sdk.evidence.container import read_pack, write_pack
from verifier_sdk.evidence.desk import export_kept
from verifier_sdk.evidence.findings import VerifiedEvidence
from verifier_sdk.evidence.manifest import Manifest, digest_of, seal

LATER = NOW + timedelta(seconds=30)
TYPES = (profiles.KYC, profiles.LICENCE, "urn:warifu:address:1")


@dataclass
class EvidenceWorld:
    """A firm and its chain."""

    chain: Chain
    world: World
    steps: int = 0

    @property
    def verifier(self) -> Verifier:
        return self.world.verifier

    @property
    def genesis(self) -> str:
        return self.chain.genesis.digest()

    def record_consent(self, who: Subscriber, *, withdraw: bool = False) -> None:
        """Let the mailbox operator record a consent, and perhaps its withdrawal."""
        pairwise, until = who.holder.pairwise, seconds(self.world.at + YEAR)
        item = build_consent_item(pairwise, chain_id=CHAIN, commitment=who.commitment, until=until)
        self.chain.do("yubin-box", RecordConsents(items=(item,)))
        if withdraw:
            end = build_withdrawal_item(pairwise, chain_id=CHAIN, commitment=who.commitment)
            self.chain.do("yubin-box", WithdrawConsents(items=(end,)))

    def record_notice(self, commitment: str) -> None:
        item = NoticeItem(commitment=commitment, deadline=seconds(NOW + timedelta(days=7)))
        self.chain.do("yubin-box", CommitNotices(items=(item,)))

    def export(
        self, subject: str, *, only: frozenset[str] | None = None, at: datetime = LATER
    ) -> tuple[bytes, VerifiedEvidence]:
        """Make a pack a little later; with the firm's own settings, as the command does."""
        return export_kept(self.verifier.config, subject, now=at, only=only)

    def go_on(self, at: datetime) -> None:
        """Let the chain make a block at a later time."""
        self.chain.clock.now = at
        self.steps += 1
        token = build_tx(
            chain_id=CHAIN,
            account="council",
            lane=7,
            seq=self.steps,
            valid_until_height=900,
            body=proposal(operation(), at=seconds(at)),
            signer=signer("council"),
        )
        self.chain.engine.wait(self.chain.engine.submit(token.encode()), 10)


@contextmanager
def evidence_world(
    home: Path, *, now: datetime = NOW, **changes: object
) -> Iterator[EvidenceWorld]:
    """Found a chain with an issuer, the firm of `firm_world` and a mailbox operator."""
    with issuing_chain(home / "chain.db", now=now, types=TYPES) as chain:
        found = firm_on(chain, home, now=now, **changes)
        receipts = bare_jwk(key("receipts", Alg.EDDSA).public_key) | {"kid": "receipts-1"}
        chain.decide(
            registration(
                client_hashes=(found.verifier.client_id.removeprefix("x509_hash:"),),
                receipt_keys=(receipts,),
            ),
        )
        chain.decide(operation())
        yield EvidenceWorld(chain, found)


def stamped(
    folder: AnchorFolder,
    block: UntrustedLightBlock,
    offices: list[Tsa],
    steps: Sequence[UntrustedLightBlock] = (),
) -> str:
    """Let the authorities stamp a block, and keep it as the job does."""
    epoch = epoch_at(block.header.time.moment, Period.HOUR).name
    digest = block.commit.block_id.hash
    folder.keep_block(epoch, block, steps)
    for office in offices:
        token = token_of(office.reply(stamp_request(digest, b"12345678").der))
        proof = AnchorProof(
            method=Method.RFC3161,
            epoch=epoch,
            height=block.header.height,
            block_hash=digest,
            proof=token,
        )
        folder.keep(proof, office.name)
    return epoch


def rebuilt(pack: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """A pack changed by its own exporter, who lists and seals what he changed."""
    files = read_pack(pack)
    manifest = parse_json_object(files.pop("manifest.json"))
    files.pop("seal.jws")
    change(files)
    manifest["files"] = {name: digest_of(raw) for name, raw in files.items()}
    made = Manifest.from_bytes(canonical_json(manifest))
    files["manifest.json"] = made.to_bytes()
    files["seal.jws"] = seal(made, key("receipts", Alg.EDDSA), kid="receipts-1")
    return write_pack(files)
