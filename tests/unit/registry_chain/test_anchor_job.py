"""The anchoring job on a real chain with real authorities, from block to verdict.

[ANC-EPO-1], [ANC-JOB-1], [ANC-JOB-2], [ANC-JOB-3], [ANC-VER-3].
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry_chain.anchoring import cli
from registry_chain.anchoring.epochs import Period, epoch_at, finished_epochs, last_block
from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.anchoring.job import AnchorJob
from registry_chain.anchoring.kept import judge_folder
from registry_chain.anchoring.settings import AnchorSettings
from registry_chain.client import Submitter
from registry_chain.keyfile import write_key
from registry_chain.records import BridgeRecord
from registry_chain.trust_root import trust_from_genesis
from ssi.errors import Malformed
from ssi.fetch import FetchPolicy, http_fetch
from tests.support import bitcoin
from tests.support.anchored import tick
from tests.support.chain import running
from tests.support.registry import signer
from tests.support.tsa import make_tsa, serving
from warifu.__main__ import main

FETCH = http_fetch(FetchPolicy(allow_loopback_http=True))
HOUR = timedelta(hours=1)
SETTINGS = """\
period = "hour"
[[tsa]]
name = "east"
url = "{east}"
certificates = "east.pem"
[[tsa]]
name = "west"
url = "{west}"
certificates = "west.pem"
[[calendar]]
name = "alice"
url = "{alice}"
[bitcoin]
max_target = "{target:x}"
[[bitcoin.headers]]
start = {start}
file = "headers.bin"
[[bitcoin.checkpoint]]
height = {start}
hash = "{pin}"
"""


@pytest.fixture
def chain(tmp_path):
    """A chain whose clock went from two hours ago to now, with a block now and then."""
    with running(tmp_path / "chain.db") as found:
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        for seq, minutes in enumerate((-119, -90, -61, -59, -30, -1), 1):
            found.clock.now = hour + timedelta(minutes=minutes)
            tick(found, seq)
        found.clock.now = datetime.now(UTC)
        tick(found, 7)
        yield found


class World:
    """Two authorities, a calendar and its Bitcoin, and a member's settings for them."""

    def __init__(self, home: Path, east, west, calendar) -> None:
        self.home, self.east, self.west, self.calendar = home, east, west, calendar
        self.folder = AnchorFolder(home / "anchors")
        for tsa in (east, west):
            chain = [tsa.certificate, tsa.root]
            pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
            (home / f"{tsa.name}.pem").write_bytes(pem)

    def settings(self) -> AnchorSettings:
        run = b"".join(self.calendar.chain.headers)
        (self.home / "headers.bin").write_bytes(run)
        path = self.home / "anchoring.toml"
        path.write_text(
            SETTINGS.format(
                east=self.east.url,
                west=self.west.url,
                alice=self.calendar.url,
                target=bitcoin.EASY,
                start=bitcoin.START,
                pin=bitcoin.double(run[:80])[::-1].hex(),
            )
        )
        return AnchorSettings.load(path)

    def run(self, chain, now=None, **changes):
        job = AnchorJob(
            chain=chain.client(),
            root=trust_from_genesis(chain.genesis),
            folder=self.folder,
            settings=self.settings(),
            fetch=FETCH,
            randomness=os.urandom,
            recorder=Submitter(chain.client(), "watcher", signer("watcher")),
        )
        return list(replace(job, **changes).run(now or datetime.now(UTC), epochs=2))

    def verdicts(self, chain):
        policy = self.settings().policy
        return list(judge_folder(self.folder, chain.genesis, policy, datetime.now(UTC)))


@pytest.fixture
def world(tmp_path):
    book = bitcoin.Bitcoin(since=int(datetime.now(UTC).timestamp()))
    book.add()
    with (
        serving(make_tsa(tmp_path / "tsa-east", "east")) as east,
        serving(make_tsa(tmp_path / "tsa-west", "west", elliptic=True)) as west,
        bitcoin.serving(bitcoin.Calendar(book)) as calendar,
    ):
        yield World(tmp_path, east, west, calendar)


