"""Batches: photos submitted in one call."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert
from sqlalchemy.orm import Session

from db.core.rows import get_table
from db.core.types import utcnow
from db.jobs.tables import Batch


def create_batch(
    source: Connection | Session, batch_id: UUID, application_id: UUID, refused: Iterable[dict[str, Any]]
) -> None:
    """Store a batch; its jobs are created with its id. refused: position, filename, code and detail of each photo not taken."""
    values = {"id": batch_id, "application_id": application_id, "refused": list(refused), "created_at": utcnow()}
    source.execute(insert(get_table(Batch)), values)
