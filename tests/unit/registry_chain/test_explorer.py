"""The node's pages for people [EXP-PROOF-1] to [EXP-WEB-5], over a real chain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from registry_chain.engines.base import Answer
from registry_chain.explorer.families import FAMILIES
from registry_chain.explorer.lapsing import lapse_of
from registry_chain.explorer.proving import Prover, Shown
from registry_chain.explorer.words import WORDS
from registry_chain.genesis import Genesis, new_genesis
from registry_chain.light import (
    UntrustedLightBlock,
    light_block_to_json,
    parse_bundle,
    parse_light_block,
    verify_bundle,
)
from registry_chain.node import create_app
from registry_chain.records import ValidatorRecord
from registry_chain.transactions import Attestable, Name, SuspendIssuer, tx_id_of
from registry_chain.transactions.decisions import PauseFamilies
from registry_chain.transactions.governance import EmergencySuspend
from registry_chain.trust_root import trust_from_genesis
from ssi.encoding import JSONObject, b64url_decode, sha256
from ssi.errors import Rejected, Unavailable
from ssi.keys import Alg, PublicKey
from tests.support.chain import START, Chain, running
from tests.support.furnished import SIGNING, furnish
from tests.support.light import GENESIS, key, signed, validator_set
from tests.support.light import Chain as LightChain
from tests.support.registry import KYC, T0, accreditation, make_genesis

HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running(tmp_path_factory.mktemp("explorer") / "c.db") as running_chain:
        furnish(running_chain)
        yield running_chain


@pytest.fixture
def site(chain: Chain) -> FlaskClient:
    return create_app(chain.engine, chain.clock).test_client()


def shown(site: FlaskClient, path: str, lang: str = "en", status: int = 200) -> str:
    sign = "&" if "?" in path else "?"
    answer = site.get(f"{path}{sign}lang={lang}", headers=HTML)
    assert answer.status_code == status, (path, answer.text)
    assert answer.mimetype == "text/html"
    return answer.text


def tx_at(chain: Chain, height: int) -> tuple[str, bytes]:
    raw = b64url_decode(chain.engine.blocks(height, 1)[0]["txs"][0])  # type: ignore[index,arg-type]
    return tx_id_of(raw.decode()), raw


def pages(chain: Chain) -> list[str]:
    return [
        "/", "/live", "/live?every=60", "/blocks", "/blocks?from=21", "/block/1", "/block/4",
        "/txs", "/txs?from=9", f"/tx/{tx_at(chain, 4)[0]}", "/validators", "/records",
        "/record/issuer/city-kyc", f"/record/key/city-kyc/{SIGNING.public_key.thumbprint()}",
        "/record/status/city-kyc/main", "/record/issuer/nobody", "/record/member/council?height=2",
        "/records/anchor?under=city-kyc", "/search?q=city-kyc", "/search?q=nothing-like-it",
        *(f"/records/{family.prefix}" for family in FAMILIES), "/records/unheard-of",
    ]  # fmt: skip


# --- proofs ---


def test_every_page_is_drawn_in_both_languages_without_a_script(
    chain: Chain, site: FlaskClient
) -> None:
    """[EXP-WEB-1], [EXP-WEB-2]"""
    for path in pages(chain):
        for lang in ("ja", "en"):
            text = shown(site, path, lang)
            assert f'<html lang="{lang}">' in text
            assert "<script" not in text
            assert " on" not in re.sub(r">[^<]*<", "><", text).replace(" one", "")
            assert len(re.findall(r"<h1", text)) == 1
            assert "not proven" not in text.lower()


def test_a_record_is_shown_with_its_proof(site: FlaskClient) -> None:
    """[EXP-PROOF-1], [EXP-PROOF-3]"""
    text = shown(site, "/record/issuer/city-kyc")
    assert "✓ Proven" in text
    assert "signed by 1 of 1 validators" in text
    assert "City KYC" in text
    assert "Issuers&#39; keys" in text
    assert SIGNING.public_key.thumbprint() in text
    assert "存在しないことを証明済み" in shown(site, "/record/issuer/nobody", "ja")


def test_the_proof_can_be_taken_away_and_verified(chain: Chain, site: FlaskClient) -> None:
    """[EXP-PROOF-5]"""
    answer = site.get("/bundle.json?key=issuer/city-kyc&key=issuer/nobody")
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    bundle = verify_bundle(
        parse_bundle(answer.data), trusted=trust_from_genesis(chain.genesis), now=START
    )
    assert bundle.records.keys() == {"issuer/city-kyc", "issuer/nobody"}
    tx_id, raw = tx_at(chain, 4)
    taken = site.get(f"/tx/{tx_id}/bundle.json")
    proven = verify_bundle(
        parse_bundle(taken.data), trusted=trust_from_genesis(chain.genesis), now=START
    )
    assert proven.transactions == {sha256(raw)}
    assert site.get(f"/tx/{tx_id}/tx.jws").data == raw


def test_a_record_can_be_seen_as_of_an_earlier_height(site: FlaskClient) -> None:
    """[EXP-PROOF-3]"""
    assert "Proven absent" in shown(site, "/record/issuer/city-kyc?height=1")
    assert "City KYC" in shown(site, "/record/issuer/city-kyc?height=2")
    assert "As of height 2" in shown(site, "/record/issuer/city-kyc?height=2")


@dataclass
class Lying:
    """A real engine with a store that was tampered with: what `change` alters."""

    engine: Any
    lies: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        honest = getattr(self.engine, name)
        lie = self.lies.get(name)
        if lie is None:
            return honest
        return lambda *args: lie(honest(*args))


def _another_value(answer: Answer) -> Answer:
    proofs = tuple(
        replace(one, value=(one.value or b"{}").replace(b"time", b"Time")) for one in answer.proofs
    )
    return replace(answer, proofs=proofs)


def _another_root(answer: Answer) -> Answer:
    header = replace(answer.light_block.header, app_hash=b"\1" * 32)
    return replace(answer, light_block=replace(answer.light_block, header=header))


def _another_result(block: JSONObject) -> JSONObject:
    return block | {"results": [one | {"code": 9} for one in block["results"]]}  # type: ignore[operator,union-attr,misc]


def _no_transactions(block: JSONObject) -> JSONObject:
    return block | {"txs": [], "results": []}


def _another_place(said: JSONObject) -> JSONObject:
    return said | {"inclusion": {"index": 0, "total": 2, "path": ["A" * 43]}}


def lying(chain: Chain, **lies: Any) -> FlaskClient:
    return create_app(Lying(chain.engine, lies), chain.clock).test_client()  # type: ignore[arg-type]


def test_a_proof_that_fails_is_said_in_words_and_the_claim_is_marked(chain: Chain) -> None:
    """[EXP-PROOF-3]"""
    for lie, code in ((_another_value, "proof.invalid"), (_another_root, "light.header_hash")):
        site = lying(chain, prove=lie)
        for path in ("/record/issuer/city-kyc", "/records/issuer", "/search?q=city-kyc"):
            text = shown(site, path)
            assert "NOT PROVEN" in text
            assert code in text
            assert "✓ Proven" not in text
        assert 'role="alert"' in shown(site, "/record/issuer/city-kyc")
        assert "証明できません" in shown(site, "/record/issuer/city-kyc", "ja")


def test_a_result_or_a_place_that_is_not_the_headers_is_said(chain: Chain) -> None:
    """[EXP-PROOF-4]"""
    tx_id, _ = tx_at(chain, 4)
    path = f"/tx/{tx_id}"
    assert "The result is proven by the header of the next block, 5" in shown(lying(chain), path)
    text = shown(lying(chain, block=_another_result), path)
    assert "The result does NOT verify" in text
    text = shown(lying(chain, inclusion=_another_place), path)
    assert "NOT PROVEN" in text
    assert "NOT PROVEN" in shown(lying(chain, block=_no_transactions), "/block/4")


def test_a_status_list_that_is_not_the_recorded_one_is_said(chain: Chain) -> None:
    """[EXP-PROOF-6]"""
    path = "/record/status/city-kyc/main"
    assert "has the recorded digest" in shown(lying(chain), path)
    text = shown(lying(chain, token=lambda _: "another.token.here"), path)
    assert "does NOT have the recorded digest" in text
    assert "does not have the list" in shown(lying(chain, token=lambda _: None), path)


@dataclass
class Blocks:
    """An engine of which only blocks are asked."""

    genesis: Genesis
    blocks: list[UntrustedLightBlock]
    asked: list[int] = field(default_factory=list)
    way: tuple[int, ...] = ()
    gone: int = 0

    def light_block(self, height: int | None = None) -> JSONObject | None:
        self.asked.append(height or 0)
        if height is not None and height <= self.gone:
            return None
        return light_block_to_json(self.blocks[(height or len(self.blocks)) - 1])

    def trust_path(self, start: int) -> list[JSONObject]:
        return [light_block_to_json(self.blocks[at - 1]) for at in self.way if at >= start]


def turned_over() -> tuple[Genesis, LightChain]:
    """A chain of 40 blocks; of those who founded it nobody signs the newest any more."""
    founders = [PublicKey(Alg.EDDSA, bytes(key(name).verify_key)) for name in "abcd"]
    genesis = new_genesis(
        chain_id="test-chain",
        genesis_time=int(GENESIS.timestamp()),
        validators=founders,
        members=list(make_genesis().members),
        loopback=True,
    )
    root = trust_from_genesis(genesis).next_app_hash
    made = LightChain()
    for height in range(1, 41):
        names = "abcdefgh"[(height - 1) // 8 :][:4]
        following = "abcdefgh"[height // 8 :][:4]
        made.names = names
        made.grow(
            validator_set(**dict.fromkeys(names, 1)),
            validator_set(**dict.fromkeys(following, 1)),
            app_hash=root,
        )
    return genesis, made


def test_trust_walks_through_changing_validators() -> None:
    """[EXP-PROOF-2]"""
    genesis, made = turned_over()
    engine = Blocks(genesis, made.blocks)
    prover = Prover(engine, lambda: made.blocks[-1].header.time.moment)  # type: ignore[arg-type]
    newest = prover.block(40)
    assert newest is not None
    assert newest.height == 40
    steps = set(engine.asked) - {40}
    assert 0 < len(steps) < 15
    # Out of order, and one that was never signed by those entitled to.
    assert prover.block(3) is not None
    engine.blocks[29] = signed(made.blocks[29].header, validator_set(w=1, x=1), "wx")
    with pytest.raises(Rejected):
        prover.block(30)


def test_trust_goes_the_way_that_a_node_kept_from_before_its_snapshot() -> None:
    """[EXP-PROOF-2], [REG-NET-10]: without it, a node that has no older blocks proves nothing."""
    genesis, made = turned_over()
    clock = lambda: made.blocks[-1].header.time.moment  # noqa: E731
    with pytest.raises(Unavailable):
        Prover(Blocks(genesis, made.blocks, gone=38), clock).block(40)  # type: ignore[arg-type]
    engine = Blocks(genesis, made.blocks, gone=38, way=(8, 9, 16, 17, 24, 25, 32, 33))
    newest = Prover(engine, clock).block(40)  # type: ignore[arg-type]
    assert newest is not None
    assert newest.height == 40
    assert set(engine.asked) == {40}
    made.blocks[15] = signed(made.blocks[15].header, validator_set(w=1, x=1), "wx")
    with pytest.raises((Unavailable, Rejected)):
        Prover(
            Blocks(genesis, made.blocks, gone=38, way=(8, 16, 32)),  # type: ignore[arg-type]
            clock,
        ).block(40)


# --- search ---


def test_one_box_finds_everything(chain: Chain, site: FlaskClient) -> None:
    """[EXP-WEB-4]"""
    tx_id, _ = tx_at(chain, 4)
    block = parse_light_block(chain.engine.light_block(4)).commit.block_id.hash.hex()
    print_ = SIGNING.public_key.thumbprint()
    places = {
        "4": "/block/4",
        block: "/block/4",
        block.upper(): "/block/4",
        tx_id: f"/tx/{tx_id}",
    }
    for query, place in places.items():
        answer = site.get(f"/search?q={query}", headers=HTML)
        assert (answer.status_code, answer.headers["Location"]) == (303, place)
    for query, found in {
        "city-kyc": ["issuer/city-kyc", "member/city-kyc"],
        print_: [f"key/city-kyc/{print_}"],
        "anchor/city-kyc/batch-00": ["anchor/city-kyc/batch-001", "anchor/city-kyc/batch-009"],
        "issuer/city-kyc": ["issuer/city-kyc"],
    }.items():
        answer = site.get(f"/search?q={quote(query)}&lang=en", headers=HTML, follow_redirects=True)
        assert answer.status_code == 200
        assert all(one in answer.text for one in found), query
    assert "Nothing was found" in shown(site, "/search?q=nobody-at-all")
    assert "Nothing was found" in shown(site, f"/search?q={'9' * 16}")


# --- hostile questions ---

HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=y>', "' OR 1=1 --", "../../etc/passwd",
    "{{7*7}}", "%00", "\r\nSet-Cookie: a=b", "a" * 5_000, "髙﨑", "-1", "1e9", "9" * 30, "\u202e",
    "javascript:alert(1)", "//evil.example", "null",
]  # fmt: skip
PLACES = [
    "/block/{}", "/tx/{}", "/record/{}", "/records/{}", "/search?q={}", "/blocks?from={}",
    "/txs?from={}", "/live?every={}", "/records/anchor?under={}", "/records/anchor?after={}",
    "/record/issuer/city-kyc?height={}", "/bundle.json?key={}", "/block/{}/light.json",
    "/tx/{}/bundle.json", "/tx/{}/tx.jws", "/{}", "/?lang={}",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_hostile_questions_get_a_stable_answer(site: FlaskClient, place: str) -> None:
    """[EXP-WEB-3]"""
    for text in HOSTILE:
        answer = site.get(place.format(quote(text, safe="")), headers=HTML)
        assert answer.status_code in (200, 303, 400, 404), (place, text, answer.status_code)
        if answer.mimetype != "text/html":  # a file, which no browser draws
            assert answer.headers["Content-Disposition"].startswith("attachment; ")
            continue
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert "49" not in re.findall(r"<h1>.*?</h1>", answer.text)
        assert "Set-Cookie" not in answer.headers
        location = answer.headers.get("Location", "/")
        assert location.startswith("/")
        assert not location.startswith("//")
        if answer.status_code >= 400:
            assert re.search(r"<code>http\.(bad_request|not_found)</code>", answer.text)
            assert text not in answer.text or len(text) < 5
        again = site.get(place.format(quote(text, safe="")), headers=HTML)
        assert again.status_code == answer.status_code


def test_programs_get_json_and_people_get_pages(site: FlaskClient) -> None:
    """[REG-NODE-1], [EXP-WEB-3]"""
    assert site.get("/nothing", headers=HTML).mimetype == "text/html"
    assert site.get("/nothing", headers={"Accept": "*/*"}).json["error"] == "http.not_found"
    assert site.get("/v1/nothing", headers=HTML).mimetype == "application/json"
    assert site.post("/blocks", headers=HTML).status_code == 405


def test_names_in_records_are_text(tmp_path: Path) -> None:
    """[EXP-WEB-2]"""
    name = Name(ja="<script>alert(1)</script>", en='"><img src=x onerror=y>')
    with running(tmp_path / "c.db") as chain:
        chain.decide(accreditation(name=name))
        site = create_app(chain.engine, chain.clock).test_client()
        tx_id, _ = tx_at(chain, 2)
        for path in ("/record/issuer/city-kyc", "/records/issuer", f"/tx/{tx_id}", "/"):
            text = shown(site, path)
            assert "<script" not in text
            assert "<img" not in text
        assert "&lt;script&gt;" in shown(site, "/record/issuer/city-kyc")


# --- the web ---


def test_the_language_is_asked_for_or_chosen_and_kept(site: FlaskClient) -> None:
    """[EXP-WEB-1]"""
    asked = site.get("/", headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert '<html lang="en">' in asked.text
    assert asked.headers["Vary"] == "Accept-Language"
    assert asked.headers["Content-Language"] == "en"
    assert '<html lang="ja">' in site.get("/").text
    chosen = shown(site, "/blocks?from=9", "en")
    assert "/blocks?from=9&amp;lang=ja" in chosen
    inner = re.findall(r'href="(/(?:block|tx|records?|validators)[^"]*)"', chosen)
    assert inner
    assert all("lang=en" in link for link in inner if "from=9&amp;lang=ja" not in link)


def test_live_refreshes_by_itself_and_can_be_stopped(site: FlaskClient) -> None:
    """[EXP-WEB-5]"""
    assert "Refresh" not in site.get("/").headers
    answer = site.get("/live?every=15&lang=en")
    assert answer.headers["Refresh"] == "15"
    assert "Stop refreshing" in answer.text
    assert site.get("/live?every=1").status_code == 400


def test_what_has_not_changed_is_not_sent_again(site: FlaskClient) -> None:
    """[EXP-WEB-6]"""

    def again(path: str) -> TestResponse:
        tag = {"If-None-Match": site.get(path).headers["ETag"]}
        return site.get(path, headers=tag)

    for path in ("/record/issuer/city-kyc", "/blocks", "/block/4/light.json"):
        second = again(path)
        assert second.status_code == 304
        assert second.data == b""
    assert "immutable" in site.get("/block/4/light.json").headers["Cache-Control"]
    assert "no-cache" in site.get("/record/issuer/city-kyc").headers["Cache-Control"]


def test_lists_are_paged_to_their_end(site: FlaskClient) -> None:
    """[EXP-PROOF-7]"""
    assert "That the list is complete is not" in shown(site, "/records/anchor")
    path, seen = "/records/anchor?under=city-kyc", []
    while path:
        text = site.get(path).text
        seen += re.findall(r'href="/record/(anchor/[^"?]+)', text)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = following[1].replace("&amp;", "&") if following else ""
    assert seen == [f"anchor/city-kyc/batch-{number:03}" for number in range(1, 25)]
    path, heights = "/blocks", []
    while path:
        text = site.get(path).text
        heights += [int(one) for one in re.findall(r'<h3><a href="/block/(\d+)"', text)]
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = following[1].replace("&amp;", "&") if following else ""
    assert heights == list(range(heights[0], 0, -1))


def test_every_family_has_a_name_and_every_word_both_languages() -> None:
    assert {f"family_{family.prefix}" for family in FAMILIES} <= WORDS.keys()
    assert all(word.ja.strip() and word.en.strip() for word in WORDS.values())


def test_what_an_issuer_may_attest_is_shown(tmp_path: Path) -> None:
    """[REG-ISS-7]"""
    ages = Attestable(vct=KYC, names=("age_over_18", "年齢"))
    with running(tmp_path / "c.db") as chain:
        chain.decide(accreditation(attests=(ages,)))
        client = create_app(chain.engine, chain.clock).test_client()
        text = shown(client, "/record/issuer/city-kyc")
        assert "Claims it may attest" in text
        assert text.index("age_over_18") < text.index("年齢")
        assert "証明できる項目" in shown(client, "/record/issuer/city-kyc", "ja")


# --- what ends by time ---


def stand(client: FlaskClient, key: str) -> str:
    """The state on a record's page; the list and the page must say the same."""
    page = shown(client, f"/record/{key}")
    found = re.search(r"<dt>State</dt><dd><span class=.state \w+.>([^<]*)", page)
    assert found is not None
    listed = shown(client, f"/records/{key.partition('/')[0]}")
    assert found[1] in listed
    return found[1]


