"""One change of address reaches every firm that holds a consent, whatever is down meanwhile."""

from __future__ import annotations

import pytest

from warifu.demo.story import CAR, HOME_SHARE, SKILL

pytestmark = pytest.mark.xdist_group("network")


def test_a_move_told_once_reaches_every_consented_firm(story):
    ours = story()
    ours.act_issue()
    ours.act_present()

    ours.act_move()

    assert ours.count.updates == dict.fromkeys((HOME_SHARE, CAR, SKILL), "accepted")
    for firm in (HOME_SHARE, CAR, SKILL):
        page = ours.shops[firm].customers(ours.visitor).text
        assert ours.persona.new_address.formatted in page
    addresses = ours.wallet.must("address")
    assert all(row["current"] for row in addresses if row["firm"] in (HOME_SHARE, CAR, SKILL))
