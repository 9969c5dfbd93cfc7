"""Four validators, and each thing that may happen to one or two of them.

Members write all the while through the healthy nodes. Afterwards every node has the same chain,
computed again from the genesis, and everything that was acknowledged is in it.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from ssi.errors import Unavailable
from tests.support.effort import figure, patience
from tests.support.faulty_node import DONE, STEPS
from tests.support.network import Network, network, now, require_cometbft
from tests.support.writers import judge, writing

pytestmark = [pytest.mark.slow, pytest.mark.cometbft]
require_cometbft()
SHIFTED = [one for one in ("WARIFU_COMETBFT_AHEAD", "WARIFU_COMETBFT_BEHIND") if one in os.environ]
HURT = 3
OTHERS = (0, 1, 2)
Fault = Callable[[Network], None]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    # Founded long ago: CometBFT sleeps until a genesis that its clock has still before it.
    with network(tmp_path_factory.mktemp("net") / "n", wired=True, age=7200) as running:
        running.wait_height(3, seconds=90 * patience())  # the first block's time is the genesis'
        yield running


def height_of(net: Network, *numbers: int) -> int:
    return max(net.height(number) for number in numbers)


def rejoined(net: Network) -> float:
    """How long the hurt node needs until it has the block that the others make next."""
    begun = time.monotonic()
    net.wait_height(height_of(net, *OTHERS) + 1, HURT, seconds=30 * patience())
    return time.monotonic() - begun


# --- one of four ---


def kill_application(net: Network) -> None:
    os.kill(net.application(HURT), signal.SIGKILL)


def kill_cometbft(net: Network) -> None:
    os.kill(net.cometbft(HURT), signal.SIGKILL)


def nothing(_net: Network) -> None:
    """The node mends itself."""


ONE_OF_FOUR: dict[str, tuple[Fault, Fault]] = {
    "application killed": (kill_application, nothing),
    "CometBFT killed": (kill_cometbft, nothing),
    "all of it killed": (
        lambda net: net.programs[HURT].kill(),
        lambda net: net.start(HURT),
    ),
    "paused": (
        lambda net: net.signal(HURT, signal.SIGSTOP),
        lambda net: net.signal(HURT, signal.SIGCONT),
    ),
    "cut off": (
        lambda net: net.sever(HURT),
        lambda net: net.mend(),
    ),
}


@pytest.mark.parametrize("fault", ONE_OF_FOUR)
def test_one_of_four_may_be(net: Network, fault: str) -> None:
    """[REG-NET-2], [REG-NET-5]: all that was submitted commits, there is no fork, it rejoins."""
    hurt, mend = ONE_OF_FOUR[fault]
    with writing(net, *OTHERS) as written:
        time.sleep(2)
        hurt(net)
        before = len(written.acks)
        if mend is not nothing:
            time.sleep(8 * patience())
            assert len(written.acks) > before
        mend(net)
        rejoin = rejoined(net)
    judge(net, written, f"one of four {fault}", rejoin=rejoin)


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_of_a_commit(net: Network, step: str) -> None:
    """[REG-NET-2]: before it, in the middle of the database's transaction, or after it."""
    home = net.members[HURT].home
    net.programs[HURT].stop()
    net.break_program(HURT, f"die:{step}")
    with writing(net, *OTHERS) as written:
        net.start(HURT)
        end = time.monotonic() + 30 * patience()
        while not (home / DONE).exists():
            assert time.monotonic() < end, "it was never killed"
            time.sleep(0.05)
        rejoin = rejoined(net)
    assert net.programs[HURT].running()  # its worker died; another took its place
    net.programs[HURT].stop()
    net.mend_program(HURT)
    (home / DONE).unlink()
    net.start(HURT)
    judge(net, written, f"killed {step}", rejoin=rejoin)


def test_a_cut_off_end_of_the_write_ahead_log(net: Network) -> None:
    with writing(net, *OTHERS) as written:
        time.sleep(2)
        net.programs[HURT].kill()
        wal = net.members[HURT].home / "cometbft" / "data" / "cs.wal" / "wal"
        os.truncate(wal, wal.stat().st_size - 37)
        net.start(HURT)
        rejoin = rejoined(net)
    judge(net, written, "WAL cut off", rejoin=rejoin)


