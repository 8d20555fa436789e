"""Batches: photos submitted in one call."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from db.jobs.tables import Batch


def create_batch(session: Session, batch_id: UUID, application_id: UUID, refused: Iterable[dict[str, Any]]) -> Batch:
    """Store a batch; its jobs are created with its id. refused: position, filename, code and detail of each photo not taken."""
    batch = Batch(id=batch_id, application_id=application_id, refused=list(refused))
    session.add(batch)
    session.flush()
    return batch
