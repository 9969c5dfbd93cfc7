"""The database: connections, transactions, migrations. What was committed survives SIGKILL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from ssi.errors import Unavailable

_BUSY_SECONDS = 10
_LOCK = 0x69737375  # "issu": ours among the advisory locks of one PostgreSQL database
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One pool of connections; make it after the fork."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)

    def migrate(self) -> None:
        """Bring the tables to this program's version.

        Raises:
            Unavailable: ``database.unusable``: it is damaged, of a later version or not there.
        """
        config = AlembicConfig()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            with self._engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except (DBAPIError, CommandError) as error:
            raise Unavailable("the database cannot be used", code="database.unusable") from error

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a transaction; it is durable when the block ends, undone when it raises.

        Raises:
            Unavailable: ``issuer.busy``: the database did not answer; nothing was stored.
        """
        try:
            with Session(self._engine) as session, session.begin():
                yield session
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise Unavailable("the database is busy", code="issuer.busy") from error

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)
        event.listen(engine, "begin", _one_writer)
        return engine
    # An exception of the database must not repeat what an applicant wrote.
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _one_writer(connection: Connection) -> None:
    """Let one transaction in at a time, as SQLite does: what it reads stays true until its end."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_BUSY_SECONDS}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # We say BEGIN ourselves: IMMEDIATE, so that two readers never both turn writers.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
