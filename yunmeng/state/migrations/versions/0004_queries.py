"""The log of queries."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table of queries."""
    op.create_table(
        "queries",
        sa.Column("picture", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.Column("wanted", sa.JSON, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_queries_count", "queries", ["count"])
    op.create_index("ix_queries_last_at", "queries", ["last_at"])


def downgrade() -> None:
    """Remove this table."""
    op.drop_table("queries")
