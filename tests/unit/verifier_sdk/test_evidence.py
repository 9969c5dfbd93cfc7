"""Evidence packs [EVI-PACK-1] to [EVI-EXP-3]: kept, made, verified without a network."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from registry_chain.light import Timestamp
from ssi.encoding import canonical_json, parse_json_object
from ssi.errors import SSIError, Unavailable, Untrusted
from ssi.status_list import INVALID
from tests.support.browser import browsing
from tests.support.evidence_world import LATER, EvidenceWorld, evidence_world, rebuilt
from tests.support.firm_chain import publish
from tests.support.firm_world import NAME, NOW, Holder
from tests.support.light import GENESIS, genesis_trust, header, signed, validator_set
from tests.support.light import Chain as LightChain
from tests.support.moves import Subscriber, subscribe
from verifier_sdk.evidence import Findings, Limit, verify_evidence
from verifier_sdk.evidence.cli import verify_file
from verifier_sdk.evidence.container import read_pack, write_pack
from verifier_sdk.evidence.way import way_from
from verifier_sdk.kept import find_kept

OTHER_GENESIS = "0" * 64


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvidenceWorld]:
    with evidence_world(tmp_path_factory.mktemp("evidence")) as found:
        yield found


@pytest.fixture(scope="module")
def guest(told: EvidenceWorld) -> Subscriber:
    """A guest who presented, agreed to updates, whose consent is on the ledger, and who moved."""
    who = subscribe(told.world)
    told.record_consent(who)
    return who


@pytest.fixture(scope="module")
def presented(told: EvidenceWorld, guest: Subscriber) -> bytes:
    subject = told.verifier.evidence()[0].subject
    return told.export(subject)[0]


@pytest.fixture(scope="module")
def moved(told: EvidenceWorld, guest: Subscriber) -> bytes:
    envelope = guest.envelope(guest.moved(attested=True))
    told.verifier.receive_update(envelope, NOW)
    subject = told.verifier.evidence()[-1].subject
    return told.export(subject)[0]


def files_of(pack: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(pack)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# --- what a pack shows ---


def test_a_presentation_is_shown_and_verified_without_a_network(
    told: EvidenceWorld, presented: bytes
) -> None:
    """[EVI-VER-1], [EVI-VER-2], [EVI-EXP-1]"""
    shown = verify_evidence(presented, genesis=told.genesis)
    assert shown.matter.claims.name == NAME
    assert shown.matter.firm.name_en == "Minpaku One"
    assert [issuer.name_en for issuer in shown.matter.issuers] == ["City KYC"]
    assert shown.limits == (Limit.UNANCHORED,)
    assert [int(one.step) for one in shown.findings] == list(range(1, 10))
    key, height, _ = shown.matter.recorded[0]
    assert key.startswith("consent/")
    assert height > 1  # [EVI-EXP-2]
    names = set(files_of(presented))
    assert {"genesis.json", "request.json", "consent.jwt", "index.html", "verify.py"} <= names
    assert any(name.startswith("certificates/") for name in names)


def test_a_move_is_shown_as_it_was_sealed(told: EvidenceWorld, moved: bytes) -> None:
    """[EVI-VER-2]"""
    shown = verify_evidence(moved, genesis=told.genesis)
    assert shown.matter.moved_on == "2026-11-20"
    assert not shown.matter.self_asserted
    assert shown.matter.claims.address is not None
    assert shown.matter.consent_id is not None


def test_a_self_asserted_move_says_that_nobody_else_vouches(
    told: EvidenceWorld, guest: Subscriber
) -> None:
    """[EVI-VER-2]"""
    who = subscribe(told.world, Holder())
    envelope = who.envelope(who.moved())
    told.verifier.receive_update(envelope, NOW)
    pack, shown = told.export(told.verifier.evidence()[-1].subject)
    assert shown.matter.self_asserted
    assert "本人の申告" in files_of(pack)["index.html"].decode()
    assert Limit.UNRECORDED in shown.limits


def test_the_same_evidence_gives_the_same_bytes(told: EvidenceWorld, presented: bytes) -> None:
    """[EVI-PACK-1]"""
    files = read_pack(presented)
    assert write_pack(files) == presented
    assert write_pack(dict(reversed(files.items()))) == presented


def test_a_later_revocation_or_withdrawal_changes_nothing_that_was(tmp_path: Path) -> None:
    """[EVI-VER-3], [EVI-VER-4]: what was valid then stays proven; what came later is told."""
    with evidence_world(tmp_path) as told:
        who = subscribe(told.world, Holder(index=9))
        told.record_consent(who, withdraw=True)
        publish(told.chain, 2, i9=INVALID)
        _, shown = told.export(told.verifier.evidence()[-1].subject)
        assert shown.matter.withdrawn_at is not None
        assert shown.matter.status_issued_at[0] < NOW


# --- trust ---


def test_without_a_genesis_from_elsewhere_a_pack_is_consistent_and_no_more(
    told: EvidenceWorld, presented: bytes
) -> None:
    """[EVI-VER-5]"""
    shown = verify_evidence(presented, genesis=None)
    assert not shown.pinned
    assert shown.to_json()["verdict"] == "consistent"
    findings = Findings()
    with pytest.raises(Untrusted) as caught:
        verify_evidence(presented, genesis=OTHER_GENESIS, findings=findings)
    assert caught.value.code == "evidence.genesis"
    assert not findings.all[-1].passed
    assert len(findings.all) == 3


# --- forged ---


def _json(name: str, **changes: object) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        obj = parse_json_object(files[name])
        files[name] = canonical_json(obj | changes)  # type: ignore[operator]

    return change


def _drop(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.pop(name) and None


def _other_page(files: dict[str, bytes]) -> None:
    files["index.html"] = files["index.html"].replace(b"City KYC", b"Evil KYC")


def _other_token(files: dict[str, bytes]) -> None:
    files["status/000.jwt"] = files["status/000.jwt"][:-4] + b"AAAA"


def _cut_disclosure(files: dict[str, bytes]) -> None:
    name = next(name for name in files if name.startswith("presentation/"))
    parts = files[name].split(b"~")
    files[name] = b"~".join([parts[0], *parts[2:]])


FORGERIES: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "another nonce": (_json("request.json", nonce="A" * 32), "kb.nonce"),
    "another customer of the firm": (_json("request.json", id="B" * 22), "evidence.matter"),
    "another certificate": (_json("request.json", client_id="x509_hash:" + "A" * 43), "evidence."),
    "an earlier end": (_json("request.json", expires_at=1), "session.expired"),
    "no proof of then": (_drop("ledger/then.json"), "evidence.proof"),
    "no proof of later": (_drop("ledger/later.json"), "evidence.file"),
    "no status list": (_drop("status/000.jwt"), "evidence.proof"),
    "another status list": (_other_token, "evidence.proof"),
    "no consent receipt": (_drop("consent-receipt.jwt"), "consent.countersignature"),
    "no transaction": (_drop("ledger/consent.jws"), "evidence.proof"),
    "another page": (_other_page, "evidence.page"),
    "a disclosure less": (_cut_disclosure, "kb.sd_hash"),
}


@pytest.mark.parametrize(("change", "code"), FORGERIES.values(), ids=FORGERIES.keys())
def test_not_even_the_exporter_can_change_what_others_signed(
    told: EvidenceWorld, presented: bytes, change: Callable[[dict[str, bytes]], None], code: str
) -> None:
    """[EVI-VER-1], [EVI-PAGE-1]"""
    forged = rebuilt(presented, change)
    with pytest.raises(SSIError) as caught:
        verify_evidence(forged, genesis=told.genesis)
    assert caught.value.code.startswith(code)


def test_a_stranger_cannot_seal(told: EvidenceWorld, presented: bytes) -> None:
    """[EVI-PACK-3]"""
    files = read_pack(presented)
    manifest = parse_json_object(files["manifest.json"])
    files["manifest.json"] = canonical_json(manifest | {"withheld": 1})
    with pytest.raises(SSIError) as caught:
        verify_evidence(write_pack(files), genesis=told.genesis)
    assert caught.value.code == "evidence.seal"


def test_files_are_neither_added_nor_taken(told: EvidenceWorld, presented: bytes) -> None:
    """[EVI-PACK-2]"""
    files = read_pack(presented)
    more = files | {"note.txt": b"trust me"}
    less = {name: raw for name, raw in files.items() if name != "record.json"}
    for changed in (more, less):
        with pytest.raises(SSIError) as caught:
            verify_evidence(write_pack(changed), genesis=told.genesis)
        assert caught.value.code == "evidence.file"


JUNK = {
    "nothing": b"",
    "no ZIP": b"hello",
    "an empty ZIP": write_pack({}),
    "compressed": b"",
    "a name that climbs": b"",
}


@pytest.mark.parametrize("name", JUNK)
def test_what_is_no_pack_is_refused(name: str) -> None:
    """[EVI-PACK-1]"""
    raw = JUNK[name]
    if name in ("compressed", "a name that climbs"):
        out = BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            inner = "manifest.json" if name == "compressed" else "../../etc/passwd"
            archive.writestr(inner, b"0" * 5_000_000)
        raw = out.getvalue()
    with pytest.raises(SSIError) as caught:
        verify_evidence(raw, genesis=None)
    assert caught.value.code in ("evidence.container", "evidence.file")


# --- redaction ---


def test_claims_that_are_not_needed_can_be_left_out(told: EvidenceWorld, guest: Subscriber) -> None:
    """[EVI-RED-1], [EVI-RED-2]"""
    subject = told.verifier.evidence()[0].subject
    pack, shown = told.export(subject, only=frozenset({"address"}))
    assert shown.matter.claims.names() == ("address",)
    assert Limit.WITHHELD in shown.limits
    assert shown.manifest.withheld > 0
    kept = find_kept(told.verifier.store, subject)
    assert kept is not None
    assert NAME.encode() not in pack
    assert "除いています" in files_of(pack)["index.html"].decode()
    forged = rebuilt(pack, _cut_disclosure)
    with pytest.raises(SSIError):
        verify_evidence(forged, genesis=told.genesis)  # the page no longer says what is there


def test_a_pack_made_half_a_year_later_still_speaks_of_then(tmp_path: Path) -> None:
    """[EVI-VER-3]"""
    with evidence_world(tmp_path) as told:
        subscribe(told.world)
        for days in (50, 100, 150, 180):  # the firm's client follows the chain meanwhile
            half_a_year = NOW + timedelta(days=days)
            told.go_on(half_a_year)
            told.verifier._registry.head(half_a_year)  # type: ignore[attr-defined]
        pack, shown = told.export(told.verifier.evidence()[0].subject, at=half_a_year)
        assert shown.manifest.as_of == NOW
        assert shown.matter.block_time is not None
        assert shown.matter.block_time <= NOW
        assert verify_evidence(pack, genesis=told.genesis).pinned  # [EVI-VER-7]


# --- keeping ---


def test_material_is_kept_as_long_as_the_holder_was_told(told: EvidenceWorld) -> None:
    """[EVI-KEEP-1], [EVI-KEEP-2]"""
    who = subscribe(told.world, Holder())
    kept = told.verifier.evidence()[-1]
    assert kept.retain_until == date(2029, 11, 24)
    told.verifier.clean(NOW + timedelta(days=300))
    assert find_kept(told.verifier.store, kept.subject) is not None
    with pytest.raises(Exception, match="never rewritten"), told.verifier.store.write() as db:
        db.execute("UPDATE evidence SET content = '{}'")
    assert told.verifier.forget_evidence(kept.subject) == 1
    assert find_kept(told.verifier.store, kept.subject) is None
    with pytest.raises(Unavailable) as caught:
        told.export(kept.subject)
    assert caught.value.code == "evidence.unknown"
    assert who.record_id


def test_a_firm_may_keep_nothing(tmp_path: Path) -> None:
    """[EVI-KEEP-1]"""
    with evidence_world(tmp_path, keep_evidence=False) as told:
        who = subscribe(told.world)
        told.verifier.receive_update(who.envelope(who.moved(attested=True)), NOW)
        assert told.verifier.evidence() == ()


def test_what_is_over_is_deleted(tmp_path: Path) -> None:
    """[EVI-KEEP-2]"""
    with evidence_world(tmp_path) as told:
        subscribe(told.world)
        assert len(told.verifier.evidence()) == 1
        told.verifier.clean(NOW + timedelta(days=3 * 365))
        assert len(told.verifier.evidence()) == 1
        told.verifier.clean(NOW + timedelta(days=3 * 366))
        assert told.verifier.evidence() == ()


# --- the tool ---


def test_the_verdict_is_a_list_of_steps_and_an_exit_code(
    told: EvidenceWorld, presented: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[EVI-VER-1], [EVI-VER-5]"""
    file = tmp_path / "pack.zip"
    file.write_bytes(presented)
    assert verify_file(file, told.genesis) == 0
    out = capsys.readouterr().out
    assert all(f"({step}) 合格 PASSED" in out for step in range(1, 10))
    assert "VERIFIED" in out
    assert verify_file(file, None) == 5
    assert "NOT VERIFIED" in capsys.readouterr().out
    assert verify_file(file, OTHER_GENESIS, as_json=True) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["verdict"], answer["code"]) == ("rejected", "evidence.genesis")
    file.write_bytes(presented[:-1])
    assert verify_file(file, told.genesis) == 1
    assert "(9) 未検査 NOT REACHED" in capsys.readouterr().out


