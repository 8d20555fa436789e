"""what a challenger says of live faces

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shadow_judgments",
        sa.Column("face_id", sa.Uuid(), nullable=False),
        sa.Column("model_version_id", sa.Uuid(), nullable=False),
        sa.Column("judged_by_id", sa.Uuid(), nullable=False),
        sa.Column("probabilities", sa.JSON(), nullable=False),
        sa.Column("emotion", sa.String(length=32), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("differs", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["face_id"], ["faces.id"], name=op.f("fk_shadow_judgments_face_id_faces"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["judged_by_id"], ["model_versions.id"], name=op.f("fk_shadow_judgments_judged_by_id_model_versions")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_shadow_judgments_model_version_id_model_versions"),
        ),
        sa.PrimaryKeyConstraint("face_id", "model_version_id", name=op.f("pk_shadow_judgments")),
    )
    with op.batch_alter_table("shadow_judgments", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_shadow_judgments_model_version_id_judged_by_id_differs_face_id"),
            ["model_version_id", "judged_by_id", "differs", "face_id"],
            unique=False,
        )


def downgrade() -> None:
    op.drop_table("shadow_judgments")
