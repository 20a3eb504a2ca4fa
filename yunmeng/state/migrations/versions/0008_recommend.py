"""Recommendations."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the tables of events, of popular pictures and of muted tastes."""
    op.create_table(
        "recommend_events",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("user", sa.String(200), nullable=False),
        sa.Column("picture", sa.String, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("ix_recommend_events_user", "recommend_events", ["user", "at"])
    op.create_index("ix_recommend_events_picture", "recommend_events", ["picture"])
    op.create_table(
        "recommend_popularity",
        sa.Column("picture", sa.String, primary_key=True),
        sa.Column("weight", sa.Float, nullable=False),
    )
    op.create_index("ix_recommend_popularity_weight", "recommend_popularity", ["weight"])
    op.create_table(
        "recommend_muted",
        sa.Column("user", sa.String(200), primary_key=True),
        sa.Column("picture", sa.String, primary_key=True),
    )


def downgrade() -> None:
    """Remove these tables."""
    for table in ("recommend_muted", "recommend_popularity", "recommend_events"):
        op.drop_table(table)
