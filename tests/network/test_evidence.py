"""Evidence from both sides of a migration, stamped outside, judged when nobody runs any more.

[EVI-ANC-1], [EVI-ANC-2], [EVI-EXP-3], [ANC-EPO-2], [REG-MIG-3].
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.anchoring.steps import steps_to
from registry_chain.cli_network import members_of
from registry_chain.client import Submitter
from registry_chain.engines.cometbft.migration import take_over
from registry_chain.engines.cometbft.testnet import make_validators, write_network
from registry_chain.keyfile import write_key
from registry_chain.transactions import RecordConsents, build_consent_item
from registry_chain.transactions.validators import Migrate, seat_for
from registry_chain.trust_root import trust_from_genesis
from ssi.errors import Unavailable
from tests.support import chain as chains
from tests.support.chain import Chain
from tests.support.evidence_world import EvidenceWorld, evidence_world, stamped
from tests.support.firm_world import YEAR, Holder, World
from tests.support.moves import subscribe
from tests.support.network import Network, now, require_cometbft
from tests.support.registry import CHAIN, make_genesis, signer
from tests.support.tsa import Tsa, make_tsa, serving
from verifier_sdk import Verifier, VerifierConfig
from verifier_sdk.evidence.desk import export_kept
from warifu.__main__ import main
from warifu.testnet import ports_for, program

pytestmark = [pytest.mark.slow, pytest.mark.cometbft]
require_cometbft()

OWNERS = ("council", "city-kyc", "minpaku-one", "car-two")
LONG_AGO = timedelta(hours=2, minutes=30)  # so that the hour of the hand-over is over


@contextmanager
def migrated(chain: Chain, old: Path, folder: Path) -> Iterator[Network]:
    """Let the embedded chain's members become a network of four, and run it."""
    keys = dict(zip(OWNERS, make_validators(4), strict=True))
    chain.decide(
        Migrate(
            validators=tuple(
                seat_for(key, chain_id=CHAIN, member=owner) for owner, key in keys.items()
            )
        )
    )
    last = chain.engine.status().height
    chain.engine.close()
    members = members_of(folder, ports_for(4))
    for member, key in zip(members, keys.values(), strict=True):
        member.home.mkdir(parents=True)
        taken = take_over(old, member.home / "chain.db", chain.genesis, key.public_key.raw)
    assert taken.first_height == last + 1
    write_network(chain.genesis, members, list(keys.values()), inheritance=taken)
    net = Network(folder, members, chain.genesis)
    net.programs = [program(member) for member in members]
    try:
        net.start()
        net.wait_height(last + 2)
        yield net
    finally:
        for one in net.programs:
            one.stop()


def present_on(net: Network, config: VerifierConfig) -> None:
    """Another guest presents under the network's blocks, and her consent is recorded there."""
    world: World
    verifier = Verifier(config, clock=lambda: world.at)
    world = World(ledger=net.client(), verifier=verifier, at=now())  # type: ignore[arg-type]
    who = subscribe(world, Holder(now=world.at))
    item = build_consent_item(
        who.holder.pairwise,
        chain_id=CHAIN,
        commitment=who.commitment,
        until=int((world.at + YEAR).timestamp()),
    )
    operator = Submitter(net.client(), "yubin-box", signer("yubin-box"))
    operator.submit(RecordConsents(items=(item,)), now())


def settings_for(home: Path, offices: list[Tsa]) -> Path:
    """A member's ``anchoring.toml``, which is also a reader's policy."""
    lines = ['period = "hour"']
    for office in offices:
        pem = b"".join(one.public_bytes(Encoding.PEM) for one in (office.certificate, office.root))
        (home / f"{office.name}.pem").write_bytes(pem)
        lines += [
            "[[tsa]]",
            f'name = "{office.name}"',
            f'url = "{office.url}"',
            f'certificates = "{office.name}.pem"',
        ]
    (home / "anchoring.toml").write_text("\n".join(lines), "utf-8")
    return home / "anchoring.toml"


def test_evidence_from_both_sides_of_a_migration_with_stamps_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chains, "make_genesis", partial(make_genesis, timelock=0))
    packs: dict[str, bytes] = {}
    told: EvidenceWorld
    with (
        evidence_world(tmp_path, now=now() - LONG_AGO) as told,
        serving(make_tsa(tmp_path / "tsa-east", "east")) as east,
        serving(make_tsa(tmp_path / "tsa-west", "west", elliptic=True)) as west,
    ):
        settings = settings_for(tmp_path, [east, west])
        told.record_consent(subscribe(told.world, Holder(now=told.world.at)))
        (old,) = told.verifier.evidence()
        with migrated(told.chain, tmp_path / "chain.db", tmp_path / "net") as net:
            config = replace(told.verifier.config, nodes=tuple(net.urls()))
            present_on(net, config)
            (new,) = (one for one in told.verifier.evidence() if one.subject != old.subject)
            folder, later = AnchorFolder(tmp_path / "anchors"), tmp_path / "later"
            # The newest block, which the job would stamp when its hour is over.
            client = net.client()
            newest = client.head(now()).block
            steps = steps_to(
                newest,
                trust_from_genesis(net.genesis),
                lambda height: client.block_at(height, now()).block,
            )
            for kept in (folder, AnchorFolder(later)):
                stamped(kept, newest, [east, west], steps)
            packs["new"], shown = export_kept(
                config, new.subject, now=now(), anchors=tmp_path / "anchors"
            )
            assert (shown.matter.validators, shown.limits[0].name) == (4, "UNJUDGED")
            with pytest.raises(Unavailable) as caught:
                export_kept(config, old.subject, now=now(), anchors=later)
            assert caught.value.code == "evidence.unanchored"
            write_key(tmp_path / "watcher.key", signer("watcher"))
            (tmp_path / "genesis.json").write_bytes(net.genesis.to_bytes())
            asked = ["chain", "anchor", "--loopback", "--epochs", "1", "--json"]
            asked += ["--genesis", str(tmp_path / "genesis.json"), "--node", net.urls()[0]]
            asked += ["--settings", str(settings), "--anchors", str(tmp_path / "anchors")]
            asked += ["--account", "watcher", "--key", str(tmp_path / "watcher.key")]
            capsys.readouterr()
            assert main(asked) == 0, capsys.readouterr()
            did = [json.loads(line)["did"] for line in capsys.readouterr().out.splitlines()]
            assert (did.count("stamped"), did.count("recorded")) == (2, 2)
            packs["old"], shown = export_kept(
                config, old.subject, now=now(), anchors=tmp_path / "anchors"
            )
            assert (shown.matter.validators, shown.matter.signed) == (1, 1)

    # Nothing runs any more: neither the chain, nor the firm, nor the authorities.
    words = ["chain", "anchors", "verify", str(tmp_path / "anchors"), "--json"]
    words += ["--genesis", str(tmp_path / "genesis.json"), "--settings", str(settings)]
    capsys.readouterr()
    assert main(words) == 0, capsys.readouterr()
    for name, pack in packs.items():
        file = tmp_path / f"{name}.zip"
        file.write_bytes(pack)
        words = ["evidence", "verify", str(file), "--genesis-digest", told.genesis, "--json"]
        capsys.readouterr()
        assert main([*words, "--anchor-policy", str(settings)]) == 0, capsys.readouterr()
        verdict = json.loads(capsys.readouterr().out)
        outside = verdict["outside"]
        assert {one["authority"] for one in outside["anchors"]} == {"east", "west"}
        assert verdict["limits"] == []
