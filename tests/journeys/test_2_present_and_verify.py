"""Five firms ask; each learns what the resident agreed to, and nothing else."""

from __future__ import annotations

import pytest

from warifu.demo.story import CAR, FINTECH, HOME_SHARE, SECOND_HAND, SKILL

pytestmark = pytest.mark.xdist_group("network")


def test_each_firm_learns_what_was_agreed_and_nothing_else(story):
    ours = story()
    ours.act_issue()

    ours.act_present()

    assert dict(ours.count.outcomes) == {
        HOME_SHARE: "verified",
        CAR: "verified",
        SKILL: "verified",
        SECOND_HAND: "declined",
        FINTECH: "rejected (policy.age)",
    }
    home = ours.shops[HOME_SHARE].customers(ours.visitor).text
    assert ours.persona.name in home
    assert ours.persona.licence_number not in home, "home-sharing did not ask for a licence"
    for stranger in (SECOND_HAND, FINTECH):
        assert ours.persona.name not in ours.shops[stranger].customers(ours.visitor).text


def test_a_link_works_once(story):
    ours = story()
    ours.act_issue()
    link = ours.shops[HOME_SHARE].ask(ours.visitor)
    assert ours.wallet.run("present", link, "--yes").code == 0

    again = ours.wallet.run("present", link, "--yes")

    assert again.code != 0
