"""batches as objects, photos by URL, exports

Revision ID: 0016
Revises: 0015
"""

import json

import sqlalchemy as sa
from alembic import op

from db.core.types import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
oldest_revision = "0016"

_MOMENTS = ("closed_at", "finished_at", "canceled_at", "erased_at")


def upgrade() -> None:
    for name in _MOMENTS:
        op.add_column("batches", sa.Column(name, UtcDateTime(), nullable=True))
    for name in ("photo_count", "refused_count"):
        op.add_column("batches", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "batch_refusals",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(255), nullable=True),
        sa.Column("code", sa.String(50), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_batch_refusals_batch_id_batches"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_id", "position", name=op.f("pk_batch_refusals")),
    )
    op.create_table(
        "batch_counts",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("succeeded", "failed", "canceled", "erased")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_batch_counts_batch_id_batches"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_id", "lane", name=op.f("pk_batch_counts")),
    )
    _count_old_batches()
    with op.batch_alter_table("batches") as table:
        table.drop_column("refused")
        for name in ("photo_count", "refused_count"):
            table.alter_column(name, server_default=None)
    op.create_index(op.f("ix_batches_finished_at_closed_at"), "batches", ["finished_at", "closed_at"])
    op.add_column("jobs", sa.Column("source_url", sa.Text(), nullable=True))
    op.create_table(
        "photo_fetches",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_photo_fetches_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_photo_fetches")),
    )
    op.create_index(op.f("ix_photo_fetches_next_try_at"), "photo_fetches", ["next_try_at"])
    op.create_table(
        "exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("rows", sa.String(32), nullable=False),
        sa.Column("format", sa.String(32), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_expires_at", UtcDateTime(), nullable=True),
        sa.Column("jobs_total", sa.Integer(), nullable=True),
        sa.Column("jobs_done", sa.Integer(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("error_code", sa.String(50), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["applications.id"],
            name=op.f("fk_exports_application_id_applications"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    op.create_index(op.f("ix_exports_application_id_id"), "exports", ["application_id", "id"])
    op.create_index(op.f("ix_exports_status_lease_expires_at"), "exports", ["status", "lease_expires_at"])
    op.create_index(op.f("ix_exports_expires_at"), "exports", ["expires_at"])


def _count_old_batches() -> None:
    """They take no more photos, and those without an active job are finished."""
    bind = op.get_bind()
    found = bind.execute(sa.text("SELECT id, refused FROM batches")).all()
    refusals = sa.table(
        "batch_refusals",
        sa.column("batch_id"),
        sa.column("position", sa.Integer()),
        sa.column("filename", sa.String()),
        sa.column("code", sa.String()),
        sa.column("detail", sa.Text()),
    )
    for batch_id, stored in found:
        refused = json.loads(stored) if isinstance(stored, str) else stored or []
        for each in refused:
            bind.execute(refusals.insert().values(batch_id=batch_id, **each))
        bind.execute(
            sa.text("UPDATE batches SET refused_count = :count WHERE id = :id"), {"count": len(refused), "id": batch_id}
        )
    bind.execute(
        sa.text(
            "INSERT INTO batch_counts (batch_id, lane, succeeded, failed, canceled, erased) "
            "SELECT batch_id, 0, SUM(CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END), "
            "SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END), SUM(CASE WHEN status = 'canceled' THEN 1 ELSE 0 END), 0 "
            "FROM jobs WHERE batch_id IS NOT NULL GROUP BY batch_id"
        )
    )
    bind.execute(
        sa.text(
            "UPDATE batches SET closed_at = created_at, photo_count = refused_count + "
            "(SELECT COUNT(*) FROM jobs WHERE jobs.batch_id = batches.id)"
        )
    )
    bind.execute(
        sa.text(
            "UPDATE batches SET finished_at = created_at WHERE NOT EXISTS "
            "(SELECT 1 FROM jobs WHERE jobs.batch_id = batches.id AND jobs.status IN ('queued', 'running'))"
        )
    )


def downgrade() -> None:
    op.drop_table("exports")
    op.drop_table("photo_fetches")
    with op.batch_alter_table("jobs") as table:
        table.drop_column("source_url")
    op.drop_index(op.f("ix_batches_finished_at_closed_at"), "batches")
    op.drop_table("batch_counts")
    op.drop_table("batch_refusals")
    with op.batch_alter_table("batches") as table:
        table.add_column(sa.Column("refused", sa.JSON(), nullable=False, server_default="[]"))
        for name in (*_MOMENTS, "photo_count", "refused_count"):
            table.drop_column(name)