def did(steps) -> Counter:
    return Counter((step.method, step.did) for step in steps)


def test_anc_epo_1_the_last_block_of_an_hour_is_chosen(chain):
    client = chain.client()
    head = client.head(datetime.now(UTC))

    def block(height):
        return client.block_at(height, datetime.now(UTC))

    for epoch in finished_epochs(head.time, Period.HOUR, 2):
        found = last_block(epoch, head, block)
        assert found is not None
        assert epoch.start <= found.time < epoch.end <= block(found.height + 1).time
    assert last_block(epoch_at(head.time, Period.HOUR), head, block) is None
    assert last_block(epoch_at(head.time - 5 * HOUR, Period.HOUR), head, block) is None


def test_anc_epo_1_epochs_have_names_and_bounds():
    moment = datetime(2026, 11, 25, 20, 59, 59, tzinfo=UTC)
    assert epoch_at(moment, Period.HOUR).name == "2026-11-25t20"
    assert epoch_at(moment, Period.DAY).name == "2026-11-25"
    hours = finished_epochs(datetime(2026, 1, 1, 0, 30, tzinfo=UTC), Period.HOUR, 2)
    assert [one.name for one in hours] == ["2025-12-31t22", "2025-12-31t23"]
    days = finished_epochs(datetime(2026, 3, 1, 0, 30, tzinfo=UTC), Period.DAY, 2)
    assert [one.name for one in days] == ["2026-02-27", "2026-02-28"]


def test_hours_are_stamped_upgraded_recorded_and_proven_without_a_network(chain, world):
    first = did(world.run(chain))
    assert first == {
        ("rfc3161", "stamped"): 4,
        ("rfc3161", "recorded"): 4,
        ("opentimestamps", "submitted"): 2,
    }
    pending = world.verdicts(chain)
    assert {one.error.code for one in pending} == {"anchor.pending"}

    world.calendar.mine()
    second = did(world.run(chain))
    assert second == {
        ("rfc3161", "kept"): 4,
        ("opentimestamps", "upgraded"): 2,
        ("opentimestamps", "recorded"): 2,
    }
    asked = (world.east.asked, world.west.asked, len(world.calendar.asked))
    assert did(world.run(chain)) == {("rfc3161", "kept"): 4, ("opentimestamps", "kept"): 2}
    assert (world.east.asked, world.west.asked, len(world.calendar.asked)) == asked

    verdicts = world.verdicts(chain)
    assert [one.error for one in verdicts] == [None, None]
    for verdict in verdicts:
        report = verdict.report
        assert {one.authority for one in report.anchors} == {"east", "west", "bitcoin"}
        listed = chain.engine.listing(f"bridge/{verdict.epoch}/", "", 10)
        records = [BridgeRecord.from_bytes(one.value) for one in listed]
        assert {one.anchored_height for one in records} == {report.height}
        assert len(records) == 3


def test_anc_job_1_an_authority_that_is_away_holds_nothing_up(chain, world):
    honest = world.west.after
    world.west.after = lambda reply: reply[:40]
    steps = world.run(chain)
    assert did(steps)["rfc3161", "failed"] == 2
    assert did(steps)["rfc3161", "stamped"] == 2
    assert {one.code for one in steps if one.did == "failed"} == {"anchor.tsa_form"}
    world.west.after = honest
    again = did(world.run(chain))
    assert (again["rfc3161", "stamped"], again["rfc3161", "kept"]) == (2, 2)


def test_anc_job_3_one_that_comes_late_has_the_others_stamp_again(chain, world):
    honest = world.west.after
    world.west.after = lambda reply: reply[:40]
    world.run(chain)
    world.west.after = honest
    later = datetime.now(UTC) + 2 * HOUR
    again = did(world.run(chain, later, recorder=None))
    assert again["rfc3161", "stamped"] == 4


