"""Four validators, each its own process with its own CometBFT: they agree, fall and come back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_chain.audit import fetch_blocks, replay
from registry_chain.engines.cometbft.binary import check_binary, find_binary
from registry_chain.engines.cometbft.settings import Places
from registry_chain.light import Flag, parse_light_block
from ssi.encoding import parse_json_object
from ssi.fetch import FetchPolicy, Request, http_fetch
from ssi.merkle import EMPTY_ROOT
from tests.support.network import Network, network, now, require_cometbft

pytestmark = [pytest.mark.slow, pytest.mark.cometbft]
require_cometbft()


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("net") / "n") as running:
        yield running


def replayed(net: Network, number: int) -> tuple[bool, int, str | None]:
    fetch = http_fetch(FetchPolicy(allow_loopback_http=True, max_bytes=2**25, timeout=60))
    report = replay(fetch_blocks(net.members[number].url, fetch), net.genesis)
    return report.ok, report.height, report.first_difference


def cometbft_of(net: Network, number: int) -> int:
    home = str(Places(home=net.members[number].home).root)
    found = subprocess.run(
        ["pgrep", "-f", f"start --home {home}$"], check=False, capture_output=True, text=True
    )
    return int(found.stdout.split()[0])


def voters(net: Network, height: int) -> set[bytes]:
    """Who signed a block, as the first node shows it."""
    fetch = http_fetch(FetchPolicy(allow_loopback_http=True))
    answer = fetch(Request(url=f"{net.members[0].url}/v1/light/{height}"))
    block = parse_light_block(parse_json_object(answer.body))
    return {vote.address for vote in block.commit.signatures if vote.flag is Flag.COMMIT}


def refused(home: str) -> subprocess.CompletedProcess[str]:
    """Start a node that must not start."""
    return subprocess.run(
        [sys.executable, "-m", "warifu", "chain", "node", "--home", home],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "LANG": "C.UTF-8"},
    )


def test_the_nodes_run_the_program_that_was_chosen(net: Network) -> None:
    """[REG-NET-7]: so that a run with another version is one."""
    chosen = find_binary()
    for number in range(4):
        exe = Path(f"/proc/{net.cometbft(number)}/exe")
        assert exe.samefile(chosen.path)
        assert check_binary(exe).version == chosen.version


def test_the_first_block_has_no_transactions(net: Network) -> None:
    """[REG-NET-9]"""
    first = net.change("too-early")
    assert first.height > 1
    fetch = http_fetch(FetchPolicy(allow_loopback_http=True))
    answers = [fetch(Request(url=f"{net.members[0].url}/v1/light/{at}")) for at in (1, 2)]
    lights = [parse_light_block(parse_json_object(one.body)) for one in answers]
    assert lights[0].header.time.seconds == net.genesis.genesis_time
    assert lights[0].header.data_hash == EMPTY_ROOT
    assert lights[1].header.time.seconds > net.genesis.genesis_time


def test_what_one_node_takes_all_can_prove(net: Network) -> None:
    """[REG-NET-5]: a fate is told only when the next header signs it."""
    done = net.change("first-firm")
    fetch = http_fetch(FetchPolicy(allow_loopback_http=True))
    answer = fetch(Request(url=f"{net.members[0].url}/v1/light/{done.height + 1}"))
    block = parse_light_block(parse_json_object(answer.body))
    assert len(block.validators.validators) == 4
    net.wait_height(done.height + 1)
    for number in range(4):
        assert net.knows(number, "first-firm")
        assert net.client(number).head(now()).validators == 4
        assert replayed(net, number)[::2] == (True, None)
    assert len({net.status(number)["app_hash"] for number in range(4)}) == 1


def test_a_killed_node_comes_back_and_agrees(net: Network) -> None:
    net.programs[3].kill()
    heights = [net.change(f"while-{n}", "member-2", 0, 1, 2).height for n in range(3)]
    begun = time.monotonic()
    net.start(3)
    net.wait_height(heights[-1] + 1, 3, seconds=60)
    assert time.monotonic() - begun < 60
    assert net.knows(3, "while-2", "member-2")
    assert replayed(net, 3)[::2] == (True, None)


def test_cometbft_killed_alone_is_started_again_with_its_application(net: Network) -> None:
    os.kill(cometbft_of(net, 2), signal.SIGKILL)
    done = net.change("after-kill", "member-3", 0, 1, 3)
    net.wait_height(done.height + 1, 2)
    assert net.programs[2].running()
    assert net.knows(2, "after-kill", "member-3")


def test_two_of_four_down_make_no_block_and_heal(net: Network) -> None:
    net.wait_height(max(net.height(n) for n in range(4)))
    for number in (1, 2):
        net.programs[number].kill()
    time.sleep(1)
    before = net.height(0)
    time.sleep(4)
    assert net.height(0) <= before + 1
    assert net.client(0).head(now()).height >= before  # reads go on, with the time they are of
    net.start(1, 2)
    done = net.change("after-heal", "member-4")
    net.wait_height(done.height + 1)
    roots = {net.status(number)["app_hash"] for number in range(4)}
    assert len(roots) == 1


def test_an_old_backup_of_what_was_signed_does_not_start(net: Network) -> None:
    """[REG-NET-6]"""
    places = Places(home=net.members[1].home)
    old = places.validator_state.read_bytes()
    done = net.change("newer")
    net.wait_height(done.height + 1)
    net.programs[1].stop()
    good = places.validator_state.read_bytes()
    places.validator_state.write_bytes(old)
    told = refused(str(places.home))
    assert told.returncode == 1
    assert told.stderr.startswith("chain.old_backup")
    places.validator_state.write_bytes(good)
    net.start(1)
    net.wait_height(done.height + 1, 1)


def test_a_whole_folder_from_a_backup_does_not_start(net: Network, tmp_path: Path) -> None:
    """[REG-NET-6]: ledger and signing state are old together; the other nodes remember."""
    home = net.members[1].home
    net.programs[1].stop()
    shutil.copytree(home, tmp_path / "backup")
    net.start(1)
    own = bytes.fromhex(json.loads(Places(home=home).validator_key.read_text())["address"])
    for attempt in range(30):
        done = net.change(f"later-{attempt}", "member-2")
        net.wait_height(done.height + 1)
        if own in voters(net, done.height):
            break
    else:
        pytest.fail("the restarted validator votes no more")
    net.programs[1].stop()
    told = refused(str(tmp_path / "backup"))
    assert told.returncode == 1
    assert told.stderr.startswith("chain.old_backup")
    net.start(1)


def test_the_nodes_end_when_they_are_told_to(net: Network) -> None:
    pids = [cometbft_of(net, number) for number in range(4)]
    begun = time.monotonic()
    for one in net.programs:
        one.stop()
    assert time.monotonic() - begun < 40
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    net.start()
    assert json.dumps(net.status(0)["validators"]) == "4"
