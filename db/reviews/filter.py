"""Which faces of the queue a reviewer wants."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement

from db.core.vocabulary import Emotion
from db.reviews.tables import ReviewItem


@dataclass(frozen=True, kw_only=True)
class ReviewFilter:
    """Which faces a reviewer wants; what is None doesn't restrict. Sizes: the box's shorter side, in pixels of the photo.

    Times: stored at or after, stored before.
    """

    emotion: Emotion | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    min_face_px: int | None = None
    max_face_px: int | None = None
    model_version: int | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None

    @property
    def picks_by_answer(self) -> bool:
        """Whether it looks at what the face or the model's answer is like, and not only at when and by which version."""
        return self.emotion is not None or bool(self.match_confidence() or self.match_size())

    def match(self) -> list[ColumnElement[bool]]:
        """The conditions for a face to fit."""
        return [*self.match_emotion(), *self.match_version(), *self.match_ranges()]

    def match_ranges(self) -> list[ColumnElement[bool]]:
        """Those of confidence, size and time."""
        return [*self.match_confidence(), *self.match_size(), *self.match_time()]

    def match_emotion(self) -> list[ColumnElement[bool]]:
        """That of the emotion."""
        return [] if self.emotion is None else [ReviewItem.emotion == self.emotion]

    def match_version(self) -> list[ColumnElement[bool]]:
        """That of the model version."""
        return [] if self.model_version is None else [ReviewItem.model_version == self.model_version]

    def match_confidence(self) -> list[ColumnElement[bool]]:
        """Those of the confidence."""
        low, high = self.min_confidence, self.max_confidence
        return [
            *([] if low is None else [ReviewItem.confidence >= low]),
            *([] if high is None else [ReviewItem.confidence <= high]),
        ]

    def match_size(self) -> list[ColumnElement[bool]]:
        """Those of the size."""
        low, high = self.min_face_px, self.max_face_px
        return [
            *([] if low is None else [ReviewItem.face_px >= low]),
            *([] if high is None else [ReviewItem.face_px <= high]),
        ]

    def match_time(self) -> list[ColumnElement[bool]]:
        """Those of the time."""
        since, before = self.created_from, self.created_before
        return [
            *([] if since is None else [ReviewItem.created_at >= since]),
            *([] if before is None else [ReviewItem.created_at < before]),
        ]


EVERY_FACE = ReviewFilter()
"""A filter that restricts nothing."""
