"""The tables. Times are Unix milliseconds; bodies are sealed envelopes and nothing else.

No table has a column for a name, an address, a network address or a token in clear: senders and
network addresses appear only as keyed digests, tokens only as digests [SHA-BOX-9].
"""

from enum import StrEnum

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_Serial = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The root of the tables."""


class BoxKind(StrEnum):
    """Whose box it is."""

    FIRM = "firm"
    RETURN = "return"


class PushState(StrEnum):
    """Whether a firm is pushed to."""

    OFF = "off"
    ACTIVE = "active"
    GONE = "gone"  # the firm's endpoint answered 410


class MessageState(StrEnum):
    """Where an envelope stands."""

    HELD = "held"
    ACKED = "acked"
    REFUSED = "refused"
    EXPIRED = "expired"


class ItemKind(StrEnum):
    """Which chain record an item becomes, in the order they must be committed."""

    CONSENT = "consent"
    WITHDRAWAL = "withdrawal"
    NOTICE = "notice"
    ACK = "ack"


class ItemState(StrEnum):
    """Where an item stands on its way to the chain."""

    QUEUED = "queued"
    SUBMITTED = "submitted"
    COMMITTED = "committed"
    REFUSED = "refused"


class Box(Base):
    """A box and the digest of the token that opens it."""

    __tablename__ = "box"
    __table_args__ = (UniqueConstraint("kind", "owner"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    owner: Mapped[str] = mapped_column(String(64))
    token_digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    push_url: Mapped[str | None] = mapped_column(String(2048))
    push_state: Mapped[str] = mapped_column(String(8), default=PushState.OFF)
    push_attempts: Mapped[int] = mapped_column(Integer, default=0)
    push_due_at: Mapped[int] = mapped_column(BigInteger, default=0)
    push_claimed_until: Mapped[int] = mapped_column(BigInteger, default=0)


class Message(Base):
    """An envelope; its body goes as soon as it is acknowledged, its id stays against repeats."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("box", "jti"),
        Index("ix_message_box_state", "box", "state", "seq"),
        Index("ix_message_state_expiry", "state", "expires_at"),
    )

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    box: Mapped[str] = mapped_column(String(64))
    jti: Mapped[str] = mapped_column(String(64))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    body: Mapped[str | None] = mapped_column(Text)
    size: Mapped[int] = mapped_column(Integer)
    commitment: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(8))
    arrived_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(String(64))


class LedgerItem(Base):
    """Something to be recorded on the chain, exactly once."""

    __tablename__ = "ledger_item"
    __table_args__ = (
        UniqueConstraint("kind", "commitment"),
        Index("ix_ledger_item_state", "state", "kind", "id"),
    )

    id: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(12))
    commitment: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[int] = mapped_column(BigInteger)
    tx_id: Mapped[str | None] = mapped_column(String(64))
    height: Mapped[int | None] = mapped_column(BigInteger)
    rule: Mapped[str | None] = mapped_column(String(32))


class Counter(Base):
    """How often somebody did something in a window of time."""

    __tablename__ = "counter"

    who: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    window: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    count: Mapped[int] = mapped_column(Integer)


class UsedProof(Base):
    """The digest of a box proof that was used, until it is too old to be used again."""

    __tablename__ = "used_proof"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)


class Lease(Base):
    """Who does a job that only one process may do at a time."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    until: Mapped[int] = mapped_column(BigInteger)
