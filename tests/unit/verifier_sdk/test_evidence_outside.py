"""Proofs of time from outside in evidence packs [EVI-ANC-1], [EVI-ANC-2], [EVI-ANC-3]."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry_chain.anchoring import AnchorPolicy
from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.light import verify_light_block
from ssi.encoding import sha256
from ssi.errors import BindingMismatch, SSIError, Unavailable
from tests.support.evidence_world import EvidenceWorld, evidence_world, rebuilt, stamped
from tests.support.firm_world import NOW
from tests.support.light import Chain as LightChain
from tests.support.light import genesis_trust, header, signed
from tests.support.moves import subscribe
from tests.support.tsa import Tsa, make_tsa
from verifier_sdk.evidence import Limit, VerifiedEvidence, verify_evidence
from verifier_sdk.evidence.cli import verify_file
from verifier_sdk.evidence.container import read_pack
from verifier_sdk.evidence.desk import export_kept
from verifier_sdk.evidence.outside import AnchorReader, Outside, covering, judge_outside
from verifier_sdk.evidence.sources import HISTORY

# The story is of 2026-11-24, the authorities stamp with their own clock, whatever day it is.
EVER = timedelta(days=36_525)


@dataclass
class Anchored:
    """A pack with anchors, and whom its reader believes."""

    told: EvidenceWorld
    folder: Path
    pack: bytes
    shown: VerifiedEvidence
    offices: list[Tsa]

    @property
    def reader(self) -> AnchorReader:
        authorities = tuple(office.authority() for office in self.offices)
        policy = AnchorPolicy(authorities=authorities, tolerance=EVER)
        return AnchorReader(policy=policy, now=datetime.now(UTC))


@pytest.fixture(scope="module")
def anchored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anchored]:
    home = tmp_path_factory.mktemp("anchored")
    with evidence_world(home) as told:
        who = subscribe(told.world)
        told.record_consent(who)
        for seconds in (10, 20, 3600):
            told.go_on(NOW + timedelta(seconds=seconds))
        client, later = told.chain.client(), NOW + timedelta(seconds=3600)
        last = client.block_at(client.head(later).height - 1, later)
        offices = [make_tsa(home / name, name, elliptic=True) for name in ("east", "west")]
        stamped(AnchorFolder(home / "anchors"), last.block, offices)
        subject = told.verifier.evidence()[0].subject
        pack, shown = export_kept(
            told.verifier.config, subject, now=later, anchors=home / "anchors"
        )
        yield Anchored(told, home / "anchors", pack, shown, offices)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(SSIError) as caught:
        call()
    return caught.value.code


def test_a_pack_shows_by_when_its_blocks_existed(anchored: Anchored) -> None:
    """[EVI-ANC-1], [EVI-ANC-3]"""
    shown = verify_evidence(anchored.pack, genesis=anchored.told.genesis, reader=anchored.reader)
    assert shown.outside is not None
    assert {one.authority for one in shown.outside.anchors} == {"east", "west"}
    assert shown.outside.existed_by <= datetime.now(UTC)
    assert [int(one.step) for one in shown.findings] == list(range(1, 11))
    assert shown.limits == ()
    outside = shown.matter.outside
    assert outside is not None
    assert shown.matter.block_height in outside.covers
    assert shown.matter.recorded[0][1] in outside.covers  # the consent's transaction, too
    assert outside.block.height > max(outside.covers)


def test_without_a_policy_nothing_is_judged_and_the_verdict_says_so(anchored: Anchored) -> None:
    """[EVI-ANC-3]: never counted as proven."""
    shown = verify_evidence(anchored.pack, genesis=anchored.told.genesis)
    assert shown.outside is None
    assert shown.limits == (Limit.UNJUDGED,)
    assert shown.to_json()["outside"] is None
    assert len(shown.findings) == 9


def test_the_page_says_what_stamps_prove_and_not_that_they_hold(anchored: Anchored) -> None:
    """[EVI-PAGE-2], [EVI-ANC-3]"""
    page = read_pack(anchored.pack)["index.html"].decode()
    for words in ("外部の時刻証明", "existed before that time", "rfc3161 × 2", "--anchor-policy"):
        assert words in page
    assert "not judged" not in page  # that is for each reader to know


def test_authorities_that_the_reader_does_not_trust_prove_nothing(
    anchored: Anchored, tmp_path: Path
) -> None:
    """[ANC-POL-1]"""
    strangers = tuple(make_tsa(tmp_path / name, name).authority() for name in ("x", "y"))
    reader = replace(anchored.reader, policy=AnchorPolicy(authorities=strangers, tolerance=EVER))
    genesis = anchored.told.genesis
    assert code_of(lambda: verify_evidence(anchored.pack, genesis=genesis, reader=reader)) == (
        "anchor.tsa_unknown"
    )
    early = replace(anchored.reader, now=datetime(2020, 1, 1, tzinfo=UTC))
    assert code_of(lambda: verify_evidence(anchored.pack, genesis=genesis, reader=early)) == (
        "anchor.future"
    )


def test_who_asks_for_anchors_is_not_satisfied_without(anchored: Anchored, tmp_path: Path) -> None:
    """[EVI-ANC-3], [EVI-EXP-4]"""
    told, later = anchored.told, NOW + timedelta(seconds=3600)
    subject = told.verifier.evidence()[0].subject
    plain, shown = told.export(subject, at=later)
    assert Limit.UNANCHORED in shown.limits
    assert "keys were stolen" in read_pack(plain)["index.html"].decode()
    assert code_of(
        lambda: verify_evidence(plain, genesis=told.genesis, reader=anchored.reader)
    ) == ("evidence.unanchored")
    with pytest.raises(Unavailable) as caught:
        export_kept(told.verifier.config, subject, now=later, anchors=tmp_path / "none")
    assert caught.value.code == "evidence.unanchored"


# --- forged ---


def _cut_header(files: dict[str, bytes]) -> None:
    files["anchor/headers.jsonl"] = files["anchor/headers.jsonl"].partition(b"\n")[2]


def _cut_last_headers(files: dict[str, bytes]) -> None:
    files["anchor/headers.jsonl"] = files["anchor/headers.jsonl"].partition(b"\n")[0] + b"\n"


def _other_header(files: dict[str, bytes]) -> None:
    first, _, rest = files["anchor/headers.jsonl"].partition(b"\n")
    obj = json.loads(first)
    obj["app_hash"] = "AB" * 32
    changed = json.dumps(obj, separators=(",", ":"), sort_keys=True).encode()
    files["anchor/headers.jsonl"] = changed + b"\n" + rest


def _other_block(files: dict[str, bytes]) -> None:
    files["anchor/block.json"] = files["ledger/then.json"]


def _no_headers(files: dict[str, bytes]) -> None:
    del files["anchor/headers.jsonl"]


def _no_proofs(files: dict[str, bytes]) -> None:
    for name in [name for name in files if name.startswith("anchor/proof/")]:
        del files[name]


def _more(files: dict[str, bytes]) -> None:
    files["anchor/more.json"] = b"{}"


FORGERIES = (
    _cut_header, _cut_last_headers, _other_header, _other_block, _no_headers, _no_proofs, _more,
)  # fmt: skip


@pytest.mark.parametrize("change", FORGERIES, ids=lambda change: change.__name__)
def test_a_changed_way_to_the_stamped_block_is_no_pack(
    anchored: Anchored, change: Callable[[dict[str, bytes]], None]
) -> None:
    """[EVI-ANC-2]: with or without a policy."""
    forged = rebuilt(anchored.pack, change)
    for reader in (None, anchored.reader):
        assert code_of(
            lambda reader=reader: verify_evidence(
                forged, genesis=anchored.told.genesis, reader=reader
            )
        ) == ("evidence.anchor")


def test_a_pack_cannot_drop_its_anchors_and_keep_its_page(anchored: Anchored) -> None:
    """[EVI-PAGE-1]"""

    def drop(files: dict[str, bytes]) -> None:
        for name in [name for name in files if name.startswith("anchor/")]:
            del files[name]

    forged = rebuilt(anchored.pack, drop)
    genesis = anchored.told.genesis
    assert code_of(lambda: verify_evidence(forged, genesis=genesis)) == "evidence.page"


def test_stolen_keys_sign_another_past_but_do_not_put_it_under_a_stamp() -> None:
    """[EVI-VER-7], [EVI-ANC-2]"""
    made = LightChain()
    for _ in range(8):
        made.grow()
    trusted, now = genesis_trust(), made.blocks[-1].header.time.moment
    verified = [
        verify_light_block(block, trusted=trusted, now=now, options=HISTORY)
        for block in made.blocks
    ]
    outside = Outside(
        block=verified[7],
        hashes={one.height: one.header_hash for one in verified},
        proofs=(),
    )
    assert covering(outside, verified[2:4], verified[2]).covers == (3, 4)
    past = signed(header(3, app_hash=sha256(b"x")))
    other = verify_light_block(past, trusted=trusted, now=now, options=HISTORY)  # old keys suffice
    with pytest.raises(BindingMismatch) as caught:
        covering(outside, [other], other)
    assert caught.value.code == "evidence.anchor"


# --- the tool ---


def test_the_tool_tells_judged_from_not_judged(
    anchored: Anchored, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[EVI-ANC-3]"""
    file, genesis = tmp_path / "pack.zip", anchored.told.genesis
    file.write_bytes(anchored.pack)
    assert verify_file(file, genesis) == 0
    out = capsys.readouterr().out
    assert "(10) 未判定 NOT JUDGED" in out
    assert "they prove nothing" in out
    assert verify_file(file, genesis, reader=anchored.reader) == 0
    out = capsys.readouterr().out
    assert "(10) 合格 PASSED" in out
    assert "all below it existed by" in out
    (tmp_path / "anchoring.toml").write_text(policy_file(anchored, tmp_path))
    from warifu.__main__ import main

    asked = ["evidence", "verify", str(file), "--genesis-digest", genesis, "--json"]
    assert main([*asked, "--anchor-policy", str(tmp_path / "anchoring.toml")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["authority"] for one in told["outside"]["anchors"]} == {"east", "west"}


def policy_file(anchored: Anchored, home: Path) -> str:
    """The settings of a reader, as ``docs/anchoring.md`` shows them."""
    lines = [f"tolerance_seconds = {int(EVER.total_seconds())}"]
    for office in anchored.offices:
        chain = b"".join(
            one.public_bytes(Encoding.PEM) for one in (office.certificate, office.root)
        )
        (home / f"{office.name}.pem").write_bytes(chain)
        lines += [
            "[[tsa]]",
            f'name = "{office.name}"',
            'url = "https://tsa.example"',
            f'certificates = "{office.name}.pem"',
        ]
    return "\n".join(lines)


def test_nothing_judges_a_pack_without_proofs() -> None:
    """[EVI-ANC-3]"""
    reader = AnchorReader(policy=AnchorPolicy(), now=NOW)
    assert code_of(lambda: judge_outside(None, reader)) == "evidence.unanchored"
