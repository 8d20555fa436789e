"""vote shares and conditions of faces

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("faces", sa.Column("vote_shares", sa.JSON(), nullable=True))
    op.add_column("faces", sa.Column("conditions", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("faces") as table:
        table.drop_column("conditions")
        table.drop_column("vote_shares")
