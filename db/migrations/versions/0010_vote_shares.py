"""vote shares and conditions of faces

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("faces", sa.Column("vote_shares", sa.JSON(), nullable=True))
    op.add_column("faces", sa.Column("conditions", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("faces") as table:
        table.drop_column("conditions")
        table.drop_column("vote_shares")
