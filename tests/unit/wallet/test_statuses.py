"""How credentials stand: read from whole lists the chain names, kept with its age."""

from dataclasses import replace
from datetime import timedelta

import pytest

from registry_chain.transactions import RevokeKey
from ssi.errors import Rejected, VaultError
from ssi.status_list import INVALID, SUSPENDED, VALID
from tests.support.wallet_cast import ISSUER, NEW_ADDRESS, NODE
from wallet import plain, schema, store
from wallet.copies import Lack, pick_copies
from wallet.history import Did
from wallet.keyfile import CHEAPEST
from wallet.labels import age_text, standing_text
from wallet.presenting import Shared
from wallet.store import Standing
from wallet.vault import Vault

ALL = range(1, 6)  # the indices of the five copies
OWN_MEANING = 3


@pytest.fixture
def world(own_world):
    return own_world


@pytest.fixture
def card(supplied, world):
    """A holder of one batch whose list is on the chain, nothing revoked."""
    world.issuer.publish({})
    return supplied


def standing(holder):
    (batch,) = holder.credentials()
    return batch.standing


def told(holder, world, lang="en"):
    return "\n".join(plain.stock_lines(holder.credentials(), world.clock(), lang))


@pytest.mark.parametrize(
    ("status", "stands", "words"),
    [
        (VALID, Standing.VALID, ("[valid] checked just now", "[有効] たった今確認")),
        (INVALID, Standing.REVOKED, ("[revoked] by its issuer", "[失効]")),
        (SUSPENDED, Standing.SUSPENDED, ("[on hold] by its issuer", "[停止]")),
    ],
)
def test_the_next_look_for_answers_says_how_a_credential_stands(
    card, world, status, stands, words
):  # [WAL-STAT-1] [WAL-STAT-3]
    assert standing(card) is Standing.UNCHECKED
    assert "[unchecked]" in told(card, world)
    world.issuer.publish(dict.fromkeys(ALL, status))
    assert card.sync().unchecked == ()
    assert standing(card) is stands
    assert words[0] in told(card, world)
    assert words[1] in told(card, world, "ja")


def test_an_issuer_is_shown_by_its_registered_name(card, world):  # [WAL-STAT-3]
    assert "City KYC" in told(card, world)
    assert "市民KYC株式会社" in told(card, world, "ja")
    card.forget_history()
    assert "city-kyc" in told(card, world)


def test_no_index_leaves_the_wallet_and_the_issuer_is_not_asked(card, world):  # [WAL-STAT-1]
    world.sent.clear()
    card.sync()
    assert standing(card) is Standing.VALID
    hosts = {request.url.split("/v1/")[0] for request in world.sent}
    assert hosts == {NODE}
    lists = [request.url for request in world.sent if "/v1/status-list/" in request.url]
    token = world.issuer.editions[-1][1]
    assert len(lists) == 1  # one list, once, whole, however many copies are in it
    indices = {str(copy.status_index) for copy in store.credentials(card._ctx.vault)}
    for request in world.sent:
        assert not indices & set(request.url.split("/"))
        assert b"idx" not in request.body
    assert not lists[0].endswith(token)


def test_what_was_known_stays_with_its_age_when_nothing_new_is_learned(card, world):
    """[WAL-STAT-2]"""
    card.sync()
    world.clock.ahead += timedelta(minutes=3)
    world.down.add(NODE)
    assert card.sync().unchecked == ("city-kyc",)
    assert standing(card) is Standing.VALID
    assert "[valid] checked 3 min ago" in told(card, world)
    assert "3 分前に確認" in told(card, world, "ja")


def test_a_revocation_once_seen_is_final(card, world):  # [WAL-STAT-2]
    world.issuer.publish(dict.fromkeys(ALL, INVALID))
    card.sync()
    (first, *_) = store.credentials(card._ctx.vault)
    store.note_standings(card._ctx.vault, {first.id: Standing.VALID}, at=first.checked_at + 9)
    assert store.credentials(card._ctx.vault)[0] == first
    asked = len(world.sent)
    card.sync()
    assert not any("/status-list/" in request.url for request in world.sent[asked:])


def test_a_credential_on_hold_may_become_valid_again(card, world):
    world.issuer.publish(dict.fromkeys(ALL, SUSPENDED))
    card.sync()
    assert standing(card) is Standing.SUSPENDED
    world.issuer.publish(dict.fromkeys(ALL, VALID))
    card.sync()
    assert standing(card) is Standing.VALID


def _another_uri(world):
    world.issuer.publish({}, uri=f"{ISSUER}/status-lists/other")


def _too_old(world):
    world.issuer.publish({}, lives=timedelta(hours=1))
    world.advance(timedelta(hours=2))


def _no_meaning(world):
    world.issuer.publish(dict.fromkeys(ALL, OWN_MEANING))


def _key_revoked(world):
    world.issuer.publish({})
    key = world.issuer.status_signer.public_key.thumbprint()
    world.submit("city-kyc", RevokeKey(issuer="city-kyc", thumbprint=key, compromised_since=None))


