"""Following a chain whose validators change, through nodes that may be down, behind or lying."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry_chain import cli
from registry_chain.client import HeadMemory, NodesCompared, RegistryClient, TrustRoot
from registry_chain.genesis import Genesis, genesis_records
from registry_chain.jmt import root_of
from registry_chain.light import (
    NO_BLOCK,
    Timestamp,
    UntrustedLightBlock,
    ValidatorSet,
    build_bundle,
    commit_hash,
    inflate_bundle,
    light_block_to_json,
    parse_bundle,
    parse_light_block,
    validators_hash,
    verify_light_block,
    verify_older,
)
from registry_chain.store import Store
from ssi.encoding import JSONObject, parse_json, sha256
from ssi.errors import Malformed, Misbehaviour, Rejected, SSIError, Stale, Unavailable, Untrusted
from ssi.fetch import FetchPolicy, http_fetch
from tests.support.chain import running
from tests.support.headers import HeaderNode, serving
from tests.support.light import (
    FOUR,
    GENESIS,
    ONE,
    SECOND,
    Chain,
    genesis_trust,
    header,
    signed,
    validator_set,
)
from tests.support.registry import make_genesis

NOW = GENESIS + timedelta(hours=1)
DAY = timedelta(days=1)
FETCH = http_fetch(FetchPolicy(allow_loopback_http=True))
NAMES = "abcdefghijklmnopqrstuvwxyz"


def founded(validators: ValidatorSet = FOUR) -> Genesis:
    listed: list[JSONObject] = []
    for one in validators.validators:
        shown = one.to_json()
        listed.append({"name": "", "power": shown.pop("voting_power"), **shown})
    return replace(make_genesis(), genesis_time=int(GENESIS.timestamp()), validators=tuple(listed))


def window(start: int) -> ValidatorSet:
    return validator_set(**dict.fromkeys(NAMES[start : start + 4], 1))


def drifting(length: int, every: int = 8) -> list[UntrustedLightBlock]:
    """A chain that replaces one of its four validators every few blocks."""
    chain = Chain()
    for height in range(1, length + 1):
        now, then = (height - 1) // every, height // every
        chain.names = NAMES[now : now + 4]
        first = {"app_hash": root_of(genesis_records(founded()))} if height == 1 else {}
        chain.grow(window(now), window(then), **first)
    return chain.blocks


def client(
    nodes: dict[str, HeaderNode],
    root: Genesis | TrustRoot | None = None,
    memory: HeadMemory | None = None,
    **more: Any,
) -> RegistryClient:
    urls = [f"http://{name}" for name in nodes]
    return RegistryClient(
        urls, root or founded(), serving(nodes), memory or HeadMemory.volatile(), **more
    )


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    cli.add_commands(parser.add_subparsers(dest="action"))
    return cli.run(parser.parse_args(words))


def refused(kind: type[SSIError], code: str, work: Any) -> SSIError:
    with pytest.raises(kind) as caught:
        work()
    assert caught.value.code == code
    return caught.value


# --- steps in between ---


def test_the_client_itself_finds_the_way_over_many_changes() -> None:
    """[REG-CLI-7] The node offers no path; of 160 blocks only some are asked for."""
    node = HeaderNode(drifting(160))
    reader = client({"n": node})
    assert reader.head(NOW).height == 160
    steps = [
        place for place in node.asked if place.startswith("/v1/light/") and "latest" not in place
    ]
    assert 10 < len(steps) < 80
    again = len(node.asked)
    reader.head(NOW)
    assert len(node.asked) == again + 1


def test_a_path_that_a_node_offers_is_gone_first() -> None:
    """[REG-CLI-7]"""
    blocks = drifting(160)
    node = HeaderNode(blocks, path=[block for block in blocks if block.height % 8 == 0])
    assert client({"n": node}).head(NOW).height == 160
    assert [place for place in node.asked if place[:10] == "/v1/light/"] == ["/v1/light/latest"]


def test_a_path_that_leads_nowhere_does_not_stop_the_client() -> None:
    """[REG-CLI-7]"""
    blocks = drifting(80)
    for path in ([blocks[-1]], [blocks[70]], blocks[:9], [blocks[8], blocks[3]]):
        assert client({"n": HeaderNode(blocks, path=list(path))}).head(NOW).height == 80


def test_a_forged_block_on_the_way_is_found() -> None:
    """[REG-CLI-7] One set on the way is of the node's own choice."""
    blocks = drifting(80)
    forged = [
        signed(header(block.height), validator_set(x=1, y=1, z=1), "xyz")
        if 30 < block.height < 50
        else block
        for block in blocks
    ]
    reader = client({"n": HeaderNode(forged)})
    with pytest.raises(Rejected) as caught:
        reader.head(NOW)
    assert caught.value.code in ("light.not_enough_trust", "light.validators_changed")


