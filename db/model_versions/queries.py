"""Columns of model versions that are read with every job."""

from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.core.rows import get_table
from db.model_versions.tables import ModelVersion

_VERSIONS = get_table(ModelVersion)
_FIND_NUMBER = select(_VERSIONS.c.number).where(_VERSIONS.c.id == bindparam("version_id"))
_known: dict[UUID, int] = {}
"""Numbers by version id. They never change, and there are few versions."""


def find_number(session: Session, version_id: UUID) -> int:
    """Return the number of a version. Cached per process, and read without its manifest of 20 kB. Raises NoResultFound."""
    if version_id not in _known:
        _known[version_id] = session.execute(_FIND_NUMBER, {"version_id": version_id}).scalar_one()
    return _known[version_id]
