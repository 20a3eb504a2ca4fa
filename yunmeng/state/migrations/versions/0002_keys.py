"""Keys of the HTTP API, and why a job failed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the keys of the server, and the errors of jobs."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.add_column("jobs", sa.Column("error", sa.String))


def downgrade() -> None:
    """Remove these."""
    op.drop_column("jobs", "error")
    op.drop_table("api_keys")