def test_a_node_that_answers_with_another_height_is_refused() -> None:
    blocks = drifting(80)

    class Elsewhere(HeaderNode):
        def answer(self, place: str) -> Any:
            wanted = place.rpartition("/")[2]
            return light_block_to_json(blocks[10]) if wanted == "40" else super().answer(place)

    refused(Rejected, "light.height", lambda: client({"n": Elsewhere(blocks)}).head(NOW))


def test_a_way_without_end_is_given_up() -> None:
    """[REG-CLI-7] The client asks for a bounded number of blocks."""

    class Endless(HeaderNode):
        def answer(self, place: str) -> Any:
            wanted = place.rpartition("/")[2]
            if not wanted.isdigit():
                return super().answer(place)
            made = header(int(wanted), time=Timestamp.at(GENESIS + SECOND))
            return light_block_to_json(signed(made, validator_set(x=1, y=1, z=1), "xyz"))

    far = signed(header(10**9, time=Timestamp.at(GENESIS + 2 * SECOND)), window(20), "uvwx")
    node = Endless([far])
    with pytest.raises(Rejected):
        client({"n": node}).head(NOW)
    assert len(node.asked) < 300


# --- backwards ---


def test_an_older_block_is_reached_backwards() -> None:
    """[REG-LIGHT-10]"""
    blocks = drifting(60)
    root = TrustRoot(genesis=founded(), checkpoint=blocks[49])
    node = HeaderNode(blocks)
    reader = client({"n": node}, root)
    found = reader.block_at(20, NOW)
    assert (found.height, found.app_hash, found.signed) == (20, blocks[19].header.app_hash, 4)
    assert reader.block_at(55, NOW).height == 55


def test_backwards_every_link_is_checked() -> None:
    """[REG-LIGHT-10]"""
    blocks = drifting(12)
    newer = verify_light_block(
        blocks[11],
        trusted=TrustRoot(genesis=founded(), checkpoint=blocks[11]).state(),
        now=NOW,
    ).trusted
    good = blocks[10]
    assert verify_older(good, newer=newer, now=NOW).height == 11
    other = signed(header(11), window(1), NAMES[1:5])
    unsigned = replace(good, commit=replace(good.commit, signatures=other.commit.signatures))
    for wrong, code in (
        (other, "light.backwards"),
        (blocks[9], "light.backwards"),
        (signed(header(11, chain_id="other")), "light.chain_id"),
        (unsigned, "light.signature"),
        (replace(good, validators=ONE), "light.validators_hash"),
    ):
        refused(Rejected, code, lambda wrong=wrong: verify_older(wrong, newer=newer, now=NOW))
    late = replace(newer, time=blocks[10].header.time)
    refused(Rejected, "light.time", lambda: verify_older(good, newer=late, now=NOW))
    much_later = NOW + timedelta(days=61)
    refused(
        Rejected,
        "light.trust_expired",
        lambda: verify_older(good, newer=newer, now=much_later),
    )
    refused(
        Rejected,
        "light.backwards",
        lambda: verify_older(good, newer=replace(newer, block=None), now=NOW),
    )
    with pytest.raises(ValueError, match="aware"):
        verify_older(good, newer=newer, now=NOW.replace(tzinfo=None))


