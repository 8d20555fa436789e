"""actors carry their kind: a user and an application of the same name are two; workers say which detectors they have

Expands only: the columns may be empty, as in the rows that are there and in those of the previous release.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLES = ("job_events", "audit_events", "promotions", "training_runs")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("actor_kind", sa.String(length=32), nullable=True))
    op.add_column("workers", sa.Column("detectors", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "detectors")
    for table in _TABLES:
        op.drop_column(table, "actor_kind")
