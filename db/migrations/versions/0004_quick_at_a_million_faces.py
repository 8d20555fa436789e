"""counts of faces by hour, and indexes for what few faces have

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPEN = sa.text("closed_at IS NULL")
_JUDGED = sa.text("subject_id IS NOT NULL")
_RESERVED = sa.text("reserved_by IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "face_hours",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("emotion", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("faces", sa.Integer(), nullable=False),
        sa.Column("confidence_sum", sa.Double(), nullable=False),
        sa.Column("face_px_sum", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "emotion", "lane", name=op.f("pk_face_hours")),
    )
    for name, columns in {
        "size": ("face_px", "rank", "emotion", "model_version", "confidence", "created_at"),
        "confidence": ("confidence", "rank", "emotion", "model_version", "face_px", "created_at"),
        "time": ("model_version", "created_at", "rank", "emotion", "confidence", "face_px"),
    }.items():
        _create_index(f"ix_review_items_open_{name}", ["slice", *columns], _OPEN)
    _create_index("ix_review_items_judged", ["slice", "created_at", "subject_id", "emotion"], _JUDGED)
    _create_index("ix_review_items_reserved_by", ["reserved_by"], _RESERVED)
    op.create_index("ix_jobs_photo_sha256", "jobs", ["photo_sha256"])
    _count_stored_faces()


def _create_index(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "review_items", columns, sqlite_where=where, postgresql_where=where)


def _count_stored_faces() -> None:
    """Count each face that is stored already in its hour."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    hour = "strftime('%Y-%m-%d %H:00:00.000000', created_at)" if is_sqlite else "date_trunc('hour', created_at, 'UTC')"
    op.execute(
        "INSERT INTO face_hours (hour, emotion, lane, faces, confidence_sum, face_px_sum)"  # noqa: S608
        f" SELECT {hour}, emotion, 0, count(*), sum(confidence), sum(face_px) FROM review_items GROUP BY 1, 2"
    )


def downgrade() -> None:
    op.drop_index("ix_jobs_photo_sha256", "jobs")
    for name in ("reserved_by", "judged", "open_time", "open_confidence", "open_size"):
        op.drop_index(f"ix_review_items_{name}", "review_items")
    op.drop_table("face_hours")
