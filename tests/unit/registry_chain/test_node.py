"""The node's HTTP interface over real sockets [REG-NODE-1] to [REG-NODE-7]."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from registry_chain.light import parse_bundle, verify_bundle
from registry_chain.transactions import Name, SuspendMember, build_tx
from registry_chain.trust_root import trust_from_genesis
from tests.support.chain import START, Chain, running
from tests.support.registry import T0, accreditation, proposal, signer


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running(tmp_path_factory.mktemp("node") / "c.db") as running_chain:
        running_chain.settle()
        yield running_chain


class Reply:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        self.body = answer.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    chain: Chain,
    method: str,
    path: str,
    body: bytes | None = None,
    content_type: str | None = "application/json",
    **headers: str,
) -> Reply:
    port = urlsplit(chain.url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type and body is not None:
        sent["Content-Type"] = content_type
    connection.request(method, path, body=body, headers=sent)
    reply = Reply(connection.getresponse())
    connection.close()
    return reply


def tx(seq: int, lane: int = 9) -> str:
    return build_tx(
        chain_id="test-chain",
        account="council",
        lane=lane,
        seq=seq,
        valid_until_height=900,
        body=proposal(SuspendMember(member="watcher", reason="x"), at=T0 + 60),
        signer=signer("council"),
    )


def posted(token: str) -> bytes:
    return json.dumps({"tx": token}).encode()


def test_a_transaction_is_taken_committed_and_proven(chain: Chain) -> None:
    """[REG-NODE-3]"""
    token = tx(1)
    taken = ask(chain, "POST", "/v1/tx", posted(token))
    assert taken.status == 202
    tx_id = taken.json["tx_id"]
    done = ask(chain, "POST", "/v1/tx?wait=commit", posted(token))
    assert (done.status, done.json["code"], done.json["tx_id"]) == (200, 0, tx_id)
    shown = ask(chain, "GET", f"/v1/tx/{tx_id}?proof=1")
    assert shown.json.keys() >= {"inclusion", "light_block", "height"}
    assert ask(chain, "GET", f"/v1/tx/{'0' * 64}").status == 404


def test_a_refusal_names_its_rule_and_tells_nothing_else(chain: Chain) -> None:
    """[REG-NODE-1], [REG-NODE-3]"""
    reply = ask(chain, "POST", "/v1/tx", posted(tx(7, lane=10)))
    assert reply.status == 422
    assert reply.json["error"] == "chain.sequence_gap"
    assert reply.json["rule"] == "REG-TX-6"
    assert reply.json["message"].keys() == {"ja", "en"}
    assert reply.json.keys() == {"error", "message", "rule"}


GOOD = posted("a.b.c")
BAD_BODIES: dict[str, tuple[bytes, str | None, int]] = {
    "nothing": (b"", "application/json", 400),
    "no type": (GOOD, None, 415),
    "a form": (GOOD, "application/x-www-form-urlencoded", 415),
    "text": (GOOD, "text/plain", 415),
    "another charset": (GOOD, "application/json; charset=shift_jis", 415),
    "not UTF-8": (b'{"tx":"\xff"}', "application/json", 400),
    "UTF-16": ('{"tx":"a"}'.encode("utf-16"), "application/json", 400),
    "a list": (b"[]", "application/json", 400),
    "no member": (b"{}", "application/json", 400),
    "wrong member": (b'{"tx":1}', "application/json", 400),
    "two members": (b'{"tx":"a.b.c","x":1}', "application/json", 400),
    "the same twice": (b'{"tx":"a","tx":"b"}', "application/json", 400),
    "deep": (b"[" * 3000, "application/json", 400),
    "no transaction": (GOOD, "application/json", 400),
    "not ASCII": ('{"tx":"é"}'.encode(), "application/json", 400),
    "cut": (b'{"tx":"a', "application/json", 400),
    "huge": (b" " * 300_001, "application/json", 413),
}


@pytest.mark.parametrize(
    ("body", "content_type", "status"), BAD_BODIES.values(), ids=BAD_BODIES.keys()
)
@pytest.mark.parametrize("path", ["/v1/tx", "/v1/records"])
def test_bad_bodies(
    chain: Chain, path: str, body: bytes, content_type: str | None, status: int
) -> None:
    """[REG-NODE-2]"""
    height = chain.engine.status().height
    reply = ask(chain, "POST", path, body, content_type)
    assert reply.status == status
    assert reply.json.keys() == {"error", "message"}
    assert chain.engine.status().height == height


def test_a_compressed_body_is_not_unpacked(chain: Chain) -> None:
    """[REG-NODE-2]"""
    reply = ask(chain, "POST", "/v1/tx", GOOD, Content_Encoding="gzip")
    assert reply.status == 415


def test_a_body_without_length_is_bounded(chain: Chain) -> None:
    """[REG-NODE-2]"""
    port = urlsplit(chain.url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    pieces = (b" " * 65_536 for _ in range(20))
    try:
        connection.request(
            "POST",
            "/v1/tx",
            body=pieces,
            headers={"Content-Type": "application/json"},
            encode_chunked=True,
        )
        status = connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        status = 413
    assert status in (400, 413)
    connection.close()


BAD_PATHS = {
    "/v1/nothing": 404,
    "/v1/light/0": 404,
    "/v1/light/999999": 404,
    "/v1/light/-1": 400,
    "/v1/light/%E0%A5%A7": 400,
    "/v1/light/99999999999999999999": 400,
    "/v1/record": 400,
    "/v1/record?key=": 400,
    "/v1/record?key=a%00b": 400,
    "/v1/record?key=a%20b": 400,
    "/v1/record?key=member/x&height=x": 400,
    "/v1/record?key=member/x&height=99999": 404,
    "/v1/record?key=" + "a" * 201: 400,
    "/v1/list?limit=9999": 400,
    "/v1/list?prefix=%27%20OR%201": 400,
    "/v1/blocks?from=x": 400,
    "/v1/blocks?limit=100000": 400,
    "/v1/trust-path?from=-5": 400,
    "/v1/status-list/unknown": 404,
    "/v1/tx/../../etc/passwd": 404,
    "/v1/tx/x?proof=2": 400,
    "/v1/tx": 405,
}


@pytest.mark.parametrize(("path", "status"), BAD_PATHS.items())
def test_bad_questions(chain: Chain, path: str, status: int) -> None:
    """[REG-NODE-1]"""
    reply = ask(chain, "GET", path)
    assert reply.status == status
    assert reply.json.keys() == {"error", "message"}


def test_records_are_proven_under_one_light_block(chain: Chain) -> None:
    """[REG-NODE-4]"""
    asked = ["issuer/city-kyc", "issuer/nobody", "verifier/minpaku-one"]
    reply = ask(chain, "POST", "/v1/records", json.dumps({"keys": asked}).encode())
    bundle = verify_bundle(
        parse_bundle(reply.body), trusted=trust_from_genesis(chain.genesis), now=START
    )
    assert bundle.records["issuer/nobody"] is None
    assert b"City KYC" in (bundle.records["issuer/city-kyc"] or b"")
    one = ask(chain, "GET", "/v1/record?key=issuer/nobody&proof=1")
    assert one.status == 200
    assert one.json["proof"]["value"] is None


@pytest.mark.parametrize("keys", [[], ["a b"], ["x"] * 65, [""]])
def test_odd_lists_of_keys(chain: Chain, keys: list[str]) -> None:
    """[REG-NODE-4]"""
    assert ask(chain, "POST", "/v1/records", json.dumps({"keys": keys}).encode()).status == 400


def test_blocks_are_exported_a_line_each(chain: Chain) -> None:
    """[REG-NODE-6]"""
    reply = ask(chain, "GET", "/v1/blocks?from=1&limit=3")
    lines = [json.loads(line) for line in reply.body.splitlines()]
    assert [line["height"] for line in lines] == [1, 2, 3]
    assert lines[1].keys() == {"height", "light_block", "txs", "results"}
    assert ask(chain, "GET", "/v1/blocks?from=99999").body == b""


def test_a_node_tells_about_itself(chain: Chain) -> None:
    status = ask(chain, "GET", "/v1/status").json
    assert status["chain_id"] == "test-chain"
    assert status["genesis"] == chain.genesis.digest()
    assert ask(chain, "GET", "/v1/genesis").body == chain.genesis.to_bytes()
    assert ask(chain, "GET", "/health").json["ok"] is True
    listed = ask(chain, "GET", "/v1/list?prefix=issuer/").json
    assert [item["key"] for item in listed["items"]] == ["issuer/city-kyc"]


def test_the_page_shows_records_and_runs_nothing(chain: Chain) -> None:
    """[REG-NODE-7]"""
    chain.decide(
        accreditation(name=Name(ja="<script>alert(1)</script>", en='"><img src=x onerror=y>')),
    )
    for lang, word in (("ja", "共有台帳"), ("en", "Shared chain")):
        page = ask(chain, "GET", f"/?lang={lang}")
        text = page.body.decode()
        assert word in text
        assert "<script" not in text
        assert "<img" not in text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff"
        assert f'lang="{lang}"' in text
    english = ask(chain, "GET", "/", Accept_Language="en-GB,en;q=0.9").body.decode()
    assert "Shared chain" in english
    assert ask(chain, "GET", "/static/explorer.css").status == 200


def test_every_answer_carries_the_safe_headers(chain: Chain) -> None:
    """[REG-NODE-7]"""
    for path in ("/v1/status", "/v1/nothing", "/", "/v1/blocks"):
        headers = ask(chain, "GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_a_listing_is_stable_page_by_page(tmp_path: Path) -> None:
    with running(tmp_path / "c.db") as chain:
        first = ask(chain, "GET", "/v1/list?prefix=member/&limit=4").json
        last = first["items"][-1]["key"]
        second = ask(chain, "GET", f"/v1/list?prefix=member/&after={last}&limit=4").json
        keys = [item["key"] for item in first["items"] + second["items"]]
        assert keys == sorted(keys)
        assert len(keys) == 6
        assert (first["more"], second["more"]) == (True, False)
