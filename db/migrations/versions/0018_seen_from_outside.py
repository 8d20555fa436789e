"""jobs know their request, faces how they were found, workers their options; the release before 0016 works again

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
oldest_revision = "0015"

_COUNTS = ("photo_count", "refused_count")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("request_id", sa.String(64), nullable=True))
    op.add_column("jobs", sa.Column("traceparent", sa.String(55), nullable=True))
    op.add_column("faces", sa.Column("runtime", sa.String(50), nullable=True))
    op.add_column("faces", sa.Column("detection_threshold", sa.REAL(), nullable=True))
    op.add_column("workers", sa.Column("options", sa.JSON(), nullable=True))
    op.add_column("workers", sa.Column("memory_bytes", sa.BigInteger(), nullable=True))
    # 0016 dropped a column that the release before it writes, and added two that it doesn't know.
    op.add_column("batches", sa.Column("refused", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("batches") as table:
        for name in _COUNTS:
            table.alter_column(name, existing_type=sa.Integer(), existing_nullable=False, server_default="0")


def downgrade() -> None:
    with op.batch_alter_table("batches") as table:
        for name in _COUNTS:
            table.alter_column(name, existing_type=sa.Integer(), existing_nullable=False, server_default=None)
        table.drop_column("refused")
    with op.batch_alter_table("workers") as table:
        for name in ("memory_bytes", "options"):
            table.drop_column(name)
    with op.batch_alter_table("faces") as table:
        for name in ("detection_threshold", "runtime"):
            table.drop_column(name)
    with op.batch_alter_table("jobs") as table:
        for name in ("traceparent", "request_id"):
            table.drop_column(name)
