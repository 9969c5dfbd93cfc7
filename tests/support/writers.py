"""Members who write to a network all the while, and what must hold of it afterwards."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from registry_chain.audit import replay
from registry_chain.client import Committed
from registry_chain.keyfile import read_key
from registry_chain.light import Timestamp, header_hash, parse_light_block
from registry_chain.transactions import UpdateMemberKeys
from registry_chain.transactions.fields import bare_jwk
from ssi.encoding import JSONObject
from tests.support.effort import figure, patience
from tests.support.network import Network, insisted, key_of

PAUSE = 0.3


@dataclass
class Written:
    """What members asked for, and what they were told."""

    asked: int = 0
    acks: list[Committed] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)


@contextmanager
def writing(net: Network, *through: int) -> Iterator[Written]:
    """Let two members write through some nodes; each asks again until it is told the end."""
    written, stop, lock = Written(), threading.Event(), threading.Lock()

    def write(account: str) -> None:
        own = bare_jwk(read_key(net.folder / "keys" / f"{account}.key").public_key)
        submitter, count = net.submitter(account, *through), 0
        while not stop.is_set():
            count += 1
            body = UpdateMemberKeys(
                member=account, keys=(own, key_of(f"{account} {time.time()} {count}"))
            )
            with lock:
                written.asked += 1
            done = insisted(submitter, body)
            with lock:
                written.acks.append(done)
            stop.wait(PAUSE)

    def run(account: str) -> None:
        try:
            write(account)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            written.failures.append(error)

    threads = [
        threading.Thread(target=run, args=(f"member-{number}",), daemon=True) for number in (1, 2)
    ]
    for thread in threads:
        thread.start()
    try:
        yield written
    finally:
        stop.set()
        for thread in threads:
            thread.join(240)
    assert not written.failures, written.failures
    assert written.asked == len(written.acks) > 0


def judge(
    net: Network, written: Written, what: str, *, stands: bool = False, **facts: float
) -> None:
    """All nodes have the same chain, nothing acknowledged is missing, and blocks kept coming.

    Where the chain must stand still for a while (``stands``), there is no bound between blocks.

    The issue's bounds (5 s between blocks, 30 s to rejoin and to heal) are those of an idle
    machine: `patience` stretches them, and the figure itself is told.
    """
    last = max(ack.height for ack in written.acks)
    net.wait_height(last + 2, seconds=60 * patience())
    chains = [net.chain(number) for number in range(len(net.members))]
    agree(chains, last)
    for number in range(len(net.members)):
        for ack in written.acks:
            told = net.tx(number, ack.tx_id)
            assert (told["height"], told["code"]) == (ack.height, 0), (number, ack)
        report = replay(chains[number].values(), net.genesis)
        assert report.ok, (number, report.first_difference)
    heights = [ack.height for ack in written.acks]
    if not stands:
        facts |= {"gap": gap(chains[0], min(heights), max(heights))}
    told = ", ".join(f"{name} {value:.1f} s" for name, value in facts.items())
    figure(f"network, {what}: {len(written.acks)} of {written.asked} committed, {told}")
    for name, bound in (("gap", 5.0), ("rejoin", 30.0), ("heal", 30.0)):
        assert facts.get(name, 0.0) <= bound * patience(), (what, facts)


def agree(chains: list[dict[int, JSONObject]], upto: int) -> None:
    """No two nodes have different blocks, results or roots at one height: there is no fork."""
    for height in range(1, upto + 1):
        assert all(height in chain for chain in chains), (height, [max(one) for one in chains])
        seen = {_face(chain[height]) for chain in chains}
        assert len(seen) == 1, (height, seen)


def _face(block: JSONObject) -> tuple[str, str, str]:
    """What two nodes must agree on; the votes that they saw may differ."""
    header = parse_light_block(block["light_block"]).header  # type: ignore[arg-type]
    return header_hash(header).hex(), header.app_hash.hex(), str(block["txs"])


def gap(chain: dict[int, JSONObject], first: int, last: int) -> float:
    """The longest time between two blocks of these heights, by their headers."""
    times = [_seconds(chain[height]) for height in range(first, last + 1)]
    return max((b - a for a, b in itertools.pairwise(times)), default=0.0)


def _seconds(block: JSONObject) -> float:
    time_: Timestamp = parse_light_block(block["light_block"]).header.time  # type: ignore[arg-type]
    return time_.seconds + time_.nanos / 1e9


__all__ = ["Written", "agree", "gap", "judge", "writing"]
