"""Filters of the review queue."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select

from db.core.vocabulary import Emotion
from db.faces.tables import Face
from db.jobs.tables import Job
from db.reviews.tables import ReviewItem

NEWEST_JOBS = 2000
"""Newest jobs of an application or batch that are searched: no index of the queue has the application."""

NEWEST_FACES = 5000
"""Number of faces after which no older job is searched."""


@dataclass(frozen=True, kw_only=True)
class ReviewFilter:
    """Filter of the review queue; None doesn't restrict. Sizes: shorter side of the box, in pixels of the photo.

    Times: stored since (inclusive), before (exclusive). application_id, batch_id: faces of its newest jobs, limited by NEWEST_JOBS
    and NEWEST_FACES.
    """

    emotion: Emotion | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    min_face_px: int | None = None
    max_face_px: int | None = None
    model_version: int | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    application_id: UUID | None = None
    batch_id: UUID | None = None
    job_id: UUID | None = None
    face_ids: tuple[UUID, ...] = ()

    @property
    def depends_on_prediction(self) -> bool:
        """Whether it depends on the face or its prediction, not only on time and version. Filters by job or face count as such."""
        return self.emotion is not None or self.picks_by_job or bool(self.match_confidence() or self.match_size())

    @property
    def picks_by_job(self) -> bool:
        """Whether it names faces, or jobs by one of their keys."""
        return bool(self.face_ids) or any(key is not None for key in (self.application_id, self.batch_id, self.job_id))

    def match_job(self) -> list[ColumnElement[bool]]:
        """Return the conditions on named jobs and faces."""
        conditions: list[ColumnElement[bool]] = []
        if self.face_ids:
            conditions.append(ReviewItem.face_id.in_(self.face_ids))
        if self.job_id is not None:
            conditions.append(ReviewItem.face_id.in_(select(Face.id).where(Face.job_id == self.job_id)))
        for column, key in ((Job.application_id, self.application_id), (Job.batch_id, self.batch_id)):
            if key is not None:
                conditions.append(ReviewItem.face_id.in_(_select_newest_faces(column == key)))
        return conditions

    def match(self) -> list[ColumnElement[bool]]:
        """Return all conditions."""
        return [*self.match_emotion(), *self.match_version(), *self.match_ranges(), *self.match_job()]

    def match_ranges(self) -> list[ColumnElement[bool]]:
        """Return the conditions on confidence, size and time."""
        return [*self.match_confidence(), *self.match_size(), *self.match_time()]

    def match_emotion(self) -> list[ColumnElement[bool]]:
        """Return the condition on the emotion."""
        return [] if self.emotion is None else [ReviewItem.emotion == self.emotion]

    def match_version(self) -> list[ColumnElement[bool]]:
        """Return the condition on the model version."""
        return [] if self.model_version is None else [ReviewItem.model_version == self.model_version]

    def match_confidence(self) -> list[ColumnElement[bool]]:
        """Return the conditions on the confidence."""
        low, high = self.min_confidence, self.max_confidence
        return [
            *([] if low is None else [ReviewItem.confidence >= low]),
            *([] if high is None else [ReviewItem.confidence <= high]),
        ]

    def match_size(self) -> list[ColumnElement[bool]]:
        """Return the conditions on the size."""
        low, high = self.min_face_px, self.max_face_px
        return [
            *([] if low is None else [ReviewItem.face_px >= low]),
            *([] if high is None else [ReviewItem.face_px <= high]),
        ]

    def match_time(self) -> list[ColumnElement[bool]]:
        """Return the conditions on the time."""
        since, before = self.created_from, self.created_before
        return [
            *([] if since is None else [ReviewItem.created_at >= since]),
            *([] if before is None else [ReviewItem.created_at < before]),
        ]


EVERY_FACE = ReviewFilter()
"""A filter without restrictions."""


def _select_newest_faces(condition: ColumnElement[bool]) -> Select[UUID]:
    jobs = select(Job.id, Job.face_count).where(condition).order_by(Job.id.desc()).limit(NEWEST_JOBS).subquery()
    faces = func.coalesce(jobs.c.face_count, 0)
    counted = select(jobs.c.id, (func.sum(faces).over(order_by=jobs.c.id.desc()) - faces).label("before")).subquery()
    return select(Face.id).where(Face.job_id.in_(select(counted.c.id).where(counted.c.before < NEWEST_FACES)))