def test_anc_job_2_nothing_half_written_and_nothing_bad_is_kept(chain, world):
    """A dishonest authority's token is not kept; a part of a file left by a crash is not read."""
    world.west.before = lambda query: query.replace(query[24:56], os.urandom(32))
    assert did(world.run(chain))["rfc3161", "failed"] == 2
    epochs = world.folder.epochs()
    for epoch in epochs:
        assert world.folder.proof(epoch, "rfc3161", "west") is None
        (world.home / "anchors" / epoch / "rfc3161-west.part").write_bytes(b"{")
    world.west.before = lambda query: query
    assert did(world.run(chain))["rfc3161", "stamped"] == 2
    assert all(world.folder.proof(epoch, "rfc3161", "west") for epoch in epochs)


def test_anc_ver_3_the_folder_is_judged_from_the_genesis(chain, world):
    world.run(chain)
    world.calendar.mine()
    world.run(chain)
    first, second = world.folder.epochs()
    home = world.home / "anchors"
    blocks = [(home / epoch / "block.json").read_bytes() for epoch in (first, second)]
    (home / first / "block.json").write_bytes(blocks[1])
    assert world.verdicts(chain)[0].error.code == "anchor.block"
    forged = json.loads(blocks[0])
    forged["signed_header"]["header"]["app_hash"] = "00" * 32
    (home / first / "block.json").write_text(json.dumps(forged))
    assert world.verdicts(chain)[0].error.code == "light.header_hash"
    (home / first / "block.json").write_bytes(blocks[0])
    assert [one.error for one in world.verdicts(chain)] == [None, None]
    (home / second / "stray.json").write_bytes((home / first / "rfc3161-east.json").read_bytes())
    assert [one.error and one.error.code for one in world.verdicts(chain)] == [
        None,
        "anchor.container",
    ]


def test_the_commands_do_the_same(chain, world, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("WARIFU_LANG", "ja")
    world.settings()
    (tmp_path / "genesis.json").write_bytes(chain.genesis.to_bytes())
    write_key(tmp_path / "watcher.key", signer("watcher"))
    place = [
        "--genesis", f"{tmp_path}/genesis.json", "--settings", f"{tmp_path}/anchoring.toml",
    ]  # fmt: skip
    words = [
        "chain", "anchor", *place, "--node", chain.url, "--anchors", f"{tmp_path}/anchors",
        "--epochs", "2", "--account", "watcher", "--key", f"{tmp_path}/watcher.key", "--loopback",
    ]  # fmt: skip
    verify = ["chain", "anchors", "verify", f"{tmp_path}/anchors", *place]
    assert main(verify) == 1
    assert "保管された証明がありません" in capsys.readouterr().out
    assert main(words) == 0
    assert "ブロックの確定待ち" in capsys.readouterr().out
    assert main(verify) == 1
    assert "anchor.pending" in capsys.readouterr().out
    world.calendar.mine()
    world.settings()
    assert main([*words, "--json"]) == 0
    steps = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["did"] for one in steps} == {"kept", "upgraded", "recorded"}
    assert main(verify) == 0
    told = capsys.readouterr().out
    assert "この時刻までに存在" in told
    assert "bitcoin_height" in told
    assert main([*verify, "--json"]) == 0
    verdicts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["ok"] for one in verdicts] == [True, True]
    monkeypatch.setenv("WARIFU_LANG", "en")
    assert main(verify) == 0
    assert "authorities agree" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        ('period = "hour"', 'period = "week"'),
        ('name = "west"', 'name = "east"'),
        ('certificates = "east.pem"', 'certificates = "none.pem"'),
        ("[bitcoin]", "[bitcoin]\nunknown = 1"),
        ("[[tsa]]", "[[tsa"),
        ('name = "alice"', 'name = "Al/ice"'),
    ],
    ids=str,
)
def test_settings_with_a_mistake_are_refused(world, change):
    world.settings()
    path = world.home / "anchoring.toml"
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    with pytest.raises(Malformed):
        AnchorSettings.load(path)


def test_every_step_has_words():
    assert {"stamped", "submitted", "upgraded", "kept", "recorded", "no-block", "failed"} == set(
        cli._DID
    )
