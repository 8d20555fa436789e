"""What is read of model versions with every job."""

from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.core.rows import get_table
from db.model_versions.tables import ModelVersion

_VERSIONS = get_table(ModelVersion)
_FIND_NUMBER = select(_VERSIONS.c.number).where(_VERSIONS.c.id == bindparam("version_id"))
_known: dict[UUID, int] = {}
"""A version's number never changes, and there are few versions."""


def find_number(session: Session, version_id: UUID) -> int:
    """The number of a version. Read once a process, without its manifest of 20 kB. Raises NoResultFound."""
    if version_id not in _known:
        _known[version_id] = session.execute(_FIND_NUMBER, {"version_id": version_id}).scalar_one()
    return _known[version_id]
