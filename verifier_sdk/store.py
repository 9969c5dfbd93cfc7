"""The firm's SQLite file: requests, status lists, records. Any number of processes may share it.

What happens once is decided by one ``UPDATE ... WHERE`` and its row count, never by a read followed
by a write [TRUST-2].
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ssi.dcql import parse_query
from ssi.encoding import JSONObject
from ssi.errors import Rejected, Unavailable
from ssi.keys import AgreementKey
from verifier_sdk.ports import REQUEST_TRANSITIONS, RequestState, SentRequest
from verifier_sdk.profiles import BY_CODE, Profile

Row = tuple[Any, ...]
_BUSY_SECONDS: Final = 10.0
# A handler that runs longer may find its request given to another process.
CLAIM_LEASE: Final = timedelta(seconds=20)
_MAX_TOKENS: Final = 64
_REQUEST = (
    "id, key_id, state_value, profile, reference, client_id, nonce, terms, updates, secret,"
    " created_at, expires_at, state"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a request stands, without anything about the person."""

    state: RequestState
    code: str | None
    response_code: str | None = field(default=None, repr=False)
    browser: str | None = field(default=None, repr=False)


class Store:
    """One file, one connection per thread."""

    def __init__(self, path: Path, *, verifier_id: str, profiles: Sequence[Profile] = ()) -> None:
        self._path = path
        self._verifier_id = verifier_id
        self._profiles = dict(BY_CODE) | {profile.code: profile for profile in profiles}
        self._local = threading.local()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)
            with self.write() as db:
                for statement in _statements():
                    db.execute(statement)
        except (OSError, sqlite3.DatabaseError) as error:
            raise Unavailable(f"{path.name} cannot be used", code="database.unusable") from error

    def add_profile(self, profile: Profile) -> None:
        """Let a firm's own profile be read back."""
        self._profiles.setdefault(profile.code, profile)

    # --- connections ---

    def _db(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA secure_delete = ON")
            self._local.db = db
        return db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: all of it, or nothing."""
        db = self._db()
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Read."""
        return self._db().execute(sql, values).fetchall()

    def close(self) -> None:
        """Close this thread's connection."""
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is not None:
            db.close()
            self._local.db = None

    # --- requests ---

    def add_request(self, request: SentRequest) -> None:
        """Keep a new request."""
        if request.key is None:
            raise ValueError("a new request has its key")
        with self.write() as db:
            db.execute(
                f"INSERT INTO requests ({_REQUEST}) VALUES ({', '.join('?' * 13)})",  # noqa: S608 - constant column list
                (
                    request.id,
                    request.key_id,
                    request.state,
                    request.profile.code,
                    request.reference,
                    request.client_id,
                    request.nonce,
                    request.terms,
                    int(request.updates),
                    request.key.secret,
                    seconds(request.created_at),
                    seconds(request.expires_at),
                    request.life.value,
                ),
            )

    def request(self, request_id: str) -> SentRequest | None:
        """Find a request by its id."""
        return self._one_request("id", request_id)

    def request_by_key(self, key_id: str) -> SentRequest | None:
        """Find a request by the key its answer is sealed to."""
        return self._one_request("key_id", key_id)

    def request_by_state(self, state: str) -> SentRequest | None:
        """Find a request by its ``state`` parameter."""
        return self._one_request("state_value", state)

    def _one_request(self, column: str, value: str) -> SentRequest | None:
        rows = self.rows(f"SELECT {_REQUEST} FROM requests WHERE {column} = ?", (value,))  # noqa: S608 - constant columns
        return self._read_request(rows[0]) if rows else None

    def _read_request(self, row: Row) -> SentRequest:
        profile = self._profiles.get(row[3])
        if profile is None:
            raise Rejected("the request is of a profile not in use", code="session.profile")
        return SentRequest(
            id=row[0],
            key_id=row[1],
            state=row[2],
            profile=profile,
            query=parse_query(profile.query().to_json()),
            reference=row[4],
            client_id=row[5],
            verifier_id=self._verifier_id,
            nonce=row[6],
            terms=row[7],
            updates=bool(row[8]),
            key=None if row[9] is None else AgreementKey.from_secret(row[9]),
            created_at=moment(row[10]),
            expires_at=moment(row[11]),
            life=RequestState(row[12]),
        )

    def claim(self, request_id: str, now: datetime) -> bool:
        """Take an open request for ourselves: of any number of callers, one gets ``True``."""
        at = seconds(now)
        with self.write() as db:
            changed = db.execute(
                "UPDATE requests SET state = 'claimed', claimed_at = ?"
                " WHERE id = ? AND expires_at > ? AND state = 'open'",
                (at, request_id, at),
            )
            return changed.rowcount == 1

    def release(self, request_id: str, *, claimed_at: datetime) -> None:
        """Give back a request we claimed then, because the firm's own handler failed."""
        with self.write() as db:
            db.execute(
                "UPDATE requests SET state = 'open'"
                " WHERE id = ? AND state = 'claimed' AND claimed_at = ?",
                (request_id, seconds(claimed_at)),
            )

    def take_back(self, request_id: str, now: datetime) -> bool:
        """Open a request again whose claimant died before it was done [TRUST-2]."""
        with self.write() as db:
            changed = db.execute(
                "UPDATE requests SET state = 'open' WHERE id = ? AND state = 'claimed'"
                " AND claimed_at <= ?",
                (request_id, seconds(now - CLAIM_LEASE)),
            )
            return changed.rowcount == 1

    def close_request(
        self, request_id: str, to: RequestState, *, code: str | None, response_code: str | None
    ) -> bool:
        """End an open request; its key is thrown away. ``False`` when it was not open."""
        return self._move(request_id, RequestState.OPEN, to, code=code, response_code=response_code)

    def _move(
        self,
        request_id: str,
        old: RequestState,
        new: RequestState,
        *,
        code: str | None = None,
        response_code: str | None = None,
    ) -> bool:
        if new not in REQUEST_TRANSITIONS[old]:
            raise ValueError("a request does not go that way")
        with self.write() as db:
            changed = db.execute(
                "UPDATE requests SET state = ?, code = ?, response_code = ?,"
                " secret = CASE WHEN ? THEN secret END WHERE id = ? AND state = ?",
                (new.value, code, response_code, new is _OPEN, request_id, old.value),
            )
            return changed.rowcount == 1

    def finish(
        self, db: sqlite3.Connection, request_id: str, response_code: str, *, claimed_at: datetime
    ) -> bool:
        """Mark a request we claimed then as verified, within the caller's transaction."""
        changed = db.execute(
            "UPDATE requests SET state = 'verified', secret = NULL, response_code = ?"
            " WHERE id = ? AND state = 'claimed' AND claimed_at = ?",
            (response_code, request_id, seconds(claimed_at)),
        )
        return changed.rowcount == 1

    def keep_answer(
        self, db: sqlite3.Connection, digest: str, request_id: str, record_id: str | None
    ) -> None:
        """Note which answer was verified, within the caller's transaction."""
        db.execute("INSERT INTO answers VALUES (?, ?, ?)", (digest, request_id, record_id))

    def countersignature_of(self, digest: str) -> tuple[str | None] | None:
        """The receipt for an answer verified before; empty when no consent came with it."""
        rows = self.rows(
            "SELECT c.countersignature FROM answers a LEFT JOIN consents c"
            " ON c.record_id = a.record_id WHERE a.digest = ?",
            (digest,),
        )
        return (rows[0][0],) if rows else None

    def bind_browser(self, request_id: str, browser: str) -> None:
        """Note the first browser that opened the page; later ones change nothing."""
        with self.write() as db:
            db.execute(
                "UPDATE requests SET browser = ? WHERE id = ? AND browser IS NULL",
                (browser, request_id),
            )

    def outcome(self, request_id: str, now: datetime) -> Outcome | None:
        """How a request stands."""
        rows = self.rows(
            "SELECT state, code, response_code, browser, expires_at FROM requests WHERE id = ?",
            (request_id,),
        )
        if not rows:
            return None
        state, code, response_code, browser, expires_at = rows[0]
        over = state in (_OPEN.value, RequestState.HELD.value) and expires_at <= seconds(now)
        return Outcome(
            state=RequestState.EXPIRED if over else RequestState(state),
            code=code,
            response_code=response_code,
            browser=browser,
        )

    def forget_requests(self, before: datetime) -> int:
        """Delete what was asked before a time, and the keys of what nobody answered."""
        with self.write() as db:
            db.execute(
                "UPDATE requests SET state = 'expired', secret = NULL"
                " WHERE state IN ('open', 'held') AND expires_at <= ?",
                (seconds(before),),
            )
            gone = db.execute(
                "DELETE FROM requests WHERE expires_at <= ?", (seconds(before) - 86_400,)
            )
            db.execute("DELETE FROM answers WHERE request_id NOT IN (SELECT id FROM requests)")
            db.execute(
                "UPDATE same_device SET form = NULL WHERE form IS NOT NULL AND request_id NOT IN"
                " (SELECT id FROM requests WHERE state IN ('held', 'claimed'))"
            )
            db.execute("DELETE FROM same_device WHERE request_id NOT IN (SELECT id FROM requests)")
            return gone.rowcount

    # --- status lists ---

    def note_status(self, issuer: str, name: str, sequence: int) -> int:
        """Note the edition of a list and return the highest ever seen."""
        rows = self.rows(
            "SELECT sequence FROM status_seen WHERE issuer = ? AND list = ?", (issuer, name)
        )
        if rows and rows[0][0] >= sequence:
            return int(rows[0][0])
        with self.write() as db:
            found = db.execute(
                "INSERT INTO status_seen VALUES (?, ?, ?) ON CONFLICT (issuer, list) DO UPDATE"
                " SET sequence = max(sequence, excluded.sequence) RETURNING sequence",
                (issuer, name, sequence),
            ).fetchone()
            return int(found[0])

    def status_token(self, digest: str) -> str | None:
        """A token kept before."""
        rows = self.rows("SELECT token FROM status_tokens WHERE digest = ?", (digest,))
        return rows[0][0] if rows else None

    def keep_status_token(self, digest: str, token: str, now: datetime) -> None:
        """Keep a verified token, for other processes, for days without network, as evidence."""
        with self.write() as db:
            db.execute(
                "INSERT OR IGNORE INTO status_tokens VALUES (?, ?, ?)",
                (digest, token, seconds(now)),
            )
            db.execute(
                "DELETE FROM status_tokens WHERE digest NOT IN"
                " (SELECT digest FROM status_tokens ORDER BY kept_at DESC LIMIT ?)"
                " AND digest NOT IN (SELECT digest FROM evidence_lists)",
                (_MAX_TOKENS,),
            )

    # --- settings ---

    def setting(self, name: str) -> str | None:
        """A remembered setting."""
        rows = self.rows("SELECT value FROM settings WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def set_setting(self, name: str, value: str) -> None:
        """Remember a setting."""
        with self.write() as db:
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))


_OPEN: Final = RequestState.OPEN


def _statements() -> Iterator[str]:
    """The statements of the schema; a trigger holds a semicolon of its own."""
    text = files("verifier_sdk").joinpath("schema.sql").read_text("utf-8")
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def seconds(at: datetime) -> int:
    """Write a time."""
    return int(at.timestamp())


def moment(at: int) -> datetime:
    """Read a time."""
    return datetime.fromtimestamp(at, UTC)


def dump(value: JSONObject) -> str:
    """Write an object for a column."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def load(text: str) -> JSONObject:
    """Read an object from a column of ours."""
    value: JSONObject = json.loads(text)
    return value
