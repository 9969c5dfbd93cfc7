"""Settings, tables, loops: what an operator relies on."""

import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from postbox.background import start_background
from postbox.config import Config
from postbox.db import Database
from postbox.models import Base, ItemState, LedgerItem
from ssi.errors import Unavailable
from tests.support.postbox import make_config, open_mailbox
from tests.support.relations import Holder

SETTINGS = """
url = "https://box.example"
operator_id = "yubin-box"
operator_key = "operator.key"
secret = "secret"
genesis = "genesis.json"
nodes = ["https://node.example"]
"""


def load(folder: Path, text: str) -> Config:
    (folder / "mailbox.toml").write_text(text)
    return Config.load(folder / "mailbox.toml")


def test_paths_in_the_settings_are_relative_to_the_file(tmp_path):
    config = load(tmp_path, SETTINGS)
    assert config.operator_key == tmp_path / "operator.key"
    assert config.database == f"sqlite:///{tmp_path / 'mailbox.db'}"
    assert config.memory == tmp_path / "mailbox-chain.db"


def test_a_database_elsewhere_is_left_alone(tmp_path):
    text = SETTINGS + 'database = "postgresql+psycopg://db/mailbox"\n'
    assert load(tmp_path, text).database == "postgresql+psycopg://db/mailbox"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("surprise = 1\n", "surprise"),
        ("box_messages = 0\n", "box_messages"),
        ("commit_interval_ms = -1\n", "commit_interval_ms"),
    ],
)
def test_a_senseless_setting_stops_the_start(tmp_path, change, word):
    with pytest.raises(ValueError, match=word):
        load(tmp_path, SETTINGS + change)


@pytest.mark.parametrize("url", ["http://box.example", "https://box.example/", "box.example"])
def test_the_url_is_https_unless_the_operator_says_loopback(tmp_path, url):
    with pytest.raises(ValueError, match=r"url|loopback"):
        make_config(tmp_path, url=url)


def test_a_missing_setting_is_named_as_such(tmp_path):
    with pytest.raises(ValueError, match="missing"):
        load(tmp_path, 'url = "https://box.example"\n')


def test_the_migrations_make_exactly_the_tables_of_the_models(tmp_path):
    db = Database(f"sqlite:///{tmp_path / 'new.db'}")
    db.migrate()
    db.migrate()
    with db.read() as session:
        context = MigrationContext.configure(session.connection())
        assert compare_metadata(context, Base.metadata) == []
    db.close()


def test_a_database_that_cannot_be_reached_is_unavailable_and_shows_no_values(tmp_path):
    db = Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")
    with pytest.raises(Unavailable) as caught, db.read() as session:
        session.scalars(select(LedgerItem).where(LedgerItem.commitment == "canary")).all()
    assert caught.value.code == "mailbox.busy"
    assert "canary" not in str(caught.value)
    db.close()


def test_the_background_commits_and_stops(tmp_path):
    mailbox = open_mailbox(tmp_path, commit_interval_ms=20, push_interval_ms=20)
    mailbox.push(Holder().notice())
    stop = start_background(mailbox.client.application)
    deadline = time.monotonic() + 10
    state = None
    while state != ItemState.COMMITTED and time.monotonic() < deadline:
        time.sleep(0.02)
        with mailbox.services.db.read() as session:
            state = session.scalars(select(LedgerItem.state)).one()
    stop()
    assert state == ItemState.COMMITTED


def test_a_fault_in_one_round_does_not_end_the_loop(tmp_path, caplog):
    mailbox = open_mailbox(tmp_path, commit_interval_ms=20)
    mailbox.ledger.down = True
    mailbox.push(Holder().notice())
    stop = start_background(mailbox.client.application)
    deadline = time.monotonic() + 10
    while "committer: chain.busy" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.02)
    mailbox.ledger.down = False
    while not mailbox.ledger.batches and time.monotonic() < deadline:
        time.sleep(0.02)
    stop()
    assert "committer: chain.busy" in caplog.text
    assert len(mailbox.ledger.batches) == 1


def test_the_repr_of_the_settings_and_services_holds_no_secret(tmp_path):
    mailbox = open_mailbox(tmp_path)
    assert repr(b"s" * 32) not in repr(mailbox.services)
    mailbox.services.db.close()


def test_the_interface_is_exactly_what_the_specification_lists(tmp_path):
    """[SHA-BOX-1]"""
    mailbox = open_mailbox(tmp_path)
    routes = {
        (method, rule.rule)
        for rule in mailbox.client.application.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    mailbox.services.db.close()
    assert routes == {
        ("POST", "/push"),
        ("POST", "/poll"),
        ("POST", "/boxes"),
        ("POST", "/boxes/firm"),
        ("DELETE", "/boxes"),
        ("POST", "/consents"),
        ("POST", "/withdrawals"),
        ("GET", "/consents/<commitment>"),
        ("GET", "/withdrawals/<commitment>"),
        ("GET", "/"),
        ("GET", "/health"),
    }
