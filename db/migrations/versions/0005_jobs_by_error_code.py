"""an index for jobs by their error code

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    has_error = sa.text("error_code IS NOT NULL")
    op.create_index(
        "ix_jobs_error_code_id", "jobs", ["error_code", "id"], sqlite_where=has_error, postgresql_where=has_error
    )


def downgrade() -> None:
    op.drop_index("ix_jobs_error_code_id", "jobs")