def later(chain: Chain, **by: float) -> None:
    """Let time pass, and wait for a block that says so; our own clock alone ends nothing."""
    chain.clock.move(**by)
    prover = Prover(chain.engine, chain.clock)
    for _ in range(300):
        head = prover.block()
        if head is not None and head.time >= chain.clock():
            return
        sleep(0.1)
    pytest.fail("no block came")


def test_a_suspension_that_lapsed_is_not_shown_as_one(tmp_path: Path) -> None:
    """[EXP-STATE-1], [REG-EMG-4]"""
    with running(tmp_path / "c.db", heartbeat=timedelta(milliseconds=200)) as chain:
        chain.decide(accreditation())
        client = create_app(chain.engine, chain.clock).test_client()
        assert stand(client, "issuer/city-kyc") == "active"
        chain.do("city-kyc", EmergencySuspend(target="issuer/city-kyc", reason="stolen"))
        suspended_at = int(chain.clock().timestamp())
        assert stand(client, "issuer/city-kyc") == "suspended"
        assert stand(client, "emergency/issuer/city-kyc") == "in force"
        suspended = chain.client().issuer("city-kyc", chain.clock()).height
        later(chain, hours=73)
        ends = datetime.fromtimestamp(suspended_at + 72 * 3600, UTC)
        when = f"{ends:%Y-%m-%d %H:%M:%S} UTC"
        assert stand(client, "issuer/city-kyc") == f"active; its suspension lapsed at {when}"
        assert stand(client, "emergency/issuer/city-kyc") == f"lapsed at {when}"
        assert "期限が切れました" in shown(client, "/record/issuer/city-kyc", "ja")
        # The record itself is given away as it is.
        bundle = client.get("/bundle.json?key=issuer/city-kyc").get_data(as_text=True)
        assert chain.engine.prove(("issuer/city-kyc",)) is not None
        assert "lapsed" not in bundle
        # History shows what held then.
        past = shown(client, f"/record/issuer/city-kyc?height={suspended}")
        assert "its suspension lapsed" not in past
        # An issuer that the voters stopped for good has no end.
        chain.decide(SuspendIssuer(issuer="city-kyc", reason="audit"))
        later(chain, days=9)
        assert stand(client, "issuer/city-kyc") == "suspended"


