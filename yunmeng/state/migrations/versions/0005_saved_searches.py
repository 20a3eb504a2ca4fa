"""Searches with names."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table of saved searches."""
    op.create_table(
        "saved_searches",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("query", sa.String, nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Remove this table."""
    op.drop_table("saved_searches")
