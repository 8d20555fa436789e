"""an index that finds the faces with several votes

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
oldest_revision = "0015"

_NAME = "ix_review_subjects_several_votes"
_SEVERAL = sa.text("vote_count > 1")


def upgrade() -> None:
    op.create_index(_NAME, "review_subjects", ["id"], sqlite_where=_SEVERAL, postgresql_where=_SEVERAL)


def downgrade() -> None:
    op.drop_index(_NAME, "review_subjects")
