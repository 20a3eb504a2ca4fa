"""The URLs that a server watches, and what is known of the pictures that a watch has fetched."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the tables of watches, and of URLs that were fetched."""
    op.create_table(
        "copyright_fetched",
        sa.Column("url_sha256", sa.String(64), primary_key=True),
        sa.Column("etag", sa.String(1000), nullable=False),
        sa.Column("modified", sa.String(100), nullable=False),
        sa.Column("picture_sha256", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "copyright_watches",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("url", sa.JSON, nullable=False),
        sa.Column("every", sa.Integer, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("round_at", sa.DateTime(timezone=True)),
        sa.Column("pictures", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("problem", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Remove these tables."""
    for table in ("copyright_watches", "copyright_fetched"):
        op.drop_table(table)