def test_backwards_not_for_ever() -> None:
    """[REG-LIGHT-10]"""
    far = signed(header(5000))
    node = HeaderNode([far])
    root = TrustRoot(genesis=founded(), checkpoint=far)
    refused(Rejected, "light.backwards", lambda: client({"n": node}, root).block_at(3, NOW))
    assert len(node.asked) == 0


# --- the hand-over from the embedded engine ---


def handed_over(**changes: Any) -> tuple[list[UntrustedLightBlock], UntrustedLightBlock]:
    """Three blocks by one validator, and the first of the four it announced."""
    chain = Chain(names="a")
    chain.grow(ONE)
    chain.grow(ONE, app_hash=sha256(b"state"))
    chain.grow(ONE, FOUR, app_hash=sha256(b"state"), **changes.pop("last", {}))
    made = header(
        4,
        **{
            "last_block_id": NO_BLOCK,
            "last_commit_hash": commit_hash(None),
            "app_hash": sha256(b"state"),
            "app_protocol": 2,
            **changes,
        },
    )
    return chain.blocks, signed(made, changes.get("by_set", FOUR))


def followed(blocks: Sequence[UntrustedLightBlock], validators: ValidatorSet = ONE) -> Any:
    trusted = genesis_trust(validators)
    for block in blocks:
        trusted = verify_light_block(block, trusted=trusted, now=NOW).trusted
    return trusted


def test_a_chain_of_one_hands_over_to_a_network() -> None:
    """[REG-LIGHT-9] and its ``version.app`` may be another."""
    old, first = handed_over()
    trusted = followed(old)
    verified = verify_light_block(first, trusted=trusted, now=NOW)
    assert (verified.height, verified.validators) == (4, 4)
    next_block = signed(header(5, last_block_id=first.commit.block_id))
    assert verify_light_block(next_block, trusted=verified.trusted, now=NOW).height == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"app_hash": sha256(b"another state")},
        {"last_commit_hash": sha256(b"x")},
        {"last_block_id": signed(header(3)).commit.block_id},
        {"last": {"data_hash": sha256(b"transactions")}},
    ],
    ids=["another root", "a commit before it", "another block before it", "transactions in H"],
)
def test_what_is_no_hand_over(changes: dict[str, Any]) -> None:
    """[REG-LIGHT-9]"""
    old, first = handed_over(**changes)
    refused(
        Misbehaviour,
        "light.misbehaviour",
        lambda: verify_light_block(first, trusted=followed(old), now=NOW),
    )


def test_a_network_never_begins_anew() -> None:
    """[REG-LIGHT-9] Four validators that leave out the block before are contradicting it."""
    chain = Chain()
    chain.grow()
    other = validator_set(a=1, b=1, c=1, e=1)
    chain.grow(FOUR, other)
    orphan = signed(header(3, validators_hash=b""), other, "abce")
    refused(
        Misbehaviour,
        "light.misbehaviour",
        lambda: verify_light_block(orphan, trusted=followed(chain.blocks, FOUR), now=NOW),
    )


def test_one_validator_never_begins_anew_by_itself() -> None:
    """[REG-LIGHT-9] Without a new set there is no hand-over."""
    chain = Chain(names="a")
    chain.grow(ONE)
    orphan = signed(header(2), ONE, "a")
    refused(
        Misbehaviour,
        "light.misbehaviour",
        lambda: verify_light_block(orphan, trusted=followed(chain.blocks), now=NOW),
    )


def test_strangers_do_not_take_over() -> None:
    """[REG-LIGHT-9]"""
    old, _ = handed_over()
    strangers = validator_set(w=1, x=1, y=1, z=1)
    made = header(4, app_hash=sha256(b"state"))
    refused(
        Untrusted,
        "light.validators_changed",
        lambda: verify_light_block(signed(made, strangers, "wxyz"), trusted=followed(old), now=NOW),
    )


# --- several nodes ---