def test_the_pack_brings_its_own_tool(
    told: EvidenceWorld, presented: bytes, tmp_path: Path
) -> None:
    """[EVI-VER-6]: a fresh interpreter, no network, the base install only."""
    (tmp_path / "pack.zip").write_bytes(presented)
    (tmp_path / "verify.py").write_bytes(files_of(presented)["verify.py"])
    guard = (
        "import runpy, socket, sys\n"
        "def no(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.create_connection = no\n"
        "for name in ('flask', 'textual', 'sqlalchemy', 'sqlcipher3', 'PIL'):\n"
        "    sys.modules[name] = None\n"
        "sys.argv = ['verify.py', *sys.argv[1:]]\n"
        "runpy.run_path('verify.py', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", guard, "pack.zip", told.genesis],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "合格 VERIFIED" in done.stdout


# --- the way from the genesis ---


def test_light_blocks_lead_from_the_genesis_through_changed_validators() -> None:
    """[EVI-EXP-3]"""
    made = LightChain()
    for height in range(1, 41):
        names = "abcdefgh"[(height - 1) // 8 :][:4]
        following = "abcdefgh"[height // 8 :][:4]
        made.names = names
        made.grow(
            validator_set(**dict.fromkeys(names, 1)),
            validator_set(**dict.fromkeys(following, 1)),
        )
    now = made.blocks[-1].header.time.moment
    trusted = genesis_trust(validator_set(a=1, b=1, c=1, d=1))
    way = way_from(trusted, made.blocks[-1], lambda height: made.blocks[height - 1], now)
    assert 0 < len(way) <= 16
    assert way_from(trusted, made.blocks[3], lambda height: made.blocks[height - 1], now) == ()
    stranger = signed(
        header(50, time=Timestamp.at(GENESIS + timedelta(minutes=1))), validator_set(x=1), "x"
    )
    with pytest.raises(Untrusted):
        way_from(trusted, stranger, lambda height: made.blocks[min(height, 40) - 1], now)


# --- the page ---


@pytest.mark.browser
def test_the_page_prints_on_paper_and_runs_nothing(presented: bytes, tmp_path: Path) -> None:
    """[EVI-PAGE-2]"""
    page = tmp_path / "index.html"
    page.write_bytes(files_of(presented)["index.html"])
    with browsing(tmp_path) as browser:
        for width in (320, 800):
            browser.open(page.as_uri(), width=width)
            assert browser.overflow() <= 0
        assert browser.complaints == []
        assert browser.count("script, a[href], img, [onclick]") == 0
        printed = browser.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)
        assert len(printed["data"]) > 10_000


def test_the_page_says_who_what_when_and_what_it_does_not_prove(presented: bytes) -> None:
    """[EVI-PAGE-1], [EVI-PAGE-2]"""
    text = files_of(presented)["index.html"].decode()
    for words in ("だれが", "Who", "なにを", "いつ", "この証拠が示さないこと", NAME, "Minpaku One",
                  "制裁対象者", "日本時間"):  # fmt: skip
        assert words in text
    assert "<script" not in text
    assert LATER.strftime("%Y-%m-%d %H:%M:%S UTC") in text
    assert "the examiner brought" not in text
