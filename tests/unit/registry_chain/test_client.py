"""The client believes nothing [REG-CLI-1] to [REG-CLI-5]."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry_chain.client import HeadMemory, RegistryClient, Submitter, evidence
from registry_chain.engines.blocks import genesis_tip, make_block, one_validator
from registry_chain.light import Timestamp, light_block_to_json
from registry_chain.transactions import (
    Body,
    CommitNotices,
    NoticeItem,
    Propose,
    PublishStatus,
    ReinstateMember,
    SuspendMember,
    parse_tx,
    register_key,
    tx_id_of,
)
from ssi.encoding import b64url_decode, b64url_encode, sha256
from ssi.errors import (
    InvalidProof,
    Misbehaviour,
    Refused,
    Rejected,
    Stale,
    Unavailable,
    Unreachable,
    Untrusted,
)
from ssi.fetch import FetchPolicy, Request, Response, http_fetch
from ssi.keys import Alg
from ssi.status_list import build_status_token, new_status_list
from tests.support.chain import START, Chain, running
from tests.support.registry import (
    CHAIN,
    ISSUER_URL,
    T0,
    VALIDATOR,
    YEAR,
    digest_of,
    make_genesis,
    profile,
    proposal,
    signer,
)

FETCH = http_fetch(FetchPolicy(allow_loopback_http=True))


def decision(body: Body) -> Propose:
    return proposal(body, at=T0 + 60)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    with running(tmp_path / "c.db") as running_chain:
        running_chain.settle()
        yield running_chain


def lying(change: Callable[[Any], Any], path: str = "") -> Callable[[Request], Response]:
    """Fetch that alters the JSON answers of some paths."""

    def fetch(request: Request) -> Response:
        answer = FETCH(request)
        if path not in request.url:
            return answer
        return replace(answer, body=json.dumps(change(json.loads(answer.body))).encode())

    return fetch


def through(chain: Chain, fetch: Callable[[Request], Response]) -> RegistryClient:
    return RegistryClient([chain.url], chain.genesis, fetch, HeadMemory.volatile())


def test_typed_records(chain: Chain) -> None:
    client = chain.client()
    assert client.issuer("city-kyc", START).name.en == "City KYC"
    assert client.verifier("minpaku-one", START).profile == profile()
    x509_hash = profile().client_hashes[0]
    assert client.verifier_by_client_id(x509_hash, START).verifier == "minpaku-one"
    assert client.operator("yubin-box", START).url == "https://box.example"
    assert client.consent(digest_of("nobody's"), START) is None
    for ask, code in (
        (lambda: client.issuer("nobody", START), "chain.issuer_unknown"),
        (lambda: client.verifier("nobody", START), "chain.verifier_unknown"),
        (lambda: client.verifier_by_client_id(digest_of("x"), START), "chain.client_unknown"),
        (lambda: client.issuer_key("city-kyc", digest_of("x"), START), "chain.key_unknown"),
        (lambda: client.status_record("city-kyc", "main", START), "chain.status_unknown"),
    ):
        with pytest.raises(Untrusted) as caught:
            ask()
        assert caught.value.code == code


def test_many_values_come_with_a_bundle_to_staple(chain: Chain) -> None:
    client = chain.client()
    many = client.read_many(("issuer/city-kyc", "issuer/nobody"), now=START)
    assert many.values["issuer/nobody"] is None
    assert many.validators == 1

    def no_network(_request: Request) -> Response:
        raise Unreachable("no network")

    offline = RegistryClient(
        ["http://127.0.0.1:1"], chain.genesis, no_network, HeadMemory.volatile()
    )
    again = offline.verify_stapled(many.bundle, now=START)
    assert again.values == many.values
    with pytest.raises(Stale):
        offline.verify_stapled(many.bundle, now=START + timedelta(hours=1))


def _other_value(answer: Any) -> Any:
    answer["records"][0]["value"]["url"] = "https://mallory.example"
    return answer


def _absent(answer: Any) -> Any:
    del answer["records"][0]["value"]
    answer["records"][0]["instead"] = ""
    return answer


def _another_key(answer: Any) -> Any:
    answer["records"][0]["key"] = "issuer/nobody"
    return answer


def _no_item(answer: Any) -> Any:
    return answer | {"records": [], "siblings": ""}


def _header(name: str, value: Any) -> Callable[[Any], Any]:
    def change(answer: Any) -> Any:
        answer["light_block"]["header"][name] = value
        return answer

    return change


def _no_vote(answer: Any) -> Any:
    answer["light_block"]["votes"][0][1] = "A" * 86
    return answer


LIES: dict[str, Callable[[Any], Any]] = {
    "another value": _other_value,
    "absence": _absent,
    "another key": _another_key,
    "nothing": _no_item,
    "another root": _header("app_hash", "A" * 43),
    "another time": _header("time", "2030-01-01T00:00:00Z"),
    "another chain": _header("chain_id", "other-chain"),
    "a forged vote": _no_vote,
    "no JSON object": lambda _: [],
    "an empty object": lambda _: {},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_lie_is_rejected(chain: Chain, lie: Callable[[Any], Any]) -> None:
    """[REG-CLI-1]"""
    client = through(chain, lying(lie, "/v1/records"))
    with pytest.raises(Rejected):
        client.issuer("city-kyc", START)


def test_another_genesis_trusts_nothing_here(chain: Chain) -> None:
    """[REG-CLI-1]"""
    for genesis in (
        make_genesis(chain_id="other-chain"),
        replace(chain.genesis, validators=tuple(_with_key("mallory", chain))),
    ):
        client = RegistryClient([chain.url], genesis, FETCH, HeadMemory.volatile())
        with pytest.raises(Rejected):
            client.head(START)


def _with_key(name: str, chain: Chain) -> list[Any]:
    from registry_chain.genesis import validator_json

    return [validator_json(signer(name).public_key)]


def test_an_old_header_decides_nothing(chain: Chain) -> None:
    """[REG-CLI-2]"""
    client = chain.client()
    later = START + timedelta(hours=2)
    with pytest.raises(Stale) as caught:
        client.issuer("city-kyc", later)
    assert caught.value.code == "light.stale"
    assert client.read("issuer/city-kyc", now=later, max_age=timedelta(hours=3)).value


def test_a_header_of_the_future_is_refused(chain: Chain) -> None:
    with pytest.raises(Rejected):
        chain.client().head(START - timedelta(hours=1))


def test_the_head_never_goes_back(chain: Chain, tmp_path: Path) -> None:
    """[REG-CLI-3]"""
    memory = HeadMemory.open(tmp_path / "heads.db")
    behind = FETCH(Request(url=f"{chain.url}/v1/light/latest"))
    chain.decide(SuspendMember(member="watcher", reason="x"))
    assert chain.client(memory).head(START).height == 9
    memory.close()
    again = HeadMemory.open(tmp_path / "heads.db")
    stuck = RegistryClient([chain.url], chain.genesis, lambda _: behind, again)
    with pytest.raises(Stale) as caught:
        stuck.head(START)
    assert caught.value.code == "light.behind"
    again.close()


def test_what_was_submitted_is_seen_by_the_next_read(chain: Chain) -> None:
    """[REG-CLI-3]: the read must be under the header that signs the new state."""
    client = chain.client()
    submitter = Submitter(client, "council", signer("council"))
    done = submitter.submit(decision(SuspendMember(member="watcher", reason="x")), START)
    read = client.read("member/watcher", now=START)
    assert read.height > done.height
    assert (read.value or {})["state"] == "suspended"


def test_two_headers_for_one_height_are_kept_as_evidence(chain: Chain) -> None:
    """[REG-CLI-3]"""
    client = chain.client()
    client.head(START)
    honest = chain.engine.light_block()
    assert honest is not None
    before = chain.engine.prove(("member/watcher",), 6)
    assert before is not None
    tip = replace(
        genesis_tip(chain.genesis),
        height=6,
        block=before.light_block.header.last_block_id,
        time=Timestamp(T0 + 61),
    )
    forged = light_block_to_json(
        make_block(
            tip,
            genesis=chain.genesis,
            validators=one_validator(chain.genesis, VALIDATOR),
            signer=VALIDATOR,
            time=Timestamp(T0 + 70),
            txs=(),
            app_hash=bytes(32),
        )
    )
    two_faced = lying(lambda _: forged, "/v1/light/latest")
    memory = HeadMemory.volatile()
    RegistryClient([chain.url], chain.genesis, FETCH, memory).head(START)
    with pytest.raises(Misbehaviour) as caught:
        RegistryClient([chain.url], chain.genesis, two_faced, memory).head(START)
    assert evidence(caught.value) == (honest, forged)


def test_the_next_node_is_asked(chain: Chain) -> None:
    """[REG-CLI-4]"""
    urls = ("http://127.0.0.1:9", chain.url)
    assert chain.client(None, *urls).issuer("city-kyc", START)
    with pytest.raises(Unavailable):
        chain.client(None, "http://127.0.0.1:9").issuer("city-kyc", START)


def test_a_refusal_is_the_ledgers_word(chain: Chain) -> None:
    client = chain.client()
    submitter = Submitter(client, "watcher", signer("watcher"))
    with pytest.raises(Refused) as caught:
        submitter.submit(SuspendMember(member="council", reason="x"), START)
    assert (caught.value.rule, caught.value.code) == ("REG-MEM-4", "chain.needs_decision")


def test_a_claimed_commit_is_proven(chain: Chain) -> None:
    """[REG-CLI-1]"""

    def elsewhere(answer: Any) -> Any:
        if "inclusion" in answer:
            answer["light_block"] = chain.engine.light_block(2)
        return answer

    submitter = Submitter(through(chain, lying(elsewhere, "proof=1")), "council", signer("council"))
    with pytest.raises(InvalidProof):
        submitter.submit(decision(SuspendMember(member="watcher", reason="x")), START)


def test_a_lost_answer_does_not_double_a_transaction(chain: Chain) -> None:
    """[REG-CLI-5]"""
    lost = 2

    def flaky(request: Request) -> Response:
        nonlocal lost
        answer = FETCH(request)
        if "wait=commit" in request.url and lost:
            lost -= 1
            raise Unreachable("the line was cut after the node had it")
        return answer

    submitter = Submitter(through(chain, flaky), "council", signer("council"))
    height = chain.engine.status().height
    submitter.submit(decision(SuspendMember(member="watcher", reason="x")), START)
    assert chain.engine.status().height == height + 2
    submitter.submit(decision(ReinstateMember(member="watcher")), START)


def test_an_unknown_fate_is_settled_before_the_next_transaction(chain: Chain) -> None:
    """[REG-CLI-5]"""
    cut = True

    def dead(request: Request) -> Response:
        answer = FETCH(request)
        if cut and "wait=commit" in request.url:
            raise Unreachable("cut")
        return answer

    submitter = Submitter(through(chain, dead), "council", signer("council"))
    body = decision(SuspendMember(member="watcher", reason="x"))
    with pytest.raises(Unavailable):
        submitter.submit(body, START)
    cut = False
    submitter.submit(decision(ReinstateMember(member="watcher")), START)
    assert (chain.client().read("member/watcher", now=START).value or {})["state"] == "active"


def test_two_submitters_in_one_lane_take_turns(chain: Chain) -> None:
    """[REG-CLI-5]"""
    first = Submitter(chain.client(), "yubin-box", signer("yubin-box"))
    second = Submitter(chain.client(), "yubin-box", signer("yubin-box"))
    for turn in range(4):
        for name, submitter in (("a", first), ("b", second)):
            item = NoticeItem(commitment=digest_of(f"{name}{turn}"), deadline=T0 + YEAR)
            submitter.submit(CommitNotices(items=(item,)), START)
    assert chain.client().next_seq("yubin-box", 0, START) == 9


def test_a_status_list_comes_from_any_node(chain: Chain) -> None:
    """[REG-STA-6], [REG-NODE-5]"""
    key = signer("status", Alg.ES256)
    chain.do(
        "city-kyc",
        register_key(
            key,
            chain_id=CHAIN,
            issuer="city-kyc",
            use="status",
            valid_from=T0,
            valid_until=T0 + YEAR,
        ),
    )
    token = build_status_token(
        new_status_list(2**17),
        key,
        uri=f"{ISSUER_URL}/status-lists/main",
        now=START,
        ttl=300,
        header={"kid": f"city-kyc#{key.public_key.thumbprint()}"},
    )
    chain.do("city-kyc", PublishStatus(list="main", sequence=1, token=token))
    client = chain.client()
    record = client.status_record("city-kyc", "main", START)
    assert client.status_token(record) == token
    assert record.digest in tokens_of(chain)
    with pytest.raises(InvalidProof):
        through(chain, _another_body).status_token(record)
    with pytest.raises(Unavailable):
        client.status_token(replace(record, digest=digest_of("none")))


def tokens_of(chain: Chain) -> set[str]:
    """[REG-APP-4] What is served beside the map, made again from nothing but the blocks."""
    made = set()
    for block in chain.engine.blocks(1, 200):
        for place, encoded in enumerate(block["txs"]):
            raw = b64url_decode(encoded).decode()
            outcome = chain.engine.outcome(tx_id_of(raw))
            assert (outcome.height, outcome.index) == (block["height"], place)
            body = parse_tx(raw).body
            if isinstance(body, PublishStatus):
                digest = b64url_encode(sha256(body.token.encode()))
                assert chain.engine.token(digest) == body.token
                made.add(digest)
    return made


def _another_body(request: Request) -> Response:
    return replace(FETCH(request), body=b"a.b.c")


def test_a_kept_value_is_used_again_for_a_little_while(chain: Chain) -> None:
    asked = 0

    def counting(request: Request) -> Response:
        nonlocal asked
        asked += 1
        return FETCH(request)

    client = RegistryClient(
        [chain.url],
        chain.genesis,
        counting,
        HeadMemory.volatile(),
        cache_for=timedelta(seconds=10),
    )
    for _ in range(5):
        client.issuer("city-kyc", START)
    assert asked == 1
    client.issuer("city-kyc", START + timedelta(seconds=11))
    assert asked == 2


def test_the_same_memory_serves_threads(chain: Chain, tmp_path: Path) -> None:
    """[REG-CLI-3]"""
    from concurrent.futures import ThreadPoolExecutor

    client = chain.client(HeadMemory.open(tmp_path / "heads.db"))

    def work(turn: int) -> int:
        if turn % 3 == 0:
            item = NoticeItem(commitment=digest_of(f"t{turn}"), deadline=T0 + YEAR)
            chain.do("yubin-box", CommitNotices(items=(item,)), lane=turn)
        return client.read("issuer/city-kyc", now=START).height

    with ThreadPoolExecutor(6) as pool:
        heights = list(pool.map(work, range(18)))
    assert max(heights) <= chain.engine.status().height