def test_a_full_disk(net: Network) -> None:
    """Writing fails at the next block; when there is room again, the node goes on by itself."""
    with writing(net, *OTHERS) as written:
        time.sleep(2)
        application = net.application(HURT)
        _, hard = resource.prlimit(application, resource.RLIMIT_FSIZE)
        resource.prlimit(application, resource.RLIMIT_FSIZE, (4096, hard))
        time.sleep(6 * patience())
        stuck = net.height(HURT)
        assert stuck < height_of(net, *OTHERS)
        for pid in net.processes(HURT):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        rejoin = rejoined(net)
    judge(net, written, "disk full", rejoin=rejoin)


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_an_application_whose_clock_is_an_hour_off(net: Network, seconds: int) -> None:
    """The clock only judges entries to the mempool; block time is the validators' median."""
    net.programs[HURT].stop()
    net.break_program(HURT, f"clock:{seconds}")
    net.start(HURT)
    done = net.change(f"clock {seconds}", "member-3", *OTHERS)
    net.wait_height(done.height + 1, HURT, seconds=30 * patience())
    with writing(net, HURT) as written:
        time.sleep(5)
    net.programs[HURT].stop()
    net.mend_program(HURT)
    net.start(HURT)
    judge(net, written, f"application's clock {seconds:+} s")


if SHIFTED:

    @pytest.mark.parametrize("variable", SHIFTED)
    def test_a_validator_whose_clock_is_an_hour_off(net: Network, variable: str) -> None:
        """Needs a CometBFT of another time, see README.md here; one of four moves no median."""
        binary = os.environ[variable]
        net.programs[HURT].stop()
        net.programs[HURT].environment = {"WARIFU_COMETBFT": binary}
        net.start(HURT)
        begun = now()
        with writing(net, *OTHERS) as written:
            rejoin = rejoined(net)
            time.sleep(5)
        head = net.client(0).head(now())
        assert begun - timedelta(seconds=60) < head.time < now() + timedelta(seconds=60)
        net.programs[HURT].stop()
        net.programs[HURT].environment = {}
        net.start(HURT)
        judge(net, written, f"validator's clock off ({variable})", rejoin=rejoin)


def test_a_liar_about_the_root_stands_alone(net: Network) -> None:
    """Its CometBFT cannot follow the others' headers; renewed, the node takes part again."""
    net.programs[HURT].stop()
    net.break_program(HURT, "lie-root")
    with writing(net, *OTHERS) as written:
        net.start(HURT)
        time.sleep(5 * patience())
        lied = net.height(HURT)
        assert lied < height_of(net, *OTHERS)
        net.programs[HURT].kill()
        net.mend_program(HURT)
        net.forget(HURT)
        net.start(HURT)
        rejoin = rejoined(net)
    judge(net, written, "liar about the root", rejoin=rejoin)


# --- two of four ---


def test_two_of_four_paused(net: Network) -> None:
    """No block and no fork; a reader who asks for fresh data is told it is stale."""
    net.wait_height(height_of(net, 0, 1, 2, 3))
    for number in (1, 2):
        net.signal(number, signal.SIGSTOP)
    time.sleep(2)
    before = net.height(0)
    time.sleep(5 * patience())
    assert net.height(0) <= before + 1
    assert net.height(3) <= before + 1
    reader = net.client(0)
    age = now() - reader.head(now()).time
    assert age > timedelta(seconds=5)
    with pytest.raises(Unavailable) as caught:
        reader.read("member/member-1", now=now(), max_age=timedelta(seconds=3))
    assert caught.value.code == "light.stale"
    for number in (1, 2):
        net.signal(number, signal.SIGCONT)
    begun = time.monotonic()
    with writing(net, 0, 3) as written:
        while not written.acks:
            assert time.monotonic() - begun < 30 * patience()
            time.sleep(0.05)
        heal = time.monotonic() - begun
    figure(f"network, two of four paused: reads said they were {age.total_seconds():.0f} s old")
    judge(net, written, "two of four paused", stands=True, heal=heal)
