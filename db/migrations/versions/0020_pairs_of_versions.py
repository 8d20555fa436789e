"""an index that finds the judged faces that two versions analysed

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None
oldest_revision = "0015"

_NAME = "ix_review_items_subject_id_model_version"
_LABELLED = sa.text("subject_id IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        _NAME,
        "review_items",
        ["subject_id", "model_version"],
        sqlite_where=_LABELLED,
        postgresql_where=_LABELLED,
    )


def downgrade() -> None:
    op.drop_index(_NAME, "review_items")