def _never(_world):
    """No list was ever published."""


@pytest.mark.parametrize("bend", [_another_uri, _too_old, _no_meaning, _key_revoked, _never])
def test_a_list_that_does_not_count_gives_no_verdict(supplied, world, bend):  # [WAL-STAT-1]
    bend(world)
    assert supplied.sync().unchecked == ("city-kyc",)
    assert standing(supplied) is Standing.UNCHECKED


@pytest.mark.parametrize(
    ("status", "code"), [(INVALID, "credential.revoked"), (SUSPENDED, "credential.suspended")]
)
def test_what_the_issuer_took_back_is_not_offered_and_the_person_told_why(
    card, world, status, code
):  # [WAL-STAT-4]
    world.issuer.publish(dict.fromkeys(ALL, status))
    card.sync()
    plan = card.review(world.minpaku.ask("name"))
    assert [problem.value for problem in plan.problems] == [code]
    assert plan.answers == plan.items == plan.missing == ()
    for lang in ("ja", "en"):
        assert plain.PROBLEMS[code].text(lang) in plain.plan_lines(plan, lang)[0]
    with pytest.raises(Rejected) as caught:
        card.answer(plan)
    assert caught.value.code == code
    assert world.minpaku.presented == []


def test_an_expired_credential_is_told_as_such(card, world):  # [WAL-STAT-4]
    world.advance(timedelta(days=301))
    assert standing(card) is Standing.EXPIRED
    assert "[expired]" in told(card, world)
    copies = store.credentials(card._ctx.vault)
    assert pick_copies(copies, "minpaku-one", now=card._ctx.seconds()) == (
        (),
        {copies[0].vct: Lack.EXPIRED},
    )


def test_a_new_credential_takes_the_place_of_a_revoked_one(card, world):
    world.issuer.publish(dict.fromkeys(ALL, INVALID))
    card.sync()
    world.clock.ahead += timedelta(seconds=2)  # the list is in the order of receipt
    card.accept_offer(world.issuer.offer(), "123456")
    outcome = card.answer(card.review(world.minpaku.ask("name")))
    assert outcome.state is Shared.ACCEPTED
    new, old = card.credentials()
    assert (new.unused, old.unused) == (4, 0)
    assert old.standing is Standing.REVOKED


def test_a_revoked_credential_vouches_for_no_move(card, world):  # [WAL-STAT-4]
    card.answer(card.review(world.minpaku.ask("address")), accept_updates=True)
    world.issuer.person = replace(world.issuer.person, address=NEW_ADDRESS)
    card.accept_offer(world.issuer.offer(), "123456")
    world.issuer.publish(dict.fromkeys(range(1, 11), INVALID))
    card.sync()
    card.move(NEW_ADDRESS.to_json(), world.clock().date())
    card.send_due()
    world.minpaku.read_mail()
    assert [update.assurance.value for update in world.minpaku.updates] == ["self_asserted"]


def test_a_wallet_of_the_version_before_opens_with_nothing_looked_up(tmp_path, monkeypatch):
    """[WAL-VAULT-8]"""
    monkeypatch.setattr("wallet.vault.MIGRATIONS", schema.MIGRATIONS[:2])
    with Vault.create(tmp_path, "tally and tally", profile=CHEAPEST) as old:
        old.write("INSERT INTO keys VALUES ('t', 'credential', x'00', 1)")
        old.write(
            "INSERT INTO credentials VALUES"
            " ('c', 'b', 'city-kyc', 'urn:warifu:kyc:1', '', 't', 'u', 7, '{}', '[]', 1, 2, NULL,"
            " 3, NULL, NULL)"
        )
    monkeypatch.undo()
    with Vault.open(tmp_path, "tally and tally", floor=CHEAPEST) as opened:
        (copy,) = store.credentials(opened)
    assert (copy.standing, copy.checked_at) == (Standing.UNCHECKED, None)


def test_deleting_takes_copies_and_keys_and_leaves_a_line(card):  # [WAL-DEL-1]
    (batch,) = card.credentials()
    assert card.delete_credentials(batch.batch) == 5
    assert card.credentials() == ()
    assert card._ctx.vault.read("SELECT count(*) FROM keys") == [(0,)]
    line = card.history()[0]
    assert line.kind is Did.DELETED
    assert line.details == {"vcts": [batch.vct], "copies": 5}
    with pytest.raises(VaultError) as caught:
        card.delete_credentials(batch.batch)
    assert caught.value.code == "input.unknown_batch"


def test_ages_are_told_in_their_largest_whole_unit():
    assert [age_text(n, "en") for n in (0, 59, 60, 7199, 7200, 200_000)] == [
        "just now", "just now", "1 min ago", "1 h ago", "2 h ago", "2 d ago",
    ]  # fmt: skip
    assert standing_text("revoked", 90_000, "ja") == "[失効] 発行者による・1 日前に確認"
