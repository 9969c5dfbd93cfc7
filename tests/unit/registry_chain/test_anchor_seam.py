"""The anchoring job on a chain that was an embedded one before [ANC-EPO-2]."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry_chain.anchoring.epochs import Period, epoch_at
from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.anchoring.job import AnchorJob, Step
from registry_chain.anchoring.settings import AnchorSettings
from registry_chain.light import (
    Timestamp,
    UntrustedLightBlock,
    VerifiedLightBlock,
    verify_light_block,
)
from registry_chain.records import ACTIVE, MIGRATION_KEY, MigrationRecord
from ssi.encoding import JSONObject
from ssi.errors import Untrusted
from ssi.fetch import FetchPolicy, http_fetch
from tests.support.light import ONE, Chain, genesis_trust, validator_set
from tests.support.tsa import Tsa, make_tsa, serving
from verifier_sdk.evidence.sources import HISTORY

HOUR = timedelta(hours=1)
LAST = 4  # the last block by one validator, ten minutes into the first hour
FETCH = http_fetch(FetchPolicy(allow_loopback_http=True))


def beginning(now: datetime) -> datetime:
    """The hour of the hand-over, nine hours ago."""
    return now.replace(minute=0, second=0, microsecond=0) - 9 * HOUR


def blocks(now: datetime) -> Sequence[UntrustedLightBlock]:
    """Four blocks by one validator, then one every ten minutes by the four, until now."""
    network, made = validator_set(w=1, x=1, y=1, z=1), Chain(names="a")

    def at(minutes: float) -> Timestamp:
        return Timestamp.at(beginning(now) + timedelta(minutes=minutes))

    for height in range(1, LAST):
        made.grow(ONE, time=at(height))
    made.hand_over("wxyz", at(10), at(10.1))
    while at(10 * (len(made.blocks) - LAST + 1)).moment < now:
        made.grow(network, time=at(10 * (len(made.blocks) - LAST + 1)))
    return made.blocks


@dataclass
class Node:
    """What the job's client knows of that chain; ``lost`` heights it cannot verify any more."""

    now: datetime
    verified: dict[int, VerifiedLightBlock] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    value: JSONObject | None = None

    @property
    def seam(self) -> str:
        """The epoch of the hand-over."""
        return epoch_at(beginning(self.now), Period.HOUR).name

    def head(self, now: datetime) -> VerifiedLightBlock:
        del now
        return self.verified[max(self.verified)]

    def block_at(self, height: int, now: datetime) -> VerifiedLightBlock:
        del now
        if height in self.lost:
            raise Untrusted("no trusted block is near enough above", code="light.backwards")
        return self.verified[height]

    def read(self, key: str, *, now: datetime, max_age: timedelta | None = None) -> Node:
        del now, max_age
        assert key == MIGRATION_KEY
        return self


@pytest.fixture
def node() -> Node:
    now = datetime.now(UTC)  # of this test: the offices stamp by the real clock
    record = MigrationRecord(
        state=ACTIVE,
        height=LAST - 1,
        time=int((beginning(now) + timedelta(minutes=LAST - 1)).timestamp()),
        retired=("A",),
        validators=("W", "X", "Y", "Z"),
        by="proposal/network",
    )
    made, trusted = Node(now=now, value=record.to_json()), genesis_trust(ONE)
    for block in blocks(now):
        found = verify_light_block(block, trusted=trusted, now=now, options=HISTORY)
        made.verified[block.height], trusted = found, found.trusted
    return made


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[list[Tsa]]:
    with (
        serving(make_tsa(tmp_path / "east", "east")) as east,
        serving(make_tsa(tmp_path / "west", "west", elliptic=True)) as west,
    ):
        yield [east, west]


def job(home: Path, node: Node, offices: list[Tsa]) -> AnchorJob:
    lines = ['period = "hour"']
    for office in offices:
        pem = b"".join(one.public_bytes(Encoding.PEM) for one in (office.certificate, office.root))
        (home / f"{office.name}.pem").write_bytes(pem)
        lines += ["[[tsa]]", f'name = "{office.name}"', f'url = "{office.url}"']
        lines += [f'certificates = "{office.name}.pem"']
    (home / "anchoring.toml").write_text("\n".join(lines), "utf-8")
    return AnchorJob(
        chain=node,
        root=genesis_trust(ONE),
        folder=AnchorFolder(home / "anchors"),
        settings=AnchorSettings.load(home / "anchoring.toml"),
        fetch=FETCH,
        randomness=os.urandom,
    )


def stamped(steps: Sequence[Step]) -> list[str]:
    return [step.epoch for step in steps if step.did == "stamped"]


def test_the_hand_overs_block_is_stamped_however_long_ago_it_was(
    tmp_path: Path, node: Node, offices: list[Tsa]
) -> None:
    """[ANC-EPO-2]"""
    seam = node.seam
    work = job(tmp_path, node, offices)
    did = list(work.run(node.now, epochs=2))
    assert stamped(did).count(seam) == 2
    kept = work.folder.block(seam)
    assert kept is not None
    assert kept.height == LAST
    recent = [name for name in work.folder.epochs() if name != seam]
    assert len(recent) == 2  # and the last finished hours as ever
    # It has all its proofs now, and is not looked at again: its signatures may be too old for that.
    node.lost = set(range(1, LAST + 1))
    again = list(work.run(node.now, epochs=2))
    assert {step.did for step in again} == {"kept"}
    assert seam not in {step.epoch for step in again}


def test_a_proof_that_is_missing_is_got_later(
    tmp_path: Path, node: Node, offices: list[Tsa]
) -> None:
    """[ANC-EPO-2], [ANC-JOB-1]"""
    east, west = offices
    seam = node.seam
    honest = west.after
    west.after = lambda reply: reply[:40]
    work = job(tmp_path, node, offices)
    assert stamped(list(work.run(node.now, epochs=1))).count(seam) == 1
    west.after = honest
    assert seam in stamped(list(work.run(node.now, epochs=1)))
    assert work.folder.proof(seam, "rfc3161", west.name) is not None
    assert east.name != west.name


def test_a_hand_over_out_of_reach_is_told_and_holds_up_no_other_hour(
    tmp_path: Path, node: Node, offices: list[Tsa]
) -> None:
    """[ANC-JOB-1]"""
    work = job(tmp_path, node, offices)
    list(work.run(node.now, epochs=2))
    (tmp_path / "anchors" / node.seam / "rfc3161-west.json").unlink()
    node.lost = set(range(1, LAST + 1))
    did = list(work.run(node.now, epochs=2))
    assert (did[0].did, did[0].code) == ("failed", "light.backwards")
    assert [step.did for step in did[1:]] == ["kept"] * 4
    # While its hour is among those to anchor, no other block of that hour is taken in its place.
    did = list(work.run(node.now, epochs=12))
    assert [step.did for step in did] == ["failed"]


def test_a_chain_that_never_moved_is_anchored_as_ever(
    tmp_path: Path, node: Node, offices: list[Tsa]
) -> None:
    """[ANC-EPO-1]"""
    seam = node.seam
    did = list(job(tmp_path, replace(node, value=None), offices).run(node.now, epochs=2))
    assert len(stamped(did)) == 4
    assert seam not in {step.epoch for step in did}