def test_a_pause_and_a_proposal_end_by_time(tmp_path: Path) -> None:
    """[EXP-STATE-1], [REG-PAU-1], [REG-GOV-5]"""
    with running(tmp_path / "c.db", heartbeat=timedelta(milliseconds=200)) as chain:
        now = int(chain.clock().timestamp())
        chain.decide(PauseFamilies(families=("anchor",), until=now + 3600, reason="care"))
        client = create_app(chain.engine, chain.clock).test_client()
        assert stand(client, "pause/anchor") == "active"
        later(chain, hours=1)
        assert stand(client, "pause/anchor").startswith("lapsed at ")


def test_a_validators_power_does_not_come_back_by_time(tmp_path: Path) -> None:
    """[EXP-STATE-1], [REG-EMG-9]"""
    with running(tmp_path / "c.db") as chain:
        chain.decide(accreditation())
        block = Prover(chain.engine, chain.clock).block()
        assert block is not None
        seat = ValidatorRecord(state="active", height=1, time=T0, pub_key="x" * 43, power=1)
        stopped = seat.stopped(at=T0, height=1, until=T0 + 1, by="council", reason="x")
        firm = replace(block, time=block.time + timedelta(days=9))
        for key, record, over in (
            ("validator/" + "A" * 40, stopped, False),
            ("issuer/city-kyc", stopped, False),  # not a record of this family: as it is
        ):
            one = Shown(key=key, value=record.to_json(), block=firm)
            assert (lapse_of(one) is not None) is over
        unproven = Shown(key="pause/anchor", value={"state": "active", "until": 1}, block=None)
        assert lapse_of(unproven) is None
