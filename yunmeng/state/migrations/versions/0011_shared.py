"""Leases of jobs, and the name of the contents, for libraries that many processes share."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add who runs a job and until when, the name of the contents, and the writes under way."""
    op.add_column("jobs", sa.Column("runner", sa.String(32)))
    op.add_column("jobs", sa.Column("lease_until", sa.DateTime(timezone=True)))
    op.create_table(
        "contents",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("moving_until", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "content_writes",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Remove these."""
    op.drop_table("content_writes")
    op.drop_table("contents")
    op.drop_column("jobs", "lease_until")
    op.drop_column("jobs", "runner")
