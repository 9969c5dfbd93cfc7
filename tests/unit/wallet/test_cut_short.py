"""The wallet dies at any moment of an exchange; run again, it loses nothing and does nothing twice.

[WAL-SEND-1] [WAL-SEND-2]
"""

from __future__ import annotations

import argparse
from datetime import date, timedelta

import pytest

from ssi.errors import Rejected
from ssi.fetch import Request, Response
from tests.support.wallet_cast import FIRM, ISSUER, NEW_ADDRESS
from tests.support.wallet_world import PASSPHRASE, World
from wallet import cli
from wallet.holder import Holder
from wallet.presenting import Shared
from wallet.vault import Vault

CODE = "123456"
NEW = NEW_ADDRESS.to_json()


class PowerCut(BaseException):
    """Nothing of ours catches it: the process ends here."""


def dying(world: World, home, url: str, *, before: bool) -> Holder:
    """A wallet that dies when it talks to an address, before or after it was heard."""
    holder = world.holder(home)
    reach = world.fetch

    def fetch(request: Request) -> Response:
        if not request.url.startswith(url):
            return reach(request)
        if not before:
            reach(request)
        raise PowerCut

    holder._ctx = type(holder._ctx)(
        **{
            name: getattr(holder._ctx, name)
            for name in ("vault", "registry", "random", "clock", "config")
        },
        fetch=fetch,
    )
    return holder


@pytest.mark.parametrize("before", [True, False])
def test_an_answer_cut_short_is_settled_by_the_same_link(supplied, world, tmp_path, before):
    home = tmp_path / "wallet"
    supplied.close()
    link = world.minpaku.ask("address")
    with dying(world, home, f"{FIRM}/minpaku-one/response", before=before) as cut:
        plan = cut.review(link)
        with pytest.raises(PowerCut):
            cut.answer(plan, accept_updates=True)
    with world.holder(home) as holder:
        (line,) = [entry for entry in holder.history() if entry.kind == "shared"]
        assert line.outcome == "unknown", "it may have been shared"
        assert holder.status().live_consents == 0

        outcome = holder.resume(link)

        assert outcome is not None
        assert outcome.state is Shared.ACCEPTED
        assert holder.status().live_consents == 1
        (line,) = [entry for entry in holder.history() if entry.kind == "shared"]
        assert line.outcome == "accepted"
        assert holder.resume(link) is None
    assert len(world.minpaku.presented) == 1


def test_the_next_look_for_answers_settles_it_too(supplied, world, tmp_path):
    home = tmp_path / "wallet"
    supplied.close()
    with dying(world, home, f"{FIRM}/minpaku-one/response", before=False) as cut:
        plan = cut.review(world.minpaku.ask("address"))
        with pytest.raises(PowerCut):
            cut.answer(plan, accept_updates=True)
    with world.holder(home) as holder:
        holder.sync()
        assert holder.status().live_consents == 1
        assert len(world.minpaku.presented) == 1


def test_what_was_taken_back_meanwhile_stays_taken_back(supplied, world, tmp_path):
    home = tmp_path / "wallet"
    supplied.close()
    with dying(world, home, f"{FIRM}/minpaku-one/response", before=False) as cut:
        plan = cut.review(world.minpaku.ask("address"))
        with pytest.raises(PowerCut):
            cut.answer(plan, accept_updates=True)
    with world.holder(home) as holder:
        (consent,) = holder.consents()
        holder.withdraw(consent.record_id)
        holder.sync()
        assert holder.consents()[0].state == "withdrawn"
        assert holder.status().live_consents == 0


def test_after_a_day_it_stays_unknown_and_is_not_sent(supplied, world):
    plan = supplied.review(world.minpaku.ask("address"))
    world.down.add(f"{FIRM}/minpaku-one/response")
    assert supplied.answer(plan).state is Shared.UNKNOWN
    world.down.clear()
    world.clock.ahead = timedelta(days=2)
    supplied.sync()
    assert world.minpaku.presented == []
    assert supplied._ctx.vault.read("SELECT * FROM answers") == []
    assert supplied.history()[0].outcome == "unknown"


@pytest.mark.parametrize("path", ["/nonce", "/credential", "/notification"])
def test_an_offer_cut_short_goes_on_where_it_stopped(world, tmp_path, path):
    home = tmp_path / "wallet"
    link = world.issuer.offer()
    with (
        dying(world, home, ISSUER + path, before=False) as cut,
        pytest.raises(PowerCut),
    ):
        cut.accept_offer(link, CODE)
    with world.holder(home) as holder:
        if path != "/notification":
            assert holder.credentials() == ()
            assert holder.accept_offer(link, CODE).copies == 5
        holder.sync()
        assert sum(item.copies for item in holder.credentials()) == 5
        assert holder._ctx.vault.read("SELECT * FROM grants") == []
        assert holder._ctx.vault.read("SELECT * FROM notices") == []
    assert world.issuer.seen.count("/token") == 1
    assert set(world.issuer.notices) == {"credential_accepted"}


def test_an_issuer_that_is_down_half_way_costs_no_offer(world, tmp_path):
    with world.holder(tmp_path / "wallet") as holder:
        link = world.issuer.offer()
        world.down.add(f"{ISSUER}/credential")
        with pytest.raises(Exception, match="down"):
            holder.accept_offer(link, CODE)
        world.down.clear()
        assert holder.accept_offer(link, CODE).copies == 5
    assert world.issuer.seen.count("/token") == 1


def test_a_token_that_is_not_taken_any_more_is_forgotten(world, tmp_path):
    with world.holder(tmp_path / "wallet") as holder:
        link = world.issuer.offer()
        world.issuer.bend_response = lambda issued: issued * 2
        with pytest.raises(Rejected):
            holder.accept_offer(link, CODE)
        assert holder._ctx.vault.read("SELECT * FROM grants") == []


def test_the_same_move_told_again_is_the_one_already_stored(supplied, world):
    supplied.answer(supplied.review(world.minpaku.ask("address")), accept_updates=True)
    today = date(2026, 4, 1)
    first = supplied.move(NEW, today)
    again = supplied.move(NEW, today)
    assert again == first
    assert len(supplied.deliveries()) == 1
    assert supplied.move(NEW, date(2026, 4, 2)) != first


def test_making_a_wallet_can_be_done_again_when_it_was_cut_short(tmp_path, monkeypatch):
    home = tmp_path / "wallet"
    monkeypatch.setattr("wallet.passphrase.read", lambda *_args, **_options: PASSPHRASE)
    parser = argparse.ArgumentParser()
    cli.configure(parser)
    words = ["init", "--genesis", "g.json", "--node", "http://n", "--mailbox", "http://m"]
    args = parser.parse_args([*words, "--home", str(home), "--json"])
    create = Vault.create
    monkeypatch.setattr(Vault, "create", lambda *_a, **_k: (_ for _ in ()).throw(PowerCut))
    with pytest.raises(PowerCut):
        cli.run(args)
    monkeypatch.setattr(Vault, "create", create)
    assert cli.run(args) == cli.EXIT_OK
    assert cli.run(args) != cli.EXIT_OK
    assert Vault.exists(home)
