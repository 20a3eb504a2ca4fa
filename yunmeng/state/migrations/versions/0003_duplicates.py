"""Groups of duplicates, and what it takes to bring back those that were discarded."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables of duplicates."""
    op.create_table(
        "duplicate_searches",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.String),
    )
    op.create_table(
        "duplicate_groups",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("decided", sa.Boolean, nullable=False, index=True),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "duplicate_members",
        sa.Column("group_id", sa.Integer, sa.ForeignKey("duplicate_groups.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("picture", sa.JSON, nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("keep", sa.Boolean, nullable=False),
        sa.Column("record", sa.JSON),
        sa.Column("vector", sa.LargeBinary),
    )


def downgrade() -> None:
    """Remove these tables."""
    for table in ("duplicate_members", "duplicate_groups", "duplicate_searches"):
        op.drop_table(table)