def test_the_result_says_how_many_nodes_agreed() -> None:
    """[REG-CLI-6]"""
    blocks = drifting(9)
    nodes = {name: HeaderNode(blocks) for name in ("one", "two", "three", "four", "five")}
    nodes["three"] = HeaderNode(blocks[:5])  # behind
    nodes["four"].up = False
    nodes["five"] = HeaderNode([*blocks[:8], signed(header(9), validator_set(z=1), "z")])
    reader = client(nodes)
    head, compared = reader.compare(NOW)
    assert head.height == 9
    assert compared == NodesCompared(
        agreed=2, silent=("http://three", "http://four"), lying=("http://five",)
    )
    assert compared.asked == 5
    times = len(nodes["two"].asked)
    assert reader.compare(NOW)[1] == compared
    assert len(nodes["two"].asked) == times, "a header is compared once"


def test_a_node_that_is_down_is_left_alone_for_a_minute() -> None:
    """[REG-CLI-6]"""
    blocks = drifting(9)
    nodes = {"one": HeaderNode(blocks[:7]), "two": HeaderNode(blocks, up=False)}
    reader = client(nodes)
    reader.compare(NOW)
    for length, later, asked in ((8, 1, 1), (9, 61, 2)):
        nodes["one"].blocks = blocks[:length]
        reader.compare(NOW + later * SECOND)
        assert len(nodes["two"].asked) == asked


def test_the_node_that_lies_first_is_passed_over_and_said_so() -> None:
    """[REG-CLI-6]"""
    blocks = drifting(9)
    liar = HeaderNode([*blocks[:8], signed(header(9), validator_set(z=1), "z")])
    _, compared = client({"liar": liar, "one": HeaderNode(blocks)}).compare(NOW)
    assert compared == NodesCompared(agreed=1, lying=("http://liar",))


def forked() -> tuple[list[UntrustedLightBlock], UntrustedLightBlock]:
    """A chain, and another block by the same validators at its last height."""
    blocks = drifting(7)
    return blocks, signed(
        header(7, last_block_id=blocks[5].commit.block_id, app_hash=sha256(b"other"))
    )


def test_two_headers_of_one_height_are_evidence_on_disk(tmp_path: Path) -> None:
    """[REG-CLI-6]"""
    blocks, other = forked()
    nodes = {"one": HeaderNode(blocks), "two": HeaderNode([*blocks[:6], other])}
    memory = HeadMemory.open(tmp_path / "heads.db")
    refused(Misbehaviour, "light.misbehaviour", lambda: client(nodes, memory=memory).compare(NOW))
    memory.close()

    again = HeadMemory.open(tmp_path / "heads.db")
    (kept,) = again.contradictions()
    shown = [parse_light_block(parse_json(text)) for text in (kept.first, kept.second)]
    assert shown == [blocks[6], other]
    honest = {"one": HeaderNode(blocks)}
    refused(Misbehaviour, "light.misbehaviour", lambda: client(honest, memory=again).head(NOW))
    assert again.settle(founded().chain_id) == 1
    assert client(honest, memory=again).head(NOW).height == 7
    assert [one.settled for one in again.contradictions()] == [True]
    assert again.settle(founded().chain_id) == 0
    again.close()


def test_a_block_on_another_predecessor_is_kept_too() -> None:
    """[REG-CLI-6] [REG-LIGHT-8]"""
    blocks, other = forked()
    memory = HeadMemory.volatile()
    client({"n": HeaderNode(blocks)}, memory=memory).head(NOW)
    following = signed(header(8, last_block_id=other.commit.block_id))
    reader = client({"n": HeaderNode([*blocks, following])}, memory=memory)
    refused(Misbehaviour, "light.misbehaviour", lambda: reader.head(NOW))
    assert len(memory.contradictions(founded().chain_id)) == 1


# --- the trust file ---


