"""The status list: on the chain from the start, ahead by one at every change, never back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from issuer import audit, revocation
from issuer.config import STATUS_LIST, Config
from issuer.context import Issuer
from issuer.models import Application, Credential, StatusListRow
from ssi.errors import Rejected, Unavailable
from ssi.status_list import INVALID, VALID, StatusList, parse_status_token, verify_status_token
from tests.support.chain import Chain, TestClock, running
from tests.support.issuer_world import Wallet, keys, opened, wallet, write_config
from tests.support.registry import ISSUER_URL
from tests.unit.issuer.test_issuance import code_of, decided


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """A chain of each test's own: a list on it never goes back, nor does its clock."""
    with running(tmp_path / "chain.db") as made:
        yield made


@pytest.fixture
def settings(chain: Chain, tmp_path: Path) -> Config:
    return write_config(tmp_path, chain)


def given(issuer: Issuer, name: str = "a1", previous: str | None = None) -> Wallet:
    """A wallet that took both credentials of an application and said so."""
    made = wallet(issuer)
    offer = decided(issuer, name=name, previous=previous)
    made.token = str(made.redeem(code_of(issuer, offer), offer.tx_code).json["access_token"])
    for configuration in ("kyc", "driving-licence"):
        answer = made.ask(configuration, made.proofs(keys(2)))
        assert made.notify(answer.json["notification_id"]).status_code == 204
    return made


def indices(issuer: Issuer) -> list[int]:
    with issuer.db.transaction() as session:
        return list(session.scalars(select(Credential.status_index).order_by(Credential.id)))


def published(issuer: Issuer) -> list[int]:
    """The statuses of all our copies as the chain's newest list has them."""
    record = issuer.ledger.status(issuer.now())
    assert record is not None
    token = wallet(issuer).http.get(issuer.config.status_uri.removeprefix(ISSUER_URL))
    assert token.content_type == "application/statuslist+jwt"
    parsed = parse_status_token(token.text)
    verified = verify_status_token(
        parsed,
        issuer.status_key.signer.public_key,
        now=issuer.now(),
        uri=issuer.config.status_uri,
    )
    assert verified.ttl == 300
    assert record.uri == issuer.config.status_uri
    return [verified.list.get(index) for index in indices(issuer)]


def test_the_list_is_published_once_and_again_when_it_changed(issuer: Issuer):
    revocation.publish(issuer)
    first = issuer.ledger.status(issuer.now())
    assert not revocation.publish(issuer)
    made = given(issuer)
    assert published(issuer) == [VALID] * 4
    assert revocation.revoke_application(issuer, "a1", actor="sato", reason="lost") == 4
    assert published(issuer) == [VALID] * 4
    assert revocation.publish(issuer)
    second = issuer.ledger.status(issuer.now())
    assert second.sequence == first.sequence + 1
    assert published(issuer) == [INVALID] * 4
    with pytest.raises(Rejected):
        revocation.revoke_application(issuer, "a1", actor="sato", reason="lost")
    # Clause [POR-REV-3]: the token of before brings nothing any more.
    assert made.ask("kyc", made.proofs(keys(1))).status_code == 401
    with issuer.db.transaction() as session:
        audit.verify(session)


def test_a_silent_chain_is_owed_the_list(issuer: Issuer, monkeypatch):
    # Clause [POR-REV-2].
    revocation.publish(issuer)
    given(issuer)
    revocation.revoke_application(issuer, "a1", actor="sato", reason="lost")
    with monkeypatch.context() as patch:
        patch.setattr(type(issuer.ledger), "submit", _unavailable)
        with pytest.raises(Unavailable):
            revocation.publish(issuer)
    assert revocation.publish(issuer)
    assert published(issuer) == [INVALID] * 4


def test_an_answer_lost_on_the_way_is_made_good(issuer: Issuer, monkeypatch):
    revocation.publish(issuer)
    given(issuer)
    revocation.revoke_application(issuer, "a1", actor="sato", reason="lost")
    real = type(issuer.ledger).submit

    def lost(*args: object) -> None:
        real(*args)
        raise Unavailable("the answer was lost")

    with monkeypatch.context() as patch:
        patch.setattr(type(issuer.ledger), "submit", lost)
        with pytest.raises(Unavailable):
            revocation.publish(issuer)
    revocation.publish(issuer)
    assert published(issuer) == [INVALID] * 4


def test_an_old_copy_of_the_database_brings_nobody_back(issuer: Issuer, config, clock, tmp_path):
    # Clause [POR-REV-4].
    revocation.publish(issuer)
    given(issuer)
    revocation.revoke_application(issuer, "a1", actor="sato", reason="lost")
    revocation.publish(issuer)
    ended = indices(issuer)
    clock.move(seconds=1)
    older = replace(config, database=f"sqlite:///{tmp_path / 'older.db'}")
    with opened(older, clock) as restored:
        assert revocation.publish(restored)
        assert not revocation.publish(restored)
        with restored.db.transaction() as session:
            row = session.get_one(StatusListRow, STATUS_LIST)
            kept = StatusList(row.bits, row.data)
        assert [kept.get(index) for index in ended] == [INVALID] * 4
        given(restored)
        assert not set(indices(restored)) & set(ended)


def _unavailable(*_: object) -> None:
    raise Unavailable("the chain is silent")


def test_publishers_who_race_leave_the_newest_list(issuer: Issuer):
    revocation.publish(issuer)
    given(issuer)
    revocation.revoke_application(issuer, "a1", actor="sato", reason="lost")
    gate = threading.Barrier(4)
    unexpected: list[BaseException] = []

    def publish() -> None:
        gate.wait()
        try:
            revocation.publish(issuer)
        except Unavailable:
            pass
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            unexpected.append(error)

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert unexpected == []
    revocation.publish(issuer)
    assert published(issuer) == [INVALID] * 4


def test_after_a_move_the_old_copies_end_when_all_new_ones_are_there(
    issuer: Issuer, clock: TestClock
):
    revocation.publish(issuer)
    given(issuer)
    made = wallet(issuer)
    offer = decided(issuer, name="a2", previous="a1")
    made.token = str(made.redeem(code_of(issuer, offer), offer.tx_code).json["access_token"])
    one = made.ask("kyc", made.proofs(keys(1)))
    made.notify(one.json["notification_id"])
    assert revocation.end_due(issuer) == 0
    two = made.ask("driving-licence", made.proofs(keys(1)))
    made.notify(two.json["notification_id"], "credential_failure")
    assert revocation.end_due(issuer) == 0
    again = made.ask("driving-licence", made.proofs(keys(1)))
    made.notify(again.json["notification_id"])
    assert revocation.end_due(issuer) == 4
    clock.move(seconds=1)
    revocation.publish(issuer)
    assert published(issuer)[:4] == [INVALID] * 4
    assert published(issuer)[4:] == [VALID] * (len(indices(issuer)) - 4)
    with issuer.db.transaction() as session:
        assert session.get_one(Application, "a2").state == "issued"
