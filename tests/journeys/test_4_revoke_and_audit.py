"""What is taken back is taken back everywhere, and anybody can check the record."""

from __future__ import annotations

import pytest

from warifu.demo.canary import search
from warifu.demo.report import needles, places
from warifu.demo.story import CAR

pytestmark = pytest.mark.xdist_group("network")


def test_withdrawal_revocation_audit_and_not_a_trace_of_the_resident(story):
    ours = story()
    ours.act_issue()
    ours.act_present()

    ours.act_withdraw()
    ours.act_revoke()
    ours.act_audit()

    assert (CAR, "rejected (credential.revoked)") in ours.count.outcomes
    assert ours.count.chain["replay_ok"] is True
    hits = list(search(places(ours.network, ours.wallet), needles(ours.persona)))
    assert hits == []


def test_the_wallet_hears_of_a_revocation_and_offers_the_credential_to_nobody(story):
    ours = story()
    ours.act_issue()
    synced = ours.wallet.must("sync")
    assert synced["unchecked"] == []
    assert {row["standing"] for row in ours.wallet.must("credentials")} == {"valid"}
    ours.act_revoke()

    ours.wallet.must("sync")

    assert {row["standing"] for row in ours.wallet.must("credentials")} == {"revoked"}
    plan = ours.wallet.run("review", ours.shops[CAR].ask(ours.visitor))
    assert plan.value["problems"] == ["credential.revoked"]
    assert plan.value["can_answer"] is False
