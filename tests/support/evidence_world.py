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
    register_key,
)
from registry_chain.transactions.fields import bare_jwk
from registry_chain.transactions.statuses import publish_status
from ssi.encoding import canonical_json, parse_json_object
from ssi.keys import Alg
from ssi.status_list import build_status_token, new_status_list
from tests.support.chain import Chain, running
from tests.support.firm_world import (
    ISSUER,
    ISSUER_SIGNER,
    LIST_URI,
    NOW,
    ROOT,
    STATUS_SIGNER,
    YEAR,
    World,
    der,
    key,
    kid,
    make_config,
)
from tests.support.moves import Subscriber
from tests.support.registry import CHAIN, accreditation, operation, proposal, registration, signer
from tests.support.tsa import Tsa
from verifier_sdk import Verifier, profiles
from verifier_sdk.evidence.container import read_pack, write_pack
from verifier_sdk.evidence.desk import export_kept
from verifier_sdk.evidence.findings import VerifiedEvidence
from verifier_sdk.evidence.manifest import Manifest, digest_of, seal

LATER = NOW + timedelta(seconds=30)
TYPES = (profiles.KYC, profiles.LICENCE, "urn:warifu:address:1")


def seconds(at: datetime) -> int:
    return int(at.timestamp())


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
    with running(home / "chain.db") as chain:
        chain.clock.now = now - timedelta(seconds=30)
        lasts = {
            "valid_from": seconds(now - timedelta(days=90)),
            "valid_until": seconds(now + YEAR),
        }
        accredited = accreditation(ca=(der(ROOT),), credential_types=TYPES, **lasts)
        first = build_tx(
            chain_id=CHAIN,
            account="council",
            lane=0,
            seq=1,
            valid_until_height=100,
            body=proposal(accredited, at=seconds(chain.clock.now)),
            signer=signer("council"),
        )
        chain.engine.wait(chain.engine.submit(first.encode()), 10)
        for issuers_key, use in ((ISSUER_SIGNER, "credential"), (STATUS_SIGNER, "status")):
            body = register_key(issuers_key, chain_id=CHAIN, issuer=ISSUER, use=use, **lasts)
            chain.do(ISSUER, body)
        publish(chain, 1, now=now)
        config = make_config(home, loopback=True, nodes=(chain.url,), **changes)
        config.genesis.write_bytes(chain.genesis.to_bytes())
        found: World
        verifier = Verifier(config, clock=lambda: found.at)
        found = World(ledger=chain.client(), verifier=verifier, at=now)  # type: ignore[arg-type]
        receipts = bare_jwk(key("receipts", Alg.EDDSA).public_key) | {"kid": "receipts-1"}
        chain.decide(
            registration(
                client_hashes=(verifier.client_id.removeprefix("x509_hash:"),),
                receipt_keys=(receipts,),
            ),
        )
        chain.decide(operation())
        yield EvidenceWorld(chain, found)


def publish(chain: Chain, sequence: int, *, now: datetime = NOW, **changed: int) -> None:
    """Publish an edition of the issuer's status list; ``i7=1`` sets entry 7."""
    statuses = new_status_list(1024, bits=2)
    for index, value in changed.items():
        statuses = statuses.with_status(int(index[1:]), value)
    token = build_status_token(
        statuses,
        STATUS_SIGNER,
        uri=LIST_URI,
        now=now - timedelta(seconds=40 - sequence),
        ttl=3600,
        expires_at=now + timedelta(days=30),
        header={"kid": kid(STATUS_SIGNER)},
    )
    known = None if sequence == 1 else chain.client().status_record(ISSUER, "list-1", chain.clock())
    previous = None if known is None else chain.client().status_token(known)
    chain.do(ISSUER, publish_status("list-1", sequence, token, previous))


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


__all__ = ["LATER", "EvidenceWorld", "evidence_world", "publish", "rebuilt", "stamped"]
