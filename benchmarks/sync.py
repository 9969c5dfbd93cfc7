"""How long a node without any state takes to join a network of many keys by a snapshot.

An embedded chain of so many keys becomes a network of four validators (``warifu chain migrate``),
its nodes make snapshots, and a fifth one joins with its trust in one early block. Beside it stands
what the same state takes to be loaded from memory. Needs CometBFT (``make cometbft``).

    python benchmarks/sync.py [--keys 1000000]
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import limits
from benchmarks.network import (
    VALIDATORS,
    Running,
    config_of,
    height,
    ours,
    post,
    status,
    wait_for,
)
from benchmarks.states import filling, found_chain, talk
from registry_chain.cli_network import members_of
from registry_chain.engines.cometbft.migration import Inheritance, take_over
from registry_chain.engines.cometbft.settings import (
    NetworkConfig,
    Places,
    SyncConfig,
    write_node_key,
    write_validator_key,
)
from registry_chain.engines.cometbft.testnet import (
    Member,
    make_validators,
    write_network,
    write_node,
)
from registry_chain.genesis import Genesis, genesis_records
from registry_chain.light import header_hash, parse_light_block
from registry_chain.transactions import UpdateMemberKeys, build_tx
from registry_chain.transactions.fields import bare_jwk
from ssi.encoding import JSONObject, parse_json_object
from tests.support.migration import OWNERS, Moving, founded, reopened
from tests.support.registry import signer
from warifu.testnet import ports_for, program

INTERVAL = 8  # blocks between snapshots
PATIENCE = 900.0  # seconds


@dataclass(frozen=True, slots=True)
class Founded:
    """A chain of many keys, handed over to validators that do not run yet."""

    genesis: Genesis
    members: list[Member]
    inheritance: Inheritance
    bulk_load: dict[str, float]


def utc_now() -> datetime:
    return datetime.now(UTC)


def handed_over(folder: Path, keys: int) -> Founded:
    genesis, path = founded(utc_now() - timedelta(seconds=5)), folder / "old.db"
    records = genesis_records(genesis) | dict(filling(keys, int(time.time())))
    load = found_chain(path, genesis, records)
    del records
    chain = Moving(path, genesis, utc_now, reopened(path, genesis, utc_now))
    seats = dict(zip(OWNERS, make_validators(VALIDATORS), strict=True))
    chain.move(seats)
    chain.engine.close()
    members = members_of(folder / "net", ports_for(VALIDATORS + 1))
    for member, key in zip(members, seats.values(), strict=False):
        member.home.mkdir(parents=True)
        taken = take_over(path, member.home / "chain.db", genesis, key.public_key.raw)
    path.unlink()
    write_network(
        genesis,
        members[:VALIDATORS],
        list(seats.values()),
        inheritance=taken,
        snapshot_interval=INTERVAL,
    )
    return Founded(genesis, members, taken, load)


def snapshots_made(chain: Founded, running: Running) -> float:
    """Go on to a height with a snapshot and wait until two nodes have it; tells how long."""
    wanted, seq = (height(running) // INTERVAL + 1) * INTERVAL, 1
    while height(running) < wanted:
        seq += 1
        post(chain.members[0].url, _renewal(chain, seq))
    begun = time.monotonic()
    for member in chain.members[:2]:
        made = member.home / "snapshots" / str(wanted)
        wait_for(made.is_dir, PATIENCE)
    seconds = time.monotonic() - begun
    post(chain.members[0].url, _renewal(chain, seq + 1))  # CometBFT wants blocks above it
    post(chain.members[0].url, _renewal(chain, seq + 2))
    return seconds


def _renewal(chain: Founded, seq: int) -> bytes:
    keys = (bare_jwk(signer("council").public_key), bare_jwk(signer(f"spare {seq}").public_key))
    return build_tx(
        chain_id=chain.genesis.chain_id,
        account="council",
        lane=0,
        seq=seq,
        valid_until_height=chain.inheritance.first_height + 900,
        body=UpdateMemberKeys(member="council", keys=keys),
        signer=signer("council"),
    ).encode()


def joined(chain: Founded) -> dict[str, float]:
    """Let a node without any state join; tells when it serves the network's newest proof."""
    joining, known = chain.members[VALIDATORS], chain.members[:2]
    joining.home.mkdir()
    places, first = Places(home=joining.home), chain.inheritance.first_height
    write_validator_key(places, make_validators(1)[0])
    write_node_key(places, make_validators(1)[0])
    trusted = parse_light_block(asked(known[0], f"/v1/light/{first + 1}"))
    settings = [config_of(member) for member in known]
    config = NetworkConfig(
        p2p=f"127.0.0.1:{joining.p2p_port}",
        rpc=f"127.0.0.1:{joining.rpc_port}",
        peers=tuple(sorted({peer for one in settings for peer in one.peers})),
        first_height=first,
        started=chain.inheritance.started,
        sync=SyncConfig(
            servers=tuple(f"http://127.0.0.1:{one.rpc_port}" for one in known),
            height=first + 1,
            hash=header_hash(trusted.header).hex().upper(),
        ),
    )
    write_node(chain.genesis, joining, config, chain.inheritance)
    one, target = program(joining), status(known[0])["height"]
    begun = time.monotonic()
    try:
        one.start()
        wait_for(lambda: status(joining)["height"] >= target, PATIENCE)
        seconds = time.monotonic() - begun
        assert one.process
        return {"joined_in_s": round(seconds, 1), "memory_mb": peak_of(one.process.pid)}
    finally:
        one.stop()


def asked(member: Member, path: str) -> JSONObject:
    connection = http.client.HTTPConnection(urlsplit(member.url).netloc, timeout=30)
    connection.request("GET", path)
    return parse_json_object(connection.getresponse().read())


def peak_of(session: int) -> int:
    """The most memory any Python process of a node had, in MB."""
    most = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
            lines = (folder / "status").read_text().splitlines()
        except OSError:
            continue
        if int(rest.split()[3]) == session and not name.startswith("cometbft"):
            peak = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
            most = max(most, *peak)
    return most // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the files go; a temporary one")
    args = parser.parse_args()
    facts = limits.machine()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=args.folder) as name:
        chain = handed_over(Path(name), args.keys)
        with ours(chain.members[:VALIDATORS]) as running:
            talk("the network runs")
            made = snapshots_made(chain, running)
            talk(f"snapshots made in {made:.0f} s")
            figures = joined(chain)
    report = {"keys": args.keys, "bulk_load": chain.bulk_load, "snapshot_s": round(made, 1)}
    print(json.dumps({"machine": facts} | report | figures, indent=2))


if __name__ == "__main__":
    main()