def test_a_trust_file_carries_a_checkpoint(tmp_path: Path) -> None:
    """[REG-LIGHT-3]"""
    blocks = drifting(40)
    root = TrustRoot(genesis=founded(), checkpoint=blocks[35])
    file = tmp_path / "trust.json"
    file.write_text(json.dumps(root.to_json()))
    assert TrustRoot.load(file) == root
    node = HeaderNode(blocks)
    assert client({"n": node}, TrustRoot.load(file)).head(NOW).height == 40
    plain = tmp_path / "genesis.json"
    plain.write_bytes(founded().to_bytes())
    assert TrustRoot.load(plain) == TrustRoot(genesis=founded())
    behind = HeaderNode(blocks[:20])
    refused(Stale, "light.behind", lambda: client({"n": behind}, root).head(NOW))


def test_a_trust_file_that_was_changed() -> None:
    """[REG-LIGHT-3]"""
    blocks = drifting(9)
    good: Any = TrustRoot(genesis=founded(), checkpoint=blocks[8]).to_json()
    other = signed(header(9, chain_id="other"))
    alien = TrustRoot(genesis=founded(), checkpoint=other).to_json()
    weak = TrustRoot(genesis=founded(), checkpoint=signed(header(9), by="ab")).to_json()
    for said, kind, code in (
        (good | {"v": 2}, Malformed, "trust.malformed"),
        (good | {"extra": 1}, Malformed, "trust.malformed"),
        (
            good | {"checkpoint": good["checkpoint"] | {"height": 8}},
            Untrusted,
            "trust.checkpoint",
        ),
        (
            good | {"checkpoint": good["checkpoint"] | {"hash": "00" * 32}},
            Untrusted,
            "trust.checkpoint",
        ),
        (alien, Untrusted, "trust.checkpoint"),
        (weak, Untrusted, "light.quorum"),
    ):
        refused(kind, code, lambda said=said: TrustRoot.parse(said))


def test_trust_that_is_too_old_is_said_and_not_begun_anew() -> None:
    """[REG-LIGHT-3] A program that slept does not fall back on the genesis."""
    blocks = drifting(9)
    later = NOW + timedelta(days=61)
    fresh = signed(
        header(10, time=Timestamp.at(later), last_block_id=blocks[8].commit.block_id),
        window(1),
        NAMES[1:5],
    )
    memory = HeadMemory.volatile()
    client({"n": HeaderNode(blocks)}, memory=memory).head(NOW)
    nodes = {"n": HeaderNode([*blocks, fresh])}
    error = refused(
        Untrusted, "light.trust_expired", lambda: client(nodes, memory=memory).head(later)
    )
    assert "warifu chain trust" in error.diagnostics("en")
    root = TrustRoot(genesis=founded(), checkpoint=fresh)
    assert client(nodes, root, memory).head(later).height == 10
    long = timedelta(days=730)
    assert client(nodes, memory=memory, trusting_period=long).head(later).height == 10
    old = TrustRoot(genesis=founded(), checkpoint=blocks[8])
    refused(Untrusted, "light.trust_expired", lambda: client(nodes, old).head(later))


def test_no_node_at_all() -> None:
    node = HeaderNode(drifting(2), up=False)
    refused(Unavailable, "fetch.failed", lambda: client({"n": node}).head(NOW))


# --- the commands ---


def test_the_command_writes_a_trust_file(tmp_path: Path, capsys: Any) -> None:
    """[REG-LIGHT-3] From a running node to a file that another program begins from."""
    with running(tmp_path / "chain.db") as chain:
        chain.settle()
        (tmp_path / "genesis.json").write_bytes(chain.genesis.to_bytes())
        out = tmp_path / "trust.json"
        asked = ["--genesis", str(tmp_path / "genesis.json"), "--node", chain.url]
        assert command("trust", *asked, "--out", str(out), "--loopback") == 0
        told = json.loads(capsys.readouterr().out)
        root = TrustRoot.load(out)
        assert root.checkpoint is not None
        assert told["height"] == root.checkpoint.height
        assert (told["nodes_agreed"], told["nodes_asked"]) == (1, 1)
        reader = RegistryClient([chain.url], root, FETCH, HeadMemory.volatile())
        assert reader.issuer("city-kyc", chain.clock()).name.en == "City KYC"


