"""vote shares and conditions of faces

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("faces", sa.Column("vote_shares", sa.JSON(), nullable=True))
    op.add_column("faces", sa.Column("conditions", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("faces") as table:
        table.drop_column("conditions")
        table.drop_column("vote_shares")
