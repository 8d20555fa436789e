"""which faces were drawn by chance and judged in their turn, and locks for names that nobody has

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("review_subjects", sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True))
    # Whether a vote of before was cast in turn isn't known; the pages let nobody vote otherwise.
    op.execute("UPDATE review_subjects SET drawn_at = created_at WHERE slice = 'random'")
    op.drop_column("review_subjects", "slice")
    op.add_column("users", sa.Column("last_tried_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "unknown_names",
        sa.Column("name_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("failed_attempts", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name_hash", name=op.f("pk_unknown_names")),
    )
    op.create_index("ix_unknown_names_last_tried_at", "unknown_names", ["last_tried_at"])


def downgrade() -> None:
    op.drop_table("unknown_names")
    op.drop_column("users", "last_tried_at")
    op.add_column(
        "review_subjects", sa.Column("slice", sa.String(length=32), nullable=False, server_default="uncertain")
    )
    op.execute("UPDATE review_subjects SET slice = 'random' WHERE drawn_at IS NOT NULL")
    op.drop_column("review_subjects", "drawn_at")
