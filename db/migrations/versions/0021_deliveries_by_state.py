"""an index that finds a webhook's deliveries in a state

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None
oldest_revision = "0015"

_NAME = "ix_webhook_deliveries_endpoint_id_state_id"


def upgrade() -> None:
    op.create_index(_NAME, "webhook_deliveries", ["endpoint_id", "state", "id"])


def downgrade() -> None:
    op.drop_index(_NAME, "webhook_deliveries")
