"""The base class of all tables. Primary keys are UUIDv7, so they sort by time.

Every listed, filtered or sorted column has an index.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    MetaData,
)
from sqlalchemy.orm import DeclarativeBase

from db.core.types import UtcDateTime, Word
from db.core.vocabulary import Detector, Emotion, JobStatus, Priority, WorkerState


class Base(DeclarativeBase):
    """Names every constraint, so that migrations can refer to it on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[float]: JSON,
        list[str]: JSON,
        list[str]: JSON,
        Emotion: Word(Emotion),
        Detector: Word(Detector),
        JobStatus: Word(JobStatus),
        Priority: Word(Priority),
        WorkerState: Word(WorkerState),
    }
