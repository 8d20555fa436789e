"""columns and tables take the names of the design: votes have choices, shadow mode has predictions

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COLUMNS = "probabilities, emotion, confidence, differs, created_at"


def upgrade() -> None:
    op.execute("ALTER TABLE review_votes RENAME COLUMN verdict TO choice")
    _move_table("shadow_judgments", "judged_by_id", "shadow_predictions", "predicted_by_id")


def downgrade() -> None:
    _move_table("shadow_predictions", "predicted_by_id", "shadow_judgments", "judged_by_id")
    op.execute("ALTER TABLE review_votes RENAME COLUMN choice TO verdict")


def _move_table(old: str, old_by: str, new: str, new_by: str) -> None:
    """Copy the rows into a table with other names: SQLite can't rename constraints."""
    op.create_table(
        new,
        sa.Column("face_id", sa.Uuid(), nullable=False),
        sa.Column("model_version_id", sa.Uuid(), nullable=False),
        sa.Column(new_by, sa.Uuid(), nullable=False),
        sa.Column("probabilities", sa.JSON(), nullable=False),
        sa.Column("emotion", sa.String(length=32), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("differs", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["face_id"], ["faces.id"], name=op.f(f"fk_{new}_face_id_faces"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint([new_by], ["model_versions.id"], name=op.f(f"fk_{new}_{new_by}_model_versions")),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_versions.id"], name=op.f(f"fk_{new}_model_version_id_model_versions")
        ),
        sa.PrimaryKeyConstraint("face_id", "model_version_id", name=op.f(f"pk_{new}")),
    )
    op.execute(
        f"INSERT INTO {new} (face_id, model_version_id, {new_by}, {_COLUMNS}) "  # noqa: S608 - our own names
        f"SELECT face_id, model_version_id, {old_by}, {_COLUMNS} FROM {old}"
    )
    op.drop_table(old)
    op.create_index(
        op.f(f"ix_{new}_model_version_id_{new_by}_differs_face_id"),
        new,
        ["model_version_id", new_by, "differs", "face_id"],
        unique=False,
    )
