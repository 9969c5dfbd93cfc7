"""The first tables: boxes, messages, chain records, counters, proofs, leases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _boxes_and_messages()
    op.create_table(
        "ledger_item",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("commitment", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("tx_id", sa.String(64)),
        sa.Column("height", sa.BigInteger),
        sa.Column("rule", sa.String(32)),
        sa.UniqueConstraint("kind", "commitment"),
    )
    op.create_index("ix_ledger_item_state", "ledger_item", ["state", "kind", "id"])
    op.create_table(
        "counter",
        sa.Column("who", sa.LargeBinary(32), primary_key=True),
        sa.Column("window", sa.BigInteger, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.create_table(
        "used_proof",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_used_proof_expires_at", "used_proof", ["expires_at"])
    op.create_table(
        "lease",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )


def _boxes_and_messages() -> None:
    op.create_table(
        "box",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("push_url", sa.String(2048)),
        sa.Column("push_state", sa.String(8), nullable=False),
        sa.Column("push_attempts", sa.Integer, nullable=False),
        sa.Column("push_due_at", sa.BigInteger, nullable=False),
        sa.Column("push_claimed_until", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("kind", "owner"),
    )
    op.create_table(
        "message",
        sa.Column("seq", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("box", sa.String(64), nullable=False),
        sa.Column("jti", sa.String(64), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("commitment", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("arrived_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("error", sa.String(64)),
        sa.UniqueConstraint("box", "jti"),
    )
    op.create_index("ix_message_box_state", "message", ["box", "state", "seq"])
    op.create_index("ix_message_state_expiry", "message", ["state", "expires_at"])
