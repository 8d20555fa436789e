"""blind votes, deciding votes, reports of faces, notes on versions

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_UNDECIDED = sa.text("label IS NULL AND vote_count > 1")


def upgrade() -> None:
    op.add_column("review_subjects", sa.Column("blind_label", sa.String(length=32), nullable=True))
    op.create_index(
        "ix_review_subjects_undecided",
        "review_subjects",
        ["id"],
        sqlite_where=_UNDECIDED,
        postgresql_where=_UNDECIDED,
    )
    for table, column in (
        ("review_items", "reserved_seen"),
        ("review_votes", "is_blind"),
        ("review_votes", "is_deciding"),
    ):
        op.add_column(table, sa.Column(column, sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "face_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("face_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("x", sa.Integer(), nullable=True),
        sa.Column("y", sa.Integer(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("actor_kind", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_face_reports_job_id_jobs"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["face_id"], ["faces.id"], name=op.f("fk_face_reports_face_id_faces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face_reports")),
    )
    op.create_index(op.f("ix_face_reports_job_id"), "face_reports", ["job_id"])
    op.create_index(op.f("ix_face_reports_face_id"), "face_reports", ["face_id"])
    op.create_table(
        "model_version_notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_version_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("actor_kind", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_model_version_notes_model_version_id_model_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_version_notes")),
    )
    op.create_index(op.f("ix_model_version_notes_model_version_id"), "model_version_notes", ["model_version_id"])
    op.create_index(op.f("ix_audit_events_at"), "audit_events", ["at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_events_at"), table_name="audit_events")
    op.drop_table("model_version_notes")
    op.drop_table("face_reports")
    for table, columns in (("review_votes", ("is_deciding", "is_blind")), ("review_items", ("reserved_seen",))):
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column)
    op.drop_index("ix_review_subjects_undecided", table_name="review_subjects")
    with op.batch_alter_table("review_subjects") as batch:
        batch.drop_column("blind_label")
