"""Who lies to a network: a validator that votes twice, a node that serves a poisoned snapshot,
members who send nonsense or far too much, a minority that wants to rule.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from registry_chain.admission import MAX_BLOCK_WORK, work_of
from registry_chain.audit import fetch_blocks, replay
from registry_chain.cli_network import members_of
from registry_chain.engines.cometbft.settings import (
    NetworkConfig,
    Places,
    SyncConfig,
    write_node_key,
    write_validator_key,
)
from registry_chain.engines.cometbft.testnet import write_node
from registry_chain.genesis import GenesisMember
from registry_chain.light import header_hash, parse_light_block
from registry_chain.records import (
    OffenceRecord,
    ValidatorRecord,
    offence_key,
    proposal_key,
    validator_key,
)
from registry_chain.rules.offences import JAILED
from registry_chain.transactions import (
    Body,
    CommitNotices,
    NoticeItem,
    SetRoles,
    SuspendMember,
    Vote,
    build_tx,
    tx_id_of,
)
from registry_chain.transactions.fields import bare_jwk
from ssi.encoding import b64url_decode
from ssi.errors import Refused, Rejected
from ssi.fetch import FetchPolicy, http_fetch
from ssi.keys import Alg, generate_signer
from tests.support.effort import effort, figure, patience
from tests.support.network import Network, network, now, require_cometbft
from tests.support.registry import digest_of, member_name, operation, proposal, signer
from tests.support.traffic import spoiled
from tests.support.writers import agree, judge, writing
from warifu.testnet import ports_for, program

pytestmark = [pytest.mark.slow, pytest.mark.cometbft]
require_cometbft()
FETCH = http_fetch(FetchPolicy(allow_loopback_http=True, max_bytes=2**25, timeout=60))

OPERATOR = "yubin-box"
REFUSED = (400, 403, 409, 422)


def another(net: Network, name: str, peers: tuple[int, ...], **more: object) -> int:
    """Write the folder of one more node that knows some of the others; return its number."""
    home = net.folder / name
    member = replace(members_of(net.folder, ports_for(1))[0], name=name, home=home)
    home.mkdir(mode=0o700)
    ids = [node_id(net, number) for number in peers]
    config = NetworkConfig(
        p2p=f"127.0.0.1:{member.p2p_port}",
        rpc=f"127.0.0.1:{member.rpc_port}",
        peers=tuple(
            f"{one}@127.0.0.1:{net.members[number].p2p_port}"
            for one, number in zip(ids, peers, strict=True)
        ),
        **more,  # type: ignore[arg-type]
    )
    places = Places(home=home)
    write_node_key(places, generate_signer(Alg.EDDSA, os.urandom))
    write_node(net.genesis, member, config)
    net.members.append(member)
    net.programs.append(program(member))
    return len(net.members) - 1


def node_id(net: Network, number: int) -> str:
    toml = (net.members[(number + 1) % 3].home / "node.toml").read_text("utf-8")
    at = toml.index(f"@127.0.0.1:{net.members[number].p2p_port}")
    return toml[at - 40 : at]


def test_a_validator_that_votes_twice_is_jailed(tmp_path: Path) -> None:
    """[REG-VAL-3], [REG-VAL-9]: five validators; one key runs on two machines."""
    with network(tmp_path / "n", 5) as net:
        with writing(net, 0, 1, 2) as written:
            twin = another(net, "twin", (0, 1, 2, 3))  # it knows no `nodes` that would warn it
            places = Places(home=net.members[twin].home)
            original = Places(home=net.members[4].home)
            shutil.copy(original.validator_key, places.validator_key)
            state = {"height": "0", "round": 0, "step": 0}
            places.validator_state.parent.mkdir(exist_ok=True)
            places.validator_state.write_text(json.dumps(state))
            net.programs[twin].start()
            address = json.loads(places.validator_key.read_text())["address"]
            begun = time.monotonic()
            while not offences(net, address):
                assert time.monotonic() - begun < 120 * patience(), "it never voted twice"
                time.sleep(0.5)
            caught = time.monotonic() - begun
        record = OffenceRecord.from_json(offences(net, address)[0])
        assert (record.state, record.kind, record.power) == (JAILED, "duplicate_vote", 10)
        key = offence_key(record.at_height, address, record.kind)
        assert net.client(0).read(key, now=now()).value == record.to_json()  # proven
        found = net.client(0).read(validator_key(address), now=now()).value
        assert found is not None
        assert ValidatorRecord.from_json(found).voting_power == 0
        figure(f"network, equivocation: recorded {caught:.1f} s after the twin was started")
        for one in (net.programs.pop(twin), net.programs.pop(4)):
            one.stop()
        del net.members[4:]
        done = net.change("after-jail")
        net.wait_height(done.height + 2, 0, 1, 2, 3)
        assert net.status(0)["validators"] == 4
        judge(net, written, "one of five equivocates")


def offences(net: Network, address: str) -> list[dict[str, object]]:
    """The offences of a validator, as a node lists them."""
    url = f"{net.members[0].url}/v1/list?prefix=offence/"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own loopback
        items = json.load(answer)["items"]
    return [one["value"] for one in items if one["value"]["validator"] == address]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("net") / "n", snapshot_interval=20) as running:
        yield running


def test_a_node_joins_by_a_snapshot_though_one_peer_poisons_it(net: Network) -> None:
    """[REG-NET-4]: the chunk is refused, its sender is asked no more, the state is the chain's."""
    for number in (0, 1, 2):
        net.programs[number].stop()
        net.break_program(number, "small-chunks" if number else "small-chunks+lie-chunks")
    net.start(0, 1, 2)
    count = 0
    while min(snapshots(net, number) for number in (0, 1, 2)) < 1:
        count += 1
        net.change(f"filling-{count}")
    for _ in range(3):  # the light client wants two headers behind the snapshot
        count += 1
        net.change(f"filling-{count}")
    trusted = parse_light_block(net.chain(1)[2]["light_block"])  # type: ignore[arg-type]
    servers = tuple(f"http://127.0.0.1:{net.members[number].rpc_port}" for number in (1, 2))
    sync = SyncConfig(servers=servers, height=2, hash=header_hash(trusted.header).hex().upper())
    joining = another(net, "joining", (0, 1), sync=sync)
    own = generate_signer(Alg.EDDSA, os.urandom)  # of no validator
    write_validator_key(Places(home=net.members[joining].home), own)
    begun = time.monotonic()
    net.programs[joining].start()
    net.programs[joining].wait_ready(60 * patience())
    with writing(net, 1, 2) as written:
        net.wait_height(net.height(1) + 1, joining, seconds=90 * patience())
    seconds = time.monotonic() - begun
    told = (net.members[0].home / "node.log").read_text("utf-8", "replace")
    assert "served a poisoned chunk" in told
    assert "a chunk of a snapshot is not what was announced" in net.programs[joining].last_words(
        20_000
    )
    last = max(ack.height for ack in written.acks)
    net.wait_height(last + 2, joining, 1)
    assert net.chain(joining) == {}  # it has not the first block: it did not replay the chain
    kept, whole = net.chain(joining, last), net.chain(1)
    assert last in kept
    agree([whole | kept, whole], last)
    figure(f"network, poisoned snapshot: joined in {seconds:.1f} s from the other peer")
    net.programs.pop(joining).stop()
    net.members.pop(joining)
    for number in (0, 1, 2):
        net.programs[number].stop()
        net.mend_program(number)
    net.start(0, 1, 2)


