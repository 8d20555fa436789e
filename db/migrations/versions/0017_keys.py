"""keys expire, have limits of their own and are counted by day; applications declare a purpose

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
oldest_revision = "0012"


def upgrade() -> None:
    op.add_column("applications", sa.Column("purpose", sa.String(length=32), nullable=True))
    op.add_column("api_keys", sa.Column("description", sa.String(length=200), nullable=True))
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("api_keys", sa.Column("rate_limit", sa.String(length=50), nullable=True))
    op.add_column("api_keys", sa.Column("daily_quota", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("key_id", sa.Uuid(), nullable=True))
    op.create_table(
        "key_usage",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("photos", sa.BigInteger(), nullable=False),
        sa.Column("faces", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name=op.f("fk_key_usage_key_id_api_keys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_id", "day", name=op.f("pk_key_usage")),
    )


def downgrade() -> None:
    op.drop_table("key_usage")
    op.drop_column("jobs", "key_id")
    for column in ("daily_quota", "rate_limit", "expires_at", "description"):
        op.drop_column("api_keys", column)
    op.drop_column("applications", "purpose")
