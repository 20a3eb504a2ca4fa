"""Copies of registered works that were found while watching, and what was seen and marked as a false alarm."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the tables of findings, of pictures that were seen, and of false alarms."""
    op.create_table(
        "copyright_findings",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("source", sa.JSON, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("pdq", sa.String(64), nullable=False),
        sa.Column("work", sa.Integer, nullable=False),
        sa.Column("found", sa.JSON, nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dismissed", sa.Boolean, nullable=False, index=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), index=True),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "copyright_seen",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "copyright_dismissals",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("work", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("pdq", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    """Remove these tables."""
    for table in ("copyright_dismissals", "copyright_seen", "copyright_findings"):
        op.drop_table(table)