def snapshots(net: Network, number: int) -> int:
    folder = net.members[number].home / "snapshots"
    return len([one for one in folder.glob("*") if one.name.isdecimal()])


def test_nonsense_over_http_is_refused_and_moves_nothing(net: Network) -> None:
    """[REG-NODE-1], [REG-TX-1], [REG-TX-4]: bent ones, at every node in turn."""
    source = random.Random(5)
    done = net.change("valid")
    good = raw_of(net, done.tx_id)
    root = net.status(0)["app_hash"]
    told: dict[int, int] = {}
    for number in range(effort("WARIFU_POSTS", 400)):
        raw = spoiled(source, good, (good,))
        status = post(net.members[number % 4].url, raw)
        told[status] = told.get(status, 0) + 1
        # Another spelling of the signature is the same transaction, done already [REG-TX-4].
        same = tx_id_of(raw.decode("latin-1")) == done.tx_id
        assert status in REFUSED or (status == 202 and same), (raw, status)
    assert all(one.running() for one in net.programs)
    after = net.change("after-nonsense", "member-3")
    net.wait_height(after.height + 1)
    report = replay(fetch_blocks(net.members[0].url, FETCH), net.genesis)
    assert report.ok, report.first_difference
    assert net.status(0)["app_hash"] != root  # by the good one alone
    figure(f"network, nonsense over HTTP: {told}")


