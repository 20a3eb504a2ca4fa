"""What is known of the URLs that a watch has fetched: they are fetched again where they may have changed."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table of URLs that were fetched."""
    op.create_table(
        "copyright_fetched",
        sa.Column("url_sha256", sa.String(64), primary_key=True),
        sa.Column("etag", sa.String(1000), nullable=False),
        sa.Column("modified", sa.String(100), nullable=False),
        sa.Column("picture_sha256", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("copyright_fetched")
