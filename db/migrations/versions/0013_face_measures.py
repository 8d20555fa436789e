"""landmarks, pose and quality of faces

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
oldest_revision = "0012"

_MEASURES = ("roll_deg", "yaw_deg", "sharpness", "brightness", "inside_share")


def upgrade() -> None:
    op.add_column("faces", sa.Column("landmarks", sa.JSON(), nullable=True))
    for name in _MEASURES:
        op.add_column("faces", sa.Column(name, sa.REAL(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("faces") as table:
        for name in ("landmarks", *_MEASURES):
            table.drop_column(name)
