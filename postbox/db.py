"""The database: connections, transactions, migrations, leases.

What was committed here survives SIGKILL: SQLite runs in WAL mode and syncs at every commit
[SHA-BOX-5]. State that decides is in these tables, never in a process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from postbox.models import Lease
from ssi.errors import Unavailable

_BUSY_SECONDS = 10
_LOCK = 0x706F7374  # "post": ours among the advisory locks of one PostgreSQL database
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One pool of connections; make it after the fork."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._writing = self._engine.execution_options(warifu_writes=True)

    def migrate(self) -> None:
        """Bring the tables to this program's version; safe when many processes start at once.

        Raises:
            Unavailable: ``database.unusable``: it is damaged, of a later version or not there.
        """
        config = AlembicConfig()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            with self._writing.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except (DBAPIError, CommandError) as error:
            raise Unavailable("the database cannot be used", code="database.unusable") from error

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction that writes; it is durable when the block ends.

        Raises:
            Unavailable: ``mailbox.busy``: the database did not answer; nothing was stored.
        """
        with _translated(), Session(self._writing) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that only reads.

        Raises:
            Unavailable: ``mailbox.busy``.
        """
        with _translated(), Session(self._engine) as session, session.begin():
            yield session

    def take_lease(self, name: str, holder: str, *, now_ms: int, for_ms: int) -> bool:
        """Become, or stay, the one who does a job.

        Args:
            name: The job.
            holder: Who asks.
            now_ms: The present.
            for_ms: How long the job is ours without asking again.

        Returns:
            Whether the job is ours now.
        """
        taken = (
            update(Lease)
            .where(Lease.name == name, (Lease.until < now_ms) | (Lease.holder == holder))
            .values(holder=holder, until=now_ms + for_ms)
        )
        try:
            with self.write() as session:
                if session.connection().execute(taken).rowcount:
                    return True
                if session.scalar(select(Lease.name).where(Lease.name == name)) is not None:
                    return False
                session.add(Lease(name=name, holder=holder, until=now_ms + for_ms))
        except IntegrityError:
            return False  # another process made the row in this moment
        return True

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # a race our callers know how to answer
    except DBAPIError as error:
        # The cause is cut: its text holds the statement's values.
        raise Unavailable(
            f"the database failed: {type(error.orig).__name__}", code="mailbox.busy", retry_after=1
        ) from None


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=True)
        event.listen(engine, "begin", _one_writer)
        return engine
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _one_writer(connection: Connection) -> None:
    """Let one writer in at a time, as SQLite does: what it reads stays true until its end."""
    if connection.get_execution_options().get("warifu_writes", False):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_BUSY_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _on_connect(connection: Any, _record: object) -> None:
    # The driver must not begin transactions of its own: we choose which lock they start with.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    # A writer takes the write lock first, so what it reads stays true until it commits.
    writes = connection.get_execution_options().get("warifu_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