def raw_of(net: Network, tx_id: str) -> bytes:
    for block in net.chain(0).values():
        for raw, result in zip(block["txs"], block["results"], strict=True):  # type: ignore[arg-type]
            if result["tx_id"] == tx_id:  # type: ignore[index,call-overload]
                return b64url_decode(str(raw))
    raise AssertionError(tx_id)


def post(url: str, raw: bytes) -> int:
    body = json.dumps({"tx": raw.decode("latin-1")}).encode()
    request = urllib.request.Request(  # noqa: S310 - our own loopback address
        f"{url}/v1/tx", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@contextmanager
def flooding(net: Network, clients: int = 16) -> Iterator[dict[int, int]]:
    """Let an operator send full batches as fast as nodes take them; count what they answer."""
    stop, told = threading.Event(), Counter[int]()

    def send(lane: int) -> None:
        key, seq, height = signer(OPERATOR), 1, net.height(0)
        while not stop.is_set():
            names = [digest_of(f"{lane} {seq} {number}") for number in range(256)]
            deadline = int(time.time()) + 86_400
            raw = build_tx(
                chain_id="test-net",
                account=OPERATOR,
                lane=lane,
                seq=seq,
                valid_until_height=height + 900,
                body=CommitNotices(
                    items=tuple(NoticeItem(commitment=name, deadline=deadline) for name in names)
                ),
                signer=key,
            ).encode()
            while not stop.is_set() and (status := post(net.members[lane % 4].url, raw)) != 202:
                told[status] += 1
                stop.wait(0.2)
            told[202] += 1
            seq += 1

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(send, lane) for lane in range(clients)]
        try:
            yield told
        finally:
            stop.set()
    for one in running:
        one.result()


def test_a_flood_of_full_batches_does_not_hold_the_chain_up(tmp_path: Path) -> None:
    """[REG-APP-5], [REG-ENG-6]: blocks stay small enough to be judged in time."""
    keys = (bare_jwk(signer(OPERATOR).public_key),)
    operator = GenesisMember(
        id=OPERATOR, name=member_name(OPERATOR), account_keys=keys, roles=("operator",)
    )
    with network(tmp_path / "n", more=[operator]) as net:
        decide(net, operation(OPERATOR))
        with writing(net, 0, 1, 2) as written, flooding(net) as told:
            time.sleep(15)
        judge(net, written, "a flood of full batches")
        works = [
            sum(work_of(b64url_decode(str(raw))) for raw in block["txs"])  # type: ignore[union-attr]
            for block in net.chain(0).values()
        ]
        figure(f"network, flood: {sum(works)} records, {max(works)} in one block; answers {told}")
        assert 1000 < max(works) <= MAX_BLOCK_WORK
        assert told[503] > 0  # it was more than they took


def decide(net: Network, *bodies: Body) -> None:
    """Have three of four members vote for something."""
    proposed = proposal(*bodies, at=int(time.time()), id="decided")
    net.submitter("member-1").submit(proposed, now())
    found = net.client(0).read(proposal_key("decided"), now=now()).value
    assert found is not None
    for account in ("member-2", "member-3"):
        vote = Vote(proposal="decided", digest=str(found["digest"]), yes=True)
        net.submitter(account).submit(vote, now())


def test_a_minority_does_not_take_the_network_over(net: Network) -> None:
    """[REG-GOV-3]: through a real node; all attempts are in tests/unit, test_takeover.py."""
    at = int(time.time())
    attempts = (
        SuspendMember(member="member-4", reason="unpaid"),
        SetRoles(member="member-4", roles=("auditor",)),
    )
    for body in attempts:
        with pytest.raises((Refused, Rejected)):
            net.submitter("member-1").submit(body, now())
        done = net.submitter("member-1").submit(
            proposal(body, at=at, id=f"takeover-{body.TYPE.replace('.', '-')}"), now()
        )
        net.wait_height(done.height + 1)
    found = net.client(0).read("member/member-4", now=now()).value
    assert found is not None
    assert (found["state"], found["roles"]) == ("active", ["voter"])
