"""reviews, training runs, users, audit log, key scopes

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_events_action_id"), ["action", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_events_actor_id"), ["actor", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_events_subject_id"), ["subject", "id"], unique=False)

    op.create_table(
        "review_subjects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("photo_sha256", sa.String(length=64), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("crop", sa.LargeBinary(), nullable=False),
        sa.Column("slice", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=32), nullable=True),
        sa.Column("vote_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("labeled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_subjects")),
    )
    with op.batch_alter_table("review_subjects", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_subjects_labeled_at"), ["labeled_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_review_subjects_photo_sha256"), ["photo_sha256"], unique=False)

    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("failed_attempts", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )
    op.create_table(
        "training_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.String(length=20), nullable=True),
        sa.Column("trigger", sa.String(length=32), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_by", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dataset_sha256", sa.String(length=64), nullable=True),
        sa.Column("audit", sa.JSON(), nullable=True),
        sa.Column("champion_id", sa.Uuid(), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("challenger_id", sa.Uuid(), nullable=True),
        sa.Column("gate", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error_code", sa.String(length=50), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["challenger_id"], ["model_versions.id"], name=op.f("fk_training_runs_challenger_id_model_versions")
        ),
        sa.ForeignKeyConstraint(
            ["champion_id"], ["model_versions.id"], name=op.f("fk_training_runs_champion_id_model_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_runs")),
        sa.UniqueConstraint("lane", name=op.f("uq_training_runs_lane")),
        sa.UniqueConstraint("slot", name=op.f("uq_training_runs_slot")),
    )
    with op.batch_alter_table("training_runs", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_training_runs_status_lease_expires_at"), ["status", "lease_expires_at"], unique=False
        )

    op.create_table(
        "user_sessions",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_sessions_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_user_sessions")),
    )
    with op.batch_alter_table("user_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_user_sessions_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_user_sessions_user_id"), ["user_id"], unique=False)

    op.create_table(
        "training_corrections",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("emotion", sa.String(length=32), nullable=False),
        sa.Column("refusal", sa.String(length=50), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["training_runs.id"],
            name=op.f("fk_training_corrections_run_id_training_runs"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["review_subjects.id"],
            name=op.f("fk_training_corrections_subject_id_review_subjects"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "subject_id", name=op.f("pk_training_corrections")),
    )
    with op.batch_alter_table("training_corrections", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_training_corrections_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "review_items",
        sa.Column("face_id", sa.Uuid(), nullable=False),
        sa.Column("slice", sa.String(length=32), nullable=False),
        sa.Column("rank", sa.Double(), nullable=False),
        sa.Column("emotion", sa.String(length=32), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("face_px", sa.Integer(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("votes_wanted", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reserved_by", sa.String(length=200), nullable=True),
        sa.Column("reserved_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["face_id"], ["faces.id"], name=op.f("fk_review_items_face_id_faces"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["review_subjects.id"],
            name=op.f("fk_review_items_subject_id_review_subjects"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("face_id", name=op.f("pk_review_items")),
    )
    with op.batch_alter_table("review_items", schema=None) as batch_op:
        batch_op.create_index(
            "ix_review_items_open_emotion",
            ["slice", "emotion", "rank", "model_version", "confidence", "face_px", "created_at"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.create_index(
            "ix_review_items_open_rank",
            ["slice", "rank", "emotion", "model_version", "confidence", "face_px", "created_at"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.create_index(
            "ix_review_items_open_version",
            ["slice", "model_version", "rank", "emotion", "confidence", "face_px", "created_at"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.create_index(
            "ix_review_items_period", ["created_at", "emotion", "confidence", "face_px"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_review_items_subject_id"),
            ["subject_id"],
            unique=False,
            sqlite_where=sa.text("subject_id IS NOT NULL"),
            postgresql_where=sa.text("subject_id IS NOT NULL"),
        )

    op.create_table(
        "review_votes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("face_id", sa.Uuid(), nullable=True),
        sa.Column("reviewer", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("predicted", sa.String(length=32), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["face_id"], ["faces.id"], name=op.f("fk_review_votes_face_id_faces"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"],
            ["review_votes.id"],
            name=op.f("fk_review_votes_replaces_id_review_votes"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["review_subjects.id"],
            name=op.f("fk_review_votes_subject_id_review_subjects"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_votes")),
    )
    with op.batch_alter_table("review_votes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_votes_face_id_reviewer"), ["face_id", "reviewer"], unique=False)
        batch_op.create_index(batch_op.f("ix_review_votes_replaces_id"), ["replaces_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_review_votes_reviewer_id"), ["reviewer", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_review_votes_subject_id"), ["subject_id"], unique=False)
        batch_op.create_index(
            "uq_review_votes_standing",
            ["subject_id", "reviewer"],
            unique=True,
            sqlite_where=sa.text("withdrawn_at IS NULL"),
            postgresql_where=sa.text("withdrawn_at IS NULL"),
        )

    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scopes", sa.JSON(), server_default='["submit"]', nullable=False))

    _queue_stored_faces()


def _queue_stored_faces() -> None:
    """Give each face that is stored already its place in the review queue; one in eight by chance alone."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    random = "(abs(random()) / 9223372036854775808.0)" if is_sqlite else "random()"
    op.execute(
        "INSERT INTO review_items (face_id, slice, rank, emotion, confidence, face_px, model_version, created_at, votes_wanted)"
        " SELECT faces.id, 'uncertain', faces.margin, faces.emotion, faces.confidence,"
        " CASE WHEN faces.width < faces.height THEN faces.width ELSE faces.height END, model_versions.number, faces.created_at, 1"
        " FROM faces JOIN model_versions ON model_versions.id = faces.model_version_id"
    )
    op.execute(f"UPDATE review_items SET slice = 'random', rank = {random} WHERE {random} < 0.125")  # noqa: S608


def downgrade() -> None:
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_column("scopes")

    with op.batch_alter_table("review_votes", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_review_votes_standing",
            sqlite_where=sa.text("withdrawn_at IS NULL"),
            postgresql_where=sa.text("withdrawn_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_review_votes_subject_id"))
        batch_op.drop_index(batch_op.f("ix_review_votes_reviewer_id"))
        batch_op.drop_index(batch_op.f("ix_review_votes_replaces_id"))
        batch_op.drop_index(batch_op.f("ix_review_votes_face_id_reviewer"))

    op.drop_table("review_votes")
    with op.batch_alter_table("review_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_items_subject_id"))
        batch_op.drop_index("ix_review_items_period")
        batch_op.drop_index(
            "ix_review_items_open_version",
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_review_items_open_rank",
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_review_items_open_emotion",
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.drop_table("review_items")
    with op.batch_alter_table("training_corrections", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_training_corrections_subject_id"))

    op.drop_table("training_corrections")
    with op.batch_alter_table("user_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_user_sessions_user_id"))
        batch_op.drop_index(batch_op.f("ix_user_sessions_expires_at"))

    op.drop_table("user_sessions")
    with op.batch_alter_table("training_runs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_training_runs_status_lease_expires_at"))

    op.drop_table("training_runs")
    op.drop_table("users")
    with op.batch_alter_table("review_subjects", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_subjects_photo_sha256"))
        batch_op.drop_index(batch_op.f("ix_review_subjects_labeled_at"))

    op.drop_table("review_subjects")
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_events_subject_id"))
        batch_op.drop_index(batch_op.f("ix_audit_events_actor_id"))
        batch_op.drop_index(batch_op.f("ix_audit_events_action_id"))

    op.drop_table("audit_events")
