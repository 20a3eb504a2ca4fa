"""The words of records, for libraries on PostgreSQL whose store has no full text. Nothing on SQLite."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

revision = "0012"
down_revision = "0011"


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def upgrade() -> None:
    """Add the words, the records whose words may be out of date, and how far each store has been read."""
    if not _on_postgresql():
        return
    op.create_table(
        "record_words",
        sa.Column("store", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("words", TSVECTOR, nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("attributes", JSONB, nullable=False),
    )
    op.create_index("ix_record_words_words", "record_words", ["words"], postgresql_using="gin")
    op.create_table(
        "record_words_unsettled",
        sa.Column("store", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
    )
    op.create_table(
        "record_words_read",
        sa.Column("store", sa.String, primary_key=True),
        sa.Column("sha256", sa.String),
        sa.Column("id", sa.String),
        sa.Column("complete", sa.Boolean, nullable=False),
    )


def downgrade() -> None:
    """Remove these."""
    if _on_postgresql():
        for table in ("record_words_read", "record_words_unsettled", "record_words"):
            op.drop_table(table)
