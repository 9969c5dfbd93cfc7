"""Apply, be checked by four eyes, receive credentials nobody can join."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.xdist_group("network")


def test_a_resident_applies_and_receives_one_time_credentials(story):
    ours = story()

    ours.act_issue()

    stock = ours.wallet.must("credentials")
    assert {row["vct"] for row in stock} == {"urn:warifu:kyc:1", "urn:warifu:driving-licence:1"}
    assert all(row["copies"] == row["unused"] == 10 for row in stock)


def test_whoever_approved_may_not_issue(story):
    ours = story()
    case = ours.applicant.apply()
    ours.maker.log_in()
    ours.maker.act(case, "approve")

    with pytest.raises(LookupError, match="issue"):
        ours.maker.issue(case)


def test_an_offer_works_once(story):
    ours = story()
    ours.act_issue()
    stock = ours.wallet.must("credentials")

    again = ours.wallet.run(*ours.offer)

    assert again.code != 0
    assert ours.wallet.must("credentials") == stock


def test_a_broken_offer_shares_nothing(story):
    ours = story()
    ours.act_issue()
    told = ours.wallet.run("offer", "openid-credential-offer://?credential_offer=%7B%7D")
    assert told.code == 3, "a broken offer is bad input"
    assert told.value["error"]["shared"] is False
