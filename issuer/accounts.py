"""Operators, their passwords and browser sessions [POR-LOGIN-1]. Every counter is in the database.

Passwords: Argon2id. Session ids: 256 bits of randomness, hashed at rest, new at every login.
"""

from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from sqlalchemy import delete, or_
from sqlalchemy.orm import Session as Transaction

from issuer import audit
from issuer.applications import Role
from issuer.context import Issuer, hashed
from issuer.db import Database
from issuer.models import Operator, Session
from ssi.encoding import b64url_encode
from ssi.errors import Rejected
from ssi.keys import Random

MEMORY_KIB: Final = 19456
ITERATIONS: Final = 2
LANES: Final = 1
MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 200
MAX_NAME: Final = 64
MAX_FAILED: Final = 10
LOCK_SECONDS: Final = 15 * 60
IDLE_SECONDS: Final = 15 * 60
ABSOLUTE_SECONDS: Final = 8 * 60 * 60
# A form may lie open while its papers are looked for; nobody is signed in meanwhile.
ANONYMOUS_IDLE_SECONDS: Final = 2 * 60 * 60
_TOUCH_SECONDS: Final = 30
# What an unknown name is compared with: the same work, and nobody's password.
_NOBODY: Final = (
    f"$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}"
    "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """One browser's session; ``id`` is in its cookie and nowhere else."""

    id: str = field(repr=False)
    csrf: str = field(repr=False)
    subject: str


def hash_password(password: str, random: Random) -> str:
    """Return what the database may keep of a password: Argon2id, its salt and its cost."""
    hashing = Argon2id(
        salt=random(16), length=32, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB
    )
    return hashing.derive_phc_encoded(password.encode())


def verify_password(password: str, encoded: str) -> None:
    """Compare a password with what is kept of it.

    Raises:
        Rejected: ``portal.sign_in``.
    """
    try:
        Argon2id.verify_phc_encoded(password.encode("utf-8", "surrogatepass"), encoded)
    except InvalidKey as error:
        raise _no_entry() from error


def add_operator(db: Database, name: str, role: Role, password: str, *, random: Random) -> None:
    """Give an operator an account, or a new password and role; locks and open sessions end.

    Args:
        db: The issuer's database.
        name: Their name; it stands in the audit log.
        role: Maker or checker.
        password: At least ``MIN_PASSWORD`` characters.
        random: Where the salt comes from.

    Raises:
        ValueError: Name, role or password will not do.
    """
    if role not in {Role.MAKER, Role.CHECKER}:
        raise ValueError("an operator is a maker or a checker")
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise ValueError("the name must have 1 to 64 printable characters")
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise ValueError(f"the password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    encoded = hash_password(password, random)
    with db.transaction() as session:
        session.merge(
            Operator(name=name, role=role, password_hash=encoded, failed=0, locked_until=0)
        )
        session.execute(delete(Session).where(Session.subject == name))


def sign_in(issuer: Issuer, *, name: str, password: str) -> BrowserSession:
    """Check a password and open a session with a new id [POR-LOGIN-2].

    A try is counted before it is judged, in a transaction of its own: parallel tries, restarts
    and other workers add none.

    Raises:
        Rejected: ``portal.sign_in``, the same for every reason.
    """
    encoded = _count_try(issuer, name) if 0 < len(name) <= MAX_NAME else None
    verify_password(password[:MAX_PASSWORD], encoded or _NOBODY)
    if encoded is None:
        raise _no_entry()
    with issuer.db.transaction() as session:
        operator = session.get_one(Operator, name)
        operator.failed, operator.locked_until = 0, 0
        _log(session, issuer, name, "sign_in")
        return _open(session, issuer, name)


def _count_try(issuer: Issuer, name: str) -> str | None:
    now = issuer.seconds()
    with issuer.db.transaction() as session:
        operator = session.get(Operator, name, with_for_update=True)
        if operator is None or operator.locked_until > now:
            return None
        operator.failed += 1
        if operator.failed >= MAX_FAILED:
            operator.failed, operator.locked_until = 0, now + LOCK_SECONDS
            _log(session, issuer, name, "locked")
        return operator.password_hash


def open_session(issuer: Issuer) -> BrowserSession:
    """Open a session for a browser where nobody is signed in."""
    with issuer.db.transaction() as session:
        return _open(session, issuer, "")


def _open(session: Transaction, issuer: Issuer, subject: str) -> BrowserSession:
    now = issuer.seconds()
    session.execute(
        delete(Session).where(
            or_(
                Session.created_at <= now - ABSOLUTE_SECONDS,
                Session.seen_at <= now - ANONYMOUS_IDLE_SECONDS,
            )
        )
    )
    opened = BrowserSession(
        id=b64url_encode(issuer.random(32)), csrf=b64url_encode(issuer.random(32)), subject=subject
    )
    session.add(
        Session(
            id_hash=hashed(opened.id),
            subject=subject,
            csrf=opened.csrf,
            created_at=now,
            seen_at=now,
        )
    )
    return opened


def find_session(issuer: Issuer, session_id: str) -> BrowserSession | None:
    """Return a live session by the id in a cookie [POR-LOGIN-3]."""
    now = issuer.seconds()
    with issuer.db.transaction() as session:
        row = session.get(Session, hashed(session_id))
        if row is None:
            return None
        idle = IDLE_SECONDS if row.subject else ANONYMOUS_IDLE_SECONDS
        if row.created_at <= now - ABSOLUTE_SECONDS or row.seen_at <= now - idle:
            session.delete(row)
            return None
        if row.seen_at <= now - _TOUCH_SECONDS:
            row.seen_at = now
        return BrowserSession(id=session_id, csrf=row.csrf, subject=row.subject)


def close_session(issuer: Issuer, session_id: str) -> None:
    """End a session on the server; its cookie is worth nothing from now on."""
    with issuer.db.transaction() as session:
        row = session.get(Session, hashed(session_id))
        if row is None:
            return
        if row.subject:
            _log(session, issuer, row.subject, "sign_out")
        session.delete(row)


def operator_of(issuer: Issuer, opened: BrowserSession | None) -> Operator | None:
    """Return who is signed in, with the role the database gives them now."""
    if opened is None or not opened.subject:
        return None
    with issuer.db.transaction() as session:
        operator = session.get(Operator, opened.subject)
        session.expunge_all()
        return operator


def _log(session: Transaction, issuer: Issuer, name: str, action: str) -> None:
    audit.record(session, at=issuer.seconds(), actor=name, action=action, subject=name)


def _no_entry() -> Rejected:
    return Rejected("the name or the password is not good", code="portal.sign_in")
