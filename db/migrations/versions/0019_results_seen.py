"""which reviewer has seen the result of which job

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None
oldest_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "result_views",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("reviewer", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_result_views_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "reviewer", name=op.f("pk_result_views")),
    )


def downgrade() -> None:
    op.drop_table("result_views")
