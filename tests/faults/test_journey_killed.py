"""Anything may be killed at any step of the journey; its end is the same.

[WAL-SEND-1] [WAL-SEND-2] [TRUST-2] [SHA-BOX-5] [REG-ENG-1]
The seeds are printed; ``WARIFU_SEEDS=7,8 pytest ...`` plays chosen ones again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.chaos import begin
from warifu.demo import cast
from warifu.demo.network import Network, running
from warifu.demo.persona import resident
from warifu.demo.story import CAR, FINTECH, HOME_SHARE, SECOND_HAND, SKILL

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("killed-journey")]
# As many seeds as there are programs and wallet commands to be killed: each of them is, once.
SEEDS = [int(seed) for seed in os.environ.get("WARIFU_SEEDS", "").split(",") if seed] or [
    *range(1, 12)
]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with running(tmp_path_factory.mktemp("killed") / "network") as started:
        yield started


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_killed_the_journey_ends_the_same(
    network: Network, tmp_path: Path, seed: int
) -> None:
    today = datetime.now().astimezone(cast.JST).date()
    story = begin(network, tmp_path, seed, today, resident(today))
    saboteur = story.narrator.saboteur
    print(f"seed {seed}: {saboteur.plan}")  # noqa: T201 - to play it again

    story.play()

    print(f"seed {seed} killed: {saboteur.done}")  # noqa: T201 - as above
    assert dict(story.count.outcomes) == {
        HOME_SHARE: "verified",
        CAR: "rejected (credential.revoked)",
        SKILL: "verified",
        SECOND_HAND: "declined",
        FINTECH: "rejected (policy.age)",
    }
    assert story.count.updates == dict.fromkeys((HOME_SHARE, CAR, SKILL), "accepted")
    assert story.count.chain["replay_ok"] is True
    for firm in (HOME_SHARE, CAR, SKILL):
        page = story.shops[firm].customers(story.visitor).text
        assert story.persona.new_address.formatted in page
    copies = sum(row["copies"] for row in story.wallet.must("credentials"))
    assert copies == 40
    consents = {row["firm"]: row["state"] for row in story.wallet.must("consents") if row["live"]}
    assert consents == {CAR: "given", SKILL: "given"}
