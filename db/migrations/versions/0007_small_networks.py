"""the network that was called default is called small

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Every version stored so far has a manifest of form 1, where `default` means this network.
    op.execute("UPDATE model_versions SET architecture = 'small' WHERE architecture = 'default'")


def downgrade() -> None:
    op.execute("UPDATE model_versions SET architecture = 'default' WHERE architecture = 'small'")
