"""The issuer's tables. State that decides is here, never in a process."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The schema; `issuer.migrations` brings a database to it."""


class Application(Base):
    """One resident's application. ``data`` is JSON with what the form held, as received."""

    __tablename__ = "applications"
    __table_args__ = (
        # Four eyes hold in the database too [POR-EYES-1].
        CheckConstraint("maker IS NULL OR checker IS NULL OR maker <> checker", "four_eyes"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(12), index=True)
    data: Mapped[str] = mapped_column(Text)
    warnings: Mapped[str] = mapped_column(Text, default="[]")
    reason: Mapped[str] = mapped_column(String(64), default="")
    previous: Mapped[str | None] = mapped_column(ForeignKey("applications.id"))
    maker: Mapped[str | None] = mapped_column(String(64))
    checker: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(BigInteger)
    decided_at: Mapped[int | None] = mapped_column(BigInteger)


class Image(Base):
    """A picture of a document, re-encoded by us; deleted some days after the decision."""

    __tablename__ = "images"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id"), index=True)
    media_type: Mapped[str] = mapped_column(String(16))
    content: Mapped[bytes | None] = mapped_column(LargeBinary)


class Operator(Base):
    """A person who checks applications."""

    __tablename__ = "operators"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(8))
    password_hash: Mapped[str] = mapped_column(String(200))
    failed: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[int] = mapped_column(BigInteger, default=0)


class Session(Base):
    """A browser session: the id is hashed at rest; ``subject`` is an operator's name or empty."""

    __tablename__ = "sessions"
    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), default="")
    csrf: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[int] = mapped_column(BigInteger)


class Offer(Base):
    """A credential offer: one pre-authorized code, one tx_code, five tries."""

    __tablename__ = "offers"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id"), index=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    tx_code_hash: Mapped[str] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(8))
    expires_at: Mapped[int] = mapped_column(BigInteger)


class Token(Base):
    """An access token, hashed at rest, good for one application's configurations."""

    __tablename__ = "tokens"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id"))
    expires_at: Mapped[int] = mapped_column(BigInteger)
    batches: Mapped[int] = mapped_column(Integer, default=0)


class Nonce(Base):
    """A c_nonce, good once."""

    __tablename__ = "nonces"
    nonce_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)


class Batch(Base):
    """One answered credential request: its anchor and its notification."""

    __tablename__ = "batches"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id"), index=True)
    configuration: Mapped[str] = mapped_column(String(32))
    notification_hash: Mapped[str] = mapped_column(String(64), unique=True)
    outcome: Mapped[str] = mapped_column(String(24), default="")
    anchored: Mapped[bool] = mapped_column(Boolean, default=False)
    issued_at: Mapped[int] = mapped_column(BigInteger)


class Credential(Base):
    """One issued copy: its index in the status list, and nothing about the person."""

    __tablename__ = "credentials"
    __table_args__ = (UniqueConstraint("list_id", "status_index", name="one_index_one_copy"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"), index=True)
    list_id: Mapped[str] = mapped_column(String(32))
    status_index: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[int] = mapped_column(BigInteger)
    revoke_at: Mapped[int | None] = mapped_column(BigInteger, index=True)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(64), default="")


class StatusListRow(Base):
    """A status list as it should be, and whether the chain has it."""

    __tablename__ = "status_lists"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    bits: Mapped[int] = mapped_column(Integer)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    changed: Mapped[int] = mapped_column(Integer, default=1)
    published: Mapped[int] = mapped_column(Integer, default=0)
    token: Mapped[str] = mapped_column(Text, default="")


class AuditEntry(Base):
    """One line of the audit log; each holds the hash of the one before [POR-AUDIT-1]."""

    __tablename__ = "audit"
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64))
    detail: Mapped[str] = mapped_column(String(200), default="")
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
