"""Make the frozen chain: ``python -m tests.frozen.make_chain FOLDER``.

A released chain must replay for ever, so ``chain-1`` is made once and kept. When rules change
before a release, make it again and say so in the change; afterwards a change of rules needs a new
version of them [REG-UPG-1], and a second frozen chain beside the first.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from registry_chain.audit import replay
from registry_chain.engines.embedded import EmbeddedEngine
from registry_chain.transactions import (
    AckItem,
    AnchorBatch,
    Body,
    CommitAcks,
    CommitNotices,
    EmergencySuspend,
    LiftSuspension,
    NoticeItem,
    OpenDispute,
    PauseFamilies,
    PublishSchema,
    RecordConsents,
    RevokeKey,
    SetParams,
    SuspendMember,
    Vote,
    WithdrawConsents,
    build_consent_item,
    build_withdrawal_item,
    parse_tx,
    register_key,
)
from registry_chain.transactions.statuses import publish_status
from registry_chain.transactions.validators import Migrate, seat_for
from ssi.encoding import canonical_json
from ssi.keys import Alg
from ssi.status_list import INVALID, build_status_token, new_status_list
from tests.support.chain import TestClock
from tests.support.council import Council, expulsion, newcomer, voter
from tests.support.registry import (
    CHAIN,
    ISSUER_URL,
    KYC,
    T0,
    VALIDATOR,
    YEAR,
    accreditation,
    digest_of,
    operation,
    proposal,
    registration,
    signer,
)

STATUS = signer("status", Alg.EDDSA)
SIGNING = signer("signing", Alg.EDDSA)
HOLDER = signer("a resident, for one firm")


class Chronicle:
    """Writes the same transactions to a real engine and to the ledger that signs them."""

    def __init__(self, path: Path) -> None:
        self.ledger = Council.of(4, timelock=0)
        self.clock = TestClock()
        self.engine = EmbeddedEngine(path, self.ledger.genesis, VALIDATOR, self.clock)

    def do(self, account: str, body: Body) -> None:
        token = self.ledger.tx(account, body, valid_until_height=900)
        self.clock.move(seconds=1)
        outcome = self.engine.wait(self.engine.submit(token.encode()), 10)
        assert outcome.code == 0, outcome
        self.ledger.height, self.ledger.time = outcome.height, int(self.clock().timestamp())
        height, time = self.ledger.height, self.ledger.time
        self.ledger.put(token)
        assert parse_tx(token).tx_id == outcome.tx_id
        self.ledger.height, self.ledger.time = height + 2, time + 1

    def carry(self, name: str, *bodies: Body) -> None:
        self.do("voter-1", proposal(*bodies, at=self.ledger.time, id=name))
        for number in (2, 3, 4):
            if self.ledger.proposal(name).state != "open":
                return
            digest = self.ledger.proposal(name).digest
            self.do(voter(number), Vote(proposal=name, digest=digest, yes=True))

    def edition(self, sequence: int, previous: str | None, *revoked: int) -> str:
        entries = new_status_list(1024)
        for index in revoked:
            entries = entries.with_status(index, INVALID)
        token = build_status_token(
            entries,
            STATUS,
            uri=f"{ISSUER_URL}/status-lists/main",
            now=self.clock(),
            ttl=300,
            expires_at=self.clock() + timedelta(days=30),
            header={"kid": f"city-kyc#{STATUS.public_key.thumbprint()}"},
        )
        self.do("city-kyc", publish_status("main", sequence, token, previous))
        return token


def write(folder: Path) -> None:
    """Play one of everything, and write genesis and export."""
    with tempfile.TemporaryDirectory() as name:
        chain = Chronicle(Path(name) / "chain.db")
        play(chain)
        blocks = chain.engine.blocks(1, 1000)
        report = replay(blocks, chain.ledger.genesis)
        assert report.ok, report.first_difference
        chain.engine.close()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "genesis.json").write_bytes(chain.ledger.genesis.to_bytes())
    lines = b"".join(canonical_json(block) + b"\n" for block in blocks)
    (folder / "blocks.jsonl").write_bytes(lines)
    (folder / "head.txt").write_text(f"{report.height} {report.head}\n", "ascii")


def play(chain: Chronicle) -> None:
    """One of everything that members do."""
    schema = PublishSchema(name="kyc", version=1, vct=KYC, type_metadata={}, json_schema={})
    chain.carry("founding", accreditation(), registration(), operation(), schema)
    for key, use in ((SIGNING, "credential"), (STATUS, "status")):
        body = register_key(
            key,
            chain_id=CHAIN,
            issuer="city-kyc",
            use=use,
            valid_from=T0,
            valid_until=T0 + YEAR,
        )
        chain.do("city-kyc", body)
    first = chain.edition(1, None)
    chain.edition(2, first, 7)
    chain.do("city-kyc", AnchorBatch(batch="batch-1", root=digest_of("root"), size=10))
    given = build_consent_item(
        HOLDER, chain_id=CHAIN, commitment=digest_of("consent"), until=T0 + YEAR
    )
    chain.do("yubin-box", RecordConsents(items=(given,)))
    notice = NoticeItem(commitment=digest_of("notice"), deadline=T0 + YEAR)
    chain.do("yubin-box", CommitNotices(items=(notice,)))
    answer = AckItem(notice=digest_of("notice"), ack=digest_of("ack"))
    chain.do("yubin-box", CommitAcks(items=(answer,)))
    gone = build_withdrawal_item(HOLDER, chain_id=CHAIN, commitment=digest_of("consent"))
    chain.do("yubin-box", WithdrawConsents(items=(gone,)))
    for account in ("voter-1", "voter-2"):
        chain.do(account, EmergencySuspend(target="issuer/city-kyc", reason="leak"))
    chain.carry("false-alarm", LiftSuspension(target="issuer/city-kyc"))
    chain.do(
        "city-kyc",
        RevokeKey(
            issuer="city-kyc", thumbprint=SIGNING.public_key.thumbprint(), compromised_since=T0 + 9
        ),
    )
    chain.do(
        "minpaku-one", OpenDispute(dispute="case-1", record="verifier/minpaku-one", reason="x")
    )
    chain.carry("watcher", SuspendMember(member="watcher", reason="unpaid"))
    chain.carry("newcomer", newcomer("voter-5"), expulsion("car-two"))
    pause = PauseFamilies(families=("notice",), until=chain.ledger.time + 3600, reason="incident")
    chain.carry("pause", pause)
    chain.carry("longer", SetParams(timelock=60))
    seats = tuple(
        seat_for(signer(f"{voter(number)} node"), chain_id=CHAIN, member=voter(number))
        for number in (1, 2, 3, 4)
    )
    chain.do("voter-1", proposal(Migrate(validators=seats), at=chain.ledger.time, id="network"))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