def test_the_command_shows_and_settles_evidence(tmp_path: Path, capsys: Any) -> None:
    """[REG-CLI-6]"""
    blocks, other = forked()
    file = tmp_path / "firm.heads"
    memory = HeadMemory.open(file)
    nodes = {"one": HeaderNode(blocks), "two": HeaderNode([*blocks[:6], other])}
    with pytest.raises(Misbehaviour):
        client(nodes, memory=memory).compare(NOW)
    memory.close()
    out = tmp_path / "evidence.json"
    assert command("evidence", "--memory", str(file), "--out", str(out)) == 1
    told = json.loads(capsys.readouterr().out)["contradictions"]
    assert told == [{"chain_id": "test-chain", "settled": False, "first": "7", "second": "7"}]
    (pair,) = json.loads(out.read_text())["contradictions"]
    assert parse_light_block(pair["second"]) == other
    assert command("evidence", "--memory", str(file), "--settle", "test-chain") == 0
    with pytest.raises(Malformed):
        command("evidence", "--memory", str(tmp_path / "none"))


# --- stapled by one, read by another ---


def stapling(tmp_path: Path, length: int = 60) -> tuple[HeaderNode, Store]:
    """A node that proves records under the last block of a chain whose validators change."""
    store = Store(tmp_path / "map.db")
    store.stage(1, {f"key/{number}": b'{"n":%d}' % number for number in range(9)})
    store.commit()
    blocks = drifting(length - 1)
    made = replace(
        header(length, app_hash=store.root, last_block_id=blocks[-1].commit.block_id),
        next_validators_hash=validators_hash(window(length // 8)),
    )
    start = (length - 1) // 8
    blocks.append(signed(made, window(start), NAMES[start : start + 4]))

    class Proving(HeaderNode):
        def answer(self, place: str) -> Any:
            if place != "/v1/records":
                return super().answer(place)
            return build_bundle(self.blocks[-1], [store.prove("key/1"), store.prove("none")])

    return Proving(blocks, path=[b for b in blocks if b.height % 8 == 0]), store


def test_the_way_from_the_genesis_goes_along(tmp_path: Path) -> None:
    """[REG-PROOF-5] The reader trusts the genesis and has no network."""
    node, store = stapling(tmp_path)
    text = client({"n": node}).staple(("key/1", "none"), now=NOW, max_age=DAY)
    assert len(parse_bundle(inflate_bundle(text)).path) == 7
    told = client({}).verify_stapled(text, now=NOW, max_age=DAY)
    assert dict(told.values) == {"key/1": {"n": 1}, "none": None}
    assert (told.signed, told.validators, told.nodes.asked) == (4, 4, 0)
    checkpoint = TrustRoot(genesis=founded(), checkpoint=node.blocks[44])
    later = client({}, checkpoint).verify_stapled(text, now=NOW, max_age=DAY)
    assert later.values == told.values
    store.close()


def test_without_a_way_a_bundle_is_stapled_all_the_same(tmp_path: Path) -> None:
    """[REG-PROOF-5] Who follows the chain can use it; who does not is told why not."""
    node, store = stapling(tmp_path)
    node.path = []
    text = client({"n": node}).staple(("key/1", "none"), now=NOW, max_age=DAY)
    assert not parse_bundle(inflate_bundle(text)).path
    refused(
        Untrusted,
        "light.not_enough_trust",
        lambda: client({}).verify_stapled(text, now=NOW, max_age=DAY),
    )
    follower = TrustRoot(genesis=founded(), checkpoint=node.blocks[57])
    assert client({}, follower).verify_stapled(text, now=NOW, max_age=DAY)
    store.close()


def test_without_a_change_of_validators_nothing_more_is_said(tmp_path: Path) -> None:
    node, store = stapling(tmp_path, length=4)
    text = client({"n": node}).staple(("key/1", "none"), now=NOW, max_age=DAY)
    assert not parse_bundle(inflate_bundle(text)).path
    assert not [place for place in node.asked if "trust-path" in place]
    store.close()
